"""Error against bound along the price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class LipschitzPath:
    """What validation says at every price, highest first; all in standardized units."""

    price: npt.NDArray[np.float64]
    """The prices."""
    error: npt.NDArray[np.float64]
    """Mean loss on rows held out."""
    error_under_attack: npt.NDArray[np.float64]
    """The same under attack, averaged over the radii."""
    against_start: npt.NDArray[np.float64]
    """The errors at all radii divided by those of the starting network, geometric mean."""
    share_of_allowed: npt.NDArray[np.float64]
    """Above 1 where the price loses against the starting network at some radius."""
    lipschitz: npt.NDArray[np.float64]
    """The Lipschitz bound."""
    start: dict[str, float]
    """The same of the starting network."""
    chosen: int | None
    """Index of the price with the least errors against the start, of those that lose nothing."""
    folds: int
    """How many parts of the rows were held out in turn."""
    rows_judged: int
    """How many rows they have."""
    loss: str = "squared"
    """What a wrong prediction costs: the errors are means of it."""

    @property
    def best_price(self) -> float | None:
        """The price chosen."""
        return None if self.chosen is None else float(self.price[self.chosen])


def path_of(facts: dict[str, Any], loss: str) -> LipschitzPath:
    """From what the extension tells, and the loss that the errors are of."""

    def column(name: str) -> npt.NDArray[np.float64]:
        return np.array([step[name] for step in facts["steps"]], dtype=np.float64)

    start = {name: float(facts["start"][name]) for name in ("error", "error_under_attack", "lipschitz")}
    return LipschitzPath(
        price=column("price"),
        error=column("error"),
        error_under_attack=column("error_under_attack"),
        against_start=column("against_start"),
        share_of_allowed=column("share_of_allowed"),
        lipschitz=column("lipschitz"),
        start=start,
        chosen=facts["chosen"],
        folds=int(facts["folds"]),
        rows_judged=int(facts["rows"]["held_out"]),
        loss=loss,
    )
