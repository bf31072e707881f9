"""What LipSDP says about the known answers through a modelling language: the table of README.md.

    python -m venv .venv && .venv/bin/pip install cvxpy==1.9.3 clarabel==0.11.1 scs==3.3.1
    .venv/bin/python others.py

For inputs in the norm 2 and the multiplier T the bound is the square root of the least rho with

    [ rho I,  -W' T ;  -T W,  2 T - v v' ]  positive semidefinite,

T diagonal and nonnegative, or (the unsound form) T with a further nonnegative multiple of (e_i - e_j)(e_i - e_j)' for every pair.
"""

import itertools
import json
import pathlib

import cvxpy as cp
import numpy as np


def lipsdp(w, v, solver, coupled=False):
    w, v = np.array(w, float), np.array(v, float)
    units, inputs = w.shape
    rho, own = cp.Variable(), cp.Variable(units, nonneg=True)
    multiplier = cp.diag(own)
    pairs = list(itertools.combinations(range(units), 2))
    if coupled and pairs:
        differences = np.zeros((len(pairs), units))
        for row, (i, j) in zip(differences, pairs):
            row[i], row[j] = 1, -1
        multiplier = multiplier + differences.T @ cp.diag(cp.Variable(len(pairs), nonneg=True)) @ differences
    corner = 2 * multiplier - np.outer(v, v)
    matrix = cp.bmat([[rho * np.eye(inputs), -w.T @ multiplier], [-multiplier @ w, corner]])
    problem = cp.Problem(cp.Minimize(rho), [(matrix + matrix.T) / 2 >> 0])
    problem.solve(solver=solver)
    return np.sqrt(max(problem.value, 0))


def main():
    print("| file | constant | diagonal, Clarabel | diagonal, SCS | in pairs, Clarabel |\n|---|---|---|---|---|")
    for path in sorted(pathlib.Path(__file__).parent.glob("*.json")):
        known = json.loads(path.read_text())
        weights, constant = known["network"], known["lipschitz"]["2"]["constant"]
        cells = [f"`{known['name']}`", f"{constant:.9g}"]
        for solver, coupled in [(cp.CLARABEL, False), (cp.SCS, False), (cp.CLARABEL, True)]:
            try:
                bound = lipsdp(weights["w"], weights["v"], solver, coupled)
                cells.append(f"{bound:.9g}" + (" **below**" if bound < constant * (1 - 1e-9) else ""))
            except cp.error.SolverError:
                cells.append("no answer")
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
