"""Deep networks on MNIST: seconds of a pass against PyTorch on the CPU, and what is certified of what comes out.

Both learn 784-256-256-10 with relu and cross-entropy by Adam, in batches of 256, in single precision, with the same threads; the time of
a pass is the median over the passes behind the first. The networks that are certified are made by `tautnet train mnist --layers …`, and
`tautnet certify --margins` proves on the 10 000 test rows which keep their class. `clean` and `certified` are shares of these rows, `tightness` is
the proved product of the norms over the largest Jacobian that a search found.

    deep.py PROGRAM RACE DATA OUT [SEEDS]      rows that OUT has are not made again
"""
import csv
import gzip
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile

# The radii at which rows are proved, by the norm.
RADII = {"2": ["0.3", "1.58"], "1": ["1", "2"], "inf": ["0.03", "0.1"]}
COLUMNS = ["what", "activation", "layers", "norm", "asked", "epochs", "seed", "threads", "seconds", "clean",
           *(f"certified_{radius}" for radii in RADII.values() for radius in radii), "bound", "found", "tightness"]
# Activation, layers, norm, what is asked for, passes, seeds.
NETWORKS = [
    ("maxmin", "256,256", "2", "--radius 1.58", 12, 5),
    ("maxmin", "256,256", "2", "--radius 0.5", 12, 5),
    ("maxmin", "256,256", "inf", "--lipschitz-price 0.0025 --rate 3e-3 --hidden-weights bounded", 20, 5),
    ("maxmin", "256,256", "1", "--radius 1 --rate 3e-3 --hidden-weights bounded", 20, 5),
    ("maxmin", "256,256", "inf", "--lipschitz-price 0.0025 --rate 3e-3 --hidden-weights free", 20, 1),
    ("maxmin", "256,256", "1", "--radius 1 --rate 3e-3 --hidden-weights free", 20, 1),
    ("maxmin", "512,512", "2", "--radius 1.58", 20, 1),
    ("abs", "256,256", "2", "--lipschitz-price 0.01 --bound trivial --hidden-weights free", 20, 1),
    ("abs", "512,512", "2", "--radius 1.58 --hidden-weights free", 40, 1),
    ("abs", "512,512", "2", "--radius 0.5 --hidden-weights free", 40, 1),
    ("crelu", "512,512", "2", "--radius 0.5 --hidden-weights free", 40, 1),
]
FILES = {"learn": "train", "test": "t10k"}
RACED = ["layers=256,256", "activation=relu", "radius=0", "epochs=4", "validation=0", "biases=true"]


def idx(folder, part, what, kind, skip):
    for name in (f"{part}-{what}-idx{kind}-ubyte", f"{part}-{what}-idx{kind}-ubyte.gz"):
        path = pathlib.Path(folder) / "mnist" / name
        if path.exists():
            return (gzip.open(path) if name.endswith(".gz") else path.open("rb")).read()[skip:]
    return None


def pass_of_torch(x, y, threads):
    """Seconds of a pass of PyTorch, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    import time
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    pixels = torch.frombuffer(bytearray(x), dtype=torch.uint8).reshape(-1, 784).float() / 255
    labels = torch.frombuffer(bytearray(y), dtype=torch.uint8).long()
    net = torch.nn.Sequential(torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
    adam, seconds = torch.optim.Adam(net.parameters(), lr=2e-3), []
    for _ in range(4):
        start, order = time.perf_counter(), torch.randperm(len(labels))
        for first in range(0, len(labels), 256):
            some = order[first:first + 256]
            adam.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(net(pixels[some]), labels[some]).backward()
            adam.step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def measure(program, race, data, out, seeds, threads=2):
    out, seeds = pathlib.Path(out), int(seeds)
    rows = list(csv.DictReader(out.open())) if out.exists() else []

    def keep(row):
        rows.append(row)
        with out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(rows)
        print(row, flush=True)

    def have(**facts):
        return any(all(str(row[key]) == str(value) for key, value in facts.items()) for row in rows)

    environment = os.environ | {"TAUTNET_DATA": str(data), "RAYON_NUM_THREADS": str(threads)}
    images = {part: (idx(data, name, "images", 3, 16), idx(data, name, "labels", 1, 8)) for part, name in FILES.items()}
    if images["learn"][0] is None:
        print("deep: skipped: no mnist in TAUTNET_DATA\n")
        return rows
    with tempfile.TemporaryDirectory() as folder:
        if not have(what="pass of tautnet"):
            paths = []
            for part, (x, y) in images.items():
                paths.append(f"{folder}/{part}.bin")
                pathlib.Path(paths[-1]).write_bytes(struct.pack("<II", len(y), 784) + x + y)
            ran = subprocess.run([race, *paths, *RACED], capture_output=True, text=True, env=environment, check=True)
            ends = [0.0, *(json.loads(line)["seconds"] for line in ran.stdout.splitlines() if '"epoch"' in line and '"loss"' in line)]
            ours = statistics.median(later - earlier for earlier, later in zip(ends[1:], ends[2:]))
            shared = {"activation": "relu", "layers": "256,256", "threads": threads}
            keep({"what": "pass of tautnet", "seconds": round(ours, 3), **shared})
            theirs = pass_of_torch(*images["learn"], threads)
            if theirs is not None:
                keep({"what": "pass of PyTorch", "seconds": round(theirs, 3), **shared})
        for seed in range(seeds):
            for activation, layers, norm, asked, epochs, most in NETWORKS:
                facts = {"what": "network", "activation": activation, "layers": layers, "norm": norm, "asked": asked, "seed": seed}
                if seed >= most or have(**facts):
                    continue
                model = f"{folder}/model.json"

                def run(*arguments):
                    ran = subprocess.run([program, *arguments, "--quiet", "--json"], capture_output=True, text=True, env=environment)
                    if ran.returncode:
                        raise SystemExit(f"deep: {' '.join(arguments)}: {ran.stderr.strip()}")
                    return json.loads(ran.stdout)

                trained = run("train", "mnist", "--layers", layers, "--activation", activation, "--norm", norm, "--epochs", str(epochs),
                              "--seed", str(seed), "--out", model, "--force", *asked.split())
                row = {**facts, "epochs": epochs, "threads": threads, "seconds": round(trained["seconds"], 1)}
                for radius in RADII[norm]:
                    told = run("certify", model, "mnist-test", "--norm", norm, "--margins", f"{folder}/margins.json", "--force",
                               "--radius", radius)
                    count = told["margins"]["rows"]
                    row[f"certified_{radius}"] = told["margins"]["proved_right"] / count
                    row["clean"] = told["margins"]["right"] / count
                row |= {"bound": told["trivial_bound"], "found": told["found"], "tightness": round(told["tightness"], 4)}
                keep(row)
    return rows


def run(setup):
    from common import PROGRAM, RESULTS
    data = os.environ.get("TAUTNET_DATA")
    if not data:
        print("deep: MNIST is read from the folder TAUTNET_DATA, which is not set\n")
        return
    out = RESULTS / "deep.csv"
    if not setup.quick:
        out.unlink(missing_ok=True)
    measure(str(PROGRAM), str(PROGRAM.parent / "examples" / "deep_race"), data, out, 1 if setup.quick else 5, setup.threads)


if __name__ == "__main__":
    measure(*sys.argv[1:5], *(sys.argv[5:] or [1]))
