"""What results look like in a terminal and in a notebook, and what the types of the package say."""
import dataclasses
import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import get_args

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.neural_network import MLPClassifier, MLPRegressor

import tautnet
from conftest import ROOT
from tautnet import Attack, AttackWithin, LipschitzRegressor, TautnetError, _choices, _tautnet, attack, certify
from tautnet._shown import Shown

TERMINAL = 160


class Cells(HTMLParser):
    """The rows of a table, and whether every mark that is opened is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.rows, self.open, self.title = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.open[-1] == "strong":
            self.title += data


@pytest.fixture(scope="module")
def shown(table, fitted):
    X, y = table
    deep = MLPRegressor(hidden_layer_sizes=(5, 4), max_iter=20, random_state=0).fit(X, y)
    places, labels = make_blobs(90, centers=3, n_features=2, random_state=0)
    blobs = MLPClassifier(hidden_layer_sizes=(6, 5), max_iter=100, random_state=0).fit(places, labels)
    two = LipschitzRegressor(hidden=6, tolerance="0.05sd", decay=0.01).fit(X, np.stack([y, X[:, 1]], axis=1))
    return {
        "model": certify(fitted, X),
        "exact": certify(fitted, exact=True, time_limit=20),
        "deep": certify(deep, X),
        "margins": certify(blobs, places, labels, radius=0.05),
        "attack": attack(fitted, X, y, radius=[0.0, 0.1, 0.25]),
        "absolute": attack(fitted, X, y, radius=0.1, loss="absolute"),
        "tolerance": attack(fitted, X, y, tolerance={"column_1": 0.3}),
        "targets": attack(two, X, np.stack([y, X[:, 1]], axis=1)),
        "classes": attack(MLPClassifier(hidden_layer_sizes=(6,), max_iter=100, random_state=0).fit(places, labels > 0), places, labels > 0, tolerance="0.1sd"),
    }


NAMES = ["model", "exact", "deep", "margins", "attack", "absolute", "tolerance", "targets", "classes"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", NAMES)
def test_lines_in_a_terminal_and_a_table_in_a_notebook_say_the_same(shown, name):
    result = shown[name]
    assert isinstance(result, Shown)
    lines = repr(result).splitlines()
    assert 3 <= len(lines) <= 20 and max(map(len, lines)) <= TERMINAL and not any("array(" in line or line != line.rstrip() for line in lines)
    cells = Cells(result._repr_html_())
    assert cells.title == lines[0]
    below = len(result._below())
    body = lines[1 : len(lines) - below]
    assert len(body) == len(cells.rows)
    assert [re.split(r"  +", line.strip()) for line in body] == [[cell.strip() for cell in row] for row in cells.rows]
    # Columns are aligned: on the left where bounds have their names, else on the right.
    last = [(line.rindex(row[-1]) if name in ("model", "exact", "deep", "margins") else len(line)) for line, row in zip(body, cells.rows)]
    assert len(set(last)) == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_is_shown_is_on_the_side_on_which_it_is_true(shown):
    for name in ("model", "exact", "deep", "margins"):
        result = shown[name]
        for title, sign, value in (row for row in Cells(result._repr_html_()).rows):
            truth = [number for line, mark, number in result._lines() if line == title and {"<=": "≤", ">=": "≥"}[mark] == sign]
            truth = truth or [result.lipschitz_upper_bound]
            assert float(value) >= truth[0] if sign == "≤" else float(value) <= truth[0], title
            assert float(value) == pytest.approx(truth[0], rel=1e-4)
    table = Cells(shown["attack"]._repr_html_()).rows
    assert table[0] == ["radius", "found ≥", "proved ≤", "by the bound ≤"]
    for row, found, proved in zip(table[1:], np.sqrt(shown["attack"].found), np.sqrt(shown["attack"].proved)):
        assert float(row[1]) <= found and float(row[2]) >= proved
        assert float(row[1]) == pytest.approx(found, rel=1e-4)
    absolute = Cells(shown["absolute"]._repr_html_()).rows[1]
    assert float(absolute[1]) == pytest.approx(shown["absolute"].found[0], rel=1e-4)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_titles_say_what_is_measured(shown):
    assert repr(shown["model"]).startswith("Bounds on the Lipschitz constant, norm 2\n")
    assert "proved, in the units of the data" in repr(shown["model"])
    assert repr(shown["deep"]).startswith("Bounds on the Lipschitz constant of 3 layers, norm 2\n") and "units of the data" not in repr(shown["deep"])
    assert re.search(r"\n  \d+ of 90 rows keep their class within 0.05 \(proved\)$", repr(shown["margins"]))
    assert "<p>" in shown["margins"]._repr_html_()
    assert repr(shown["attack"]).startswith("Attack, norm 2, 120 rows: root mean square, in the units of the target\n")
    assert "absolute" in repr(shown["absolute"]).splitlines()[0]
    assert repr(shown["tolerance"]).startswith("Attack within the tolerance column_1=0.3 (box), 120 rows: ")
    assert "found 2 ≥" in repr(shown["targets"]) and "right, proved ≥" in repr(shown["classes"])
    # A text of what an estimator is about says nothing that a page would take for its own.
    hostile = dataclasses.replace(shown["tolerance"], tolerance=["<script>=1"])
    assert "<script>" not in hostile._repr_html_() and "&lt;script&gt;=1" in hostile._repr_html_()
    many = dataclasses.replace(shown["tolerance"], tolerance=[f"c{k}=1" for k in range(40)])
    assert "40 amounts" in repr(many)
    rows = dataclasses.replace(shown["tolerance"], tolerance=None)
    assert "an array of rows" in repr(rows)


def test_results_without_rows_or_of_infinite_bounds_are_shown():
    none = Attack(np.empty(0), np.empty(0), np.empty(0), np.empty(0), np.empty(0, np.intp), "2", 0)
    assert repr(none).splitlines()[1].split("  ") [-1] == "by the bound ≤" and Cells(none._repr_html_()).rows == [["radius", "found ≥", "proved ≤", "by the bound ≤"]]
    infinite = AttackWithin(np.ones(1), np.ones(1), np.array([np.inf]), np.zeros(1, np.intp), ["a=1"], "box", 3)
    assert repr(infinite).splitlines()[-1].split() == ["1", "1", "inf"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_shows_what_it_is_of_and_what_is_proved(table, fitted):
    X, y = table
    model = fitted.model_
    lines = repr(model).splitlines()
    assert lines[0] == f"Model of {model.target}"
    facts = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in lines[1:])
    assert facts["inputs"].startswith(f"{X.shape[1]}: ") and facts["units"] == str(model.units)
    assert facts["tolerance"] == "none" and facts["certificate"] == "present" and f"norm {model.certificate.norm}" in facts["bound"]
    told = float(re.match(r"at most (\S+) ", facts["bound"]).group(1))
    assert model.certificate.lipschitz_upper_bound <= told <= 1.001 * model.certificate.lipschitz_upper_bound
    cells = Cells(model._repr_html_())
    assert cells.title == lines[0] and dict(cells.rows) == facts
    tolerant = LipschitzRegressor(hidden=6, tolerance="0.05sd", decay=0.01).fit(X, y).model_
    assert re.search(r"\n  tolerance +.*0.05sd \(box\)\n", repr(tolerant))
    places, labels = make_blobs(90, centers=3, n_features=2, random_state=0)
    kinds = tautnet.LipschitzClassifier(hidden=6, tolerance="0.05sd", decay=0.01).fit(places, labels).model_
    assert re.search(r"\n  classes +3: 0, 1, 2\n", repr(kinds))
    deep = LipschitzRegressor(layers=(4, 3), epochs=5).fit(X, y).model_
    assert "7 in its layers" in repr(deep) and "chain_certificate() makes one" in repr(deep)
    # Names of columns are text, in a notebook too; long lists end.
    hostile = LipschitzRegressor(hidden=2, lipschitz_price=1.0, start="random").fit(np.eye(12), np.arange(12.0)).model_
    assert repr(hostile).splitlines()[1].endswith(", …")


# Parameters with a choice, and the type that says what can be chosen.
CHOICES = {
    "norm": _choices.Norm, "method": _choices.Method, "effort": _choices.Effort, "start": _choices.Start, "loss": _choices.Loss,
    "penalty": _choices.Penalty, "tolerance_shape": _choices.Shape, "activation": _choices.Activation, "hidden_weights": _choices.HiddenWeights,
    "bound": _choices.Bound, "optimizer": _choices.Optimizer,
}  # fmt: skip


def words(kind):
    """The words of a type, whatever else it allows."""
    found = set()
    for one in get_args(kind):
        found |= {one} if isinstance(one, str) else words(one)
    return found


def test_the_types_have_the_words_of_the_library():
    for command, door, own in [
        ("train", LipschitzRegressor.__init__, {}),
        ("polish", tautnet.polish, {"bound": _choices.PolishBound, "method": _choices.PolishMethod}),
        ("attack", attack, {"method": _choices.AttackMethod}),
    ]:
        said = {setting["name"]: setting["values"] for setting in _tautnet.settings(command)}
        typed = {name for name, values in said.items() if values.startswith("one of: ")}
        assert typed <= set(CHOICES), typed - set(CHOICES)
        for name in typed:
            kind = (CHOICES | own)[name]
            assert words(kind) == set(said[name].removeprefix("one of: ").split(", ")), (command, name)
            annotation = inspect.signature(door).parameters[name].annotation
            wanted = next(alias for alias, value in vars(_choices).items() if value is kind)
            assert wanted in annotation, (command, name, annotation)
    with pytest.raises(TautnetError, match="trivial-bound"):
        tautnet.polish(LipschitzRegressor(hidden=2, lipschitz_price=1.0, start="random").fit(np.eye(6), np.arange(6.0)), np.eye(6), np.arange(6.0), method="trivial-bound")
    for missing in words(_choices.Missing):
        LipschitzRegressor(missing=missing, hidden=2, lipschitz_price=1.0, start="random").fit(np.eye(6), np.arange(6.0))
    with pytest.raises(TautnetError):
        LipschitzRegressor(missing="guess", hidden=2, lipschitz_price=1.0, start="random").fit(np.eye(6), np.arange(6.0))


TYPED = """
from typing import Any
import numpy as np
import numpy.typing as npt
from typing_extensions import assert_type
import tautnet

