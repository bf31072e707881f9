"""How fast is the LipSDP bound of a given network, from m = 100 units to 2000?

Ours includes its certificate; `wall` also the other bounds of `tautnet certify`.

Random networks, seeded. The generic solver runs until it finishes or reaches the cap; beyond m = 500 it is not asked
(its LMI alone has two million rows there).
"""
import pathlib
import tempfile

import numpy as np
from common import OPPONENT, PROGRAM, median, show, write_network, write_rows

CASES = {"100x8": (100, 8), "100x50": (100, 50), "500x50": (500, 50), "2000x100": (2000, 100)}


def run(setup):
    print("lipsdp: medians in seconds, solve / whole process")
    print(f"{'m x d':<10} {'tautnet':>16} {'CVXPY+Clarabel':>16}   bounds")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        network = pathlib.Path(folder) / "network.json"
        for name in filter(setup.wants, CASES):
            m, d = CASES[name]
            if setup.quick and name in ("100x50", "500x50"):
                continue
            rng = np.random.default_rng(m + d)
            write_network(network, rng.normal(size=(m, d)) / np.sqrt(d), rng.normal(size=m),
                          rng.normal(size=m) / np.sqrt(m))
            commands = {"tautnet": [str(PROGRAM), "certify", str(network), "--norm", "2", "--json"]}
            if m <= 500 and "clarabel" in setup.opponents:
                commands["clarabel"] = [*OPPONENT, "lipsdp", str(network), "--solver", "CLARABEL"]
            runs = {"tautnet": [], "clarabel": []}
            for repeat in range(setup.repeats):
                for program, command in commands.items():
                    if runs[program] and runs[program][-1].trouble:
                        continue
                    done = setup.child(command, setup.cap)
                    runs[program].append(done)
                    answer = done.answer or {}
                    if "bounds" in answer:  # the table of bounds tells what each took; the proof is part of this one
                        answer["seconds"] = next(b["seconds"] for b in answer["bounds"] if b["name"] == "LipSDP, proved")
                    rows.append({
                        "m": m, "d": d, "program": program, "repeat": repeat, "threads": setup.threads,
                        "seconds": answer.get("seconds"), "solver_seconds": answer.get("solver_seconds"),
                        "wall": round(done.wall, 3), "peak_mib": round(done.peak, 1),
                        "lipschitz": answer.get("lipschitz"), "status": done.trouble or answer.get("status", "done"),
                    })
            cells = " ".join(
                f"{show(median([r.answer and r.answer.get('seconds') for r in done]))} "
                f"/{show(median([r.wall for r in done]))}" for done in runs.values())
            bounds = [f"{p} {done[-1].trouble or format(done[-1].answer['lipschitz'], '.8g')}"
                      for p, done in runs.items() if done]
            print(f"{name:<10} {cells}   {', '.join(bounds)}", flush=True)
    write_rows("lipsdp", rows)
