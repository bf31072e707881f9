"""Results as they are shown: aligned lines in a terminal, a table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from . import _tautnet
from ._errors import TautnetError

# A heading and its cells. Bounds with their names have no headings.
Column = tuple[str, Sequence[str]]


class Shown:
    """What has a title and a table of a few columns."""

    def _title(self) -> str:
        raise NotImplementedError

    def _columns(self) -> list[Column]:
        """The columns; where the first has no heading, none has."""
        raise NotImplementedError

    def _below(self) -> list[str]:
        """Sentences below the table."""
        return []

    def __repr__(self) -> str:
        columns = self._columns()
        widths = [max([len(heading), *map(len, cells)]) for heading, cells in columns]
        rows = list(zip(*(cells for _, cells in columns)))
        words = columns[0][0] == ""
        if not words:
            rows.insert(0, tuple(heading for heading, _ in columns))
        lines = ["  ".join(cell.ljust(width) if words else cell.rjust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        return "\n".join([self._title(), *(f"  {line}" for line in lines), *(f"  {line}" for line in self._below())])

    def _repr_html_(self) -> str:
        columns = self._columns()
        words = columns[0][0] == ""

        def row(cells: Sequence[str], tag: str) -> str:
            style = f"text-align: {'left' if words else 'right'}; white-space: pre"
            return "<tr>" + "".join(f'<{tag} style="{style}">{html.escape(cell)}</{tag}>' for cell in cells) + "</tr>"

        headings = [heading for heading, _ in columns]
        head = f"<thead>{row(headings, 'th')}</thead>" if not words else ""
        body = "".join(row(cells, "td") for cells in zip(*(cells for _, cells in columns)))
        below = "".join(f"<p>{html.escape(line)}</p>" for line in self._below())
        return f"<div><p><strong>{html.escape(self._title())}</strong></p><table>{head}<tbody>{body}</tbody></table>{below}</div>"


def signed(lines: Sequence[tuple[str, str, float]]) -> list[Column]:
    """Columns of bounds: what each is, whether the truth is above or below it, and the number, rounded to the side on which it stays true."""
    shown = [(name, {"<=": "≤", ">=": "≥"}[sign], _tautnet.shown(value, sign == "<=")) for name, sign, value in lines]
    return [("", [name for name, _, _ in shown]), ("", [sign for _, sign, _ in shown]), ("", [value for _, _, value in shown])]


def numbers(heading: str, values: npt.NDArray[np.float64], upper: bool) -> Column:
    """A column of bounds, rounded up where they are from above, else down."""
    return heading, [_tautnet.shown(float(value), upper) for value in values]


def plain(heading: str, values: npt.NDArray[np.float64]) -> Column:
    """A column of numbers that somebody gave."""
    return heading, [f"{value:g}" for value in values]


# So many names are shown of a list.
NAMES = 8


def listed(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:NAMES]) + (", …" if len(names) > NAMES else "")


class ShownModel(Shown):
    """A model file: what it predicts of what, how wrong the inputs may be, and what is proved."""

    def __init__(self, model: _tautnet.Model) -> None:
        self.model = model

    def _title(self) -> str:
        return f"Model of {listed(self.model.targets)}"

    def _columns(self) -> list[Column]:
        model = self.model
        lines = [("inputs", f"{len(model.inputs)}: {listed(model.inputs)}")]
        if model.classes is not None:
            lines.append(("classes", f"{len(model.classes)}: {listed(model.classes)}"))
        lines.append(("units", f"{model.units}{' in its layers' if model.layered else ''}"))
        amounts, shape = model.tolerance
        lines.append(("tolerance", f"{listed(amounts)} ({shape})" if amounts else "none"))
        try:
            certificate = model.certificate
        except TautnetError as error:
            lines.append(("certificate", f"refused: {error}".splitlines()[0]))
        else:
            if certificate is not None:
                bound = _tautnet.shown(certificate.lipschitz_upper_bound, True)
                lines += [("bound", f"at most {bound} (proved, in the units of the data, norm {certificate.norm})"), ("certificate", "present")]
            else:
                lines.append(("certificate", "none" + ("; chain_certificate() makes one" if model.layered or model.by_layers else "")))
        return [("", [name for name, _ in lines]), ("", [value for _, value in lines])]


def aligned(lines: Sequence[tuple[str, str, float]]) -> str:
    """Bounds as lines: the name, the side and the number."""
    shown = [(name, sign, _tautnet.shown(value, sign == "<=")) for name, sign, value in lines]
    return "\n".join(f"{name:28}{sign} {value}" for name, sign, value in shown)


def root(values: npt.NDArray[np.float64], degree: int) -> npt.NDArray[np.float64]:
    """Losses in the unit of the target."""
    return values if degree < 2 else values ** (1.0 / degree)
