"""The estimator of a number."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from . import _tautnet
from ._choices import Shape
from ._data import Tolerance, given_tolerance
from ._errors import TautnetError
from ._estimator import DEEP, PRICED, LipschitzEstimator, given_rows, thread_count
from ._settings import documented

Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """Predictions with the ends of the intervals that they, or with a coverage the targets, do not leave."""

    prediction: Floats
    lower: Floats
    upper: Floats


@documented("train", leave_out=("test",))
class LipschitzRegressor(RegressorMixin, LipschitzEstimator):  # type: ignore[misc]
    """A small relu network whose worst case is small when inputs are wrong, with a proved bound on its sensitivity.

    `tolerance` says how wrong the inputs can be: `{"temp": 0.5, "flow": "2%"}`, an amount such as "0.1sd" for every input of numbers, or an array
    of numbers in the units of X, one for each column, or a row of them for each row of X (these the model does not keep). Networks are trained for it in several ways, and those with
    the least worst case on rows that they did not learn from become the result; `worst_case_error_` says what it is. Where nothing is
    said the tolerance is "0.1sd".

    With the tolerance 0, or where `lipschitz_price`, `method`, `max_lipschitz`, `effort`, `penalty`, `start`, `tol` or `iterations` is given and no
    tolerance, an objective with prices is minimized instead. A starting network is trained; then the best of all networks with its
    activation patterns is found by convex optimization, minimizing the mean loss + lipschitz_price * (bound on the Lipschitz constant). With a
    tolerance these settings are refused, but for `effort`: "high" gives the choice four times its usual work.

    Inputs and target are standardized on the way: prices, radii and `standardized_upper_bound` are in standardized units,
    predictions, errors and `lipschitz_upper_bound` in those of X and y.

    y can have several columns: several targets, for which there is one network with an output for each, chosen for a tolerance by the sum of what
    they cost in standardized units. Predictions and the ends of intervals have a column for each then, and `worst_case_error_` is a list. The
    objective with prices and `coverage` are for one target, and so is `radius`, but for networks with `layers`.

    With `layers`, such as (64, 64), a network of several hidden layers is trained so that the product of its layers' norms is small
    (the method "trivial-bound", which may be named too). This product is a bound, which is proved. The settings from `layers` to `validation` are about it,
    and of the others `loss`, `lipschitz_price` (a price on the bound), `max_lipschitz`, `norm` and `random_state`; the rest is refused beside it. Predictions have intervals by `radius`. Of several targets
    the cost is the sum of theirs in standardized units, in which the bounds are too. Rows are not merged.

    A setting that the method does not use is refused: "weight-decay" has no price of the bound, no "L2" and no limit, and only
    "walk" has the effort "high". Rows that are equal are merged, so that a sample weight means what repeating the row means.
    Where the time limit ends the work, the best so far is the result, with its proof, and a `ConvergenceWarning` says so. Where
    OMP_NUM_THREADS is set, as joblib does in its workers, it stands in for `threads`.

    Parameters
    ----------
    {settings}
    standardize : whether the columns of a network with `layers` are standardized; else they are taken as they are.
    missing : what is done with missing values (NaN, None): "refuse"; "drop", which leaves out the rows; "median", which takes the median of the
        column, or the most frequent word; "indicator", which does the same and adds an input that tells where a value was missing.
    dates : what is made of columns of dates: {"when": "parts"} for year, month, day, weekday, hour and minute, those of them that vary, or
        {"when": "days"} for days since 1970; "parts,dmy" or "days,mdy" where texts leave open which number is the day. Dates are exact.
    warm_start : go on from the network of the previous fit in place of a new start. With a tolerance networks are chosen anew.
    verbose : show progress.

    Attributes
    ----------
    model_ : the model; `model_.save(path)` writes the file that the command line reads.
    certificate_ : the proved bound: a Certificate, or a ChainCertificate of a network with `layers`.
    trivial_bound_ : with `layers`, the proved bound over all outputs together, in the norm asked for and the units of X and y.
    n_iter_ : with `layers`, the passes over the rows.
    worst_case_error_ : how far predictions can be off within the tolerance, proved: the root of the mean worst case (of the mean squared error, where
        nothing else is asked for) over rows that the networks did not learn from, in the units of y. None without a tolerance. With `layers` it is that
        within the radius, over rows held out on the command line, else over those put aside to choose the best pass by (`validation`), or None.
    scores_ : errors on the same rows beside those of ordinary training, of a linear model and of the mean, with R² and a verdict; None without a tolerance.
    tolerance_ : the tolerance in words, as the model keeps it: a list such as ["temp=0.5"]; empty where all inputs are exact, or where each row
        had its own.
    calibration_ : where the scores behind `predict(X, coverage=...)` are from, "held_out" or "cross_validated", and how many there are; or None.
    choice_ : how the network was chosen: candidates, judgements, members of the mean. None without a tolerance.
    objective_ : objective and its parts, before and after the convex program, and how it ended.
    objective_path_ : objective of the convex program at every iteration.
    gap_path_ : relative duality gap at every iteration, NaN where there was none yet.
    lipschitz_path_ : how the price was chosen, or None.
    lipschitz_price_ : the price used; None where there was none, as with a tolerance.
    n_features_in_, feature_names_in_ : as scikit-learn has them.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # An objective with prices is for one target.
        exact = given_tolerance(self.tolerance) in (0, "0") if np.ndim(self.tolerance) == 0 else False  # type: ignore[arg-type]
        usual = LipschitzRegressor()
        priced = any(getattr(self, name) != getattr(usual, name) for name in (*PRICED, "effort"))
        deep = self.layers is not None or self.method == DEEP
        tags.target_tags.multi_output = deep or (not exact and not (self.tolerance is None and priced))
        return tags

    @overload
    def predict(
        self, X: Any, radius: None = None, *, nodes: int | None = None, interval: None = None, tolerance: None = None,
        tolerance_shape: None = None, coverage: None = None,
    ) -> Floats: ...
    @overload
    def predict(
        self, X: Any, radius: float, *, nodes: int | None = None, interval: None = None, tolerance: None = None, tolerance_shape: None = None,
        coverage: float | None = None,
    ) -> Interval: ...
    @overload
    def predict(
        self, X: Any, radius: None = None, *, nodes: int | None = None, interval: Literal["tolerance"], tolerance: Tolerance | None = None,
        tolerance_shape: Shape | None = None, coverage: float | None = None,
    ) -> Interval: ...
    @overload
    def predict(
        self, X: Any, radius: None = None, *, nodes: int | None = None, interval: None = None, tolerance: Tolerance,
        tolerance_shape: Shape | None = None, coverage: float | None = None,
    ) -> Interval: ...
    @overload
    def predict(
        self, X: Any, radius: None = None, *, nodes: int | None = None, interval: None = None, tolerance: None = None,
        tolerance_shape: Shape, coverage: float | None = None,
    ) -> Interval: ...
    @overload
    def predict(
        self, X: Any, radius: None = None, *, nodes: int | None = None, interval: None = None, tolerance: None = None,
        tolerance_shape: None = None, coverage: float,
    ) -> Interval: ...
    def predict(
        self,
        X: Any,
        radius: float | None = None,
        *,
        nodes: int | None = None,
        interval: Literal["tolerance"] | None = None,
        tolerance: Tolerance | None = None,
        tolerance_shape: Shape | None = None,
        coverage: float | None = None,
    ) -> Floats | Interval:
        """Predictions; with a tolerance or a radius also the ends of the intervals that no prediction can leave.

        With `interval="tolerance"` returns (prediction, lower, upper): for inputs that are off by errors within the tolerance that the
        model was made for, or within `tolerance`, which is given as in `polish`, the prediction stays between lower and upper.

        With `radius` returns (prediction, lower, upper): for standardized inputs that move by at most the radius, in the
        norm of the certificate, the prediction stays between lower and upper. At most `nodes` nodes of branch and bound are
        spent at each end; 0 uses the Lipschitz bound alone, None what seconds allow. For a network with `layers` it is always the bound alone.

        With `coverage`, such as 0.9, the interval holds the target itself in this share of new rows, whatever errors within the
        tolerance (the model's own, the one given, or the radius) the inputs have. This is a theorem where the model was
        calibrated with `calibrate`; after `fit` alone it is approximate.
        """
        check_is_fitted(self)
        several = len(self.model_.targets) > 1
        if several and ((radius is not None and not self._by_layers()) or coverage is not None):
            raise TautnetError(f"`{'coverage' if radius is None else 'radius'}` is for one target, and this model has several", 'ask for interval="tolerance"')
        inputs = self._inputs(X)
        predicted = self.model_.predict(inputs)
        if interval not in (None, "tolerance"):
            raise TautnetError(f"`interval` is {interval!r}", 'give "tolerance", or a radius in its place')
        within = {"tolerance": given_tolerance(tolerance), "tolerance_shape": tolerance_shape}
        if self._deep() and (coverage is not None or interval is not None or any(said is not None for said in within.values())):
            what = "coverage" if coverage is not None else "interval" if interval is not None else "tolerance"
            raise TautnetError(f"`{what}` is for one hidden layer of relu units, and this model has layers", "say by `radius` how far the standardized inputs may move")
        asked = interval is not None or any(said is not None for said in within.values())
        if asked and radius is not None:
            raise TautnetError("an interval was asked for within a tolerance and within a radius", "leave out one of them")
        threads = thread_count(self.threads)
        if radius is not None and several:
            return Interval(predicted, *self.model_.intervals_of_targets_within_radius(inputs, radius, nodes, threads))
        if radius is not None:
            lower, upper, _ = self.model_.intervals(inputs, radius, nodes, threads)
        elif asked or coverage is not None:
            if coverage is not None and within["tolerance"] is None and not self.tolerance_:
                within["tolerance"] = 0  # the model was made for exact inputs
            if several:
                return Interval(predicted, *self.model_.intervals_of_targets(inputs, within, nodes, threads))
            lower, upper, _ = self.model_.intervals_within(inputs, within, nodes, threads)
        else:
            return predicted
        if coverage is not None:
            lower, upper = self.model_.covering(lower, upper, coverage)
        return Interval(predicted, lower, upper)

    def calibrate(self, X: Any, y: Any) -> LipschitzRegressor:
        """Calibrate the intervals of `predict(X, coverage=...)` by rows that the model has not seen.

        They must not have been used to fit or to choose the model; then the coverage is a theorem. For a coverage of 0.9 it takes
        9 rows at least, for 0.99 it takes 99. The estimator itself is returned.
        """
        check_is_fitted(self)
        rows = {**given_rows(X, y, None), "x": self._inputs(X)}
        self.model_ = _tautnet.calibrated(self.model_, rows)
        return self

    @classmethod
    def from_model(cls, model: _tautnet.Model) -> LipschitzRegressor:
        """The estimator of a model, whose target has to be a number."""
        if model.classes is not None:
            raise TautnetError(f"the target `{model.target}` of this model is a class", "take LipschitzClassifier")
        return super().from_model(model)
