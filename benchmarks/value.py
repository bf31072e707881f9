"""Is the result of `tautnet train` worth choosing? Errors on rows held out, within a tolerance, against what else one could train.

For every table (its first 6000 rows), split and tolerance: at most 400 rows to learn from and 250 held out, columns in standard deviations of the rows
learned from, words as 0/1 columns that are exact. Every network is attacked and proved by the same `tautnet attack`.

  tautnet      `tautnet train --tolerance …`, nothing else said; `start` is the ordinary training that it names
  own          adversarial training in this project, tuned in the same way, the length of training too
  adversarial  adversarial training in PyTorch, tuned by five-fold cross-validation on the attacked error over radius × decay × width
  decay        the same without attacks: weight decay and width tuned on the attacked error
  mlp          scikit-learn's MLPRegressor, its alpha and width tuned by cross-validation; `polished` is what `polish` makes of it
  mlp-default  MLPRegressor as it comes, and `polished`
  ridge        ridge regression, its price tuned by cross-validation
  price        `tautnet train --tolerance 0`: the objective with a price

and with `--tolerance exact` the clean error of `tautnet` against those of the last four.

Tables of this list were not looked at when defaults were chosen. Rows are added to the file as they come, so that a run can be
cut short and gone on with.
"""
import argparse
import concurrent.futures
import csv
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
RACE = ROOT / "target" / "release" / "examples" / "adversarial_race"
TABLES = ["servo", "machine", "solar_flare", "wine_quality_red", "wine_quality_white", "abalone", "boston_housing",
          "california_housing", "diabetes", "kin8nm"]
EXACT = ("exact", 0.0)
TOLERANCES = [("ball", 0.1), ("ball", 0.2), ("ball", 0.3), ("box", 0.1)]
LEARNED, HELD_OUT, ROWS = 400, 250, 6000
RADII, DECAYS, WIDTHS, FOLDS = (0.0, 0.5, 1.0, 1.5), (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), (50, 200), 5
STEPS, RATE = 1500, 1e-2
COLUMNS = ["table", "split", "shape", "size", "method", "clean", "found", "proved", "seconds", "note"]


def table(folder, name):
    """Columns in numbers, which of them are exact, and the target."""
    path = next(p for p in (folder / "uci" / f"{name}.csv", folder / f"{name}.csv") if p.exists())
    rows = list(csv.reader(path.open()))
    header, rows = rows[0], rows[1:ROWS + 1]
    if name == "solar_flare":
        header, rows = header[:-2], [row[:-2] for row in rows]
    columns, exact = [], []
    for j in range(len(header) - 1):
        values = [row[j] for row in rows]
        try:
            columns.append([float(v) for v in values])
            exact.append(False)
        except ValueError:
            for level in sorted(set(values)):
                columns.append([float(v == level) for v in values])
                exact.append(True)
    return np.array(columns).T, np.array(exact), np.array([float(row[-1]) for row in rows])


