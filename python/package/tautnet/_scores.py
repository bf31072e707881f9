"""How far a model is off on rows that it did not learn from, beside what is simpler than a network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from . import _tautnet
from ._shown import Column, Shown

Verdict = Literal["better", "ordinary", "linear", "constant"]

VERDICTS = {
    "better": "better than ordinary training, than a linear model and than a constant",
    "ordinary": "ordinary training is as good",
    "linear": "a linear model is as good: take one, or bring more rows",
    "constant": "of no use: to say the same always is as good",
}


class Errors(NamedTuple):
    """How far predictions are off, the root of the mean loss in the units of the target; of classes the share of rows that are right."""

    clean: float
    """Without input error."""
    found: float
    """Within the tolerance, as an attack found it."""
    proved: float
    """Within the tolerance, as nothing exceeds it; of classes the share of rows that are right whatever the input error is."""


@dataclass(frozen=True, repr=False)
class Scores(Shown):
    """What rows say of a model that did not learn from them: its errors, and those of what it must be better than. The rows were held out in turn."""

    rows: int
    """How many rows."""
    verdict: Verdict
    """What is simpler and as good, but for a fiftieth of the loss: "linear", "constant" or "ordinary" training; "better" where nothing of these is."""
    result: Errors
    """The model."""
    start: Errors
    """The start: a network by ordinary training."""
    linear: Errors | None
    """A linear model by ridge regression; None where there was no time to learn it."""
    constant: Errors | None
    """The mean of the target, or for another loss the best number for it; of classes the most frequent one."""
    classes: bool
    """Whether the target is a class, so that the numbers are shares of rows that are right."""
    r_squared: float | None
    """The part of the target's variance that is explained, without input error; None of classes and of several targets together."""
    median: float | None
    """Half of the predictions are off by no more, without input error, in the units of the target."""
    nine_of_ten: float | None
    """Nine of ten predictions are off by no more."""

    def _title(self) -> str:
        what = "Rows that are right" if self.classes else "Errors"
        return f"{what}, {self.rows} rows that were not learned from"

    def _columns(self) -> list[Column]:
        named = [("the model", self.result), ("ordinary training", self.start), ("a linear model", self.linear), ("always the same", self.constant)]
        there = [(name, errors) for name, errors in named if errors is not None]

        def told(value: float, upper: bool) -> str:
            return f"{100 * value:.1f} %" if self.classes else _tautnet.shown(value, upper)

        clean = [told(errors.clean, False) for _, errors in there]
        found = [told(errors.found, False) for _, errors in there]
        proved = [told(errors.proved, not self.classes) for _, errors in there]
        proof = "at least, proved" if self.classes else "at most, proved"
        return [("of", [name for name, _ in there]), ("no input error", clean), ("found", found), (proof, proved)]

    def _below(self) -> list[str]:
        lines = [VERDICTS[self.verdict]]
        if self.median is not None and self.nine_of_ten is not None:
            explained = "" if self.r_squared is None else f"; R² {self.r_squared:.3f}"
            off = [_tautnet.shown(error, True) for error in (self.median, self.nine_of_ten)]
            lines.append(f"half of the predictions are off by at most {off[0]}, nine of ten by at most {off[1]}{explained}")
        return lines


def scores_of(model: _tautnet.Model) -> Scores | list[Scores] | None:
    """What was seen when the model was chosen; of several targets a list; None where no rows were held out, or an earlier version kept less of them."""
    seen = json.loads(model.seen or "{}")
    if "verdict" not in seen:
        return None
    if seen.get("targets"):
        return [_of(target, seen) for target in seen["targets"]]
    return _of(seen, seen)


def _of(seen: dict[str, Any], whole: dict[str, Any]) -> Scores:
    typical = seen.get("typical") or {}
    simple = seen.get("simple") or {}
    classes = seen["result"].get("accuracy") is not None

    def errors(of: dict[str, Any] | None) -> Errors | None:
        if of is None:
            return None
        numbers = of["accuracy"] if classes else of
        # What is not finite is not a number in a file.
        return Errors(*(float("inf") if numbers[name] is None else numbers[name] for name in Errors._fields))

    result, start = errors(seen["result"]), errors(seen["start"])
    assert result is not None and start is not None
    linear, constant = errors(simple.get("linear")), errors(simple.get("constant"))
    off = [typical.get(name) for name in ("r_squared", "median", "nine_of_ten")]
    return Scores(whole["rows"], seen["verdict"], result, start, linear, constant, classes, *off)

