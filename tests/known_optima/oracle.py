#!/usr/bin/env python3
"""Optimal values of the convex training programs, by CVXPY and a generic conic solver.

The independent judge of the Rust code: slow, simple, and sharing nothing with it but the mathematics.
Needs numpy, cvxpy and clarabel.

    oracle.py PROGRAM INSTANCE.json [--solver CLARABEL|SCS] > ANSWER.json

PROGRAM   lipsdp     (2)  smallest L that the diagonal multipliers prove for the instance's network
          lipsdp-inf      the same in the l-infinity norm of the input
          decay      (6)  weight decay with the network's patterns and signs
          paper     (12)  Lipschitz program with the multipliers T of lipsdp and the magnitudes |v| held
          joint      (J)  Lipschitz program with multipliers and magnitudes free
          joint-inf  (J)  in the l-infinity norm of the input

INSTANCE  {"x": n x d, "y": n, "w": m x d, "b": m, "v": m,
           "lipschitz": price of L, "decay": price of the weights,
           optional: "max_lipschitz": hard bound on L, "penalty": "L" | "L2",
                     "output_bias": true | false (default), "weights": n sample weights,
                     "formula": "squared" (default) | "huber:THRESHOLD" | "quantile:LEVEL",
                     "linear_part": true | false (default)}
          The loss is the (weighted) mean of the formula.

ANSWER    {"program", "solver", "status", "objective", "loss", "lipschitz", "gap", "residual", "z": m x (d+1), "c"}

With D_ik = 1 when w_i . x_k + b_i >= 0, s = sign(v) and xbar = (x, 1), program (J) is

    minimize over Z (m x (d+1)), ell (m), L, c, a  sum_k omega_k l(c + a . x_k + sum_i s_i D_ik xbar_k . z_i - y_k)
                                                  + lipschitz * L (or L^2) + decay * sum_i |z_i|
    subject to   (2 D_ik - 1) xbar_k . z_i >= 0
                 [ P     -Z'          -a       ]
                 [ -Z    2 diag(ell)  -s * ell ]  positive semidefinite
                 [ -a'   -(s * ell)'  L        ]

where a is free if there is a linear part and 0 otherwise, P = L I (l2) or P = diag(p) with p >= 0 and sum(p) <= L
(l-infinity), and the LMI sees Z without its bias
column. The z of an answer covers the units with v != 0 only; the others are dropped.
"""
import argparse
import json

import cvxpy as cp
import numpy as np

# Tolerances to try in turn, and for stubborn problems shorter steps: an interior-point method asked for more than it
# can deliver ends in "almost solved", often worse than what a milder request returns.
LADDER = [(1e-12, 0.99), (1e-11, 0.99), (1e-10, 0.99), (1e-9, 0.99), (1e-10, 0.9), (1e-9, 0.9)]


class Instance:
    """The data of one program, as arrays, with the units of v = 0 dropped."""

    def __init__(self, raw):
        x = np.array(raw["x"], float)
        self.y = np.array(raw["y"], float)
        w, b, v = (np.array(raw[key], float) for key in ("w", "b", "v"))
        keep = v != 0
        self.x_bar = np.c_[x, np.ones(len(x))]
        self.w_bar, self.v = np.c_[w, b][keep], v[keep]
        self.lipschitz, self.decay = raw.get("lipschitz", 0.0), raw.get("decay", 0.0)
        self.max_lipschitz = raw.get("max_lipschitz")
        self.penalty = raw.get("penalty", "L")
        self.output_bias = raw.get("output_bias", False)
        self.linear_part = raw.get("linear_part") or False
        self.formula = raw.get("formula") or "squared"
        omega = np.ones(len(x)) if raw.get("weights") is None else np.array(raw["weights"], float)
        self.omega = omega / omega.sum()