class Case:
    """One split in standard units, as arrays and as files."""

    def __init__(self, folder, name, split, work):
        x, self.exact, y = table(folder, name)
        order = np.random.default_rng(1000 + split).permutation(len(y))
        held = min(HELD_OUT, len(y) // 4)
        test, learn = order[:held], order[held:held + LEARNED]
        mean, spread = x[learn].mean(0), x[learn].std(0)
        keep = spread > 0
        x, self.exact = (x[:, keep] - mean[keep]) / spread[keep], self.exact[keep]
        y = (y - y[learn].mean()) / y[learn].std()
        self.name, self.split = name, split
        self.x, self.y, self.xt, self.yt = x[learn], y[learn], x[test], y[test]
        self.names = [f"x{j}" for j in range(x.shape[1])]
        self.learn, self.test = work / f"{name}-{split}-learn.csv", work / f"{name}-{split}-test.csv"
        for path, rows in ((self.learn, learn), (self.test, test)):
            with path.open("w") as file:
                file.write(",".join(self.names + ["target"]) + "\n")
                for k in rows:
                    file.write(",".join(repr(float(v)) for v in [*x[k], y[k]]) + "\n")

    def sizes(self, size):
        return np.where(self.exact, 0.0, size)

    def said(self, shape, size):
        if shape == EXACT[0]:
            return ["--tolerance", "exact"]
        words = ["--tolerance", str(size), "--tolerance-shape", shape]
        for name, exact in zip(self.names, self.exact):
            words += ["--tolerance", f"{name}=exact"] if exact else []
        return words


def call(program, words):
    begun = time.time()
    done = subprocess.run([str(program), *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-2:])
    return json.loads(done.stdout), time.time() - begun


def attacked(program, network, case, shape, size):
    """Clean, found and proved mean squared errors on the rows held out. A model has units of its own: these very ones."""
    units = [] if network.name.startswith("price") else ["--no-standardize"]
    answer, _ = call(program, ["attack", network, case.test, *units, "--threads", 1, "--json", "--quiet", *case.said(shape, size)])
    at = {s["size"]: s for s in answer["sizes"]}
    return at[0.0]["found"], at[1.0]["found"], at[1.0]["proved"]


def write_network(path, w, b, v, c, a=None):
    network = {"w": np.asarray(w, float).tolist(), "b": np.asarray(b, float).tolist(), "v": np.asarray(v, float).tolist(), "c": float(c)}
    if a is not None:
        network["a"] = np.asarray(a, float).tolist()
    pathlib.Path(path).write_text(json.dumps(network))


# --- adversarial training in PyTorch, many networks at once -------------------------------------------------------------

def train_torch(x, y, tau, shape, configs, width, seeds, device):
    """One network for each (radius, decay) and each set of rows: x is B × n × d. Attacks go on from where the last ones ended."""
    import torch
    torch.manual_seed(seeds)
    x, y = torch.tensor(x, dtype=torch.float32, device=device), torch.tensor(y, dtype=torch.float32, device=device)
    count, n, d = x.shape
    radius = torch.tensor([c[0] for c in configs], dtype=torch.float32, device=device)[:, None, None]
    decay = torch.tensor([c[1] for c in configs], dtype=torch.float32, device=device)
    tau = torch.tensor(tau, dtype=torch.float32, device=device) * radius
    w = torch.randn(count, d, width, device=device) * math.sqrt(2 / (d + 1))
    b = torch.randn(count, 1, width, device=device) * math.sqrt(2 / (d + 1))
    v = torch.randn(count, width, 1, device=device) / math.sqrt(width)
    c = torch.zeros(count, 1, 1, device=device)
    weights = [w, b, v, c]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in weights]
    u = torch.zeros_like(x)
    y = y[:, :, None]
    for step in range(STEPS):
        for _ in range(2):
            h = torch.baddbmm(b, x + tau * u, w)
            sign = torch.sign(torch.bmm(torch.relu(h), v) + c - y)
            g = torch.bmm((h > 0) * v.transpose(1, 2), w.transpose(1, 2)) * tau * sign
            if shape == "box":
                u = torch.clamp(u + torch.sign(g), -1, 1)
            else:
                u = u + g / g.norm(dim=2, keepdim=True).clamp_min(1e-12)
                u = u / u.norm(dim=2, keepdim=True).clamp_min(1)
        at = x + tau * u
        h = torch.baddbmm(b, at, w)
        r = torch.relu(h)
        e = 2 * (torch.bmm(r, v) + c - y) / n
        back = e * v.transpose(1, 2) * (h > 0)
        price = decay[:, None, None]
        slopes = [torch.bmm(at.transpose(1, 2), back) + price * w, back.sum(1, keepdim=True) + price * b,
                  torch.bmm(r.transpose(1, 2), e) + price * v, e.sum(1, keepdim=True)]
        rate = RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        for p, g, (m, s) in zip(weights, slopes, moments):
            m.mul_(0.9).add_(g, alpha=0.1)
            s.mul_(0.999).addcmul_(g, g, value=0.001)
            p.sub_(rate * (m / (1 - 0.9 ** (step + 1))) / ((s / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8))
    return weights


def judge_torch(weights, x, y, tau, shape, device):
    """Attacked errors of rows held out: fifteen steps from the row and from a random point, the worse of the two; and clean errors."""
    import torch
    w, b, v, c = weights
    x = torch.tensor(x, dtype=torch.float32, device=device)
    y = torch.tensor(y, dtype=torch.float32, device=device)[:, :, None]
    tau = torch.tensor(tau, dtype=torch.float32, device=device)
    f = lambda at: torch.bmm(torch.relu(torch.baddbmm(b, at, w)), v) + c
    clean = ((f(x) - y) ** 2)
    worst = clean.clone()
    for side in (1.0, -1.0):
        u = torch.zeros_like(x)
        for step in range(15):
            h = torch.baddbmm(b, x + tau * u, w)
            g = torch.bmm((h > 0) * v.transpose(1, 2), w.transpose(1, 2)) * tau * side
            length = 1.0 - step / 20
            if shape == "box":
                u = torch.clamp(u + length * torch.sign(g), -1, 1)
            else:
                u = u + length * g / g.norm(dim=2, keepdim=True).clamp_min(1e-12)
                u = u / u.norm(dim=2, keepdim=True).clamp_min(1)
            worst = torch.maximum(worst, (f(x + tau * u) - y) ** 2)
    return clean.mean((1, 2)).cpu().numpy(), worst.mean((1, 2)).cpu().numpy()


def tuned_torch(case, shape, size, device, work):
    """The networks chosen: by attacked error, and by it without attacks in training."""
    n, held = len(case.y), len(case.y) // FOLDS
    order = np.random.default_rng(7).permutation(n)
    parts = [order[f * held:(f + 1) * held] for f in range(FOLDS)]
    rest = [np.setdiff1d(order, part)[:n - held] for part in parts]
    tau = case.sizes(size)
    configs = [(r, decay) for r in RADII for decay in DECAYS]
    table = {}
    for width in WIDTHS:
        each = [config for config in configs for _ in range(FOLDS)]
        weights = train_torch(np.stack([case.x[rest[f]] for f in range(FOLDS)] * len(configs)),
                              np.stack([case.y[rest[f]] for f in range(FOLDS)] * len(configs)), tau, shape, each, width, 1, device)
        clean, worst = judge_torch(weights, np.stack([case.x[p] for p in parts] * len(configs)),
                                   np.stack([case.y[p] for p in parts] * len(configs)), tau, shape, device)
        for k, config in enumerate(configs):
            table[(width, *config)] = (worst[k * FOLDS:(k + 1) * FOLDS].mean(), clean[k * FOLDS:(k + 1) * FOLDS].mean())
    made = {}
    for method, allowed in (("adversarial", lambda key: True), ("decay", lambda key: key[1] == 0.0)):
        width, radius, decay = min(filter(allowed, table), key=lambda key: table[key][0])
        w, b, v, c = train_torch(case.x[None], case.y[None], tau, shape, [(radius, decay)], width, 2, device)
        path = work / f"{method}-{case.name}-{case.split}-{shape}-{size}.json"
        write_network(path, w[0].T.cpu().double(), b[0, 0].cpu().double(), v[0, :, 0].cpu().double(), c[0, 0, 0].item())
        made[method] = (path, f"width {width} radius {radius} decay {decay}")
    return made


# --- scikit-learn -------------------------------------------------------------------------------------------------------

def mlp(case, tuned, work):
    """In a process of its own: small fits in many threads would wait for each other."""
    path = work / f"mlp{'' if tuned else '-default'}-{case.name}-{case.split}.json"
    done = subprocess.run([sys.executable, __file__, "--mlp", str(case.learn), str(path), str(int(tuned))], capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-2:])
    return path, done.stdout.strip()


