"""Are the convex first-order methods faster than pyscnn, by their inventors, to the same objective?

Same rows, same gates, same price, no output bias. pyscnn runs its own methods (R-FISTA for gated relu, the augmented
Lagrangian for relu) with its default settings but for a limit on its steps, in single precision, its default, and in
double. The target is the objective of the network that it
returns, recomputed in double precision; our time is that of the first network whose objective is at or below it. Neither
side's start of the process is counted, and on pyscnn's side neither is the import. pyscnn needs PyTorch and is not among
the requirements: where it is not installed in the benchmarks' environment, only our side runs and a line says so.
"""
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from common import ROOT, data_sets, median, show, write_rows

RACE = ROOT / "target" / "release" / "examples" / "convex_race"
OPPONENT = [sys.executable, str(ROOT / "benchmarks" / "pyscnn_opponent.py")]
PRICES = {"gated": (0.01, 0.001), "relu": (0.01, 0.001)}
GATES, QUICK_GATES = (50, 500), (50,)
# Of pyscnn, whose default is 10000: enough for a fit that one would use, and an end within minutes.
STEPS, QUICK_STEPS = 1000, 200


def run(setup):
    print("convex: seconds to the objective that pyscnn reaches")
    installed = importlib.util.find_spec("scnn") is not None
    if not installed:
        print("convex: pyscnn skipped: `benchmarks/.venv/bin/pip install pyscnn==0.0.10` (it brings PyTorch) and run again")
    subprocess.run(["cargo", "build", "--release", "--quiet", "--example", "convex_race"], cwd=ROOT, check=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        table, gates = pathlib.Path(folder) / "data.csv", pathlib.Path(folder) / "gates.csv"
        for name, (x, y) in data_sets(setup):
            np.savetxt(table, np.c_[x, y], fmt="%.17g", delimiter=",")
            for count in QUICK_GATES if setup.quick else GATES:
                rng = np.random.default_rng(7)
                np.savetxt(gates, rng.normal(size=(count, x.shape[1] + 1)), fmt="%.17g", delimiter=",")
                for what, prices in PRICES.items():
                    for price in prices:
                        rows += race(setup, name, x.shape, what, count, price, table, gates, installed)
    write_rows("convex", rows)


def race(setup, name, shape, what, count, price, table, gates, installed):
    arguments = [str(table), str(gates), f"{price:g}"]
    theirs = {}
    if installed:
        for dtype in ("float32", "float64"):
            theirs[dtype] = [setup.child([*OPPONENT, what, *arguments, dtype, str(QUICK_STEPS if setup.quick else STEPS)], setup.cap)
                             for _ in range(setup.repeats)]
    limit = f"{setup.cap:g}"
    ours = [setup.child([str(RACE), what, *arguments, "1e-6", limit]).answer for _ in range(setup.repeats)]
    rows = []
    for dtype, runs in (theirs or {"": []}).items():
        row = {"set": name, "rows": shape[0], "columns": shape[1], "method": what, "gates": count, "price": price,
               "our_objective": ours[0]["objective"], "our_lower_bound": ours[0]["lower_bound"],
               "our_total_seconds": median([run["total"] for run in ours]), "dtype": dtype}
        answers = [run.answer for run in runs if run.answer]
        if answers:
            target = answers[0]["objective"]
            mine = median([first_below(run, target) for run in ours])
            other = median([answer["seconds"] for answer in answers])
            times = other / mine if mine else None
            row |= {"pyscnn_objective": target, "our_seconds_to_it": mine, "pyscnn_seconds": other,
                    "times_faster": times}
            verdict = f"{times:.1f} times as fast" if times else "not reached by ours"
            print(f"{name:<10} {what:<5} {count:>4} gates, price {price:g}, {dtype}: {show(mine)} against {show(other)}, "
                  f"{verdict}", flush=True)
        elif runs:
            row["trouble"] = runs[0].trouble
            print(f"{name:<10} {what:<5} {count:>4} gates, price {price:g}, {dtype}: {runs[0].trouble}", flush=True)
        rows.append(row)
    return rows


def first_below(run, target):
    reached = (seconds for seconds, objective in zip(run["seconds"], run["objectives"]) if objective <= target)
    return next(reached, run["total"] if run["objective"] <= target else None)
