"""Run one command, measure it, and stop it at a cap.

    launch.py REPORT.json CAP|none COMMAND...

A process of its own because Linux counts the memory of the process that forks towards the peak of the child: this one
stays small (about 10 MiB), whatever the benchmark around it holds. Writes {"wall", "cpu", "peak", "exit", "stopped"}, the
peak in MiB.
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time


def main():
    report, cap, *command = sys.argv[1:]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    stopped = threading.Event()

    def stop():
        stopped.set()
        process.send_signal(signal.SIGKILL)

    timer = None if cap == "none" else threading.Timer(float(cap), stop)
    if timer:
        timer.start()
    # wait4 and not wait: only it tells the child's own peak memory.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if timer:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1024 if sys.platform == "linux" else 1024**2
    facts = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / unit,
             "exit": process.returncode, "stopped": stopped.is_set()}
    with open(report, "w") as file:
        json.dump(facts, file)


if __name__ == "__main__":
    main()
