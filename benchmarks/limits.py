"""What does a hard limit on the Lipschitz constant cost? Clean errors on rows held out, of networks that are proved to keep it.

Tables, splits and units are those of `value`: at most 400 rows to learn from and 250 held out, columns in standard deviations of the
rows learned from. The limits are on the Euclidean Lipschitz constant in these units. Every method is tuned on the same quarter of the
rows learned from, and then made of all of them.

  tautnet    `tautnet train --max-lipschitz L --lipschitz-price 0 --decay …`, the decay tuned
  polished   `tautnet polish --max-lipschitz L` of a network of 100 units that was trained without a limit, in PyTorch; its weight decay tuned,
             and the polish has the same
  scaled     the same network, its deviation from the mean scaled down by L over its certified bound; its weight decay tuned on the error after that
  ridge      the linear function of the smallest squared error whose coefficients keep the limit, or a smaller one: its price tuned
  groupsort  two hidden layers of 64 with orthonormal weights and sorted pairs (a GroupSort, or MaxMin, network), times L, in PyTorch; weight
             decay of the last layer and number of steps tuned

Rows are added to the file as they come, so that a run can be cut short and gone on with.
"""
import argparse
import csv
import functools
import math
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np

import value

ROOT = value.ROOT
RESULTS = ROOT / "benchmarks" / "results" / "limits.csv"
LIMITS = (0.5, 1.0, 2.0)
DECAYS = (0.0, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1)  # of `tautnet train`
NET_DECAYS = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # of the network without a limit
SORTED_DECAYS = (0.0, 3e-2, 1e-1, 3e-1)  # of the last layer of the network of sorted pairs
WIDTH, STEPS, EVERY, RATE = 64, 600, 20, 3e-3
COLUMNS = ["table", "split", "limit", "method", "clean", "learned", "bound", "note"]


def error(predicted, y):
    return float(((predicted - y) ** 2).mean())


