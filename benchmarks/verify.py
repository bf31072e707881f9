"""How long does `tautnet verify` take, the whole process, from m = 100 hidden units to 2000?

Random networks, seeded, each with the certificate that `tautnet certify --norm 2 --time-limit 20` writes. Best and median of
twenty runs of `tautnet verify CERTIFICATE NETWORK` on the clock, and the median time of the processor.
"""
import pathlib
import tempfile

import numpy as np
from common import PROGRAM, median, write_network, write_rows

CASES = {"100x10": (100, 10), "100x100": (100, 100), "500x50": (500, 50), "2000x100": (2000, 100), "2000x784": (2000, 784)}
RUNS = 20


def run(setup):
    rows = []
    print("| m, d | whole process, median | best | processor |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        network, certificate = (str(pathlib.Path(folder) / name) for name in ("network.json", "certificate.json"))
        for name in filter(setup.wants, CASES):
            m, d = CASES[name]
            rng = np.random.default_rng(m + d)
            write_network(network, rng.normal(size=(m, d)) / np.sqrt(d), rng.normal(size=m),
                          rng.normal(size=m) / np.sqrt(m))
            made = setup.child([str(PROGRAM), "certify", network, "--norm", "2", "--time-limit", "20", "--certificate",
                                certificate, "--json", "--quiet", "--out", certificate + ".bounds", "--force"])
            if made.trouble:
                print(f"{name}: {made.trouble}", flush=True)
                continue
            command = [str(PROGRAM), "verify", certificate, network, "--json"]
            runs = [setup.child(command) for _ in range(3 if setup.quick else RUNS)]
            if not all(run.answer and run.answer["proved"] for run in runs):
                print(f"{name}: refused: {runs[0].trouble}", flush=True)
                continue
            rows += [{"m": m, "d": d, "repeat": k, "wall": round(run.wall, 4), "cpu": round(run.cpu, 4),
                      "peak_mib": round(run.peak, 1)} for k, run in enumerate(runs)]
            walls = [run.wall for run in runs]
            times = (median(walls), min(walls), median([run.cpu for run in runs]))
            print(f"| {m}, {d} | " + " | ".join(f"{1000 * seconds:.0f} ms" for seconds in times) + " |", flush=True)
    write_rows("verify", rows)
