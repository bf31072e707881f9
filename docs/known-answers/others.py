"""What other tools say about the known answers: the table of README.md, by `./bench known`.

    python others.py TOOL [FILE...]     one JSON object: for each file the bound (or the trouble) and the seconds it took

Inputs are measured in the norm 2. Three of the tools are LipSDP in a modelling language: for the multiplier T the bound is the
square root of the least rho with

    [ rho I,  -W' T ;  -T W,  2 T - v v' ]  positive semidefinite,

T diagonal and nonnegative, or (the unsound form) T with a further nonnegative multiple of (e_i - e_j)(e_i - e_j)' for every
pair. The others are `eclipse-nn`, which bounds deep networks layer by layer: its two global methods, and the local one over the
ball of radius 1 around the point at which the network's constant is attained, so that the constant bounds it from below too.
"""

import contextlib
import io
import itertools
import json
import pathlib
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def files():
    return sorted(HERE.glob("*.json"))


def lipsdp(solver, coupled):
    import cvxpy as cp

    def bound(known):
        w, v = (np.array(known["network"][part], float) for part in "wv")
        units, inputs = w.shape
        rho, own = cp.Variable(), cp.Variable(units, nonneg=True)
        multiplier = cp.diag(own)
        pairs = list(itertools.combinations(range(units), 2))
        if coupled and pairs:
            differences = np.zeros((len(pairs), units))
            for row, (i, j) in zip(differences, pairs):
                row[i], row[j] = 1, -1
            multiplier = multiplier + differences.T @ cp.diag(cp.Variable(len(pairs), nonneg=True)) @ differences
        corner = 2 * multiplier - np.outer(v, v)
        matrix = cp.bmat([[rho * np.eye(inputs), -w.T @ multiplier], [-multiplier @ w, corner]])
        problem = cp.Problem(cp.Minimize(rho), [(matrix + matrix.T) / 2 >> 0])
        problem.solve(solver=solver)
        return np.sqrt(max(problem.value, 0))

    return bound


def eclipse(ask):
    import torch
    from eclipse_nn import LipConstEstimator

    def bound(known):
        network = known["network"]
        weights = [torch.tensor(network["w"], dtype=torch.float64), torch.tensor([network["v"]], dtype=torch.float64)]
        biases = [torch.tensor(network["b"], dtype=torch.float64).reshape(-1, 1),
                  torch.tensor([[network["c"]]], dtype=torch.float64)]
        return ask(LipConstEstimator(weights=weights, biases=biases), np.array(known["lipschitz"]["2"]["point"], float))

    return bound


def local(estimator, point):
    bound, _, status = estimator.estimate_gen_local(point, 1.0, actv="relu", algo="Acc")
    if status != 0:
        raise ArithmeticError(f"exit code {status}")
    return bound


TOOLS = {
    "diagonal-clarabel": lambda: lipsdp("CLARABEL", coupled=False),
    "diagonal-scs": lambda: lipsdp("SCS", coupled=False),
    "pairs-clarabel": lambda: lipsdp("CLARABEL", coupled=True),
    "eclipse": lambda: eclipse(lambda estimator, _: estimator.estimate("ECLipsE")),
    "eclipse-fast": lambda: eclipse(lambda estimator, _: estimator.estimate("ECLipsE_Fast")),
    "eclipse-local": lambda: eclipse(local),
}


def main(tool, *paths):
    bound, answers = TOOLS[tool](), {}
    for path in map(pathlib.Path, paths or files()):
        known, started = json.loads(path.read_text()), time.perf_counter()
        answer, said = {}, io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                answer["bound"] = float(bound(known))
        except Exception as error:  # whatever a tool ends with is its answer
            answer["trouble"] = f"{type(error).__name__}: {error}".splitlines()[0]
        if "Falling back" in said.getvalue():
            answer["note"] = "fell back to its fast method"
        answer["seconds"] = time.perf_counter() - started
        answers[known["name"]] = answer
    print(json.dumps(answers))


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TOOLS:
        sys.exit(f"{__doc__}\nTOOL is one of {', '.join(TOOLS)}.")
    main(*sys.argv[1:])
