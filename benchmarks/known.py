"""What do tools that bound Lipschitz constants say about networks whose constants are known?

Every network of docs/known-answers, inputs in the norm 2: `tautnet certify` with its proof; LipSDP by CVXPY with Clarabel and
SCS, at their default tolerances; the form of LipSDP that couples units in pairs; and, where it is installed
(benchmarks/.venv/bin/pip install eclipse-nn==0.1.7, which brings PyTorch), `eclipse-nn`. A bound more than a relative 1e-9 below
the constant is no bound. Prints the table of docs/known-answers/README.md.
"""
import importlib.util
import json
import pathlib
import sys
import tempfile

from common import PROGRAM, ROOT, write_rows

FOLDER = ROOT / "docs" / "known-answers"
TOOLS = {"diagonal-clarabel": "diagonal, Clarabel", "diagonal-scs": "diagonal, SCS", "pairs-clarabel": "in pairs, Clarabel",
         "eclipse": "ECLipsE", "eclipse-fast": "ECLipsE-Fast", "eclipse-local": "ECLipsE-Gen-Local, radius 1"}
SLACK = 1e-9


def run(setup):
    networks = {path: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
    networks = {path: known for path, known in networks.items() if setup.wants(known["name"])}
    tools = [tool for tool in TOOLS if wanted(setup, tool)]
    answers = {"tautnet": {known["name"]: ours(setup, known) for known in networks.values()}}
    for tool in tools:
        child = setup.child([sys.executable, str(FOLDER / "others.py"), tool, *map(str, networks)],
                            setup.cap * len(networks))
        troubled = {known["name"]: {"trouble": child.trouble} for known in networks.values()}
        answers[tool] = child.answer or troubled
    rows = []
    names = ["`tautnet`, proved", *(TOOLS[tool] for tool in tools)]
    print(f"| file | constant | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}")
    for known in networks.values():
        name, constant = known["name"], known["lipschitz"]["2"]["constant"]
        cells = [f"`{name}`", f"{constant:.9g}"]
        for tool, given in answers.items():
            answer = given[name]
            bound = answer.get("bound")
            below = bound is not None and not bound >= constant * (1 - SLACK)
            rows.append({"network": name, "constant": constant, "tool": tool, "bound": bound, "below": int(below),
                         "seconds": round(answer["seconds"], 4) if "seconds" in answer else None,
                         "note": answer.get("trouble") or answer.get("note", "")})
            mark = " **below**" if below else "*" if answer.get("note") else ""
            cells.append("fails" if bound is None else f"{bound:.9g}{mark}")
        print(f"| {' | '.join(cells)} |")
    print()
    for row in rows:
        if row["bound"] is None:
            print(f"{row['tool']} on {row['network']}: {row['note']}")
    write_rows("known", rows)


def wanted(setup, tool):
    if tool.startswith("eclipse"):
        there = importlib.util.find_spec("eclipse_nn") is not None
        if not there and tool == "eclipse":
            print("eclipse-nn is not installed and not asked: benchmarks/.venv/bin/pip install eclipse-nn==0.1.7", flush=True)
        return there
    return tool.rpartition("-")[2] in setup.opponents


def ours(setup, known):
    with tempfile.TemporaryDirectory() as folder:
        network = pathlib.Path(folder) / "network.json"
        network.write_text(json.dumps(known["network"]))
        child = setup.child([str(PROGRAM), "certify", str(network), "--norm", "2", "--json", "--quiet"])
    if child.trouble:
        return {"trouble": child.trouble}
    seconds = next(b["seconds"] for b in child.answer["bounds"] if b["name"] == "LipSDP, proved")
    return {"bound": child.answer["lipschitz"], "seconds": seconds}
