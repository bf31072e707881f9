"""What the estimators have in common."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _tautnet
from ._choices import Activation, Bound, Effort, HiddenWeights, Loss, Method, Missing, Norm, Optimizer, Penalty, Precision, Scaling, Shape, Start
from ._data import Tolerance, column_names, given_inputs, given_preparation, given_targets, given_tolerance, given_weights
from ._errors import TautnetError
from ._path import LipschitzPath, path_of
from ._progress import Progress, summary
from ._scores import Scores, scores_of
from ._settings import settings_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._rivals import Rivals

Floats = npt.NDArray[np.float64]


class LipschitzEstimator(BaseEstimator):  # type: ignore[misc]
    """Fitting, and what a fitted model tells."""

    model_: _tautnet.Model
    n_features_in_: int
    feature_names_in_: npt.NDArray[Any]

    def __init__(
        self,
        hidden: int | Literal["auto"] | None = "auto",
        *,
        lipschitz_price: float | Literal["auto"] = "auto",
        method: Method | None = None,
        effort: Effort = "normal",
        start: Start = "sgd",
        loss: Loss = "squared",
        decay: float | None = None,
        max_lipschitz: float | None = None,
        norm: Norm = "2",
        penalty: Penalty = "L",
        output_bias: bool = True,
        linear_part: bool = False,
        tolerance: Tolerance | None = None,
        tolerance_shape: Shape = "box",
        missing: Missing = "refuse",
        dates: Mapping[str, str] | None = None,
        layers: Sequence[int] | None = None,
        activation: Activation | None = None,
        biases: bool = True,
        hidden_weights: HiddenWeights | None = None,
        bound: Bound = "trivial",
        radius: float | None = None,
        ramp: float = 0.6,
        epochs: int | None = None,
        batch: int | None = None,
        rate: float = 0.002,
        optimizer: Optimizer = "adam",
        validation: float = 0.05,
        standardize: bool = True,
        tol: float = 1e-8,
        iterations: int = 100,
        time_limit: float | None = None,
        threads: int | None = None,
        warm_start: bool = False,
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.hidden = hidden
        self.lipschitz_price = lipschitz_price
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
        self.missing = missing
        self.dates = dates
        self.layers = layers
        self.activation = activation
        self.biases = biases
        self.hidden_weights = hidden_weights
        self.bound = bound
        self.radius = radius
        self.ramp = ramp
        self.epochs = epochs
        self.batch = batch
        self.rate = rate
        self.optimizer = optimizer
        self.validation = validation
        self.standardize = standardize
        self.tol = tol
        self.iterations = iterations
        self.time_limit = time_limit
        self.threads = threads
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing != "refuse"
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train and prove. X: numbers, or a pandas or polars frame, whose columns of words become zeros and ones."""
        rows = given_rows(X, y, sample_weight, type(self).__name__)
        return self._fit(X, rows)

    def _fit(self, X: Any, rows: dict[str, Any]) -> Self:
        before = self.model_ if self.warm_start and hasattr(self, "model_") else None
        asked = options(self.get_params()) | deep_options(self.get_params())
        rows |= given_preparation(self.missing, self.dates)
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
        bound, most = self._limited()
        if most is not None and bound > most:
            warnings.warn(f"the bound {bound:g} exceeds max_lipschitz={most:g}: this is the best found", ConvergenceWarning, stacklevel=3)

    def _limited(self) -> tuple[float, float | None]:
        """The bound that has a limit, and the limit."""
        if self._deep() and "polish" in self.objective_:
            return self.objective_["polish"]["after"]["bound"], json.loads(self.model_.settings)["polish"]["max_lipschitz"]
        if self.max_lipschitz is None:
            return 0.0, None
        # A fit that was ended before the convex program has the bound that is proved.
        bound = self.objective_["trivial_bound"] if self._by_layers() else self.objective_.get("lipschitz", self.certificate_.standardized_upper_bound)
        return bound, self.max_lipschitz

    def _inputs(self, X: Any) -> Any:
        inputs = given_inputs(X, type(self).__name__, self.model_.columns)
        validate_data(self, X, skip_check_array=True, reset=False)
        return inputs

    def _deep(self) -> bool:
        """Whether the fitted network has several layers, or units that are none of relu."""
        return self.model_.layered

    def _by_layers(self) -> bool:
        """Whether what is proved of the fitted network is the product of the norms of its layers: one hidden layer of relu units can be trained so, too."""
        return self.model_.layered or self.model_.by_layers

    @property
    def trivial_bound_(self) -> float:
        """Of a deep network: how fast all outputs together can change, by the product of the norms of its layers, in the units of X and y (of several targets in standardized ones); proved."""
        check_is_fitted(self)
        if not self._by_layers():
            raise AttributeError("`trivial_bound_` is of networks with `layers`; this model has one hidden layer, whose bound is in `certificate_`")
        return self.model_.chain_certificate().lipschitz_upper_bound

    @property
    def n_iter_(self) -> int:
        """Of a deep network: how many passes over the rows there were."""
        check_is_fitted(self)
        if not self._by_layers():
            raise AttributeError("`n_iter_` is of networks with `layers`")
        if "epochs" not in self.objective_:
            raise AttributeError("`n_iter_` is of networks that were trained with `layers`; this one was polished alone")
        return int(self.objective_["epochs"])

    @property
    def certificate_(self) -> _tautnet.Certificate | _tautnet.ChainCertificate:
        """The bound, proved anew."""
        check_is_fitted(self)
        if self._by_layers():
            return self.model_.chain_certificate()
        certificate = self.model_.certificate
        if certificate is None:
            if len(self.model_.classes or []) > 2:
                raise TautnetError("a network of several classes has no certificate", "`tautnet.certify` bounds the margins of its classes")
            if len(self.model_.targets) > 1:
                raise TautnetError("a network of several targets has no certificate", "`tautnet.certify` bounds each output")
            raise TautnetError("the model has no certificate", "make one with tautnet.certify")
        return certificate

    @property
    def objective_(self) -> dict[str, Any]:
        """Objective and its parts, before and after."""
        check_is_fitted(self)
        found: dict[str, Any] = json.loads(self.model_.objective)
        return {key: value for key, value in found.items() if key not in ("trace", "path", "choice")}

    @property
    def worst_case_error_(self) -> float | list[float] | None:
        """How far predictions can be off within the tolerance, proved on rows that were not learned from; of several targets a list."""
        check_is_fitted(self)
        if len(self.model_.targets) > 1:
            return self.model_.worst_case_errors
        return self.model_.worst_case_error

    @property
    def scores_(self) -> Scores | list[Scores] | None:
        """Errors on rows that were not learned from, beside those of ordinary training, of a linear model and of a constant, with R² and a verdict; of several targets a list. None where the model was not chosen for a tolerance."""
        check_is_fitted(self)
        return scores_of(self.model_)

    def against(
        self,
        X: Any,
        y: Any,
        others: Mapping[str, Any] | None = None,
        *,
        tolerance: Tolerance | None = None,
        tolerance_shape: Shape | None = None,
        draws: int = 64,
        cv: int = 5,
        random_state: int = 0,
    ) -> Rivals:
        """This model beside other estimators on the rows that it was fitted on, each row held out in turn.

        `others` are estimators that are not fitted, by their names; without them gradient boosting stands for what else one would try. Each learns
        from `cv` parts of the rows in turn, from the columns as the network sees them (a column for each word), and predicts the part that it did not learn from. Within the
        tolerance (the model's own, or the one given) every row is tried with `draws` random input errors, corners of its box: the truth can be worse, and
        nothing is proved of them. The figures of this model are those of `scores_`, of its own five parts.
        """
        from ._rivals import rivals_of, usual_rivals  # other estimators take a while to import

        check_is_fitted(self)
        scores = self.scores_
        if not isinstance(scores, Scores):
            raise TautnetError(
                "the model has no scores to stand beside others" if scores is None else "`against` is for one target, and the model has several",
                "fit one with a tolerance, which holds rows out in turn" if scores is None else "fit a model of each target",
            )
        if not scores.classes and json.loads(self.model_.settings).get("loss", "squared") != "squared":
            raise TautnetError("`against` compares root mean squares, and the model was fitted with another loss", 'fit with loss="squared"')
        for name, value, least in (("draws", draws, 1), ("cv", cv, 2)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise TautnetError(f"`{name}` is {value!r}", f"give a whole number, {least} at least")
        within = {"tolerance": given_tolerance(tolerance), "tolerance_shape": tolerance_shape}
        asked = {name: value for name, value in within.items() if value is not None}
        x, sizes = self.model_.columns_within(self._inputs(X), asked)
        targets = np.asarray(y)
        if targets.ndim != 1 or len(targets) != len(x):
            raise TautnetError(f"`y` has the shape {targets.shape}, for {len(x)} rows", "give a target for each row of X")
        if not scores.classes:
            targets = np.asarray(targets, dtype=np.float64)
        ball = (tolerance_shape or self.model_.tolerance[1]) == "ball"
        named = usual_rivals(scores.classes, random_state) if others is None else others
        return rivals_of(scores, x, targets, sizes, ball, named, draws, cv, random_state)

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
    def lipschitz_price_(self) -> float | None:
        """The price of the bound."""
        check_is_fitted(self)
        found: float | None = json.loads(self.model_.settings).get("lipschitz_price")
        return found

    def weights(self, standardized: bool = False) -> dict[str, Any]:
        """The arrays w, b, v and the number c of the network, for inputs as they are or standardized."""
        check_is_fitted(self)
        return self.model_.weights(standardized)

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, scaler: Scaling | None = None, precision: Precision = "f64"
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
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator of a model file, whoever wrote it."""
        return cls.from_model(_tautnet.Model.read(os.fspath(path)))

    @classmethod
    def from_model(cls, model: _tautnet.Model) -> Self:
        """The estimator of a model."""
        settings = json.loads(model.settings)
        parameters = {name: settings[name] for name in settings_of("train") if settings.get(name) is not None}
        if "seed" in parameters:
            parameters["random_state"] = parameters.pop("seed")
        if settings.get("layers") is not None:
            parameters |= deep_parameters(settings)
        # The hidden units of a network that was polished are its own.
        by_layers = model.layered or model.by_layers
        if "hidden" not in settings and not by_layers:
            parameters["hidden"] = model.units
        if settings.get("lipschitz_price_chosen") or settings.get("lipschitz_price") is None or (by_layers and settings["lipschitz_price"] == 0):
            parameters["lipschitz_price"] = "auto"
        if model.tolerance[0]:
            # What belongs to the polish for a tolerance is not for a fit.
            parameters = {name: value for name, value in parameters.items() if name not in PRICED}
        elif not by_layers:
            # Nothing was said of columns, or this is no tolerance in files from before there were any.
            parameters["tolerance"] = 0
            parameters.pop("tolerance_shape", None)
        if model.missing != "refuse":
            parameters["missing"] = model.missing
        if model.dates:
            parameters["dates"] = dict(model.dates)
        estimator = cls(**parameters)
        estimator.model_ = model
        estimator.n_features_in_ = len(model.columns)
        if any(name != f"column_{j + 1}" for j, name in enumerate(model.columns)):
            estimator.feature_names_in_ = np.array(model.columns, dtype=object)
        return estimator


# The method of networks with layers, as it is named.
DEEP = "trivial-bound"

# Settings of the objective with prices, which do not go together with a tolerance.
PRICED = ("lipschitz_price", "method", "max_lipschitz", "penalty", "start", "tol", "iterations")


def deep_options(parameters: dict[str, Any]) -> dict[str, Any]:
    """The same of deep networks."""
    asked = {name: parameters[name] for name in [*settings_of("train", "deep"), "standardize"]}
    if isinstance(asked["layers"], np.ndarray):
        asked["layers"] = asked["layers"].tolist()
    return asked


def deep_parameters(settings: dict[str, Any]) -> dict[str, Any]:
    """The parameters of deep networks as a model file keeps them."""
    found = {name: settings[name] for name in settings_of("train", "deep") if settings.get(name) is not None}
    found["layers"] = tuple(int(units) for units in found["layers"])
    return found | {"standardize": settings.get("standardized", True)}


def options(parameters: dict[str, Any]) -> dict[str, Any]:
    """What the extension asks for: the library's settings among the parameters, by the library's names."""
    known = [*settings_of("train"), *settings_of("polish"), *settings_of("attack")]
    asked = {name: value for name, value in parameters.items() if name in known}
    for name in ("hidden", "lipschitz_price"):
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
    (target, name), *others = given_targets(y, estimator)
    named = column_names(X) is not None
    names = [name for _, name in others]
    return {
        "x": given_inputs(X, estimator),
        "y": target,
        "sample_weight": given_weights(sample_weight, len(target)),
        "target": name if named else None,
        "classes": None,
        "others": [other for other, _ in others],
        "other_targets": names if named and others and None not in names else None,
        "missing": None,
        "dates": None,
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
