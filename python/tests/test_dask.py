"""Fits on a Dask cluster: the same bytes whoever holds which rows, whoever dies meanwhile, and in one process."""
import concurrent.futures
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import tautnet
from tautnet import _tautnet
from tautnet._errors import TautnetError

da = pytest.importorskip("dask.array", reason="dask is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")
import dask  # noqa: E402

from tautnet import _dask_rows  # noqa: E402
from tautnet.dask import DaskLipschitzClassifier, DaskLipschitzRegressor  # noqa: E402

SETTINGS = {"hidden": 5, "start": "random", "lipschitz_price": 0.01, "threads": 1}
ROWS = 200_000


def made_of(rows, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3)) * [1.0, 10.0, 0.1] + 5.0
    return X, np.sin(X[:, 0]) + 0.1 * X[:, 1] + 0.1 * rng.normal(size=rows), rng.integers(0, 3, rows).astype(float)


@pytest.fixture(scope="module")
def rows():
    return made_of(ROWS, 0)


@pytest.fixture(scope="module")
def cluster():
    with dask.config.set({"distributed.scheduler.allowed-failures": 10, "distributed.admin.large-graph-warning-threshold": "100MB"}):
        cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0")
        yield cluster
        with contextlib.suppress(KeyError):  # of a worker that was killed, as the cluster sees it
            cluster.close()


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


def data(model, tmp_path):
    """The bytes of a model file."""
    path = tmp_path / "model.json"
    model.save(path, overwrite=True)
    return path.read_bytes()


def in_this_process(X, y, weights, settings, held_out=0.0):
    """The same fit of rows in one memory, in the same words."""
    size = _tautnet.rows_in_shard(X.shape[1])
    shards = [(k, first, X[first : first + size], y[first : first + size], None if weights is None else weights[first : first + size]) for k, first in enumerate(range(0, len(X), size))]

    def ask(question, over):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            forests = list(pool.map(lambda shard: _tautnet.visit(question, [shard]), shards))
        return None if over() else _tautnet.finish(_tautnet.merge(forests))

    model = DaskLipschitzRegressor(**settings)
    of = {"rows": len(X), "columns": [f"column_{j + 1}" for j in range(X.shape[1])], "target": f"column_{X.shape[1] + 1}", "seed": 0, "held_out": held_out}
    of |= {"classes": None, "sample": None}
    model.model_, cut_short, facts = _tautnet.fit_far(ask, of, tautnet._estimator.options(model.get_params()), (None, 1, None))
    assert cut_short is None
    return model


@pytest.fixture(scope="module")
def due(rows, tmp_path_factory):
    X, y, weights = rows
    folder = tmp_path_factory.mktemp("due")
    return {weighted: data(in_this_process(X, y, weights if weighted else None, SETTINGS), folder) for weighted in (False, True)}


def arrays(rows, chunks, weights=False):
    X, y, w = rows
    collections = [da.from_array(values, chunks=(chunks, *values.shape[1:])) for values in (X, y, w)]
    return collections if weights else collections[:2]


UNEQUAL = (1, 70_000, 0, 3, 65_536, 0, 60_000, 4_460)


def test_the_same_bytes_on_any_number_of_workers(rows, cluster, client, due, tmp_path):
    for workers in (1, 2, 3, 5):
        cluster.scale(workers)
        client.wait_for_workers(workers)
        model = DaskLipschitzRegressor(**SETTINGS, client=client).fit(*arrays(rows, 40_000))
        assert data(model, tmp_path) == due[False], workers
    cluster.scale(2)


def test_the_same_bytes_however_the_rows_are_cut(rows, client, due, tmp_path):
    for chunks in (ROWS, UNEQUAL):
        assert data(DaskLipschitzRegressor(**SETTINGS).fit(*arrays(rows, chunks)), tmp_path) == due[False]
    # Each collection cut in its own way, and with weights.
    X, y, weights = (arrays(rows, chunks, True)[k] for k, chunks in enumerate((50_000, UNEQUAL, 30_000)))
    model = DaskLipschitzRegressor(**SETTINGS).fit(X, y, weights)
    assert data(model, tmp_path) == due[True] != due[False]
    assert model.n_rows_ == (rows[2] > 0).sum()


