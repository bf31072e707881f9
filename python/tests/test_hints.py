"""Hints that speak Python: what a person of Python can provoke names parameters and functions of Python, and no flag of the command line.

The library's errors name settings between marks, and the front end writes them: `recipe::told`. Every name that an error can mention is provoked here.
"""
import inspect
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas
import pytest

import tautnet
from tautnet import LipschitzClassifier, LipschitzRegressor, Network, TautnetError, attack, certify, polish, verify

ROOT = Path(__file__).parents[2]
rng = np.random.default_rng(0)
X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
NAMED = pandas.DataFrame(X, columns=["a", "b"])
GAPS = NAMED.copy()
GAPS.iloc[3, 0] = np.nan
DATES = NAMED.assign(when=[f"2024-01-{k + 1:02}" for k in range(30)])
UNCLEAR = NAMED.assign(when=[f"0{k % 9 + 1}.0{k % 7 + 1}.2024" for k in range(30)])
fit = LipschitzRegressor.fit


def leaky(outputs=1, activation="leaky-relu:0.1"):
    draw = rng.normal
    return Network(layers=[(draw(size=(3, 2)), np.zeros(3), activation), (draw(size=(outputs, 3)), np.zeros(outputs), "identity")])


def model(**parameters):
    return LipschitzRegressor(**{"hidden": 3, "start": "random", "lipschitz_price": 0.1} | parameters).fit(X, y)


def plain(folder):
    (folder / "plain.json").write_text('{"w": [[1, -1], [0.5, 2]], "b": [0, -1], "v": [1, -2], "c": 0.5}')
    return folder / "plain.json"


def without_certificate(folder):
    file = folder / "model.json"
    model().save(file)
    parts = json.loads(file.read_text())
    parts["certificate"] = None
    file.write_text(json.dumps(parts))
    return file


def of_classes(folder):
    labels = np.array(["p", "q", "r"])[np.arange(30) % 3]
    LipschitzClassifier(layers=(4,), activation="abs", random_state=0).fit(X, labels).save(folder / "classes.json")
    return folder / "classes.json"


def twice(folder, save):
    save(folder / "there.json")
    save(folder / "there.json")


def limited(folder):
    usual = tautnet.get_limits()
    tautnet.set_limits(bytes=20)
    try:
        polish(plain(folder), X, y)
    finally:
        tautnet.set_limits(**usual)


def other_format(folder):
    (folder / "other.json").write_text('{"format": "onnx", "version": 1}')
    return folder / "other.json"


# What the hint mentions, the function that is called, and the call.
PROVOKED = [
    ("missing", LipschitzRegressor, lambda folder: LipschitzRegressor(hidden=3).fit(GAPS, y)),
    ("missing", LipschitzRegressor, lambda folder: LipschitzRegressor(hidden=3).fit(GAPS.to_numpy(), y)),
    ("lipschitz_price", LipschitzRegressor, lambda folder: LipschitzRegressor(hidden=3).fit(X[:3], y[:3])),
    ("date", LipschitzRegressor, lambda folder: LipschitzRegressor(hidden=3).fit(DATES, y)),
    ("date", LipschitzRegressor, lambda folder: LipschitzRegressor(hidden=3, dates={"when": "parts"}).fit(UNCLEAR, y)),
    ("date", LipschitzRegressor, lambda folder: LipschitzRegressor(hidden=3, dates={"when": "week"}).fit(DATES, y)),
    ("tolerance", LipschitzRegressor, lambda folder: LipschitzRegressor(hidden=3, tolerance={"a": "10%"}).fit(NAMED, y)),
    ("max_lipschitz", LipschitzRegressor, lambda folder: LipschitzRegressor(max_lipschitz=2, tolerance=0.1).fit(X, y)),
    ("tol", LipschitzRegressor, lambda folder: LipschitzRegressor(tol=1e-3, tolerance=0.1).fit(X, y)),
    ("layers", LipschitzRegressor, lambda folder: LipschitzRegressor(layers=(0.5,)).fit(X, y)),
    ("layers", LipschitzRegressor, lambda folder: LipschitzRegressor(method="trivial-bound").fit(X, y)),
    ("layers", LipschitzRegressor, lambda folder: LipschitzRegressor(epochs=3).fit(X, y)),
    ("limit", polish, limited),
    ("replace", tautnet.Model.save, lambda folder: twice(folder, model().save)),
    ("replace", tautnet.Network.save, lambda folder: twice(folder, leaky().save)),
    ("replace", tautnet.Certificate.save, lambda folder: twice(folder, certify(model()).certificate.save)),
    ("relu_units", attack, lambda folder: attack(leaky(), X, y)),
    ("relu_units", attack, lambda folder: attack(leaky(2), X, np.stack([y, y], axis=1))),
    ("every_network", attack, lambda folder: attack(leaky(1, "tanh"), X, y)),
    ("polished", LipschitzRegressor.predict, lambda folder: LipschitzRegressor.load(without_certificate(folder)).predict(X, radius=0.1)),
    ("calibrated", LipschitzRegressor.predict, lambda folder: model().predict(X, coverage=0.9)),
    ("new_certificate", verify, lambda folder: verify(without_certificate(folder), plain(folder))),
    ("certify_file", verify, lambda folder: verify(of_classes(folder), plain(folder))),
    ("model_file", LipschitzRegressor.load, lambda folder: LipschitzRegressor.load(plain(folder))),
    ("network_file", polish, lambda folder: polish(other_format(folder), X, y)),
    ("targets", polish, lambda folder: polish(leaky(3, "tanh"), X, np.arange(30) % 2)),
]

