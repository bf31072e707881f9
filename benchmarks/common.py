"""What the benchmarks share: running a child with its cost, data, starting networks, result files."""
import csv
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "target" / "release" / "tautnet"
RESULTS = ROOT / "benchmarks" / "results"
OPPONENT = [sys.executable, str(ROOT / "benchmarks" / "opponent.py")]


@dataclasses.dataclass
class Run:
    """One child process: its JSON answer, or what went wrong, and what it cost."""

    answer: dict | None
    trouble: str
    wall: float  # seconds from start to exit
    peak: float  # largest resident set, MiB
    cpu: float  # seconds of the processor


@dataclasses.dataclass
class Setup:
    """The settings of one call of ./bench."""

    quick: bool
    repeats: int
    cap: float
    threads: int
    only: list
    opponents: list
    before: str | None = None  # folder of another build, for `change`

    def wants(self, name):
        return not self.only or name in self.only

    def child(self, command, cap=None):
        """Run a command that prints one JSON object; kill it after `cap` seconds."""
        threads = {key: str(self.threads) for key in
                   ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "report.json"
            launcher = [sys.executable, "-S", str(ROOT / "benchmarks" / "launch.py"), str(report),
                        f"{cap:g}" if cap else "none"]
            subprocess.run(launcher + command, stdout=out, stderr=err, env=os.environ | threads, check=True)
            facts = json.loads(report.read_text())
            out.seek(0), err.seek(0)
            printed, message = out.read(), err.read().decode(errors="replace").strip().splitlines()
        answer, trouble = None, ""
        if facts["stopped"]:
            trouble = f"stopped at {cap:g} s"
        elif facts["exit"] != 0:
            trouble = f"exit {facts['exit']}: {(message or ['no message'])[-1][:120]}"
        else:
            try:
                answer = json.loads(printed)
            except ValueError as error:
                trouble = f"unreadable answer: {error}"
        return Run(answer, trouble, facts["wall"], facts["peak"], facts["cpu"])

    def describe(self):
        """Write what the numbers depend on beside them."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        lines = [f"processor   {processor()}", f"cores       {os.cpu_count()}", f"memory      {memory()} GiB",
                 f"system      {platform.system()} {platform.machine()}", f"rustc       {output('rustc', '--version')}",
                 f"commit      {output('git', '-C', str(ROOT), 'rev-parse', '--short', 'HEAD')}",
                 f"threads     {self.threads} for every program", f"repeats     {self.repeats}, medians reported",
                 f"cap         {self.cap:g} s for each run of an opponent", f"python      {platform.python_version()}"]
        for package in ("cvxpy", "clarabel", "scs", "numpy", "scipy", "scikit-learn"):
            lines.append(f"{package:<11} {importlib.metadata.version(package)}")
        (RESULTS / "machine.txt").write_text("\n".join(lines) + "\n")
        print("\n".join(lines) + "\n", flush=True)


def processor():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def memory():
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return "unknown"


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def write_rows(name, rows):
    """All rows of one benchmark, replacing those of the last run."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(RESULTS / f"{name}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"rows in benchmarks/results/{name}.csv\n", flush=True)


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def geometric_mean(values):
    return float(np.exp(np.mean(np.log(values)))) if values else None


def show(seconds):
    return "      –" if seconds is None else f"{seconds:7.2f}"


# Data. Every set: (x, y) standardized on its training part, letters one-hot, constant columns dropped.

SETS = {"machine": "machine", "servo": "servo", "solar": "solar_flare", "wine": "wine_quality_red", "rastrigin": None}
TARGETS = {"solar": ("target_c", {"target_m", "target_x"})}  # the others: the last column, nothing dropped


def data_set(name, seed=0):
    """Training part of a set, or None when its file is not at hand."""
    rng = np.random.default_rng(seed)
    if SETS[name] is None:
        return standardized(*rastrigin(rng))
    read = file_columns(name)
    if read is None:
        return None
    inputs, y = read
    columns = []
    for _, cells in inputs:
        try:
            columns.append(np.array(cells, float))
        except ValueError:
            columns += [np.array([cell == level for cell in cells], float) for level in sorted(set(cells))]
    x, y = np.stack(columns, axis=1), np.array(y, float)
    train = rng.permutation(len(y))[: int(0.8 * len(y))]
    return standardized(x[train], y[train])


def data_sets(setup):
    """Name and (x, y) of every set that is wanted and at hand; a line for each that is not at hand."""
    for name in filter(setup.wants, SETS):
        data = data_set(name)
        if data is None:
            print(f"{name:<10} skipped: no {SETS[name]}.csv in TAUTNET_DATA", flush=True)
        else:
            yield name, data


def rastrigin(rng):
    x = rng.uniform(-5.12, 5.12, size=(1500, 2))
    return x, 20 + (x**2 - 10 * np.cos(2 * np.pi * x)).sum(axis=1)


def file_columns(name):
    """Input columns of a file as (name, texts), and the texts of its target; None when it is not at hand."""
    folder = os.environ.get("TAUTNET_DATA")
    if not folder:
        return None
    places = [pathlib.Path(folder) / sub / f"{SETS[name]}.csv" for sub in ("", "uci")]
    path = next((place for place in places if place.exists()), None)
    if path is None:
        return None
    with open(path, newline="") as file:
        header, *table = list(csv.reader(file))
    target, dropped = TARGETS.get(name, (header[-1], set()))
    columns = {column: [row[index] for row in table] for index, column in enumerate(header)}
    y = columns.pop(target)
    return [(column, cells) for column, cells in columns.items() if column not in dropped], y


def standardized(x, y):
    x = x[:, x.std(axis=0) > 0]
    return (x - x.mean(axis=0)) / x.std(axis=0), (y - y.mean()) / y.std()


def starting_network(x, y, m, seed=0, steps=1000, rate=0.01, decay=1e-4, batch=64):
    """Minibatch Adam on the squared error with a little weight decay: the network that every program is given."""
    rng = np.random.default_rng(1000 + seed)
    n, d = x.shape
    w = rng.normal(size=(m, d)) * np.sqrt(2 / d)
    b, v = np.zeros(m), rng.normal(size=m) / np.sqrt(m)
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in (w, b, v)]
    for step in range(1, steps + 1):
        rows = rng.integers(0, n, size=min(batch, n))
        h = x[rows] @ w.T + b
        a = np.maximum(h, 0)
        r = 2 * (a @ v - y[rows]) / len(rows)
        g = (r[:, None] * (h > 0)) * v
        gradients = (g.T @ x[rows] + decay * w, g.sum(axis=0) + decay * b, a.T @ r + decay * v)
        for p, gradient, (first, second) in zip((w, b, v), gradients, moments):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            p -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return w, b, v


def write_network(path, w, b, v, c=0.0):
    network = {"w": w.tolist(), "b": b.tolist(), "v": v.tolist(), "c": float(c)}
    pathlib.Path(path).write_text(json.dumps(network))


def write_table(path, x, y, digits=17):
    header = ",".join([f"x{k + 1}" for k in range(x.shape[1])] + ["target"])
    np.savetxt(path, np.c_[x, y], fmt=f"%.{digits}g", delimiter=",", header=header, comments="")