def test_facts_and_predictions(rows, client):
    X, y, _ = rows
    given = arrays(rows, 50_000)
    model = DaskLipschitzRegressor(**SETTINGS, held_out=0.1).fit(*given)
    assert model.n_rows_ + model.n_rows_held_out_ == ROWS and 0.09 < model.n_rows_held_out_ / ROWS < 0.11
    losses = model.losses_
    assert losses["network"]["learned"] < 1.1 * losses["start"]["learned"] and losses["network"]["held_out"] < losses["linear"]["held_out"] < losses["constant"]["held_out"]
    assert model.n_passes_ >= 3 and model.n_iter_ > 3 and model.duality_gap_ < 1e-6 and len(model.gap_path_) == model.n_iter_ + 1
    assert model.lipschitz_price_ == 0.01 and model.n_features_in_ == 3 and not hasattr(model, "feature_names_in_")
    local = model.to_local()
    assert type(local) is tautnet.LipschitzRegressor and local.certificate_.lipschitz_upper_bound == model.certificate_.lipschitz_upper_bound
    lazy = model.predict(given[0])
    assert isinstance(lazy, da.Array) and lazy.chunks == ((50_000,) * 4,)
    predicted = lazy.compute()
    assert predicted.tobytes() == local.predict(X).tobytes() == model.predict(X).tobytes()
    truth = 1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert abs(model.score(*given) - truth) < 1e-12 and abs(model.score(X, y) - truth) < 1e-12
    # What the loss on all rows says is what the predictions have.
    whole = DaskLipschitzRegressor(**SETTINGS).fit(*given)
    assert abs((1 - whole.score(*given)) - whole.losses_["network"]["learned"]) < 1e-9


WITHIN = {"hidden": 4, "decay": 0.01, "tolerance": [0.1, 0.05, 0.0], "held_out": 0.1}


def test_a_network_for_a_tolerance_has_the_same_bytes_and_is_never_worse_for_all_rows(rows, client, monkeypatch, tmp_path):
    # A small sample, so that the test does not wait for the choice; the descent is over all rows.
    monkeypatch.setattr(DaskLipschitzRegressor, "_sample", 600)
    models = [DaskLipschitzRegressor(**WITHIN).fit(*arrays(rows, chunks)) for chunks in (UNEQUAL, 50_000)]
    assert data(models[0], tmp_path) == data(models[1], tmp_path)
    model = models[0]
    assert model.n_steps_ >= 256 and model.n_passes_ == 2 and model.lipschitz_price_ is None
    assert model.n_rows_ + model.n_rows_held_out_ == ROWS
    found, bound = model.worst_cases_["found"], model.worst_cases_["bound"]
    assert found["network"]["learned"] <= found["start"]["learned"]
    for kind in ("learned", "held_out"):
        assert model.losses_["network"][kind] < found["network"][kind] <= bound["network"][kind]
    local = model.to_local()
    assert local.tolerance_ == ["column_1=0.1", "column_2=0.05", "column_3=0"] and local.worst_case_error_ > 0
    # The squared error within the tolerance that an attack finds in some rows is not above what bounds all of them.
    within = local.predict(rows[0][:2000], interval="tolerance")
    assert (within.lower <= within.prediction).all() and (within.prediction <= within.upper).all()


