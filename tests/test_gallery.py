"""The gallery: its pictures are there, and its commands ask for nothing that the program does not have."""
import pathlib
import re
import shlex
import struct
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "target" / "release" / "tautnet"
GALLERY = ROOT / "docs" / "gallery.md"
PAGE = GALLERY.read_text(encoding="utf-8")
SECTIONS = re.split(r"^## ", PAGE, flags=re.M)[1:]


def commands(text):
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]


def flags(*words):
    """The flags of a command, as its `--help` tells them, with what stands behind each in angle brackets."""
    told = subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)(?: <(.*?)>$)?", told, re.M))


def unknown(line):
    """The first flag of a command of tautnet that its `--help` does not have."""
    words = shlex.split(line)[1:]
    known = flags(*words[: 2 if words[0] in ("data", "reproduce") else 1])
    return next((word for word in words if word.startswith("--") and word.partition("=")[0] not in known), None)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.splitlines()[0])
def test_a_section_has_a_picture_and_the_command_that_makes_it(section):
    (alternative, picture), *more = re.findall(r"!\[(.*?)\]\((.*?)\)", section)
    assert not more and len(alternative) > 20, "who does not see the picture is told what is on it"
    path = (GALLERY.parent / picture).resolve()
    data = path.read_bytes()
    if path.suffix == ".png":
        assert data[:8] == b"\x89PNG\r\n\x1a\n" and min(struct.unpack(">II", data[16:24])) > 400
    else:
        assert b"<svg " in data and data.rstrip().endswith(b"</svg>")
    assert len(data) < 300_000
    lines = commands(section)
    assert lines and section.index("```sh") < section.index("![")
    for line in lines:
        if line.startswith("tautnet "):
            assert unknown(line) is None, line
    words = [word for line in lines for word in shlex.split(line)]
    for name in (word for word in words if word.startswith("examples/")):
        assert (ROOT / name).is_file(), name
    made = {pathlib.Path(word.rpartition("=")[2]).name for word in words}
    assert path.name in made or path.stem in ("figure-1-paper", "plant-intervals"), f"{path.name} is not what the commands write"


def test_there_are_pictures_for_every_command_that_draws():
    drawing = {line.split()[1] for line in commands(PAGE) if line.startswith("tautnet ")}
    assert drawing >= {"train", "certify", "compare", "reproduce"} and 6 <= len(SECTIONS) <= 8


def test_a_flag_that_is_none_is_seen():
    assert unknown("tautnet train machine --plott fit.svg") == "--plott"
    assert unknown("tautnet train machine --plot fit.svg --test 0.25") is None
    assert unknown("tautnet reproduce figure-1 --tier paper") is None and unknown("tautnet reproduce figure-1 --teir paper") == "--teir"
