"""What the polish of a deep network gains, against further training of as long from the same start.

A network of two hidden layers is trained by `tautnet train --layers`. Then `tautnet polish` sweeps over its layers, and `train --warm-start` goes on from it for
about as many seconds, by the passes that take so long. `objective` is that of the polish on the rows learned from (mean loss and the price of the bound, or the mean
loss of the worst case within the radius), computed from the weights by the same code; `held_out` is the mean loss, or the share of rows whose class is right, on the
rows that were held out. A step is kept in the row `step`, with what it was about.

    deep_polish.py PROGRAM OUT [DATA]      rows that OUT has are not made again; DATA has mnist
"""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

COLUMNS = ["data", "asked", "activation", "layers", "what", "sweep", "layer", "seconds", "objective", "loss", "bound", "held_out"]
# Data, activation, layers, what is asked for, passes of the start, more for the polish.
CASES = [
    ("machine", "relu", "32,32", "--lipschitz-price 0.01", 400, ""),
    ("machine", "relu", "32,32", "--lipschitz-price 0.01", 400, "--bound lipsdp"),
    ("machine", "maxmin", "32,32", "--radius 0.1", 400, ""),
    ("iris", "abs", "16,16", "--radius 0.1", 400, ""),
    ("breast", "relu", "32,32", "--lipschitz-price 0.01", 200, ""),
    ("breast", "maxmin", "32,32", "--radius 0.1", 200, ""),
    ("wine", "crelu", "16,16", "--lipschitz-price 0.01", 400, ""),
    ("mnist-first-2000", "relu", "256,256", "--lipschitz-price 0.01", 20, "--rounds 1"),
]


def seen(told):
    told = told.get("held_out") or {}
    return told.get("accuracy", told.get("clean", ""))


def measure(program, out, data=None):
    out = pathlib.Path(out)
    rows = list(csv.DictReader(out.open())) if out.exists() else []
    environment = dict(os.environ, **({"TAUTNET_DATA": data} if data else {}))

    def run(*words):
        ran = subprocess.run([program, *words], capture_output=True, text=True, env=environment, check=False)
        return json.loads(ran.stdout) if ran.returncode in (0, 1) and ran.stdout else None

    for name, activation, layers, asked, passes, more in CASES:
        told = f"{asked} {more}".strip()
        if any((row["data"], row["asked"], row["activation"]) == (name, told, activation) for row in rows):
            continue
        with tempfile.TemporaryDirectory() as folder:
            start, polished, further = (str(pathlib.Path(folder) / f"{file}.json") for file in ("start", "polished", "further"))
            common = [name, "--layers", layers, "--activation", activation, "--hidden-weights", "free", *asked.split(), "--validation", "0", "--test", "0.3",
                      "--seed", "1", "--json", "--quiet"]
            trained = run("train", *common, "--epochs", str(passes), "--out", start)
            if trained is None:
                print(f"{name}: left out", file=sys.stderr)
                continue
            polish = ["--test", "0.3", "--seed", "1", *asked.split(), *more.split(), "--json", "--quiet"]
            result = run("polish", start, name, *polish, "--out", polished)
            longer = max(1, round(passes * result["seconds"] / trained["seconds"]))
            gone_on = run("train", *common, "--epochs", str(longer), "--warm-start", start, "--out", further)
            # Its score by the same code, without a step.
            scored = run("polish", further, name, *polish, "--rounds", "1")["before"]

        def row(what, seconds, told_of, sweep="", layer=""):
            return {"data": name, "asked": told, "activation": activation, "layers": layers, "what": what, "sweep": sweep, "layer": layer,
                    "seconds": f"{seconds:.3g}", "objective": f"{told_of['objective']:.6g}", "loss": f"{told_of.get('loss', float('nan')):.6g}",
                    "bound": f"{told_of.get('bound', float('nan')):.6g}", "held_out": seen(told_of)}

        rows.append(row("start", trained["seconds"], result["before"]))
        for step in result["steps"]:
            rows.append(row(f"step {step['what']}", step["seconds"], {"objective": step["after"]}, step["sweep"], step["layer"]))
        rows.append(row("polished", result["seconds"], result["after"], result["sweeps"]))
        rows.append(row("trained further", gone_on["seconds"], scored))
        with out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(rows)
        print(name, told, activation, *(f"{each['what']}: {each['objective']} ({each['seconds']} s)" for each in rows[-1:] + rows[-2:-1]), flush=True)


def run(setup):
    from common import PROGRAM, RESULTS
    measure(str(PROGRAM), RESULTS / "deep-polish.csv")


if __name__ == "__main__":
    measure(*sys.argv[1:])