def fit_mlp(learn, path, tuned):
    import warnings
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPRegressor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPRegressor(random_state=0) if not tuned else GridSearchCV(
            MLPRegressor(solver="lbfgs", max_iter=1000, random_state=0),
            {"alpha": [1e-3, 1e-2, 0.1, 1.0, 10.0, 30.0], "hidden_layer_sizes": [(20,), (50,), (100,)]},
            scoring="neg_mean_squared_error", cv=FOLDS)
        rows = np.loadtxt(learn, delimiter=",", skiprows=1)
        model.fit(rows[:, :-1], rows[:, -1])
    best = model.best_estimator_ if tuned else model
    write_network(path, best.coefs_[0].T, best.intercepts_[0], best.coefs_[1][:, 0], best.intercepts_[1][0])
    print(str(model.best_params_) if tuned else "")


def ridge(case, shape, size):
    from sklearn.linear_model import RidgeCV
    model = RidgeCV(alphas=np.logspace(-3, 4, 30)).fit(case.x, case.y)
    residual = np.abs(model.predict(case.xt) - case.yt)
    parts = case.sizes(size) * model.coef_
    reach = np.abs(parts).sum() if shape == "box" else np.linalg.norm(parts)
    worst = ((residual + reach) ** 2).mean()
    return (residual ** 2).mean(), worst, worst


# --- the run -------------------------------------------------------------------------------------------------------------

