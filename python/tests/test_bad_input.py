"""One table of bad inputs, both sides: what the command line prints is what Python raises, word for word.

Only the place differs: a file has a name and lines, the arguments of a function have neither. And the hints name flags and commands there,
parameters and functions here: they are equal after a translation, which is written out below.
"""
import io
import pickle
import re
import subprocess

import numpy as np
import pandas
import pytest

import tautnet
from conftest import PROGRAM
from tautnet import LipschitzRegressor, TautnetError, polish

GOOD = "a,b,y\n1,2,3\n2,1,4\n0,5,2\n4,4,1\n3,1,0\n"
NETWORK = '{"w": [[1, -1], [0.5, 2]], "b": [0, -1], "v": [1, -2], "c": 0.5}'
WORDS = "kind,b,y\nA,2,3\nB,1,4\nA,5,2\nB,4,1\nA,1,0\n"
MANY = "kind,b,y\n" + "".join(f"word {k},{k},{k}\n" for k in range(300))

# Tables that no network can learn from.
TABLES = {
    "NaN": "a,b,y\n1,2,3\nNaN,5,6\n2,2,2\n",
    "infinite": "a,b,y\n1,2,3\n2,-inf,6\n2,2,2\n",
    "word among numbers": "a,b,y\n1,2,3\n2,3,6\n3,4k,7\n",
    "decimal comma": 'a,b,y\n1,2,3\n2,3,6\n3,"4,5",7\n',
    "missing word": "kind,b,y\nA,2,3\n,3,6\nB,4,7\n",
    "too many words": MANY,
    "NaN in the target": "a,b,y\n1,2,3\n2,5,NaN\n3,3,3\n",
    "infinite target": "a,b,y\n1,2,3\n2,5,inf\n3,3,3\n",
    "words in the target": "a,b,y\n1,2,low\n2,5,high\n3,3,low\n",
    "constant target": "a,b,y\n1,2,7\n2,5,7\n3,3,7\n",
    "few rows": "a,b,y\n1,2,7\n2,5,8\n3,3,9\n",
    "one row": "a,b,y\n1,2,7\n",
    "same name twice": "a,a,y\n1,2,3\n2,5,4\n3,3,5\n",
}

# Network files that hold no network.
NETWORKS = {
    "empty": "",
    "cut short": '{"w": [[1, 2',
    "no units": '{"w": [], "b": [], "v": []}',
    "ragged": '{"w": [[1, 2], [3]], "b": [0, 0], "v": [1, 1]}',
    "NaN": '{"w": [[1, NaN]], "b": [0], "v": [1]}',
    "out of range": '{"w": [[1, 1e999]], "b": [0], "v": [1]}',
    "null": '{"w": [[1, null]], "b": [0], "v": [1]}',
    "text": '{"w": [[1, 2]], "b": ["zero"], "v": [1]}',
    "no v": '{"w": [[1, 2]], "b": [0]}',
    "length of v": '{"w": [[1, 2]], "b": [0], "v": [1, 2]}',
    "unknown part": '{"kind": "mlp", "w": [[1, 2]], "b": [0], "v": [1]}',
    "list": "[[1]]",
    "key twice": '{"w": [[1]], "b": [0], "v": [1], "b": [2]}',
    "nested": "[" * 1000,
    "commands to a terminal": '{"w": [[1]], "\\u001b]0;x\\u0007\\u009b2J": 1}',
    "table": "a,b\n1,2\n",
    "other format": '{"format": "onnx", "version": 1}',
    "other version": '{"format": "tautnet-model", "version": 99}',
    "no model": '{"format": "tautnet-model", "version": 1, "columns": {"inputs": [], "target": "y"}}',
}



