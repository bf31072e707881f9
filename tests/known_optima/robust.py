#!/usr/bin/env python3
"""Write crates/tautnet/tests/known_robust_optima.json: instances of the program (R) with their optimal values.

    python tests/known_optima/robust.py        (needs numpy, cvxpy, clarabel; about a minute)

(R) is stated here as in docs/mathematics/tolerance.md, without any elimination: t as a variable for every pair of a unit and
a row, the norms of every row as CVXPY writes them. An answer is stored where the solver's own gap and residuals are small.
"""
import json
import pathlib
import sys
import warnings

import cvxpy as cp
import numpy as np

import generate
import oracle

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates" / "tautnet" / "tests" / "known_robust_optima.json"
LOSSES = ["squared", "huber:0.5", "quantile:0.3", "absolute"]


def instance(seed):
    """A seeded instance; its number decides what it is of."""
    rng = np.random.default_rng(7000 + seed)
    n, d, m = int(rng.integers(12, 36)), int(rng.integers(1, 5)), int(rng.integers(2, 8))
    x, y = generate.gaussian(rng, n, d)
    w, b, v = generate.trained(rng, x, y, m)
    hard = seed % 4 == 3
    size = rng.uniform(0.0, 0.03 if hard else 0.25, size=(n if seed % 3 == 2 else 1, d)).round(3)
    size[:, rng.random(d) < 0.15] = 0.0
    if seed % 16 == 7:
        size[:] = 0.0
    return {
        "x": x.tolist(), "y": y.tolist(), "w": w.tolist(), "b": b.tolist(), "v": v.tolist(),
        "tolerance": size.tolist(), "shape": ["box", "ball"][seed % 2], "cells": "hard" if hard else "soft",
        "loss": LOSSES[(seed // 4) % 4], "decay": [0.01, 0.0003][seed // 8 % 2], "lipschitz": [0.0, 0.02][seed // 2 % 2],
        "linear_part": seed % 5 == 4, "output_bias": seed % 7 != 6,
    }


def loss_of(name, up, down):
    """The largest loss of the residuals between -down and up."""
    name, _, number = name.partition(":")
    size = cp.maximum(up, down)
    if name == "squared":
        return cp.square(cp.pos(size))
    if name == "absolute":
        return cp.pos(size)
    if name == "huber":
        return cp.huber(cp.pos(size), float(number))
    level = float(number)
    return cp.maximum((1 - level) * up, level * down)


def build(raw):
    """The CVXPY problem, and z."""
    x, y, v = (np.array(raw[key]) for key in "xyv")
    (n, d), m = x.shape, len(v)
    x_bar = np.hstack([x, np.ones((n, 1))])
    w_bar = np.hstack([np.array(raw["w"]), np.array(raw["b"])[:, None]])
    on, sign = (x_bar @ w_bar.T >= 0).astype(float), np.sign(v)
    tolerance = np.array(raw["tolerance"], float)
    same, tolerance = len(tolerance) == 1, np.broadcast_to(tolerance, (n, d))
    z, leave = cp.Variable((m, d + 1)), cp.Variable((n, m), nonneg=True)
    a = cp.Variable(d) if raw["linear_part"] else np.zeros(d)
    c = cp.Variable() if raw["output_bias"] else 0.0
    pre = x_bar @ z.T
    slope = cp.multiply(on, np.ones((n, 1)) * sign) @ z[:, :d] + np.ones((n, 1)) @ cp.reshape(a, (1, d), order="C")
    if raw["shape"] == "ball":
        def lengths(rows): return cp.reshape(cp.norm(rows, 2, axis=1), (1, m), order="C")
        scaled = [cp.multiply(np.ones((m, 1)) * tolerance[k], z[:, :d]) for k in ([0] if same else range(n))]
        reach = np.ones((n, 1)) @ lengths(scaled[0]) if same else cp.vstack([lengths(one) for one in scaled])
        own = cp.norm(cp.multiply(tolerance, slope), 2, axis=1)
    else:
        reach, own = tolerance @ cp.abs(z[:, :d]).T, cp.sum(cp.multiply(tolerance, cp.abs(slope)), axis=1)
    constraints = [leave >= reach - cp.multiply(2 * on - 1, pre)]
    if raw["cells"] == "hard":
        constraints.append(leave == 0)
    lin = cp.multiply(on, pre) @ sign + x @ a + c
    up, down = lin + own + leave @ (sign > 0) - y, y - lin + own + leave @ (sign < 0)
    objective = cp.sum(loss_of(raw["loss"], up, down)) / n + raw["decay"] * cp.sum(cp.norm(z, 2, axis=1))
    if raw["lipschitz"] > 0:
        bound, free = cp.Variable(), cp.Variable(m, nonneg=True)
        linear = a if raw["linear_part"] else None
        matrix = oracle.arrow(bound * np.eye(d), z[:, :d], 2 * cp.diag(free), cp.multiply(free, sign), bound, linear)
        constraints.append(matrix >> 0)
        objective += raw["lipschitz"] * bound
    return cp.Problem(cp.Minimize(objective), constraints), z


def robust(raw):
    """The program, solved: status, objective, gap, residual."""
    problem, z = build(raw)
    status, gap, residual = oracle.solve(problem, "CLARABEL")
    return status, None if z.value is None else float(problem.value), gap, residual


def main():
    warnings.filterwarnings("ignore")
    stored = []
    for seed in range(72):
        raw = instance(seed)
        status, objective, gap, residual = robust(raw)
        if objective is None or not (gap < 3e-8 and residual < 3e-8):
            print(f"dropped {seed}: {status}, gap {gap}, residual {residual}", file=sys.stderr)
            continue
        stored.append({"seed": seed} | raw | {"objective": objective})
    OUT.write_text("[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in stored) + "\n]\n")
    print(f"{len(stored)} answers stored")


if __name__ == "__main__":
    main()
