"""The notebooks of `examples/notebooks` run, and what they print is what is stored in them.

    TAUTNET_NOTEBOOKS=1 .venv/bin/python -m pytest python/tests/test_notebooks.py     stores what they print today
"""
import copy
import json
import os
import shutil
import time

import pytest

from conftest import ROOT
from printed import agrees, tokens

needed = "the notebooks were not run: nbclient, nbformat and ipykernel are needed (python/tests/requirements.txt)"
nbformat = pytest.importorskip("nbformat", reason=needed)
nbclient = pytest.importorskip("nbclient", reason=needed)
pytest.importorskip("ipykernel", reason=needed)

FOLDER = ROOT / "examples" / "notebooks"
NOTEBOOKS = ["a-table-with-tolerances.ipynb", "a-network-you-have.ipynb"]


def run(notebook, folder):
    """The notebook with what its cells print in that folder; an exception if one of them fails."""
    run = copy.deepcopy(notebook)
    for cell in run.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    # A cell may wait for a busy machine; a stopped kernel is not waited for.
    nbclient.NotebookClient(run, timeout=300, record_timing=False, resources={"metadata": {"path": str(folder)}}).execute()
    for cell in run.cells:
        cell.metadata = nbformat.NotebookNode()
    return run


def texts(cell):
    """What a cell prints, output by output, in words; of a picture and of a table that is their plain form."""
    told = []
    for output in cell.outputs:
        if output.output_type == "stream" and told and told[-1][0] == output.name:
            told[-1] = (output.name, told[-1][1] + output.text)
        elif output.output_type == "stream":
            told.append((output.name, output.text))
        else:
            told.append((output.output_type, output.data.get("text/plain", "")))
    return told


def same(shown, printed):
    """Whether two texts have the same lines, by the rule of `printed.py`."""

    def lines(text):
        return [tokens(line) for line in text.splitlines() if tokens(line)]

    one, other = lines(shown), lines(printed)
    return len(one) == len(other) and all(len(a) == len(b) and all(map(agrees, a, b)) for a, b in zip(one, other))


def difference(stored, printed):
    """The first cell that prints something else than what is stored, with both; None where there is none."""
    for k, (before, after) in enumerate(zip(stored.cells, printed.cells, strict=True)):
        if before.cell_type == "code":
            one, other = texts(before), texts(after)
            if [name for name, _ in one] != [name for name, _ in other] or not all(same(a, b) for (_, a), (_, b) in zip(one, other)):
                return k + 1, one, other
    return None


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder like that of the notebooks, where they can read what they read and write what they write."""
    shutil.copy(ROOT / "examples" / "plant.csv", tmp_path)
    (tmp_path / "notebooks").mkdir()
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / "settings"))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # pictures appear in the notebook
    return tmp_path / "notebooks"


def test_every_notebook_is_named_here():
    assert sorted(path.name for path in FOLDER.glob("*.ipynb")) == sorted(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_and_prints_what_it_shows(name, place):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pandas")
    stored = nbformat.read(FOLDER / name, as_version=4)
    nbformat.validate(stored)
    begin = time.monotonic()
    printed = run(stored, place)
    print(f"{name}: {time.monotonic() - begin:.1f} s")
    if os.environ.get("TAUTNET_NOTEBOOKS"):
        (FOLDER / name).write_text(json.dumps(printed, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        stored = printed
    assert len(stored.cells) < 12
    assert [k for k, cell in enumerate(printed.cells) if cell.cell_type == "code" for name, _ in texts(cell) if name == "stderr"] == []
    assert difference(stored, printed) is None
    kinds = {kind for cell in stored.cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert "image/png" in kinds, "the picture is stored, so that it is seen where nothing runs"
    source = json.dumps(stored)
    assert str(ROOT) not in source and "/tmp/" not in source and "/home/" not in source


def made_up(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_what_changes_is_seen_and_an_error_ends_it(place):
    stored = run(made_up("print('R²: 0.91')\nprint('12 rows')", "1 + 1"), place)
    assert difference(stored, stored) is None
    for before, after in [("R²: 0.91", "R²: 0.93"), ("12 rows", "13 rows"), ("12 rows", "12 rows left"), ("12 rows", "12 rows')\nprint('more")]:
        other = run(made_up(stored.cells[0].source.replace(before, after), "1 + 1"), place)
        assert difference(stored, other)[0] == 1, after
    assert difference(stored, run(made_up(stored.cells[0].source, "1 + 2"), place))[0] == 2
    assert difference(stored, run(made_up(stored.cells[0].source.replace("0.91", "0.92"), "1 + 1"), place)) is None, "the last digit may differ by one"
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="no_such_name"):
        run(made_up("no_such_name"), place)
