"""Networks with layers in Python: fits, bounds, proofs, files, the command line's numbers, and what is refused."""
import json
import os
import pickle
import subprocess

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import exact_basics
import exact_checker
import tautnet
from conftest import PROGRAM, interrupted
from tautnet import LipschitzClassifier, LipschitzRegressor, Network, NotProved, TautnetError

SMALL = {"layers": (6, 5), "epochs": 40, "radius": 0.05}


@parametrize_with_checks(
    [
        LipschitzRegressor(layers=(8,), epochs=60),
        LipschitzRegressor(layers=(8, 8), epochs=200, lipschitz_price=0.001, norm="inf", activation="abs"),
        LipschitzClassifier(layers=(8,), epochs=40, radius=0.01),
        LipschitzClassifier(layers=(8, 4), epochs=60, max_lipschitz=20.0, optimizer="momentum", rate=0.05),
    ]
)
def test_scikit_learn_checks(estimator, check):
    if "sample_weight_equivalence" in str(check):
        pytest.skip("a step sees some rows at a time: a row that comes twice is not one of the weight 2")
    check(estimator)


@pytest.fixture(scope="module")
def classes():
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(3, 4)) * 2.5
    labels = np.arange(150) % 3
    X = (centres[labels] + rng.normal(size=(150, 4))) * [1.0, 20.0, 0.1, 1.0] + [0.0, 5.0, 0.0, -3.0]
    return X, np.array(["low", "middle", "high"])[labels]


@pytest.fixture(scope="module")
def numbers(classes):
    X, _ = classes
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, 40.0 * np.sin(z[:, 0]) + 10.0 * z[:, 1] + 100.0


@pytest.fixture(scope="module")
def of_classes(classes):
    return LipschitzClassifier(**SMALL).fit(*classes)


@pytest.fixture(scope="module")
def of_numbers(numbers):
    return LipschitzRegressor(**SMALL).fit(*numbers)


def moved(X, radius, norm, rng):
    """Inputs whose standardized ones are off by the radius in the norm."""
    step = rng.normal(size=X.shape) if norm == "2" else rng.choice([-1.0, 1.0], size=X.shape)
    if norm == "1":
        step = np.eye(X.shape[1])[rng.integers(X.shape[1], size=len(X))] * step
    length = np.linalg.norm(step, axis=1, ord={"2": 2, "1": 1, "inf": np.inf}[norm], keepdims=True)
    return X + 0.999999 * radius * step / length * X.std(axis=0)


@pytest.mark.parametrize("norm", ["2", "inf", "1"])
def test_no_change_within_the_radius_leaves_the_interval(norm, numbers):
    X, y = numbers
    model = LipschitzRegressor(**SMALL, norm=norm, activation="abs").fit(X, y)
    assert model.score(X, y) > 0.5
    predicted, lower, upper = model.predict(X, radius=0.1)
    assert np.array_equal(predicted, model.predict(X)) and (lower < predicted).all() and (predicted < upper).all()
    rng = np.random.default_rng(0)
    for _ in range(30):
        f = model.predict(moved(X, 0.1, norm, rng))
        assert (lower <= f).all() and (f <= upper).all()
    # The bound in the units of the data, and the intervals, which are as wide as it says at least.
    certificate = model.certificate_
    assert certificate.norm == norm and certificate.lipschitz_upper_bound == model.trivial_bound_
    wide = 2 * 0.1 * certificate.standardized_upper_bound * y.std()
    assert (upper - lower >= wide * (1 - 1e-9)).all() and (upper - lower <= wide * (1 + 1e-9)).all()
    slopes = np.abs(model.predict(X[:75]) - model.predict(X[75:])) / np.linalg.norm(
        X[:75] - X[75:], axis=1, ord={"2": 2, "1": 1, "inf": np.inf}[norm]
    )
    assert slopes.max() <= model.trivial_bound_


