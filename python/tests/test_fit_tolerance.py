"""A tolerance of the inputs in `LipschitzRegressor`: what is said, what is chosen, and intervals of a coverage."""

import json
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tautnet
from tautnet import LipschitzRegressor, TautnetError

SMALL = {"hidden": 3, "decay": 0.01}


def table(rows: int = 60, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    temp, flow = random.normal(20.0, 5.0, rows), random.uniform(1.0, 3.0, rows)
    return np.column_stack([temp, flow]), np.sin(temp / 5.0) * flow + 0.1 * random.normal(size=rows)


@pytest.fixture(scope="module")
def fitted() -> LipschitzRegressor:
    return LipschitzRegressor(tolerance={"column_1": 0.5, "column_2": "2%"}, **SMALL).fit(*table())


def test_the_worst_case_is_told_in_the_units_of_the_target(fitted) -> None:
    x, y = table()
    seen = fitted.objective_["seen"]
    assert seen["cross_validated"] and seen["rows"] == len(y)
    assert fitted.worst_case_error_ == pytest.approx(np.sqrt(seen["result"]["proved"]) * y.std(), rel=1e-9)
    assert seen["result"]["clean"] <= seen["result"]["found"] <= seen["result"]["proved"]
    assert fitted.tolerance_ == ["column_1=0.5", "column_2=2%"] and fitted.lipschitz_price_ is None
    assert fitted.choice_["candidates"] > 1 and fitted.choice_["members"] and "choice" not in fitted.objective_
    assert fitted.certificate_.lipschitz_upper_bound > 0 and fitted.score(x, y) > 0.5
    assert len(fitted.objective_path_) == 0 and fitted.lipschitz_path_ is None


def test_nothing_said_is_a_tenth_of_the_deviation_or_the_price() -> None:
    x, y = table()
    assert LipschitzRegressor(**SMALL).fit(x, y).tolerance_ == ["0.1sd"]
    for parameters in ({"tolerance": 0}, {"tolerance": np.zeros(2)}, {"tolerance": np.zeros((60, 2))}, {"lipschitz_price": 0.1}, {"start": "random"}):
        model = LipschitzRegressor(hidden=3, **parameters).fit(x, y)
        assert model.lipschitz_price_ is not None and model.worst_case_error_ is None and model.choice_ is None


def test_arrays_say_the_same(fitted) -> None:
    x, y = table()
    said = {"column_1": 0.5, "column_2": 0.1}
    one = LipschitzRegressor(tolerance=said, **SMALL).fit(x, y)
    for tolerance in ([0.5, 0.1], np.array([0.5, 0.1]), ["column_1=0.5", "column_2=0.1"]):
        assert LipschitzRegressor(tolerance=tolerance, **SMALL).fit(x, y).model_.to_json() == one.model_.to_json()
    rows = LipschitzRegressor(tolerance=np.tile([0.5, 0.1], (60, 1)), **SMALL).fit(x, y)
    assert rows.worst_case_error_ == pytest.approx(one.worst_case_error_, rel=1e-3) and rows.tolerance_ == []
    # A row's own tolerance counts for that row, also where rows are equal.
    twice = np.repeat(x, 2, axis=0), np.repeat(y, 2)
    wide = np.tile([[0.5, 0.1], [5.0, 1.0]], (60, 1))
    assert LipschitzRegressor(tolerance=wide, **SMALL).fit(*twice).worst_case_error_ > 1.2 * one.worst_case_error_


def test_a_ball_is_smaller_than_its_box() -> None:
    x, y = table()
    box, ball = (LipschitzRegressor(tolerance="0.5sd", tolerance_shape=shape, **SMALL).fit(x, y) for shape in ("box", "ball"))
    assert ball.worst_case_error_ < box.worst_case_error_ and ball.model_.tolerance[1] == "ball"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tolerance": {"warmth": 1.0}}, "`warmth`"),
        ({"tolerance": {"column_1": -1.0}}, "negative"),
        ({"tolerance": 0.1, "lipschitz_price": 0.1}, "`lipschitz_price` was given with a tolerance"),
        ({"tolerance": np.ones(2), "method": "walk"}, "`method` was given with a tolerance"),
        ({"tolerance": np.ones(3)}, "the tolerance has 3 columns and the data 2"),
        ({"tolerance": np.ones((2, 2))}, "the tolerance has 2 rows and the data 60"),
        ({"tolerance": np.full((60, 2), -1.0)}, "the tolerance of input column 1 is -"),
        ({"tolerance_shape": "egg"}, "egg"),
    ],
)
def test_bad_tolerances_are_refused(parameters: dict, message: str) -> None:
    with pytest.raises(TautnetError, match=message):
        LipschitzRegressor(hidden=3, **parameters).fit(*table())


