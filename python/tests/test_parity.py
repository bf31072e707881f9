"""One model from both front doors: for starts, methods, tables and settings, the model files are compared byte by byte.

Only what the data are called differs: a file has a name, the arguments of a function are `X`.
"""
import json
import subprocess

import numpy as np
import pandas
import pytest

import tautnet
from conftest import PROGRAM
from tautnet import LipschitzRegressor, TautnetError, polish

METHODS = ["joint", "walk", "alternating", "weight-decay"]
STARTS = ["sgd", "random", "adversarial", "admm", "average"]


def smooth(rows, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 2)) * [1.0, 30.0] + [5.0, -2.0]
    return pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": 7.0 * np.sin(X[:, 0]) + 0.1 * X[:, 1] + rng.normal(size=rows)})


def repeated(frame, seed):
    """Rows of the frame, some once, some several times, in a random order; and how often each comes."""
    rng = np.random.default_rng(seed)
    times = rng.integers(1, 4, size=len(frame))
    order = rng.permutation(np.repeat(np.arange(len(frame)), times))
    return frame.iloc[order].reset_index(drop=True), times


def ties():
    """Inputs of few values, the same ones with different targets, and a column that is the same everywhere."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 3, size=(2, 30)).astype(float)
    return pandas.DataFrame({"a": a, "b": b, "same": 0.1, "y": np.round(a * b + rng.normal(size=30), 1)})


def words():
    rng = np.random.default_rng(2)
    kind = rng.choice(["red", "green", "blue"], size=14)
    x = rng.normal(size=14)
    return repeated(pandas.DataFrame({"kind": kind, "x": x, "y": np.abs(x) + (kind == "red")}), 3)[0]


TABLES = {
    "plain": smooth(24),
    "duplicates": repeated(smooth(14), 4)[0],
    "ties": ties(),
    "one-hot": words(),
    # Merged, too few rows would be left.
    "four rows": repeated(smooth(4), 5)[0],
}

FLAGS = {"random_state": "seed"}


def flags(parameters):
    """The command line's words for an estimator's parameters."""
    for name, value in parameters.items():
        if name == "output_bias":
            yield from [] if value else ["--no-output-bias"]
        elif name == "linear_part":
            yield from ["--linear-part"] if value else []
        else:
            yield from [f"--{FLAGS.get(name, name).replace('_', '-')}", str(value)]


class Doors:
    """Both front doors, in a folder with the table."""

    def __init__(self, folder, frame):
        self.folder = folder
        self.X, self.y = frame.drop(columns="y"), frame["y"]
        cell = lambda value: value if isinstance(value, str) else repr(float(value))
        lines = [",".join(map(cell, row)) for row in frame.itertuples(index=False)]
        (folder / "table.csv").write_text("\n".join([",".join(frame.columns), *lines]) + "\n")

    def run(self, *arguments):
        """The program; what it says where it fails."""
        command = [str(PROGRAM), *arguments, "--quiet", "--force"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        return None if done.returncode == 0 else done.stderr

    def read(self, name):
        return (self.folder / name).read_text().replace('"data": "table.csv"', '"data": "X"')

    def train(self, parameters, sample_weight=None, rows=None):
        """The text of both models, or of both complaints."""
        error = self.run("train", "table.csv", *flags(parameters), "--out", "m.json")
        theirs = error or self.read("m.json")
        X, y = rows or (self.X, self.y)
        return theirs, told(lambda: LipschitzRegressor(**parameters).fit(X, y, sample_weight))

    def polish(self, model, parameters):
        error = self.run("polish", model, "table.csv", *flags(parameters), "--out", "p.json")
        theirs = error or self.read("p.json")
        given = LipschitzRegressor.load(self.folder / model)
        return theirs, told(lambda: polish(given, self.X, self.y, **parameters))


def told(fit):
    try:
        return fit().model_.to_json().decode()
    except TautnetError as error:
        return f"error: {error.what}\nhint: {error.hint}\n"


def same(theirs, ours):
    """Equal to the byte; where not, say in which part."""
    if theirs == ours:
        return
    assert not theirs.startswith("error") and not ours.startswith("error"), (theirs[:300], ours[:300])
    theirs, ours = json.loads(theirs), json.loads(ours)
    assert list(theirs) == list(ours)
    for part in ("columns", "scaler", "settings", "network", "objective", "certificate"):
        assert ours[part] == theirs[part], part
    raise AssertionError("the bytes differ")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", STARTS)
def test_every_method_from_every_start(start, method, tmp_path):
    doors = Doors(tmp_path, TABLES["duplicates"])
    price = {} if method == "weight-decay" else {"lipschitz_price": 0.05}
    same(*doors.train({"hidden": 5, "start": start, "method": method, **price}))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("table", TABLES)
def test_every_method_on_every_table(table, method, tmp_path):
    doors = Doors(tmp_path, TABLES[table])
    # Four rows are too few to choose a price by, and one table is enough for walks at every price.
    given = table == "four rows" or (method == "walk" and table != "plain")
    price = {"lipschitz_price": 0.05} if given and method != "weight-decay" else {}
    theirs, ours = doors.train({"hidden": 4, "start": "random", "method": method, **price})
    same(theirs, ours)
    settings = json.loads(ours)["settings"]
    assert settings["lipschitz_price_chosen"] == (method != "weight-decay" and not given)
    # A model is polished in its own columns and units.
    (tmp_path / "m.json").write_text(theirs)
    same(*doors.polish("m.json", {"method": method, "decay": 0.02}))


def test_a_weight_is_a_repetition_at_the_other_door(tmp_path):
    frame = smooth(14)
    many, times = repeated(frame, 4)
    assert len(many) > len(frame)
    doors = Doors(tmp_path, many)
    # A row that does not count, and one that comes twice in two parts.
    rows = pandas.concat([frame, frame.iloc[[3, 5]]], ignore_index=True)
    weights = np.r_[times.astype(float), 0.0, 0.5]
    weights[5] -= 0.5
    rows.loc[14, "y"] = 1e6
    for method in METHODS:
        parameters = {"hidden": 4, "start": "random", "method": method}
        if method == "walk":
            parameters["lipschitz_price"] = 0.05
        same(*doors.train(parameters, weights, (rows.drop(columns="y"), rows["y"])))


ASKED = [
    {"lipschitz_price": 0.3}, {"lipschitz_price": 0}, {"penalty": "L2"}, {"max_lipschitz": 0.4}, {"decay": 0.05}, {"norm": "inf"},
    {"output_bias": False}, {"effort": "high"}, {"random_state": 3}, {"tol": 1e-3}, {"loss": "huber:0.3"},
    {"loss": "quantile:0.8"}, {"linear_part": True}, {"iterations": 5},
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_setting_counts_or_is_refused_at_both_doors(method, tmp_path):
    """What the library's table says, as a user meets it: no setting is taken and ignored."""
    doors = Doors(tmp_path, TABLES["duplicates"])
    base = {"hidden": 4, "start": "random", "method": method}
    if method != "weight-decay":
        base["lipschitz_price"] = 0.05
    plain = json.loads(doors.train(base)[1])
    doors.train(base)
    (tmp_path / "given.json").write_text((tmp_path / "m.json").read_text())
    refused = []
    for asked in ASKED:
        theirs, ours = doors.train({**base, **asked})
        same(theirs, ours)
        if "random_state" not in asked:  # nothing is drawn in a polish
            without = {"lipschitz_price": 0.05} if method != "weight-decay" else {}
            same(*doors.polish("given.json", {"method": method, **without, **asked}))
        if ours.startswith("error"):
            assert method in ours or "alternating" in ours, ours
            refused.append(*asked)
        elif (method, asked) != ("weight-decay", {"lipschitz_price": 0}):  # which it has anyway
            changed = json.loads(ours)
            assert any(changed[part] != plain[part] for part in ("network", "objective", "certificate")), asked
    assert refused == {
        "joint": ["effort"],
        "walk": [],
        "alternating": ["lipschitz_price", "effort"],  # without a price it has nothing to alternate between
        "weight-decay": ["lipschitz_price", "penalty", "max_lipschitz", "effort"],
    }[method]  # fmt: skip


