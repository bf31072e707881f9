"""What networks with layers tell: of rows put aside, of files in other precisions, of several targets, and of one hidden layer of relu units."""
import json
import pickle
import subprocess

import numpy as np
import pytest
from sklearn.base import clone

import tautnet
from conftest import PROGRAM
from tautnet import LipschitzClassifier, LipschitzRegressor, NotProved, TautnetError
from test_deep import SMALL, classes, moved, numbers, of_classes, of_numbers  # noqa: F401


def test_what_rows_put_aside_say(classes, numbers, tmp_path):
    """Of classes and of a number, where there are 20 of them; the command line's rows held out go before."""
    (X, labels), (_, y) = classes, numbers
    model = LipschitzClassifier(**SMALL, validation=0.2).fit(X, labels)
    shares = model.accuracy_
    assert set(shares) == {"clean", "proved"} and 0.5 < shares["clean"] <= 1 and shares["proved"] <= shares["clean"]
    aside = json.loads(model.model_.seen_by_layers)
    assert aside["rows"] == 30 and aside == model.objective_["put_aside"] and model.worst_case_error_ is None
    assert shares["clean"] * 30 == pytest.approx(round(shares["clean"] * 30))
    # All rows of a kind have the right class as often as those put aside and the others together.
    right = model.score(X, labels) * 150
    assert shares["clean"] * 30 <= right <= 120 + shares["clean"] * 30
    two = LipschitzClassifier(**SMALL, validation=0.3).fit(X, labels == "low")
    assert two.accuracy_["clean"] > 0.7 and LipschitzClassifier.from_model(two.model_).accuracy_ == two.accuracy_
    of_number = LipschitzRegressor(**SMALL, validation=0.2).fit(X, y)
    error, worst = json.loads(of_number.model_.seen_by_layers), of_number.worst_case_error_
    assert worst == pytest.approx(np.sqrt(error["proved"]) * y.std(), rel=1e-9) and worst > np.sqrt(error["clean"]) * y.std()
    # Without a radius there is no worst case; and none with too few rows, or where they count for nothing.
    assert LipschitzRegressor(**{**SMALL, "radius": 0.0}, validation=0.2).fit(X, y).worst_case_error_ is None
    assert LipschitzRegressor(**SMALL, validation=0.1).fit(X, y).worst_case_error_ is None
    assert tautnet.polish(model, X, labels, rounds=1).accuracy_ is None
    cells = [",".join([*map(repr, map(float, row)), one]) for row, one in zip(X, labels)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,c,d,target", *cells]) + "\n")
    command = [PROGRAM, "train", "table.csv", "--layers", "6,5", "--epochs", "40", "--validation", "0.2", "--test", "0.2", "--out", "m.json", "--json", "--quiet"]
    told = json.loads(subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout)
    held_out = LipschitzClassifier.load(tmp_path / "m.json").accuracy_
    assert held_out == {"clean": told["held_out"]["accuracy"], "proved": told["held_out"]["proved_accuracy"]}
    assert told["put_aside"]["rows"] == 24


def test_a_file_in_single_precision_says_what_is_not_about_it(classes, numbers, of_classes, of_numbers, tmp_path, recwarn):
    with pytest.warns(UserWarning, match="the means and scales in the file are rounded to single precision"):
        of_numbers.save(tmp_path / "trained.onnx", precision="f32")
    with pytest.raises(NotProved, match="the scalers differ"):
        tautnet.verify(of_numbers.certificate_, tmp_path / "trained.onnx")
    for model in (tautnet.polish(of_classes, *classes, rounds=1), tautnet.polish(of_numbers, *numbers, rounds=1)):
        path = tmp_path / "f32.onnx"
        with pytest.warns(UserWarning, match="rounded to single precision: no certificate of the network as it was is about them, and `tautnet.certify` makes one"):
            model.save(path, precision="f32", overwrite=True)
        with pytest.raises(NotProved, match="single precision"):
            tautnet.verify(model.certificate_, path)
        rounded = type(model).load(path)
        assert tautnet.verify(rounded.certificate_, path) == rounded.certificate_
        assert rounded.objective_["trivial_bound"] == rounded.certificate_.standardized["bound"] != model.objective_["trivial_bound"]
        with pytest.warns(UserWarning, match="for data in their own units"):
            model.save(tmp_path / "m.safetensors", overwrite=True)
        with pytest.warns(UserWarning, match="rounded to single precision"):
            model.model_.network(True).save(tmp_path / "plain.onnx", precision="f32", overwrite=True)
        recwarn.clear()
        model.save(tmp_path / "m.onnx", overwrite=True)
        assert not recwarn.list and tautnet.verify(model.certificate_, tmp_path / "m.onnx") == model.certificate_


def test_several_targets_have_a_column_each(numbers, tmp_path):
    X, y = numbers
    Y = np.column_stack([y, 1e-3 * X[:, 1] ** 2, -5.0 * y + X[:, 0]])
    for norm in ("2", "inf", "1"):
        model = LipschitzRegressor(layers=(8, 8), activation="abs", epochs=150, radius=0.05, validation=0.2, norm=norm).fit(X, Y)
        predicted, lower, upper = model.predict(X, radius=0.1)
        assert predicted.shape == lower.shape == upper.shape == (150, 3) and np.array_equal(predicted, model.predict(X))
        assert (lower < predicted).all() and (predicted < upper).all() and model.score(X, Y) > 0.3
        rng = np.random.default_rng(0)
        for _ in range(30):
            f = model.predict(moved(X, 0.1, norm, rng))
            assert (lower <= f).all() and (f <= upper).all()
        # Each interval is as wide as the bound of its output says, in the units of its target.
        outputs = np.array(model.certificate_.standardized["outputs"])
        np.testing.assert_allclose(upper - lower, np.tile(0.2 * outputs * Y.std(axis=0), (150, 1)), rtol=1e-9)
        assert model.certificate_.raw is None and model.trivial_bound_ == model.certificate_.standardized["bound"]
        # The errors are those of the rows put aside, proved.
        aside = json.loads(model.model_.seen_by_layers)
        each = np.sqrt([target["proved"] for target in aside["targets"]]) * Y.std(axis=0)
        np.testing.assert_allclose(model.worst_case_error_, each, rtol=1e-9)
        assert sum(target["clean"] for target in aside["targets"]) == pytest.approx(aside["clean"])
        assert tautnet.verify(model.certificate_, model) == model.certificate_
        bounds = tautnet.certify(model, X, norm=norm)
        assert 0 < bounds.found <= bounds.proved
    for name in ("m.json", "m.onnx"):
        model.save(tmp_path / name, overwrite=True)
        read = LipschitzRegressor.load(tmp_path / name)
        assert np.array_equal(read.predict(X), predicted) and read.layers == (8, 8)
    before = model.predict(X)
    again = pickle.loads(pickle.dumps(model)).set_params(warm_start=True, epochs=1, rate=1e-9).fit(X[:120], Y[:120])
    np.testing.assert_allclose(again.predict(X), before, rtol=1e-3, atol=1e-3 * np.abs(before).max())
    for ask, message in [
        (lambda: model.predict(X, coverage=0.9), "`coverage` is for one target"),
        (lambda: model.predict(X, interval="tolerance"), "`interval` is for one hidden layer"),
        (lambda: model.predict(X, radius=0.1, nodes=3), "`nodes` is for one hidden layer"),
        (lambda: model.predict(X, radius=-1), "`radius` is -1"),
        (lambda: tautnet.polish(model, X, Y), "the polish of a deep network is for one target"),
        (lambda: LipschitzRegressor(layers=(4,)).fit(X, Y[:20]), "rows"),
        (lambda: LipschitzRegressor(layers=(4,)).fit(X, np.where(Y == Y[3, 1], np.nan, Y)), "NaN"),
    ]:
        with pytest.raises((TautnetError, ValueError), match=message):
            ask()


@pytest.mark.parametrize("targets", [1, 2])
def test_one_hidden_layer_of_relu_units_is_what_it_was_trained_as(targets, tmp_path):
    """The convex programs know more of such a network; what was asked for is honoured all the same."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.stack([X[:, 0] - np.abs(X[:, 1]), X[:, 2]], axis=1)
    y = y[:, 0] if targets == 1 else y
    asked = {"layers": (8,), "activation": "relu", "epochs": 10, "radius": 0.1, "max_lipschitz": 2.0}
    fitted = LipschitzRegressor(**asked).fit(X, y)
    fitted.save(tmp_path / "model.json")
    read = LipschitzRegressor.load(tmp_path / "model.json")
    assert {name: read.get_params()[name] for name in asked} == asked and read.hidden == LipschitzRegressor().hidden
    again = clone(read).fit(X, y)
    assert again.model_.to_json() == fitted.model_.to_json()
    for model in (fitted, read):
        assert model.n_iter_ == 10
        assert model.certificate_.lipschitz_upper_bound == model.trivial_bound_
        assert model.certificate_.standardized["bound"] == model.objective_["trivial_bound"] <= 2.0
        predicted, lower, upper = model.predict(X, radius=0.1)
        assert (lower <= predicted).all() and (predicted <= upper).all() and (lower < upper).any()
        assert "chain_certificate() makes one" in repr(model.model_)
    if targets == 1:
        # What is known of one hidden layer of relu units: a sharper bound, and intervals within a tolerance.
        assert tautnet.certify(fitted).proved <= fitted.objective_["trivial_bound"] * (1 + 1e-9)
        assert len(fitted.predict(X, tolerance=0.1)) == 3
        better = tautnet.polish(fitted, X, y)
        assert better.certificate_.lipschitz_upper_bound > 0 and "trivial_bound" not in better.objective_
        with pytest.raises(TautnetError, match="`nodes` is for one hidden layer"):
            fitted.predict(X, radius=0.1, nodes=3)


def test_one_hidden_layer_of_relu_units_that_tells_classes_apart():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    for count in (2, 3):
        labels = np.array(["p", "q", "r"])[np.digitize(X[:, 0], [-0.4, 0.4] if count == 3 else [0.0])]
        fitted = LipschitzClassifier(layers=(8,), activation="relu", epochs=10, radius=0.05).fit(X, labels)
        for classes, certain in (fitted.predict_certain(X), fitted.predict_certain(X, radius=0.05)):
            assert (classes == fitted.predict(X)).all() and certain.dtype == bool
        assert set(fitted.accuracy_ or {"clean": 0, "proved": 0}) == {"clean", "proved"}
        assert fitted.certificate_.lipschitz_upper_bound > 0
