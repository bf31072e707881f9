"""The estimator of one of three classes, and what the functions make of networks with an output for each."""

import json
import pickle
import subprocess

import numpy as np
import pytest
from conftest import PROGRAM
from sklearn.neural_network import MLPClassifier

import tautnet
from tautnet import LipschitzClassifier, LipschitzRegressor, TautnetError

WORDS = np.array(["ash", "beech", "oak"])
WITHIN = {"tolerance": 0.15, "hidden": 6, "decay": 0.003}


@pytest.fixture(scope="module")
def rows():
    """Three points on a circle, rows about each of them, and how they are named."""
    rng = np.random.default_rng(5)
    place = np.arange(120) % 3
    angle = 2.1 * place
    return np.c_[np.cos(angle), np.sin(angle)] + 0.4 * rng.normal(size=(120, 2)), WORDS[place]


@pytest.fixture(scope="module")
def fitted(rows):
    return LipschitzClassifier(**WITHIN).fit(*rows)


@pytest.fixture(scope="module")
def mlp(rows):
    return MLPClassifier((8,), max_iter=1000, random_state=0).fit(*rows)


def test_three_classes_are_learned_and_how_sure_that_is(rows, fitted):
    X, y = rows
    assert list(fitted.classes_) == list(WORDS) and fitted.score(X, y) > 0.85
    outputs, likely = fitted.decision_function(X), fitted.predict_proba(X)
    assert outputs.shape == likely.shape == (120, 3)
    assert np.allclose(likely.sum(axis=1), 1) and np.allclose(likely, np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True))
    assert np.allclose(np.exp(fitted.predict_log_proba(X)), likely)
    assert (fitted.predict(X) == WORDS[outputs.argmax(axis=1)]).all()
    seen = fitted.accuracy_
    assert 0.5 < seen["proved"] <= seen["found"] <= seen["clean"] <= 1
    # They are calibrated: on the average they are right as often as they say.
    assert abs(likely.max(axis=1).mean() - fitted.score(X, y)) < 0.1


def test_the_numbers_of_classes_come_back(rows):
    X, numbers = rows[0], np.array([1, 2, 5])[np.searchsorted(WORDS, rows[1])]
    model = LipschitzClassifier(**WITHIN | {"hidden": 4}).fit(X, numbers)
    assert list(model.classes_) == [1, 2, 5] and model.predict(X).dtype == numbers.dtype and model.score(X, numbers) > 0.8


def test_no_input_error_changes_what_is_certain(rows, fitted):
    X, _ = rows
    predicted, certain = fitted.predict_certain(X)
    assert (predicted == fitted.predict(X)).all() and 20 < certain.sum() < len(X)
    rng = np.random.default_rng(0)
    changed = np.zeros(len(X), dtype=bool)
    for _ in range(200):
        moved = X + 0.15 * rng.choice([-1, 1], size=X.shape) * rng.random(X.shape) ** 0.3
        changed |= fitted.predict(moved) != predicted
    assert not changed[certain].any() and changed[~certain].any()
    assert fitted.predict_certain(X, tolerance=0.4)[1].sum() < certain.sum() < fitted.predict_certain(X, tolerance=0.05)[1].sum()


def test_files_and_pickles_keep_three_classes(rows, fitted, tmp_path):
    X, _ = rows
    for name in ["m.json", "m.onnx"]:
        fitted.save(tmp_path / name)
        loaded = LipschitzClassifier.load(tmp_path / name)
        assert (loaded.decision_function(X) == fitted.decision_function(X)).all() and list(loaded.classes_) == list(WORDS)
        assert (loaded.predict_certain(X)[1] == fitted.predict_certain(X)[1]).all()
    with pytest.raises(TautnetError, match="is a class"):
        LipschitzRegressor.load(tmp_path / "m.json")
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_proba(X) == fitted.predict_proba(X)).all() and again.accuracy_ == fitted.accuracy_
    np.savetxt(tmp_path / "x.csv", X, delimiter=",", header="column_1,column_2", comments="", fmt="%.17g")
    told = subprocess.run([PROGRAM, "predict", tmp_path / "m.json", tmp_path / "x.csv", "--json"], capture_output=True, text=True, check=True)
    facts = json.loads(told.stdout)
    assert facts["predictions"] == list(fitted.predict(X)) and facts["certain"] == fitted.predict_certain(X)[1].tolist()
    assert np.allclose(facts["probabilities"], fitted.predict_proba(X))


def test_three_classes_can_weigh_the_same(rows):
    X, y = rows
    few = np.flatnonzero(y == "ash")[:8]
    kept = np.r_[few, np.flatnonzero(y != "ash")]
    fit = lambda weight: LipschitzClassifier(**WITHIN | {"hidden": 4}, class_weight=weight).fit(X[kept], y[kept])  # noqa: E731
    plain, balanced = fit(None), fit("balanced")
    caught = [(one.predict(X[y == "ash"]) == "ash").mean() for one in (plain, balanced)]
    assert caught[1] > caught[0]
    same = fit({"ash": 88 / 24, "beech": 88 / 120, "oak": 88 / 120})  # 8, 40 and 40 rows of 88
    assert np.allclose(same.decision_function(X), balanced.decision_function(X))
    with pytest.raises(TautnetError, match="no weight for the class oak"):
        fit({"ash": 1.0, "beech": 1.0})
    with pytest.raises(TautnetError, match="no row of the class ash in the rows that count"):
        LipschitzClassifier(**WITHIN).fit(X, y, sample_weight=(y != "ash").astype(float))


