"""The judge, live: it still gives the stored answers, and the command line agrees with it."""
import csv
import json
import math
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
STORED = ROOT / "crates" / "tautnet" / "tests" / "known_optima"
PROGRAM = ROOT / "target" / "release" / "tautnet"
NAMES = ["rastrigin_a", "one_hot_c", "few_rows_b"]

sys.path.insert(0, str(ROOT / "tests" / "known_optima"))
import oracle  # noqa: E402


def stored(name):
    return json.loads((STORED / f"{name}.json").read_text())


def asked(instance, answer):
    """The instance in the oracle's format with the settings of one stored answer."""
    raw = {key: instance[key] for key in ("x", "y", "w", "b", "v")}
    raw |= {key: answer[key] for key in ("lipschitz", "decay", "penalty", "output_bias", "max_lipschitz")}
    return raw | ({"weights": instance["weights"]} if answer["weighted"] else {})


@pytest.mark.parametrize("name", NAMES)
def test_stored_answers_are_those_of_the_oracle(name):
    instance = stored(name)
    for answer in instance["answers"]:
        live = oracle.answer(answer["program"], asked(instance, answer))
        assert math.isclose(live["objective"], answer["objective"], rel_tol=2e-7, abs_tol=1e-9), answer


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("program", ["joint", "joint-inf", "decay"])
def test_command_line_agrees_with_the_oracle(name, program, tmp_path):
    instance = stored(name)
    answer = next(a for a in instance["answers"] if a["program"] == program)
    network, table = tmp_path / "network.json", tmp_path / "data.csv"
    network.write_text(json.dumps({key: instance[key] for key in ("w", "b", "v")}))
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"x{k}" for k in range(len(instance["x"][0]))] + ["target"])
        writer.writerows([*row, target] for row, target in zip(instance["x"], instance["y"]))
    command = [PROGRAM, "polish", network, table,
               "--lipschitz", str(answer["lipschitz"]), "--decay", str(answer["decay"]),
               "--method", "weight-decay" if program == "decay" else "joint",
               "--norm", "inf" if program == "joint-inf" else "2", "--no-standardize", "--no-output-bias", "--json"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    live = oracle.answer(program, asked(instance, answer))
    assert math.isclose(found["objective"], live["objective"], rel_tol=1e-6, abs_tol=1e-9)
    assert found["objective"] <= found["before"]["objective"]
