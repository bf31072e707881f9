"""Descent over many rows, on the bound of the worst case and on the worst points that are found: what each does to both, on other rows.

    python benchmarks/descent_beyond_memory.py MODEL ROWS.parquet OUT.csv

MODEL is a network for a tolerance with one output, ROWS has its columns and 400 000 rows at least. It is written out in numpy: the first half of the
rows is learned from in batches, by Adam at a rate that falls along half a cosine, and the second half is told of.
"""

import csv
import json
import sys

import numpy as np
import pyarrow.parquet as pq

HALF, BATCH, STEPS, TOLERANCE = 200_000, 20_000, 100, 0.1


def read(model, rows):
    with open(model) as file:
        model = json.load(file)
    scaler, network = model["scaler"], model["network"]
    table = pq.read_table(rows)
    names = [one["name"] for one in model["columns"]["inputs"]]
    x = np.stack([table[name].to_numpy()[: 2 * HALF] for name in names], 1)
    x = (x - scaler["input_mean"]) / scaler["input_scale"]
    y = (table[model["columns"]["target"]].to_numpy()[: 2 * HALF] - scaler["target_mean"]) / scaler["target_scale"]
    hidden, output = network["layers"]
    v = np.array(output["weights"])[0]
    a = np.array(network["linear"]).ravel() if network.get("linear") else np.zeros(x.shape[1])
    start = [np.array(hidden["weights"]) * abs(v)[:, None], np.array(hidden["bias"]) * abs(v), a, output["bias"][0]]
    return x, y, np.sign(v), start


def forward(point, signs, x):
    z, bias, a, c = point
    h = x @ z.T + bias
    on = (h >= 0) * signs
    return h, on, c + x @ a + (on * h).sum(1), a + on @ z


def bound(point, signs, x, y):
    """The mean of what the squared errors cannot exceed, and its slope row by row."""
    z = point[0]
    h, on, f, slope = forward(point, signs, x)
    reach, reaches = TOLERANCE * abs(slope).sum(1), TOLERANCE * abs(z).sum(1)
    leaves = np.maximum(reaches - abs(h), 0)
    up, low = f + reach + leaves[:, signs > 0].sum(1), f - reach - leaves[:, signs < 0].sum(1)
    side = np.where((up - y) ** 2 >= (low - y) ** 2, 1.0, -1.0)
    error = np.where(side > 0, up, low) - y
    e = 2 * error / len(y)
    leaving = ((signs == side[:, None]) & (leaves > 0)) * (e * side)[:, None]
    by_h, moved = e[:, None] * on - leaving * np.sign(h), (side * e)[:, None] * TOLERANCE * np.sign(slope)
    by_z = by_h.T @ x + on.T @ moved + leaving.sum(0)[:, None] * TOLERANCE * np.sign(z)
    return (error**2).mean(), [by_z, by_h.sum(0), (e[:, None] * x + moved).sum(0), e.sum()]


def found(point, signs, x, y, steps):
    """The mean of the squared errors at the worst points that some steps find, and its slope there."""
    worst, points = np.full(len(y), -1.0), x
    for side in (1.0, -1.0):
        at = x
        for _ in range(steps):
            at = x + side * TOLERANCE * np.sign(forward(point, signs, at)[3])
        loss = (forward(point, signs, at)[2] - y) ** 2
        points = np.where((loss > worst)[:, None], at, points)
        worst = np.maximum(worst, loss)
    _, on, f, _ = forward(point, signs, points)
    e = 2 * (f - y) / len(y)
    by_h = e[:, None] * on
    return worst.mean(), [by_h.T @ points, by_h.sum(0), (e[:, None] * points).sum(0), e.sum()]


def descend(start, signs, x, y, slope, rate):
    point, rng = [np.copy(part) for part in start], np.random.default_rng(0)
    rate *= np.sqrt((np.r_[start[0].ravel(), start[1]] ** 2).mean())
    first, second = [0 * part for part in start], [0 * part for part in start]
    for step in range(STEPS):
        begin = rng.integers(0, HALF - BATCH)
        _, by = slope(point, signs, x[begin : begin + BATCH], y[begin : begin + BATCH])
        now = rate * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        for k in range(4):
            first[k] = 0.9 * first[k] + 0.1 * by[k]
            second[k] = 0.999 * second[k] + 0.001 * by[k] ** 2
            mean, square = first[k] / (1 - 0.9 ** (step + 1)), second[k] / (1 - 0.999 ** (step + 1))
            point[k] = point[k] - now * mean / (np.sqrt(square) + 1e-12)
    return point


def main(model, rows, out):
    x, y, signs, start = read(model, rows)
    told = (x[HALF:], y[HALF:])
    one, three = (lambda *given, steps=steps: found(*given, steps) for steps in (1, 3))
    runs = [("start", None, 0.0)]
    runs += [("bound", bound, rate) for rate in (0.002, 0.01)]
    runs += [("found, 1 step", one, rate) for rate in (0.002, 0.01, 0.03)] + [("found, 3 steps", three, 0.01)]
    with open(out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["descent_on", "rate", "bound", "found_1_step", "found_3_steps", "clean"])
        for name, slope, rate in runs:
            point = start if slope is None else descend(start, signs, x[:HALF], y[:HALF], slope, rate)
            clean = ((forward(point, signs, told[0])[2] - told[1]) ** 2).mean()
            numbers = [bound(point, signs, *told)[0], one(point, signs, *told)[0], three(point, signs, *told)[0], clean]
            writer.writerow([name, rate, *(f"{number:.5f}" for number in numbers)])
            file.flush()


if __name__ == "__main__":
    main(*sys.argv[1:4])
