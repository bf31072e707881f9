"""LipSDP of deep networks: seconds and bounds against CVXPY with Clarabel, and against `eclipse-nn` where it is installed.

Networks of relu layers 80 wide with 4 inputs and one output, weights from N(0, 1/width), and one of the shape of a digit network, 784-256-10. The
time of `tautnet` is that of the multipliers with the greedy bound and both proofs, `gap` its own relative gap. The other solver is given the
matrix inequality over the inputs and what every unit hands on, block by block; it is left out where a network is too large for its time.

    lipsdp_deep.py PROGRAM OUT [LIMIT]         rows that OUT has are not made again
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import time

COLUMNS = ["network", "units", "method", "limit", "seconds", "bound", "gap", "product", "greedy", "found", "over_product"]
# Name, widths, the largest number of seconds for tautnet, whether the other solvers are run (the greedy one of `eclipse-nn` always is).
NETWORKS = [
    ("5 x 20", [4, 20, 20, 20, 20, 20, 1], 60, True),
    ("2 x 80", [4, 80, 80, 1], 60, False),
    ("10 x 80", [4] + [80] * 10 + [1], 120, False),
    ("30 x 80", [4] + [80] * 30 + [1], 300, False),
    ("100 x 80", [4] + [80] * 100 + [1], 900, False),
    ("784-256-10, all outputs", [784, 256, 10], 60, False),
    ("784-256-1, one output", [784, 256, 1], 60, False),
]


def network(widths, seed=0):
    import numpy as np
    random = np.random.default_rng(seed)
    layers = []
    for l, (inputs, units) in enumerate(zip(widths, widths[1:])):
        weights = random.normal(size=(units, inputs)) / inputs**0.5
        # Of one hidden layer of relu the program tells margins in place of a ladder: the same function under another name.
        hidden = "relu" if len(widths) > 3 else "leaky-relu:0"
        activation = hidden if l + 2 < len(widths) else "identity"
        layers.append({"weights": weights.tolist(), "bias": [0.0] * units, "activation": activation})
    return {"format": "tautnet network", "version": 2, "layers": layers}


def other(layers):
    """The bound by CVXPY and Clarabel: one block for the inputs and each layer, block tridiagonal."""
    import cvxpy as cp
    import numpy as np
    weights = [np.array(layer["weights"]) for layer in layers]
    rho, t = cp.Variable(), [cp.Variable(len(w), nonneg=True) for w in weights[:-1]]
    blocks = [rho * np.eye(weights[0].shape[1])] + [2 * cp.diag(t) for t in t]
    blocks[-1] = blocks[-1] - weights[-1].T @ weights[-1]
    rows = []
    for i in range(len(blocks)):
        row = []
        for j in range(len(blocks)):
            if i == j:
                row.append(blocks[i])
            elif abs(i - j) == 1:
                below = -cp.diag(t[max(i, j) - 1]) @ weights[max(i, j) - 1]
                row.append(below if i > j else below.T)
            else:
                row.append(np.zeros((blocks[i].shape[0], blocks[j].shape[0])))
        rows.append(row)
    whole = cp.bmat(rows)
    cp.Problem(cp.Minimize(rho), [(whole + whole.T) / 2 >> 0]).solve(solver=cp.CLARABEL)
    return float(rho.value) ** 0.5


def greedy(layers, by_programs):
    """The bound of `eclipse-nn`: layer by layer, by a semidefinite program each (ECLipsE) or by a formula (ECLipsE-Fast)."""
    import torch
    from eclipse_nn.eclipsE import ECLipsE
    from eclipse_nn.eclipsE_fast import ECLipsE_Fast
    weights = [torch.tensor(layer["weights"], dtype=torch.float64) for layer in layers]
    between = [0.0] * (len(weights) - 1), [1.0] * (len(weights) - 1)
    found = (ECLipsE if by_programs else ECLipsE_Fast)(weights, *between)
    return float(found[0] if isinstance(found, tuple) else found)


def measure(program, out, most=None):
    out = pathlib.Path(out)
    rows = list(csv.DictReader(out.open())) if out.exists() else []

    def keep(row):
        rows.append(row)
        with out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(rows)
        print(row, flush=True)

    def have(name, method):
        return any(row["network"] == name and row["method"] == method for row in rows)

    with tempfile.TemporaryDirectory() as folder:
        for name, widths, limit, raced in NETWORKS:
            units, path = sum(widths[1:-1]), pathlib.Path(folder) / "network.json"
            limit = min(limit, float(most)) if most else limit
            made = network(widths)
            path.write_text(json.dumps(made))
            if not have(name, "tautnet"):
                # Half of the time is for the multipliers, half for the search that finds a large Jacobian.
                command = [program, "certify", str(path), "--norm", "2", "--json", "--quiet", "--time-limit", f"{2 * limit:g}s"]
                ran = subprocess.run(command, capture_output=True, text=True)
                if ran.returncode:
                    raise SystemExit(f"lipsdp-deep: {name}: {ran.stderr.strip()}")
                told = json.loads(ran.stdout)
                ladder, found = told["ladder"], told["lipsdp"]
                keep({"network": name, "units": units, "method": "tautnet", "limit": limit, "seconds": round(found["seconds"], 2),
                      "bound": ladder["lipsdp"], "gap": found["gap"], "product": ladder["norm_product"], "greedy": ladder["greedy"],
                      "found": ladder["found"], "over_product": round(ladder["lipsdp"] / ladder["norm_product"], 4)})
            rivals = [("ECLipsE-Fast", lambda layers: greedy(layers, False))]
            if raced:
                rivals += [("ECLipsE", lambda layers: greedy(layers, True)), ("CVXPY and Clarabel", other)]
            for rival, bound_of in rivals:
                if have(name, rival):
                    continue
                start = time.perf_counter()
                try:
                    bound = bound_of(made["layers"])
                except Exception as error:  # what is not installed, and solvers that give up
                    print(f"lipsdp-deep: {name}: no answer of {rival}: {error}")
                    continue
                keep({"network": name, "units": units, "method": rival, "seconds": round(time.perf_counter() - start, 2), "bound": bound})
    return rows


def run(setup):
    from common import PROGRAM, RESULTS
    measure(PROGRAM, RESULTS / "lipsdp-deep.csv")


if __name__ == "__main__":
    measure(*sys.argv[1:])
