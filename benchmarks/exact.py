"""How far does the exact Lipschitz constant of trained networks close in a minute?

Five sets, and of each two networks with 100 hidden units in benchmarks/networks: `trained`, by minibatch Adam on the
standardized training rows, and `polished`, what `tautnet polish --lipschitz-price 0.01 --no-standardize` makes of it. They are
kept so that the table can be measured again; one that is missing is made anew from TAUTNET_DATA.

`tautnet certify --exact`, inputs in the norm 2, on one thread, has 60 seconds of the processor (10 with --quick): on a busy
machine it is stopped when its time on the clock is over and resumed, by `--resume`, until it has had them. Prints the
table of docs/bounds.md; its times, too, are of the processor, everything else in `certify` included.
"""
import json
import pathlib
import tempfile

from common import PROGRAM, ROOT, SETS, data_set, starting_network, write_network, write_rows, write_table

FOLDER = ROOT / "benchmarks" / "networks"
UNITS = 100
PRICE = 0.01


def run(setup):
    limit = 10 if setup.quick else 60
    rows = []
    print("| data, d | | found first | constant, from below | from above | gap | time | LipSDP | above the constant by |\n"
          f"|{'---|' * 9}")
    for name in filter(setup.wants, SETS):
        for kind in ("trained", "polished"):
            path = FOLDER / f"{name}-{kind}.json"
            if not path.exists() and not make(setup, name):
                print(f"{name}: no network, and no {SETS[name]}.csv in TAUTNET_DATA to make it from", flush=True)
                break
            rows.append(measured(setup, name, kind, path, limit))
            print(line(rows[-1]), flush=True)
    write_rows("exact", rows)


def measured(setup, name, kind, path, limit):
    """The row of one network: runs until the processor has worked on it for `limit` seconds, or the gap is closed."""
    wall = cpu = 0.0
    with tempfile.TemporaryDirectory() as folder:
        command = [str(PROGRAM), "certify", str(path), "--norm", "2", "--exact", "--resume", f"{folder}/search.json",
                   "--threads", "1", "--json", "--quiet", "--time-limit"]
        while True:
            share = max(cpu / wall, 0.01) if wall else 1.0
            child = setup.child([*command, str(min(max((limit - cpu) / share, 5.0), limit))])
            wall, cpu = wall + child.wall, cpu + child.cpu
            if child.trouble:
                return {"set": name, "network": kind, "status": child.trouble}
            done = row(name, kind, child) | {"wall": round(wall, 2), "cpu": round(cpu, 2)}
            if done["closed"] or cpu > 0.95 * limit:
                return done


def row(name, kind, child):
    bounds = child.answer["bounds"]
    find = lambda word, side: next(b for b in bounds if word in b["name"] and b["direction"] == side)
    searched = [b for b in bounds if "explored" in b]
    above, below = (next(b for b in searched if b["direction"] == side) for side in ("upper", "lower"))
    return {"set": name, "network": kind, "m": child.answer["units"], "d": child.answer["inputs"],
            "found": find("found", "lower")["value"], "lower": below["value"], "upper": above["value"],
            "gap": above["gap"], "closed": int(above["closed"]), "explored": above["explored"], "open": above["open"],
            "undecided": above["undecided"], "lipsdp": find("LipSDP", "upper")["value"], "status": "done"}


def line(row):
    """Of the table in docs/bounds.md."""
    if row["status"] != "done":
        return f"| {row['set']} | {row['network']} | {row['status']} |"
    over = [100 * (row["lipsdp"] / row[side] - 1) for side in ("upper", "lower")]
    time = f"{row['cpu']:.2g} s" if row["closed"] else f"stopped at {row['cpu']:.0f} s"
    gap = "0" if row["closed"] else f"{100 * row['gap']:.1f} %"
    above = f"{over[0]:.2g} %" if row["closed"] else f"{over[0]:.0f} to {over[1]:.0f} %"
    data = f"{row['set']}, {row['d']}" if row["network"] == "trained" else ""
    return (f"| {data} | {row['network']} | {row['found']:.6g} | {row['lower']:.6g} | {row['upper']:.6g} | {gap} | {time} "
            f"| {row['lipsdp']:.6g} | {above} |")


def make(setup, name):
    """Both networks of a set; False without its data."""
    data = data_set(name)
    if data is None:
        return False
    FOLDER.mkdir(exist_ok=True)
    trained, polished = (FOLDER / f"{name}-{kind}.json" for kind in ("trained", "polished"))
    if not trained.exists():
        write_network(trained, *starting_network(*data, UNITS))
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "table.csv"
        write_table(table, *data)
        child = setup.child([str(PROGRAM), "polish", str(trained), str(table), "--header", "yes", "--no-standardize",
                             "--lipschitz-price", str(PRICE), "--threads", str(setup.threads), "--out", str(polished), "--force",
                             "--json", "--quiet"])
    if child.trouble:
        print(f"{name}: {child.trouble}", flush=True)
        return False
    network = json.loads(polished.read_text())
    polished.write_text(json.dumps(network.get("network", network)))
    return True
