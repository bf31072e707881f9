"""The estimator of one of two classes."""
import json
import subprocess
import warnings

import numpy as np
import pandas
import pytest
from conftest import PROGRAM
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tautnet
from tautnet import LipschitzClassifier, LipschitzRegressor, TautnetError

WORDS = np.array(["ill", "well"])


@pytest.fixture(scope="module")
def rows():
    """Two half rings, and how they are named."""
    rng = np.random.default_rng(3)
    side = np.arange(160) % 2
    angle = np.pi * rng.random(160)
    X = np.c_[np.cos(angle) + side, np.sin(angle) * (1 - 2 * side) + 0.4 * side] + 0.2 * rng.normal(size=(160, 2))
    return X, WORDS[side]


@pytest.fixture(scope="module")
def fitted(rows):
    return LipschitzClassifier(hidden=12, decay=0.003, tolerance=0.1).fit(*rows)


def test_classes_are_learned_and_how_sure_that_is(rows, fitted):
    X, y = rows
    assert list(fitted.classes_) == ["ill", "well"] and fitted.score(X, y) > 0.88
    margins, likely = fitted.decision_function(X), fitted.predict_proba(X)
    assert np.allclose(likely.sum(axis=1), 1) and np.allclose(likely[:, 1], 1 / (1 + np.exp(-margins)))
    assert np.allclose(np.exp(fitted.predict_log_proba(X)), likely)
    assert (fitted.predict(X) == WORDS[(margins > 0).astype(int)]).all()
    seen = fitted.accuracy_
    assert 0.6 < seen["proved"] <= seen["found"] <= seen["clean"] <= 1
    # They are calibrated: dividing margins by no number makes rows that were not learned from much likelier.
    assert abs(np.mean(fitted.predict_proba(X)[:, 1]) - 0.5) < 0.1


def test_what_is_certain_no_input_error_changes(rows, fitted):
    X, _ = rows
    predicted, certain = fitted.predict_certain(X)
    assert 0 < certain.sum() < len(X)
    rng = np.random.default_rng(0)
    for _ in range(100):
        moved = X + rng.choice([-0.1, 0.1], size=X.shape) * rng.random(X.shape) ** 0.3
        assert (fitted.predict(moved)[certain] == predicted[certain]).all()
    wider = fitted.predict_certain(X, tolerance=0.4)[1]
    assert wider.sum() < certain.sum()
    with pytest.raises(TautnetError, match="made for no tolerance"):
        LipschitzClassifier(hidden=4, lipschitz_price=0.1).fit(*rows).predict_certain(X)


def test_the_attack_knows_the_classes(rows, fitted):
    X, y = rows
    found = tautnet.attack(fitted, X, y)
    assert (found.right_proved <= found.right_found).all() and found.right_found[0] == fitted.score(X, y)
    assert (np.diff(found.right_found) <= 0).all()
    with pytest.raises(TautnetError, match="`other` in row 1, which is none of the classes"):
        tautnet.attack(fitted, X[:1], ["other"])