def test_two_classes(rows, client, monkeypatch):
    monkeypatch.setattr(DaskLipschitzClassifier, "_sample", 600)
    X, y, _ = rows
    labels = np.where(y > np.median(y), "warm", "cold")
    given, classes = da.from_array(X, chunks=(60_000, 3)), da.from_array(labels, chunks=70_000)
    model = DaskLipschitzClassifier(hidden=4, decay=0.01, tolerance="0.05sd").fit(given, classes)
    assert list(model.classes_) == ["cold", "warm"] and model.n_rows_ == ROWS and model.n_steps_ >= 256
    found = model.worst_cases_["found"]
    assert model.losses_["network"]["learned"] < found["network"]["learned"] <= found["start"]["learned"]
    predicted = model.predict(given)
    assert isinstance(predicted, da.Array) and predicted.chunks == ((60_000,) * 3 + (20_000,),)
    right = (predicted.compute() == labels).mean()
    assert right > 0.8 and abs(model.score(given, classes) - right) < 1e-12
    local = model.to_local()
    assert type(local) is tautnet.LipschitzClassifier and (local.predict(X[:500]) == predicted[:500].compute()).all()
    probabilities = model.predict_proba(given)
    assert probabilities.shape == (ROWS, 2) and np.allclose(probabilities[:500].compute(), local.predict_proba(X[:500]))
    margins = model.decision_function(given)[:500].compute()
    assert ((margins > 0) == (local.predict(X[:500]) == "warm")).all()
    with pytest.raises(tautnet.TautnetError, match="only one class"):
        DaskLipschitzClassifier().fit(given, da.zeros(ROWS, chunks=60_000))
    with pytest.raises(tautnet.TautnetError, match="3 classes"):
        DaskLipschitzClassifier().fit(given, da.from_array(np.arange(ROWS) % 3, chunks=60_000))
    with pytest.raises(tautnet.TautnetError, match="the tolerance is 0") as refused:
        DaskLipschitzClassifier(tolerance=0).fit(given, classes)
    assert 'tolerance="exact"' in str(refused.value)
    with pytest.raises(tautnet.TautnetError, match="a row for each row"):
        DaskLipschitzClassifier(tolerance=np.ones((2, 3))).fit(given, classes)
    # Frames.
    pandas = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe needs pyarrow")
    frame = dd.from_pandas(pandas.DataFrame(X[:3000], columns=["a", "b", "c"]).assign(kind=labels[:3000]), npartitions=3)
    model = DaskLipschitzClassifier(hidden=3, decay=0.01).fit(frame[["a", "b", "c"]], frame["kind"])
    assert list(model.feature_names_in_) == ["a", "b", "c"] and model.n_steps_ >= 256
    series = model.predict(frame[["a", "b", "c"]])
    assert series.compute().isin(["cold", "warm"]).all() and model.predict_proba(frame[["a", "b", "c"]]).compute().shape == (3000, 2)


def test_a_price_is_chosen_on_a_sample(client):
    X, y, _ = made_of(3_000, 1)
    model = DaskLipschitzRegressor(hidden=3, start="random").fit(da.from_array(X, chunks=(700, 2)), da.from_array(y, chunks=1_000))
    assert model.lipschitz_path_ is not None and model.lipschitz_price_ > 0
    assert model.get_params()["lipschitz_price"] == "auto"


def test_frames(rows, client, due, tmp_path):
    pandas = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe needs pyarrow")
    X, y, weights = rows
    frame = pandas.DataFrame(X, columns=["a", "b", "c"]).assign(y=y, w=weights)
    cuts = [frame.iloc[:10], frame.iloc[10:10], frame.iloc[10:90_000], frame.iloc[90_000:]]
    given = dd.concat([dd.from_pandas(cut, npartitions=1) for cut in cuts[:1] + cuts[2:]])
    given = given.map_partitions(lambda part: part)
    model = DaskLipschitzRegressor(**SETTINGS).fit(given[["a", "b", "c"]], given["y"], given["w"])
    assert list(model.feature_names_in_) == ["a", "b", "c"] and model.model_.target == "y"
    lazy = model.predict(given[["a", "b", "c"]])
    assert isinstance(lazy, dd.Series) and lazy.name == "y" and lazy.dtype == float
    found = lazy.compute()
    assert isinstance(found, pandas.Series) and found.index.equals(frame.index)
    assert found.to_numpy().tobytes() == model.to_local().predict(frame[["a", "b", "c"]]).tobytes()
    # Read by the workers that hold them.
    given.repartition(npartitions=3).to_parquet(tmp_path / "rows")
    read = dd.read_parquet(tmp_path / "rows")
    again = DaskLipschitzRegressor(**SETTINGS).fit(read[["a", "b", "c"]], read["y"], read["w"])
    assert data(again, tmp_path) == data(model, tmp_path)


def test_floats_stay_floats(rows, client, tmp_path):
    X, y, _ = rows
    single = X[:70_000].astype(np.float32)
    model = DaskLipschitzRegressor(**SETTINGS).fit(da.from_array(single, chunks=30_000), da.from_array(y[:70_000], chunks=30_000))
    assert data(model, tmp_path) == data(in_this_process(single.astype(float), y[:70_000], None, SETTINGS), tmp_path)