def solve(problem, solver):
    """Solve; return status, relative duality gap and the largest residual (the last two from Clarabel alone)."""
    if solver != "CLARABEL":
        tight = {"eps_abs": 1e-8, "eps_rel": 1e-8, "max_iters": 200_000} if solver == "SCS" else {}
        problem.solve(solver=solver, **tight)
        return problem.status, None, None
    best = None
    for tolerance, fraction in LADDER:
        settings = {"tol_gap_abs": tolerance, "tol_gap_rel": tolerance, "tol_feas": tolerance,
                    "max_step_fraction": fraction, "max_iter": 300}
        data, chain, inverse = problem.get_problem_data("CLARABEL", solver_opts=dict(settings))
        raw = chain.solve_via_data(problem, data, solver_opts=dict(settings))
        gap = abs(raw.obj_val - raw.obj_val_dual) / max(1.0, abs(raw.obj_val))
        residual = max(raw.r_prim, raw.r_dual)
        if best is None or max(gap, residual) < max(best[0], best[1]):
            best = (gap, residual, raw, chain, inverse)
        if str(raw.status) == "Solved":
            best = (gap, residual, raw, chain, inverse)
            break
    gap, residual, raw, chain, inverse = best
    problem.unpack_results(raw, chain, inverse)
    return str(raw.status), gap, residual


def arrow(corner_rows, z, diagonal, column, corner, linear=None):
    """[[P, -Z', -a], [-Z, diagonal, -column], [-a', -column', corner]] as a CVXPY expression."""
    d, m = corner_rows.shape[0], z.shape[0]
    column = cp.reshape(column, (m, 1), order="C")
    corner = cp.reshape(corner, (1, 1), order="C")
    side = np.zeros((d, 1)) if linear is None else -cp.reshape(linear, (d, 1), order="C")
    return cp.bmat([[corner_rows, -z.T, side], [-z, diagonal, -column], [side.T, -column.T, corner]])


def input_block(bound, d, norm):
    """The block P of the input norm, with the constraints that tie it to the bound."""
    if norm == "2":
        return bound * np.eye(d), []
    p = cp.Variable(d, nonneg=True)
    return cp.diag(p), [cp.sum(p) <= bound]


def build_lipsdp(w, v, norm="2", linear=None):
    """The CVXPY problem of (2) for balanced units (|w_i| = |v_i|), with its variables: problem, bound, t."""
    m, d = w.shape
    bound, t = cp.Variable(), cp.Variable(m, nonneg=True)
    corner_rows, constraints = input_block(bound, d, norm)
    matrix = arrow(corner_rows, cp.diag(t) @ w, 2 * cp.diag(t), v, bound, linear)
    return cp.Problem(cp.Minimize(bound), constraints + [matrix >> 0]), bound, t


def balance(w, v):
    """The same function with |w_i| = |v_i|: it changes t, not L, and helps the solver."""
    length = np.linalg.norm(w, axis=1)
    alpha = np.where(length > 0, np.sqrt(np.abs(v) / np.where(length > 0, length, 1.0)), 1.0)
    return w * alpha[:, None], v / alpha


def lipsdp(w, v, norm="2", solver="CLARABEL", linear=None):
    """Answer, and the multipliers as ell_i = v_i^2 / t_i (invariant to the scaling of a unit)."""
    w, v = balance(w, v)
    problem, bound, t = build_lipsdp(w, v, norm, linear)
    status, gap, residual = solve(problem, solver)
    value = float(bound.value)
    answer = {"status": status, "objective": value, "lipschitz": value, "gap": gap, "residual": residual}
    return answer, v**2 / t.value


def mean_loss(instance, error):
    """The weighted mean loss of a CVXPY expression of errors, f - y."""
    name, _, number = instance.formula.partition(":")
    if name == "squared":
        return cp.sum_squares(cp.multiply(np.sqrt(instance.omega), error))
    if name == "huber":
        return cp.sum(cp.multiply(instance.omega, cp.huber(error, float(number))))
    level = float(number)
    return cp.sum(cp.multiply(instance.omega, cp.maximum((1 - level) * error, -level * error)))


