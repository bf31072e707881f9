"""Parameters of Python against the library's settings: names, defaults and documentation are the library's."""
import inspect

import pytest

import tautnet
from tautnet import LipschitzRegressor, TautnetError, _tautnet

# What stands beside the library's settings, which is about the run or about Python.
BESIDE = {
    "train": {"missing", "dates", "standardize", "warm_start", "verbose", "self"},
    "polish": {"network", "X", "y", "sample_weight", "standardize", "verbose"},
    "attack": {"network", "X", "y", "standardize"},
}
# In Python the caller holds rows out. A polish draws nothing then. An attack is ended by Ctrl-C alone.
LEFT_OUT = {"train": {"test"}, "polish": {"seed", "test"}, "attack": {"time_limit"}}
DOORS = {"train": LipschitzRegressor.__init__, "polish": tautnet.polish, "attack": tautnet.attack}


@pytest.mark.parametrize("command", DOORS)
def test_the_parameters_are_the_settings(command):
    parameters = dict(inspect.signature(DOORS[command]).parameters)
    settings = {setting["name"]: setting for setting in _tautnet.settings(command)}
    for name in LEFT_OUT.get(command, ()):
        settings.pop(name)
    settings = {setting["parameter"]: setting for setting in settings.values()}
    assert set(parameters) - BESIDE[command] == set(settings)
    for name, setting in settings.items():
        assert parameters[name].default == setting["default"], name
        assert type(parameters[name].default) is type(setting["default"]), name


def test_the_documentation_is_the_library_s():
    for documentation, command in [
        (LipschitzRegressor.__doc__, "train"),
        (tautnet.polish.__doc__, "polish"),
        (tautnet.attack.__doc__, "attack"),
    ]:
        words = " ".join(documentation.split())
        assert "{settings}" not in words
        for setting in _tautnet.settings(command):
            if setting["name"] not in LEFT_OUT.get(command, ()):
                for part in (setting["help"][1:], setting["values"], setting["default_in_words"]):
                    assert " ".join(part.split()) in words, (command, setting["name"])


def test_a_command_that_is_not_there_is_refused():
    with pytest.raises(TautnetError, match="there is no command `bake`"):
        _tautnet.settings("bake")
