"""Polishes of networks with layers in Python: the command line's numbers, networks of other libraries, never worse, and what is refused."""
import json
import os
import subprocess

import numpy as np
import pandas
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

import tautnet
from conftest import PROGRAM, interrupted
from tautnet import LipschitzClassifier, LipschitzRegressor, Network, TautnetError, polish

TARGETS = ("number", "two", "three")


@pytest.fixture(scope="module")
def tables():
    """Rows in uneven units, and a target of each kind."""
    rng = np.random.default_rng(3)
    labels = np.arange(90) % 3
    X = np.round((rng.normal(size=(3, 3))[labels] * 2 + rng.normal(size=(90, 3))) * [1.0, 20.0, 0.1] + [0.0, 5.0, -3.0], 3)
    y = np.round(40.0 * np.sin(X[:, 0]) + X[:, 1] + 100.0, 3)
    words = np.array(["low", "middle", "high"])[labels]
    return pandas.DataFrame(X, columns=list("abc")), {"number": y, "two": np.where(labels == 0, "no", "yes"), "three": words}


@pytest.fixture(scope="module", params=TARGETS)
def door(request, tables, tmp_path_factory):
    """A folder with a table and a model that the command line trained on it, and the same rows for Python."""
    folder, (frame, targets) = tmp_path_factory.mktemp(request.param), tables
    y = pandas.Series(targets[request.param], name="target")
    cells = [",".join([*map(repr, map(float, row)), str(one)]) for row, one in zip(frame.to_numpy(), y)]
    (folder / "table.csv").write_text("\n".join(["a,b,c,target", *cells]) + "\n")
    command = [PROGRAM, "train", "table.csv", "--layers", "5,4", "--activation", "abs", "--epochs", "30", "--radius", "0.05", "--out", "m.json", "--quiet"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    kind = LipschitzRegressor if request.param == "number" else LipschitzClassifier
    return folder, frame, y, kind.load(folder / "m.json")


def flags(parameters):
    return [text for name, value in parameters.items() for text in (f"--{name.replace('_', '-')}", str(value))]


def program(folder, *arguments):
    return subprocess.run([str(PROGRAM), "polish", *arguments, "--quiet"], cwd=folder, capture_output=True, text=True)


ASKED = [
    {}, {"rounds": 1}, {"radius": 0.2, "rounds": 2}, {"radius": 0.0, "rounds": 1}, {"lipschitz_price": 0.05, "rounds": 2}, {"norm": "inf", "rounds": 1},
    {"norm": "1", "lipschitz_price": 0.1, "rounds": 1}, {"max_lipschitz": 1.5, "rounds": 2}, {"bound": "lipsdp", "lipschitz_price": 0.02, "rounds": 1}, {"tol": 1e-2, "rounds": 1},
    {"bound": "trivial", "rounds": 1}, {"bound": "lipsdp", "radius": 0.1}, {"bound": "lipsdp", "norm": "inf", "lipschitz_price": 0.1}, {"radius": -1.0}, {"lipschitz_price": -0.1},
    {"method": "walk"}, {"decay": 0.1}, {"tolerance": "0.1sd"}, {"tolerance_shape": "ball"}, {"iterations": 7}, {"effort": "high"}, {"penalty": "L2"}, {"bound": "layers"},
    {"norm": "3"}, {"method": "trivial-bound"}, {"rounds": 0}, {"tol": 2.0}, {"loss": "absolute"},
]  # fmt: skip


def test_the_same_bytes_from_both_doors(door):
    """And never worse; what one door refuses the other refuses, by name."""
    folder, frame, y, model = door
    done = 0
    for asked in ASKED:
        told = program(folder, "m.json", "table.csv", *flags(asked), "--out", "p.json", "--force")
        try:
            better = polish(model, frame, y, **asked)
        except TautnetError as error:
            assert told.returncode == 2, (asked, str(error), told.stderr)
            name = next(iter(asked))
            assert name.replace("_", "-") in str(error).replace("_", "-") or name in ("norm", "loss"), (asked, str(error))
            continue
        assert told.returncode in (0, 1), (asked, told.stderr)
        done += 1
        ours = better.model_.to_json().decode()
        # What was polished on is called differently.
        assert ours.replace('"data": "X"', '"data": "table.csv"') == (folder / "p.json").read_text(), asked
    assert done >= 9


def test_the_outcome_is_told(door):
    folder, frame, y, model = door
    better = polish(model, frame, y)
    assert type(better) is type(model) and better.layers == model.layers and better.radius == model.radius == 0.05
    told = better.objective_["polish"]
    before, after = told["before"], told["after"]
    assert after["objective"] < before["objective"] and told["ending"] in ("done", "all sweeps made")
    assert better.objective_["ending"] == told["ending"] and told["sweeps"] >= 1
    # Each step is told, and none made it worse.
    assert all(step["after"] <= step["before"] for step in told["steps"]) and told["steps"][-1]["after"] == after["objective"]
    # It is what was computed of the network: the clean loss, and the bound, which `certify` proves anew.
    bounds = tautnet.certify(better)
    assert bounds.found <= bounds.norm_product == pytest.approx(after["bound"], rel=1e-9) and bounds.norm_product == better.objective_["trivial_bound"]
    if hasattr(better, "classes_"):
        assert after["learned"]["accuracy"] == pytest.approx(better.score(frame, y))
        assert list(better.classes_) == list(model.classes_) and better.predict_certain(frame)[1].any()
    else:
        error = (better.predict(frame) - y) / y.std(ddof=0)
        assert after["clean"] == pytest.approx(np.mean(error**2), rel=0.2)
    # The rows that had chosen the best pass have been learned from; nothing is told of others.
    assert better.seen_ is None if hasattr(better, "seen_") else better.model_.seen_by_layers is None
    assert better.n_iter_ == model.n_iter_ and np.isfinite(better.trivial_bound_)
    # Polished again, and read from its file, it is no worse.
    again = polish(type(model).from_model(better.model_), frame, y, rounds=1)
    assert again.objective_["polish"]["after"]["objective"] <= after["objective"] * (1 + 1e-12)
    better.save(folder / "better.json", overwrite=True)
    read = subprocess.run([str(PROGRAM), "predict", "better.json", "table.csv", "--json"], cwd=folder, capture_output=True, text=True, check=True)
    assert len(json.loads(read.stdout)["predictions"]) == 90
    assert polish(folder / "better.json", frame, y, rounds=1).model_.to_json() == again.model_.to_json()


def networks(outputs, rng):
    """A network of each kind of unit."""
    for name in ("relu", "maxmin", "tanh"):
        widths = [(6, 3), (4, 6), (outputs, 4)]
        layers = [(rng.normal(size=size) / np.sqrt(size[1]), 0.1 * rng.normal(size=size[0]), name if k < 2 else "identity") for k, size in enumerate(widths)]
        yield Network(layers=layers)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("target", TARGETS)
def test_networks_alone_are_polished_as_on_the_command_line(target, standardize, tables, tmp_path):
    frame, targets = tables
    X = ((frame - frame.mean()) / frame.std()).round(3)
    y = targets[target]
    if target == "number":
        y = np.round(y / 40.0, 3)
    cells = [",".join([*map(repr, map(float, row)), str(one)]) for row, one in zip(X.to_numpy(), y)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,c,target", *cells]) + "\n")
    loss = {"loss": "logistic"} if target != "number" else {}
    units = "--raw-network" if standardize else "--no-standardize"
    for network in networks(3 if target == "three" else 1, np.random.default_rng(1)):
        network.save(tmp_path / "n.onnx", overwrite=True)
        asked = {"lipschitz_price": 0.02, "rounds": 2, **loss}
        told = program(tmp_path, "n.onnx", "table.csv", units, *flags(asked), "--json", "--out", "p.json", "--force")
        assert told.returncode == 0, told.stderr
        facts = json.loads(told.stdout)
        given = network if standardize else tmp_path / "n.onnx"
        better = polish(given, X, y, standardize=standardize, **asked)
        ours = better.objective_["polish"]
        for part in ("before", "after", "ending", "sweeps"):
            assert ours[part] == facts[part], part
        assert ours["after"]["objective"] < ours["before"]["objective"]
        assert better.standardize is standardize and better.layers == (6, 4) and better.activation == network.layers[0][2]
        raw = tautnet.certify(tmp_path / "p.json").norm_product
        assert raw == pytest.approx(tautnet.certify(better.model_.network(not standardize)).norm_product, rel=1e-9)
        theirs = tautnet._networks.native(tmp_path / "p.json").predict(X.to_numpy())
        values = better.predict(X) if target == "number" else better.decision_function(X)
        np.testing.assert_allclose(values, theirs, rtol=1e-9, atol=1e-9)
        assert hasattr(better, "classes_") == (target != "number")
        with pytest.raises(AttributeError, match="polished alone"):
            better.n_iter_
        # It is a model like others: it has a file, and a fit by its parameters goes on from it.
        better.save(tmp_path / "model.json", overwrite=True)
        assert type(better).load(tmp_path / "model.json").predict(X).shape == (90,)


def test_fitted_networks_of_scikit_learn(tables):
    frame, targets = tables
    X = ((frame - frame.mean()) / frame.std()).to_numpy()
    y = targets["number"]
    mlp = MLPRegressor(hidden_layer_sizes=(8, 6), solver="lbfgs", max_iter=60, random_state=0).fit(X, y)
    better = polish(mlp, X, y, lipschitz_price=0.01, rounds=3)
    told = better.objective_["polish"]
    assert isinstance(better, LipschitzRegressor) and told["after"]["objective"] < told["before"]["objective"]
    assert told["before"]["clean"] == pytest.approx(np.mean((mlp.predict(X) - y) ** 2) / y.var(), rel=1e-6)
    assert told["after"]["clean"] == pytest.approx(np.mean((better.predict(X) - y) ** 2) / y.var(), rel=1e-6)
    for labels in (targets["two"], targets["three"]):
        mlp = MLPClassifier(hidden_layer_sizes=(6, 5), solver="lbfgs", max_iter=15, random_state=0).fit(X, labels)
        better = polish(mlp, X, labels, max_lipschitz=2.0, rounds=3)
        told = better.objective_["polish"]
        assert list(better.classes_) == list(mlp.classes_) and told["after"]["bound"] <= 2.0
        assert told["before"]["learned"]["accuracy"] == pytest.approx(mlp.score(X, labels))
        assert told["after"]["learned"]["accuracy"] == pytest.approx(better.score(X, labels)) and better.score(X, labels) > 0.6
        with pytest.raises(TautnetError, match="none of the classes"):
            polish(mlp, X, np.where(np.arange(90) % 2, "red", "blue"))


def test_torch_networks(tables):
    torch = pytest.importorskip("torch")
    frame, targets = tables
    X = ((frame - frame.mean()) / frame.std()).to_numpy()
    torch.manual_seed(0)
    linear = torch.nn.Linear
    net = torch.nn.Sequential(linear(3, 6), torch.nn.ReLU(), linear(6, 5), torch.nn.Tanh(), linear(5, 1)).double()
    better = polish(net, X, targets["number"], lipschitz_price=0.01, rounds=2)
    assert better.objective_["polish"]["after"]["objective"] < better.objective_["polish"]["before"]["objective"]
    # Units of two kinds are no setting of a fit.
    assert better.activation is None and better.layers == (6, 5)
    # Where there are several outputs, y are classes: words in their order, or numbers.
    net = torch.nn.Sequential(linear(3, 6), torch.nn.ReLU(), linear(6, 5), torch.nn.ReLU(), linear(5, 3)).double()
    for labels in (targets["three"], np.arange(90) % 3):
        better = polish(net, X, labels, radius=0.05, rounds=2)
        assert isinstance(better, LipschitzClassifier) and better.score(X, labels) > 0.6 and better.radius == 0.05
    with pytest.raises(TautnetError, match="3 outputs, and the target `target` has 2 classes"):
        polish(net, X, targets["two"])


def test_weights_and_rows_of_no_weight(tables):
    frame, targets = tables
    network = next(networks(1, np.random.default_rng(1)))
    weights = np.where(np.arange(90) < 60, 1.0, 0.0)
    wild = np.where(weights > 0, targets["number"], 1e6)
    some = polish(network, frame, wild, sample_weight=weights, lipschitz_price=0.01, rounds=1)
    assert np.abs(some.predict(frame)).max() < 1e4


def test_one_hidden_layer_goes_its_own_way(tables):
    """It is no deep network, and says so of the settings of deep ones; |x| is rewritten with relu units."""
    frame, targets = tables
    y = targets["number"]
    for name in ("relu", "abs"):
        rng = np.random.default_rng(0)
        network = Network(layers=[(rng.normal(size=(4, 3)), rng.normal(size=4), name), (rng.normal(size=(1, 4)), np.zeros(1), "identity")])
        for said in ({"radius": 0.1}, {"bound": "trivial"}):
            with pytest.raises(TautnetError, match=f"`{next(iter(said))}` is about deep networks"):
                polish(network, frame, y, **said)
    shallow = LipschitzRegressor(hidden=4, lipschitz_price=0.1, start="random", norm="inf").fit(frame, y)
    assert polish(shallow, frame, y, lipschitz_price=0.1).norm == "2"
    with pytest.raises(TautnetError, match="trains deep networks, and a polish was asked for"):
        polish(shallow, frame, y, method="trivial-bound")


def test_what_makes_no_sense_is_refused(tables):
    frame, targets = tables
    y = targets["number"]
    model = LipschitzRegressor(layers=(4, 4), epochs=3).fit(frame, y)
    of_classes = LipschitzClassifier(layers=(4, 4), epochs=3).fit(frame, targets["three"])
    network = next(networks(1, np.random.default_rng(1)))
    linear = Network(layers=network.layers, linear=np.ones((1, 3)))
    for ask, message in [
        (lambda: polish(model, frame.to_numpy()[:, :2], y), "3 names for 2 columns"),
        (lambda: polish(network, frame.to_numpy()[:, :2], y), "3 inputs but the data has 2"),
        (lambda: polish(model, frame, y[:5]), "5 targets for 90 rows"),
        (lambda: polish(model, frame[:0], y[:0]), "0 sample"),
        (lambda: polish(model, frame, np.where(np.arange(90) == 4, np.nan, y)), "row 5, column `target` is missing"),
        (lambda: polish(model, np.where(np.arange(270).reshape(90, 3) == 4, np.inf, frame), y), "`inf`, which is not a finite number"),
        (lambda: polish(model, frame, y, radius=float("nan")), "`radius` is NaN"),
        (lambda: polish(model, frame, y, radius="far"), "`radius` is 'far'"),
        (lambda: polish(model, frame, y, rounds=2.5), "`rounds` is 2.5"),
        (lambda: polish(model, frame, y, max_lipschitz=0), "max-lipschitz"),
        (lambda: polish(model, frame, np.column_stack([y, y])), "2 targets where 1 are due"),
        (lambda: polish(model, frame, targets["three"]), "holds words"),
        (lambda: polish(model, frame, y, loss="logistic"), "logistic"),
        (lambda: polish(of_classes, frame, y), "none of the classes"),
        (lambda: polish(of_classes, frame, targets["three"], loss="hinge"), "hinge"),
        (lambda: polish(linear, frame, y), "a linear part"),
        (lambda: polish(model, frame, y, sample_weight=-np.ones(90)), "sample weight of row 0 is -1"),
        (lambda: polish("nowhere.onnx", frame, y), "nowhere"),
    ]:
        with pytest.raises((TautnetError, ValueError), match=message):
            ask()


def test_the_limit_that_is_not_kept_is_told(tables):
    frame, targets = tables
    model = LipschitzRegressor(layers=(6, 6), epochs=60, radius=0.0, max_lipschitz=3.0).fit(frame, targets["number"])
    # The limit of the training holds where nothing is said, and another one where one is.
    assert polish(model, frame, targets["number"], rounds=1).objective_["polish"]["after"]["bound"] <= 3.0
    better = polish(model, frame, targets["number"], max_lipschitz=0.5, rounds=1)
    assert better.objective_["polish"]["after"]["bound"] <= 0.5 == json.loads(better.model_.settings)["polish"]["max_lipschitz"]


def test_the_time_limit_gives_the_best_so_far(tables):
    frame, targets = tables
    model = LipschitzRegressor(layers=(64, 64), epochs=3).fit(frame, targets["number"])
    with pytest.warns(ConvergenceWarning, match="time limit"):
        better = polish(model, frame, targets["number"], radius=0.1, time_limit=0.0)
    told = better.objective_["polish"]
    assert told["ending"] == "time limit reached" and told["after"]["objective"] <= told["before"]["objective"]
    assert np.isfinite(better.trivial_bound_)


def test_progress_is_told(tables, capsys):
    frame, targets = tables
    model = LipschitzRegressor(layers=(6, 6), epochs=3).fit(frame, targets["number"])
    polish(model, frame, targets["number"], rounds=2, verbose=True)
    told = capsys.readouterr().err
    assert "sweeps: objective" in told and "Lipschitz bound" in told


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_ends_it():
    code = (
        "import numpy as np, tautnet\nrng = np.random.default_rng(0); X = rng.normal(size=(3000, 20)); y = np.sin(X).sum(axis=1)\n"
        "layers = [(rng.normal(size=s) / s[1] ** 0.5, rng.normal(size=s[0]), 'tanh') for s in [(200, 20), (200, 200)]]\n"
        "network = tautnet.Network(layers=[*layers, (rng.normal(size=(1, 200)), np.zeros(1), 'identity')])\nprint('ready', flush=True)\n"
        "try:\n    tautnet.polish(network, X, y, radius=0.1, rounds=10**6, tol=1e-9)\n"
        "except KeyboardInterrupt:\n    print('interrupted', flush=True)\n"
    )
    assert interrupted(code, patience=30.0) == "interrupted\n"