def build(program, instance, solver="CLARABEL", ell=None):
    """The CVXPY problem of (6), (12) or (J), with its variables: problem, z, c, a, loss, bound.

    `ell` holds the multipliers of (12) at given values in place of those of lipsdp."""
    x_bar, y, v = instance.x_bar, instance.y, instance.v
    m, d = len(v), x_bar.shape[1] - 1
    active = (x_bar @ instance.w_bar.T >= 0).astype(float)
    sign = np.sign(v)
    z = cp.Variable((m, d + 1))
    c = cp.Variable() if instance.output_bias else cp.Constant(0.0)
    linear = cp.Variable(d) if instance.linear_part else None
    pre = x_bar @ z.T
    error = cp.multiply(active, pre) @ sign + c - y
    if linear is not None:
        error = error + x_bar[:, :d] @ linear
    loss = mean_loss(instance, error)
    constraints = [cp.multiply(2 * active - 1, pre) >= 0]
    objective, bound = loss, None
    if instance.decay > 0:
        objective = objective + instance.decay * cp.sum(cp.norm(z, 2, axis=1))
    # Without a price or a limit on L the LMI binds nothing: any Z satisfies it for a large enough L.
    if program != "decay" and (instance.lipschitz > 0 or instance.max_lipschitz is not None):
        bound = cp.Variable()
        corner_rows, extra = input_block(bound, d, "inf" if program == "joint-inf" else "2")
        if program == "paper":
            ell = lipsdp(instance.w_bar[:, :d], v, "2", solver)[1] if ell is None else np.array(ell)
            diagonal, column = 2 * np.diag(ell), cp.Constant(ell * sign)
        else:
            free = cp.Variable(m, nonneg=True)
            diagonal, column = 2 * cp.diag(free), cp.multiply(free, sign)
        constraints += extra + [arrow(corner_rows, z[:, :d], diagonal, column, bound, linear) >> 0]
        if instance.max_lipschitz is not None:
            constraints.append(bound <= instance.max_lipschitz)
        price = cp.square(bound) if instance.penalty == "L2" else bound
        objective = objective + instance.lipschitz * price
    return cp.Problem(cp.Minimize(objective), constraints), z, c, linear, loss, bound


def train(program, instance, solver="CLARABEL", ell=None):
    """Answer of (6), (12) or (J)."""
    problem, z, c, linear, loss, bound = build(program, instance, solver, ell)
    status, gap, residual = solve(problem, solver)
    if z.value is None:
        return {"status": status, "objective": None, "loss": None, "lipschitz": None,
                "gap": gap, "residual": residual, "z": None, "c": None}
    return {"status": status, "objective": float(problem.value), "loss": float(loss.value),
            "lipschitz": None if bound is None else float(bound.value), "gap": gap, "residual": residual,
            "z": z.value.tolist(), "c": float(c.value), "a": None if linear is None else linear.value.tolist()}


def answer(program, raw, solver="CLARABEL", ell=None):
    """The answer of one program for one instance, as the JSON object described above.

    The multipliers of (2) are not unique, so neither is the optimal value of (12) that follows from them. `ell` holds
    them at known values, one for each unit with v != 0: then (12) has one optimal value."""
    instance = Instance(raw)
    if program.startswith("lipsdp"):
        norm = "inf" if program.endswith("-inf") else "2"
        result, ell = lipsdp(instance.w_bar[:, :-1], instance.v, norm, solver)
        result["ell"] = ell.tolist()
    else:
        result = train(program, instance, solver, ell)
    return {"program": program, "solver": solver} | result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=["lipsdp", "lipsdp-inf", "decay", "paper", "joint", "joint-inf"])
    parser.add_argument("instance")
    parser.add_argument("--solver", default="CLARABEL")
    options = parser.parse_args()
    with open(options.instance) as file:
        print(json.dumps(answer(options.program, json.load(file), options.solver)))


if __name__ == "__main__":
    main()
