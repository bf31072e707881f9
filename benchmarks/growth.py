"""How do time and memory of (J) grow with the number of rows?

d = 10, m = 50, price 0.01, a smooth target with noise, a starting network trained on the first thousand rows. Time per
iteration should be linear in n; peak memory is that of the whole process, the table and its reading included.
"""
import pathlib
import tempfile

import numpy as np
from common import PROGRAM, median, starting_network, write_network, write_rows, write_table

ROWS = [1_000, 10_000, 100_000, 1_000_000]
COLUMNS, UNITS = 10, 50


def run(setup):
    print(f"growth: (J) at d = {COLUMNS}, m = {UNITS}")
    print(f"{'rows':>9} {'seconds':>9} {'iterations':>10} {'each':>9} {'gap':>9} {'whole':>9} {'peak MiB':>9}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        network, table = pathlib.Path(folder) / "network.json", pathlib.Path(folder) / "data.csv"
        for n in ROWS[:2] if setup.quick else ROWS:
            if not setup.wants(str(n)):
                continue
            x, y = smooth_target(n)
            write_table(table, x, y, digits=9)
            write_network(network, *starting_network(x[:1000], y[:1000], UNITS))
            done = []
            for repeat in range(1 if n >= 100_000 else setup.repeats):
                # No cap: the longest case is the point of this benchmark.
                one = setup.child([str(PROGRAM), "polish", str(network), str(table), "--method", "joint", "--lipschitz-price",
                                   "0.01", "--no-standardize", "--no-output-bias", "--json"])
                answer = one.answer or {}
                done.append(one)
                rows.append({
                    "n": n, "d": COLUMNS, "m": UNITS, "repeat": repeat, "threads": setup.threads,
                    "seconds": answer.get("seconds"), "iterations": answer.get("iterations"),
                    "gap": answer.get("duality_gap"), "objective": answer.get("objective"),
                    "wall": round(one.wall, 3), "peak_mib": round(one.peak, 1), "status": one.trouble or "done",
                })
            if done[-1].trouble:
                print(f"{n:>9} {done[-1].trouble}", flush=True)
                continue
            seconds = median([r.answer["seconds"] for r in done])
            last = done[-1].answer
            gap = last.get("duality_gap")
            print(f"{n:>9} {seconds:9.2f} {last['iterations']:>10} {seconds / max(last['iterations'], 1):9.4f} "
                  f"{'–' if gap is None else format(gap, '.1e'):>9} {median([r.wall for r in done]):9.2f} "
                  f"{max(r.peak for r in done):9.0f}", flush=True)
    write_rows("growth", rows)


def smooth_target(n):
    """Rows of a smooth function with noise."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(n, COLUMNS))
    direction = np.random.default_rng(8).normal(size=(3, COLUMNS)) / np.sqrt(COLUMNS)
    y = np.sin(2 * x @ direction[0]) + np.abs(x @ direction[1]) + 0.1 * rng.normal(size=n)
    return x, (y - 0.8) / 0.95
