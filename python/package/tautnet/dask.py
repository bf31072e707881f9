"""Fits of rows that a Dask cluster holds.

    from dask.distributed import Client
    from tautnet.dask import DaskLipschitzRegressor  # or DaskLipschitzClassifier

    client = Client("scheduler:8786")
    model = DaskLipschitzRegressor(tolerance={"temp": 0.5}).fit(X, y)  # collections of Dask
    model.predict(X)  # lazy
    model.to_local()  # a LipschitzRegressor

The rows stay where they are. The program that fits asks questions about all of them, a few dozen in all, and some hundreds about some of them; each
worker answers for the rows that it holds, and answers are merged two by two. An answer is a list of sums, of a size that does not depend on the number of rows.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._choices import ClassLoss, Norm, Penalty, Shape, Start
from ._classifier import LipschitzClassifier
from ._dask_estimator import LEFT_OUT, DaskEstimator, margins
from ._dask_rows import client_of, is_collection, missing_dask
from ._data import Tolerance, class_numbers, given_labels
from ._errors import TautnetError
from ._estimator import PRICED
from ._regressor import LipschitzRegressor
from ._settings import documented

if TYPE_CHECKING:
    from typing_extensions import Self

missing_dask()

__all__ = ["DaskLipschitzClassifier", "DaskLipschitzRegressor"]

Floats = npt.NDArray[np.float64]


@documented("train", leave_out=LEFT_OUT)
class DaskLipschitzRegressor(RegressorMixin, DaskEstimator):  # type: ignore[misc]
    """A small relu network with a proved bound on its sensitivity, fitted on rows that the workers of a Dask cluster hold.

    `tolerance` says how wrong the inputs can be, as in `LipschitzRegressor`, column by column. Networks are trained for it on a sample of the rows
    (16384 of them, or fewer of wide rows), and those with the least worst case on rows that they did not learn from are chosen. A descent over all rows
    goes on from them, and its network is the result where its worst case over all of them is the smaller one. Where nothing is said the tolerance is
    "0.1sd".

    With the tolerance 0, or where `lipschitz_price`, `method`, `max_lipschitz`, `penalty`, `start`, `tol` or `iterations` is given and no tolerance,
    an objective with prices is minimized: a starting network is trained on a sample of 65536 rows, and a price that is left open is chosen on it. Then the best of
    all networks with its activation patterns is found on all rows: the least mean squared error + lipschitz_price * (bound on the Lipschitz constant).

    The model has the same bytes on any number of workers and threads, and however the rows are cut into partitions: it depends on the rows and on their
    order alone.

    `fit` takes arrays, frames and series of Dask with numbers alone. The rows are read once and kept by the workers as numbers, 8 bytes each (4 of
    columns that are float32), until `fit` ends; only rows at the edges of partitions move. Where a worker dies, others read its partitions again. A
    worker has as many threads at work as it has. Where the time limit ends the work, or the connection to the scheduler is lost, the best network so
    far is the result, with its proof, and a `ConvergenceWarning` says so; where there is none yet, an error does.

    Parameters
    ----------
    {settings}
    held_out : share of the rows, drawn by their numbers, that nothing is learned from; `losses_` has the loss on them.
    client : the `distributed.Client` to work with; None: the default one. It is no part of a pickle.
    verbose : show progress.

    Attributes
    ----------
    model_ : the model; `model_.save(path)` writes the file that the command line reads.
    certificate_ : the proved bound.
    losses_ : mean squared errors on all rows without input error, in standardized units: a dictionary with those of "network", of the "start" (the
        network before the convex program, or before the descent), and with prices of the best "linear" model and of the "constant" prediction, each a
        dictionary of "learned" and "held_out". Those that are not known where the work was ended early are missing; it is None where none is.
    worst_cases_ : the same within the tolerance: {"found": ..., "bound": ...}, the mean at the worst points that an attack finds, and what it cannot exceed.
        None with prices, and where there was no descent.
    n_steps_ : steps of the descent over all rows; 0 where the sample has all of them, None with prices.
    n_rows_, n_rows_held_out_ : the rows that were learned from, and those held out.
    n_passes_ : how often all rows were gone through.
    n_iter_ : iterations of the convex program.
    duality_gap_ : how far the objective is from the least, relatively; None where the convex program did not come to an end.
    objective_ : objective and its parts, before and after the convex program, and how it ended.
    objective_path_, gap_path_ : objective and relative gap at every iteration.
    lipschitz_path_ : how the price was chosen, or None.
    lipschitz_price_ : the price used.
    n_features_in_, feature_names_in_ : as scikit-learn has them.
    """

    def __init__(
        self,
        hidden: int | Literal["auto"] | None = "auto",
        *,
        lipschitz_price: float | Literal["auto"] = "auto",
        method: Literal["joint", "weight-decay"] | None = None,
        start: Start = "sgd",
        decay: float | None = None,
        max_lipschitz: float | None = None,
        norm: Norm = "2",
        penalty: Penalty = "L",
        output_bias: bool = True,
        linear_part: bool = False,
        tolerance: Tolerance | None = None,
        tolerance_shape: Shape = "box",
        tol: float = 1e-8,
        iterations: int = 100,
        held_out: float = 0.0,
        time_limit: float | None = None,
        threads: int | None = None,
        client: Any = None,
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.hidden = hidden
        self.lipschitz_price = lipschitz_price
        self.method = method
        self.start = start
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
        self.held_out = held_out
        self.time_limit = time_limit
        self.threads = threads
        self.client = client
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on all rows and prove. X: an array of Dask with two dimensions, or a frame of Dask; y and sample_weight: arrays or series of Dask.

        Their partitions need not be the same; the rows belong together by their order.
        """
        self._fit(X, y, sample_weight, None)
        return self

    def predict(self, X: Any) -> Any:
        """Predictions. Of collections of Dask they are lazy: an array of Dask for an array, a series of Dask for a frame. Of other rows they are an array."""
        return self._lazily(X, _predicted, np.float64)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² of the predictions, found where the rows are."""
        if not is_collection(X):
            return float(super().score(X, y, sample_weight))
        dask: Any = importlib.import_module("dask")
        predicted, truth = _array(self.predict(X)), _array(y)
        weight: Any = dask.array.ones_like(truth) if sample_weight is None else _array(sample_weight)
        away = weight * (truth - (weight * truth).sum() / weight.sum()) ** 2
        off = weight * (truth - predicted) ** 2
        total, left = dask.compute(away.sum(), off.sum())
        return 1.0 - float(left) / float(total)

    def to_local(self) -> LipschitzRegressor:
        """The fitted model as an estimator without a cluster, which predicts intervals too."""
        check_is_fitted(self)
        return LipschitzRegressor.from_model(self.model_)


def _has_probabilities(estimator: Any) -> bool:
    """Only the logistic loss makes probabilities."""
    return bool(estimator.loss == "logistic")


@documented("train", leave_out=(*LEFT_OUT, *PRICED))
class DaskLipschitzClassifier(ClassifierMixin, DaskEstimator):  # type: ignore[misc]
    """A small relu network that tells two classes apart, and keeps to its class when inputs are wrong, fitted on rows that the workers of a Dask cluster hold.

    `tolerance` says how wrong the inputs can be, as in `LipschitzClassifier`, column by column; "0.1sd" where nothing is said. Networks are trained for it
    on a sample of the rows, and a descent over all rows goes on from the best, as in `DaskLipschitzRegressor`, which says how rows are held and what ends
    the work. For inputs without errors it is "exact".

    Parameters
    ----------
    {settings}
    loss : what a wrong class costs: "logistic", "hinge" or "squared-hinge".
    held_out : share of the rows, drawn by their numbers, that nothing is learned from.
    client : the `distributed.Client` to work with; None: the default one. It is no part of a pickle.
    verbose : show progress.

    Attributes
    ----------
    classes_ : the two classes.
    model_, certificate_, losses_, worst_cases_, n_rows_, n_rows_held_out_, n_passes_, n_steps_, objective_, n_features_in_, feature_names_in_ : as
        `DaskLipschitzRegressor` has them; losses are those of the margin.
    """

    classes_: npt.NDArray[Any]
    max_lipschitz = None

    def __init__(
        self,
        hidden: int | Literal["auto"] | None = "auto",
        *,
        loss: ClassLoss = "logistic",
        decay: float | None = None,
        norm: Norm = "2",
        output_bias: bool = True,
        linear_part: bool = False,
        tolerance: Tolerance | None = None,
        tolerance_shape: Shape = "box",
        held_out: float = 0.0,
        time_limit: float | None = None,
        threads: int | None = None,
        client: Any = None,
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.hidden = hidden
        self.loss = loss
        self.decay = decay
        self.norm = norm
        self.output_bias = output_bias
        self.linear_part = linear_part
        self.tolerance = tolerance
        self.tolerance_shape = tolerance_shape
        self.held_out = held_out
        self.time_limit = time_limit
        self.threads = threads
        self.client = client
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on all rows and prove. X: as in `DaskLipschitzRegressor`; y: an array or a series of Dask with two classes, in whatever words or numbers."""
        if not is_collection(y) or y.ndim != 1:
            raise TautnetError("y is no array or series of Dask with one dimension", "give a class for each row, such as `frame['class']`")
        if isinstance(self.tolerance, (int, float)) and self.tolerance == 0:
            raise TautnetError("the tolerance is 0, which asks for an objective with prices, and there is none of classes here", 'give tolerance="exact" for inputs without errors')
        different = np.asarray(_different(y, client_of(self.client)))
        self.classes_, _, texts = given_labels(different, type(self).__name__)
        if len(texts) > 2:
            raise TautnetError(f"y has {len(texts)} classes", "give two classes; take LipschitzClassifier for several, with rows in memory")
        if hasattr(y, "map_partitions"):
            numbers = y.map_partitions(_numbers_series, self.classes_, meta=(y.name, np.float64))
        else:
            numbers = y.map_blocks(_numbers, self.classes_, dtype=np.float64, meta=np.empty(0))
        self._fit(X, numbers, sample_weight, texts)
        return self

    def decision_function(self, X: Any) -> Any:
        """The margins, above 0 for the second class: lazy, as predictions are."""
        return self._lazily(X, _margins, np.float64)

    def predict(self, X: Any) -> Any:
        """The classes. Of collections of Dask they are lazy: an array of Dask for an array, a series of Dask for a frame. Of other rows they are an array."""
        check_is_fitted(self)
        return self._lazily(X, _classes, self.classes_.dtype)

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """How likely each class is, a column for each: lazy, as predictions are."""
        return self._lazily(X, _probabilities, np.float64, 2)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of the rows whose class is right, found where the rows are."""
        if not is_collection(X):
            return float(super().score(X, y, sample_weight))
        dask: Any = importlib.import_module("dask")
        right = _array(self.predict(X)) == _array(y)
        weight: Any = dask.array.ones_like(right, dtype=np.float64) if sample_weight is None else _array(sample_weight)
        good, total = dask.compute((weight * right).sum(), weight.sum())
        return float(good) / float(total)

    def to_local(self) -> LipschitzClassifier:
        """The fitted model as an estimator without a cluster."""
        check_is_fitted(self)
        local = LipschitzClassifier.from_model(self.model_)
        local.classes_ = self.classes_
        return local


def _array(values: Any) -> Any:
    """An array of Dask with one dimension."""
    values = values.to_dask_array(lengths=True) if hasattr(values, "map_partitions") else values
    return values.reshape(-1) if values.ndim == 2 else values


def _different(y: Any, client: Any) -> Any:
    """The classes in a collection, found where its rows are."""
    different = y.unique() if hasattr(y, "map_partitions") else importlib.import_module("dask.array").unique(y)
    return client.compute(different).result()


def _numbers(labels: Any, classes: Any) -> Any:
    """-1 and 1 for two classes."""
    return class_numbers(np.searchsorted(classes, np.asarray(labels)), 2)


def _numbers_series(labels: Any, classes: Any) -> Any:
    return type(labels)(_numbers(labels.to_numpy(), classes), index=labels.index, name=labels.name, dtype=np.float64)


def _predicted(rows: Any, model: DaskLipschitzRegressor) -> Any:
    return margins(rows, model.model_, "DaskLipschitzRegressor")


def _margins(rows: Any, model: DaskLipschitzClassifier) -> Any:
    return margins(rows, model.model_, "DaskLipschitzClassifier")


def _classes(rows: Any, model: DaskLipschitzClassifier) -> Any:
    return model.classes_[(_margins(rows, model) > 0).astype(int)]


def _probabilities(rows: Any, model: DaskLipschitzClassifier) -> Any:
    return model.to_local().predict_proba(rows) if len(rows) else np.empty((0, 2))
