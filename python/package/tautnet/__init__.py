"""Train, polish and prove small relu networks.

    from tautnet import LipschitzRegressor, polish, certify, attack

    model = LipschitzRegressor(hidden=100, lipschitz=0.01).fit(X, y)
    model.certificate_.lipschitz_upper_bound

A network is f(x) = c + sum_i v_i relu(w_i . x + b_i). `LipschitzRegressor` trains one from a table, makes it as insensitive
as the data allow by convex optimization, and proves a bound on its sensitivity; `polish` does the second and the third for
a network trained elsewhere.
"""

from ._classifier import LipschitzClassifier
from ._errors import NotProved, TautnetError
from ._functions import Attack, AttackWithin, Bounds, ChainBounds, attack, certify, lipschitz_path, polish, verify
from ._networks import write_weights
from ._path import LipschitzPath
from ._plots import plot_attack, plot_bounds, plot_convergence, plot_fit, plot_path
from ._regressor import LipschitzRegressor
from ._tautnet import Certificate, ChainCertificate, ClassMargins, Model, Network, __version__, get_limits, set_limits

__all__ = [
    "Attack",
    "AttackWithin",
    "Bounds",
    "Certificate",
    "ChainBounds",
    "ChainCertificate",
    "ClassMargins",
    "LipschitzClassifier",
    "LipschitzPath",
    "LipschitzRegressor",
    "Model",
    "Network",
    "NotProved",
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