X: Any = np.eye(4)
Floats = npt.NDArray[np.float64]
model = tautnet.LipschitzRegressor(start="admm", effort="high", norm="inf", missing="median", lipschitz_price="auto", loss="huber:0.3")
assert_type(model.predict(X), Floats)
assert_type(model.predict(X, nodes=0), Floats)
assert_type(model.predict(X, 0.1), tautnet.Interval)
assert_type(model.predict(X, radius=0.1, coverage=0.9), tautnet.Interval)
assert_type(model.predict(X, interval="tolerance"), tautnet.Interval)
assert_type(model.predict(X, tolerance={"a": "2%"}), tautnet.Interval)
assert_type(model.predict(X, tolerance_shape="ball"), tautnet.Interval)
assert_type(model.predict(X, coverage=0.9), tautnet.Interval)
assert_type(tautnet.polish(model, X, X, method="walk", penalty="L2"), tautnet.LipschitzRegressor | tautnet.LipschitzClassifier)
assert_type(tautnet.certify(model, norm=2), tautnet.Bounds | tautnet.ChainBounds)
tautnet.LipschitzClassifier(loss="hinge", class_weight="balanced")
tautnet.attack(model, X, X, method="fast-gradient", tolerance_shape="box")
"""
WRONG = [
    'tautnet.LipschitzRegressor(start="sdg")', 'tautnet.LipschitzRegressor(effort="max")', 'tautnet.LipschitzRegressor(norm="3")',
    'tautnet.LipschitzRegressor(missing="mean")', 'tautnet.LipschitzRegressor(penalty="L1")', 'tautnet.LipschitzRegressor(method="best")',
    'tautnet.LipschitzRegressor(hidden_weights="tied")', 'tautnet.LipschitzRegressor(tolerance_shape="cube")', 'tautnet.LipschitzRegressor(optimizer="sgd")',
    'tautnet.LipschitzClassifier(loss="squared")', 'model.predict(X, interval="radius")', 'tautnet.attack(model, X, X, method="slow")',
    'tautnet.polish(model, X, X, bound="layers")', 'tautnet.polish(model, X, X, method="trivial-bound")', 'model.save("a", precision="f16")', "model.predict(X, 0.1, interval='tolerance')",
]  # fmt: skip


def test_choices_are_checked_by_mypy(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "typed.py").write_text(TYPED + "\n".join(WRONG) + "\n")
    command = [sys.executable, "-m", "mypy", "--config-file", ROOT / "python" / "pyproject.toml", "--cache-dir", ROOT / "target" / "mypy", tmp_path / "typed.py"]
    done = subprocess.run(command, cwd=ROOT / "python" / "package", capture_output=True, text=True)
    lines = {int(number) for number in re.findall(r"typed\.py:(\d+): error", done.stdout)}
    first = len(TYPED.splitlines()) + 1
    assert lines == set(range(first, first + len(WRONG))), done.stdout + done.stderr