def test_classes_are_certain_or_not(classes, of_classes):
    X, labels = classes
    model = of_classes
    assert list(model.classes_) == ["high", "low", "middle"] and model.score(X, labels) > 0.9
    likely = model.predict_proba(X)
    assert np.allclose(likely.sum(axis=1), 1) and np.array_equal(model.classes_[likely.argmax(axis=1)], model.predict(X))
    assert model.decision_function(X).shape == (150, 3) and model.n_iter_ == 40 and model.n_features_in_ == 4
    # The model's own radius, where none is given.
    found, certain = model.predict_certain(X)
    assert np.array_equal(found, model.predict(X)) and 0 < certain.sum()
    assert np.array_equal(certain, model.predict_certain(X, radius=0.05)[1])
    assert model.predict_certain(X, 0.0)[1].all() and certain.sum() >= model.predict_certain(X, 0.5)[1].sum()
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert np.array_equal(model.predict(moved(X, 0.05, "2", rng))[certain], found[certain])
    learned = model.objective_["learned"]
    assert learned["accuracy"] == pytest.approx(model.score(X, labels))
    assert learned["proved_accuracy"] == pytest.approx((certain & (found == labels)).mean())
    assert model.accuracy_ is None and model.worst_case_error_ is None and model.choice_ is None and model.tolerance_ == []


def test_two_classes_have_one_margin(classes):
    X, labels = classes
    X, labels = X[labels != "low"], labels[labels != "low"]
    model = LipschitzClassifier(**SMALL, class_weight="balanced").fit(X, labels)
    margins = model.decision_function(X)
    assert margins.shape == (100,) and len(model.certificate_.standardized["outputs"]) == 1
    found, certain = model.predict_certain(X)
    assert np.array_equal(found, model.classes_[(margins > 0).astype(int)]) and certain.any()
    # Far from 0 by what the bound allows.
    assert (np.abs(margins[certain]) > 0.05 * model.certificate_.standardized_upper_bound).all()


def test_bounds_in_every_norm_and_their_proofs(classes, of_classes, tmp_path):
    X, labels = classes
    for norm in ("2", "inf", "1"):
        bounds = tautnet.certify(of_classes, X, norm=norm)
        assert bounds.norm == norm and 0 < bounds.found <= bounds.certificate.standardized_upper_bound == bounds.proved <= bounds.norm_product
        assert bounds.norm_product == bounds.certificate.standardized["bound"]
        assert len(bounds.layers) == 3 and bounds.norm_product == pytest.approx(np.prod(bounds.layers)) and bounds.linear is None
        assert bounds.pairs.shape == (3, 3) and np.array_equal(bounds.pairs, bounds.pairs.T) and (np.diag(bounds.pairs) == 0).all()
        assert bounds.lipschitz_upper_bound <= bounds.certificate.raw["bound"] and bounds.margins is None
        assert "product of norms, proved" in str(bounds) and bounds.found_at.shape == (4,)
        path = tmp_path / f"{norm}.json"
        bounds.certificate.save(path)
        for given in (bounds.certificate, bounds.certificate.to_json(), path):
            assert tautnet.verify(given, of_classes) == bounds.certificate
        exact_checker.check_any(path.read_bytes(), json.loads(of_classes.model_.to_json()))
    assert tautnet.certify(of_classes).certificate.standardized["bound"] == of_classes.certificate_.standardized["bound"]
    # A bound that is too small is no bound, and another network is another one.
    text = of_classes.certificate_.to_json()
    damaged = json.loads(text)
    damaged["standardized"]["bound"] *= 0.999
    with pytest.raises(NotProved):
        tautnet.verify(json.dumps(damaged).encode(), of_classes)
    with pytest.raises(NotProved, match="fingerprint"):
        tautnet.verify(text, clone(of_classes).set_params(random_state=5).fit(X, labels))
    for bad in (text[:-9], json.dumps({**json.loads(text), "version": 9}).encode(), b"[]", b""):
        with pytest.raises(TautnetError):
            tautnet.verify(bad, of_classes)


