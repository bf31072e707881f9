"""Is the `sgd` start as fast to the same training error as PyTorch's Adam on the CPU?

`sgd_versus_torch.py` on the training part of the sets of the paper, in a process of its own. PyTorch is not among the
requirements: where it is not installed in the benchmarks' environment, nothing is run and a line says so.
"""
import csv
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

from common import ROOT, data_sets, write_rows, write_table

RACE = ROOT / "target" / "release" / "examples" / "sgd_race"
EPOCHS, QUICK_EPOCHS = 60, 20


def run(setup):
    print("sgd: seconds to the same training error, 100 units")
    if importlib.util.find_spec("torch") is None:
        print("sgd: skipped: no torch; `benchmarks/.venv/bin/pip install torch` and run again\n", flush=True)
        return
    subprocess.run(["cargo", "build", "--release", "--quiet", "--example", "sgd_race"], cwd=ROOT, check=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "data.csv"
        for name, data in data_sets(setup):
            write_table(table, *data)
            command = [sys.executable, str(ROOT / "benchmarks" / "sgd_versus_torch.py"), str(RACE), str(table),
                       "--epochs", str(QUICK_EPOCHS if setup.quick else EPOCHS), "--repeats", str(setup.repeats)]
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            described, *lines = printed.splitlines()
            print(f"{name:<10} {described.removeprefix('# ')}")
            for row in csv.DictReader(lines):
                rows.append({"set": name} | row)
                print(f"           batch {row['batch']:>3}, torch {row['torch_dtype']} on {row['torch_threads']}: "
                      f"{row['ours_seconds']} against {row['torch_seconds']}, {row['times_faster']} times as fast",
                      flush=True)
    write_rows("sgd", rows)