@pytest.mark.parametrize("table", ["plain", "duplicates", "ties"])
def test_a_plain_network_comes_back_the_same(table, tmp_path):
    doors = Doors(tmp_path, TABLES[table])
    rng = np.random.default_rng(7)
    d = doors.X.shape[1]
    network = {"w": rng.normal(size=(4, d)).tolist(), "b": rng.normal(size=4).tolist(), "v": [1.0, -2.0, 3.0, -1.0], "c": 3.0}
    (tmp_path / "net.json").write_text(json.dumps(network))
    for asked in ({}, {"output_bias": False}, {"method": "weight-decay"}):
        assert doors.run("polish", "net.json", "table.csv", "--raw-network", *flags(asked), "--out", "p.json") is None
        hidden, last = json.loads((tmp_path / "p.json").read_text())["layers"]
        theirs = {"w": hidden["weights"], "b": hidden["bias"], "v": last["weights"][0], "c": last["bias"][0]}
        ours = polish(tmp_path / "net.json", doors.X, doors.y, **asked)
        weights = {part: np.asarray(value).tolist() for part, value in ours.weights().items()}
        assert weights == theirs
        if asked == {"output_bias": False} and ours.objective_["ending"] != "unchanged":
            assert ours.weights(standardized=True)["c"] == 0.0


