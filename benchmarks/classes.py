"""Classes within a tolerance: is the classifier of `tautnet train` worth choosing? Accuracy on rows held out.

For every table, split and tolerance: at most 400 rows to learn from and 250 held out, columns in standard deviations of the rows learned from.
Targets of numbers are made two classes: above their median or not. Every network is attacked and proved by the same `tautnet attack`.

  tautnet  `tautnet train --tolerance …`, nothing else said; `start` is the ordinary training that it names
  pgd      training under attack (steps of ascent that go on from the last visit), radius × decay × width × length tuned by five-fold
           cross-validation on the loss under attack
  std      the same without attacks in training
"""
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import value

TABLES = ["breast", *value.TABLES]
TOLERANCES = [("box", 0.1), ("ball", 0.3)]
COLUMNS = ["table", "split", "shape", "size", "method", "clean", "found", "proved", "seconds", "note"]


class Case(value.Case):
    """A split of a table whose target is a class, -1 or 1."""

    def __init__(self, folder, name, split, work):
        super().__init__(folder, name, split, work)
        both = np.concatenate([self.y, self.yt])
        middle = 0.0 if len(set(both)) == 2 else np.median(self.y)
        self.y, self.yt = (np.where(part > middle, 1, -1) for part in (self.y, self.yt))
        for path, x, y in ((self.learn, self.x, self.y), (self.test, self.xt, self.yt)):
            with path.open("w") as file:
                file.write(",".join(self.names + ["target"]) + "\n")
                for row, label in zip(x, y):
                    file.write(",".join([*(repr(float(v)) for v in row), str(int(label))]) + "\n")


def breast(folder):
    """The built-in table as numbers, in a folder where the others are looked for."""
    rows = list(csv.reader((value.ROOT / "crates/tables/src/data/breast.csv").open()))
    with (folder / "breast.csv").open("w") as file:
        for k, row in enumerate(rows):
            file.write(",".join(row if k == 0 else [*row[:-1], str(int(row[-1] == "malignant"))]) + "\n")
    return folder


def attacked(program, network, case, shape, size):
    """Accuracy on the rows held out: without attack, where an attack looked, proved."""
    answer, _ = value.call(program, ["attack", network, case.test, "--no-standardize", "--loss", "logistic", "--threads", 1, "--json", "--quiet",
                                     *case.said(shape, size)])
    at = {s["size"]: s["accuracy"] for s in answer["sizes"]}
    return at[0.0]["found"], at[1.0]["found"], at[1.0]["proved"]


def measure(program, race, data, out, tables, splits, tolerances, workers):
    book = value.Book(out)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        own = breast(work)

        def job(name, split, shape, size):
            case = Case(own if name == "breast" else data, name, split, pathlib.Path(tempfile.mkdtemp(dir=work)))
            if not book.has(case, shape, size, "tautnet"):
                answer, seconds = value.call(program, ["train", case.learn, "--test", case.test, "--json", "--quiet", "--threads", 1,
                                                       *case.said(shape, size)])
                for method, side in (("start", "start"), ("tautnet", "result")):
                    at = answer["held_out"][side]["accuracy"]
                    note = f"{answer['units']} units" if method == "tautnet" else ""
                    book.add(case, shape, size, method, (at["clean"], at["found"], at["proved"]), seconds, note)
            for method, reaches in (("pgd", "0.5,1,1.5"), ("std", "0")):
                if book.has(case, shape, size, method):
                    continue
                begun, network = time.time(), case.learn.parent / f"{method}.json"
                sizes = ",".join(repr(float(one)) for one in case.sizes(size))
                done = subprocess.run([str(race), str(case.learn), shape, sizes, str(network), "logistic", reaches], capture_output=True,
                                      text=True, check=True, env=os.environ | {"RAYON_NUM_THREADS": "1"})
                seconds = time.time() - begun
                book.add(case, shape, size, method, attacked(program, network, case, shape, size), seconds, done.stdout.strip())

        with value.concurrent.futures.ThreadPoolExecutor(workers) as pool:
            jobs = {pool.submit(job, name, split, *tolerance): (name, split) for split in splits for tolerance in tolerances for name in tables}
            for ended in value.concurrent.futures.as_completed(jobs):
                if ended.exception():  # One that fails must not end the others; it is told.
                    print(f"{jobs[ended]}: {ended.exception()}", file=sys.stderr, flush=True)


def summary(path):
    """For every tolerance and method: the mean over the tables of means over the splits, and on how many tables `tautnet` has no less."""
    rows = list(csv.DictReader(path.open()))
    for shape, size in dict.fromkeys((row["shape"], row["size"]) for row in rows):
        of = {}
        for row in rows:
            if (row["shape"], row["size"]) == (shape, size):
                of.setdefault((row["method"], row["table"]), []).append(row)
        mean = lambda method, table, column: statistics.fmean(float(row[column]) for row in of[(method, table)])
        tables = [table for method, table in of if method == "tautnet" and ("pgd", table) in of]
        print(f"{shape} {size}: {len(tables)} tables; clean, attacked, proved accuracy")
        for method in ("tautnet", "pgd", "std", "start"):
            told = [statistics.fmean(mean(method, table, column) for table in tables) for column in ("clean", "found", "proved")]
            lost = sum(mean("tautnet", table, "proved") < mean(method, table, "proved") - 1e-9 for table in tables)
            print(f"  {method:<8} {told[0]:.4f} {told[1]:.4f} {told[2]:.4f}" + (f"  above tautnet on {lost} tables" if method != "tautnet" else ""))


def run(setup):
    data = os.environ.get("TAUTNET_DATA")
    if not data:
        print("classes: the tables are read from the folder TAUTNET_DATA, which is not set\n")
        return
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "tautnet-models", "--example", "adversarial_race"],
                   cwd=value.ROOT, check=True)
    out = value.ROOT / "benchmarks" / "results" / "classes.csv"
    tables = [name for name in TABLES if setup.wants(name)]
    splits, tolerances = (range(1), TOLERANCES[:1]) if setup.quick else (range(3), TOLERANCES)
    measure(value.ROOT / "target/release/tautnet", value.RACE, pathlib.Path(data), out, tables, splits, tolerances,
            max(1, os.cpu_count() // setup.threads))
    summary(out)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--summary"]:
        summary(pathlib.Path(sys.argv[2]))
    else:
        program, race, data, out, splits, workers = sys.argv[1:7]
        measure(program, race, pathlib.Path(data), pathlib.Path(out), TABLES, range(int(splits)), TOLERANCES, int(workers))
        summary(pathlib.Path(out))
