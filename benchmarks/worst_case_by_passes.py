"""The program of the worst case within a tolerance, by passes over the rows: time, memory, passes and gap.

    python benchmarks/worst_case_by_passes.py TAUTNET OUT.csv MODEL FOLDER[:BUDGET]...

MODEL is a network at a price, and FOLDER has Parquet files of its columns, as those of `beyond_memory.py`; FOLDER:memory has one file, which is read into
memory. A tenth of the rows is held out. In memory the time has the proofs of the worst cases in it, row by row; `solve_seconds` has not.
"""

import csv
import pathlib
import sys

from beyond_memory import run

SETTINGS = ["--tolerance", "0.1sd", "--decay", "0.0001", "--rounds", "1", "--tol", "1e-4", "--test", "0.1", "--json", "--quiet"]


def measured(program, model, folder, budget):
    files = sorted(pathlib.Path(folder).glob("*.parquet"))
    data = [str(files[0])] if budget == "memory" else [str(folder), "--memory", budget]
    found, seconds, processor, peak = run([program, "polish", model, *data, *SETTINGS])
    before, after = found["before"]["worst_case"], found["worst_case"]
    most = "test_proved" if budget == "memory" else "test_bound"
    return {
        "folder": pathlib.Path(folder).name,
        "budget": budget,
        "seconds": round(seconds, 1),
        "solve_seconds": round(found["seconds"], 1),
        "cpu_seconds": round(processor, 1),
        "peak_mib": peak,
        "passes": found.get("beyond_memory", {}).get("passes", ""),
        "iterations": found["iterations"],
        "gap": found["duality_gap"],
        "objective_before": found["before"]["objective"],
        "objective": found["objective"],
        "most_held_out_before": before[most],
        "most_held_out": after[most],
        "found_held_out_before": before["test_found"],
        "found_held_out": after["test_found"],
        "ending": found["ending"],
    }


def main():
    program, path, model, *folders = sys.argv[1:]
    rows = []
    for folder in folders:
        folder, _, budget = folder.partition(":")
        rows.append(measured(program, model, folder, budget or "2GiB"))
        print(rows[-1], flush=True)
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
