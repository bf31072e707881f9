"""LipSDP of small networks with several layers, by CVXPY and Clarabel: the stored answers of `crates/tautnet/tests/known_deep_optima.rs`.

    python tests/known_optima/deep.py            writes crates/tautnet/tests/known_deep_optima.json

The matrix inequality is over the inputs and what every unit hands on, as the paper on LipSDP has it, and not over the numbers e of
`docs/mathematics/deep.md`, section 8: for a branch whose slopes are between a and b the multiplier t has the form t (z - a h)(z - b h).
A `crelu` is relu(h) and relu(h) - h, a `sincos` one circle. An answer is kept where the solver says that it is optimal.
"""

import json
from pathlib import Path

import cvxpy as cp
import numpy as np

PLACE = Path(__file__).parents[2] / "crates/tautnet/tests/known_deep_optima.json"
SECTORS = {"relu": (0, 1), "tanh": (0, 1), "abs": (-1, 1), "leaky-relu:0.25": (0.25, 1)}
KINDS = [["relu"], ["abs"], ["relu", "abs"], ["tanh", "relu"], ["leaky-relu:0.25"], ["crelu"], ["sincos"], ["crelu", "relu"]]


def network(seed):
    random = np.random.default_rng(seed)
    depth = 1 + seed % 5
    kinds = KINDS[seed % len(KINDS)]
    widths = random.integers(2, 7, depth + 2)
    layers, inputs = [], int(widths[0])
    for l in range(depth + 1):
        units = int(widths[l + 1])
        weights = np.round(random.normal(size=(units, inputs)) / np.sqrt(inputs), 6)
        activation = kinds[l % len(kinds)] if l < depth else "identity"
        layers.append({"weights": weights.tolist(), "bias": [0.0] * units, "activation": activation})
        inputs = units * (2 if activation in ("crelu", "sincos") else 1)
    return {"layers": layers}


def optimum(layers):
    """The least rho, as a number, and the solver's word."""
    weights = [np.array(layer["weights"]) for layer in layers]
    inputs = weights[0].shape[1]
    # Free coordinates: the inputs, and for each unit z (crelu: the first branch; sincos: both).
    size = inputs
    places = []
    for layer, w in zip(layers[:-1], weights):
        count = len(w) * (2 if layer["activation"] == "sincos" else 1)
        places.append(size)
        size += count
    unit = np.eye(size)
    handed = unit[:inputs]  # what the layer before hands on, as rows over the free coordinates
    rho = cp.Variable()
    total = rho * np.diag([1.0] * inputs + [0.0] * (size - inputs))
    for layer, w, place in zip(layers[:-1], weights, places):
        sums, m, kind = w @ handed, len(w), layer["activation"]
        t = cp.Variable(m, nonneg=True)
        z = unit[place : place + m]
        for i in range(m):
            h = sums[i]
            if kind == "sincos":
                other = unit[place + m + i]
                form = np.outer(z[i], z[i]) + np.outer(other, other) - np.outer(h, h)
            else:
                a, b = SECTORS["relu" if kind == "crelu" else kind]
                form = np.outer(z[i] - a * h, z[i] - b * h)
            total = total + t[i] * (form + form.T) / 2
        if kind == "sincos":
            handed = np.vstack([z, unit[place + m : place + 2 * m]])
        else:
            handed = np.vstack([z, z - sums]) if kind == "crelu" else z
    output = weights[-1] @ handed
    problem = cp.Problem(cp.Minimize(rho), [total - output.T @ output >> 0])
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    return float(np.sqrt(rho.value)), problem.status


def main():
    kept = []
    for seed in range(40):
        if len(kept) == 24:
            break
        made = network(seed)
        try:
            value, status = optimum(made["layers"])
        except cp.SolverError:
            value, status = float("nan"), "failed"
        print(seed, len(made["layers"]) - 1, made["layers"][0]["activation"], value, status)
        if status == "optimal":
            kept.append({"seed": seed, **made, "lipsdp": value})
    PLACE.write_text(json.dumps(kept, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
