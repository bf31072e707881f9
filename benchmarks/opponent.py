"""One run of CVXPY with a generic conic solver, in a process of its own so that its whole cost is measured.

    opponent.py joint NETWORK.json DATA.csv --lipschitz-price 0.01 --solver CLARABEL|SCS
    opponent.py robust NETWORK.json DATA.csv --tolerance 0.1 --tolerance-shape box|ball --decay 0.001 --solver CLARABEL|SCS
    opponent.py decay NETWORK.json DATA.csv --decay 0.01 --solver CLARABEL|SCS
    opponent.py lipsdp NETWORK.json --solver CLARABEL|SCS

Prints one JSON object: objective, loss, lipschitz, status, seconds (building and solving the program; not the start
of Python nor the reading of the files) and solver_seconds (what the solver itself reports).
The formulation is the arrow form of tests/known_optima/oracle.py, the fastest known to us: handing the solver the
Schur complement of (2) instead makes it far slower. The solvers run with their default settings.
"""
import argparse
import json
import pathlib
import sys
import time
import warnings

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "known_optima"))
import oracle  # noqa: E402
import robust  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=["joint", "robust", "decay", "lipsdp"])
    parser.add_argument("network")
    parser.add_argument("data", nargs="?")
    parser.add_argument("--lipschitz-price", type=float, default=0.01)
    parser.add_argument("--tolerance", type=float, default=0.1)
    parser.add_argument("--tolerance-shape", choices=["box", "ball"], default="box")
    parser.add_argument("--decay", type=float, default=0.001)
    parser.add_argument("--solver", choices=["CLARABEL", "SCS"], default="CLARABEL")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")  # an inaccurate status is reported, not warned about

    with open(options.network) as file:
        raw = json.load(file)
    if options.program != "lipsdp":
        table = np.loadtxt(options.data, delimiter=",", skiprows=1, ndmin=2)
        raw |= {"x": table[:, :-1], "y": table[:, -1], "lipschitz": options.lipschitz}
        if options.program == "decay":
            raw |= {"lipschitz": 0.0, "decay": options.decay}
        instance = oracle.Instance(raw) if options.program != "robust" else raw | {
            "tolerance": [[options.tolerance] * (table.shape[1] - 1)], "shape": options.tolerance_shape, "cells": "soft",
            "loss": "squared", "decay": options.decay, "lipschitz": 0.0, "linear_part": False, "output_bias": False}
    else:
        w, v = oracle.balance(np.array(raw["w"]), np.array(raw["v"]))

    start = time.perf_counter()
    if options.program in ("joint", "decay"):
        problem, _, _, _, loss, bound = oracle.build(options.program, instance)
    elif options.program == "robust":
        (problem, _), loss, bound = robust.build(instance), None, None
    else:
        problem, bound, _ = oracle.build_lipsdp(w, v)
        loss = None
    problem.solve(solver=options.solver)
    seconds = time.perf_counter() - start
    print(json.dumps({
        "objective": float(problem.value), "loss": None if loss is None else float(loss.value),
        "lipschitz": None if bound is None else float(bound.value), "status": problem.status, "iterations": problem.solver_stats.num_iters,
        "seconds": seconds, "solver_seconds": problem.solver_stats.solve_time,
    }))


if __name__ == "__main__":
    main()
