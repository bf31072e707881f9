"""Pictures: what is drawn is what is known."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as pyplot
import numpy as np
import pytest

from tautnet import LipschitzRegressor, TautnetError, plot_fit


@pytest.fixture(scope="module")
def tolerant():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = X[:, 0] - np.abs(X[:, 1])
    return LipschitzRegressor(hidden=4, tolerance="0.1sd", decay=0.01).fit(X, y), X, y


def bars(axes):
    """The ends of the bars of the rows, from below."""
    (lines,) = axes.collections[:1] if len(axes.collections) == 2 else (None,)
    return None if lines is None else np.array([segment[:, 1] for segment in lines.get_segments()])


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"radius": 0.1}, "predicted, with the interval at radius 0.1"),
        ({"interval": "tolerance"}, "predicted, with the interval within the tolerance"),
        ({"tolerance": 0.3}, "predicted, with the interval within the tolerance"),
        ({"tolerance": {"column_1": 0.2}, "tolerance_shape": "ball"}, "predicted, with the interval within the tolerance"),
        ({"tolerance": [0.1, 0.2]}, "predicted, with the interval within the tolerance"),
    ],
)
def test_the_bars_of_a_fit_are_the_intervals(tolerant, asked, words):
    model, X, y = tolerant
    axes = plot_fit(model, X, y, **asked)
    predicted, lower, upper = model.predict(X, **asked)
    assert np.allclose(bars(axes), np.stack([lower, upper], axis=1), rtol=1e-12)
    assert np.allclose(axes.collections[1].get_offsets(), np.stack([y, predicted], axis=1))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true", words)
    pyplot.close(axes.figure)


def test_a_fit_alone_has_no_bars(tolerant):
    model, X, y = tolerant
    axes = plot_fit(model, X, y)
    assert bars(axes) is None and axes.get_ylabel() == "predicted"
    pyplot.close(axes.figure)


def test_what_is_asked_twice_or_not_there_is_refused_before_anything_is_drawn(tolerant):
    model, X, y = tolerant
    figures = pyplot.get_fignums()
    exact = LipschitzRegressor(hidden=3, lipschitz_price=0.1, start="random").fit(X, y)
    for network, asked, what in [
        (model, {"radius": 0.1, "tolerance": 0.1}, "within a tolerance and within a radius"),
        (model, {"interval": "radius"}, "`interval` is 'radius'"),
        (model, {"tolerance": -1}, "tolerance"),
        (exact, {"interval": "tolerance"}, "made for no tolerance"),
        (exact, {"tolerance_shape": "ball"}, "made for no tolerance"),
    ]:
        with pytest.raises(TautnetError, match=what):
            plot_fit(network, X, y, **asked)
    assert pyplot.get_fignums() == figures


def test_several_targets(tolerant):
    _, X, y = tolerant
    model = LipschitzRegressor(hidden=4, tolerance="0.1sd", decay=0.01).fit(X, np.stack([y, 2 * y], axis=1))
    axes = plot_fit(model, X, np.stack([y, 2 * y], axis=1), interval="tolerance")
    _, lower, upper = model.predict(X, interval="tolerance")
    assert np.allclose(bars(axes), np.stack([lower.reshape(-1), upper.reshape(-1)], axis=1), rtol=1e-12)
    pyplot.close(axes.figure)