def test_files_go_both_ways(rows, fitted, tmp_path):
    X, y = rows
    fitted.save(tmp_path / "m.json")
    loaded = LipschitzClassifier.load(tmp_path / "m.json")
    assert (loaded.predict(X) == fitted.predict(X)).all() and list(loaded.classes_) == ["ill", "well"]
    with pytest.raises(TautnetError, match="is a class"):
        LipschitzRegressor.load(tmp_path / "m.json")
    np.savetxt(tmp_path / "x.csv", X, delimiter=",", header="column_1,column_2", comments="", fmt="%.17g")
    told = subprocess.run([PROGRAM, "predict", tmp_path / "m.json", tmp_path / "x.csv", "--json"], capture_output=True, text=True, check=True)
    facts = json.loads(told.stdout)
    assert facts["predictions"] == list(fitted.predict(X))
    assert np.allclose(facts["probability"], fitted.predict_proba(X).max(axis=1))
    assert facts["certain"] == fitted.predict_certain(X)[1].tolist()
    numbers = LipschitzClassifier(hidden=3, lipschitz_price=0.1).fit(X, y == "ill")
    numbers.save(tmp_path / "b.json")
    assert list(LipschitzClassifier.load(tmp_path / "b.json").classes_) == ["False", "True"]
    with pytest.raises(TautnetError, match="is a number"):
        LipschitzRegressor(hidden=3, lipschitz_price=0.1).fit(X, X[:, 0]).save(tmp_path / "r.json")
        LipschitzClassifier.load(tmp_path / "r.json")


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
@pytest.mark.parametrize("named", [list(WORDS), [0, 1]])
def test_an_onnx_file_tells_classes_to_other_programs(rows, tmp_path, loss, named):
    onnxruntime = pytest.importorskip("onnxruntime")
    X, y = rows[0], np.array(named)[(rows[1] == "well").astype(int)]
    model = LipschitzClassifier(hidden=5, lipschitz_price=0.02, loss=loss).fit(X, y)
    model.save(tmp_path / "m.onnx")
    assert (LipschitzClassifier.load(tmp_path / "m.onnx").decision_function(X) == model.decision_function(X)).all()
    model.save(tmp_path / "single.onnx", precision="f32")
    for name, kind, close in [("m.onnx", np.float64, 1e-9), ("single.onnx", np.float32, 1e-4)]:
        session = onnxruntime.InferenceSession(str(tmp_path / name), providers=["CPUExecutionProvider"])
        found = dict(zip([output.name for output in session.get_outputs()], session.run(None, {"inputs": X.astype(kind)})))
        assert list(found) == ["label", *(["probabilities"] if loss == "logistic" else []), "prediction"]
        sure = np.abs(model.decision_function(X)) > close
        assert sure.sum() > 150 and (found["label"] == model.predict(X))[sure].all() and found["label"].shape == (len(X),)
        np.testing.assert_allclose(found["prediction"][:, 0], model.decision_function(X), rtol=close, atol=close)
        if loss == "logistic":
            np.testing.assert_allclose(found["probabilities"], model.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("zipmap", [False, True])
def test_the_margin_of_an_onnx_file_of_scikit_learn_is_read(rows, tmp_path, zipmap):
    skl2onnx = pytest.importorskip("skl2onnx")
    X, y = rows
    mlp = MLPClassifier((8,), max_iter=300, random_state=0).fit(X, y)
    made = skl2onnx.to_onnx(mlp, X[:1], options={"zipmap": zipmap})
    (tmp_path / "mlp.onnx").write_bytes(made.SerializeToString())
    margins = np.ravel(tautnet._tautnet.read(tmp_path / "mlp.onnx").predict(X))
    np.testing.assert_allclose(1 / (1 + np.exp(-margins)), mlp.predict_proba(X)[:, 1], atol=1e-6)


def test_other_classifiers_are_polished(rows):
    X, y = rows
    mlp = MLPClassifier((15,), max_iter=1000, random_state=0).fit(X, y)
    better = tautnet.polish(mlp, X, y, tolerance=0.1, rounds=2)
    assert isinstance(better, LipschitzClassifier) and list(better.classes_) == ["ill", "well"]
    assert better.objective_["worst_case"] < better.objective_["before"]["worst_case"]
    before, after = (tautnet.attack(one, X, y, tolerance=0.1).right_proved[2] for one in (mlp, better))
    assert after >= before
    several_labels = np.c_[y == "ill", X[:, 0] > 0]
    with pytest.raises(TautnetError, match="2 outputs of the activation `logistic`"):
        tautnet.polish(MLPClassifier((5,), max_iter=20).fit(X, several_labels), X, y)


def test_it_is_a_classifier_as_others_are(rows):
    X, y = rows
    pipeline = make_pipeline(StandardScaler(), LipschitzClassifier(hidden=5, lipschitz_price=0.01))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.8
    grid = GridSearchCV(LipschitzClassifier(hidden=5), {"lipschitz_price": [0.003, 0.3]}, cv=3, scoring="neg_log_loss").fit(X, y)
    assert grid.best_params_ == {"lipschitz_price": 0.003}
    assert clone(grid.best_estimator_).loss == "logistic"
    assert not hasattr(LipschitzClassifier(loss="hinge"), "predict_proba")


def test_classes_can_weigh_the_same(rows):
    X, y = rows
    few = np.flatnonzero(y == "ill")[:20]
    kept = np.r_[few, np.flatnonzero(y == "well")]
    fit = lambda weight: LipschitzClassifier(hidden=6, lipschitz_price=0.03, class_weight=weight).fit(X[kept], y[kept])  # noqa: E731
    plain, balanced = fit(None), fit("balanced")
    caught = [(one.predict(X[y == "ill"]) == "ill").mean() for one in (plain, balanced)]
    assert caught[1] > caught[0]
    same = fit({"ill": 2.5, "well": 0.625})  # 80 and 20 rows of 100
    assert np.allclose(same.decision_function(X), balanced.decision_function(X))


@pytest.mark.parametrize(
    "y, what",
    [
        (["a"] * 4, "only one class"),
        (["a", "b", "c", "a"], "4 rows are too few"),
        ([1, 2, 1.5, 1], "continuous"),
        ([0.0, np.nan, 1.0, 0.0], "NaN"),
        (["a", float("nan"), "b", "a"], "no class in row 2, but nan"),
        (["a", None, "b", "a"], "no class in row 2, but None"),
        (np.array(["a", None, "b", "a"], dtype=object), "no class in row 2"),
        (pandas.Series(["a", None, "b", "a"], dtype="string"), "no class in row 2"),
        (pandas.Series(["a", None, "b", "a"], dtype="category"), "no class in row 2"),
        (np.array(["a", 1, "b", "a"], dtype=object), r"several types: numbers \(`1` in row 2\), words \(`a` in row 1\)"),
        (["a", 1, "b", "a"], "several types: numbers"),
        ([True, "b", True, "b"], "several types: numbers"),
        (np.eye(4)[:, :2], "y has 2 columns\nhint: give one column of classes; of columns of 0 and 1, argmax makes one"),
        (np.eye(4)[:, :2].tolist(), "y has 2 columns"),
        (pandas.DataFrame(np.eye(4)[:, :3]), "y has 3 columns"),
        (None, "requires y"),
    ],
)
def test_bad_classes_are_refused(y, what):
    with pytest.raises(ValueError, match=what):
        LipschitzClassifier(hidden=2).fit(np.arange(8.0).reshape(4, 2), y)


def test_labels_of_one_kind_are_taken_as_they_are():
    X = np.arange(8.0).reshape(4, 2) % 5
    for y, classes in [
        ([0, 1, 0, 1], [0, 1]),
        ([True, False, True, True], [False, True]),
        (np.array([0, 1.0, 0, 1], dtype=object), [0, 1]),
        (("b", "a", "b", "a"), ["a", "b"]),
        (np.array([["b"], ["a"], ["b"], ["a"]]), ["a", "b"]),
    ]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a column where a list is due
            found = LipschitzClassifier(hidden=2, lipschitz_price=0.1).fit(X, y)
        assert list(found.classes_) == classes and set(found.predict(X)) <= set(classes)


def test_few_rows_of_a_class_are_noted(rows):
    X, y = rows
    kept = np.r_[np.flatnonzero(y == "ill")[:2], np.flatnonzero(y == "well")[:30]]
    with pytest.warns(UserWarning, match="only 2 of the 32 rows to learn from are of the class `ill`, fewer than the 5 parts"):
        LipschitzClassifier(hidden=2, decay=0.01, tolerance=0.1).fit(X[kept], y[kept])


def test_classes_that_a_model_does_not_have_are_named(rows, fitted):
    X, y = rows
    for bad, what in [
        (np.r_[y[:-1], ["maybe"]], "`maybe` in row 160, which is none of the classes of the model\nhint: its classes are ill and well"),
        (np.zeros(len(y)), "`0.0` in row 1"),
        ([None, *y[1:]], "no class in row 1"),
        (np.eye(len(y))[:, :2], "y has 2 columns"),
    ]:
        for use in (tautnet.attack, tautnet.polish):
            with pytest.raises(TautnetError, match=what):
                use(fitted, X, bad)


def test_bad_weights_are_refused(rows):
    X, y = rows
    for weight, what in [("even", "`class_weight` is 'even'"), ({"ill": 1.0}, "no weight for the class well")]:
        with pytest.raises(TautnetError, match=what):
            LipschitzClassifier(hidden=2, class_weight=weight).fit(X, y)
    with pytest.raises(TautnetError, match="only one class in the rows that count"):
        LipschitzClassifier(hidden=2).fit(X, y, sample_weight=(y == "ill").astype(float))
    with pytest.raises(TautnetError, match="`squared` is for numbers"):
        LipschitzClassifier(hidden=2, loss="squared").fit(X, y)