@pytest.mark.parametrize("norm, activation", [("2", "maxmin"), ("inf", "abs"), ("1", "sine-pair"), ("2", "tanh"), ("inf", "leaky-relu:0.1")])
def test_class_margins_are_proved_and_judged_exactly(norm, activation, classes, tmp_path):
    X, labels = classes
    model = LipschitzClassifier(layers=(4, 4), epochs=20, activation=activation, norm=norm).fit(X, labels)
    X, labels = X[:40], labels[:40]
    bounds = tautnet.certify(model, X, labels, radius=0.05, norm=norm)
    margins = bounds.margins
    assert (margins.rows, margins.norm, margins.radius) == (40, norm, 0.05) and f"{margins.proved_right} of 40 rows" in str(bounds)
    assert margins.right == (model.predict(X) == labels).sum() and margins.proved_right == (margins.margins > 0).sum()
    certain = model.predict_certain(X, radius=0.05)
    # Both round to the safe side; the file's row is exactly that of the model.
    assert abs(margins.proved_right - (certain[1] & (certain[0] == labels)).sum()) <= 1
    margins.save(tmp_path / "margins.json")
    assert tautnet.verify(tmp_path / "margins.json", model) == margins == tautnet.verify(margins, model)
    stored = json.loads(model.model_.to_json())
    exact_checker.check_any(margins.to_json(), stored)
    for change in (lambda file: file["rows"][0].update(margin=file["rows"][0]["margin"] + 1e-3), lambda file: file.update(radius=0.06),
                   lambda file: file["layers"].__setitem__(1, file["layers"][1] * 0.99), lambda file: file["rows"][3].update(label=7)):  # fmt: skip
        damaged = json.loads(margins.to_json())
        change(damaged)
        data = json.dumps(damaged).encode()
        with pytest.raises(NotProved):
            tautnet.verify(data, model)
        with pytest.raises(exact_basics.Refused):
            exact_checker.check_any(data, stored)


def test_margins_of_a_network_alone(classes, of_classes):
    network = of_classes.model_.network(True)
    X, labels = classes
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    numbers = np.searchsorted(of_classes.classes_, labels)
    bounds = tautnet.certify(network, Z, numbers, radius=0.05)
    assert bounds.certificate.raw is None and bounds.margins.rows == 150
    assert tautnet.verify(bounds.margins, of_classes) == bounds.margins
    for y, radius, message in [
        (numbers + 1, 0.05, "y is 3 in row 2, and the network has 3 classes"), (numbers - 0.5, 0.05, "y is 0.5 in row 1"),
        (numbers, None, "give all three"), (None, 0.05, "give all three"), (numbers, -1.0, "`radius` is -1"), (numbers, float("nan"), "`radius` is NaN"),
    ]:  # fmt: skip
        with pytest.raises(TautnetError, match=message):
            tautnet.certify(network, Z, y, radius=radius)
    with pytest.raises(TautnetError, match="4 inputs but the data has 3"):
        tautnet.certify(network, Z[:, :3])
    tanh, last = (np.ones((2, 2)), np.zeros(2), "tanh"), (np.ones((1, 2)), np.zeros(1), "identity")
    smooth = tautnet.Network(layers=[tanh, tanh, last])
    with pytest.raises(TautnetError, match="change smoothly"):
        tautnet.certify(smooth, exact=True)
    with pytest.raises(TautnetError, match="there is no norm"):
        tautnet.certify(network, norm="3")
    with pytest.raises(TautnetError, match="this network has .*1 output|one output"):
        tautnet.certify({"w": np.ones((2, 4)), "b": np.zeros(2), "v": np.ones(2)}, Z, numbers, radius=0.1)


def test_margins_of_numbers_are_refused(numbers, of_numbers):
    with pytest.raises(TautnetError, match="margins are for an output for each class"):
        tautnet.certify(of_numbers, *numbers, radius=0.1)


def test_the_same_seed_gives_the_same_bytes(classes, of_classes):
    again = clone(of_classes).set_params(threads=1).fit(*classes)
    assert again.model_.to_json() == of_classes.model_.to_json()
    other = clone(of_classes).set_params(random_state=1).fit(*classes)
    assert other.model_.to_json() != of_classes.model_.to_json()
    # Said anew by its file, it is the same fit.
    read = LipschitzClassifier.from_model(of_classes.model_)
    assert read.layers == (6, 5) and read.method == "trivial-bound" and read.radius == 0.05 and read.lipschitz_price == "auto"
    assert read.fit(*classes).model_.to_json() == of_classes.model_.to_json()


def test_files_and_pickles(classes, numbers, of_classes, of_numbers, tmp_path):
    for model, (X, _) in ((of_classes, classes), (of_numbers, numbers)):
        for name in ("m.json", "m.onnx", "m.safetensors"):
            path = tmp_path / name
            model.save(path, overwrite=True)
            read = type(model).load(path)
            predict = getattr(model, "decision_function", model.predict), getattr(read, "decision_function", read.predict)
            np.testing.assert_allclose(predict[1](X), predict[0](X), rtol=1e-9, atol=1e-9)
            assert read.trivial_bound_ == pytest.approx(model.trivial_bound_, rel=1e-9)
            assert read.layers == (6, 5) and read.n_features_in_ == 4
        again = pickle.loads(pickle.dumps(model))
        assert again.model_.to_json() == model.model_.to_json() and again.certificate_ == model.certificate_


