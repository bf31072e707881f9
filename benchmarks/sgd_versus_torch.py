#!/usr/bin/env python3
"""Time to the same training error: the `sgd` start against PyTorch's Adam on the CPU.

Same rows, same network (m hidden relu units, both biases), same distribution of initial weights, same batch size, same
learning rate, no weight decay. The training error is the mean squared error over an epoch's batches as they pass, on both
sides. The target is the error that the slower learner of the two has reached after EPOCHS epochs; the time is that of the
first epoch at or below it. Median over the seeds of PyTorch and over repeated runs of ours. PyTorch runs in double and in
single precision, with its default threads and with one; its best figure is the one to beat.

    sgd_versus_torch.py RACE [DATA.csv] [--batch 32,200] [--epochs 60] [--units 100]

RACE is the compiled example `sgd_race`. DATA.csv holds numbers, target last, with or without a header; without it a
generated table of 1600 rows and 11 columns is used. Needs `torch` (any CPU build).
"""

import argparse
import itertools
import json
import math
import random
import statistics
import subprocess
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
import torch  # noqa: E402


def generated(n=1600, d=11):
    draw = random.Random(0)
    rows = []
    for _ in range(n):
        x = [draw.gauss(0, 1) for _ in range(d)]
        smooth = sum((j + 1) / (2 * d) * math.sin(1.5 * x[j]) for j in range(d))
        rows.append(x + [smooth + 0.5 * x[0] * x[1] + 0.3 * draw.gauss(0, 1)])
    return rows


def read(path):
    rows = []
    for line in open(path, encoding="utf-8"):
        try:
            rows.append([float(cell) for cell in line.replace(";", ",").split(",")])
        except ValueError:
            if rows:
                raise
    return rows


def standardized(rows):
    columns = []
    for column in zip(*rows):
        mean = statistics.fmean(column)
        spread = statistics.pstdev(column)
        if spread > 0:
            columns.append([(value - mean) / spread for value in column])
    return [list(row) for row in zip(*columns)]


def torch_run(rows, units, batch, rate, epochs, dtype, seed):
    torch.manual_seed(seed)
    table = torch.tensor(rows, dtype=dtype)
    x, y = table[:, :-1], table[:, -1:]
    n, d = x.shape
    net = torch.nn.Sequential(torch.nn.Linear(d, units), torch.nn.ReLU(), torch.nn.Linear(units, 1)).to(dtype)
    with torch.no_grad():
        net[0].weight.normal_(0, math.sqrt(2 / (d + 1)))
        net[0].bias.normal_(0, math.sqrt(2 / (d + 1)))
        net[2].weight.normal_(0, math.sqrt(1 / units))
        net[2].bias.fill_(y.mean())
    adam = torch.optim.Adam(net.parameters(), lr=rate)
    seconds, losses = [], []
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(n)
        total = 0.0
        for first in range(0, n, batch):
            index = order[first : first + batch]
            adam.zero_grad(set_to_none=True)
            loss = torch.nn.functional.mse_loss(net(x[index]), y[index])
            loss.backward()
            adam.step()
            total += loss.item() * len(index)
        seconds.append(time.perf_counter() - start)
        losses.append(total / n)
    return seconds, losses


def first_below(seconds, losses, target):
    return next((s for s, loss in zip(seconds, losses) if loss <= target), math.inf)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("race")
    parser.add_argument("data", nargs="?")
    parser.add_argument("--batch", default="32,200")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()

    rows = standardized(read(options.data) if options.data else generated())
    default_threads = torch.get_num_threads()
    print(f"# {len(rows)} rows, {len(rows[0]) - 1} columns, {options.units} units, torch {torch.__version__}")
    print("batch,torch_dtype,torch_threads,target_mse,ours_seconds,torch_seconds,times_faster")
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as table:
        table.write("\n".join(",".join(map(repr, row)) for row in rows))
        table.flush()
        for batch in map(int, options.batch.split(",")):
            command = [options.race, table.name, options.units, batch, options.rate, options.epochs]
            ours = [
                json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)
                for _ in range(options.repeats)
            ]
            for dtype, threads in itertools.product([torch.float64, torch.float32], sorted({1, default_threads})):
                torch.set_num_threads(threads)
                theirs = [
                    torch_run(rows, options.units, batch, options.rate, options.epochs, dtype, seed)
                    for seed in range(options.repeats)
                ]
                target = max(
                    min(ours[0]["losses"]), statistics.median(min(losses) for _, losses in theirs)
                )
                mine = statistics.median(first_below(run["seconds"], run["losses"], target) for run in ours)
                other = statistics.median(first_below(*run, target) for run in theirs)
                name = str(dtype).removeprefix("torch.")
                print(f"{batch},{name},{threads},{target:.5f},{mine:.4f},{other:.4f},{other / mine:.1f}", flush=True)


if __name__ == "__main__":
    main()
