"""A tolerance of the inputs in `polish`: what is said of columns, and what comes of it."""

import numpy as np
import pytest

import tautnet


def table(rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    temp, flow = random.normal(20.0, 5.0, rows), random.uniform(1.0, 3.0, rows)
    return np.column_stack([temp, flow]), np.sin(temp / 5.0) * flow


def start(x: np.ndarray, y: np.ndarray) -> tautnet.LipschitzRegressor:
    return tautnet.LipschitzRegressor(hidden=8, lipschitz_price=1e-4, random_state=1).fit(x, y)


def test_the_worst_case_falls_whatever_way_the_tolerance_is_said() -> None:
    x, y = table()
    given = start(x, y)
    seen = []
    for tolerance in ({"column_1": 0.5, "column_2": "2%"}, ["column_1=0.5", "column_2=2%"]):
        better = tautnet.polish(given, x, y, tolerance=tolerance, rounds=2)
        objective = better.objective_
        assert objective["worst_case"] < objective["before"]["worst_case"]
        assert objective["loss"] <= objective["worst_case"]
        seen.append(objective["worst_case"])
    assert seen[0] == seen[1]
    # The ellipsoid lies in the box.
    ball = tautnet.polish(given, x, y, tolerance={"column_1": 0.5, "column_2": "2%"}, tolerance_shape="ball", rounds=2)
    assert ball.objective_["before"]["worst_case"] < better.objective_["before"]["worst_case"]
    exact = tautnet.polish(given, x, y, method="convex", rounds=1)
    assert "worst_case" not in exact.objective_


@pytest.mark.parametrize(
    ("tolerance", "message"),
    [
        ({"warmth": 1.0}, "`warmth`"),
        ({"column_1": -1.0}, "negative"),
        ({"column_1": "much"}, "no amount"),
        ({"column_1": float("nan")}, "no amount"),
        (np.ones((2, 2)), "the tolerance has 2 rows and the data 20"),
        (np.ones(3), "the tolerance has 3 columns and the data 2"),
        (np.full((20, 2), -1.0), "the tolerance of input column 1 is -"),
    ],
)
def test_bad_tolerances_are_refused(tolerance: object, message: str) -> None:
    x, y = table(20)
    with pytest.raises(tautnet.TautnetError, match=message):
        tautnet.polish(start(x, y), x, y, tolerance=tolerance)