def test_searches_and_parameters(classes):
    X, labels = classes
    grid = GridSearchCV(LipschitzClassifier(epochs=20, radius=0.0), {"layers": [(4,), (4, 4)], "activation": ["abs", "crelu"]}, cv=2, n_jobs=2)
    grid.fit(X, labels)
    assert grid.best_score_ > 0.8 and set(grid.best_params_) == {"layers", "activation"}
    estimator = LipschitzRegressor(layers=[4], epochs=2)
    assert clone(estimator).get_params()["layers"] == [4] and estimator.set_params(bound="layers", lipschitz_price=0.1).bound == "layers"
    assert LipschitzRegressor(layers=np.array([4, 3]), epochs=2).fit(X, X[:, 0]).model_.units == 7


def test_frames_words_and_weights(numbers):
    X, y = numbers
    frame = pandas.DataFrame(X, columns=list("abcd"))
    frame["kind"] = np.where(np.arange(len(y)) % 2, "red", "blue")
    y = y + 50.0 * (frame["kind"] == "red").to_numpy()
    model = LipschitzRegressor(**{**SMALL, "epochs": 150, "radius": 0.0}).fit(frame, y)
    assert list(model.feature_names_in_) == ["a", "b", "c", "d", "kind"] and len(model.model_.inputs) == 6
    red = frame.assign(kind="red")
    assert model.predict(red).mean() > model.predict(frame.assign(kind="blue")).mean() + 20
    with pytest.raises(TautnetError, match="green"):
        model.predict(frame.assign(kind="green"))
    # Rows of no weight are not learned from, whatever they are.
    weights = np.where(np.arange(len(y)) < 100, 1.0, 0.0)
    wild = np.where(weights > 0, y, 1e6)
    tame = LipschitzRegressor(**SMALL).fit(frame, wild, sample_weight=weights)
    assert np.abs(tame.predict(frame)).max() < 1e4
    for bad in (-weights - 1, np.full(len(y), np.nan), weights[:5]):
        with pytest.raises((TautnetError, ValueError)):
            LipschitzRegressor(**SMALL).fit(frame, y, sample_weight=bad)


def test_columns_as_they_are(numbers):
    X, y = numbers
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    model = LipschitzRegressor(**SMALL, standardize=False).fit(Z, y / 40.0)
    scaler = model.model_.scaler()
    assert (scaler["input_scale"] == 1).all() and scaler["target_scale"] == 1
    assert model.trivial_bound_ == model.certificate_.standardized_upper_bound
    assert LipschitzRegressor.from_model(model.model_).standardize is False


def test_prices_and_limits(numbers):
    X, y = numbers
    free = LipschitzRegressor(layers=(6,), epochs=60, radius=0.0).fit(X, y)
    for asked in ({"lipschitz_price": 0.1}, {"lipschitz_price": 0.1, "bound": "log-trivial"}, {"lipschitz_price": 0.1, "bound": "layers"}, {"max_lipschitz": 0.4}):
        model = LipschitzRegressor(layers=(6,), epochs=60, **asked).fit(X, y)
        assert model.certificate_.standardized_upper_bound < free.certificate_.standardized_upper_bound, asked
        assert json.loads(model.model_.settings)["radius"] == 0.0
    assert model.certificate_.standardized_upper_bound <= 0.4


