"""Arrays of every type and layout, frames, words: the same numbers give the same model."""
import subprocess
import sys

import numpy as np
import pandas
import polars
import pytest

from tautnet import LipschitzRegressor, TautnetError, polish

OPTIONS = dict(hidden=5, lipschitz_price=0.1, start="random")


@pytest.fixture(scope="module")
def whole(table):
    """The table in numbers that every type can hold."""
    X, y = table
    return np.clip(np.round(X * 10), 0, 127), np.round(y)


def model(X, y, **fit):
    return LipschitzRegressor(**OPTIONS).fit(X, y, **fit)


@pytest.mark.parametrize("kind", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", ">f8", ">i4", "g", "O"])
def test_every_type_of_number(kind, whole):
    X, y = whole
    assert model(X.astype(kind), y).model_.to_json() == model(X, y).model_.to_json()
    assert model(X, np.clip(y, 0, 100).astype(kind)).model_.to_json() == model(X, np.clip(y, 0, 100)).model_.to_json()
    predict = model(X, y).predict
    assert np.array_equal(predict(X.astype(kind)), predict(X))


def layouts(X):
    wide = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)
    shifted = np.zeros(X.size * 8 + 1, dtype=np.uint8)[1:].view(np.float64).reshape(X.shape)
    shifted[...] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    return {
        "columns first": np.asfortranarray(X),
        "every second row": wide[::2, ::3],
        "backwards": X[::-1, ::-1].copy()[::-1, ::-1],
        "unaligned": shifted,
        "read only": frozen,
        "list": X.tolist(),
    }


def test_every_layout(table):
    X, y = table
    reference = model(X, y)
    for name, same in layouts(X).items():
        assert model(same, y).model_.to_json() == reference.model_.to_json(), name
        assert np.array_equal(reference.predict(same), reference.predict(X)), name
    weights = np.arange(240.0)[::-2]
    assert model(X, np.repeat(y, 2)[::2], sample_weight=weights).model_.to_json() == \
        model(X, y, sample_weight=weights.copy()).model_.to_json()


NAMES = ["length", "weight", "über"]


@pytest.mark.parametrize("kind", ["pandas", "polars", "nullable"])
def test_frames_keep_their_names(kind, table):
    X, y = table
    frames = {
        "pandas": pandas.DataFrame(X, columns=NAMES),
        "nullable": pandas.DataFrame(X, columns=NAMES).convert_dtypes(),
        "polars": polars.DataFrame(X, schema=NAMES),
    }
    frame = frames[kind]
    target = polars.Series("price", y) if kind == "polars" else pandas.Series(y, name="price")
    fitted = model(frame, target)
    assert list(fitted.feature_names_in_) == NAMES and fitted.model_.columns == NAMES
    assert fitted.model_.target == "price" and fitted.n_features_in_ == 3
    plain = model(X, y)
    assert np.array_equal(fitted.predict(frame), plain.predict(X))
    assert plain.model_.columns == ["column_1", "column_2", "column_3"] and not hasattr(plain, "feature_names_in_")
    better = polish(fitted, frame, target)
    assert list(better.feature_names_in_) == NAMES
    with pytest.raises(ValueError, match="order"):
        fitted.predict(frame[NAMES[::-1]])
    with pytest.warns(UserWarning, match="valid feature names"):
        fitted.predict(X)
    if kind != "polars":
        assert polish(fitted, frame[NAMES[::-1]], target).model_.to_json() == better.model_.to_json()


def with_words(kind, rows=90):
    rng = np.random.default_rng(3)
    number, word, flag = rng.normal(size=rows), rng.choice(["red", "green", "blue"], size=rows), rng.random(rows) < 0.5
    y = number + 2.0 * (word == "red") - flag
    columns = {"number": number, "word": word, "flag": flag}
    if kind == "polars":
        return polars.DataFrame(columns), y
    frame = pandas.DataFrame(columns)
    if kind == "categories":
        frame["word"] = frame["word"].astype("category")
    if kind == "objects":
        frame = frame.astype(object)
    return (frame.to_numpy(dtype=object) if kind == "array" else frame), y


@pytest.mark.parametrize("kind", ["pandas", "polars", "categories", "objects", "array"])
def test_words_become_columns(kind):
    X, y = with_words(kind)
    fitted = model(X, y)
    word = "column_2" if kind == "array" else "word"
    assert fitted.model_.inputs[1:4] == [f"{word}={level}" for level in ("blue", "green", "red")]
    assert fitted.n_features_in_ == 3 and len(fitted.certificate_.sensitivities) == 5
    reference = model(*with_words("pandas"))
    assert np.array_equal(fitted.predict(X), reference.predict(with_words("pandas")[0]))
    assert fitted.score(X, y) > 0.8


def test_columns_that_are_no_numbers_are_named():
    X = pandas.DataFrame({"a": [1.0, 2.0], "when": pandas.to_datetime(["2020-01-01", "2020-01-02"])})
    with pytest.raises(TautnetError, match="column `when` holds dates, such as `2020-01-01T00:00:00`"):
        model(X, [1.0, 2.0])
    X = pandas.DataFrame({"a": [1.0, 2.0], "long": pandas.to_timedelta(["1h", "2h"])})
    with pytest.raises(TautnetError, match="column `long` has the type timedelta64"):
        model(X, [1.0, 2.0])
    with pytest.raises(TautnetError, match="row 2, column `a` is missing"):
        model(pandas.DataFrame({"a": pandas.array([1, None, 3], dtype="Int64")}), [1.0, 2.0, 4.0])
    with pytest.raises(TautnetError, match="row 2, column `a` is missing"):
        model(polars.DataFrame({"a": [1, None, 3]}), [1.0, 2.0, 4.0])
    with pytest.raises(TautnetError, match="`a` is both an input column and the target"):
        model(pandas.DataFrame({"a": [1.0, 2.0]}), pandas.Series([1.0, 2.0], name="a"))


MEMORY = """
import resource, sys
import numpy as np
from tautnet import LipschitzRegressor, TautnetError
rng = np.random.default_rng(0)
rows, columns = 1_000_000, 20
model = LipschitzRegressor(hidden=1, lipschitz_price=0.1, start="random").fit(rng.random((50, columns)), rng.random(50))
X = rng.random((rows, columns), dtype=sys.argv[1])
def peak():
    try:  # that of this program alone: the other begins with what the one that started it holds
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
if sys.argv[2] == "predict":
    model.predict(X)
else:  # all the way into the library's data set, whose door it does not pass
    try:
        model.fit(X, np.arange(rows - 1.0))
    except TautnetError as error:
        assert error.what == f"there are {rows - 1} targets for {rows} rows of inputs", error
print((peak() - before) / (8 * rows * columns))
"""


@pytest.mark.parametrize("use", ["fit", "predict"])
@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_a_million_rows_are_copied_once(kind, use):
    command = [sys.executable, "-W", "ignore", "-c", MEMORY, kind, use]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(kind, use, done.stdout)
    assert 0.9 < float(done.stdout) < 1.25, done.stdout