@pytest.mark.parametrize("table", ["duplicates", "one-hot"])
def test_what_is_said_of_a_model_is_the_same(table, tmp_path):
    """Predictions, intervals, attacks and bounds: both doors say the same numbers of one model."""
    doors = Doors(tmp_path, TABLES[table])
    doors.train({"hidden": 4, "start": "random", "lipschitz_price": 0.05})
    model = LipschitzRegressor.load(tmp_path / "m.json")

    def said(*arguments):
        command = [str(PROGRAM), arguments[0], "m.json", "table.csv", *arguments[1:], "--json"]
        return json.loads(subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout)

    theirs = said("predict", "--radius", "0.2")
    for ours, name in zip(model.predict(doors.X, radius=0.2), ("predictions", "lower", "upper")):
        assert ours.tolist() == theirs[name], name
    for asked in ({}, {"restarts": 1}, {"norm": "inf", "method": "fast-gradient", "nodes": 5}):
        theirs, ours = said("attack", *flags(asked)), tautnet.attack(model, doors.X, doors.y, **asked)
        units = [entry["user_units"] for entry in theirs["radii"]]
        assert ours.radius.tolist() == [entry["radius"] for entry in theirs["radii"]]
        assert ours.found.tolist() == [entry["found"] for entry in units]
        assert ours.ceiling.tolist() == [entry["ceiling"] for entry in units]
        assert ours.proved.tolist() == [entry["proved"] for entry in units] and ours.norm == theirs["norm"]
    # The other attack has no random starts.
    fast = {"method": "fast-gradient", "restarts": 1}
    error = doors.run("attack", "m.json", "table.csv", *flags(fast))
    with pytest.raises(TautnetError) as raised:
        tautnet.attack(model, doors.X, doors.y, **fast)
    assert error == f"error: {raised.value.what}\nhint: {raised.value.hint}\n" and "fast-gradient" in error
    for part in said("certify", "--exact")["norms"]:
        ours = tautnet.certify(model, doors.X, norm=str(part["norm"]), exact=True)
        bounds = {(bound["name"], bound["direction"]): bound["value"] for bound in part["bounds"]}
        assert (ours.found, ours.proved) == (bounds["largest gradient found", "lower"], part["lipschitz"])
        assert ours.exact == (bounds["exact", "lower"], bounds["exact", "upper"])
        assert ours.path_norm == bounds["sum over units", "upper"]
        assert ours.norm_product == bounds["product of norms", "upper"]


@pytest.mark.parametrize("loss", ["squared", "huber", "quantile:0.25"])
def test_a_model_brings_its_own_loss(loss, tmp_path):
    """Polished and attacked by the loss that it was fitted by, where no other is asked for."""
    doors = Doors(tmp_path, TABLES["duplicates"])
    same(*doors.train({"hidden": 4, "start": "random", "lipschitz_price": 0.05, "loss": loss}))
    (tmp_path / "given.json").write_text((tmp_path / "m.json").read_text())
    theirs, ours = doors.polish("given.json", {"lipschitz_price": 0.2})
    same(theirs, ours)
    assert json.loads(ours)["settings"]["loss"].startswith(loss)
    model = LipschitzRegressor.load(tmp_path / "m.json")
    assert model.loss.startswith(loss)
    own = tautnet.attack(model, doors.X, doors.y, [0.1])
    assert own.loss.startswith(loss)
    named = tautnet.attack(model, doors.X, doors.y, [0.1], loss=own.loss)
    assert (own.found, own.proved) == (named.found, named.proved)
    other = tautnet.attack(model, doors.X, doors.y, [0.1], loss="quantile:0.9")
    assert own.found != other.found
    same(*doors.train({"hidden": 4, "start": "admm", "loss": "quantile"}))  # refused, in the same words


def test_a_price_that_a_method_does_not_have_is_not_chosen():
    X, y = TABLES["plain"].drop(columns="y"), TABLES["plain"]["y"]
    with pytest.raises(TautnetError, match="the method `weight-decay` has no price of the bound to choose"):
        tautnet.lipschitz_path(X, y, method="weight-decay", hidden=4, start="random")