class Parts:
    """The rows learned from, the part of them that choices are made on, and the rest."""

    def __init__(self, case, work):
        order = np.random.default_rng(77).permutation(len(case.y))
        held, rest = order[:len(order) // 4], order[len(order) // 4:]
        self.case = case
        self.of = {"chosen on": (case.x[held], case.y[held]), "rest": (case.x[rest], case.y[rest]), "all": (case.x, case.y),
                   "held out": (case.xt, case.yt)}
        self.files = {"all": case.learn, "held out": case.test}
        for part in ("chosen on", "rest"):
            self.files[part] = work / f"{case.name}-{case.split}-{part.replace(' ', '-')}.csv"
            x, y = self.of[part]
            np.savetxt(self.files[part], np.c_[x, y], fmt="%.17g", delimiter=",", header=",".join([*case.names, "target"]), comments="")


def tautnet(program, parts, limit):
    def train(learned, tested, decay):
        answer, _ = value.call(program, ["train", parts.files[learned], "--test", parts.files[tested], "--max-lipschitz", limit,
                                         "--lipschitz-price", 0, "--decay", decay, "--threads", 1, "--json", "--quiet"])
        return answer

    def chosen_by(decay):
        """The error in units of the target: those of a model are its own, and a part of the rows has other ones."""
        return train("rest", "chosen on", decay)["user_units"]["test_loss"]

    decay = min(DECAYS, key=chosen_by)
    answer = train("all", "held out", decay)
    return answer["test_loss"], answer["loss"], answer["certificate"]["lipschitz"], f"decay {decay}"


def ridge(parts, limit):
    def fit(part, price):
        x, y = parts.of[part]
        mean, middle = x.mean(0), y.mean()
        solve = lambda price: np.linalg.solve((x - mean).T @ (x - mean) + price * np.eye(x.shape[1]), (x - mean).T @ (y - middle))
        if np.linalg.norm(solve(price)) > limit:
            low, high = math.log(price), math.log(1e9)
            for _ in range(60):
                middle_price = (low + high) / 2
                low, high = (middle_price, high) if np.linalg.norm(solve(math.exp(middle_price))) > limit else (low, middle_price)
            price = math.exp(high)
        a = solve(price)
        return a, lambda at: (at - mean) @ a + middle, price

    prices = np.logspace(-3, 4, 30)
    x, y = parts.of["chosen on"]
    price = min(prices, key=lambda price: error(fit("rest", price)[1](x), y))
    a, predict, price = fit("all", price)
    return error(predict(parts.case.xt), parts.case.yt), error(predict(parts.case.x), parts.case.y), np.linalg.norm(a), f"price {price:.3g}"


def unlimited(program, parts, part, work):
    """Networks without a limit, one a decay: what they predict, their certified bounds and their files."""
    x, y = parts.of[part]
    configs = [(0.0, decay) for decay in NET_DECAYS]
    weights = value.train_torch(np.stack([x] * len(configs)), np.stack([y] * len(configs)), np.zeros(x.shape[1]), "ball", configs, 100, 3, "cpu")
    made = {}
    for k, decay in enumerate(NET_DECAYS):
        w, b, v, c = (p[k].double().numpy() for p in weights)
        path = work / f"{parts.case.name}-{parts.case.split}-{part}-{decay}.json"
        value.write_network(path, w.T, b[0], v[:, 0], c[0, 0])
        bound = value.call(program, ["certify", path, "--json", "--quiet"])[0]["lipschitz"]
        made[decay] = (lambda at, w=w, b=b, v=v, c=c: (np.maximum(at @ w + b, 0) @ v + c)[:, 0], bound, path)
    return made


def polished(program, made_of, parts, limit):
    def polish(learned, tested, decay):
        answer, _ = value.call(program, ["polish", made_of[learned][decay][2], parts.files[learned], "--test", parts.files[tested],
                                         "--no-standardize", "--max-lipschitz", limit, "--lipschitz-price", 0, "--decay", decay, "--threads", 1,
                                         "--json", "--quiet"])
        return answer

    decay = min(NET_DECAYS, key=lambda decay: polish("rest", "chosen on", decay)["test_loss"])
    answer = polish("all", "held out", decay)
    return answer["test_loss"], answer["loss"], answer["lipschitz"], f"decay {decay}"


def scaled(made_of, parts, limit):
    def fit(part, decay):
        predict, bound, _ = made_of[part][decay]
        mean, factor = predict(parts.of[part][0]).mean(), min(1.0, limit / bound)
        return lambda at: mean + factor * (predict(at) - mean), factor * bound

    x, y = parts.of["chosen on"]
    decay = min(NET_DECAYS, key=lambda decay: error(fit("rest", decay)[0](x), y))
    predict, bound = fit("all", decay)
    return error(predict(parts.case.xt), parts.case.yt), error(predict(parts.case.x), parts.case.y), bound, f"decay {decay}"


def orthonormal(weights, steps):
    """Björck's iteration: towards the nearest matrices with orthonormal rows or columns."""
    for _ in range(steps):
        weights = 1.5 * weights - 0.5 * weights @ (weights.mT @ weights)
    return weights


def sorted_pairs(h):
    """Every pair of outputs, the larger one first: a rotation or reflection everywhere, so nothing is lost of a gradient."""
    import torch
    a, b = h[..., ::2], h[..., 1::2]
    return torch.cat([torch.maximum(a, b), torch.minimum(a, b)], -1)


def groupsort(x, y, settings, steps, watched=None):
    """One network for each (limit, decay). The errors on the watched rows every EVERY steps, or the networks at the step asked for of each."""
    import torch
    torch.manual_seed(5)
    tensor = lambda values: torch.tensor(np.asarray(values), dtype=torch.float32)
    x, y, count, d = tensor(x), tensor(y), len(settings), x.shape[1]
    limit, decay = tensor([s[0] for s in settings])[:, None, None], tensor([s[1] for s in settings])[:, None, None]
    start = lambda *shape: torch.nn.init.orthogonal_(torch.empty(*shape)).repeat(count, 1, 1).requires_grad_()
    first, second = start(d, WIDTH), start(WIDTH, WIDTH)
    last = torch.randn(WIDTH, 1).div(math.sqrt(WIDTH)).repeat(count, 1, 1).requires_grad_()
    b1, b2, c = (torch.zeros(count, 1, size, requires_grad=True) for size in (WIDTH, WIDTH, 1))

    def value_of(at, layers):
        u, v, w = layers
        return (sorted_pairs(sorted_pairs(at @ u + b1) @ v + b2) @ w * limit + c)[..., 0]

    def layers(iterations):
        return orthonormal(first, iterations), orthonormal(second, iterations), last / last.norm(dim=1, keepdim=True).clamp_min(1.0)

    optimizer = torch.optim.Adam([first, second, last, b1, b2, c], lr=RATE)
    errors, made = [], [None] * count
    for step in range(1, max(steps) + 1):
        optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * (step - 1) / STEPS))
        optimizer.zero_grad()
        loss = ((value_of(x, layers(4)) - y) ** 2).mean(1).sum() + (decay * last**2).sum()
        loss.backward()
        optimizer.step()
        with torch.no_grad():  # Never far from orthonormal, where the iteration would not converge.
            first.copy_(orthonormal(first, 4))
            second.copy_(orthonormal(second, 4))
            if watched and step % EVERY == 0:
                errors.append(((value_of(tensor(watched[0]), layers(4)) - tensor(watched[1])) ** 2).mean(1).numpy())
            for k in (k for k in range(count) if steps[k] == step):
                u, v, w = (weights[k].double().numpy() for weights in layers(4))
                norms = [np.linalg.norm(weights, 2) for weights in (u, v, w)]
                # Rounding may leave a norm a millionth above 1: taken off, so that the limit is kept.
                u, v, w = (weights / max(1.0, norm) for weights, norm in zip((u, v, w), norms))
                shifts = tuple(shift[k].double().numpy() for shift in (b1, b2, c))
                made[k] = (u, v, w, shifts, float(np.prod(np.minimum(norms, 1.0))))
    return np.array(errors) if watched else made


