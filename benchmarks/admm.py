"""What does an iteration of ADMM cost, and how fast does it come to the optimum of (6) beside the other ways there?

Growth: seconds of an iteration on generated rows, when the rows n, the patterns P or the columns d grow and the others stay, with each way
to solve the linear systems; a factor of n columns, one of P (d + 1) columns, conjugate gradients. Both signs of every pattern.

Race: the same program, rows, patterns (Gaussian, both signs) and price, no output bias: seconds of the interior-point method of `polish` and of CVXPY with
Clarabel and SCS to their end, and of ADMM until its network stays within a relative 1e-2, 1e-3 and 1e-4 of that optimum. The start of the
process and the reading of the files are not counted on either side; building the program is.
"""
import pathlib
import subprocess
import tempfile

import numpy as np

from common import OPPONENT, ROOT, data_sets, median, show, write_network, write_rows, write_table

RACE = str(ROOT / "target" / "release" / "examples" / "admm_race")
PRICE, GATES = 0.01, 30
LARGE = {"n": 2000, "P": 100, "d": 20}
BASE = {"n": 500, "P": 25, "d": 10}
GROWTH = {"n": (500, 1000, 2000, 4000), "P": (12, 25, 50, 100), "d": (5, 10, 20, 40)}
NEAR = (1e-2, 1e-3, 1e-4)
METHODS = ("admm", "gradients")


def run(setup):
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "tautnet-study", "--example", "admm_race"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_rows("admm", [*growth(setup, folder), *races(setup, folder)])


def growth(setup, folder):
    print("admm: milliseconds of an iteration")
    for what, values in GROWTH.items():
        for value in values:
            size = BASE | {what: value}
            files = inputs(folder, *rows_of(size), size["P"])
            runs = [setup.child([RACE, "iterations", *files, f"{PRICE}", "1e-4", "0"]).answer for _ in range(setup.repeats)]
            row = {"part": "growth", "grows": what, "rows": size["n"], "patterns": size["P"], "columns": size["d"]}
            row |= {key: median([run[key] for run in runs]) for key in runs[0]}
            told = ", ".join(f"{kind} {1e3 * row[kind + '_iteration']:.3f}" for kind in ("rows", "weights", "gradients"))
            print(f"n {size['n']:>5}, P {size['P']:>4}, d {size['d']:>3}: {told}", flush=True)
            yield row


def races(setup, folder):
    print("admm: seconds to the optimum")
    for name, count, (x, y) in cases(setup):
        files = inputs(folder, x, y, count)
        row = {"part": "race", "set": name, "rows": len(x), "patterns": count, "columns": x.shape[1], "price": PRICE}
        interior = [setup.child([RACE, "interior", *files, f"{PRICE}", "1e-8", "1e9"]).answer for _ in range(setup.repeats)]
        row |= {"interior_objective": interior[0]["objective"], "interior_seconds": median([run["total"] for run in interior])}
        for method in METHODS:
            ours = [setup.child([RACE, method, *files, f"{PRICE}", "1e-5", f"{setup.cap}"]).answer for _ in range(setup.repeats)]
            last = ours[0]
            row |= {f"{method}_objective": last["objective"], f"{method}_lower_bound": last["lower_bound"],
                    f"{method}_iterations": last["iterations"], f"{method}_seconds": median([run["total"] for run in ours])}
            for near in NEAR:
                row[f"{method}_seconds_to_{near:g}"] = median([stays(run, row["interior_objective"], near) for run in ours])
        for solver in setup.opponents:
            write_opponents(folder, x, y, count)
            command = [*OPPONENT, "decay", str(folder / "network.json"), str(folder / "table.csv"), "--decay", f"{PRICE}", "--solver", solver.upper()]
            runs = [setup.child(command, setup.cap) for _ in range(setup.repeats)]
            answers = [run.answer for run in runs if run.answer]
            row[f"{solver}_seconds"] = median([answer["seconds"] for answer in answers])
            row[f"{solver}_objective"] = answers[0]["objective"] if answers else None
            row[f"{solver}_trouble"] = runs[0].trouble or answers[0]["status"]
        near = ", ".join(f"{near:g}: {show(row[f'admm_seconds_to_{near:g}'])}" for near in NEAR)
        others = ", ".join(f"{solver} {show(row[f'{solver}_seconds'])} ({row[f'{solver}_trouble']})" for solver in setup.opponents)
        print(f"{name:<10} interior {show(row['interior_seconds'])} {row['interior_objective']:.6f}, admm to within {near}; {others}", flush=True)
        yield row


def cases(setup):
    """Name, number of patterns and (x, y): the sets, and generated rows where patterns are many."""
    for name, data in data_sets(setup):
        yield name, GATES, data
    if setup.wants("generated"):
        yield "generated", LARGE["P"], rows_of(LARGE)


def rows_of(size):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(size["n"], size["d"]))
    return x, np.sin(x @ rng.normal(size=size["d"])) + 0.1 * rng.normal(size=size["n"])


def stays(run, optimum, near):
    """Seconds from which on the objective is within a part of the optimum; None where it never is."""
    since = None
    for seconds, objective in zip(run["seconds"], run["objectives"]):
        if abs(objective - optimum) > near * optimum:
            since = None
        elif since is None:
            since = seconds
    return since


def gates(x, count):
    return np.random.default_rng(7).normal(size=(count, x.shape[1] + 1))


def inputs(folder, x, y, count):
    """The files that `admm_race` reads: rows, and gates."""
    np.savetxt(folder / "data.csv", np.c_[x, y], fmt="%.17g", delimiter=",")
    np.savetxt(folder / "gates.csv", gates(x, count), fmt="%.17g", delimiter=",")
    return str(folder / "data.csv"), str(folder / "gates.csv")


def write_opponents(folder, x, y, count):
    both = np.repeat(gates(x, count), 2, axis=0)
    write_network(folder / "network.json", both[:, :-1], both[:, -1], np.resize([1.0, -1.0], 2 * count))
    write_table(folder / "table.csv", x, y)
