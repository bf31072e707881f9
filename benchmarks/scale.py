"""What a fit on many machines would cost: a simulation of passes over rows, with figures measured on one.

    python benchmarks/scale.py > benchmarks/results/scale.csv

Nothing here runs the program. A worker goes through its shards at a measured speed; its time varies from pass to pass as
those of real machines do (a lognormal factor, and now and then a pause). Answers go up a binary tree of workers: a message
takes a latency and its bytes at the speed of the wire, and a machine receives one after the other. The answer of a run of
shards is a forest: at most two trees a level, so that a message has more than one answer where runs do not end at powers of
two. The coordinator then solves the program, which does not grow with the rows.
"""

import math
import random
import sys

SHARD = 65_536


class Figures:
    """Measured on one machine; see docs/scale.md for the commands."""

    # Seconds a row of one core, of 10 inputs and 50 units: the squared error of all networks, and which side rows are on.
    normal = 2.9e-6
    sides = 0.35e-6
    # Seconds a row to read it again from Parquet, and to go through it in memory.
    read = 0.25e-6
    # Seconds of the coordinator for one solve of the program.
    solve = 0.25
    # Seconds to merge a number, and to hand a task to a worker.
    merge = 1.0e-9
    task = 1.0e-3


LATENCY = 1.0e-4
WIRE = 1.25e9
CORES = 16
SPREAD = 0.08
PAUSE = (0.01, 0.5)
ROUNDS = 4


def answers(inputs, units):
    """Numbers of one answer: of the squared error, and of the sides with what is told of the rows on the wrong one."""
    e = inputs + 1
    products, pairs = e * (e + 1) // 2, (units + 1) * (units + 2) // 2
    return products * pairs + e * (units + 1) + 40 * units * (inputs + 2), units + 100 * units * (inputs + 2)


def trees(first, last):
    """How many trees the shards from `first` to before `last` are."""
    count = 0
    while first < last:
        step = 1
        while first % (2 * step) == 0 and first + 2 * step <= last:
            step *= 2
        first += step
        count += 1
    return count


def one_pass(rows, workers, second, numbers, draw):
    """Seconds of one pass over all rows, and the bytes that moved."""
    shards = math.ceil(rows / SHARD)
    ends = [shards * k // workers for k in range(workers + 1)]
    ready, sizes = [], []
    for first, last in zip(ends, ends[1:]):
        waves = math.ceil((last - first) / CORES)
        slow = draw.lognormvariate(0, SPREAD) * waves * SHARD * second
        pause = PAUSE[1] if draw.random() < PAUSE[0] else 0.0
        ready.append(Figures.task + slow + pause)
        sizes.append(trees(first, last))
    moved, step = 0, 1
    # The receiver merges what the right neighbour sends; trees that meet become one.
    while step < workers:
        for left in range(0, workers, 2 * step):
            right = left + step
            if right >= workers:
                continue
            size = 8 * numbers * sizes[right]
            moved += size
            ready[left] = max(ready[left], ready[right]) + LATENCY + size / WIRE + Figures.merge * numbers * sizes[right]
            sizes[left] = trees(ends[left], ends[min(workers, right + step)])
        step *= 2
    return ready[0] + LATENCY + 8 * numbers * sizes[0] / WIRE, moved


def fit(rows, workers, inputs=10, units=50, seed=1):
    """Seconds and bytes of a fit: one look, the squared error, then rounds of solves and passes."""
    draw = random.Random(seed)
    normal, sides = answers(inputs, units)
    plan = [(Figures.sides, 8 * inputs), (Figures.normal, normal)] + [(Figures.sides, sides)] * ROUNDS
    seconds = moved = waits = 0.0
    for cost, numbers in plan:
        second, bytes_moved = one_pass(rows, workers, cost + Figures.read, numbers, draw)
        ideal = rows / workers / CORES * (cost + Figures.read)
        seconds, moved, waits = seconds + second, moved + bytes_moved, waits + max(0.0, second - ideal)
    return seconds + ROUNDS * Figures.solve, moved, waits


def main():
    print("rows,workers,cores,seconds,seconds_solving,seconds_waiting,bytes_moved,efficiency")
    for rows in (10**6, 10**7, 10**8, 10**9, 10**10):
        alone = None
        for workers in (1, 2, 4, 10, 40, 100, 400, 1000):
            seconds, moved, waits = fit(rows, workers)
            alone = alone or seconds
            solving = ROUNDS * Figures.solve
            print(
                f"{rows},{workers},{workers * CORES},{seconds:.3f},{solving:.3f},{waits:.3f},{moved:.0f},"
                f"{alone / workers / seconds:.3f}"
            )


if __name__ == "__main__":
    sys.exit(main())
