"""The lock files: exact, complete for the lists beside them, and what these tests are run with."""
import importlib.metadata
import pathlib
import re
import subprocess

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Every environment that is installed for tests and benchmarks: its lock, and the lists of what it is for.
ENVIRONMENTS = {
    "tests/requirements.lock": ["tests/requirements.txt", "python/tests/requirements.txt"],
    "python/tests/requirements-oldest.lock": ["python/tests/requirements-oldest.txt"],
    "benchmarks/requirements.lock": ["benchmarks/requirements.txt"],
    "docs/site/requirements.lock": ["docs/site/requirements.txt"],
}


def lines(path):
    return [line for line in (ROOT / path).read_text().splitlines() if line and not line.startswith("#")]


def locked(path):
    """Name and version of every package of a lock."""
    pairs = [re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)", line) for line in lines(path)]
    assert all(pairs), f"{path} has a line that is no NAME==VERSION"
    return {canonicalize_name(pair[1]): pair[2] for pair in pairs}


@pytest.mark.parametrize("lock", ENVIRONMENTS)
def test_a_lock_has_what_its_lists_ask_for(lock):
    versions = locked(lock)
    asked = [Requirement(line) for path in ENVIRONMENTS[lock] for line in lines(path)]
    assert asked
    for requirement in asked:
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{lock} has no {requirement.name}: run tests/lock"
        assert requirement.specifier.contains(version), f"{lock} has {requirement.name} {version}, {requirement} is asked for"


def test_every_list_has_its_lock():
    """A list that nobody locks would be a door through which other versions come in."""
    found = subprocess.run(["git", "ls-files", "*requirements*.txt"], cwd=ROOT, capture_output=True, text=True)
    known = {path for lists in ENVIRONMENTS.values() for path in lists}
    if found.returncode == 0:  # the tests run without git too
        assert set(found.stdout.split()) == known
    assert "@" not in "".join(line for lock in ENVIRONMENTS for line in lines(lock)), "a lock names no address"


def test_these_tests_run_with_what_is_locked():
    versions = locked("tests/requirements.lock")
    here = {canonicalize_name(each.name): each.version for each in importlib.metadata.distributions()}
    # More may be there, such as torch, installed by hand; what is locked must be there as it is locked.
    assert {name: here.get(name) for name in versions} == versions
