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
    """Seconds of one core a row, of 10 inputs and 50 units: those of the run of 1e7 rows in one process in dask.csv, whose two threads
    had other work beside them. The last four are estimates."""

    look = 0.25e-6
    normal = 14.8e-6
    sides = 1.5e-6
    # To read a row, once: half of what `predict` takes of a processor, which reads twice.
    read = 0.7e-6
    # Of the coordinator for one solve: what that run took beside its passes, shared out among its solves.
    solve = 1.5
    # To merge a number, and to hand a task to a worker.
    merge = 1.0e-9
    task = 1.0e-3


LATENCY = 1.0e-4
WIRE = 1.25e9
CORES = 16
SPREAD = 0.08
PAUSE = (0.01, 0.5)
ROUNDS = 3
STEPS = 40


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


def fit(rows, workers, program="squared", inputs=10, units=50, seed=1):
    """Seconds and bytes of a fit: one look, the squared error, then rounds of solves and passes; or, of a loss whose curvature
    changes, which is not built, a pass for every Newton step."""
    draw = random.Random(seed)
    normal, sides = answers(inputs, units)
    look = (Figures.look + Figures.read, SHARD * (inputs + 2))
    if program == "squared":
        plan = [look, (Figures.normal, normal)] + [(Figures.sides, sides)] * ROUNDS
    else:
        plan = [look] + [(Figures.normal, normal)] * STEPS
    seconds = moved = waits = 0.0
    for cost, numbers in plan:
        second, bytes_moved = one_pass(rows, workers, cost, numbers, draw)
        ideal = rows / workers / CORES * cost
        seconds, moved, waits = seconds + second, moved + bytes_moved, waits + max(0.0, second - ideal)
    return seconds + ROUNDS * Figures.solve, moved, waits


def main():
    print("program,rows,workers,cores,seconds,seconds_solving,seconds_waiting,bytes_moved,efficiency")
    for program in ("squared", "newton"):
        for rows in (10**6, 10**7, 10**8, 10**9, 10**10):
            alone = None
            for workers in (1, 2, 4, 10, 40, 100, 400, 1000):
                seconds, moved, waits = fit(rows, workers, program)
                alone = alone or seconds
                print(
                    f"{program},{rows},{workers},{workers * CORES},{seconds:.3f},{ROUNDS * Figures.solve:.3f},{waits:.3f},"
                    f"{moved:.0f},{alone / workers / seconds:.3f}"
                )


if __name__ == "__main__":
    sys.exit(main())
