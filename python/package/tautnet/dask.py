"""Fits of rows that a Dask cluster holds.

    from dask.distributed import Client
    from tautnet.dask import DaskLipschitzRegressor

    client = Client("scheduler:8786")
    model = DaskLipschitzRegressor(hidden=50, lipschitz_price=0.01).fit(X, y)  # collections of Dask
    model.predict(X)  # lazy
    model.to_local()  # a LipschitzRegressor

The rows stay where they are. The program that fits asks questions about all of them, a few dozen in all; each worker answers for the rows that it
holds, and answers are merged two by two. An answer is a list of sums, of a size that does not depend on the number of rows.
"""

from __future__ import annotations

import importlib
import json
import time
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from . import _tautnet
from ._choices import Norm, Penalty, Precision, Scaling, Start
from ._dask_rows import Asking, PartsOf, is_collection, missing_dask
from ._data import given_inputs
from ._errors import TautnetError
from ._estimator import limits, options
from ._path import LipschitzPath
from ._progress import Progress, summary
from ._regressor import LipschitzRegressor
from ._settings import documented

if TYPE_CHECKING:
    import os
    from typing_extensions import Self

missing_dask()

__all__ = ["DaskLipschitzRegressor"]

Floats = npt.NDArray[np.float64]

# What there is for rows in one memory alone.
_LEFT_OUT = (
    *("test", "tolerance", "tolerance_shape", "effort", "loss", "layers", "activation", "biases", "hidden_weights", "bound", "radius"),
    *("ramp", "epochs", "batch", "rate", "optimizer", "validation"),
)


