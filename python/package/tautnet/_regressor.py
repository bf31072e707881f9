"""The estimator."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _tautnet
from ._data import Tolerance, column_names, given_inputs, given_target, given_tolerance, given_weights
from ._errors import TautnetError
from ._path import LipschitzPath, path_of
from ._progress import Progress, summary
from ._settings import documented, settings_of

Floats = npt.NDArray[np.float64]


@documented("train", leave_out=("test",))
class LipschitzRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A small relu network whose worst case is small when inputs are wrong, with a proved bound on its sensitivity.

    `tolerance` says how wrong the inputs can be: `{"temp": 0.5, "flow": "2%"}`, an amount such as "0.1sd" for every input of numbers, or an array
    of numbers in the units of X, one for each column, or a row of them for each row of X (these the model does not keep). Networks are trained for it in several ways, and those with
    the least worst case on rows that they did not learn from become the result; `worst_case_error_` says what it is. Where nothing is
    said the tolerance is "0.1sd".

    With the tolerance 0, or where `lipschitz`, `method`, `max_lipschitz`, `effort`, `penalty`, `start`, `tol` or `iterations` is given and no
    tolerance, an objective with prices is minimized instead. A starting network is trained; then the best of all networks with its
    activation patterns is found by convex optimization, minimizing the mean loss + lipschitz * (bound on the Lipschitz constant). With a
    tolerance these settings are refused, but for `effort`: "high" gives the choice four times its usual work.

    Inputs and target are standardized on the way: prices, radii and `standardized_upper_bound` are in standardized units,
    predictions, errors and `lipschitz_upper_bound` in those of X and y.

    A setting that the method does not use is refused: "weight-decay" has no price of the bound, no "L2" and no limit, and only
    "walk" has the effort "high". Rows that are equal are merged, so that a sample weight means what repeating the row means.
    Where the time limit ends the work, the best so far is the result, with its proof, and a `ConvergenceWarning` says so. Where
    OMP_NUM_THREADS is set, as joblib does in its workers, it stands in for `threads`.

    Parameters
    ----------
    {settings}
    warm_start : go on from the network of the previous fit in place of a new start. With a tolerance networks are chosen anew.
    verbose : show progress.

    Attributes
    ----------
    model_ : the model; `model_.save(path)` writes the file that the command line reads.
    certificate_ : the proved bound.
    worst_case_error_ : how far predictions can be off within the tolerance, proved: the root of the mean worst case (of the mean squared error, where
        nothing else is asked for) over rows that the networks did not learn from, in the units of y. None without a tolerance.
    tolerance_ : the tolerance in words, as the model keeps it: a list such as ["temp=0.5"]; empty where all inputs are exact, or where each row
        had its own.
    calibration_ : where the scores behind `predict(X, coverage=...)` are from, "held_out" or "cross_validated", and how many there are; or None.
    choice_ : how the network was chosen: candidates, judgements, members of the mean. None without a tolerance.
    objective_ : objective and its parts, before and after the convex program, and how it ended.
    objective_path_ : objective of the convex program at every iteration.
    gap_path_ : relative duality gap at every iteration, NaN where there was none yet.
    lipschitz_path_ : how the price was chosen, or None.
    lipschitz_ : the price used; None where there was none, as with a tolerance.
    n_features_in_, feature_names_in_ : as scikit-learn has them.
    """

    model_: _tautnet.Model

    def __init__(
        self,
        hidden: int | str | None = "auto",
        *,
        lipschitz: float | str = "auto",
        method: str | None = None,
        effort: str = "normal",
        start: str = "sgd",
        loss: str = "squared",
        decay: float | None = None,
        max_lipschitz: float | None = None,
        norm: str | float = "2",
        penalty: str = "L",
        output_bias: bool = True,
        linear_part: bool = False,
        tolerance: Tolerance | None = None,
        tolerance_shape: str = "box",
        tol: float = 1e-8,
        iterations: int = 100,
        time_limit: float | None = None,
        threads: int | None = None,
        warm_start: bool = False,
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.hidden = hidden
        self.lipschitz = lipschitz
        self.method = method
        self.effort = effort
        self.start = start
        self.loss = loss
        self.decay = decay
        self.max_lipschitz = max_lipschitz
        self.norm = norm
        self.penalty = penalty
        self.output_bias = output_bias
        self.linear_part = linear_part
        self.tolerance = tolerance
        self.tolerance_shape = tolerance_shape
        self.tol = tol
        self.iterations = iterations
        self.time_limit = time_limit
        self.threads = threads
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LipschitzRegressor:
        """Train and prove. X: numbers, or a pandas or polars frame, whose columns of words become zeros and ones."""
        before = self.model_ if self.warm_start and hasattr(self, "model_") else None
        asked = options(self.get_params())
        rows = given_rows(X, y, sample_weight)
        with Progress(self.verbose) as progress:
            made = _tautnet.fit(rows, asked, limits(self.time_limit, self.threads, progress), before)
            self._take(X, made, progress)
        return self

    def _take(self, X: Any, made: tuple[_tautnet.Model, str | None], progress: Progress) -> None:
        """Take a model, and warn of what cut the work short."""
        self.model_, cut_short = made
        validate_data(self, X, skip_check_array=True, reset=True)
        progress.close(summary(self.objective_))
        if cut_short is not None:
            warnings.warn(
                f"the {cut_short} was reached: this is the best so far, with its proof", ConvergenceWarning, stacklevel=3
            )
        # A fit that was ended before the convex program has the bound that is proved.
        bound = self.objective_.get("lipschitz", self.certificate_.standardized_upper_bound)
        if self.max_lipschitz is not None and bound > self.max_lipschitz:
            warnings.warn(
                f"the bound {bound:g} exceeds max_lipschitz={self.max_lipschitz:g}: this is the best found", ConvergenceWarning, stacklevel=3
            )

    def predict(
        self,
        X: Any,
        radius: float | None = None,
        *,
        nodes: int | None = None,
        interval: str | None = None,
        tolerance: Tolerance | None = None,
        tolerance_shape: str | None = None,
        coverage: float | None = None,
    ) -> Floats | tuple[Floats, Floats, Floats]:
        """Predictions; with a tolerance or a radius also the ends of the intervals that no prediction can leave.

        With `interval="tolerance"` returns (prediction, lower, upper): for inputs that are off by errors within the tolerance that the
        model was made for, or within `tolerance`, which is given as in `polish`, the prediction stays between lower and upper.

        With `radius` returns (prediction, lower, upper): for standardized inputs that move by at most the radius, in the
        norm of the certificate, the prediction stays between lower and upper. At most `nodes` nodes of branch and bound are
        spent at each end; 0 uses the Lipschitz bound alone, None what seconds allow.

        With `coverage`, such as 0.9, the interval holds the target itself in this share of new rows, whatever errors within the
        tolerance (the model's own, the one given, or the radius) the inputs have. This is a theorem where the model was
        calibrated with `calibrate`; after `fit` alone it is approximate.
        """
        check_is_fitted(self)
        inputs = self._inputs(X)
        predicted = self.model_.predict(inputs)
        if interval not in (None, "tolerance"):
            raise TautnetError(f"`interval` is {interval!r}", 'give "tolerance", or a radius in its place')
        within = {"tolerance": given_tolerance(tolerance), "tolerance_shape": tolerance_shape}
        asked = interval is not None or any(said is not None for said in within.values())
        if asked and radius is not None:
            raise TautnetError("an interval was asked for within a tolerance and within a radius", "leave out one of them")
        threads = thread_count(self.threads)
        if radius is not None:
            lower, upper, _ = self.model_.intervals(inputs, radius, nodes, threads)
        elif asked or coverage is not None:
            if coverage is not None and within["tolerance"] is None and not self.tolerance_:
                within["tolerance"] = 0  # the model was made for exact inputs
            lower, upper, _ = self.model_.intervals_within(inputs, within, nodes, threads)
        else:
            return predicted
        if coverage is not None:
            lower, upper = self.model_.covering(lower, upper, coverage)
        return predicted, lower, upper

    def calibrate(self, X: Any, y: Any) -> LipschitzRegressor:
        """Calibrate the intervals of `predict(X, coverage=...)` by rows that the model has not seen.

        They must not have been used to fit or to choose the model; then the coverage is a theorem. For a coverage of 0.9 it takes
        9 rows at least, for 0.99 it takes 99. The estimator itself is returned.
        """
        check_is_fitted(self)
        rows = {**given_rows(X, y, None), "x": self._inputs(X)}
        self.model_ = _tautnet.calibrated(self.model_, rows)
        return self

    def _inputs(self, X: Any) -> Any:
        inputs = given_inputs(X, type(self).__name__, self.model_.columns)
        validate_data(self, X, skip_check_array=True, reset=False)
        return inputs

    @property
    def certificate_(self) -> _tautnet.Certificate:
        """The bound, proved anew."""
        check_is_fitted(self)
        certificate = self.model_.certificate
        if certificate is None:
            raise TautnetError("the model has no certificate", "make one with tautnet.certify")
        return certificate

    @property
    def objective_(self) -> dict[str, Any]:
        """Objective and its parts, before and after."""
        check_is_fitted(self)
        found: dict[str, Any] = json.loads(self.model_.objective)
        return {key: value for key, value in found.items() if key not in ("trace", "path", "choice")}

    @property
    def worst_case_error_(self) -> float | None:
        """How far predictions can be off within the tolerance, proved on rows that were not learned from."""
        check_is_fitted(self)
        return self.model_.worst_case_error

    @property
    def tolerance_(self) -> list[str]:
        """How wrong the inputs can be, as the model keeps it."""
        check_is_fitted(self)
        return self.model_.tolerance[0]

    @property
    def calibration_(self) -> tuple[str, int] | None:
        """Where the scores behind intervals of a coverage are from, and how many there are."""
        check_is_fitted(self)
        return self.model_.calibration

    @property
    def choice_(self) -> dict[str, Any] | None:
        """How the network was chosen for its tolerance."""
        check_is_fitted(self)
        found: dict[str, Any] | None = json.loads(self.model_.objective).get("choice")
        return found

    @property
    def objective_path_(self) -> Floats:
        """Objective of the convex program at every iteration."""
        return self._trace("objective")

    @property
    def gap_path_(self) -> Floats:
        """Relative duality gap at every iteration."""
        return self._trace("gap")

    def _trace(self, name: str) -> Floats:
        check_is_fitted(self)
        trace = json.loads(self.model_.objective).get("trace", [])
        return np.array([np.nan if step[name] is None else step[name] for step in trace], dtype=np.float64)

    @property
    def lipschitz_path_(self) -> LipschitzPath | None:
        """How the price was chosen."""
        check_is_fitted(self)
        path = json.loads(self.model_.objective).get("path")
        return None if path is None else path_of(path, json.loads(self.model_.settings).get("loss", "squared"))

    @property
    def lipschitz_(self) -> float | None:
        """The price of the bound."""
        check_is_fitted(self)
        found: float | None = json.loads(self.model_.settings).get("lipschitz")
        return found

    def weights(self, standardized: bool = False) -> dict[str, Any]:
        """The arrays w, b, v and the number c of the network, for inputs as they are or standardized."""
        check_is_fitted(self)
        return self.model_.weights(standardized)

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, scaler: str | None = None, precision: str = "f64"
    ) -> None:
        """Write the model file, whole or not at all. The command line reads it.

        The name says the format: .onnx, .safetensors, and JSON for all others. `scaler` is what becomes of the
        standardization: "kept" beside the network, or "folded" into its weights; None for what suits the format, which is
        "folded" for safetensors and "kept" for the others. `precision` is "f64" or "f32". Where the weights are not written
        bit for bit, the certificate is left out, with a warning.
        """
        check_is_fitted(self)
        self.model_.save(os.fspath(path), overwrite=overwrite, scaler=scaler, precision=precision)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LipschitzRegressor:
        """The estimator of a model file, whoever wrote it."""
        return cls.from_model(_tautnet.Model.read(os.fspath(path)))

    @classmethod
    def from_model(cls, model: _tautnet.Model) -> LipschitzRegressor:
        """The estimator of a model."""
        settings = json.loads(model.settings)
        parameters = {name: settings[name] for name in settings_of("train") if settings.get(name) is not None}
        if "seed" in parameters:
            parameters["random_state"] = parameters.pop("seed")
        # The hidden units of a network that was polished are its own.
        if "hidden" not in settings:
            parameters["hidden"] = model.units
        if settings.get("lipschitz_chosen") or settings.get("lipschitz") is None:
            parameters["lipschitz"] = "auto"
        if model.tolerance[0]:
            # What belongs to the polish for a tolerance is not for a fit.
            parameters = {name: value for name, value in parameters.items() if name not in PRICED}
        else:
            # Nothing was said of columns, or this is no tolerance in files from before there were any.
            parameters["tolerance"] = 0
            parameters.pop("tolerance_shape", None)
        estimator = cls(**parameters)
        estimator.model_ = model
        estimator.n_features_in_ = len(model.columns)
        if any(name != f"column_{j + 1}" for j, name in enumerate(model.columns)):
            estimator.feature_names_in_ = np.array(model.columns, dtype=object)
        return estimator


