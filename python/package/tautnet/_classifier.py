"""The estimator of classes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from . import _tautnet
from ._choices import Activation, Bound, ClassLoss, Effort, HiddenWeights, Method, Missing, Norm, Optimizer, Penalty, Shape, Start
from ._data import Tolerance, class_numbers, given_labels, given_tolerance, label_texts
from ._errors import TautnetError
from ._estimator import DEEP, PRICED, LipschitzEstimator, given_rows, thread_count
from ._settings import documented

Floats = npt.NDArray[np.float64]


def _has_probabilities(estimator: Any) -> bool:
    """Only the logistic loss makes probabilities."""
    return bool(estimator.loss == "logistic")


@documented("train", leave_out=("test", "loss"))
class LipschitzClassifier(ClassifierMixin, LipschitzEstimator):  # type: ignore[misc]
    """A small relu network that tells classes apart, and keeps to its class when inputs are wrong, with proofs.

    `tolerance` says how wrong the inputs can be, as in `LipschitzRegressor`. Networks are trained for it in several ways, and those with the
    least worst case on rows that they did not learn from become the result; `accuracy_` says how many of these rows have the right class,
    without input error and, proved, whatever the input error within the tolerance is. Where nothing is said the tolerance is "0.1sd". With the
    tolerance 0, or where a setting of the objective with prices is given, that objective is minimized, as in `LipschitzRegressor`.

    Of two classes the network's output f, the *margin*, is above 0 for the second of `classes_`. With the loss "logistic" 1/(1 + exp(-f)) is
    its probability; within a tolerance it is calibrated on rows that were not learned from. Of several classes there is an output for each,
    the largest is that of the class, and the probabilities are in proportion to exp(output). Several classes have no objective with prices.

    With `layers`, such as (64, 64), a network of several hidden layers is trained as `LipschitzRegressor` says, with the loss "logistic" and any number
    of classes.

    Parameters
    ----------
    {settings}
    loss : what a wrong class costs: "logistic", "hinge" or "squared-hinge".
    missing : what is done with missing values (NaN, None): "refuse"; "drop", which leaves out the rows; "median", which takes the median of the
        column, or the most frequent word; "indicator", which does the same and adds an input that tells where a value was missing.
    dates : what is made of columns of dates: {"when": "parts"} for year, month, day, weekday, hour and minute, those of them that vary, or
        {"when": "days"} for days since 1970; "parts,dmy" or "days,mdy" where texts leave open which number is the day. Dates are exact.
    standardize : whether the columns of a network with `layers` are standardized; else they are taken as they are.
    class_weight : None; "balanced", so that all classes weigh the same; or a weight for each class, as a dict.
    warm_start : go on from the network of the previous fit in place of a new start. With a tolerance networks are chosen anew.
    verbose : show progress.

    Attributes
    ----------
    classes_ : the classes.
    accuracy_ : shares of the rows with the right class, {"clean", "found", "proved"}, for rows that were not learned from: without input error,
        with the worst that an attack found within the tolerance, and proved. None without a tolerance. With `layers` {"clean", "proved"}, proved
        within the radius: for rows held out on the command line, else for those that were put aside to choose the best pass by (`validation`), which
        may be a little better than on rows that chose nothing; None where there were none.
    model_, certificate_, trivial_bound_, tolerance_, choice_, objective_, lipschitz_price_ and the others : as `LipschitzRegressor` has them.
    """

    classes_: npt.NDArray[Any]

    def __init__(
        self,
        hidden: int | Literal["auto"] | None = "auto",
        *,
        lipschitz_price: float | Literal["auto"] = "auto",
        method: Method | None = None,
        effort: Effort = "normal",
        start: Start = "sgd",
        loss: ClassLoss = "logistic",
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
        class_weight: Literal["balanced"] | dict[Any, float] | None = None,
        warm_start: bool = False,
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        super().__init__(
            hidden, lipschitz_price=lipschitz_price, method=method, effort=effort, start=start, loss=loss, decay=decay, max_lipschitz=max_lipschitz,
            norm=norm, penalty=penalty, output_bias=output_bias, linear_part=linear_part, tolerance=tolerance, tolerance_shape=tolerance_shape,
            missing=missing, dates=dates, layers=layers, activation=activation, biases=biases, hidden_weights=hidden_weights, bound=bound, radius=radius, ramp=ramp,
            epochs=epochs, batch=batch, rate=rate, optimizer=optimizer, validation=validation, standardize=standardize, tol=tol,
            iterations=iterations, time_limit=time_limit, threads=threads, warm_start=warm_start, verbose=verbose, random_state=random_state,
        )  # fmt: skip
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = not self._priced()
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LipschitzClassifier:
        """Train and prove. X as in `LipschitzRegressor`, y: classes, in whatever words or numbers."""
        self.classes_, y, texts = given_labels(y, type(self).__name__)
        if len(texts) > 2 and self._priced():
            raise TautnetError(f"Only binary classification is supported with prices: y has {len(texts)} classes",
                               "leave lipschitz_price, method, max_lipschitz, penalty, start, tol, iterations and tolerance=0 out")  # fmt: skip
        weights = self._weights(y, sample_weight)
        rows = given_rows(X, y, weights, type(self).__name__) | {"classes": texts}
        self._fit(X, rows)
        return self

    def _priced(self) -> bool:
        """Whether the objective with prices is asked for: where nothing is said of a tolerance, but something of prices, and of no layers."""
        if self.layers is not None or self.method == DEEP:
            return False
        if self.tolerance is not None:
            return isinstance(self.tolerance, (int, float)) and self.tolerance == 0
        usual = type(self)()
        return any(getattr(self, name) != getattr(usual, name) for name in PRICED)

    def _weights(self, y: Any, sample_weight: Any) -> Any:
        if self.class_weight is None and sample_weight is None:
            return None
        try:
            weights = np.ones(len(y)) * (1.0 if sample_weight is None else np.asarray(sample_weight, dtype=np.float64))
        except (TypeError, ValueError):
            return sample_weight  # which the extension refuses in its own words
        numbers = class_numbers(range(len(self.classes_)), len(self.classes_))
        counted = [weights[y == one].sum() for one in numbers]
        if 0.0 in counted and sum(counted) > 0.0:
            left = "only one class" if len(counted) == 2 else f"no row of the class {self.classes_[counted.index(0.0)]}"
            raise TautnetError(f"y has {left} in the rows that count for something", "give rows of all classes a weight above 0")
        if self.class_weight is None or sum(counted) == 0.0:
            return sample_weight
        if isinstance(self.class_weight, str):
            if self.class_weight != "balanced":
                raise TautnetError(f"`class_weight` is {self.class_weight!r}", 'give None, "balanced" or a dict with a weight for each class')
            each = [sum(counted) / (len(counted) * one) for one in counted]
        else:
            missing = [one for one in self.classes_ if one not in self.class_weight]
            if missing:
                raise TautnetError(f"`class_weight` has no weight for the class {missing[0]}", "give one for each class")
            each = [float(self.class_weight[one]) for one in self.classes_]
        return weights * np.array(each)[np.searchsorted(numbers, y)]

    def decision_function(self, X: Any) -> Floats:
        """The margins: above 0 for the second class. Of several classes the outputs, a column for each."""
        check_is_fitted(self)
        margins: Floats = self.model_.predict(self._inputs(X))
        return margins

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The classes."""
        margins = self.decision_function(X)
        places = (margins > 0).astype(int) if margins.ndim == 1 else margins.argmax(axis=1)
        found: npt.NDArray[Any] = self.classes_[places]
        return found

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """How likely each class is, a column for each."""
        likely: Floats = np.exp(self.predict_log_proba(X))
        return likely

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithms of how likely each class is."""
        margins = self.decision_function(X)
        if margins.ndim == 2:
            below = margins - margins.max(axis=1, keepdims=True)
            several: Floats = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
            return several
        return -np.column_stack([np.logaddexp(0.0, margins), np.logaddexp(0.0, -margins)])

    def predict_certain(
        self,
        X: Any,
        radius: float | None = None,
        *,
        tolerance: Tolerance | None = None,
        tolerance_shape: Shape | None = None,
        nodes: int | None = None,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """The classes, and for each whether no input error within the tolerance can change it (proved).

        The tolerance is the model's own where none is given. At most `nodes` nodes of branch and bound are spent at each end of a margin's
        interval, what seconds allow where nothing is said; where they do not decide, a class is not certain.

        With `radius` the errors are those by which the standardized inputs move by at most the radius, in the norm of the certificate. This is
        how it is said of a network with `layers`, whose own radius is taken where none is given; it has no tolerance and no nodes. Of several
        classes it is for networks with `layers` alone.
        """
        check_is_fitted(self)
        inputs, threads = self._inputs(X), thread_count(self.threads)
        within = {"tolerance": given_tolerance(tolerance), "tolerance_shape": tolerance_shape}
        said = any(value is not None for value in within.values())
        if said and (radius is not None or self._deep()):
            one = "a network with `layers` has no tolerance of its inputs" if self._deep() else "a class was to be certain within a tolerance and within a radius"
            raise TautnetError(one, "leave out the tolerance, and say by `radius` how far the standardized inputs may move")
        if radius is None and not said and self._by_layers():
            radius = json.loads(self.model_.settings).get("radius") or None
            if radius is None:
                raise TautnetError("the model was made for no radius", "give one, such as radius=0.1")
        if radius is not None:
            if len(self.classes_) > 2:
                places, certain = self.model_.certain_within_radius(inputs, radius, nodes, threads)
                return self.classes_[places], certain
            lower, upper, _ = self.model_.intervals(inputs, radius, nodes, threads)
        else:
            if not said and not self.tolerance_:
                raise TautnetError("the model was made for no tolerance", 'give one, such as tolerance="0.1sd"')
            if len(self.classes_) > 2:
                places, certain = self.model_.certain(inputs, within, nodes, threads)
                return self.classes_[places], certain
            lower, upper, _ = self.model_.intervals_within(inputs, within, nodes, threads)
        margins = self.model_.predict(inputs)
        return self.classes_[(margins > 0).astype(int)], (lower > 0) | (upper <= 0)

    @property
    def accuracy_(self) -> dict[str, float] | None:
        """Shares of the rows with the right class, for rows that were not learned from."""
        check_is_fitted(self)
        if self._by_layers():
            rows = self.model_.seen_by_layers
            shares = None if rows is None else json.loads(rows)
            return None if shares is None else {"clean": shares["accuracy"], "proved": shares["proved_accuracy"]}
        seen = json.loads(self.model_.objective).get("seen")
        found: dict[str, float] | None = None if seen is None else seen["result"].get("accuracy")
        return found

    @classmethod
    def from_model(cls, model: _tautnet.Model) -> LipschitzClassifier:
        """The estimator of a model, whose target has to be a class."""
        if model.classes is None:
            raise TautnetError(f"the target `{model.target}` of this model is a number", "take LipschitzRegressor")
        estimator = super().from_model(model)
        estimator.classes_ = label_texts(model.classes)
        return estimator