def test_the_attack_takes_three_classes(rows, fitted, mlp):
    X, y = rows
    for one, within in [(fitted, None), (mlp, 0.15)]:
        found = tautnet.attack(one, X, y, tolerance=within)
        assert found.right_found[0] == one.score(X, y)
        assert (found.right_proved <= found.right_found).all() and (np.diff(found.right_found) <= 0).all()
        assert found.right_found[-1] < found.right_found[0] and (found.found <= found.proved).all()
    with pytest.raises(TautnetError, match="`elm` in row 1, which is none of the classes of the model\nhint: its classes are ash, beech and oak"):
        tautnet.attack(fitted, X[:1], ["elm"])
    with pytest.raises(TautnetError, match="within balls of the standardized inputs"):
        tautnet.attack(fitted, X, y, radius=0.1)


@pytest.mark.parametrize("which", ["fitted", "mlp"])
def test_networks_of_three_classes_are_polished(rows, request, tmp_path, which):
    X, y = rows
    network = request.getfixturevalue(which)
    better = tautnet.polish(network, X, y, tolerance=0.15, rounds=3)
    assert isinstance(better, LipschitzClassifier) and list(better.classes_) == list(WORDS) and better.score(X, y) > 0.8
    before, after = (tautnet.attack(one, X, y, tolerance=0.15) for one in (network, better))
    assert better.objective_["ending"] != "unchanged"
    assert after.found[2] < before.found[2] and after.proved[2] < before.proved[2] and after.found[2] <= after.proved[2]
    for name in ["p.json", "p.onnx"]:
        better.save(tmp_path / name)
        assert (LipschitzClassifier.load(tmp_path / name).decision_function(X) == better.decision_function(X)).all()
    # Another polish never raises the bound of its program, which is near the one that branch and bound proves here.
    for start, asked, most in [(better, {"rounds": 1}, after), (network, {"method": "robust-cells"}, before)]:
        again = tautnet.polish(start, X, y, tolerance=0.15, **asked)
        assert tautnet.attack(again, X, y, tolerance=0.15).proved[2] <= 1.01 * most.proved[2]


def test_what_there_is_of_two_classes_only_is_refused(rows, fitted, mlp):
    X, y = rows
    with pytest.raises(TautnetError, match="a network of several classes has no certificate\nhint: `tautnet.certify` bounds the margins of its classes"):
        fitted.certificate_  # noqa: B018
    for priced in [{"lipschitz_price": 0.1}, {"tolerance": 0}, {"max_lipschitz": 2.0}]:
        with pytest.raises(TautnetError, match="Only binary classification is supported with prices: y has 3 classes"):
            LipschitzClassifier(hidden=3, **priced).fit(X, y)
    for given, what in [({}, "the method `joint` is for networks with one output"), ({"tolerance": 0.15, "lipschitz_price": 0.1}, "a price or a limit of the Lipschitz bound is for networks with one output")]:
        with pytest.raises(TautnetError, match=what):
            tautnet.polish(mlp, X, y, **given)
    with pytest.raises(TautnetError, match="several classes|3 outputs"):
        tautnet.certify(fitted)
    with pytest.raises(TautnetError, match="only one class"):
        LipschitzClassifier(**WITHIN).fit(X, ["ash"] * len(y))


@pytest.mark.parametrize("named", [list(WORDS), [1, 2, 5]])
@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_an_onnx_file_tells_three_classes_to_other_programs(rows, tmp_path, loss, named):
    onnxruntime = pytest.importorskip("onnxruntime")
    X, y = rows[0], np.array(named)[np.searchsorted(WORDS, rows[1])]
    model = LipschitzClassifier(hidden=3, decay=0.01, tolerance=0.1, loss=loss).fit(X, y)
    model.save(tmp_path / "m.onnx")
    model.save(tmp_path / "single.onnx", precision="f32")
    outputs = model.decision_function(X)
    largest = np.sort(outputs, axis=1)
    for name, kind, close in [("m.onnx", np.float64, 1e-9), ("single.onnx", np.float32, 1e-4)]:
        session = onnxruntime.InferenceSession(str(tmp_path / name), providers=["CPUExecutionProvider"])
        found = dict(zip([output.name for output in session.get_outputs()], session.run(None, {"inputs": X.astype(kind)})))
        assert list(found) == ["label", *(["probabilities"] if loss == "logistic" else []), "prediction"]
        sure = largest[:, 2] - largest[:, 1] > close
        assert sure.sum() > 100 and (found["label"] == model.predict(X))[sure].all() and found["label"].shape == (len(X),)
        np.testing.assert_allclose(found["prediction"], outputs, rtol=close, atol=close)
        if loss == "logistic":
            np.testing.assert_allclose(found["probabilities"], model.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("zipmap", [False, True])
def test_outputs_before_the_softmax_of_an_onnx_file_of_scikit_learn_are_read(rows, mlp, tmp_path, zipmap):
    skl2onnx = pytest.importorskip("skl2onnx")
    X, _ = rows
    made = skl2onnx.to_onnx(mlp, X[:1], options={"zipmap": zipmap})
    (tmp_path / "mlp.onnx").write_bytes(made.SerializeToString())
    outputs = tautnet._tautnet.read(tmp_path / "mlp.onnx").predict(X)
    assert outputs.shape == (len(X), 3)
    likely = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(likely, mlp.predict_proba(X), atol=1e-6)
