"""Train, polish and prove small relu networks.

    from tautnet import LipschitzRegressor, polish, certify, attack

    model = LipschitzRegressor(hidden=100, lipschitz_price=0.01).fit(X, y)
    model.certificate_.lipschitz_upper_bound

A network is f(x) = c + sum_i v_i relu(w_i . x + b_i). `LipschitzRegressor` trains one from a table, makes it as insensitive
as the data allow by convex optimization, and proves a bound on its sensitivity; `polish` does the second and the third for
a network trained elsewhere.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._classifier import LipschitzClassifier
    from ._errors import NotProved, TautnetError
    from ._functions import Attack, AttackWithin, Bounds, ChainBounds, attack, certify, lipschitz_path, polish, verify
    from ._networks import write_weights
    from ._path import LipschitzPath
    from ._plots import plot_attack, plot_bounds, plot_convergence, plot_fit, plot_path
    from ._regressor import Interval, LipschitzRegressor
    from ._rivals import Rivals
    from ._scores import Errors, Scores
    from ._tautnet import Certificate, ChainCertificate, ClassMargins, Model, Network, __version__, get_limits, set_limits

__all__ = [
    "Attack",
    "AttackWithin",
    "Bounds",
    "Certificate",
    "ChainBounds",
    "ChainCertificate",
    "ClassMargins",
    "Errors",
    "Interval",
    "LipschitzClassifier",
    "LipschitzPath",
    "LipschitzRegressor",
    "Model",
    "Network",
    "NotProved",
    "Rivals",
    "Scores",
    "TautnetError",
    "__version__",
    "attack",
    "certify",
    "get_limits",
    "lipschitz_path",
    "plot_attack",
    "plot_bounds",
    "plot_convergence",
    "plot_fit",
    "plot_path",
    "polish",
    "set_limits",
    "verify",
    "write_weights",
]

# Where each name is: what needs scikit-learn is imported at its first use, so that `import tautnet` alone takes no time.
_PLACES = {
    "_classifier": ("LipschitzClassifier",),
    "_errors": ("NotProved", "TautnetError"),
    "_functions": ("Attack", "AttackWithin", "Bounds", "ChainBounds", "attack", "certify", "lipschitz_path", "polish", "verify"),
    "_networks": ("write_weights",),
    "_path": ("LipschitzPath",),
    "_plots": ("plot_attack", "plot_bounds", "plot_convergence", "plot_fit", "plot_path"),
    "_regressor": ("Interval", "LipschitzRegressor"),
    "_rivals": ("Rivals",),
    "_scores": ("Errors", "Scores"),
    "_tautnet": ("Certificate", "ChainCertificate", "ClassMargins", "Model", "Network", "__version__", "get_limits", "set_limits"),
}


def __getattr__(name: str) -> Any:
    for place, names in _PLACES.items():
        if name in names:
            found = getattr(importlib.import_module(f".{place}", __name__), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
