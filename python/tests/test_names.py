"""The table of docs/names.md: a number has one name at every front, and is the same there to the last digit."""
import json
import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas
import pytest

import tautnet
from conftest import PROGRAM

PAGE = Path(__file__).parents[2] / "docs/names.md"
TOLERANT = "train t.csv --tolerance 0.1sd --hidden 4 --decay 0.01 --out m.json"
PRICED = "train t.csv --lipschitz-price 0.05 --hidden 4 --start random --out priced.json"


def lines():
    """Command, words, JSON, Python of each line."""
    cells = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    for cell in cells:
        command, *words, keys, expression = cell
        yield command.strip("`"), words[0].strip(" |") if words else "", keys.strip("`| "), expression.strip("`")


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A folder with the table and both models, and what the expressions are about."""
    folder = tmp_path_factory.mktemp("names")
    rng = np.random.default_rng(5)
    X = pandas.DataFrame({"a": 5.0 + rng.normal(size=40), "b": 30.0 * rng.normal(size=40) - 2.0})
    y = pandas.Series(7.0 * np.sin(X["a"]) + 0.1 * X["b"] + 0.3 * rng.normal(size=40), name="y")
    X.assign(y=y).to_csv(folder / "t.csv", index=False, float_format="%.17g")
    for command in (TOLERANT, PRICED):
        assert f"$ tautnet {command}" in PAGE.read_text()
        subprocess.run([str(PROGRAM), *command.split(), "--quiet"], cwd=folder, check=True, capture_output=True)
    model = tautnet.LipschitzRegressor(tolerance="0.1sd", hidden=4, decay=0.01).fit(X, y)
    priced = tautnet.LipschitzRegressor(lipschitz_price=0.05, hidden=4, start="random").fit(X, y)
    for name, ours in (("m.json", model), ("priced.json", priced)):
        assert ours.model_.to_json().decode().replace('"data": "X"', '"data": "t.csv"') == (folder / name).read_text(), name
    functions = {name: getattr(tautnet, name) for name in ("attack", "certify", "polish", "verify")}
    return folder, {"model": model, "priced": priced, "X": X, "y": y, **functions}, {}


def said(there, command, *more):
    folder, _, before = there
    if (command, more) not in before:
        # What keeps a file is not asked to again.
        done = subprocess.run([str(PROGRAM), *command.split(), *more], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        before[command, more] = done.stdout
    return before[command, more]


def entry(value, keys):
    for key in re.findall(r"\w+", keys):
        value = value[int(key) if isinstance(value, list) else key]
    return value


@pytest.mark.parametrize(("command", "words", "keys", "expression"), list(lines()))
def test_one_name_and_one_number(command, words, keys, expression, there):
    theirs = entry(json.loads(said(there, command, "--json")), keys)
    ours = eval(expression, {}, there[1])  # noqa: S307 - what the project's own page says
    assert theirs == ours and math.isfinite(theirs)
    # Predictions are an array, of which nothing is a part.
    if expression != "model.predict(X)[0]":
        name = re.search(r'[."]([a-z_]+?)_?(?:"\])?(?:\[\d\])?$', expression)
        assert name and name[1] == re.findall(r"[a-z_]+", keys)[-1], expression
    if words:
        text = re.sub(r"\s+", " ", said(there, command))
        assert words in text, text
        printed = re.search(re.escape(words) + r" ?([0-9.e-]*[0-9])", text)
        assert printed, text
        shown = float(printed[1])
        assert abs(shown - ours) <= 1e-5 * abs(ours) + (5e-4 if words == "R²" else 0.0), (shown, ours)


def test_the_words_of_the_glossary():
    """What the page says of the words, it says of those that the table has."""
    used = {word for _, _, keys, _ in lines() for word in re.findall(r"[a-z_]+", keys)}
    told = set(re.findall(r"\*\*`([a-z_]+)`", PAGE.read_text())) | {"upper"}
    assert told - {"exact", "lower"} <= used | {"exact"}, told - used
    assert len(list(lines())) > 30