def test_estimators_are_copied(rows, client, tmp_path):
    given = [one[:5_000] for one in arrays(rows, 3_000)]
    model = DaskLipschitzRegressor(**SETTINGS, client=client)
    assert clone(model).client is client and clone(model).get_params()["hidden"] == 5
    assert pickle.loads(pickle.dumps(model)).client is None
    model.set_params(hidden=4).fit(*given)
    other = pickle.loads(pickle.dumps(model))
    assert other.client is None and data(other, tmp_path) == data(model, tmp_path)
    assert other.predict(given[0]).compute().tobytes() == model.predict(given[0]).compute().tobytes()
    # It goes to workers, too.
    assert client.submit(lambda it, x: it.predict(x), other, rows[0][:5]).result().shape == (5,)


def kill_at(monkeypatch, client, question, count, signal_of=signal.SIGKILL):
    """Kill so many workers when a question is asked."""
    asked = []
    ask = _dask_rows.Asking.graph

    def graph(self, text):
        asked.append(text)
        if len(asked) == question:
            for pid in list(client.run(os.getpid).values())[:count]:
                os.kill(pid, signal_of)
        return ask(self, text)

    monkeypatch.setattr(_dask_rows.Asking, "graph", graph)
    return asked


@pytest.mark.parametrize("question, count", [(1, 1), (2, 2)])
def test_workers_that_die_are_replaced(rows, client, due, tmp_path, monkeypatch, question, count):
    client.wait_for_workers(2)
    asked = kill_at(monkeypatch, client, question, count)
    model = DaskLipschitzRegressor(**SETTINGS).fit(*arrays(rows, 40_000))
    assert len(asked) >= question and data(model, tmp_path) == due[False]


@pytest.mark.parametrize("question", [1, 2, 3])
def test_a_scheduler_that_is_lost(rows, question, monkeypatch):
    # Not the usual half a minute in which a scheduler may come back.
    short = {"distributed.comm.timeouts.connect": "1s", "distributed.comm.timeouts.tcp": "1s"}
    with dask.config.set(short), distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as own:
        with distributed.Client(own, set_as_default=False) as client:
            ask = _dask_rows.Asking.heard
            asked = []

            def heard(self, future, over):
                asked.append(future)
                if len(asked) == question:
                    own.sync(own.scheduler.close)
                return ask(self, future, over)

            monkeypatch.setattr(_dask_rows.Asking, "heard", heard)
            model = DaskLipschitzRegressor(**SETTINGS, client=client)
            given = [one[:100_000] for one in arrays(rows, 40_000)]
            if question == 1:
                with pytest.raises(TautnetError, match="scheduler of Dask was lost, and there is no network yet"):
                    model.fit(*given)
                return
            with pytest.warns(ConvergenceWarning, match="scheduler of Dask was lost: this is the best so far"):
                model.fit(*given)
            assert model.certificate_.lipschitz_upper_bound > 0


def test_a_time_limit(rows, client):
    given = arrays(rows, 40_000)
    with pytest.raises(TautnetError, match="the time limit was reached before all rows had been read|it was time to end before all rows"):
        DaskLipschitzRegressor(**SETTINGS, time_limit=1e-3).fit(*given)
    model = DaskLipschitzRegressor(**{**SETTINGS, "start": "sgd", "hidden": 60})
    # The least time that is enough for a network, on whatever machine, is not enough for all.
    for limit in 0.3 * 1.3 ** np.arange(20):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with contextlib.suppress(TautnetError):
                model.set_params(time_limit=limit).fit(*given)
                break
    assert any("the time limit was reached: this is the best so far" in str(one.message) for one in told)
    assert model.certificate_.lipschitz_upper_bound > 0


def test_what_raises_in_the_question_is_raised(rows, client, monkeypatch):
    def broken(self, text):
        raise KeyError("of the test")

    monkeypatch.setattr(_dask_rows.Asking, "graph", broken)
    with pytest.raises(KeyError, match="of the test"):
        DaskLipschitzRegressor(**SETTINGS).fit(*arrays(rows, 100_000))