def test_warm_start_goes_on(numbers, classes, of_classes):
    X, y = numbers
    model = LipschitzRegressor(layers=(6, 5), hidden_weights="free", epochs=200, radius=0.0, warm_start=True).fit(X, y)
    first = model.objective_["learned"]["clean"]
    model.set_params(epochs=1, rate=1e-9).fit(X, y)
    assert model.objective_["learned"]["clean"] == pytest.approx(first, rel=1e-4)
    assert json.loads(model.model_.settings)["warm_start"] is True
    # In the units of other rows it is the same function of the user's inputs.
    before = model.predict(X)
    model.fit(X[:100] + 0.01, y[:100])
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-4, atol=1e-3 * np.abs(before).max())
    for change, data, message in [
        ({"layers": (6, 4)}, (X, y), "is not of these layers"), ({"activation": "abs"}, (X, y), "is not of these layers"),
        ({"biases": False}, (X, y), "has biases, and none are asked for"), ({}, (X[:, :3], y), "has 4 inputs but the data has 3"),
        ({}, (pandas.DataFrame(X, columns=list("abcd")), y), "has the input `column_1` where the data have `a`"),
    ]:  # fmt: skip
        other = pickle.loads(pickle.dumps(model)).set_params(**change)
        with pytest.raises(TautnetError, match=message):
            other.fit(*data)
    # Two and more classes.
    for labels in (classes[1], np.where(classes[1] == "low", 0, 1)):
        model = LipschitzClassifier(layers=(5,), epochs=30, warm_start=True).fit(X, labels)
        before = model.decision_function(X)
        model.set_params(epochs=1, rate=1e-9).fit(X, labels)
        np.testing.assert_allclose(model.decision_function(X), before, atol=1e-4)
    with pytest.raises(TautnetError, match="is of the classes 0, 1, and the data have the classes high, low, middle"):
        model.fit(X, classes[1])
    with pytest.raises(TautnetError, match="one hidden layer|units"):  # a network of layers is no start of one hidden layer
        model.set_params(layers=None, epochs=None, rate=0.002, tolerance=0, lipschitz_price=0.1, method=None).fit(X, np.where(classes[1] == "low", 0, 1))


FLAGS = {"random_state": "seed"}