@documented("train", leave_out=_LEFT_OUT)
class DaskLipschitzRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A small relu network with a proved bound on its sensitivity, fitted on rows that the workers of a Dask cluster hold.

    The starting network is trained on a sample of the rows (65536 of them, or fewer of wide rows), and a price that is left open is chosen on the
    sample. Then the best of all networks with its activation patterns is found on all rows: the least mean squared error + lipschitz_price *
    (bound on the Lipschitz constant). The model has the same bytes on any number of workers and threads, and however the rows are cut into
    partitions: it depends on the rows and on their order alone.

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
    losses_ : mean squared errors on all rows, in standardized units: a dictionary with those of "network", of the "start" (the network before the
        convex program), of the best "linear" model and of the "constant" prediction, each a dictionary of "learned" and "held_out". Those that are not
        known where the work was ended early are missing; it is None where none is.
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

    model_: _tautnet.Model
    n_features_in_: int

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
        self.tol = tol
        self.iterations = iterations
        self.held_out = held_out
        self.time_limit = time_limit
        self.threads = threads
        self.client = client
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_clone__(self) -> Self:
        return type(self)(**self.get_params(deep=False))

    def __getstate__(self) -> Any:
        # A connection belongs to its process.
        state: Any = super().__getstate__()
        return {**state, "client": None}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on all rows and prove. X: an array of Dask with two dimensions, or a frame of Dask; y and sample_weight: arrays or series of Dask.

        Their partitions need not be the same; the rows belong together by their order.
        """
        started = time.monotonic()
        asked = options(self.get_params(deep=False))
        with Progress(self.verbose) as progress:
            rows = PartsOf(self.client, (X, y, sample_weight), self.time_limit)
            left = None if self.time_limit is None else max(self.time_limit - (time.monotonic() - started), 1e-3)
            of = {"rows": rows.rows, "columns": rows.columns, "target": rows.target, "seed": asked["seed"], "held_out": float(self.held_out)}
            made = _tautnet.fit_far(Asking(rows), of, asked, limits(left, self.threads, progress))
            self.model_, cut_short, facts = made
            self._take(rows, json.loads(facts), progress)
        if cut_short is not None:
            what = f"the {cut_short} was reached" if cut_short == "time limit" else cut_short
            warnings.warn(f"{what}: this is the best so far, with its proof", ConvergenceWarning, stacklevel=2)
        bound = self.objective_.get("lipschitz", self.certificate_.standardized_upper_bound)
        if self.max_lipschitz is not None and bound > self.max_lipschitz:
            told = f"the bound {bound:g} exceeds max_lipschitz={self.max_lipschitz:g}: this is the best found"
            warnings.warn(told, ConvergenceWarning, stacklevel=2)
        return self

    def _take(self, rows: PartsOf, facts: dict[str, Any], progress: Progress) -> None:
        self.losses_, self.n_passes_ = facts["losses"], facts["passes"]
        self.n_rows_, self.n_rows_held_out_ = facts["rows"], facts["rows_held_out"]
        self.n_features_in_ = len(rows.columns)
        self.__dict__.pop("feature_names_in_", None)
        if rows.named:
            self.feature_names_in_ = np.array(rows.columns, dtype=object)
        progress.close(summary(self.objective_))

    def predict(self, X: Any) -> Any:
        """Predictions. Of collections of Dask they are lazy: an array of Dask for an array, a series of Dask for a frame. Of other rows they are an array."""
        check_is_fitted(self)
        if not is_collection(X):
            return self.to_local().predict(X)
        if hasattr(X, "map_partitions"):
            meta = X._meta.iloc[:0, 0].astype(np.float64).rename(self.model_.target)
            return X.map_partitions(_predicted_series, self.model_, meta=meta)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise TautnetError(f"X has the shape {X.shape}", f"give two dimensions, with {self.n_features_in_} columns")
        whole = X.rechunk({1: X.shape[1]})
        return whole.map_blocks(_predicted, self.model_, drop_axis=1, dtype=np.float64, meta=np.empty(0))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² of the predictions, found where the rows are."""
        if not is_collection(X):
            return float(super().score(X, y, sample_weight))
        dask: Any = importlib.import_module("dask")

        def array(values: Any) -> Any:
            values = values.to_dask_array(lengths=True) if hasattr(values, "map_partitions") else values
            return values.reshape(-1) if values.ndim == 2 else values

        predicted, truth = array(self.predict(X)), array(y)
        weight: Any = dask.array.ones_like(truth) if sample_weight is None else array(sample_weight)
        away = weight * (truth - (weight * truth).sum() / weight.sum()) ** 2
        off = weight * (truth - predicted) ** 2
        total, left = dask.compute(away.sum(), off.sum())
        return 1.0 - float(left) / float(total)

    def to_local(self) -> LipschitzRegressor:
        """The fitted model as an estimator without a cluster, which predicts intervals too."""
        check_is_fitted(self)
        return LipschitzRegressor.from_model(self.model_)

    @property
    def certificate_(self) -> _tautnet.Certificate:
        """The bound, proved anew."""
        found = self.to_local().certificate_
        assert isinstance(found, _tautnet.Certificate)
        return found

    @property
    def objective_(self) -> dict[str, Any]:
        """Objective and its parts, before and after."""
        return self.to_local().objective_

    @property
    def n_iter_(self) -> int:
        """Iterations of the convex program."""
        return max(len(self.objective_path_) - 1, 0)

    @property
    def duality_gap_(self) -> float | None:
        """How far the objective is from the least, relatively."""
        found: float | None = self.objective_.get("duality_gap")
        return found

    @property
    def objective_path_(self) -> Floats:
        """Objective of the convex program at every iteration."""
        return self.to_local().objective_path_

    @property
    def gap_path_(self) -> Floats:
        """Relative duality gap at every iteration."""
        return self.to_local().gap_path_

    @property
    def lipschitz_path_(self) -> LipschitzPath | None:
        """How the price was chosen."""
        return self.to_local().lipschitz_path_

    @property
    def lipschitz_price_(self) -> float | None:
        """The price of the bound."""
        return self.to_local().lipschitz_price_

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, scaler: Scaling | None = None, precision: Precision = "f64"
    ) -> None:
        """Write the model file, as `LipschitzRegressor.save` does."""
        self.to_local().save(path, overwrite=overwrite, scaler=scaler, precision=precision)


def _predicted(rows: Any, model: _tautnet.Model) -> Any:
    """Predictions of a partition, which may be empty."""
    if len(rows) == 0:
        return np.empty(0)
    return model.predict(given_inputs(rows, "DaskLipschitzRegressor", model.columns))


def _predicted_series(rows: Any, model: _tautnet.Model) -> Any:
    return type(rows.iloc[:, 0])(_predicted(rows, model), index=rows.index, name=model.target, dtype=np.float64)
