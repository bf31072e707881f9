"""Fits on Dask: how long, how much goes between machines, and what happens where workers die.

    python benchmarks/dask_fit.py scale [ROWS]     # 1, 2 and 4 processes and this process alone, on the same rows
    python benchmarks/dask_fit.py kill [RUNS]      # workers are killed at random moments of fits
    python benchmarks/dask_fit.py others [ROWS]    # other regressors on the same rows and cluster, where they are installed

Rows of figures are appended to benchmarks/results/dask.csv. The package must be installed, with `dask[array,dataframe,distributed]`.
"""

import concurrent.futures
import csv
import hashlib
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

import dask
import dask.array as da
import distributed
import numpy as np

import tautnet
from tautnet import _dask_rows, _tautnet
from tautnet.dask import DaskLipschitzRegressor

RESULTS = pathlib.Path(__file__).parent / "results" / "dask.csv"
FIELDS = ["what", "rows", "columns", "hidden", "workers", "killed", "seconds", "seconds_before_the_first_question", "passes", "seconds_of_passes", "bytes_between_workers_before", "bytes_between_workers_a_pass", "bytes_to_the_client_a_pass", "mse", "mse_held_out", "bound", "sha256", "note"]
COLUMNS, CHUNK = 10, 250_000
STEALING = os.environ.get("STEALING", "on") == "on"  # whether Dask may copy parts to workers that have nothing to do


def block(place, rows, seed=0):
    """Rows of a smooth function of ten inputs with noise; the last column is the target."""
    rng = np.random.default_rng([seed, place])
    X = rng.normal(size=(rows, COLUMNS))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * np.abs(X[:, 3]) + X[:, 4:] @ np.linspace(0.1, 0.6, COLUMNS - 4) + 0.3 * rng.normal(size=rows)
    return np.column_stack([X, y])


def table(rows, seed=0):
    """The rows as an array of Dask, made by the workers."""
    sizes = [min(CHUNK, rows - begin) for begin in range(0, rows, CHUNK)]
    make = dask.delayed(block, pure=True)
    parts = [da.from_delayed(make(place, size, seed), shape=(size, COLUMNS + 1), dtype=float) for place, size in enumerate(sizes)]
    return da.concatenate(parts)


def digest(model):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.json"
        model.model_.save(str(path), overwrite=True)
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def told(**facts):
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow({field: facts.get(field, "") for field in FIELDS})
    print(facts, flush=True)


def cluster_of(workers, **more):
    config = {"distributed.scheduler.work-stealing": STEALING, "distributed.scheduler.allowed-failures": 20, "distributed.worker.memory.target": False, "distributed.worker.memory.spill": False}
    dask.config.set(config)
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=0, **more)


def between_workers(client):
    return sum(client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total).values())


class Watched(_dask_rows.Asking):
    """Notes how long answers take, and what goes between workers."""

    def __init__(self, rows):
        super().__init__(rows)
        Watched.latest = self
        self.begun, self.seconds, self.bytes, self.numbers, self.kinds = time.monotonic(), [], [between_workers(rows.client)], [], []

    def __call__(self, question, over):
        begun = time.monotonic()
        answer = super().__call__(question, over)
        self.seconds.append(time.monotonic() - begun)
        self.kinds.append("+".join(next(iter(one)) for one in json.loads(question)["asked"]))
        self.bytes.append(between_workers(self.rows.client))
        self.numbers.append(answer.nbytes)
        return answer


def in_this_process(rows, hidden, price, threads):
    """The same fit of the same rows in one memory."""
    sizes = [min(CHUNK, rows - begin) for begin in range(0, rows, CHUNK)]
    whole = np.empty((rows, COLUMNS + 1), order="F")
    for place, size in enumerate(sizes):
        whole[place * CHUNK : place * CHUNK + size] = block(place, size)
    X, y = whole[:, :-1], np.ascontiguousarray(whole[:, -1])
    size = _tautnet.rows_in_shard(COLUMNS)
    shards = [(k, first, X[first : first + size], y[first : first + size], None) for k, first in enumerate(range(0, rows, size))]
    seconds, kinds = [], []

    def ask(question, over):
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            forests = list(pool.map(lambda shard: _tautnet.visit(question, [shard]), shards))
        answer = _tautnet.finish(_tautnet.merge(forests))
        seconds.append(time.monotonic() - begun)
        kinds.append("+".join(next(iter(one)) for one in json.loads(question)["asked"]))
        return answer

    model = DaskLipschitzRegressor(hidden=hidden, lipschitz_price=price, threads=1)
    of = {"rows": rows, "columns": [f"column_{j + 1}" for j in range(COLUMNS)], "target": f"column_{COLUMNS + 1}", "seed": 0, "held_out": 0.0}
    begun = time.monotonic()
    model.model_, _, facts = _tautnet.fit_far(ask, of, tautnet._estimator.options(model.get_params()), (None, 1, None))
    model.losses_ = json.loads(facts)["losses"]
    return model, time.monotonic() - begun, seconds, kinds


def passes_in_words(kinds, seconds):
    return " ".join(f"{kind}:{took:.2f}" for kind, took in zip(kinds, seconds))


