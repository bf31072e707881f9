#!/usr/bin/env python3
"""Write the instances of crates/tautnet/tests/known_optima with their optimal values.

    python tests/known_optima/generate.py [NAME...]        (needs numpy, cvxpy, clarabel; about a minute)
    python tests/known_optima/generate.py --losses         then the answers with other losses, of some of them
    python tests/known_optima/generate.py --linear         then those with a linear part

Every instance is seeded by its place in the list below. Every answer is checked before it is stored: by the solver's
own relative duality gap and residuals and, for (6) and (J), by the objective recomputed from the optimal network, with
relu in place of the patterns and the bound solved anew. An answer that fails is dropped and named on stderr.
"""
import json
import pathlib
import sys
import warnings

import cvxpy as cp
import numpy as np

import oracle

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates" / "tautnet" / "tests" / "known_optima"
GOOD = 2e-8  # largest relative gap, residual and disagreement of a stored answer


def trained(rng, x, y, m, steps=60, rate=0.03):
    """A network after a few dozen full-batch Adam steps: patterns as training makes them."""
    d = x.shape[1]
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    w = rng.normal(size=(m, d)) / scale / np.sqrt(d)
    b = 0.5 * rng.normal(size=m) - w @ x.mean(axis=0)
    v = rng.normal(size=m) / np.sqrt(m)
    # Adam moves every number by about `rate`, whatever its scale: train on standardized inputs and map back.
    u, b = w * scale, b + w @ x.mean(axis=0)
    inputs = (x - x.mean(axis=0)) / scale
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in (u, b, v)]
    for step in range(1, steps + 1):
        h = inputs @ u.T + b
        a = np.maximum(h, 0)
        r = 2 * (a @ v - y) / len(y)
        g = (r[:, None] * (h > 0)) * v
        for p, gradient, (first, second) in zip((u, b, v), (g.T @ inputs, g.sum(axis=0), a.T @ r), moments):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            p -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    w = u / scale
    return w, b - w @ x.mean(axis=0), v


def gaussian(rng, n, d):
    x = rng.normal(size=(n, d)).round(4)
    y = np.sin(x @ rng.normal(size=d)) + 0.3 * np.abs(x[:, 0]) + 0.1 * rng.normal(size=n)
    return x, (y - y.mean()).round(4) if n > 1 else y.round(4)


def rastrigin(rng, n, d):
    x = rng.uniform(-1.7, 1.7, size=(n, d)).round(4)
    y = (x**2 - np.cos(2 * np.pi * x / 1.7)).sum(axis=1)
    return x, ((y - y.mean()) / y.std()).round(4)


