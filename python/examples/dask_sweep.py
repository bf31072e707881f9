"""A sweep over prices and seeds on a Dask cluster: here processes of this machine, elsewhere machines.

    python dask_sweep.py [WORKERS]

For machines, start `dask scheduler` on one and `dask worker ADDRESS` on each, and give `Client` the scheduler's address.
"""
import os
import sys

import joblib
import numpy as np
from dask.distributed import Client, LocalCluster
from sklearn.model_selection import cross_val_score

from tautnet import LipschitzRegressor


def judge(X, y, price, seed):
    """Bound and cross-validated error of one setting: runs on whatever worker is free."""
    model = LipschitzRegressor(hidden=20, start="random", lipschitz_price=price, random_state=seed, threads=1)
    error = -cross_val_score(model, X, y, cv=3, scoring="neg_root_mean_squared_error").mean()
    bound = model.fit(X, y).certificate_.lipschitz_upper_bound
    return {"lipschitz_price": price, "seed": seed, "error": float(error), "bound": bound, "process": os.getpid()}


def sweep(X, y, prices, seeds):
    """Every price with every seed."""
    jobs = (joblib.delayed(judge)(X, y, price, seed) for price in prices for seed in seeds)
    return joblib.Parallel()(jobs)


def main(workers=2):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=200)
    prices, seeds = [0.3, 0.1, 0.03, 0.01], [0, 1, 2]
    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, Client(cluster):
        with joblib.parallel_config(backend="dask"):
            results = sweep(X, y, prices, seeds)
    processes = {result["process"] for result in results}
    print(f"{len(results)} settings on {len(processes)} processes")
    for price in prices:
        chosen = [result for result in results if result["lipschitz_price"] == price]
        error, bound = (np.mean([result[key] for result in chosen]) for key in ("error", "bound"))
        print(f"price {price:5}: error {error:.4f}, Lipschitz bound {bound:.4f}, mean of {len(chosen)} seeds")
    return results


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
