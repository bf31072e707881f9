"""The tolerance of the inputs in `predict` and `attack`, and as arrays."""

import numpy as np
import pytest
from test_polish_tolerance import start, table

import tautnet

SAID = {"column_1": 0.5, "column_2": 0.1}


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray, tautnet.LipschitzRegressor]:
    x, y = table()
    return x, y, tautnet.polish(start(x, y), x, y, tolerance=SAID, rounds=1)


def test_a_model_keeps_its_tolerance(made) -> None:
    x, y, model = made
    assert model.model_.tolerance == (["column_1=0.5", "column_2=0.1"], "box")
    prediction, lower, upper = model.predict(x, interval="tolerance")
    assert np.array_equal(prediction, model.predict(x))
    corners = [model.predict(x + [0.5 * i, 0.1 * j]) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert (lower <= np.min(corners, axis=0) + 1e-9).all() and (np.max(corners, axis=0) - 1e-9 <= upper).all()
    assert (upper - lower > 1e-3).all()
    attack = tautnet.attack(model, x, y)
    assert isinstance(attack, tautnet.AttackWithin) and attack.tolerance == ["column_1=0.5", "column_2=0.1"]
    assert attack.size.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0] and (attack.exact_rows == len(x)).all()
    assert (attack.found <= attack.proved).all() and (np.diff(attack.found) >= 0).all()
    worst = np.maximum(np.abs(lower - y), np.abs(upper - y))
    assert attack.proved[2] == pytest.approx(np.mean(worst**2), rel=1e-6)
    # What is asked for by radius is told by radius.
    assert isinstance(tautnet.attack(model, x, y, [0.0, 0.1]), tautnet.Attack)
    assert isinstance(tautnet.attack(model, x, y, norm="inf"), tautnet.Attack)
    assert isinstance(tautnet.attack(model, x, y, tolerance=0), tautnet.Attack)


def test_arrays_say_the_same(made) -> None:
    x, y, model = made
    rows = np.tile([0.5, 0.1], (len(x), 1))
    for tolerance in (SAID, [0.5, 0.1], np.array([0.5, 0.1], dtype=np.float32).astype(float).round(6), rows):
        assert np.array_equal(model.predict(x, tolerance=tolerance)[1], model.predict(x, interval="tolerance")[1])
        assert tautnet.attack(model, x, y, tolerance=tolerance).found[2] == tautnet.attack(model, x, y).found[2]
        again = tautnet.polish(start(x, y), x, y, tolerance=tolerance, rounds=1)
        assert again.objective_["worst_case"] == pytest.approx(model.objective_["worst_case"], rel=1e-6)
        kept = [] if tolerance is rows else ["column_1=0.5", "column_2=0.1"]
        assert again.model_.tolerance[0] == kept
    # Rows that are exact have no interval but for rounding.
    rows[: len(x) // 2] = 0.0
    _, lower, upper = model.predict(x, tolerance=rows, tolerance_shape="ball")
    half = upper - lower
    assert half[: len(x) // 2].max() < 1e-9 and half[len(x) // 2 :].min() > 1e-3


def test_what_cannot_be_is_refused(made) -> None:
    x, y, model = made
    for message, call in [
        ("no tolerance", lambda: start(x, y).predict(x, interval="tolerance")),
        ("`interval` is 'wide'", lambda: model.predict(x, interval="wide")),
        ("leave out one", lambda: model.predict(x, 0.1, interval="tolerance")),
        ("3 columns", lambda: model.predict(x, tolerance=np.ones(3))),
        ("2 rows", lambda: tautnet.attack(model, x, y, tolerance=np.ones((2, 2)))),
        ("balls", lambda: tautnet.attack(model, x, y, 0.1, tolerance=0.1)),
        ("`warmth`", lambda: model.predict(x, tolerance={"warmth": 1})),
        ("egg", lambda: model.predict(x, interval="tolerance", tolerance_shape="egg")),
    ]:
        with pytest.raises(tautnet.TautnetError) as raised:
            call()
        assert message in str(raised.value) + str(getattr(raised.value, "hint", "")), (message, raised.value)