# What no call of Python leads to.
OF_THE_COMMAND_LINE = {
    "classify": "a target is what the estimator is for",
    "several_targets": "an estimator has a fit of several targets for every objective that it takes",
    "tolerated": "comparisons are of the command line",
    "seed": "rows of classes are held out by the command line",
    "cache": "rows of files are read again and again by the command line",
    "regress": "rows of files are read again and again by the command line",
}

# Where only the door differs: there is nothing to say of missing values and dates but to a fit.
TAKEN_AS_THEY_ARE = [
    (polish, lambda folder: polish(plain(folder), GAPS, y)),
    (polish, lambda folder: polish(model(), GAPS.to_numpy(), y)),
    (attack, lambda folder: attack(plain(folder), GAPS, y)),
    (certify, lambda folder: certify(plain(folder), GAPS)),
    (LipschitzRegressor.predict, lambda folder: LipschitzRegressor(hidden=3, start="random", lipschitz_price=0.1).fit(NAMED, y).predict(GAPS)),
    (polish, lambda folder: polish(plain(folder), NAMED, pandas.Series(y).where(np.arange(30) != 2))),
    (fit, lambda folder: LipschitzRegressor(hidden=3).fit(NAMED, pandas.Series(y).where(np.arange(30) != 2))),
    (attack, lambda folder: attack(plain(folder), DATES[["a", "when"]], y)),
    (certify, lambda folder: certify(model(), GAPS.to_numpy())),
]


def raised(call, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TautnetError) as found:
            call(folder)
    return found.value


def function_of(name):
    """A function that a hint calls by its name."""
    for place in (tautnet, LipschitzRegressor, tautnet.Certificate, Network):
        if hasattr(place, name):
            return getattr(place, name)
    raise AssertionError(name)


def parameters(function):
    return set(inspect.signature(function).parameters)


def check(error, function):
    """No flag and no mark; each keyword is a parameter of the function called, or of the function that it is an argument of."""
    message = str(error)
    assert "--" not in message and "`tautnet " not in message and "⟨" not in message and "in Python" not in message, message
    for called, arguments in re.findall(r"(\w+)\(([^()]*=[^()]*)\)", error.hint):
        for name in re.findall(r"(\w+)=", arguments):
            assert name in parameters(function_of(called)), message
    alone = re.sub(r"\w+\([^()]*\)", "", error.hint)
    for name in re.findall(r"`(\w+)=", alone):
        assert name in parameters(function), message
    return message


@pytest.mark.parametrize("name, function, call", PROVOKED, ids=[f"{name}-{k}" for k, (name, *_) in enumerate(PROVOKED)])
def test_a_hint_speaks_python(name, function, call, tmp_path):
    error = raised(call, tmp_path)
    check(error, function)
    spoken = {
        "missing": '`missing="drop"`', "date": '`dates={"', "tolerance": '`tolerance="a=10%+0.1"`', "max_lipschitz": "`max_lipschitz`", "tol": "`tol`", "lipschitz_price": "`lipschitz_price=0.03`",
        "layers": "`layers=(64, 64)`", "limit": "`tautnet.set_limits(bytes=", "replace": "`overwrite=True`", "relu_units": "`in_relu_units()`",
        "every_network": "`tautnet.Network`", "polished": "`tautnet.polish(model, X, y)`", "calibrated": "`calibrate(X, y)`",
        "new_certificate": "`tautnet.certify(network).certificate.save(path)`", "certify_file": "`tautnet.certify`", "model_file": "`save` of a fitted",
        "network_file": "`save` of a fitted", "targets": "columns of `y`",
    }  # fmt: skip
    assert spoken[name] in error.hint, error.hint


def test_every_name_is_provoked():
    """The names between marks in the sources of the crates that Python uses, tests left out."""
    names = set()
    for crate in ("verify", "cone", "tautnet", "tables", "models"):
        for file in (ROOT / "crates" / crate / "src").rglob("*.rs"):
            if file.name in ("front.rs", "error.rs") or file.name.endswith("tests.rs"):
                continue
            source = file.read_text().split("#[cfg(test)]")[0]
            names |= set(re.findall(r"⟨(\w+)[=⟩]", source)) | set(re.findall(r'mention\("(\w+)"', source))
    assert len(names) > 15 and names <= {name for name, *_ in PROVOKED} | set(OF_THE_COMMAND_LINE), names
    assert set(OF_THE_COMMAND_LINE) <= names, "an excuse that nobody needs"


@pytest.mark.parametrize("at", range(len(TAKEN_AS_THEY_ARE)))
def test_only_a_fit_is_told_of_its_parameters(at, tmp_path):
    function, call = TAKEN_AS_THEY_ARE[at]
    error = raised(call, tmp_path)
    assert "missing=" not in check(error, function) and "dates=" not in error.hint
    assert error.hint.endswith("leave the column out"), error.hint


def test_notes_speak_python(tmp_path):
    with pytest.warns(UserWarning) as found:
        model().save(tmp_path / "single.onnx", precision="f32")
    notes = [str(note.message) for note in found]
    assert any("`tautnet.certify` makes" in note for note in notes) and all("`tautnet certify`" not in note for note in notes), notes
