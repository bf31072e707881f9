"""The pages of the guide, the README and the examples run, and print what the pages show; types are right."""
import contextlib
import importlib.util
import io
import re
import subprocess
import sys

import numpy as np
import pytest

from conftest import ROOT
from printed import is_in, missing

import tautnet

PYTHON = ROOT / "python"


def blocks(page):
    """Blocks of Python of a page, each with the module that it needs and with what the page shows of its output."""
    block = r"(?:<!-- needs (\w+) -->\n)?```python\n(.*?)```(?:\n\n```text\n(.*?)```)?"
    found = re.findall(block, page.read_text(encoding="utf-8"), re.S)
    assert found
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page, at_least, outputs", [("python.md", 10, 2), ("coming-from.md", 4, 0), ("classes.md", 1, 0), ("deep.md", 2, 2), ("journeys.md", 12, 9), ("on-a-cluster.md", 4, 2)])
def test_the_guide_runs(page, at_least, outputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = blocks(ROOT / "docs" / "guide" / page)
    assert len(found) >= at_least and sum(bool(shown) for _, _, shown in found) >= outputs
    names = {"__name__": "guide"}
    for needs, block, shown in found:
        if needs and importlib.util.find_spec(needs) is None:
            continue
        name = f"{page}: {block.splitlines()[0]}"
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(block, name, "exec"), names)
        assert missing(shown, printed.getvalue()) is None, (name, missing(shown, printed.getvalue()), printed.getvalue())


def test_a_pipeline_is_certified_and_polished_in_under_ten_cells():
    page = (ROOT / "docs" / "guide" / "journeys.md").read_text(encoding="utf-8")
    journey = page[page.index("## A pipeline") : page.index("## A classifier")]
    assert 0 < journey.count("```python") < 10


def test_words_and_digits_count_and_times_do_not():
    line = "LipSDP, proved                   ≤ 1.12282  65 ms"
    for shown in ["LipSDP, proved  ≤ 1.12282  71 ms", "proved ≤ 1.12", "proved ≤ 1.1228…", "≤ 1.12281", "LipSDP, proved …"]:
        assert is_in(shown, line), shown
    for shown in ["LipSDP, proved  ≥ 1.12282", "proved ≤ 1.14", "≤ 1.12284", "≤ 1.1230…", "≤ 1", "proved 1.12282"]:
        assert not is_in(shown, line), shown
    assert is_in("98.…", "98.7955") and is_in("[14.60… 1.433…]", "[14.60098361  1.43330779]") and not is_in("157 rows", "156 rows")
    assert is_in("≤ 40", "≤ 40.0001") and not is_in("≤ 40", "≤ 40.01") and not is_in("≤ 40", "≤ 41")
    assert is_in("gap 6.4e-9", "gap 6.3e-9") and not is_in("gap 6.4e-9", "gap 6.4e-8")
    assert missing("a 1\n…\nb 2.5\n", "a 1\nx\nb 2.5\n") is None and missing("b 2.5\na 1\n", "a 1\nb 2.5\n") == "a 1"


@pytest.mark.filterwarnings("ignore")
def test_the_readme_runs():
    from sklearn.neural_network import MLPRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = X[:, 0] ** 2
    mlp = MLPRegressor(hidden_layer_sizes=(20,), max_iter=50, random_state=0).fit(X, y)
    for _, block, _ in blocks(PYTHON / "README.md"):
        exec(block, {"X": X, "y": y, "fitted_mlp_regressor": mlp})


@pytest.mark.filterwarnings("ignore")
def test_the_first_page_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = blocks(ROOT / "README.md")
    assert len(found) == 1 and found[0][2]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(found[0][1], {})
    assert missing(found[0][2], printed.getvalue()) is None, printed.getvalue()
    assert (tmp_path / "diabetes.onnx").exists()


def load(name):
    spec = importlib.util.spec_from_file_location(name, PYTHON / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # workers on other processes find functions by their module
    spec.loader.exec_module(module)
    return module


def test_a_sweep_on_several_processes():
    pytest.importorskip("dask.distributed")
    done = subprocess.run([sys.executable, PYTHON / "examples" / "dask_sweep.py", "2"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "12 settings on 2 processes"
    bounds = [float(re.search(r"bound ([0-9.]+)", line)[1]) for line in lines[1:]]
    assert len(bounds) == 4 and bounds == sorted(bounds)


@pytest.mark.filterwarnings("ignore")
def test_the_gallery_draws(tmp_path):
    pytest.importorskip("matplotlib")
    load("gallery").main(tmp_path)
    names = sorted(path.stem for path in tmp_path.glob("*.png"))
    assert names == ["attack", "bounds", "convergence", "fit", "intervals", "path"]
    import matplotlib.image

    for path in tmp_path.glob("*.png"):
        pixels = matplotlib.image.imread(path)
        assert pixels.shape[0] > 300 and pixels[..., :3].std() > 0.02, path


def test_types():
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", "../target/mypy"]
    done = subprocess.run(command, cwd=PYTHON, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_types_by_another_checker():
    """What mypy passes need not pass pyright, which editors use."""
    pytest.importorskip("basedpyright")
    command = [sys.executable, "-m", "basedpyright", "--project", "pyproject.toml", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=PYTHON, capture_output=True, text=True)
    assert done.returncode == 0 and "0 errors, 0 warnings" in done.stdout, done.stdout + done.stderr


def test_the_stubs_are_those_of_the_extension():
    """Every name of the extension is in the stubs, and the other way round."""
    import ast

    from tautnet import _tautnet

    tree = ast.parse((PYTHON / "package" / "tautnet" / "_tautnet.pyi").read_text())
    hidden = {"__version__", "__new__"}

    def public(names):
        return {name for name in names if not name.startswith("_")}

    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert public(dir(_tautnet)) - hidden == public(classes) | public(functions)
    for name, node in classes.items():
        members = {member.name for member in node.body if isinstance(member, ast.FunctionDef)} - hidden
        assert public(dir(getattr(_tautnet, name))) == members, name


def test_the_import_alone_loads_no_scikit_learn():
    told = subprocess.run(
        [sys.executable, "-c", "import sys, tautnet; print('sklearn' in sys.modules, sorted(tautnet.__all__) == [n for n in dir(tautnet) if n in tautnet.__all__])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == ["False", "True"]
    for name in tautnet.__all__:
        assert getattr(tautnet, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        tautnet.nothing  # noqa: B018