class Book:
    """Rows as they come."""

    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.done = set()
        if path.exists():
            self.done = {tuple(row[c] for c in COLUMNS[:5]) for row in csv.DictReader(path.open())}
        else:
            path.write_text(",".join(COLUMNS) + "\n")

    def has(self, case, shape, size, method):
        return (case.name, str(case.split), shape, str(size), method) in self.done

    def add(self, case, shape, size, method, errors, seconds=0.0, note=""):
        clean, found, proved = errors
        with self.lock, self.path.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(
                [case.name, case.split, shape, size, method, *(f"{e:.6g}" for e in (clean, found, proved)), f"{seconds:.1f}", note])


def ours(book, program, case, shape, size):
    if book.has(case, shape, size, "tautnet"):
        return
    answer, seconds = call(program, ["train", case.learn, "--test", case.test, "--json", "--quiet", "--threads", 1,
                                     *case.said(f"{shape}", f"{size}")])
    held = answer["held_out"]
    for method, at in (("start", held["start"]), ("tautnet", held["result"])):
        book.add(case, shape, size, method, (at["clean"], at["found"], at["proved"]), seconds,
                 f"{answer['units']} units" if method == "tautnet" else "")


def own(book, program, case, shape, size, work):
    if book.has(case, shape, size, "own"):
        return
    begun, network = time.time(), work / f"own-{case.name}-{case.split}-{shape}-{size}.json"
    sizes = ",".join(repr(float(one)) for one in case.sizes(size))
    done = subprocess.run([str(RACE), str(case.learn), shape, sizes, str(network), "squared", "0,0.5,1,1.5"], capture_output=True, text=True, check=True,
                          env=os.environ | {"RAYON_NUM_THREADS": "1"})
    book.add(case, shape, size, "own", attacked(program, network, case, shape, size), time.time() - begun, done.stdout.strip())


def once(book, program, case, work, tolerances, methods):
    """What does not depend on the tolerance: made once, attacked within each."""
    made = {}
    wanted = [m for m in methods
              if not all(book.has(case, s, t, m) for s, t in tolerances)]
    if "mlp" in wanted:
        made["mlp"] = mlp(case, True, work)
    if "mlp-default" in wanted:
        made["mlp-default"] = mlp(case, False, work)
    if "price" in wanted:
        path = work / f"price-{case.name}-{case.split}.json"
        call(program, ["train", case.learn, "--tolerance", 0, "--json", "--quiet", "--threads", 1, "--out", path, "--force"])
        made["price"] = (path, "")
    for shape, size in tolerances:
        for method, (path, note) in made.items():
            book.add(case, shape, size, method, attacked(program, path, case, shape, size), 0.0, note)
            if method.startswith("mlp") and "polish" in methods:
                answer, seconds = call(program, ["polish", path, case.learn, "--test", case.test, "--no-standardize", "--json", "--quiet",
                                                 "--threads", 1, *case.said(shape, size)])
                worst = answer["worst_case"]
                book.add(case, shape, size, f"{method}-polished",
                         (answer["test_loss"], worst["test_found"], worst["test_proved"]), seconds,
                         f"learned from: {answer['before']['worst_case']['found']:.6g} to {worst['found']:.6g}")
        if "ridge" in wanted:
            book.add(case, shape, size, "ridge", ridge(case, shape, size))


METHODS = ["tautnet", "own", "adversarial", "mlp", "mlp-default", "price", "ridge", "polish"]


def measure(program, data, out, tables, splits, tolerances, workers, device, until, methods=METHODS):
    book = Book(out)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        cases = [Case(data, name, split, work) for split in splits for name in tables]
        late = lambda: time.time() > until

        def job(run, *words):
            if late():
                return
            try:
                run(*words)
            except Exception as error:  # One that fails must not end the others; it is told.
                print(f"{run.__name__} {[w for w in words if isinstance(w, (str, float))]}: {error}", file=sys.stderr, flush=True)

        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for case in cases:
                if "tautnet" in methods:
                    pool.submit(job, ours, book, program, case, *EXACT)
                for shape, size in tolerances:
                    if "tautnet" in methods:
                        pool.submit(job, ours, book, program, case, shape, size)
                    if "own" in methods:
                        pool.submit(job, own, book, program, case, shape, size, work)
                pool.submit(job, once, book, program, case, work, tolerances, methods)

            def rival(case, shape, size):
                if device == "none" or "adversarial" not in methods or book.has(case, shape, size, "adversarial"):
                    return
                begun = time.time()
                made = tuned_torch(case, shape, size, device, work)
                for method, (path, note) in made.items():
                    book.add(case, shape, size, method, attacked(program, path, case, shape, size), time.time() - begun, note)

            for case in cases:
                for shape, size in tolerances:
                    job(rival, case, shape, size)