def one_hot(rng, n, d):
    """Two blocks of indicator columns, each summing to the bias column, and numbers for the rest."""
    x, y = gaussian(rng, n, d)
    for start in (0, d // 2):
        width = d // 2 if start == 0 else d - d // 2 - (1 if d > 5 else 0)
        level = rng.integers(0, width, size=n)
        x[:, start:start + width] = np.eye(width)[level]
        y = y + rng.normal(size=width)[level]
    return x, y.round(4)


def instances():
    """Pairs of a name and a function rng -> (x, y, w, b, v, prices)."""
    def plain(data, n, d, m, lipschitz=0.01, decay=0.01, steps=60, change=None):
        def make(rng):
            x, y = data(rng, n, d)
            if change is not None and change.__name__.startswith("data"):
                x, y = change(rng, x, y)
            w, b, v = trained(rng, x, y, m, steps)
            if change is not None and change.__name__.startswith("network"):
                w, b, v = change(rng, x, w, b, v)
            return x, y, w, b, v, lipschitz, decay
        return make

    def data_duplicate_rows(rng, x, y):
        take = rng.integers(0, max(3, len(x) // 3), size=len(x))
        return x[take], (y[take] + 0.1 * rng.normal(size=len(x))).round(4)

    def data_constant_columns(rng, x, y):
        x[:, 0], x[:, -1] = 1.5, 0.0
        return x, y

    def data_badly_scaled(rng, x, y):
        factor = 10.0 ** np.linspace(-2, 2, x.shape[1])
        return x * factor, y

    def data_mildly_scaled(rng, x, y):
        return x * 3.0 ** np.linspace(-1.5, 1.5, x.shape[1]) + 2.0, y

    def network_all_active(rng, x, w, b, v):
        b[:4] = np.abs(x @ w[:4].T).max(axis=0) + 0.5
        v[:4] = np.abs(v[:4]) * [1, -1, 1, -1]
        return w, b, v

    def network_dead(rng, x, w, b, v):
        b[:3] = -np.abs(x @ w[:3].T).max(axis=0) - 0.5
        return w, b, v

    def network_all_dead(rng, x, w, b, v):
        return w, -np.abs(x @ w.T).max(axis=0) - 0.5, v

    def network_zero_outputs(rng, x, w, b, v):
        v[::3] = 0.0
        return w, b, v

    def network_zero_unit(rng, x, w, b, v):
        w[0], b[0], v[0] = 0.0, 0.0, 0.7
        w[1], b[1], v[1] = 0.0, 0.0, 0.0
        return w, b, v

    def network_twins(rng, x, w, b, v):
        w[1], b[1], v[1] = w[0], b[0], v[0]              # the same unit twice
        w[3], b[3], v[3] = 2 * w[2], 2 * b[2], -v[2]     # equal patterns, opposite signs
        return w, b, v

    def network_unbalanced(rng, x, w, b, v):
        alpha = 10.0 ** rng.uniform(-3, 3, size=len(v))
        return w * alpha[:, None], b * alpha, v / alpha

    yield "rastrigin_a", plain(rastrigin, 50, 2, 12)
    yield "rastrigin_b", plain(rastrigin, 60, 2, 16, lipschitz=0.001)
    yield "rastrigin_c", plain(rastrigin, 40, 2, 8, lipschitz=0.05)
    yield "rastrigin_d", plain(rastrigin, 50, 3, 12, decay=0.001)
    yield "rastrigin_e", plain(rastrigin, 60, 4, 14)
    yield "rastrigin_f", plain(rastrigin, 30, 1, 10)
    yield "gaussian_a", plain(gaussian, 40, 3, 8)
    yield "gaussian_b", plain(gaussian, 55, 5, 12)
    yield "gaussian_c", plain(gaussian, 60, 6, 16, lipschitz=0.05, decay=0.05)
    yield "gaussian_d", plain(gaussian, 15, 2, 5)
    yield "gaussian_e", plain(gaussian, 30, 4, 3)
    yield "gaussian_f", plain(gaussian, 25, 1, 6, lipschitz=0.002)
    yield "gaussian_g", plain(gaussian, 45, 6, 10, lipschitz=0.001, decay=0.001)
    yield "gaussian_h", plain(gaussian, 60, 2, 16, lipschitz=0.1, decay=0.1)
    yield "one_hot_a", plain(one_hot, 40, 4, 8)
    yield "one_hot_b", plain(one_hot, 60, 6, 12)
    yield "one_hot_c", plain(one_hot, 30, 5, 10, lipschitz=0.05)
    yield "one_hot_d", plain(one_hot, 50, 6, 16, lipschitz=0.002)
    yield "duplicate_rows_a", plain(gaussian, 40, 3, 8, change=data_duplicate_rows)
    yield "duplicate_rows_b", plain(rastrigin, 50, 2, 12, change=data_duplicate_rows)
    yield "duplicate_rows_c", plain(one_hot, 45, 4, 10, change=data_duplicate_rows)
    yield "constant_columns_a", plain(gaussian, 40, 4, 8, change=data_constant_columns)
    yield "constant_columns_b", plain(rastrigin, 30, 3, 6, lipschitz=0.05, change=data_constant_columns)
    yield "badly_scaled_a", plain(gaussian, 40, 4, 8, lipschitz=0.0005, change=data_badly_scaled)
    yield "badly_scaled_b", plain(rastrigin, 50, 3, 10, lipschitz=0.0005, change=data_badly_scaled)
    yield "badly_scaled_c", plain(gaussian, 35, 5, 8, change=data_mildly_scaled)
    yield "all_active_a", plain(gaussian, 40, 3, 8, change=network_all_active)
    yield "all_active_b", plain(rastrigin, 40, 2, 10, change=network_all_active)
    yield "all_active_c", plain(gaussian, 30, 5, 5, lipschitz=0.05, change=network_all_active)
    yield "dead_units_a", plain(gaussian, 40, 3, 8, change=network_dead)
    yield "dead_units_b", plain(rastrigin, 45, 2, 12, change=network_dead)
    yield "dead_units_only", plain(gaussian, 20, 2, 3, change=network_all_dead)
    yield "zero_outputs_a", plain(gaussian, 40, 3, 9, change=network_zero_outputs)
    yield "zero_outputs_b", plain(rastrigin, 40, 2, 12, change=network_zero_outputs)
    yield "zero_unit", plain(gaussian, 30, 3, 6, change=network_zero_unit)
    yield "few_rows_a", plain(gaussian, 4, 5, 6)
    yield "few_rows_b", plain(gaussian, 6, 6, 8, lipschitz=0.05)
    yield "few_rows_c", plain(gaussian, 2, 3, 4)
    yield "one_unit_a", plain(gaussian, 30, 3, 1)
    yield "one_unit_b", plain(rastrigin, 40, 1, 1, lipschitz=0.001)
    yield "one_row_a", plain(gaussian, 1, 3, 4)
    yield "one_row_b", plain(gaussian, 1, 1, 1)
    yield "untrained_a", plain(gaussian, 50, 4, 12, steps=0)
    yield "untrained_b", plain(rastrigin, 60, 2, 16, steps=0)
    yield "untrained_c", plain(one_hot, 40, 6, 10, steps=0)
    yield "twin_units_a", plain(gaussian, 40, 3, 8, change=network_twins)
    yield "twin_units_b", plain(rastrigin, 50, 2, 10, change=network_twins)
    yield "unbalanced_units", plain(gaussian, 40, 4, 10, change=network_unbalanced)
    yield "huge_price", plain(gaussian, 40, 3, 8, lipschitz=100.0, decay=100.0)
    yield "tiny_price", plain(gaussian, 50, 2, 6, lipschitz=1e-5, decay=1e-5)


def questions(index, base):
    """What is asked of each instance: the six programs always, and a rotation of their variations."""
    price, decay = base["lipschitz"], base["decay"]
    yield {"program": "lipsdp"}
    yield {"program": "lipsdp-inf"}
    yield {"program": "decay", "decay": decay}
    yield {"program": "paper", "lipschitz": price}
    yield {"program": "joint", "lipschitz": price}
    yield {"program": "joint-inf", "lipschitz": price}
    variations = [
        {"program": "joint", "lipschitz": price, "output_bias": True},
        {"program": "joint", "lipschitz": price, "decay": decay},
        {"program": "joint", "lipschitz": price, "penalty": "L2"},
        {"program": "joint", "lipschitz": price, "weighted": True},
        {"program": "joint", "lipschitz": 0.0, "limit": 0.5},
        {"program": "joint", "lipschitz": price, "limit": 0.7},
        {"program": "joint-inf", "lipschitz": price, "decay": decay, "output_bias": True},
        {"program": "joint-inf", "lipschitz": price, "penalty": "L2", "weighted": True},
        {"program": "decay", "decay": decay, "output_bias": True, "weighted": True},
        {"program": "joint", "lipschitz": price, "decay": decay, "limit": 0.7, "output_bias": True, "weighted": True},
        {"program": "joint", "lipschitz": 0.0},
        {"program": "joint-inf", "lipschitz": 0.0, "limit": 0.5, "output_bias": True},
    ]
    for offset in range(4):
        yield variations[(4 * index + offset + index // 3) % len(variations)]


# Instances that are also asked with other losses: one or two of each kind.
LOSSES = ["rastrigin_a", "rastrigin_f", "gaussian_a", "gaussian_e", "one_hot_a", "duplicate_rows_a", "duplicate_rows_b",
          "constant_columns_a", "badly_scaled_c", "all_active_a", "dead_units_a", "zero_outputs_a", "few_rows_a",
          "one_unit_a", "one_row_a", "untrained_a", "twin_units_a", "unbalanced_units"]


def loss_questions(index, base):
    """What is asked of some instances with other losses: formulas and variations in rotation."""
    formulas = ["huber:0.3", "quantile:0.5", "quantile:0.9", "huber:0.05"]
    price, decay = base["lipschitz"], base["decay"]
    variations = [
        {"program": "joint", "lipschitz": price},
        {"program": "joint", "lipschitz": price, "decay": decay, "output_bias": True, "weighted": True},
        {"program": "decay", "decay": decay, "output_bias": True},
        {"program": "joint-inf", "lipschitz": price, "penalty": "L2"},
        {"program": "joint", "lipschitz": 0.0, "limit": 0.5, "output_bias": True},
    ]
    for offset in range(4):
        yield variations[(index + offset) % len(variations)] | {"formula": formulas[(index + offset) % 4]}


def linear_questions(index, base):
    """What is asked of some instances with a linear part."""
    price, decay = base["lipschitz"], base["decay"]
    variations = [
        {"program": "joint", "lipschitz": price},
        {"program": "joint", "lipschitz": price, "decay": decay, "output_bias": True, "weighted": True},
        {"program": "joint-inf", "lipschitz": price, "decay": decay},
        {"program": "joint", "lipschitz": price, "penalty": "L2", "output_bias": True, "formula": "huber:0.3"},
        {"program": "decay", "decay": decay, "output_bias": True},
        {"program": "joint-inf", "lipschitz": price, "output_bias": True, "formula": "quantile:0.9"},
        {"program": "joint", "lipschitz": 0.0, "limit": 0.5, "output_bias": True},
    ]
    for offset in range(4):
        yield variations[(index + offset) % len(variations)] | {"linear_part": True}


def recomputed(question, instance, solution):
    """The objective of the solution read as a network: relu for the patterns, LipSDP for L."""
    z, sign = np.array(solution["z"]), np.sign(instance.v)
    linear = None if solution["a"] is None else np.array(solution["a"])
    error = np.maximum(instance.x_bar @ z.T, 0) @ sign + solution["c"] - instance.y
    if linear is not None:
        error = error + instance.x_bar[:, :-1] @ linear
    total = oracle.mean_loss(instance, cp.Constant(error)).value + instance.decay * np.linalg.norm(z, axis=1).sum()
    if question["program"] in ("joint", "joint-inf") and instance.lipschitz > 0:
        # The programs end with units that are zero up to rounding; without a change of the network they cost nothing.
        size = np.linalg.norm(z[:, :-1], axis=1)
        keep = size > 1e-9 * max(size.max(), 1e-9)
        if size.max() < 1e-7:
            return total
        norm = "inf" if question["program"].endswith("-inf") else "2"
        bound = oracle.lipsdp(z[keep, :-1], sign[keep], norm, linear=linear)[0]["objective"]
        total += instance.lipschitz * (bound**2 if instance.penalty == "L2" else bound)
    return total


def ask(question, raw, answers, complain):
    """The stored answer to one question, or None with a complaint."""
    ask_raw = raw | {key: question[key] for key in ("lipschitz", "decay", "penalty", "output_bias", "formula", "linear_part") if key in question}
    ask_raw = {"lipschitz": 0.0, "decay": 0.0} | {k: v for k, v in ask_raw.items() if k in question or k in "xywbv"}
    if question.get("weighted"):
        ask_raw["weights"] = raw["weights"]
    if "limit" in question:
        name = "joint-inf" if question["program"] == "joint-inf" else "joint"
        reference = next((a for a in answers if a["program"] == name and a["lipschitz_bound"] is not None), None)
        if reference is None or reference["lipschitz_bound"] < 1e-6:
            return None
        ask_raw["max_lipschitz"] = float(f"{question['limit'] * reference['lipschitz_bound']:.6g}")
    # The multipliers of (2) are not unique: those that are stored are those that were held, found once.
    ell = None
    try:
        if question["program"] == "paper":
            instance = oracle.Instance(ask_raw)
            ell = oracle.lipsdp(instance.w_bar[:, :-1], instance.v)[1]
        solution = oracle.answer(question["program"], ask_raw, ell=ell)
    except Exception as failure:  # CVXPY raises for its solvers in several ways
        return complain(question, f"the solver failed: {failure}")
    if solution["objective"] is None:
        return complain(question, f"no solution: {solution['status']}")
    size = max(abs(solution["objective"]), 1e-3)
    gap = solution["gap"] * max(1.0, abs(solution["objective"])) / size
    if not (gap < GOOD and solution["residual"] < GOOD):
        return complain(question, f"{solution['status']}, relative gap {gap:.1e}, residual {solution['residual']:.1e}")
    stored = {"program": question["program"], "lipschitz": ask_raw["lipschitz"], "decay": ask_raw["decay"],
              "penalty": ask_raw.get("penalty", "L"), "output_bias": ask_raw.get("output_bias", False),
              "weighted": bool(question.get("weighted")), "max_lipschitz": ask_raw.get("max_lipschitz"),
              "status": solution["status"], "gap": float(f"{gap:.1e}"),
              "residual": float(f"{solution['residual']:.1e}"),
              "objective": solution["objective"], "loss": solution.get("loss"),
              "lipschitz_bound": solution["lipschitz"]} | {key: question[key] for key in ("formula", "linear_part") if key in question}
    if question["program"] == "paper":
        if not (extra := rounds(raw, question, solution, ell)):
            return complain(question, "a later round of the alternation failed")
        stored |= extra
    elif "z" in solution:
        instance = oracle.Instance(ask_raw)
        other = recomputed(question, instance, solution)
        if not abs(other - solution["objective"]) < 2e-7 * size:
            return complain(question, f"objective {solution['objective']:.10g}, recomputed {other:.10g}")
    return stored


def rounds(raw, question, first, ell, count=4):
    """(12) repeated with new multipliers; and how far the choice of multipliers moves the first round.

    The optimal T of (2) need not be unique, and then (12) has no single answer. `ell` are the multipliers used here,
    `spread` the relative change of the objective when T comes from (J) with Z held in place of (2)."""
    ask_raw = {k: raw[k] for k in "xywbv"} | {"lipschitz": question["lipschitz"]}
    instance = oracle.Instance(ask_raw)
    w, v = instance.w_bar[:, :-1], instance.v
    other = oracle.train("paper", instance, ell=held(w, v))
    spread = abs(other["objective"] - first["objective"]) / max(abs(first["objective"]), 1e-3)
    values, solution = [first["objective"]], first
    sign = np.sign(v)
    try:
        for _ in range(count - 1):
            z = np.array(solution["z"])
            size = np.linalg.norm(z[:, :-1], axis=1)
            if size.min() < 1e-6 * size.max() or size.max() < 1e-6:
                break  # a unit vanished: its multiplier is no longer determined
            _, next_ell = oracle.lipsdp(z[:, :-1], sign)
            solution = oracle.train("paper", instance, ell=next_ell)
            if not (solution["gap"] < GOOD and solution["residual"] < GOOD):
                break
            values.append(solution["objective"])
    except Exception:
        pass
    return {"ell": ell.tolist(), "spread": float(f"{spread:.1e}"), "rounds": values}


def held(w, v):
    """The multipliers ell of the LipSDP bound from (J) with Z held: a second route to the same numbers."""
    z, sign, (m, d) = w * np.abs(v)[:, None], np.sign(v), w.shape
    ell, bound = cp.Variable(m, nonneg=True), cp.Variable()
    matrix = oracle.arrow(bound * np.eye(d), cp.Constant(z), 2 * cp.diag(ell), cp.multiply(ell, sign), bound)
    oracle.solve(cp.Problem(cp.Minimize(bound), [matrix >> 0]), "CLARABEL")
    return np.maximum(ell.value, 1e-300)


def add_variants(questions, is_one):
    """Ask the stored instances of LOSSES these questions too, and store the answers behind those that are there."""
    stored = 0
    for index, name in enumerate(LOSSES):
        path = OUT / f"{name}.json"
        raw = json.loads(path.read_text())
        answers = [answer for answer in raw["answers"] if not is_one(answer)]
        make = dict(instances())[name]
        lipschitz, decay = make(np.random.default_rng(0))[-2:]

        def complain(question, reason):
            print(f"dropped {name}: {question}: {reason}", file=sys.stderr, flush=True)

        base = {key: raw[key] for key in ("x", "y", "w", "b", "v", "weights")} | {"lipschitz": lipschitz, "decay": decay}
        for question in questions(index, base):
            if (found := ask(question, base, answers, complain)) is not None:
                answers.append(found)
                stored += 1
        path.write_text(json.dumps(raw | {"answers": answers}, separators=(",", ":")) + "\n")
        print(f"{name}: {len(answers)} answers", flush=True)
    print(f"{stored} answers")


def main():
    warnings.filterwarnings("ignore")
    OUT.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:] == ["--losses"]:
        return add_variants(loss_questions, lambda answer: "formula" in answer and "linear_part" not in answer)
    if sys.argv[1:] == ["--linear"]:
        return add_variants(linear_questions, lambda answer: "linear_part" in answer)
    wanted, stored_count, dropped = set(sys.argv[1:]), 0, []
    for index, (name, make) in enumerate(instances()):
        if wanted and name not in wanted:
            continue
        rng = np.random.default_rng(1000 + index)
        x, y, w, b, v, lipschitz, decay = make(rng)
        raw = {"x": x.tolist(), "y": y.tolist(), "w": w.tolist(), "b": b.tolist(), "v": v.tolist(),
               "weights": rng.uniform(0.0, 2.0, size=len(y)).round(3).tolist(), "lipschitz": lipschitz, "decay": decay}
        nearest = np.abs(x @ w.T + b)
        assert name == "zero_unit" or nearest.min() > 1e-10, f"{name}: a tie would leave the pattern open"

        def complain(question, reason):
            dropped.append(f"{name}: {question}: {reason}")
            print("dropped", dropped[-1], file=sys.stderr, flush=True)

        answers = []
        for question in questions(index, raw):
            if (found := ask(question, raw, answers, complain)) is not None:
                answers.append(found)
        if not any(a["program"] == "joint" for a in answers):
            print(f"dropped {name}: no joint answer", file=sys.stderr)
            continue
        stored_count += len(answers)
        whole = {"name": name} | {k: raw[k] for k in ("x", "y", "weights", "w", "b", "v")} | {"answers": answers}
        (OUT / f"{name}.json").write_text(json.dumps(whole, separators=(",", ":")) + "\n")
        print(f"{name}: n={len(y)} d={x.shape[1]} m={len(v)}, {len(answers)} answers", flush=True)
    print(f"{stored_count} answers stored, {len(dropped)} dropped")


if __name__ == "__main__":
    main()