def test_what_cannot_be_fitted_is_refused(rows, client):
    X, y, weights = (values[:3_000].copy() for values in rows)
    model = DaskLipschitzRegressor(**SETTINGS)

    def refused(message, *given, model=model):
        with pytest.raises(TautnetError, match=message):
            model.fit(*given)

    def cut(values):
        return da.from_array(values, chunks=1_000)

    bad = X.copy()
    bad[2_004, 1] = np.nan
    refused(r"X: partition 2, row 5 of it is nan", cut(bad), cut(y))
    bad = y.copy()
    bad[1_001] = np.inf
    refused(r"y: partition 1, row 2 of it is inf", cut(X), cut(bad))
    bad = weights.copy()
    bad[2_999] = -1.0
    refused(r"sample_weight: partition 2, row 1000 of it is -1", cut(X), cut(y), cut(bad))
    refused("X has 3000 rows, and y has 2999", cut(X), cut(y[:-1]))
    refused("X is no collection of Dask, but a ndarray", X, cut(y))
    refused("X has 1 dimensions", cut(y), cut(y))
    refused("y has 2 dimensions", cut(X), cut(X))
    refused("X has the type <U1", cut(np.full((3_000, 2), "a")), cut(y))
    refused("the target is 3 in every row", cut(X), cut(np.full(3_000, 3.0)))
    refused("X has no rows", da.zeros((0, 3)), da.zeros(0))
    refused("`held_out` is 1", cut(X), cut(y), model=DaskLipschitzRegressor(**SETTINGS, held_out=1.0))
    refused("method", cut(X), cut(y), model=DaskLipschitzRegressor(**{**SETTINGS, "method": "walk"}))
    odd = da.from_array(X, chunks=1_000).map_blocks(lambda block, block_info=None: block[:, :2] if block_info[0]["chunk-location"][0] == 1 else block, dtype=float, meta=np.empty((0, 0)))
    refused("X: partition 1 has 2 columns where 3 are due", odd, cut(y))


def test_columns_of_frames_are_checked(rows, client):
    pandas = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe needs pyarrow")
    frame = pandas.DataFrame(rows[0][:3_000], columns=["a", "b", "c"]).assign(y=rows[1][:3_000], word="x")
    given = dd.from_pandas(frame, npartitions=3)
    model = DaskLipschitzRegressor(**SETTINGS)
    with pytest.raises(TautnetError, match="X: column `word` has the type"):
        model.fit(given[["a", "word"]], given["y"])
    inputs = given[["a", "b", "c"]]
    bad = inputs.map_partitions(lambda part: part[["b", "a", "c"]] if part.index[0] == 1_000 else part, meta=inputs._meta, enforce_metadata=False)
    with pytest.raises(TautnetError, match="X: partition 1 has the columns b, a, c where a, b, c are due"):
        model.fit(bad, given["y"])
    bad = inputs.map_partitions(lambda part: part.assign(c="x") if part.index[0] == 1_000 else part, meta=inputs._meta, enforce_metadata=False)
    with pytest.raises(TautnetError, match="X: partition 1 has the type (str|object), column `c`,"):
        model.fit(bad, given["y"])
    bad = inputs.map_partitions(lambda part: part.assign(b=part["b"].where(part.index != 2_001)), meta=inputs._meta)
    with pytest.raises(TautnetError, match="X: partition 2, row 2 of it, column `b`, is nan"):
        model.fit(bad, given["y"])
    with pytest.raises(TautnetError, match="both an input"):
        model.fit(given[["a", "y"]], given["y"])


def told_by(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_a_client_or_without_dask():
    told = told_by(
        "import dask.array as da\nfrom tautnet import TautnetError\nfrom tautnet.dask import DaskLipschitzRegressor\n"
        "try:\n    DaskLipschitzRegressor().fit(da.zeros((5, 1)), da.zeros(5))\nexcept TautnetError as error:\n    print(error)\n"
    )
    assert "there is no client of Dask" in told and "distributed.Client" in told
    told = told_by("import sys\nsys.modules['distributed'] = None\ntry:\n    import tautnet.dask\nexcept ImportError as error:\n    print(error)\n")
    assert "`tautnet.dask` needs dask and distributed" in told and "pip install 'dask[distributed]'" in told
