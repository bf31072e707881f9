"""Weight decay with many unknowns: how do time, products with the rows and memory grow with the network?

Rows of a network of 20 units with noise, a start trained for three epochs, and one solve by conjugate gradients to a relative gap of
1e-4 (`crates/tautnet/examples/many_unknowns.rs`). The smallest case is one that a factor solves, for comparison.
"""
import subprocess

from common import ROOT, write_rows

# Rows, columns, units.
CASES = [(20_000, 20, 100), (30_000, 50, 300), (50_000, 100, 500), (100_000, 100, 1000)]
DECAY, TOLERANCE = "1e-3", "1e-4"
EXAMPLE = ROOT / "target" / "release" / "examples" / "many_unknowns"


def run(setup):
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "tautnet", "--example", "many_unknowns"], cwd=ROOT, check=True)
    print(f"many-unknowns: weight decay, {setup.threads} threads")
    print(f"{'unknowns':>9} {'rows':>7} {'seconds':>8} {'iterations':>10} {'products':>8} {'gap':>8} {'peak MiB':>9}")
    rows = []
    for n, d, m in CASES[:2] if setup.quick else CASES:
        if not setup.wants(str(m)):
            continue
        done = setup.child([str(EXAMPLE), str(n), str(d), str(m), DECAY, TOLERANCE])
        answer = done.answer or {}
        row = {"rows": n, "columns": d, "units": m, "unknowns": m * (d + 2) + 1, "decay": DECAY, "threads": setup.threads}
        for key in ("training_seconds", "seconds", "iterations", "products", "gap", "before", "objective", "ending"):
            row[key] = answer.get(key)
        row |= {"cpu_seconds": round(done.cpu, 1), "wall": round(done.wall, 1), "peak_mib": round(done.peak, 1), "status": done.trouble or "done"}
        rows.append(row)
        if done.trouble:
            print(f"{row['unknowns']:>9} {done.trouble}", flush=True)
            continue
        print(f"{row['unknowns']:>9} {n:>7} {row['seconds']:8.1f} {row['iterations']:>10} {str(row['products'] or '–'):>8} "
              f"{row['gap']:8.1e} {row['peak_mib']:9.0f}", flush=True)
    write_rows("many-unknowns", rows)