def other_formats(folder):
    """Files of the formats of other programs that hold no network: the name says the format, the bytes are damaged."""
    (folder / "good.json").write_text(NETWORK)
    network = tautnet._tautnet.read(folder / "good.json")
    network.save(folder / "good.onnx")
    network.save(folder / "good.safetensors")
    graph, tensors = ((folder / f"good.{kind}").read_bytes() for kind in ("onnx", "safetensors"))
    return {
        "net.onnx": [b"", graph[: len(graph) // 2], graph[:-1], tensors, NETWORK.encode(), graph.replace(b"Relu", b"Gelu")],
        "net.safetensors": [b"", tensors[: len(tensors) // 2], tensors[:-1], graph, NETWORK.encode(), tensors.replace(b"F64", b"I64")],
        "net.json": [graph, tensors, NETWORK[:-1].encode()],
        "net.pt": [tensors],
        "net.pkl": [NETWORK.encode()],
        "net.keras": [graph],
    }


# Tables that a model of other columns meets: what it was trained on, what it is given.
MEETINGS = {
    "unknown word": (WORDS, WORDS.replace("A,5", "Z,5")),
    "words for numbers": (GOOD, "a,b,y\nq,2,3\nr,1,4\nq,5,2\n"),
    "missing column": (GOOD, "a,c,y\n1,2,3\n2,1,4\n0,5,2\n"),
    "other case": (GOOD, "a,B,y\n1,2,3\n2,1,4\n0,5,2\n"),
}


def frame(text):
    """The table as a person would have it in Python: numbers as numbers, the rest as text."""
    table = pandas.read_csv(io.StringIO(text), dtype=object, keep_default_na=False, header=None, skiprows=1)
    for column in table:
        try:
            table[column] = table[column].astype(float)
        except ValueError:
            pass
    table.columns = text.split("\n")[0].split(",")
    return table.iloc[:, :-1], table.iloc[:, -1]


# What is written otherwise in Python.
TRANSLATION = [
    (r'`--missing drop`', '`missing="drop"`'),
    (r'`--date "(.*?)=(.*?)"`', r'`dates={"\1": "\2"}`'),
    (r"`--limit (\w+=\d+)`", r"`tautnet.set_limits(\1)`"),
    (r"`--force`", "`overwrite=True`"),
    (r"as `tautnet train` writes it", "as `save` of a fitted estimator writes it"),
    (r"as `tautnet train` and `tautnet export` write it", "as `save` of a fitted estimator or of a `tautnet.Network` writes it"),
    (r"`tautnet certify NETWORK --certificate FILE`", "`tautnet.certify(network).certificate.save(path)`"),
]
# What there is to say to a fit alone.
OF_A_FIT = "; or say what to do with all of them: `--missing drop`, median or indicator"


def printed(folder, *arguments):
    """What the command line prints, its hint translated."""
    done = subprocess.run([str(PROGRAM), *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 2, (done.stdout, done.stderr)
    what, hint = without_place(done.stderr).split("\nhint: ")
    if arguments[0] != "train" or re.search(r"column `(y|column_3)` is missing", what):
        hint = hint.replace(OF_A_FIT, "")
    for theirs, ours in TRANSLATION:
        hint = re.sub(theirs, ours, hint)
    assert "--" not in hint and "`tautnet " not in hint, hint
    return f"{what}\nhint: {hint}"


def raised(function):
    with pytest.raises(TautnetError) as found:
        function()
    error = found.value
    assert str(error) == f"{error.what}\nhint: {error.hint}"
    same = pickle.loads(pickle.dumps(error))
    assert (same.what, same.hint) == (error.what, error.hint)
    return without_place(f"error: {error}\n")


def without_place(text):
    text = re.sub(r"\berror: (?:data\.csv|X|y)(:| has)", r"error: TABLE\1", text)
    return re.sub(r" \(line \d+\)", "", text)


@pytest.mark.parametrize("kind", TABLES)
def test_tables(kind, tmp_path):
    (tmp_path / "data.csv").write_text(TABLES[kind])
    theirs = printed(tmp_path, "train", "data.csv", "--task", "regress", "--hidden", "3", "--start", "random")
    assert raised(lambda: LipschitzRegressor(hidden=3, start="random").fit(*frame(TABLES[kind]))) == theirs


@pytest.mark.parametrize("kind", [kind for kind in TABLES if kind != "same name twice"])
def test_the_same_tables_as_arrays(kind, tmp_path):
    """As an array of objects, in rows, in columns and with gaps, and where it is all numbers as doubles and floats."""
    lines = TABLES[kind].split("\n", 1)[1]
    (tmp_path / "data.csv").write_text("column_1,column_2,column_3\n" + lines)
    theirs = printed(tmp_path, "train", "data.csv", "--task", "regress", "--hidden", "3", "--start", "random")
    X, y = frame(TABLES[kind])
    objects, y = X.to_numpy(dtype=object), y.to_numpy()
    arrays = [objects]
    if all(kind == np.float64 for kind in X.dtypes):
        arrays += [X.to_numpy(np.float64), X.to_numpy(np.float32)]
    for array in arrays:
        wide = np.empty((2 * array.shape[0], 3 * array.shape[1]), dtype=array.dtype)
        wide[::2, 1::3] = array
        for given in (array, np.asfortranarray(array), wide[::2, 1::3], array[::-1][::-1]):
            assert raised(lambda given=given: LipschitzRegressor(hidden=3, start="random").fit(given, y)) == theirs


@pytest.mark.parametrize("kind", NETWORKS)
def test_networks(kind, tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text(GOOD)
    (tmp_path / "net.json").write_text(NETWORKS[kind])
    monkeypatch.chdir(tmp_path)
    theirs = printed(tmp_path, "polish", "net.json", "data.csv")
    assert raised(lambda: polish("net.json", *frame(GOOD))) == theirs
    assert raised(lambda: tautnet.certify("net.json")) == theirs


@pytest.mark.parametrize("name", ["net.onnx", "net.safetensors", "net.json", "net.pt", "net.pkl", "net.keras"])
def test_files_of_other_programs(name, tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    model = LipschitzRegressor(hidden=3, lipschitz_price=0.1, start="random").fit(*frame(GOOD))
    for bytes in other_formats(tmp_path)[name]:
        (tmp_path / name).write_bytes(bytes)
        theirs = printed(tmp_path, "polish", name, "data.csv")
        assert raised(lambda: polish(name, *frame(GOOD))) == theirs
        assert raised(lambda: LipschitzRegressor.load(name)) == theirs
        if name != "net.json":
            theirs = printed(tmp_path, "verify", name, "good.json")
            assert raised(lambda: tautnet.verify(name, model)) == theirs
    if name in ("net.pt", "net.pkl", "net.keras"):
        (tmp_path / name).unlink()
        theirs = printed(tmp_path, "export", "good.json", "--out", name)
        assert raised(lambda: model.save(name)) == theirs


@pytest.mark.parametrize("kind", ["NaN", "infinite", "word among numbers", "infinite target", "constant target"])
def test_tables_that_a_network_meets(kind, tmp_path, monkeypatch):
    text = TABLES[kind]
    (tmp_path / "data.csv").write_text(text)
    (tmp_path / "net.json").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    assert raised(lambda: polish("net.json", *frame(text))) == printed(tmp_path, "polish", "net.json", "data.csv")


def test_one_row_is_enough_for_a_polish():
    """There is nothing to be said against it: it is never worse. A fit of one row is refused, in the table above."""
    X, y = frame("a,b,y\n1,2,3\n")
    parts = {"w": [[1.0, -1.0], [0.5, 2.0]], "b": [0.0, -1.0], "v": [1.0, -2.0], "c": 0.5}
    found = polish(parts, X, y).objective_
    assert found["objective"] <= found["before"]["objective"]


def test_effort(tmp_path):
    (tmp_path / "data.csv").write_text(GOOD)
    theirs = printed(tmp_path, "train", "data.csv", "--method", "joint", "--effort", "high")
    assert raised(lambda: LipschitzRegressor(method="joint", effort="high").fit(*frame(GOOD))) == theirs


def test_files_that_are_not_there(tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text(GOOD)
    (tmp_path / "net.json").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    theirs = printed(tmp_path, "polish", "none.json", "data.csv")
    assert raised(lambda: polish("none.json", *frame(GOOD))) == theirs
    theirs = printed(tmp_path, "predict", "net.json", "data.csv", "--radius", "0.1")
    assert raised(lambda: LipschitzRegressor.load("net.json")) == theirs
    model = LipschitzRegressor(hidden=3, lipschitz_price=0.1).fit(*frame(GOOD))
    for path in ["none/new.json", "."]:
        theirs = printed(tmp_path, "polish", "net.json", "data.csv", "--out", path)
        assert raised(lambda path=path: model.save(path)) == theirs


@pytest.mark.parametrize("kind", MEETINGS)
def test_models_and_other_tables(kind, tmp_path):
    learned, given = MEETINGS[kind]
    model = LipschitzRegressor(hidden=3, lipschitz_price=0.1, start="random").fit(*frame(learned))
    model.save(tmp_path / "model.json")
    (tmp_path / "data.csv").write_text(given)
    theirs = printed(tmp_path, "polish", "model.json", "data.csv").replace(", `y`", "")  # not a column of X
    assert raised(lambda: polish(model, *frame(given))) == theirs


@pytest.mark.parametrize(
    "parameters, what",
    [
        ({"lipschitz_price": -1}, "`lipschitz-price` is -1"),
        ({"lipschitz_price": np.nan}, "`lipschitz-price` is NaN"),
        ({"lipschitz_price": "much"}, "`lipschitz-price` is 'much'"),
        ({"decay": np.inf}, "`decay` is inf"),
        ({"max_lipschitz": 0}, "`max-lipschitz` is 0"),
        ({"norm": 1}, "the norm `1` is for bounds only, and a fit was asked for"),
        ({"norm": 1, "tolerance": "0.1sd"}, "the norm `1` is for bounds only, and a fit for the tolerance `0.1sd` was asked for"),
        ({"norm": "3"}, "there is no norm called `3`"),
        ({"penalty": "L3"}, "there is no penalty called `L3`"),
        ({"method": "sgd"}, "there is no method called `sgd`"),
        ({"effort": "low"}, "there is no effort called `low`"),
        ({"loss": "cubic"}, "there is no loss `cubic`"),
        ({"loss": "huber:-1"}, "the loss `huber:-1` was asked for"),
        ({"loss": "huber:much"}, "`much` is not a number for the loss `huber`"),
        ({"loss": 2}, "`loss` is 2"),
        ({"loss": "huber:1", "start": "admm"}, "the start `admm` minimizes the squared error, and the loss `huber:1` was asked for"),
        ({"start": "adam"}, "there is no start called `adam`"),
        ({"hidden": 0}, "`hidden` is 0"),
        ({"hidden": -3}, "`hidden` is -3"),
        ({"hidden": "many"}, "`hidden` is 'many'"),
        ({"tol": 2.0}, "`tol` is 2"),
        ({"time_limit": -3.0}, "`time-limit` is -3"),
        ({"threads": 0}, "`threads` is 0"),
        ({"random_state": -1}, "`random_state` is -1"),
    ],
)
def test_parameters(parameters, what):
    error = raised(lambda: LipschitzRegressor(**parameters).fit(*frame(GOOD)))
    assert error.startswith(f"error: {what}\nhint: "), error


def test_arrays_that_hold_no_numbers(fitted, table):
    X, y = table
    anything = r"\w"
    for bad, exception, what in [
        (X.astype(complex), ValueError, "Complex data not supported"),
        (X.astype("datetime64[s]"), TautnetError, "the array has the type datetime64"),
        (X[0], ValueError, "Reshape your data"),
        (X[None], ValueError, "3"),
        (X[:0], ValueError, "0 sample"),
        ("text", ValueError, anything),
        (None, ValueError, anything),
        (np.full(X.shape, object()), TypeError, "must be a string or a real number"),
    ]:
        with pytest.raises(exception, match=what):
            LipschitzRegressor(hidden=3).fit(bad, y)
        with pytest.raises(exception, match=what):
            fitted.predict(bad)
    for bad, what in [(y[:-1], "there are 119 targets for 120 rows"), (np.full(len(y), "a"), "holds words")]:
        with pytest.raises(TautnetError, match=what):
            LipschitzRegressor(hidden=3).fit(X, bad)
    for weights, what in [(-np.ones(120), "the sample weight of row 0 is -1"), (np.ones(3), "3 sample weights"),
                          (np.zeros(120), "all sample weights are zero"), (np.ones((120, 2)), "2 dimensions")]:
        with pytest.raises(TautnetError, match=what):
            LipschitzRegressor(hidden=3).fit(X, y, sample_weight=weights)
    for radius in (-1.0, np.nan, np.inf):
        with pytest.raises(TautnetError, match="`radius` is"):
            fitted.predict(X, radius=radius)


def test_limits_are_those_of_the_command_line(tmp_path, monkeypatch):
    usual = tautnet.get_limits()
    assert usual == {"bytes": 2**30, "rows": 10**8, "columns": 10**6, "cells": 10**8, "nesting": 64}
    (tmp_path / "data.csv").write_text(GOOD)
    (tmp_path / "net.json").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    try:
        for name, most in [("bytes", 20), ("cells", 3), ("nesting", 1)]:
            tautnet.set_limits(**{name: most})
            theirs = printed(tmp_path, "polish", "net.json", "data.csv", "--limit", f"{name}={most}")
            assert raised(lambda: polish("net.json", *frame(GOOD))) == theirs
            assert f"tautnet.set_limits({name}=" in theirs
            tautnet.set_limits(**usual)
        for asked in [{"nesting": 101}, {"rows": 0}]:
            assert "cannot be" in raised(lambda asked=asked: tautnet.set_limits(**asked))
    finally:
        tautnet.set_limits(**usual)
    assert tautnet.get_limits() == usual


@pytest.mark.parametrize("start", ["sgd", "random", "adversarial", "admm"])
def test_sizes_whose_memory_is_not_to_be_had(start):
    usual = tautnet.get_limits()
    wish = LipschitzRegressor(hidden=10**12, start=start, lipschitz_price=0.1)
    error = raised(lambda: wish.fit(*frame(GOOD)))
    assert error.startswith("error: a network of 1000000000000 hidden units and 2 inputs has 4000000000000 cells, more than")
    try:
        tautnet.set_limits(cells=10**18)
        assert "GB of memory" in raised(lambda: wish.fit(*frame(GOOD)))
    finally:
        tautnet.set_limits(**usual)


def test_integers_that_no_double_is_equal_to_are_noted(tmp_path):
    X = np.array([[2**53 + 1, 1], [2**53 + 3, 2], [5, 3], [6, 4], [7, 6]])
    y = np.array([1.0, 2.0, 0.0, 4.0, 1.0])
    with pytest.warns(UserWarning, match=r"row 1, column `column_1` is 9007199254740993 \(and 1 more\)"):
        LipschitzRegressor(hidden=3, start="random", lipschitz_price=0.1).fit(X, y)
    (tmp_path / "net.json").write_text('{"w": [[9007199254740993]], "b": [0], "v": [1]}')
    with pytest.warns(UserWarning, match="line 1 has 9007199254740993, which is kept as 9007199254740992"):
        tautnet.certify(tmp_path / "net.json")


def test_names_never_command_a_terminal(tmp_path):
    X, y = frame(GOOD)
    X.columns = ["a\x1b[2J\x9b", "b"]
    X.iloc[0, 0] = np.nan
    error = raised(lambda: LipschitzRegressor(hidden=3).fit(X, y))
    assert "column `a\\u{1b}[2J\\u{9b}` is missing" in error, error
