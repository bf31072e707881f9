"""From what people call data to what the extension reads: one matrix, or a list of named columns.

Nothing is copied here that the extension can read as it is, which is every numeric array, whatever its strides.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence, Sized
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, column_or_1d

from ._errors import TautnetError

Columns = list[tuple[str, Any]]
Given = tuple[list[str] | None, Any] | Columns


def is_frame(X: Any) -> bool:
    """Whether X is a pandas or polars frame."""
    return hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "get_column"))


# What can be said of how wrong inputs are: amounts of columns, or numbers for columns or rows.
Tolerance = str | float | Sequence[str] | Mapping[str, str | float] | npt.ArrayLike


def given_tolerance(tolerance: Tolerance | None) -> Any:
    """A tolerance for the extension: texts, a dictionary, or an array, where it is numbers in one or two dimensions."""
    if tolerance is None or isinstance(tolerance, (str, Mapping)) or np.ndim(tolerance) == 0:
        return tolerance
    if is_frame(tolerance):
        return tolerance.to_numpy()  # type: ignore[union-attr]
    array = np.asarray(tolerance)
    return array if array.dtype.kind in "biuf" else tolerance


def given_preparation(missing: str, dates: Mapping[str, str] | None) -> dict[str, Any]:
    """What is done with missing values and made of dates, for the extension."""
    if dates is not None and not isinstance(dates, Mapping):
        raise TautnetError(f"`dates` is {dates!r}", 'give a dictionary from columns to "parts" or "days", such as {"when": "parts"}')
    return {"missing": str(missing), "dates": [f"{name}={form}" for name, form in (dates or {}).items()]}


def column_names(X: Any) -> list[str] | None:
    """Names of the columns, where they have names that are text."""
    if not is_frame(X):
        return None
    names = list(X.columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def given_inputs(X: Any, estimator: str = "tautnet", names: list[str] | None = None) -> Given:
    """X for the extension; `names` are those of the columns where X has none."""
    if is_frame(X):
        own = column_names(X) or names or [f"column_{j + 1}" for j in range(len(X.columns))]
        count = len(X.columns)
        if len(own) != count or X.shape[0] == 0:
            check_array(np.empty(X.shape), estimator=estimator)
        if hasattr(X, "iloc"):
            return [(own[j], _pandas_column(X.iloc[:, j])) for j in range(count)]
        return [(own[j], _polars_column(X.get_column(name))) for j, name in enumerate(X.columns)]
    kept: Any = None  # the type of the numbers, which scikit-learn's own annotation takes for a name
    array = check_array(X, dtype=kept, ensure_all_finite=False, estimator=estimator, input_name="X")
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except ValueError:  # words among the numbers; anything else that is not a number is a TypeError
            pass
    if array.dtype.kind in "OUS":
        own = names or [f"column_{j + 1}" for j in range(array.shape[1])]
        return [(name, _cells(array[:, j])) for j, name in enumerate(own)]
    return names, _readable(array)


def given_target(y: Any, estimator: str = "tautnet") -> tuple[Any, str | None]:
    """y for the extension, one column, and its name where it has one."""
    if y is None:
        raise ValueError(f"{estimator} requires y to be passed, but the target y is None")
    name = y.columns[0] if is_frame(y) and len(y.columns) > 0 else getattr(y, "name", None)
    y = _one_column(y, "give one target; train one network for each")
    if hasattr(y, "to_numpy"):
        y = _pandas_column(y) if hasattr(y, "iloc") else _polars_column(y)
    array = column_or_1d(y, warn=True)
    array = _cells(array) if array.dtype.kind in "OUS" else _readable(array)
    return array, name if isinstance(name, str) else None


def given_targets(y: Any, estimator: str = "tautnet") -> list[tuple[Any, str | None]]:
    """The columns of y for the extension, each with its name where it has one."""
    if _columns(y) < 2:
        return [given_target(y, estimator)]
    if is_frame(y):
        own = column_names(y) is not None
        columns = [y.iloc[:, j] if hasattr(y, "iloc") else y.get_column(name) for j, name in enumerate(y.columns)]
        return [(given_target(column, estimator)[0], name if own else None) for column, name in zip(columns, y.columns)]
    if not isinstance(y, np.ndarray):
        lengths = sorted({len(row) for row in y})
        if len(lengths) > 1:
            raise TautnetError(f"y has rows of {lengths[0]} and of {lengths[-1]} targets", "give every row the same targets")
        y = np.array(y)
    return [given_target(y[:, j], estimator) for j in range(y.shape[1])]


def _columns(y: Any) -> int:
    """How many columns y has."""
    if is_frame(y):
        return len(y.columns)
    if isinstance(y, np.ndarray):
        return int(y.shape[1]) if y.ndim == 2 else 1
    first = next(iter(y), None) if isinstance(y, (list, tuple)) else None
    return len(first) if isinstance(first, Sized) and np.ndim(first) == 1 else 1  # type: ignore[arg-type]


def _one_column(y: Any, instead: str) -> Any:
    """y, which is one column; `instead` says what to give in the place of several."""
    columns = _columns(y)
    if columns != 1:
        raise TautnetError(f"y has {columns} columns", instead)
    if is_frame(y):
        return y.iloc[:, 0] if hasattr(y, "iloc") else y.get_column(y.columns[0])
    return y


def _labels(y: Any) -> Any:
    """Labels, a class in each row: all words or all numbers."""
    y = _one_column(y, "give one column of classes; of columns of 0 and 1, argmax makes one")
    if isinstance(y, (list, tuple)) and all(np.ndim(one) == 0 for one in y):
        y = np.array([*y, None], dtype=object)[:-1]  # or else numbers among words become words
    to_numpy = getattr(y, "to_numpy", None)
    labels = column_or_1d(y if to_numpy is None else to_numpy(), warn=True)
    if labels.dtype.kind not in "fO":
        return labels

    def no_class(label: Any) -> bool:
        is_number = isinstance(label, (float, np.floating))
        return label is None or type(label).__name__ in ("NAType", "NaTType") or (is_number and not np.isfinite(label))

    missing = next((k for k, one in enumerate(labels) if no_class(one)), None)
    if missing is not None:
        raise TautnetError(f"y has no class in row {missing + 1}, but {labels[missing]}: NaN, infinity and None are none", "leave these rows out")
    rows: dict[str, int] = {}
    for k, one in enumerate(labels):
        kind = "words" if isinstance(one, (str, bytes)) else "numbers" if isinstance(one, (int, float, np.number, np.bool_)) else type(one).__name__
        rows.setdefault(kind, k)
    if len(rows) > 1:
        of_kind = [f"{kind} (`{labels[k]}` in row {k + 1})" for kind, k in sorted(rows.items())]
        raise TautnetError(f"y has classes of several types: {', '.join(of_kind)}", "give all as words, or all as numbers")
    return np.array(labels.tolist())


def are_classes(y: Any) -> bool:
    """Whether y is one column of words or whole numbers."""
    return y is not None and _columns(y) == 1 and type_of_target(_labels(y)) in ("binary", "multiclass")


def given_labels(y: Any, estimator: str) -> tuple[Any, Any, list[str]]:
    """The classes of y, y as -1 and 1 (or as numbers from 0 where there are several), and how a model file writes the classes."""
    if y is None:
        raise ValueError(f"{estimator} requires y to be passed, but the target y is None")
    labels = _labels(y)
    check_classification_targets(labels)
    classes, places = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise TautnetError(f"y has only one class, {estimator} tells classes apart", "give rows of two classes or more")
    return classes, class_numbers(places, len(classes)), [label_text(one) for one in classes]


def class_numbers(places: Any, count: int) -> Any:
    """What stands for classes: -1 and 1 for two, their places for several."""
    numbers = np.asarray(places, dtype=np.float64).ravel()
    return numbers if count > 2 else 2.0 * numbers - 1.0


def label_text(label: Any) -> str:
    """A class as a model file writes it: numbers as the command line reads them."""
    if isinstance(label, (bool, np.bool_)) or not isinstance(label, (int, float, np.number)):
        return str(label)
    return str(int(label)) if float(label).is_integer() else repr(float(label))


def label_texts(texts: list[str]) -> Any:
    """The classes of a model file: numbers where all are."""
    for kind in (int, float):
        try:
            return np.array([kind(text) for text in texts])
        except ValueError:
            continue
    return np.array(texts)


def labels_of(y: Any, classes: list[str], estimator: str) -> Any:
    """y as numbers, by the classes of a model."""
    labels = _labels(y)
    places = {text: place for place, text in enumerate(classes)}
    found = [places.get(label_text(one)) for one in labels]
    if None in found:
        k = found.index(None)
        raise TautnetError(
            f"y has `{labels[k]}` in row {k + 1}, which is none of the classes of the model", f"its classes are {', '.join(classes[:-1])} and {classes[-1]}"
        )
    return class_numbers(found, len(classes))


def given_weights(sample_weight: Any, rows: int) -> Any:
    """Sample weights for the extension."""
    if sample_weight is None:
        return None
    array = np.asarray(sample_weight)
    if array.ndim == 0:
        array = np.full(rows, array)
    return _readable(array)


def _readable(array: Any) -> Any:
    """The array itself if the extension can read it, else as doubles."""
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if array.dtype.kind not in "fiub":
        raise TautnetError(f"the array has the type {array.dtype}", "give an array of numbers")
    plain = array.dtype.itemsize in (1, 4, 8) or (array.dtype.kind in "iu" and array.dtype.itemsize == 2)
    if plain and array.dtype.isnative and array.flags.aligned:
        return array
    return np.array(array, dtype=np.float64)


def _cells(column: Any) -> list[Any]:
    """Words and numbers as the extension reads them: str, float or None."""

    def cell(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, (bool, int, np.number, np.bool_)):
            return float(value)
        if value is not None and type(value).__name__ in ("NAType", "NaTType"):
            return None
        if isinstance(value, datetime.date):  # datetimes and the timestamps of pandas are such
            return value.isoformat()
        return value

    values = column.tolist() if hasattr(column, "tolist") else list(column)
    return [cell(value) for value in values]


def _pandas_column(series: Any) -> Any:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind in "fiub":
            return _readable(series.to_numpy())
        if dtype.kind == "M":
            return _cells(series.astype(object).to_numpy())
        if dtype.kind in "cm":
            raise TautnetError(
                f"X: column `{series.name}` has the type {dtype}", "turn it into numbers, or leave the column out"
            )
        return _cells(series.to_numpy())
    kinds = sys.modules["pandas"].api.types
    if kinds.is_numeric_dtype(dtype):
        return _readable(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return _cells(series.astype(object).to_numpy())


def _polars_column(series: Any) -> Any:
    if series.dtype.is_numeric() or str(series.dtype) == "Boolean":
        array = series.to_numpy()  # nulls among numbers come as NaN
        return _cells(array) if array.dtype.kind == "O" else _readable(array)
    return _cells(series.to_list())
