"""Progress: one line that renews itself on a terminal and in a notebook, a plain line a second elsewhere, and logging."""

from __future__ import annotations

import importlib
import logging
import sys
import time
from typing import Any, TextIO

from . import _tautnet

logger = logging.getLogger("tautnet")
logger.addHandler(logging.NullHandler())


class Progress:
    """Shows the facts of the latest iteration; closes its line when the work is done."""

    def __init__(self, verbose: bool) -> None:
        self.verbose = verbose
        self.shown = time.monotonic()
        self.line_open = False
        self.display: Any = None
        if verbose:
            self.display = _notebook_display()

    def report(self) -> Any:
        """What the extension calls, or `None` if nobody wants to know."""
        return self if self.verbose or logger.isEnabledFor(logging.DEBUG) else None

    def __call__(self, facts: dict[str, Any]) -> None:
        text = describe(facts)
        logger.debug(text)
        if not self.verbose:
            return
        stream: TextIO | None = sys.stderr  # there is none in a program without a console
        if self.display is not None:
            self.display.update({"text/plain": text}, raw=True)
        elif stream is None:
            return
        elif stream.isatty():
            self.line_open = True
            stream.write(f"\r\x1b[2K{text}")
            stream.flush()
        elif time.monotonic() - self.shown >= 1.0:
            self.shown = time.monotonic()
            stream.write(text + "\n")

    def close(self, summary: str | None = None) -> None:
        """End the line, and say how it went."""
        if self.line_open:
            sys.stderr.write("\r\x1b[2K")
            self.line_open = False
        if summary is None:
            return
        logger.info(summary)
        if self.display is not None:
            self.display.update({"text/plain": summary}, raw=True)
        elif self.verbose and sys.stderr is not None:
            sys.stderr.write(summary + "\n")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# What the training of a network with layers is called, and its polish.
LAYERS, POLISH = "training layers", "polishing layers"


def describe(facts: dict[str, Any]) -> str:
    """One line for people."""
    parts = [facts["stage"]]
    if facts["trial"] is not None:
        price, done, trials = facts["trial"]
        tried = "" if price is None else f"{price:g}, "
        unit = "passes" if facts["stage"] == LAYERS else "done"
        parts[0] = f"{facts['stage']}: {tried}{done} of {trials} {unit}"
    if facts["objective"] is not None and facts["stage"] == LAYERS:
        parts.append(f"loss {facts['objective']:.6g}")
    elif facts["objective"] is not None:
        kind = "sweep" if facts["stage"] == POLISH else "epoch" if "start" in facts["stage"] else "iteration"
        parts.append(f"{kind} {facts['step']}, objective {facts['objective']:.6g}")
    if facts["gap"] is not None:
        parts.append(f"gap {facts['gap']:.1e}")
    parts.append(f"{facts['seconds']:.1f} s")
    return ", ".join(parts)


def summary(objective: dict[str, Any]) -> str:
    """How a solve ended, for people and the log."""
    text = str(objective["ending"])
    if objective.get("reason"):
        text += f" ({objective['reason']})"
    if "polish" in objective:
        before, after, sweeps = (objective["polish"][name] for name in ("before", "after", "sweeps"))
        bounds = (_tautnet.shown(score["bound"], True) for score in (before, after))
        text += f" after {sweeps} sweeps: objective {before['objective']:.6g} -> {after['objective']:.6g}, Lipschitz bound {' -> '.join(bounds)}"
    elif "trivial_bound" in objective:
        text += f" after {objective['epochs']} passes, Lipschitz bound {_tautnet.shown(objective['trivial_bound'], True)}"
    if "before" in objective:
        text += f": objective {objective['before']['objective']:.6g} -> {objective['objective']:.6g}"
        before, after = (_tautnet.shown(facts["lipschitz"], True) for facts in (objective["before"], objective))
        text += f", Lipschitz bound {before} -> {after}"
    if objective.get("duality_gap") is not None:
        text += f", relative gap {objective['duality_gap']:.1e}"
    for note in objective.get("notes", []):
        text += f"\nnote: {note}"
    return text


def _notebook_display() -> Any:
    """A line of the notebook's output, where this is a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or type(shell).__name__ != "ZMQInteractiveShell":
        return None
    display = importlib.import_module("IPython.display").display
    return display({"text/plain": "tautnet"}, raw=True, display_id=True)
