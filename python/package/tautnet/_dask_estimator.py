"""What the fits on a Dask cluster have in common."""

from __future__ import annotations

import json
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from . import _tautnet
from ._choices import Precision, Scaling
from ._dask_rows import Asking, PartsOf, is_collection
from ._data import given_inputs
from ._errors import TautnetError
from ._estimator import LipschitzEstimator, limits, options
from ._path import LipschitzPath
from ._progress import Progress, summary

if TYPE_CHECKING:
    import os
    from typing_extensions import Self

Floats = npt.NDArray[np.float64]

# What there is for rows in one memory alone.
LEFT_OUT = (
    *("test", "effort", "loss", "layers", "activation", "biases", "hidden_weights", "bound", "radius"),
    *("ramp", "epochs", "batch", "rate", "optimizer", "validation"),
)


class DaskEstimator(BaseEstimator):  # type: ignore[misc]
    """A network that is fitted on rows that the workers of a Dask cluster hold."""

    model_: _tautnet.Model
    n_features_in_: int
    client: Any
    time_limit: float | None
    threads: int | None
    held_out: float
    max_lipschitz: float | None
    verbose: bool
    # Rows of the sample that a network is chosen on, where these are not the usual ones.
    _sample: int | None = None

    def to_local(self) -> LipschitzEstimator:
        """The fitted model as an estimator without a cluster."""
        raise NotImplementedError

    def __sklearn_clone__(self) -> Self:
        return type(self)(**self.get_params(deep=False))

    def __getstate__(self) -> Any:
        # A connection belongs to its process.
        state: Any = super().__getstate__()
        return {**state, "client": None}

    def _fit(self, X: Any, y: Any, sample_weight: Any, classes: list[str] | None) -> None:
        started = time.monotonic()
        asked = options(self.get_params(deep=False))
        with Progress(self.verbose) as progress:
            rows = PartsOf(self.client, (X, y, sample_weight), self.time_limit)
            left = None if self.time_limit is None else max(self.time_limit - (time.monotonic() - started), 1e-3)
            of = {"rows": rows.rows, "columns": rows.columns, "target": rows.target, "seed": asked["seed"], "held_out": float(self.held_out)}
            of |= {"classes": classes, "sample": self._sample}
            made = _tautnet.fit_far(Asking(rows), of, asked, limits(left, self.threads, progress))
            self.model_, cut_short, facts = made
            self._take(rows, json.loads(facts), progress)
        if cut_short is not None:
            what = f"the {cut_short} was reached" if cut_short == "time limit" else cut_short
            warnings.warn(f"{what}: this is the best so far, with its proof", ConvergenceWarning, stacklevel=3)
        bound = self.objective_.get("lipschitz", self.certificate_.standardized_upper_bound)
        if self.max_lipschitz is not None and bound > self.max_lipschitz:
            told = f"the bound {bound:g} exceeds max_lipschitz={self.max_lipschitz:g}: this is the best found"
            warnings.warn(told, ConvergenceWarning, stacklevel=3)

    def _take(self, rows: PartsOf, facts: dict[str, Any], progress: Progress) -> None:
        self.losses_, self.n_passes_, self.n_steps_ = facts["losses"], facts["passes"], facts.get("steps")
        self.worst_cases_ = {name: facts[name] for name in ("found", "bound")} if facts.get("found") else None
        self.n_rows_, self.n_rows_held_out_ = facts["rows"], facts["rows_held_out"]
        self.n_features_in_ = len(rows.columns)
        self.__dict__.pop("feature_names_in_", None)
        if rows.named:
            self.feature_names_in_ = np.array(rows.columns, dtype=object)
        progress.close(summary(self.objective_))

    def _lazily(self, X: Any, made: Any, dtype: Any, columns: int | None = None) -> Any:
        """Made of each partition: an array of Dask for an array; for a frame a series, or a frame with so many columns. Of other rows an array."""
        check_is_fitted(self)
        if not is_collection(X):
            return made(X, self)
        if hasattr(X, "map_partitions"):
            if columns is None:
                meta = X._meta.iloc[:0, 0].astype(np.float64).astype(dtype).rename(self.model_.target)
            else:
                meta = X._meta.iloc[:0, [0] * columns].astype(np.float64).set_axis(range(columns), axis=1)
            return X.map_partitions(_framed, made, self._light(), meta, meta=meta)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise TautnetError(f"X has the shape {X.shape}", f"give two dimensions, with {self.n_features_in_} columns")
        whole = X.rechunk({1: X.shape[1]})
        if columns is None:
            return whole.map_blocks(made, self._light(), drop_axis=1, dtype=dtype, meta=np.empty(0, dtype=dtype))
        return whole.map_blocks(made, self._light(), chunks=(whole.chunks[0], (columns,)), dtype=dtype, meta=np.empty((0, columns), dtype=dtype))

    def _light(self) -> Any:
        """What the workers need of it."""
        return self

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


def margins(rows: Any, model: _tautnet.Model, estimator: str) -> Floats:
    """The output of a network on a partition, which may be empty."""
    if len(rows) == 0:
        return np.empty(0)
    return np.asarray(model.predict(given_inputs(rows, estimator, model.columns)))


def _framed(rows: Any, made: Any, estimator: Any, meta: Any) -> Any:
    found = made(rows, estimator)
    if meta.ndim == 1:
        return type(rows.iloc[:, 0])(found, index=rows.index, name=meta.name, dtype=meta.dtype)
    return type(rows)(found, index=rows.index, columns=meta.columns)
