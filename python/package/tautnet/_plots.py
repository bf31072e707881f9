"""Pictures, for those who have matplotlib. Each takes the axes to draw on, or makes some, and returns them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from . import _tautnet
from ._choices import Shape
from ._data import Tolerance
from ._errors import TautnetError
from ._functions import Attack, AttackWithin, Bounds
from ._path import LipschitzPath

BEFORE, AFTER, PROVED = "#8a8f98", "#1f6fb4", "#c2571a"


def _axes(axes: Any) -> Any:
    if axes is not None:
        return axes
    try:
        import matplotlib.pyplot as pyplot
    except ImportError:
        raise TautnetError("matplotlib is not installed", "install it: pip install 'tautnet[plot]'") from None
    return pyplot.subplots(layout="constrained")[1]


def plot_attack(attack: Attack | AttackWithin, axes: Any = None, label: str = "", color: str = AFTER) -> Any:
    """Error under attack against the radius or the size of the tolerance: found below, proved above; the truth is in the band."""
    if isinstance(attack, Attack):
        size, above, what = attack.radius, attack.proved, f"radius of the attack (standardized, norm {attack.norm})"
    else:
        size, above, what = attack.size, attack.proved, "size of the errors (times the tolerance)"
    axes = _axes(axes)
    found, proved = (values ** (1.0 / attack.degree) for values in (attack.found, above))
    measure = attack.root_name if attack.loss == "squared" else f"{attack.root_name}, {attack.loss}"
    name = f"{label}, " if label else ""
    axes.fill_between(size, found, proved, color=color, alpha=0.15, linewidth=0)
    axes.plot(size, found, color=color, marker="o", markersize=3, label=f"{name}found")
    axes.plot(size, proved, color=color, linestyle="--", label=f"{name}proved")
    axes.set_xlabel(what)
    axes.set_ylabel(measure)
    axes.set_ylim(bottom=0)
    axes.legend()
    return axes


def plot_path(path: LipschitzPath, axes: Any = None) -> Any:
    """Error against bound along the price, with the price beside each point."""
    axes = _axes(axes)
    axes.plot(path.lipschitz, path.error, color=AFTER, marker="o", markersize=4, label="error")
    axes.plot(path.lipschitz, path.error_under_attack, color=PROVED, marker="o", markersize=4, label="error under attack")
    for price, bound, error in zip(path.price, path.lipschitz, path.error_under_attack):
        axes.annotate(f"{price:g}", (bound, error), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    if path.chosen is not None:
        k = path.chosen
        axes.plot(path.lipschitz[k], path.error_under_attack[k], "o", markersize=12, fillstyle="none", color=PROVED)
    axes.set_xlabel("Lipschitz bound (standardized)")
    axes.set_ylabel(f"mean loss ({path.loss}), rows held out")
    axes.margins(0.06, 0.12)
    axes.legend()
    return axes


def plot_convergence(model: Any, axes: Any = None) -> Any:
    """The relative duality gap of the convex program at every iteration."""
    axes = _axes(axes)
    gaps = model.gap_path_
    axes.semilogy(np.arange(len(gaps)), gaps, color=AFTER, marker="o", markersize=3)
    axes.set_xlabel("iteration")
    axes.set_ylabel("relative duality gap")
    return axes


def plot_fit(
    model: Any,
    X: Any,
    y: Any,
    axes: Any = None,
    radius: float | None = None,
    *,
    interval: Literal["tolerance"] | None = None,
    tolerance: Tolerance | None = None,
    tolerance_shape: Shape | None = None,
) -> Any:
    """Predicted against true, with the interval at a radius or within a tolerance where one is asked for, as in `predict`."""
    truth = np.asarray(y, dtype=np.float64).reshape(-1)
    asked: dict[str, Any] = {"radius": radius, "interval": interval, "tolerance": tolerance, "tolerance_shape": tolerance_shape}
    asked = {name: value for name, value in asked.items() if value is not None}
    found = model.predict(X, **asked)
    axes = _axes(axes)
    predicted, *ends = (np.asarray(values).reshape(-1) for values in (found if asked else (found,)))
    told = "predicted"
    if asked:
        bars = np.abs(np.stack([predicted - ends[0], ends[1] - predicted]))
        axes.errorbar(truth, predicted, bars, fmt="none", ecolor=AFTER, alpha=0.3, linewidth=1, zorder=1)
        told += ", with the interval within the tolerance" if radius is None else f", with the interval at radius {radius:g}"
    axes.scatter(truth, predicted, s=12, color=AFTER, alpha=0.7, linewidths=0, zorder=2)
    both = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
    axes.plot(both, both, color=BEFORE, linewidth=1, zorder=0)
    axes.set_xlabel("true")
    axes.set_ylabel(told)
    return axes


def plot_bounds(bounds: Bounds, axes: Any = None) -> Any:
    """Every bound on the Lipschitz constant, from below and from above."""
    axes = _axes(axes)
    rows = [("product of norms", bounds.norm_product, BEFORE), ("sum over units", bounds.path_norm, BEFORE)]
    rows.append(("proved", bounds.proved, PROVED))
    if bounds.exact is not None:
        rows.append(("branch and bound", bounds.exact[1], PROVED))
    rows.append(("largest gradient found", bounds.found, AFTER))
    names, values, colors = zip(*rows[::-1])
    drawn = axes.barh(names, values, color=colors, height=0.6)
    labels = [_tautnet.shown(value, name != "largest gradient found") for name, value in zip(names, values)]
    axes.bar_label(drawn, labels, padding=4)
    axes.set_xlabel(f"Lipschitz constant (norm {bounds.norm})")
    axes.margins(x=0.15)
    return axes