# Settings of the objective with prices, which do not go together with a tolerance.
PRICED = ("lipschitz", "method", "max_lipschitz", "penalty", "start", "tol", "iterations")


def options(parameters: dict[str, Any]) -> dict[str, Any]:
    """What the extension asks for: the library's settings among the parameters, by the library's names."""
    known = [*settings_of("train"), *settings_of("polish"), *settings_of("attack")]
    asked = {name: value for name, value in parameters.items() if name in known}
    for name in ("hidden", "lipschitz"):
        if isinstance(asked.get(name), str) and asked[name] == "auto":
            asked[name] = None
    asked["tolerance"] = given_tolerance(asked.get("tolerance"))
    norm = asked.get("norm")
    if norm is not None and not isinstance(norm, str):
        asked["norm"] = f"{norm:g}"
    if "random_state" in parameters:
        asked["seed"] = seed(parameters["random_state"])
    return asked


def seed(state: Any) -> int:
    """The seed of a random state, as scikit-learn takes it."""
    if isinstance(state, (int, np.integer)) and not isinstance(state, bool):
        if state < 0:
            raise TautnetError(f"`random_state` is {state}", "give a whole number, 0 or more")
        return int(state)
    return int(check_random_state(state).randint(2**31 - 1))


def given_rows(X: Any, y: Any, sample_weight: Any, estimator: str = "LipschitzRegressor") -> dict[str, Any]:
    """Data for the extension."""
    target, name = given_target(y, estimator)
    return {
        "x": given_inputs(X, estimator),
        "y": target,
        "sample_weight": given_weights(sample_weight, len(target)),
        "target": name if column_names(X) is not None else None,
    }


def limits(time_limit: float | None, threads: int | None, progress: Progress) -> tuple[float | None, int | None, Any]:
    """How long, on how many threads, and who hears of it."""
    return time_limit, thread_count(threads), progress.report()


def thread_count(threads: int | None) -> int | None:
    """The number asked for, or the one that a caller such as joblib leaves to each of its workers."""
    if threads is not None:
        return threads
    shared = os.environ.get("OMP_NUM_THREADS", "")
    return int(shared) if shared.isdigit() and int(shared) > 0 else None