def tuned_groupsort(parts):
    settings = [(limit, decay) for limit in LIMITS for decay in SORTED_DECAYS]
    errors = groupsort(*parts.of["rest"], settings, [STEPS] * len(settings), watched=parts.of["chosen on"])
    best = {limit: min(((errors[s, k], decay, (s + 1) * EVERY) for k, (of, decay) in enumerate(settings) if of == limit
                        for s in range(len(errors)))) for limit in LIMITS}
    made = groupsort(*parts.of["all"], [(limit, best[limit][1]) for limit in LIMITS], [best[limit][2] for limit in LIMITS])
    pairs = lambda h: np.concatenate([np.maximum(h[:, ::2], h[:, 1::2]), np.minimum(h[:, ::2], h[:, 1::2])], 1)
    found = {}
    for limit, (u, v, w, (b1, b2, c), norm) in zip(LIMITS, made):
        predict = lambda at: (pairs(pairs(at @ u + b1) @ v + b2) @ w * limit + c)[:, 0]
        found[limit] = (error(predict(parts.case.xt), parts.case.yt), error(predict(parts.case.x), parts.case.y), norm * limit,
                        f"decay {best[limit][1]} steps {best[limit][2]}")
    return found


METHODS = ["tautnet", "polished", "scaled", "ridge", "groupsort"]


def lazily(make):
    """What is made when it is asked for first."""
    return functools.lru_cache(None)(make)


