"""How much faster is the structured solve of (J) than a modelling language with a generic solver?

m = 100 hidden units, price 0.01, the same starting network and table for every program, at the five sizes of the
paper. `seconds` is building and solving the program, `wall` the whole process.
"""
import pathlib
import tempfile

from common import (OPPONENT, PROGRAM, data_sets, geometric_mean, median, show, starting_network, write_network,
                    write_rows, write_table)

PRICE = "0.01"
UNITS = 100


def run(setup):
    print("joint: (J) at m = 100, price 0.01: medians in seconds, solve / whole process")
    ours = ["--method", "joint", "--lipschitz-price", PRICE]
    versus(setup, "joint", ours, ["joint", "--lipschitz-price", PRICE])


def versus(setup, benchmark, our_options, their_options):
    """The same program by `polish` with these options and by the opponents with those."""
    print(f"{'set':<10} {'n':>5} {'d':>3} {'tautnet':>16} "
          + " ".join(f"{'CVXPY+' + program:>16}" for program in setup.opponents) + "   ratios of solve times")
    rows, ratios = [], {"clarabel": [], "scs": []}
    with tempfile.TemporaryDirectory() as folder:
        network, table = pathlib.Path(folder) / "network.json", pathlib.Path(folder) / "data.csv"
        ours = [str(PROGRAM), "polish", str(network), str(table), *our_options,
                "--no-standardize", "--no-output-bias", "--json"]
        theirs = [*OPPONENT, their_options[0], str(network), str(table), *their_options[1:], "--solver"]
        commands = {"tautnet": ours, "clarabel": [*theirs, "CLARABEL"], "scs": [*theirs, "SCS"]}
        commands = {program: command for program, command in commands.items()
                    if program == "tautnet" or program in setup.opponents}
        for name, (x, y) in data_sets(setup):
            write_table(table, x, y)
            write_network(network, *starting_network(x, y, UNITS))
            runs = {program: [] for program in commands}
            for repeat in range(setup.repeats):
                for program, command in commands.items():
                    # A program that ran into the cap once will do so again.
                    if runs[program] and runs[program][-1].trouble:
                        continue
                    done = setup.child(command, setup.cap)
                    runs[program].append(done)
                    answer = done.answer or {}
                    rows.append({
                        "set": name, "n": len(y), "d": x.shape[1], "m": UNITS, "program": program, "repeat": repeat,
                        "threads": setup.threads, "seconds": answer.get("seconds"),
                        "solver_seconds": answer.get("solver_seconds"), "wall": round(done.wall, 3),
                        "peak_mib": round(done.peak, 1), "objective": answer.get("objective"),
                        "lipschitz": answer.get("lipschitz"), "gap": answer.get("duality_gap"),
                        "iterations": answer.get("iterations"), "status": done.trouble or answer.get("status", "done"),
                    })
            print_row(name, x, runs, ratios)
    for program, values in ratios.items():
        if values:
            print(f"geometric mean against {program}: {geometric_mean(values):.1f} over {len(values)} sets")
    write_rows(benchmark, rows)


def print_row(name, x, runs, ratios):
    solve = {p: median([r.answer and r.answer["seconds"] for r in done]) for p, done in runs.items()}
    wall = {p: median([r.wall for r in done]) for p, done in runs.items()}
    cells = " ".join(f"{show(solve[p])} /{show(wall[p])}" for p in runs)
    notes = []
    for program in runs:
        if program == "tautnet" or not solve["tautnet"]:
            continue
        # An opponent that was stopped took at least as long as it was given.
        if solve[program] is None:
            trouble = runs[program][-1].trouble
            if trouble.startswith("stopped"):
                notes.append(f"{program} ≥ {wall[program] / solve['tautnet']:.1f}")
        else:
            ratios[program].append(solve[program] / solve["tautnet"])
            notes.append(f"{program} {ratios[program][-1]:.1f}")
    print(f"{name:<10} {len(x):>5} {x.shape[1]:>3} {cells}   {', '.join(notes)}")
    for program, done in runs.items():
        troubles = {r.trouble or r.answer.get("status", "") for r in done} - {"", "optimal"}
        if troubles:
            print(f"           {program}: {'; '.join(sorted(troubles))}")
    objectives = {p: median([r.answer and r.answer["objective"] for r in done]) for p, done in runs.items()}
    peak = {p: median([r.peak for r in done]) for p, done in runs.items()}
    told = ", ".join(f"{p} {value:.9g} ({peak[p]:.0f} MiB)" for p, value in objectives.items() if value is not None)
    print(f"           objectives: {told}", flush=True)
