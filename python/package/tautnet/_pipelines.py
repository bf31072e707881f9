"""Pipelines of scikit-learn whose steps are affine, as one network from the columns as they are to the output.

An affine step makes of the columns x the columns A x + a. It is multiplied into the first layer of the network after it, and what is done to the
target into the last layer, so that the network predicts what the pipeline predicts. Steps are known by the name of their class in scikit-learn: of
another class nothing is known.

A SimpleImputer is not affine where a value is missing. On numbers it leaves the columns as they are, and that is what it is taken for, aloud; rows with
missing values are refused.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _tautnet
from ._errors import TautnetError

Floats = npt.NDArray[np.float64]
# A and a; an A of one dimension is a diagonal, and None in the place of both leaves the columns as they are.
Affine = tuple[Floats, Floats] | None
Native = _tautnet.Model | _tautnet.Network

KNOWN = (
    "StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, PCA, IncrementalPCA, TruncatedSVD, selectors of columns, SimpleImputer where nothing is "
    "missing, FunctionTransformer() of no function, and ColumnTransformer and FeatureUnion of these"
)

# What makes a column for each category.
CATEGORIES = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")


def is_pipeline(network: Any) -> bool:
    """Whether it is a Pipeline, or a TransformedTargetRegressor."""
    return (isinstance(getattr(network, "steps", None), list) and hasattr(network, "fit")) or _kind(network) == "TransformedTargetRegressor"


def native_of(pipeline: Any, native: Callable[[Any], Native]) -> Native:
    """The network of a pipeline, from its columns to its output; `native` is what makes one of an estimator.

    Where every step leaves the columns as they are, it is what the last step is, with all that it knows.
    """
    if not hasattr(pipeline, "steps"):
        return _of_target(pipeline, native)
    steps = list(pipeline.steps)
    if not steps:
        raise TautnetError("the Pipeline has no steps", "give one whose last step is a fitted network, such as an MLPRegressor")
    name, last = steps.pop()
    if _leaves_as_is(last) or hasattr(last, "transform"):
        kind = "passthrough" if _leaves_as_is(last) else type(last).__name__
        raise TautnetError(
            f"the last step of the Pipeline, `{name}` ({kind}), predicts nothing", "give one whose last step is a fitted network, such as an MLPRegressor"
        )
    maps = [_affine(f"the step `{name}`", step, k) for k, (name, step) in enumerate(steps)]
    for imputer in (one for name, step in steps for one in _imputers(step, f"the step `{name}`")):
        warnings.warn(f"{imputer} is taken for what it is on rows without missing values: it leaves them as they are", UserWarning, stacklevel=4)
    if not is_pipeline(last) and not hasattr(last, "coefs_") and not hasattr(last, "model_"):
        raise TautnetError(
            f"the last step of the Pipeline, `{name}` ({type(last).__name__}), has no network: it is not fitted, or has none",
            "fit the Pipeline; its last step can be an MLPRegressor, an MLPClassifier, or an estimator of tautnet",
        )
    network = native(last)
    if all(one is None for one in maps):
        return network
    layers, linear = _parts(network, f"the last step of the Pipeline, `{name}`")
    for (name, step), one in zip(reversed(steps), reversed(maps)):
        if one is not None:
            layers, linear = _after(one, layers, linear, f"the step `{name}` ({type(step).__name__})")
    return _tautnet.Network(layers=layers, linear=linear)


def refuse_other_columns(network: Any, X: Any, made: Native) -> None:
    """Refuse a frame whose columns are none of those of a fitted estimator of scikit-learn, or in another order: a network alone knows no names.

    A model, which is `made` of an estimator of this package, knows its own. Of a Pipeline that fills missing values, refuse rows that have some.
    """
    imputer = next(_imputers(network), None) if is_pipeline(network) else None
    if imputer is not None and X is not None and _has_missing(X):
        raise TautnetError(
            f"X has missing values, and {imputer} of the Pipeline fills them, which no network of the columns as they are does",
            "give the rows in which nothing is missing; or fill X by the imputer, and give the steps after it",
        )
    known, given = getattr(network, "feature_names_in_", None), getattr(X, "columns", None)
    if known is None or given is None or isinstance(made, _tautnet.Model):
        return
    wanted, found = [str(name) for name in known], [str(name) for name in given]
    if wanted == found:
        return
    missing = next((name for name in wanted if name not in found), None)
    other = next((name for name in found if name not in wanted), None)
    what = (
        f"X has no column `{missing}`, which the {type(network).__name__} was fitted on"
        if missing is not None
        else f"X has the column `{other}`, which the {type(network).__name__} was not fitted on"
        if other is not None
        else f"the columns of X stand in another order than those that the {type(network).__name__} was fitted on"
    )
    raise TautnetError(what, f"give the columns {', '.join(wanted[:8])}{', …' if len(wanted) > 8 else ''}, in this order")


def _imputers(step: Any, where: str = "the Pipeline") -> Iterator[str]:
    """The imputers within a pipeline, each by its name."""
    if _kind(step) == "SimpleImputer":
        yield f"{where} (SimpleImputer)"
    elif _kind(step) == "TransformedTargetRegressor":
        yield from _imputers(getattr(step, "regressor_", None))
    elif isinstance(getattr(step, "steps", None), list):
        for name, one in step.steps:
            yield from _imputers(one, f"the step `{name}`")
    elif _kind(step) in ("ColumnTransformer", "FeatureUnion"):
        parts = step.transformer_list if hasattr(step, "transformer_list") else getattr(step, "transformers_", [])
        for name, one, *_ in parts:
            yield from _imputers(one, f"the part `{name}` of a {_kind(step)}")


def _has_missing(X: Any) -> bool:
    """Whether a value of a frame or an array is none; what is no number is looked at elsewhere."""
    if "pandas" in sys.modules and hasattr(X, "iloc"):
        return bool(np.asarray(X.isna()).any())
    if hasattr(X, "null_count"):
        X = X.to_numpy()  # where a number is missing, polars makes NaN of it
    try:
        return bool(np.isnan(np.asarray(X, dtype=np.float64)).any())
    except (TypeError, ValueError):
        return False


def _kind(step: Any) -> str | None:
    """The name of its class, where it is one of scikit-learn: a class made of one may do something else."""
    kind = type(step)
    return kind.__name__ if kind.__module__.split(".")[0] == "sklearn" else None


def _leaves_as_is(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _parts(network: Native, source: str) -> tuple[list[tuple[Floats, Floats, str]], Floats | None]:
    """The layers and the linear part, for columns as they are."""
    if isinstance(network, _tautnet.Model):
        if network.inputs != network.columns or network.dates:
            raise TautnetError(f"{source}, makes inputs of words, dates or missing values itself", "leave out the steps before it; it standardizes its columns by itself")
        network = network.network(False)
    return network.layers, network.linear


def _after(
    affine: tuple[Floats, Floats], layers: list[tuple[Floats, Floats, str]], linear: Floats | None, source: str
) -> tuple[list[tuple[Floats, Floats, str]], Floats | None]:
    """The network after an affine map, as a network of what the map takes."""
    matrix, offset = affine
    (weights, bias, activation), *rest = layers
    if weights.shape[1] != len(offset):
        raise TautnetError(f"{source} makes {len(offset)} columns, and what comes after it takes {weights.shape[1]}", "fit the Pipeline as a whole")
    mapped = (lambda rows: rows * matrix) if matrix.ndim == 1 else (lambda rows: np.ascontiguousarray(rows @ matrix))
    layers = [(mapped(weights), bias + weights @ offset, activation), *rest]
    if linear is not None:
        weights, bias, activation = layers[-1]
        layers[-1] = (weights, bias + linear @ offset, activation)
        linear = mapped(linear)
    return layers, linear


def _of_target(estimator: Any, native: Callable[[Any], Native]) -> Native:
    """The network of a TransformedTargetRegressor, in the units of its target."""
    if not hasattr(estimator, "regressor_"):
        raise TautnetError("the TransformedTargetRegressor is not fitted", "call its fit(X, y) first")
    transformer = estimator.transformer_
    affine = _affine("the `transformer`", transformer)
    regressor = estimator.regressor_
    if not is_pipeline(regressor) and not hasattr(regressor, "coefs_") and not hasattr(regressor, "model_"):
        raise TautnetError(
            f"the `regressor` of the TransformedTargetRegressor, a {type(regressor).__name__}, has no network",
            "give an MLPRegressor, a LipschitzRegressor, or a Pipeline that ends with one",
        )
    network = native(regressor)
    if affine is None:
        return network
    scale, offset = affine
    if scale.ndim != 1:
        raise TautnetError(f"the `transformer` ({type(transformer).__name__}) mixes the targets", "take a scaler, such as StandardScaler")
    layers, linear = _parts(network, f"the `regressor` ({type(regressor).__name__})")
    weights, bias, activation = layers[-1]
    layers[-1] = (weights / scale[:, None], (bias - offset) / scale, activation)
    return _tautnet.Network(layers=layers, linear=None if linear is None else linear / scale[:, None])


def _affine(where: str, step: Any, place: int | None = None) -> Affine:
    """What a step makes of its columns; `place` is where it stands in a pipeline."""
    if _leaves_as_is(step):
        return None
    kind = _kind(step)
    name = f"{where} ({type(step).__name__})"
    try:
        if kind == "Pipeline":
            return _chained([_affine(f"the step `{inner}`", one) for inner, one in step.steps])
        if kind == "ColumnTransformer":
            return _of_columns(step)
        if kind == "FeatureUnion":
            return _of_union(step)
        if kind in ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"):
            return _scaler(kind, step, name)
        if kind in ("PCA", "IncrementalPCA", "TruncatedSVD"):
            return _components(kind, step)
        if kind == "SimpleImputer":
            return _imputer(step, name)
        if type(step).__module__.startswith("sklearn.feature_selection.") and hasattr(step, "get_support"):
            support = np.asarray(step.get_support(), dtype=bool)
            return np.eye(len(support))[support], np.zeros(int(support.sum()))
    except TautnetError:
        raise
    except (AttributeError, ValueError):  # scikit-learn's NotFittedError is both
        raise TautnetError(f"{name} is not fitted", "call fit(X, y) of the whole first") from None
    if kind == "FunctionTransformer" and step.func is None and step.inverse_func is None:
        return None
    if where == "the `transformer`":
        raise TautnetError(f"{name} of the target is not known to be linear", "take StandardScaler, MinMaxScaler, MaxAbsScaler or RobustScaler, or none")
    hint = f"these steps are: {KNOWN}"
    what = f"{name} of the Pipeline is not known to be linear, and a network of the columns as they are would have to contain it"
    if kind in CATEGORIES:
        what = f"{name} of the Pipeline makes numbers of categories, which is not linear, and a network of the columns as they are would have to contain it"
        hint = "give the steps after it, and X as the steps up to it make it; or fit LipschitzRegressor or LipschitzClassifier on the columns as they are: it encodes words"
    if place is not None:
        hint = f"give the steps after it, pipeline[{place + 1}:], and X as the steps up to it make it, pipeline[:{place + 1}].transform(X)"
    raise TautnetError(what, hint)


def _scaler(kind: str, step: Any, name: str) -> Affine:
    if getattr(step, "clip", False):
        raise TautnetError(f"{name} has clip=True, so that it is not linear", "fit it with clip=False")
    if kind == "MinMaxScaler":
        return _column(step.scale_), _column(step.min_)
    center, scale = None, step.scale_
    inputs = int(step.n_features_in_)
    if kind == "StandardScaler":
        center, scale = (step.mean_ if step.with_mean else None), (scale if step.with_std else None)
    if kind == "RobustScaler":
        center, scale = (step.center_ if step.with_centering else None), (scale if step.with_scaling else None)
    divided = np.ones(inputs) if scale is None else 1.0 / _column(scale)
    return divided, np.zeros(inputs) if center is None else -_column(center) * divided


def _imputer(step: Any, name: str) -> Affine:
    """What a SimpleImputer makes of rows in which nothing is missing: the columns themselves, but those that had no value at all, and zeros for indicators."""
    if not (isinstance(step.missing_values, float) and np.isnan(step.missing_values)):
        raise TautnetError(
            f"{name} fills in for {step.missing_values!r}, so that it is not linear", "write NaN where a value is missing, and fit it with missing_values=np.nan"
        )
    inputs = int(step.n_features_in_)
    # Each column has a number of its own, by which it is known again.
    numbers = np.arange(1.0, inputs + 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that this row has not
        try:
            made = np.asarray(step.transform(numbers[None]), dtype=np.float64).reshape(-1)
        except (TypeError, ValueError):
            raise TautnetError(f"{name} was fitted on columns that are no numbers", "fit it on columns of numbers") from None
    matrix = (made[:, None] == numbers).astype(np.float64)
    indicators = 0 if step.indicator_ is None else len(step.indicator_.features_)
    matrix[len(made) - indicators :] = 0.0
    return None if np.array_equal(matrix, np.eye(inputs)) else (matrix, np.zeros(len(made)))


def _components(kind: str, step: Any) -> Affine:
    matrix = np.asarray(step.components_, dtype=np.float64)
    if kind == "TruncatedSVD":
        return matrix, np.zeros(len(matrix))
    if step.whiten:
        # As scikit-learn keeps the scales away from 0.
        scale = np.sqrt(np.asarray(step.explained_variance_, dtype=np.float64))
        matrix = matrix / np.maximum(scale, np.finfo(np.asarray(step.explained_variance_).dtype).eps)[:, None]
    return matrix, -(matrix @ _column(step.mean_))


def _column(values: Any) -> Floats:
    return np.array(values, dtype=np.float64).reshape(-1)


def _dense(affine: Affine, inputs: int) -> tuple[Floats, Floats]:
    """With a matrix, whatever the map is."""
    if affine is None:
        return np.eye(inputs), np.zeros(inputs)
    matrix, offset = affine
    return (np.diag(matrix) if matrix.ndim == 1 else matrix), offset


def _chained(maps: list[Affine]) -> Affine:
    """One map after the other."""
    done: Affine = None
    for one in maps:
        if one is None or done is None:
            done = done if one is None else one
            continue
        (matrix, offset), (before, start) = one, done
        if matrix.ndim == 1:
            done = (matrix * before if before.ndim == 1 else matrix[:, None] * before), matrix * start + offset
        else:
            done = (matrix * before if before.ndim == 1 else matrix @ before), matrix @ start + offset
    return done


def _of_columns(step: Any) -> Affine:
    """A ColumnTransformer: its parts one below the other, each of its own columns."""
    inputs = int(step.n_features_in_)
    names = [str(name) for name in getattr(step, "feature_names_in_", [])]
    matrices, offsets = [], []
    for name, part, columns in step.transformers_:
        if isinstance(part, str) and part == "drop":
            continue
        chosen = np.eye(inputs)[_places(columns, names, inputs)]
        if len(chosen) == 0:
            continue
        matrix, offset = _dense(_affine(f"the part `{name}` of a ColumnTransformer", part), len(chosen))
        weight = (step.transformer_weights or {}).get(name, 1.0)
        matrices.append(weight * (matrix @ chosen))
        offsets.append(weight * offset)
    if not matrices:
        raise TautnetError("a ColumnTransformer leaves no column", "give one that leaves some")
    return np.vstack(matrices), np.concatenate(offsets)


def _places(columns: Any, names: list[str], inputs: int) -> list[int]:
    """Which columns a part of a ColumnTransformer takes, from names, numbers, a mask or a slice."""
    if isinstance(columns, slice):
        ends = [names.index(end) if isinstance(end, str) else end for end in (columns.start, columns.stop)]
        if isinstance(columns.stop, str):
            ends[1] += 1  # a slice of names has its end
        return list(range(inputs))[slice(ends[0], ends[1], columns.step)]
    listed = [columns] if isinstance(columns, (str, int)) else list(columns)
    if len(listed) == inputs and all(isinstance(one, (bool, np.bool_)) for one in listed):
        return [place for place, taken in enumerate(listed) if taken]
    return [names.index(one) if isinstance(one, str) else int(one) % inputs for one in listed]


def _of_union(step: Any) -> Affine:
    """A FeatureUnion: its parts one below the other, each of all columns."""
    maps = [(name, _affine(f"the part `{name}` of a FeatureUnion", part)) for name, part in step.transformer_list if part != "drop"]
    inputs = next((one[0].shape[-1] for _, one in maps if one is not None), None)
    if inputs is None:
        raise TautnetError("a FeatureUnion does nothing but repeat the columns", "leave it out")
    weights = step.transformer_weights or {}
    dense = [(weights.get(name, 1.0), *_dense(one, inputs)) for name, one in maps]
    return np.vstack([weight * matrix for weight, matrix, _ in dense]), np.concatenate([weight * offset for weight, _, offset in dense])
