"""Training on rows beyond memory: folders of Parquet files of growing size, at a budget, beside the same rows in memory.

    python benchmarks/beyond_memory.py TAUTNET OUT.csv FOLDER[:BUDGET]...

FOLDER has files with columns x0, x1, … and y; FOLDER:memory trains on its one file in memory. Times of the processor are told beside those of
the wall, for machines that have other work too.
"""

import csv
import json
import pathlib
import re
import resource
import subprocess
import sys
import time

SETTINGS = ["--hidden", "50", "--lipschitz-price", "0.01", "--tol", "1e-6", "--json", "--quiet"]


def run(command):
    """What a command prints as JSON, its seconds, those of the processor, and the most memory that it had, in MiB."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = 0
    # The program's own peak, and not that of whatever ran before.
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) // 1024)
        except (AttributeError, OSError):
            pass
        time.sleep(0.05)
    out, lines = process.communicate()
    if process.returncode:
        sys.exit(lines)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(out), seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def measured(program, folder, budget):
    files = sorted(pathlib.Path(folder).glob("*.parquet"))
    data = [str(files[0])] if budget == "memory" else [str(folder), "--memory", budget]
    found, seconds, processor, peak = run([program, "train", *data, *SETTINGS])
    beyond = found.get("beyond_memory", {})
    return {
        "rows": found["rows"]["learned"],
        "inputs": found["inputs"],
        "units": 50,
        "bytes": sum(file.stat().st_size for file in files),
        "budget": budget,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(processor, 1),
        "peak_mib": peak,
        "passes": beyond.get("passes", ""),
        "members": beyond.get("members", ""),
        "iterations": found["iterations"],
        "gap": found["duality_gap"],
        "loss_start": found["before"]["loss"],
        "loss": found["loss"],
        "ending": found["ending"],
    }


def main():
    program, out, *asked = sys.argv[1:]
    rows = []
    for one in asked:
        folder, _, budget = one.partition(":")
        rows.append(measured(program, folder, budget or "1GiB"))
        print(rows[-1], flush=True)
        with open(out, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
