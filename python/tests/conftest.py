"""Data that the tests share."""
import pathlib

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target" / "release" / "tautnet"


@pytest.fixture(scope="session")
def table():
    """120 rows in uneven units, a smooth target with a little noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3)) * [1.0, 10.0, 0.1] + 5.0
    y = 20.0 * np.sin(X[:, 0]) + X[:, 1] + rng.normal(size=120)
    return X, y


@pytest.fixture(scope="session")
def fitted(table):
    import tautnet

    return tautnet.LipschitzRegressor(hidden=20, lipschitz=0.03).fit(*table)
