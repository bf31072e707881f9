"""A model beside other estimators: how far each is off on rows that it did not learn from, as inputs are, and moved within a tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold

from . import _tautnet
from ._scores import Errors, Scores
from ._shown import Column, Shown

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Rivals(Shown):
    """Models side by side on the same rows, each held out in turn: the root mean square of the errors, or of classes the share of rows that are right."""

    rows: int
    """How many rows."""
    classes: bool
    """Whether the target is a class, so that the numbers are shares of rows that are right."""
    errors: dict[str, Errors]
    """By name, this model first. What is found of another estimator is the worst of some random errors within the tolerance, and nothing is proved: `proved` is NaN."""

    def _title(self) -> str:
        what = "Rows that are right" if self.classes else "Errors (root mean square)"
        return f"{what}, {self.rows} rows, each held out in turn"

    def _columns(self) -> list[Column]:
        def told(value: float, upper: bool) -> str:
            if np.isnan(value):
                return "-"
            return f"{100 * value:.1f} %" if self.classes else _tautnet.shown(value, upper)

        each = list(self.errors.values())
        proof = "at least, proved" if self.classes else "at most, proved"
        return [
            ("of", list(self.errors)),
            ("no input error", [told(errors.clean, False) for errors in each]),
            ("found", [told(errors.found, False) for errors in each]),
            (proof, [told(errors.proved, not self.classes) for errors in each]),
        ]


def usual_rivals(classes: bool, seed: int) -> dict[str, Any]:
    """Gradient boosting, which most would try on a table."""
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return {"gradient boosting": kind(random_state=seed)}


def rivals_of(
    scores: Scores, x: Floats, y: npt.NDArray[Any], sizes: Floats, ball: bool, others: Mapping[str, Any], draws: int, cv: int, seed: int
) -> Rivals:
    """The model, of which the scores are known, beside others on the columns x that a network sees, wrong by up to `sizes`."""
    errors = {"this model": scores.result}
    if scores.linear is not None:
        errors["a linear model"] = scores.linear
    if scores.constant is not None:
        errors["always the same"] = scores.constant
    for name, estimator in others.items():
        errors[name] = _held_out(estimator, x, y, sizes, ball, draws, scores.classes, cv, seed)
    return Rivals(len(y), scores.classes, errors)


def _errors_within(sizes: Floats, ball: bool, draws: int, random: np.random.Generator) -> Iterator[Floats]:
    """Random errors of rows that are off by up to these sizes: corners of their boxes, or points of the surfaces of their ellipsoids."""
    for _ in range(draws):
        direction = random.normal(size=sizes.shape)
        direction[sizes == 0] = 0
        if ball:
            length = np.linalg.norm(direction, axis=1, keepdims=True)
            direction /= np.where(length > 0, length, 1)
        else:
            direction = np.sign(direction)
        yield sizes * direction


def _held_out(
    estimator: Any, x: Floats, y: npt.NDArray[Any], sizes: Floats, ball: bool, draws: int, classes: bool, cv: int, seed: int
) -> Errors:
    random = np.random.default_rng(seed)
    folds = (StratifiedKFold if classes else KFold)(cv, shuffle=True, random_state=seed)
    clean, found = np.empty(len(y)), np.empty(len(y))
    for learned, held_out in folds.split(x, y):
        fitted: Any = clone(estimator)
        fitted.fit(x[learned], y[learned])

        def cost(inputs: Floats, fitted: Any = fitted, held_out: npt.NDArray[np.intp] = held_out) -> Floats:
            predicted = fitted.predict(inputs)
            wrong = predicted != y[held_out] if classes else (predicted - y[held_out]) ** 2
            return np.asarray(wrong, dtype=np.float64)

        clean[held_out] = cost(x[held_out])
        moved = (cost(x[held_out] + error) for error in _errors_within(sizes[held_out], ball, draws, random))
        found[held_out] = np.max([clean[held_out], *moved], axis=0)
    if classes:
        return Errors(1 - clean.mean(), 1 - found.mean(), np.nan)
    return Errors(float(np.sqrt(clean.mean())), float(np.sqrt(found.mean())), np.nan)
