"""docs/reference/python.md is what the documentation of the package says. `TAUTNET_REFERENCE=1` writes it anew:

    TAUTNET_REFERENCE=1 .venv/bin/python -m pytest python/tests/test_reference.py
"""
import ast
import inspect
import operator
import os
import pathlib
import re

import pytest

import tautnet
from tautnet import _tautnet

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/python.md"
STUBS = ROOT / "python/package/tautnet/_tautnet.pyi"

HEAD = """# The Python package

Everything that `tautnet` has in Python, made of its own documentation. How it is used is in [the guide](../guide/python.md); the settings, with
their ranges, are explained in [every setting](settings.md).
"""
GROUPS = [
    ("Estimators", ["LipschitzRegressor", "LipschitzClassifier"]),
    ("Functions on networks", ["polish", "certify", "verify", "attack", "lipschitz_path", "write_weights"]),
    ("What they return", ["Bounds", "ChainBounds", "Attack", "AttackWithin", "Interval", "LipschitzPath", "Scores", "Errors", "Rivals"]),
    ("Networks, models and proofs", ["Network", "Model", "Certificate", "ChainCertificate", "ClassMargins"]),
    ("Charts", ["plot_attack", "plot_bounds", "plot_convergence", "plot_fit", "plot_path"]),
    ("On a Dask cluster", ["dask.DaskLipschitzRegressor", "dask.DaskLipschitzClassifier"]),
    ("Limits and errors", ["get_limits", "set_limits", "TautnetError", "NotProved"]),
]


def page():
    stubs = {node.name: node for node in ast.parse(STUBS.read_text()).body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    text = HEAD
    for title, names in GROUPS:
        text += f"\n## {title}\n"
        for name in names:
            thing = operator.attrgetter(name)(tautnet)
            native = thing is getattr(_tautnet, name, None) and name in stubs
            text += "\n" + (of_stub(stubs[name]) if native else of_python(name.split(".")[-1], thing))
    return text


def of_python(name, thing):
    text = f"### `{name}`\n\n{code(name, thing)}{prose(thing.__doc__)}"
    if inspect.isclass(thing):
        for method, function in members(thing):
            if isinstance(function, property):
                text += f"\n- **`{method}`**: {' '.join((function.__doc__ or '').split())}\n"
            else:
                text += f"\n#### `{name}.{method}`\n\n{code(method, function)}{prose(function.__doc__)}"
    return text


def members(cls):
    """Public methods and properties that this package defines and documents, in the order of their definition."""
    found = {}
    for base in cls.__mro__:
        if base.__module__.startswith("tautnet"):
            for name, member in vars(base).items():
                if isinstance(member, (property, type(members))) and not name.startswith("_") and member.__doc__:
                    found.setdefault(name, member)
    return found.items()


def code(name, thing):
    """The signature, written in one way by every Python."""
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return ""
    parts, starred = [], False
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.VAR_POSITIONAL or (parameter.kind is parameter.KEYWORD_ONLY and not starred):
            starred = True
            if parameter.kind is parameter.KEYWORD_ONLY:
                parts.append("*")
        prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        parts.append(f"{prefix}{parameter.name}{default}")
    return f"```python\n{wrapped(name, parts)}\n```\n\n"


def wrapped(name, parts):
    one = f"{name}({', '.join(parts)})"
    return one if len(one) <= 100 else f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def of_stub(stub):
    """A function or a class of the extension, from its stub."""
    if isinstance(stub, ast.FunctionDef):
        return f"### `{stub.name}`\n\n{stub_code(stub)}{prose(ast.get_docstring(stub))}"
    text = f"### `{stub.name}`\n\n{prose(ast.get_docstring(stub))}"
    for node in stub.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and ast.get_docstring(node):
            words = ast.get_docstring(node)
            if any(getattr(mark, "id", "") == "property" for mark in node.decorator_list):
                text += f"\n- **`{node.name}`** (`{plain(node.returns)}`): {' '.join(words.split())}\n"
            else:
                text += f"\n#### `{stub.name}.{node.name}`\n\n{stub_code(node)}{prose(words)}"
    return text


def stub_code(node):
    arguments = re.sub(r"^(self|cls)(, )?", "", plain(node.args))
    returns = f" -> {plain(node.returns)}" if node.returns else ""
    return f"```python\n{node.name}({arguments}){returns}\n```\n\n"


def plain(node):
    """A piece of a stub, without the short names of its types."""
    return ast.unparse(node).replace("_Floats", "ndarray").replace("_Path", "str | PathLike").replace("_Limits", "tuple")


def prose(docstring):
    """Documentation as Markdown: sections under a line of dashes are lists of `name : what it is`."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    text, inside, k = [], False, 0
    while k < len(lines):
        line = lines[k]
        if k + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[k + 1].strip()):
            text += [f"**{line.strip()}**", ""]
            inside, k = True, k + 2
            continue
        entry = re.fullmatch(r"([\w*, .]+?) : (.*)", line) if inside else None
        text.append(f"- **`{entry[1]}`**: {escaped(entry[2])}" if entry else escaped(line))
        k += 1
    return "\n".join(text).rstrip() + "\n"


def escaped(line):
    """`*` and `_` mean themselves outside of code."""
    parts = line.split("`")
    return "`".join(part if at % 2 else re.sub(r"(?<!\\)([*<])", r"\\\1", part) for at, part in enumerate(parts))


def test_every_public_name_has_its_place():
    named = [name for _, names in GROUPS for name in names if "." not in name]
    assert sorted(named) == sorted(set(tautnet.__all__) - {"__version__"})


def test_the_reference_is_up_to_date():
    pytest.importorskip("distributed")
    import tautnet.dask  # noqa: F401
    text = page()
    assert "{settings}" not in text
    if os.environ.get("TAUTNET_REFERENCE"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text, "write it anew: TAUTNET_REFERENCE=1 .venv/bin/python -m pytest python/tests/test_reference.py"
