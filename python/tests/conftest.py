"""Data that the tests share."""
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target" / "release" / "tautnet"


def interrupted(code, patience):
    """What a program prints from its "ready" on, if it is interrupted a second later and given so long to end."""

    def listen():
        # Where the tests run in the background of a script, interrupts are ignored, and the child would ignore them too.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, preexec_fn=listen)
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=patience)[0]


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

    return tautnet.LipschitzRegressor(hidden=20, lipschitz_price=0.03).fit(*table)
