"""The library's settings, as the documentation of functions and estimators needs them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

from . import _tautnet

Documented = TypeVar("Documented")


def settings_of(command: str, table: str = "recipe") -> list[str]:
    """Names of the settings of the recipe, or of another table, that a command has."""
    return [setting["name"] for setting in _tautnet.settings(command) if setting["of"] == table]


def sentence(setting: dict[str, Any]) -> str:
    """What a setting is, its values, and what holds where nothing is said."""
    unsaid = f"; {setting['default']!r}: " if setting["default"] in (None, "auto") else "; where nothing is said: "
    text = f"{setting['parameter']} : {setting['help'][0].lower()}{setting['help'][1:]}: {setting['values']}{unsaid}{setting['default_in_words']}."
    return "\n".join(textwrap.wrap(text, 120, subsequent_indent="    ", break_on_hyphens=False))


def documented(command: str, leave_out: tuple[str, ...] = ()) -> Callable[[Documented], Documented]:
    """Fill the documentation with the settings of a command, in the place of `{settings}`."""

    def fill(thing: Documented) -> Documented:
        known = [setting for setting in _tautnet.settings(command) if setting["name"] not in leave_out]
        lines = textwrap.indent("\n".join(map(sentence, known)), "    ").lstrip()
        if thing.__doc__ is not None:  # Python drops it where it is told to
            thing.__doc__ = thing.__doc__.replace("{settings}", lines)
        return thing

    return fill