def flags(parameters):
    for name, value in parameters.items():
        if isinstance(value, bool):
            yield from [] if value else [f"--no-{name}"]
        else:
            yield from [f"--{FLAGS.get(name, name).replace('_', '-')}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]


ASKED = [
    {}, {"activation": "abs"}, {"activation": "sincos"}, {"biases": False}, {"lipschitz_price": 0.05}, {"lipschitz_price": 0.05, "bound": "log-trivial"},
    {"radius": 0.3}, {"ramp": 0.0}, {"epochs": 7}, {"batch": 11}, {"rate": 0.01}, {"optimizer": "momentum"}, {"validation": 0.3}, {"norm": "inf"},
    {"max_lipschitz": 0.7}, {"random_state": 4}, {"layers": (3, 3, 3)}, {"standardize": False}, {"loss": "huber:0.5"}, {"hidden": 4},
    {"effort": "high"}, {"decay": 0.1}, {"tol": 1e-3}, {"loss": "hinge"}, {"ramp": 1.5}, {"max_lipschitz": -1.0}, {"activation": "swish"}, {"epochs": 0},
]  # fmt: skip


@pytest.mark.parametrize("target", ["number", "two", "three"])
def test_every_setting_counts_or_is_refused_at_both_doors(target, classes, numbers, tmp_path):
    """The same bytes from the command line, and a setting changes the network or is refused by name."""
    X, y = numbers
    X = np.round((X - X.mean(axis=0)) / X.std(axis=0), 3)
    y = {"number": np.round(y / 40, 3), "three": classes[1], "two": np.where(classes[1] == "low", "no", "yes")}[target]
    cells = [",".join([*map(repr, map(float, row)), str(one)]) for row, one in zip(X, y)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,c,d,target", *cells]) + "\n")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    kind = LipschitzRegressor if target == "number" else LipschitzClassifier
    plain = None
    for asked in ASKED:
        parameters = {"layers": (5, 4), "epochs": 5, **asked}
        command = [str(PROGRAM), "train", "table.csv", *flags(parameters), "--out", "m.json", "--quiet", "--force"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        try:
            model = kind(**parameters).fit(frame, pandas.Series(y, name="target"))
        except TautnetError as error:
            assert done.returncode != 0, (asked, str(error))
            name = next(iter(asked))
            assert name.replace("_", "-") in str(error).replace("_", "-"), (asked, str(error))
            continue
        assert done.returncode == 0, (asked, done.stderr)
        ours = model.model_.to_json().decode()
        assert ours == (tmp_path / "m.json").read_text().replace('"data": "table.csv"', '"data": "X"'), asked
        network = json.loads(ours)["network"]
        plain = plain or network
        if asked and asked not in ({"standardize": False}, {"epochs": 7}) and target == "number":
            assert network != plain, asked


REFUSED = [
    ({"layers": ()}, "`layers`"), ({"layers": 0}, "`layers` is 0"), ({"layers": "64"}, "`layers` is '64'"), ({"layers": (0,)}, "`layers` is 0"),
    ({"layers": (8, -1)}, "`layers` is 8, -1"), ({"layers": (8.5,)}, "`layers` is 8.5"), ({"layers": (float("nan"),)}, "`layers` is NaN"),
    ({"layers": (10**8, 10**8)}, "100000000"), ({"layers": (4,), "radius": float("nan")}, "`radius` is NaN"), ({"layers": (4,), "radius": -1}, "`radius` is -1"),
    ({"layers": (4,), "radius": "far"}, "`radius` is 'far'"), ({"layers": (4,), "activation": "swish"}, "no activation"),
    ({"layers": (4,), "activation": "identity"}, "without a bend"), ({"layers": (4,), "activation": 3}, "`activation` is 3"),
    ({"layers": (4,), "bound": "tight"}, "no bound"), ({"layers": (4,), "optimizer": "sgd"}, "no optimizer"), ({"layers": (4,), "epochs": 0}, "`epochs` is 0"),
    ({"layers": (4,), "batch": 2.5}, "`batch` is 2.5"), ({"layers": (4,), "ramp": 2}, "`ramp` is 2"), ({"layers": (4,), "validation": 1.0}, "`validation` is 1"),
    ({"layers": (4,), "rate": float("inf")}, "`rate` is inf"), ({"layers": (4,), "rate": 0}, "`rate` is 0"), ({"layers": (4,), "max_lipschitz": 0}, "max-lipschitz"),
    ({"layers": (4,), "lipschitz_price": -1}, "`lipschitz-price` is -1"), ({"layers": (4,), "method": "walk"}, "`method` is not about deep networks"),
    ({"layers": (4,), "method": "alternating"}, "`method` is not about deep"), ({"method": "trivial-bound", "tolerance": "0.1sd"}, "the method `trivial-bound`"),
    ({"layers": (4,), "method": "trivial"}, "trivial-bound"), ({"method": "trivial-bound", "lipschitz_price": 0.1}, "the method `trivial-bound`"), ({"layers": (4,), "hidden": 5}, "`hidden` is not about"),
    ({"layers": (4,), "tolerance": "0.1sd"}, "`tolerance` is not"), ({"layers": (4,), "tolerance": 0}, "`tolerance` is not"),
    ({"layers": (4,), "tolerance": [0.1] * 4}, "`tolerance` is not"), ({"layers": (4,), "start": "random"}, "`start` is not"),
    ({"layers": (4,), "penalty": "L2"}, "`penalty` is not"), ({"layers": (4,), "linear_part": True}, "`linear_part` is not"),
    ({"layers": (4,), "output_bias": False}, "`output_bias` is not"), ({"layers": (4,), "loss": "logistic"}, "another loss"),
    ({"method": "trivial-bound"}, "the method `trivial-bound` is about deep networks"), ({"radius": 0.1}, "`radius` is about deep networks"),
    ({"activation": "abs"}, "`activation` is about deep networks"), ({"standardize": False}, "`standardize` is about deep networks"),
]  # fmt: skip


@pytest.mark.parametrize("asked, message", REFUSED, ids=[str(asked)[:60] for asked, _ in REFUSED])
def test_what_makes_no_sense_is_refused_by_name(asked, message, numbers):
    with pytest.raises(TautnetError, match=message) as raised:
        LipschitzRegressor(**asked).fit(*numbers)
    assert raised.value.hint


@pytest.mark.parametrize("loss", ["hinge", "squared-hinge"])
def test_margins_are_learned_without_probabilities(classes, loss):
    X, y = classes
    model = LipschitzClassifier(layers=(8, 8), loss=loss, epochs=100, radius=0.02).fit(X, y)
    assert model.score(X, y) > 0.8 and np.isfinite(model.trivial_bound_)
    assert not hasattr(model, "predict_proba")


def test_what_there_is_not_is_refused(classes, numbers, of_classes, of_numbers):
    X, y = numbers
    for ask, message in [
        (lambda: LipschitzClassifier(layers=(4,), loss="absolute").fit(*classes), "the loss is `absolute`"),
        (lambda: of_numbers.predict(X, interval="tolerance"), "`interval` is for one hidden layer"),
        (lambda: of_numbers.predict(X, tolerance="0.1sd"), "`tolerance` is for one hidden layer"),
        (lambda: of_numbers.predict(X, coverage=0.9), "`coverage` is for one hidden layer"),
        (lambda: of_numbers.predict(X, radius=0.1, nodes=3), "`nodes` is for one hidden layer"),
        (lambda: of_numbers.predict(X, radius=-0.1), "`radius` is -0.1"),
        (lambda: of_classes.predict_certain(X, tolerance="0.1sd"), "has no tolerance of its inputs"),
        (lambda: of_classes.predict_certain(X, radius=0.1, nodes=3), "`nodes` is for one hidden layer"),
        (lambda: of_classes.predict_certain(X, radius=float("nan")), "`radius` is NaN"),
        (lambda: LipschitzClassifier(layers=(4,), epochs=2, radius=0.0).fit(*classes).predict_certain(X), "made for no radius"),
        (lambda: of_numbers.calibrate(X, y), "one hidden layer"),
        (lambda: of_numbers.weights(), "one hidden layer"),
        (lambda: tautnet.attack(of_numbers, X, y), "one hidden layer"),
        (lambda: tautnet.polish(of_numbers, X, y, method="joint"), "`method` is not about deep networks"),
        (lambda: tautnet.lipschitz_path(X, y, layers=(4,)), "networks with layers have none"),
    ]:
        with pytest.raises(TautnetError, match=message):
            ask()
    shallow = LipschitzRegressor(hidden=3, lipschitz_price=0.1).fit(X, y)
    for ask in (lambda: shallow.trivial_bound_, lambda: shallow.n_iter_):
        with pytest.raises(AttributeError):
            ask()
    for ask in (lambda model: model.trivial_bound_, lambda model: model.certificate_, lambda model: model.predict(X, radius=0.1)):
        with pytest.raises(NotFittedError):
            ask(LipschitzRegressor(layers=(4,)))


def test_a_shallow_network_of_two_classes_takes_a_radius(classes):
    X, labels = classes
    labels = np.where(labels == "low", 0, 1)
    model = LipschitzClassifier(hidden=4, lipschitz_price=0.1).fit(X, labels)
    found, certain = model.predict_certain(X, radius=0.1)
    lower, upper, _ = model.model_.intervals((None, X), 0.1)
    assert np.array_equal(certain, (lower > 0) | (upper <= 0)) and np.array_equal(found, model.predict(X))
    with pytest.raises(TautnetError, match="within a tolerance and within a radius"):
        model.predict_certain(X, radius=0.1, tolerance="0.1sd")


def test_margins_of_one_hidden_layer_of_relu_units():
    rng = np.random.default_rng(2)
    network = Network(layers=[(rng.normal(size=(5, 3)), rng.normal(size=5), "relu"), (rng.normal(size=(3, 5)), rng.normal(size=3), "identity")])
    X = rng.normal(size=(30, 3))
    labels = network.predict(X).argmax(axis=1)
    margins = tautnet.certify(network, X, labels, radius=0.01).margins
    assert margins.right == 30 and tautnet.verify(margins, network) == margins
    with pytest.raises(TautnetError, match="one output"):
        tautnet.certify(network)


@pytest.mark.parametrize("norm", ["2", "inf", "1"])
def test_other_networks_with_layers_are_bounded_too(norm):
    rng = np.random.default_rng(5)
    layers = [(rng.normal(size=(5, 3)), rng.normal(size=5), "sincos"), (rng.normal(size=(4, 10)), rng.normal(size=4), "maxmin"),
              (rng.normal(size=(2, 4)), np.zeros(2), "identity")]  # fmt: skip
    network = Network(layers=layers, linear=rng.normal(size=(2, 3)))
    bounds = tautnet.certify(network, norm=norm)
    assert 0 < bounds.found <= bounds.proved and bounds.linear > 0 and "linear part" in str(bounds)
    x = rng.normal(size=(200, 3))
    step = 1e-3 * rng.normal(size=x.shape)
    order = {"2": 2, "1": 1, "inf": np.inf}[norm]
    change = np.linalg.norm(network.predict(x + step) - network.predict(x), axis=1, ord=order)
    assert (change <= bounds.proved * np.linalg.norm(step, axis=1, ord=order)).all()


def test_the_time_limit_gives_the_best_so_far(numbers):
    with pytest.warns(ConvergenceWarning, match="time limit"):
        model = LipschitzRegressor(layers=(32, 32), epochs=10**6, time_limit=0.5).fit(*numbers)
    assert 0 < model.n_iter_ < 10**6 and model.objective_["ending"] == "time limit reached" and np.isfinite(model.trivial_bound_)
    with pytest.warns(ConvergenceWarning, match="time limit"):
        model = LipschitzRegressor(layers=(8,), time_limit=0.0).fit(*numbers)
    assert np.isfinite(model.predict(numbers[0])).all()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_ends_the_training():
    code = (
        "import numpy as np, tautnet\nX = np.random.default_rng(0).normal(size=(5000, 20)); y = np.sin(X).sum(axis=1)\nprint('ready', flush=True)\n"
        "try:\n    tautnet.LipschitzRegressor(layers=(256, 256), epochs=10**6).fit(X, y)\n"
        "except KeyboardInterrupt:\n    print('interrupted', flush=True)\n"
    )
    assert interrupted(code, patience=20.0) == "interrupted\n"


def test_progress_is_told(numbers, capsys):
    LipschitzRegressor(layers=(64, 64), epochs=10**6, time_limit=2.0, verbose=True).fit(*numbers)
    told = capsys.readouterr().err
    assert "training layers" in told and "passes, Lipschitz bound" in told


def test_multipliers_prove_less_than_the_product_of_norms(tmp_path):
    random = np.random.default_rng(4)
    widths = [3, 12, 12, 12, 2]
    layers = [
        (random.normal(size=(out, given)) / given**0.5, random.normal(size=out), "relu" if out == 12 else "identity")
        for given, out in zip(widths, widths[1:])
    ]
    network = tautnet.Network(layers=layers)
    bounds = tautnet.certify(network)
    assert bounds.found <= bounds.lipsdp < bounds.greedy <= bounds.norm_product and 0 <= bounds.lipsdp_gap < 1e-4
    assert bounds.lipschitz_upper_bound == bounds.lipsdp == bounds.certificate.standardized["lipsdp"]
    assert "LipSDP, proved" in str(bounds) and "greedy multipliers, proved" in str(bounds)
    path = tmp_path / "certificate.json"
    bounds.certificate.save(path)
    assert tautnet.verify(path, network) == bounds.certificate
    network.save(tmp_path / "network.json")
    stored = json.loads((tmp_path / "network.json").read_text())
    exact_checker.check_any(path.read_bytes(), stored)
    # Less than they prove is refused by both.
    damaged = json.loads(path.read_text())
    for key in ("bound", "chain"):
        damaged["standardized"]["lipsdp"][0][key] *= 0.999
    with pytest.raises(NotProved):
        tautnet.verify(json.dumps(damaged).encode(), network)
    with pytest.raises(exact_basics.Refused):
        exact_checker.check_any(json.dumps(damaged).encode(), stored)
    # There is none in another norm, and none where an activation couples units.
    assert tautnet.certify(network, norm=1).lipsdp is None
    coupled = tautnet.Network(layers=[(w, b, "maxmin" if name == "relu" else name) for w, b, name in layers])
    bounds = tautnet.certify(coupled)
    assert bounds.lipsdp is None and bounds.greedy is None and bounds.lipsdp_gap is None
    assert bounds.lipschitz_upper_bound == bounds.proved


@pytest.mark.parametrize("norm", ["2", "inf", "1"])
def test_exact_and_local_constants_stand_in_the_ladder(norm):
    random = np.random.default_rng(3)
    layers = [
        (random.normal(size=(4, 2)), random.normal(size=4), "relu"),
        (random.normal(size=(4, 4)), random.normal(size=4), "maxmin"),
        (random.normal(size=(2, 4)), random.normal(size=2), "identity"),
    ]
    network, X = tautnet.Network(layers=layers), random.normal(size=(20, 2))
    bounds = tautnet.certify(network, X, norm=norm, exact=True)
    assert bounds.exact_closed and bounds.exact is not None and bounds.local is not None
    assert bounds.found <= bounds.exact[0] <= bounds.exact[1] <= bounds.proved
    assert bounds.local[0] <= bounds.local[1] and bounds.local[0] <= bounds.exact[1]
    # No two inputs are farther apart than the exact constant allows; those in the box, than the local one.
    order = {"2": 2, "inf": np.inf, "1": 1}[norm]
    for points, constant in [(10 * random.normal(size=(300, 2)), bounds.exact[1]), (X, bounds.local[1])]:
        apart = np.linalg.norm(network.predict(points)[:-1] - network.predict(points)[1:], ord=order, axis=1)
        moved = np.linalg.norm(points[:-1] - points[1:], ord=order, axis=1)
        assert np.all(apart <= constant * moved * (1 + 1e-9))
    text = str(bounds)
    assert "exact, at most" in text and "in the box, at most" in text
    alone = tautnet.certify(network, norm=norm)
    assert alone.exact is None and alone.local is None and not alone.exact_closed
