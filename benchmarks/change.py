"""Did a change make the program slower?

`--before FOLDER` names the folder that holds another build of `tautnet` (target/release of another checkout). Both builds
solve the same cases in turn, in one run: (J) on the sets of `joint` and of `growth`, the LipSDP bound with its proof on
those of `lipsdp`, the exact constants that `exact` closes within seconds, and the first-order methods of `convex`, for which
the folder holds `examples/convex_race` too (`cargo build --release --example convex_race`). The time of a case is what the processor
spent on the whole process: on a busy machine it says more than the clock. The figure of a case is the median over the repeats,
and the ratio is now over before: above 1 is slower. The answers stand beside, so that a change of them is seen.
"""
import pathlib
import tempfile

import numpy as np
from common import ROOT, data_sets, geometric_mean, median, starting_network, write_network, write_rows, write_table
from growth import COLUMNS, smooth_target

PROGRAM, RACE = "tautnet", "examples/convex_race"
TELL = ["--quiet", "--json"]
NOW = ROOT / "target" / "release"
EXACT = ["machine-polished", "servo-polished", "servo-trained"]
LIPSDP = [(100, 8), (500, 50), (2000, 100)]
GATES, PRICE = 50, "0.001"


def run(setup):
    if setup.before is None:
        print("change: skipped: name the folder of another build with --before FOLDER")
        return
    folders = {"before": pathlib.Path(setup.before), "now": NOW}
    rows, ratios = [], {}
    print(f"change: seconds of the processor, medians of {setup.repeats}, now over before\n"
          f"{'case':<24} {'before':>9} {'now':>9} {'ratio':>7}   answers")
    with tempfile.TemporaryDirectory() as folder:
        for question, name, program, arguments, key in cases(setup, pathlib.Path(folder)):
            runs = {build: [] for build in folders}
            for repeat in range(setup.repeats):
                # The order changes from repeat to repeat: neither build is always the first.
                for build in sorted(folders, reverse=repeat % 2 == 1):
                    done = setup.child([str(folders[build] / program), *arguments])
                    runs[build].append(done)
                    answer = done.answer or {}
                    rows.append({"question": question, "case": name, "build": build, "repeat": repeat,
                                 "threads": setup.threads, "cpu": round(done.cpu, 4), "wall": round(done.wall, 4),
                                 "peak_mib": round(done.peak, 1), "answer": answer and value(answer, key),
                                 "iterations": answer.get("iterations"), "status": done.trouble or "done"})
            cpu = {build: median([r.cpu for r in done]) for build, done in runs.items()}
            ratio = cpu["now"] / cpu["before"]
            ratios.setdefault(question, []).append(ratio)
            answers = [runs[build][-1].trouble or repr(value(runs[build][-1].answer, key)) for build in folders]
            told = answers[0] if answers[0] == answers[1] else " → ".join(answers)
            print(f"{question + ' ' + name:<24} {cpu['before']:9.3f} {cpu['now']:9.3f} {ratio:7.3f}   {told}", flush=True)
    for question, values in ratios.items():
        print(f"{question}: geometric mean of the ratios {geometric_mean(values):.3f} over {len(values)} cases")
    write_rows("change", rows)


def value(answer, key):
    """What is compared: the exact constant from above, or a number of the answer."""
    if key == "exact":
        return next(b["value"] for b in answer["bounds"] if "explored" in b and b["direction"] == "upper")
    return answer[key]


def cases(setup, folder):
    """(question, name, program, arguments, key of the answer) of every case that is wanted; its files are in the folder."""
    network, table = folder / "network.json", folder / "data.csv"
    polish = ["polish", str(network), str(table), "--method", "joint", "--lipschitz-price", "0.01", "--no-standardize",
              "--no-output-bias", *TELL]
    for name, (x, y) in data_sets(setup):
        write_table(table, x, y)
        write_network(network, *starting_network(x, y, 100))
        yield "joint", name, PROGRAM, polish, "objective"
    for n in (10_000,) if setup.quick else (10_000, 100_000):
        if setup.wants("growth"):
            x, y = smooth_target(n)
            write_table(table, x, y, digits=9)
            write_network(network, *starting_network(x[:1000], y[:1000], 50))
            yield "growth", f"{n}x{COLUMNS}", PROGRAM, polish, "objective"
    certify = ["certify", str(network), "--norm", "2", *TELL]
    for m, d in LIPSDP:
        if setup.wants("lipsdp"):
            random = np.random.default_rng(m + d)
            write_network(network, random.normal(size=(m, d)) / np.sqrt(d), random.normal(size=m),
                          random.normal(size=m) / np.sqrt(m))
            yield "lipsdp", f"{m}x{d}", PROGRAM, certify, "lipschitz"
    for name in EXACT:
        kept = ROOT / "benchmarks" / "networks" / f"{name}.json"
        if setup.wants("exact") and kept.exists():
            exact = ["certify", str(kept), "--norm", "2", "--exact", "--threads", "1", *TELL]
            yield "exact", name, PROGRAM, exact, "exact"
    gates = folder / "gates.csv"
    for name, (x, y) in data_sets(setup) if setup.wants("convex") else ():
        np.savetxt(table, np.c_[x, y], fmt="%.17g", delimiter=",")
        np.savetxt(gates, np.random.default_rng(7).normal(size=(GATES, x.shape[1] + 1)), fmt="%.17g", delimiter=",")
        for what in ("gated", "relu"):
            yield "convex", f"{name} {what}", RACE, [what, str(table), str(gates), PRICE, "1e-6", f"{setup.cap:g}"], "objective"