def scale(rows=10_000_000, hidden=50, price=0.01):
    note = f"machine of {os.cpu_count()} cores, others at work on it (load {os.getloadavg()[0]:.0f}); work stealing {'on' if STEALING else 'off'}"
    facts = {"what": "scale", "rows": rows, "columns": COLUMNS, "hidden": hidden, "note": note}
    import tautnet.dask as place

    place.Asking = Watched
    for workers in map(int, os.environ.get("WORKERS", "1,2,4").split(",")):
        with cluster_of(workers) as cluster, distributed.Client(cluster) as client:
            given = client.persist(table(rows))
            distributed.wait(given)
            before = between_workers(client)
            begun = time.monotonic()
            model = DaskLipschitzRegressor(hidden=hidden, lipschitz_price=price, threads=1).fit(given[:, :-1], given[:, -1])
            took, seen = time.monotonic() - begun, Watched.latest
            told(
                **facts, workers=workers, seconds=round(took, 2), seconds_before_the_first_question=round(seen.begun - begun, 2), passes=len(seen.seconds),
                seconds_of_passes=passes_in_words(seen.kinds, seen.seconds), bytes_between_workers_before=seen.bytes[0] - before,
                bytes_between_workers_a_pass=" ".join(str(int(d)) for d in np.diff(seen.bytes)), bytes_to_the_client_a_pass=" ".join(map(str, seen.numbers)),
                mse=model.losses_["network"]["learned"], bound=model.certificate_.lipschitz_upper_bound, sha256=digest(model),
            )
    model, took, seconds, kinds = in_this_process(rows, hidden, price, 2)
    told(
        **{**facts, "what": "in one process, 2 threads"}, workers=0, seconds=round(took, 2), passes=len(seconds), seconds_of_passes=passes_in_words(kinds, seconds),
        mse=model.losses_["network"]["learned"], bound=model.certificate_.lipschitz_upper_bound, sha256=digest(model),
    )


def kill(runs=12, rows=400_000, hidden=10, price=0.01):
    """Runs in which one worker is killed, then runs in which two are, each at a random moment of the fit."""
    rng = random.Random(0)
    usual = None
    with cluster_of(3) as cluster, distributed.Client(cluster) as client:
        for run in range(-1, runs):
            try:
                client.wait_for_workers(3, timeout=15)
            except TimeoutError:
                print(f"a worker that was killed did not come back: {len(client.nthreads())} are left", flush=True)
            X = table(rows)
            killed = 0 if run < 0 else 1 if run < runs // 2 else 2
            ended = threading.Event()

            def killer(moments):
                begun = time.monotonic()
                for moment in moments:
                    if ended.wait(max(moment - (time.monotonic() - begun), 0.0)):
                        return
                    process = rng.choice([worker.process.pid for worker in cluster.workers.values() if worker.process is not None and worker.process.pid])
                    killing.append(process)
                    os.kill(process, signal.SIGKILL)

            killing = []
            moments = sorted(rng.uniform(0.0, 0.9) * usual for _ in range(killed)) if killed else []
            thread = threading.Thread(target=killer, args=(moments,))
            begun = time.monotonic()
            thread.start()
            model = DaskLipschitzRegressor(hidden=hidden, lipschitz_price=price, threads=1).fit(X[:, :-1], X[:, -1])
            took = time.monotonic() - begun
            ended.set()
            thread.join()
            usual = took if usual is None else min(usual, took)
            told(
                what="kill", rows=rows, columns=COLUMNS, hidden=hidden, workers=3, killed=len(killing), seconds=round(took, 2), passes=model.n_passes_,
                sha256=digest(model), note="killed after " + " ".join(f"{moment:.2f}" for moment in moments[: len(killing)]) + " s" if killing else "",
            )


def others(rows=1_000_000, hidden=50, price=0.01):
    """What else there is on Dask, as it is, on two processes; the error is on rows of another seed."""
    test = block(0, 200_000, seed=1)
    facts = {"rows": rows, "columns": COLUMNS, "workers": 2}
    with cluster_of(2) as cluster, distributed.Client(cluster) as client:
        given = client.persist(table(rows))
        distributed.wait(given)
        X, y = given[:, :-1], given[:, -1]

        def judged(what, fit, **more):
            begun = time.monotonic()
            try:
                predict = fit()
            except ImportError as error:
                print(f"{what}: {error}")
                return
            took = time.monotonic() - begun
            off = float(np.mean((np.asarray(predict(test[:, :-1])) - test[:, -1]) ** 2))
            told(what=what, **facts, seconds=round(took, 2), mse_held_out=off, **more)

        def own():
            return DaskLipschitzRegressor(hidden=hidden, lipschitz_price=price, threads=1).fit(X, y).predict

        def trees():
            from xgboost import dask as xgb

            model = xgb.DaskXGBRegressor(n_estimators=100, tree_method="hist")
            model.client = client
            fitted = model.fit(X, y)
            return lambda rows: fitted.predict(da.from_array(rows, chunks=rows.shape)).compute()

        def linear():
            from dask_ml.linear_model import LinearRegression

            fitted = LinearRegression(solver="admm").fit(X, y)
            return lambda rows: rows @ fitted.coef_ + fitted.intercept_

        def least_squares():
            with_one = da.concatenate([X, da.ones((rows, 1), chunks=(X.chunks[0], 1))], axis=1).rechunk({1: COLUMNS + 1})
            solved = np.linalg.solve(*dask.compute(with_one.T @ with_one, with_one.T @ y))
            return lambda rows: rows @ solved[:-1] + solved[-1]

        judged("DaskLipschitzRegressor", own, hidden=hidden)
        judged("xgboost.dask.DaskXGBRegressor, 100 trees", trees)
        judged("dask_ml LinearRegression", linear)
        judged("least squares by dask.array", least_squares)


if __name__ == "__main__":
    {"scale": scale, "kill": kill, "others": others}[sys.argv[1]](*map(int, sys.argv[2:]))
