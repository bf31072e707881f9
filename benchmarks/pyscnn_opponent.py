"""One run of pyscnn on given gates; prints one JSON object with the objective in this project's scaling.

    pyscnn_opponent.py gated|relu DATA.csv GATES.csv DECAY float32|float64 STEPS

Its objective is ‖f − y‖²/2n + λ′Σ‖u‖, so λ′ = DECAY/2 and the objective here is twice that. Columns are not rescaled
(unitize_data=False), and the column of ones is part of the data, so that the penalty is the same. The objective is
recomputed in double precision from the network that is returned: for relu as a relu network, whose units may have left
the cells a little.
"""
import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")
import numpy as np  # noqa: E402
from scnn.metrics import Metrics  # noqa: E402
from scnn.models import ConvexGatedReLU, ConvexReLU  # noqa: E402
from scnn.optimize import optimize_model  # noqa: E402
from scnn.regularizers import NeuronGL1  # noqa: E402
from scnn.solvers import AL, RFISTA  # noqa: E402


def main():
    what, data, gates, decay, dtype, steps = sys.argv[1:]
    table, gates, decay = np.loadtxt(data, delimiter=","), np.loadtxt(gates, delimiter=","), float(decay)
    x, y = np.c_[table[:, :-1], np.ones(len(table))], table[:, -1]
    model = (ConvexGatedReLU if what == "gated" else ConvexReLU)(gates.T.copy())
    steps = int(steps)
    solver = RFISTA(model, max_iters=steps) if what == "gated" else AL(model, max_primal_iters=steps)
    start = time.perf_counter()
    network, _ = optimize_model(model, solver, Metrics(metric_freq=1000), x, y, regularizer=NeuronGL1(decay / 2),
                                return_convex=what == "gated", unitize_data=False, dtype=dtype)
    seconds = time.perf_counter() - start
    if what == "gated":
        u = np.asarray(network.parameters[0], float)[0]
        f = np.einsum("ij,kj,ik->i", x, u, (x @ np.asarray(network.G, float) > 0).astype(float))
        lengths = np.linalg.norm(u, axis=1)
    else:
        w, v = (np.asarray(p, float) for p in network.parameters)
        f = np.maximum(x @ w.T, 0) @ v[0]
        lengths = np.linalg.norm(w, axis=1) * np.abs(v[0])
    objective = np.mean((f - y) ** 2) + decay * lengths.sum()
    print(json.dumps({"seconds": seconds, "objective": float(objective), "units": int((lengths > 0).sum())}))


if __name__ == "__main__":
    main()
