"""Several targets: one network with an output for each."""

import numpy as np
import pandas
import pytest
from sklearn.datasets import make_regression
from sklearn.neural_network import MLPRegressor

import tautnet
from tautnet import LipschitzRegressor, TautnetError


def rows(n=60):
    random = np.random.default_rng(3)
    x = random.uniform(-1.5, 1.5, (n, 2))
    y = np.column_stack([300 + 40 * (x[:, 0] + np.maximum(x[:, 1], 0)), 2 + 0.1 * np.abs(x[:, 0] - x[:, 1])])
    return x, y + random.normal(size=(n, 2)) * [4, 0.01]


@pytest.fixture(scope="module")
def fitted():
    x, y = rows()
    return LipschitzRegressor(hidden=5, decay=0.003, tolerance=0.1).fit(x, y), x, y


def test_predictions_have_a_column_for_each_target(fitted, tmp_path):
    model, x, y = fitted
    predicted = model.predict(x)
    assert predicted.shape == y.shape
    assert model.score(x, y) > 0.8
    together, lower, upper = model.predict(x, interval="tolerance")
    assert (together == predicted).all() and (lower < predicted).all() and (predicted < upper).all()
    moved = np.random.default_rng(1).uniform(-0.1, 0.1, x.shape)
    inside = model.predict(x + moved)
    assert (lower - 1e-9 <= inside).all() and (inside <= upper + 1e-9).all()
    worst = model.worst_case_error_
    assert len(worst) == 2 and 4 < worst[0] < 40 and 0.01 < worst[1] < 0.1
    assert model.model_.targets == ["column_3", "column_4"] and model.model_.scaler()["target_mean"].shape == (2,)
    model.save(tmp_path / "m.json")
    again = LipschitzRegressor.load(tmp_path / "m.json")
    assert (again.predict(x) == predicted).all()
    model.save(tmp_path / "m.onnx")
    assert np.allclose(LipschitzRegressor.load(tmp_path / "m.onnx").predict(x), predicted, rtol=1e-9)


def test_names_are_those_of_the_frame():
    x, y = rows(30)
    frame = pandas.DataFrame({"a": x[:, 0], "b": x[:, 1]})
    targets = pandas.DataFrame({"price": y[:, 0], "weight": y[:, 1]})
    model = LipschitzRegressor(hidden=3, decay=0.01, tolerance=0.1).fit(frame, targets)
    assert model.model_.targets == ["price", "weight"]
    same = LipschitzRegressor(hidden=3, decay=0.01, tolerance=0.1).fit(frame.to_numpy(), y.tolist())
    assert (same.predict(x) == model.predict(frame)).all()
    with pytest.raises(TautnetError, match="`a` is both an input column and the target"):
        LipschitzRegressor(hidden=3).fit(frame, targets.rename(columns={"weight": "a"}))


def test_an_mlp_of_several_outputs_is_polished_and_attacked():
    x, y = rows()
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    network = MLPRegressor(hidden_layer_sizes=(6,), max_iter=2000, random_state=0).fit(x, y)
    better = tautnet.polish(network, x, y, tolerance=0.1, rounds=2)
    assert better.predict(x).shape == y.shape
    told = better.objective_
    assert told["ending"] == "solved"
    before, after = (tautnet.attack(one, x, y, tolerance=0.1) for one in (network, better))
    assert before.found.shape == before.proved.shape == (5, 2)
    assert (before.found <= before.proved).all() and (after.found <= after.proved).all()
    # The objective has the sum at the tolerance itself.
    assert after.proved[2].sum() < before.proved[2].sum()
    assert np.allclose(before.found[0], ((network.predict(x) - y) ** 2).mean(axis=0), rtol=1e-6)


def test_what_is_for_one_target_is_said(fitted):
    model, x, y = fitted
    for what, run in [
        ("the rows have 1 targets where 2 are due", lambda: tautnet.attack(model, x, y[:, 0])),
        ("rows of 1 and of 2 targets", lambda: LipschitzRegressor().fit(x[:3], [[1.0, 2.0], [3.0], [4.0, 5.0]])),
        ("an objective with prices is for one target, and the rows have 2", lambda: LipschitzRegressor(lipschitz_price=0.1).fit(x, y)),
        ("an objective with prices is for one target", lambda: LipschitzRegressor(tolerance=0).fit(x, y)),
        ("the target column `column_4` is 1 in every row", lambda: LipschitzRegressor().fit(x, np.column_stack([y[:, 0], np.ones(60)]))),
        ("`radius` is for one target", lambda: model.predict(x, radius=0.1)),
        ("`coverage` is for one target", lambda: model.predict(x, coverage=0.9)),
        ("a calibration is for one target", lambda: model.calibrate(x, y)),
        ("a network of several targets has no certificate", lambda: model.certificate_),
        ("takes networks with one output", lambda: tautnet.certify(model)),
        ("the method `joint` is for networks with one output", lambda: tautnet.polish(model, x, y, method="joint")),
        ("a path of prices is for one target", lambda: tautnet.lipschitz_path(x, y)),
        ("a network of several classes or targets was to be attacked", lambda: tautnet.attack(model, x, y, radius=0.1)),
    ]:
        with pytest.raises(TautnetError, match=what):
            run()
    hole = y.copy()
    hole[4, 1] = np.nan
    with pytest.raises(ValueError, match="column `column_4` is"):
        LipschitzRegressor().fit(x, hole)


def test_the_tag_says_when_several_targets_are_taken():
    def taken(**parameters):
        return LipschitzRegressor(**parameters).__sklearn_tags__().target_tags.multi_output

    assert taken() and taken(tolerance="0.2sd", effort="high") and taken(tolerance=np.ones(3))
    assert not taken(tolerance=0) and not taken(lipschitz_price=0.1) and not taken(method="convex") and not taken(effort="high")


def test_five_targets_of_scikit_learn():
    x, y = make_regression(n_samples=40, n_features=4, n_targets=5, random_state=0)
    model = LipschitzRegressor(hidden=3, decay=0.01).fit(x, y)
    assert model.predict(x).shape == (40, 5) and model.predict(x).dtype == np.float64
