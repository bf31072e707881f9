"""What a fitted model tells of rows that it did not learn from, and how it stands beside other estimators."""

import json

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict

from tautnet import LipschitzClassifier, LipschitzRegressor, TautnetError

SMALL = {"hidden": 4, "decay": 0.01}


def table(rows: int = 80, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    temp, flow = random.normal(20.0, 5.0, rows), random.uniform(1.0, 3.0, rows)
    return np.column_stack([temp, flow]), 40.0 * np.sin(temp / 5.0) * flow + random.normal(size=rows)


@pytest.fixture(scope="module")
def fitted() -> LipschitzRegressor:
    return LipschitzRegressor(tolerance={"column_1": 0.2, "column_2": "2%"}, **SMALL).fit(*table())


def test_the_scores_are_those_of_the_worst_case(fitted) -> None:
    x, y = table()
    scores = fitted.scores_
    assert scores.rows == len(y) and not scores.classes and scores.verdict == "better"
    assert scores.result.proved == pytest.approx(fitted.worst_case_error_, rel=1e-12)
    for errors in (scores.result, scores.start, scores.linear, scores.constant):
        assert 0 < errors.clean <= errors.found * (1 + 1e-12) and errors.found <= errors.proved
    # What nothing moves has no worst case, but for rounding, and that of a linear model is found.
    assert scores.constant.proved == pytest.approx(scores.constant.clean, rel=1e-9)
    assert scores.linear.proved == pytest.approx(scores.linear.found, rel=1e-9)
    assert scores.result.clean < 0.5 * scores.linear.clean < scores.constant.clean
    assert scores.r_squared == pytest.approx(1 - scores.result.clean**2 / y.var(), rel=1e-9)
    assert 0 < scores.median < scores.result.clean < scores.nine_of_ten


def test_the_linear_model_is_as_good_as_that_of_scikit_learn(fitted) -> None:
    x, y = table()
    held_out = cross_val_predict(LinearRegression(), x, y, cv=KFold(5, shuffle=True, random_state=0))
    assert fitted.scores_.linear.clean == pytest.approx(np.sqrt(np.mean((held_out - y) ** 2)), rel=0.05)


def test_a_line_needs_no_network() -> None:
    for seed in (0, 1, 3):
        random = np.random.default_rng(seed)
        x = random.normal(size=(60, 2))
        noise = LipschitzRegressor(tolerance=0.5, **SMALL).fit(x, random.normal(size=60))
        assert noise.scores_.verdict == "constant" and "of no use" in repr(noise.scores_)
    line = LipschitzRegressor(tolerance=0.05, **SMALL).fit(x, x @ [2.0, -1.0] + 0.5 * random.normal(size=60))
    assert line.scores_.verdict == "linear" and "a linear model is as good" in repr(line.scores_)
    assert line.scores_.linear.proved <= 1.01 * line.scores_.result.proved


def test_files_keep_them_and_they_show_themselves(fitted, tmp_path) -> None:
    fitted.save(tmp_path / "m.json")
    assert LipschitzRegressor.load(tmp_path / "m.json").scores_ == fitted.scores_
    text, page = repr(fitted.scores_), fitted.scores_._repr_html_()
    for part in ("80 rows that were not learned from", "a linear model", "R² 0.9", "better than ordinary training"):
        assert part in text and part in page


def test_models_of_before_have_none(fitted, tmp_path) -> None:
    model = json.loads(fitted.model_.to_json())
    for name in ("verdict", "simple", "typical"):
        del model["objective"]["seen"][name]
    (tmp_path / "old.json").write_text(json.dumps(model))
    old = LipschitzRegressor.load(tmp_path / "old.json")
    assert old.scores_ is None and old.worst_case_error_ == fitted.worst_case_error_


def test_classes_have_shares_and_several_targets_a_list() -> None:
    x, y = table()
    model = LipschitzClassifier(tolerance=0.2, **SMALL).fit(x, np.where(y > 0, "high", "low"))
    scores = model.scores_
    assert scores.classes and scores.r_squared is None and scores.median is None
    assert scores.result._asdict() == model.accuracy_
    assert scores.result.proved <= scores.result.found <= scores.result.clean <= 1
    assert scores.constant.clean == pytest.approx(max(np.mean(y > 0), np.mean(y <= 0)), abs=0.05)
    both = LipschitzRegressor(tolerance=0.2, **SMALL).fit(x, np.column_stack([y, -2.0 * y]))
    first, second = both.scores_
    assert [first.result.proved, second.result.proved] == pytest.approx(both.worst_case_error_, rel=1e-12)
    assert second.constant.clean == pytest.approx(2 * first.constant.clean, rel=1e-9)
    assert second.r_squared == pytest.approx(1 - second.result.clean**2 / (4 * y.var()), rel=1e-9)


def test_without_rows_held_out_there_are_none() -> None:
    priced = LipschitzRegressor(hidden=3, lipschitz_price=0.1).fit(*table())
    assert priced.scores_ is None
    with pytest.raises(TautnetError, match="the model has no scores to stand beside others"):
        priced.against(*table())


def test_others_stand_beside_it(fitted) -> None:
    x, y = table()
    rivals = fitted.against(x, y)
    assert list(rivals.errors) == ["this model", "a linear model", "always the same", "gradient boosting"]
    assert rivals.errors["this model"] == fitted.scores_.result
    boosted = rivals.errors["gradient boosting"]
    assert 0 < boosted.clean <= boosted.found and np.isnan(boosted.proved) and boosted.clean < y.std()
    assert "gradient boosting" in repr(rivals) and "gradient boosting" in rivals._repr_html_()
    assert rivals == fitted.against(x, y) or repr(rivals) == repr(fitted.against(x, y))


def test_what_is_found_of_others_is_within_the_tolerance(fitted) -> None:
    x, y = table()
    sizes = np.column_stack([np.full(len(x), 0.2), 0.02 * np.abs(x[:, 1])])
    for shape in ("box", "ball"):
        rivals = fitted.against(x, y, {"mean": DummyRegressor(), "line": Ridge(1e-9)}, draws=200, tolerance_shape=shape)
        assert rivals.errors["mean"].found == rivals.errors["mean"].clean
        folds = KFold(5, shuffle=True, random_state=0)
        worst = np.empty(len(y))
        for learned, held_out in folds.split(x):
            line = Ridge(1e-9).fit(x[learned], y[learned])
            moved = np.abs(line.coef_) * sizes[held_out]
            reach = moved.sum(axis=1) if shape == "box" else np.linalg.norm(moved, axis=1)
            worst[held_out] = np.abs(line.predict(x[held_out]) - y[held_out]) + reach
        truth = np.sqrt(np.mean(worst**2))
        found = rivals.errors["line"].found
        assert rivals.errors["line"].clean < found <= truth * (1 + 1e-12)
        # Two inputs have four corners, so that 200 draws miss none of them.
        assert shape == "ball" or found == pytest.approx(truth, rel=1e-12)


def test_classifiers_stand_beside_it_too() -> None:
    x, y = table()
    kinds = np.where(y > 0, "high", "low")
    model = LipschitzClassifier(tolerance=0.2, **SMALL).fit(x, kinds)
    rivals = model.against(x, kinds, {"dummy": DummyClassifier()})
    dummy = rivals.errors["dummy"]
    assert dummy.clean == dummy.found and "%" in repr(rivals)


@pytest.mark.parametrize(
    "parameters, message",
    [({"draws": 0}, "`draws` is 0"), ({"cv": 1}, "`cv` is 1"), ({"draws": 2.5}, "`draws` is 2.5"), ({"cv": True}, "`cv` is True")],
)
def test_bad_settings_are_refused(fitted, parameters, message) -> None:
    with pytest.raises(TautnetError, match=message):
        fitted.against(*table(), **parameters)


def test_other_rows_are_refused(fitted) -> None:
    x, y = table()
    with pytest.raises(TautnetError, match="`y` has the shape"):
        fitted.against(x, y[:-1])
    with pytest.raises(ValueError, match="1 features"):
        fitted.against(x[:, :1], y)
    with pytest.raises(TautnetError, match="another loss"):
        LipschitzRegressor(tolerance=0.2, loss="absolute", **SMALL).fit(x, y).against(x, y)
