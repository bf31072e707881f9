"""Does the joint solve end within sixty iterations, at a relative gap of 1e-8, on every seed?

m = 100 hidden units, price 0.01, twenty seeds of the five sets of the paper: each seed has its own training part (or
its own sample) and its own starting network. Only this program runs.
"""
import pathlib
import statistics
import tempfile

from common import PROGRAM, SETS, data_set, starting_network, write_network, write_rows, write_table

PRICE = "0.01"
UNITS = 100
SEEDS = 20
QUICK_SEEDS = 2
GAP = 1e-8
MOST = 60


def run(setup):
    seeds = QUICK_SEEDS if setup.quick else SEEDS
    print(f"iterations: (J) at m = {UNITS}, price {PRICE}, {seeds} seeds a set; solved: gap {GAP:g} within {MOST}")
    print(f"{'set':<10} {'d':>3} {'solved':>8} {'worst gap':>10} {'median':>7} {'most':>5} {'seconds':>8}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        network, table = pathlib.Path(folder) / "network.json", pathlib.Path(folder) / "data.csv"
        command = [str(PROGRAM), "polish", str(network), str(table), "--method", "joint", "--lipschitz-price", PRICE,
                   "--no-standardize", "--no-output-bias", "--json"]
        for name in filter(setup.wants, SETS):
            done = []
            for seed in range(seeds):
                data = data_set(name, seed)
                if data is None:
                    print(f"{name:<10} skipped: no {SETS[name]}.csv in TAUTNET_DATA", flush=True)
                    break
                x, y = data
                write_table(table, x, y)
                write_network(network, *starting_network(x, y, UNITS, seed))
                child = setup.child(command)
                answer = child.answer or {}
                done.append({
                    "set": name, "n": len(y), "d": x.shape[1], "m": UNITS, "seed": seed, "threads": setup.threads,
                    "iterations": answer.get("iterations"), "gap": answer.get("duality_gap"),
                    "seconds": answer.get("seconds"), "wall": round(child.wall, 3),
                    "objective": answer.get("objective"), "before": answer.get("before", {}).get("objective"),
                    "status": child.trouble or answer.get("ending", "done"), "reason": answer.get("reason", ""),
                })
            if done:
                print_row(name, done)
            rows += done
    write_rows("iterations", rows)


def solved(row):
    return row["gap"] is not None and row["gap"] <= GAP and row["iterations"] <= MOST


def print_row(name, done):
    answered = [row for row in done if row["gap"] is not None]
    count = f"{sum(map(solved, done))}/{len(done)}"
    if answered:
        iterations = [row["iterations"] for row in answered]
        worst, seconds = max(row["gap"] for row in answered), statistics.median(row["seconds"] for row in answered)
        print(f"{name:<10} {done[0]['d']:>3} {count:>8} {worst:>10.1e} {statistics.median(iterations):>7g} "
              f"{max(iterations):>5} {seconds:>8.2f}", flush=True)
    else:
        print(f"{name:<10} {done[0]['d']:>3} {count:>8}", flush=True)
    for row in done:
        if not solved(row):
            gap = "no gap" if row["gap"] is None else f"gap {row['gap']:.1e} after {row['iterations']}"
            print(f"           seed {row['seed']}: {gap}: {row['status']} {row['reason']}".rstrip(), flush=True)