def test_too_few_rows_and_paths_are_refused() -> None:
    x, y = table()
    with pytest.raises(TautnetError, match="4 rows are too few to choose a network"):
        LipschitzRegressor(**SMALL).fit(x[:4], y[:4])
    with pytest.raises(TautnetError, match="a path of prices was asked for with a tolerance"):
        tautnet.lipschitz_path(x, y, tolerance=0.1)


def test_pickles_files_and_clones_keep_it(fitted, tmp_path) -> None:
    x, y = table()
    fitted.save(tmp_path / "m.json")
    loaded = LipschitzRegressor.load(tmp_path / "m.json")
    for other in (pickle.loads(pickle.dumps(fitted)), loaded):
        assert np.array_equal(other.predict(x), fitted.predict(x)) and other.worst_case_error_ == fitted.worst_case_error_
        assert other.calibration_ == fitted.calibration_ == ("cross_validated", 60)
        assert other.tolerance_ == fitted.tolerance_
    assert loaded.fit(x, y).model_.to_json() == fitted.model_.to_json()
    again = clone(fitted)
    assert again.get_params()["tolerance"] == fitted.tolerance
    assert again.fit(x, y).model_.to_json() == fitted.model_.to_json()
    assert again.set_params(warm_start=True).fit(x, y).model_.to_json() == fitted.model_.to_json()
    # What has no tolerance has none when it is fitted again.
    priced = LipschitzRegressor(hidden=3, tolerance=0).fit(x, y)
    assert LipschitzRegressor.from_model(priced.model_).fit(x, y).model_.to_json() == priced.model_.to_json()
    polished = tautnet.polish(priced, x, y, tolerance=0.1, rounds=1)
    assert polished.tolerance == ["0.1"] and polished.fit(x, y).choice_ is not None


def test_a_grid_of_tolerances_in_a_pipeline() -> None:
    x, y = table()
    pipeline = make_pipeline(StandardScaler(), LipschitzRegressor(**SMALL))
    grid = {"lipschitzregressor__tolerance": [0.1, "3.0", {"column_1": 0.2}, np.array([0.1, 0.1])]}
    found = GridSearchCV(pipeline, grid, cv=3).fit(x, y)
    # Without input errors the score prefers no large tolerance.
    assert found.best_index_ != 1 and np.isfinite(found.predict(x)).all()


def test_intervals_of_a_coverage(fitted) -> None:
    x, y = table(400, seed=9)
    held_out = clone(fitted).fit(*table()).calibrate(x[:200], y[:200])
    assert held_out.calibration_ == ("held_out", 200)
    assert json.loads(held_out.model_.to_json())["calibration"]["source"] == "held_out"
    band = 4 * np.sqrt(0.8 * 0.2 * (1 / 200 + 1 / 200))
    new_x, new_y = x[200:], y[200:]
    rng = np.random.default_rng(0)
    errors = np.stack([0.5 * rng.choice([-1, 0, 1], (30, 200)), 0.02 * np.abs(new_x[:, 1]) * rng.choice([-1, 0, 1], (30, 200))], axis=2)
    off = np.abs([held_out.predict(new_x + error) - new_y for error in errors])
    attacked = new_x + errors[off.argmax(axis=0), np.arange(200)]
    for inputs in (new_x, attacked):
        prediction, lower, upper = held_out.predict(inputs, coverage=0.8)
        assert (lower < prediction).all() and (prediction < upper).all()
        assert ((lower <= new_y) & (new_y <= upper)).mean() >= 0.8 - band
    # Where inputs are exact it is the share asked for, and not more.
    _, lower, upper = held_out.predict(new_x, coverage=0.8, tolerance=0)
    assert abs(((lower <= new_y) & (new_y <= upper)).mean() - 0.8) <= band
    assert np.allclose(upper - lower, (upper - lower)[0])
    # The rest of the width is that of the interval of the tolerance; with a radius it is that of the ball.
    margin = (upper - lower)[0] / 2
    for way in ({"interval": "tolerance"}, {"radius": 0.1}):
        _, inner_lower, inner_upper = held_out.predict(new_x, **way)
        _, outer_lower, outer_upper = held_out.predict(new_x, coverage=0.8, **way)
        assert np.allclose(inner_lower - outer_lower, margin) and np.allclose(outer_upper - inner_upper, margin)


def test_a_coverage_that_cannot_be_is_refused(fitted) -> None:
    x, y = table()
    for message, call in [
        ("60 rows are too few for the coverage 0.99", lambda: fitted.predict(x, coverage=0.99)),
        ("calibrate on 99 rows or more", lambda: fitted.predict(x, coverage=0.99)),
        ("between 0 and 1", lambda: fitted.predict(x, coverage=1.5)),
        ("no calibration", lambda: LipschitzRegressor(hidden=3, lipschitz_price=0.1).fit(x, y).predict(x, coverage=0.5)),
    ]:
        with pytest.raises(TautnetError) as raised:
            call()
        assert message in str(raised.value), (message, raised.value)