def summary(path):
    """For every tolerance and opponent: geometric mean over the tables of the ratio of medians over the splits, and the worst table."""
    rows = list(csv.DictReader(path.open()))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    of = {}
    for row in rows:
        of.setdefault((row["shape"], row["size"], row["method"], row["table"]), {})[row["split"]] = row

    def ratios(shape, size, method, base, column, within=None):
        found = {}
        for name in dict.fromkeys(row["table"] for row in rows):
            a, b = of.get((shape, size, method, name), {}), of.get((*(within or (shape, size)), base, name), {})
            both = sorted(set(a) & set(b))
            if both:
                found[name] = statistics.median(float(a[s][column]) for s in both) / statistics.median(float(b[s][column]) for s in both)
        return found

    mean = lambda values: math.exp(statistics.fmean(map(math.log, values)))
    exact = tuple(map(str, EXACT))
    for base in ("mlp", "mlp-default", "price", "ridge"):
        # They are the same networks for every tolerance.
        clean = ratios(*exact, "tautnet", base, "clean", tuple(map(str, TOLERANCES[0])))
        if clean:
            worst = max(clean, key=clean.get)
            print(f"exact: tautnet against {base:<12} {mean(clean.values()):.3f} ({worst} {clean[worst]:.3f}, {len(clean)} tables), clean")
    for shape, size in dict.fromkeys((row["shape"], row["size"]) for row in rows if row["shape"] != EXACT[0]):
        print(f"{shape} {size}: tautnet against …: attacked (worst table), clean; geometric means over tables of medians over splits")
        for base in methods:
            if base == "tautnet" or base.endswith("polished"):
                continue
            attacked, clean = ratios(shape, size, "tautnet", base, "found"), ratios(shape, size, "tautnet", base, "clean")
            if attacked:
                worst = max(attacked, key=attacked.get)
                print(f"  {base:<12} {mean(attacked.values()):.3f} ({worst} {attacked[worst]:.3f}, {len(attacked)} tables), {mean(clean.values()):.3f}")
        proved = [float(r["proved"]) / float(r["found"]) for r in rows if r["method"] == "tautnet" and (r["shape"], r["size"]) == (shape, size)]
        if proved:
            print(f"  proved over found: {mean(proved):.4f}, at most {max(proved):.4f}")
        for base in ("mlp", "mlp-default"):
            polished = ratios(shape, size, f"{base}-polished", base, "found")
            clean = ratios(shape, size, f"{base}-polished", base, "clean")
            if polished:
                worst = max(polished, key=polished.get)
                print(f"  polish of {base}: attacked {mean(polished.values()):.3f} ({worst} {polished[worst]:.3f}), clean {mean(clean.values()):.3f}")


def run(setup):
    data = os.environ.get("TAUTNET_DATA")
    if not data:
        print("value: the tables are read from the folder TAUTNET_DATA, which is not set\n")
        return
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "tautnet-models", "--example", "adversarial_race"],
                   cwd=ROOT, check=True)
    out = ROOT / "benchmarks" / "results" / "value.csv"
    tables = [name for name in TABLES if setup.wants(name)]
    try:
        import torch
        device = "cuda" if torch.cuda.is_available() else "cpu"
    except ImportError:
        print("value: PyTorch is not here, so adversarial training tuned in it is left out")
        device = "none"
    splits, tolerances = (range(1), TOLERANCES[1:2]) if setup.quick else (range(10), TOLERANCES)
    measure(ROOT / "target/release/tautnet", pathlib.Path(data), out, tables, splits, tolerances, max(1, os.cpu_count() // setup.threads),
            device, math.inf)
    summary(out)


def main():
    parser = argparse.ArgumentParser(description="The measurement by itself, without ./bench.")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/tautnet")
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "benchmarks/results/value.csv")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="none", help="cuda, cpu or none")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin nothing after so many")
    parser.add_argument("--summary", action="store_true", help="only tell what the file says")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--mlp", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.mlp:
        return fit_mlp(options.mlp[0], options.mlp[1], options.mlp[2] == "1")
    if not options.summary:
        measure(options.program, options.data, options.out, options.tables.split(","), range(options.splits), TOLERANCES,
                options.workers, options.device, time.time() + options.seconds, options.methods.split(","))
    summary(options.out)


if __name__ == "__main__":
    main()
