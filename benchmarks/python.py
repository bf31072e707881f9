"""What does a fit cost more from Python than from Rust?

The same fit, at λ = 0.01 with 100 hidden units, from rows in memory to a model whose certificate has passed
the verifier: by a Rust caller (`fit_race`) and by `LipschitzRegressor.fit`, in turn. The objectives must be equal. Needs the
package in the environment that runs this, or in the one whose interpreter TAUTNET_PYTHON names.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

from common import ROOT, data_set, median, write_rows, write_table

CASES = {"wine": 100, "machine": 100}
PRICE = "0.01"


def run(setup):
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "tautnet-models", "--example", "fit_race"],
                   cwd=ROOT, check=True)
    python = os.environ.get("TAUTNET_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import tautnet"], capture_output=True).returncode != 0:
        print("python: the package is not installed beside", python)
        return
    callers = {"rust": [str(ROOT / "target" / "release" / "examples" / "fit_race")],
               "python": [python, str(ROOT / "benchmarks" / "python_fit.py")]}
    rows = []
    print("| data | Rust, median of the fit | Python | more |\n|---|---|---|---|")
    for name in filter(setup.wants, CASES):
        data = data_set(name)
        if data is None:
            print(f"{name}: not in TAUTNET_DATA")
            continue
        seconds = {caller: [] for caller in callers}
        with tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder) / "data.csv")
            write_table(path, *data)
            for repeat in range(setup.repeats):
                for caller, command in callers.items():
                    done = setup.child(command + [path, str(CASES[name]), PRICE, str(setup.threads)])
                    if done.trouble:
                        sys.exit(f"{name}, {caller}: {done.trouble}")
                    seconds[caller].append(done.answer["seconds"])
                    rows.append({"data": name, "rows": len(data[1]), "caller": caller, "repeat": repeat,
                                 "seconds": round(done.answer["seconds"], 4), "objective": done.answer["objective"]})
        if len({row["objective"] for row in rows if row["data"] == name}) != 1:
            sys.exit(f"{name}: the objectives differ")
        rust, ours = median(seconds["rust"]), median(seconds["python"])
        print(f"| {name} | {rust:.3f} s | {ours:.3f} s | {100 * (ours / rust - 1):+.1f} % |", flush=True)
    write_rows("python", rows)