def measure(program, data, out, tables, splits, until=math.inf):
    done = set()
    if out.exists():
        done = {(row["table"], row["split"], row["method"]) for row in csv.DictReader(out.open())}
    else:
        out.write_text(",".join(COLUMNS) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for split in splits:
            for name in tables:
                missing = [method for method in METHODS if (name, str(split), method) not in done]
                if not missing or time.time() > until:
                    continue
                parts = Parts(value.Case(data, name, split, work), work)
                nets = lazily(lambda: {part: unlimited(program, parts, part, work) for part in ("rest", "all")})
                sorts = lazily(lambda: tuned_groupsort(parts))
                runs = {"tautnet": lambda limit: tautnet(program, parts, limit), "polished": lambda limit: polished(program, nets(), parts, limit),
                        "scaled": lambda limit: scaled(nets(), parts, limit), "ridge": lambda limit: ridge(parts, limit),
                        "groupsort": lambda limit: sorts()[limit]}
                for method in missing:
                    rows, begun = [], time.time()
                    for limit in LIMITS:
                        clean, learned, bound, note = runs[method](limit)
                        rows.append([name, split, limit, method, *(f"{v:.6g}" for v in (clean, learned, bound)), note])
                    with out.open("a", newline="") as file:
                        csv.writer(file, lineterminator="\n").writerows(rows)
                    print(name, split, method, *(f"{row[4]}" for row in rows), f"{time.time() - begun:.0f} s", flush=True)


def summary(path):
    """Medians over the splits of every table, and geometric means over the tables of the ratio to each opponent."""
    rows = list(csv.DictReader(path.open()))
    of_table = lambda name: {row["method"] for row in rows if row["table"] == name}
    tables, methods = [name for name in dict.fromkeys(row["table"] for row in rows) if of_table(name) == set(METHODS)], METHODS
    over = [row for row in rows if float(row["bound"]) > float(row["limit"]) * (1 + 1e-6)]
    for limit in dict.fromkeys(row["limit"] for row in rows):
        median = {(name, method): statistics.median(float(row["clean"]) for row in rows
                                                    if (row["table"], row["limit"], row["method"]) == (name, limit, method))
                  for name in tables for method in methods}
        print(f"\nL ≤ {limit}: mean squared error on rows held out, median over the splits")
        print("| table | " + " | ".join(methods) + " |\n|---|" + "---:|" * len(methods))
        for name in tables:
            print(f"| {name} | " + " | ".join(f"{median[name, method]:.3f}" for method in methods) + " |")
        for ours in METHODS[:2]:
            ratios = [math.exp(statistics.fmean(math.log(median[name, ours] / median[name, m]) for name in tables)) for m in methods]
            print(f"| {ours} divided by it, geometric mean | " + " | ".join(f"{ratio:.3f}" for ratio in ratios) + " |")
    print(f"\n{len(over)} of {len(rows)} networks have a bound above the limit")


def run(setup):
    data = os.environ.get("TAUTNET_DATA")
    if not data:
        print("limits: the tables are read from the folder TAUTNET_DATA, which is not set\n")
        return
    try:
        import torch
        torch.set_num_threads(setup.threads)
    except ImportError:
        print("limits: two of the opponents are in PyTorch, which is not here\n")
        return
    tables = [name for name in value.TABLES if setup.wants(name)]
    measure(ROOT / "target/release/tautnet", pathlib.Path(data), RESULTS, tables, range(1 if setup.quick else 3))
    summary(RESULTS)


def main():
    parser = argparse.ArgumentParser(description="The measurement by itself, without ./bench.")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/tautnet")
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--tables", default=",".join(value.TABLES))
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin nothing after so many")
    parser.add_argument("--summary", action="store_true", help="only tell what the file says")
    options = parser.parse_args()
    if not options.summary:
        if not options.data:
            sys.exit("limits: name the folder of the tables with --data")
        import torch
        torch.set_num_threads(1)
        measure(options.program, options.data, options.out, options.tables.split(","), range(options.splits), time.time() + options.seconds)
    summary(options.out)


if __name__ == "__main__":
    main()
