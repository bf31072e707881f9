"""How long until the robust program with wide inputs is proved to be solved to a relative 1e-3?

The digits 0 and 1 of MNIST, pixels from 0 to 1, Gaussian patterns with both signs, perturbations in a box, a price of the weights of 0.001. Reading the
files is not counted; finding the eigenvectors is. It asks for the idx files in TAUTNET_DATA/mnist.
"""
import gzip
import os
import pathlib
import subprocess
import tempfile

from common import ROOT, write_rows

WIDE = str(ROOT / "target" / "release" / "examples" / "wide")
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
PRICE, GAP = "0.001", "0.001"
SMALL = 10 / 255
CASES = [
    *((600, 36, loss, cells, radius) for cells in ("soft", "hard") for radius in (0.1, SMALL) for loss in ("hinge", "logistic", "squared")),
    (2000, 120, "logistic", "soft", 0.1),
]


def run(setup):
    source = pathlib.Path(os.environ.get("TAUTNET_DATA", ".")) / "mnist"
    if not all((source / f"{name}.gz").exists() for name in FILES):
        print("wide: skipped, no idx files in TAUTNET_DATA/mnist", flush=True)
        return
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "tautnet-study", "--example", "wide"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            (pathlib.Path(folder) / name).write_bytes(gzip.decompress((source / f"{name}.gz").read_bytes()))
        write_rows("wide", [*rows(setup, folder)])


def rows(setup, folder):
    for count, patterns, loss, cells, radius in CASES:
        if not setup.wants(loss) or (setup.quick and count > 600):
            continue
        command = [WIDE, folder, "0", "1", str(count), str(patterns), f"{radius:.6g}", loss, cells, PRICE, GAP, f"{setup.cap:g}"]
        told = setup.child(command).answer
        row = {"rows": count, "patterns": patterns, "columns": 784, "loss": loss, "cells": cells, "radius": f"{radius:.6g}", "price": PRICE, "threads": setup.threads}
        row |= {"seconds": told["seconds"], "iterations": told["iterations"], "objective": told["objective"], "worst_case_loss": told["loss"],
                "lower_bound": told["lower_bound"], "gap": told["gap"], "units_left": told["units_left"]}
        print(f"n {count}, P {patterns}, {loss}, {cells} cells, {radius:.4f}: {told['seconds']:.1f} s, {told['iterations']} iterations, "
              f"{told['objective']:.6f}, bound {told['lower_bound']:.6f}, gap {told['gap']:.1e}", flush=True)
        yield row
