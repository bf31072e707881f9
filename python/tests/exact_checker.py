"""Checks tautnet certificates in exact rational arithmetic: the second opinion on `tautnet verify`.

    python exact_checker.py CERTIFICATE MODEL       exit 0 only if every claim is proved
    python exact_checker.py --cases FILE            judge the lines written by the examples `random_certificates`
                                                    and `random_chain_certificates`

Every stored double is taken as the fraction that it is, and nothing is ever rounded. Only the standard library is
used, and none of the verifier's reasoning about rounding: this program proves the bound L from another matrix,

        [ P     -Z^T  -ya ]      P = diag(r_k s_k^2),   r_k = L (norm 2)  or  sum r_k <= L (norm inf)
    S = [ -Z     2D   -l  ]      Z_ik = y v_i w_ik,     D = diag(l_i),   a: the linear part, 0 where there is none
        [ -ya^T -l^T   L  ]      (s, y: the scaler's scales; 1 in standardized units)

by an exact LDL^T factorization of S, which exists with D >= 0 just when S is positive semidefinite. Then
(F(X) - F(Y))^2 <= L sum r_k (X_k - Y_k)^2 by `docs/mathematics/verification.md`, section 2.

Certificates of networks with any number of layers, and margins of their rows, are judged too (`docs/mathematics/deep.md`): a claimed norm s of a layer W
is proved by s^2 I - W W^T >= 0 in the norm 2 and by sums in the others, and what follows from the norms is compared without
taking a root (`exact_chains.py`). Multipliers of the hidden units are judged by the whole matrix of section 8 of that file, not layer by layer. The outputs at a row are computed exactly, or between two fractions where the activation is a sine, a cosine or a hyperbolic tangent:
these are enclosed by partial sums of their series.
"""

import hashlib
import json
import struct
import sys
from collections import Counter
from fractions import Fraction

from exact_basics import Refused, doubles, fields, need, number, numbers, positive_semidefinite, read_json, scales_of
from exact_chains import CHAIN, MARGINS, check_chain, check_margins, read_chain


def fingerprint(network, version):
    """SHA-256 over the shape and the doubles, as `docs/certificate-format.md` says."""
    w, b, v, c, a = (network[key] for key in "wbvca")
    flat = [x for row in w for x in row]

    def packed(values):
        return struct.pack(f"<{len(values)}d", *values)

    def integers(*values):
        return struct.pack(f"<{len(values)}Q", *values)

    if version == 1:
        need(a is None, "it is of version 1, which knows no linear part")
        data = b"tautnet network 1\n" + integers(len(w), len(w[0])) + packed([*flat, *b, *v, c])
        return hashlib.sha256(data).hexdigest()
    data = b"tautnet network 2\n" + integers(2)
    for rows, weights, bias, name in [(len(w), flat, b, b"relu"), (1, v, [c], b"identity")]:
        data += integers(rows, len(weights) // rows) + packed(weights) + packed(bias) + integers(len(name)) + name
    data += integers(0) if a is None else integers(1) + packed(a)
    return hashlib.sha256(data).hexdigest()


# ------------------------------------------------------------------------------------------------ proving


def prove(claim, norm, w, v, a, x_scale, y_scale):
    units, inputs = len(w), len(w[0])
    fields(claim, ["bound", "sensitivities", "multipliers"], ["input_weights"])
    bound = number(claim["bound"])
    sensitivities = numbers(claim["sensitivities"], inputs, "sensitivities")
    multipliers = numbers(claim["multipliers"], 0 if norm == "1" else units, "multipliers")
    weights = claim.get("input_weights")
    if norm == "inf":
        weights = numbers(weights, inputs, "input weights")
    else:
        need(weights is None, "input weights belong to the norm inf only")
    need(min([bound, *sensitivities, *multipliers, *(weights or [])]) >= 0, "a number is negative")

    z = [[y_scale * v[i] * w[i][k] for k in range(inputs)] for i in range(units)]
    for k in range(inputs):
        rising = y_scale * a[k] + sum(row[k] for row in z if row[k] > 0)
        falling = -y_scale * a[k] - sum(row[k] for row in z if row[k] < 0)
        need(max(rising, falling) <= sensitivities[k] * x_scale[k], f"the sensitivity to input {k} is understated")
        if norm == "1":
            need(max(rising, falling) <= bound * x_scale[k], "the bound is below a sensitivity")
    if norm == "1":
        return
    if norm == "inf":
        need(sum(weights) <= bound, "the input weights sum to more than the bound")
    else:
        weights = [bound] * inputs

    # S with the units first, whose block is diagonal: what is left of it then stays small.
    size = units + inputs + 1
    s = [[Fraction(0)] * size for _ in range(size)]
    for i in range(units):
        s[i][i] = 2 * multipliers[i]
        for k in range(inputs):
            s[i][units + k] = -z[i][k]
        s[i][-1] = -multipliers[i]
    for k in range(inputs):
        s[units + k][units + k] = weights[k] * x_scale[k] ** 2
        s[units + k][-1] = -y_scale * a[k]
    s[-1][-1] = bound
    need(positive_semidefinite(s), "the multipliers do not prove the bound")


def check(data, network):
    """Returns nothing if every claim of the certificate, given as bytes, is proved; else raises Refused."""
    certificate = fields(
        read_json(data), ["format", "version", "network", "norm", "standardized"], ["scaler", "raw"]
    )
    need(certificate["format"] == "tautnet certificate", "it is not a certificate of tautnet")
    version = certificate["version"]
    need(type(version) is int and version in (1, 2), "it is of another version")
    need(certificate["network"] == fingerprint(network, version), "it belongs to another network")
    norm = certificate["norm"]
    need(norm in ("1", "2", "inf"), "the norm is unknown")
    w = [[Fraction(x) for x in row] for row in network["w"]]
    v = [Fraction(x) for x in network["v"]]
    inputs = len(w[0])
    a = [Fraction(x) for x in network["a"] or [0] * inputs]
    prove(certificate["standardized"], norm, w, v, a, [Fraction(1)] * inputs, Fraction(1))

    scaler, raw = certificate.get("scaler"), certificate.get("raw")
    need((scaler is None) == (raw is None), "`scaler` and `raw` go together")
    if scaler is not None:
        prove(raw, norm, w, v, a, *scales_of(scaler, inputs))


def check_any(data, model):
    """Judges a certificate of any kind, or margins of rows, about the network of a model file."""
    certificate = read_json(data)
    kind = certificate.get("format") if isinstance(certificate, dict) else None
    if kind == CHAIN:
        check_chain(data, read_chain(model))
    elif kind == MARGINS:
        check_margins(data, read_chain(model))
    else:
        check(data, read_network(model))


# ------------------------------------------------------------------------------------------------ running


def read_network(model):
    """The network of a model file, at the top or under "network": layers, or in version 1 `w` (rows), `b`, `v`, `c`."""
    network = model.get("network", model) if isinstance(model, dict) else {}
    network = network if isinstance(network, dict) else {}
    if "layers" in network:
        network = one_hidden_layer(network)
    need(all(key in network for key in "wbvc"), "the model file has no network")
    rows = network["w"]
    need(isinstance(rows, list) and rows and isinstance(rows[0], list) and rows[0], "the network is empty")
    return {
        "w": [doubles(row, len(rows[0]), "w") for row in rows],
        "b": doubles(network["b"], len(rows), "b"),
        "v": doubles(network["v"], len(rows), "v"),
        "c": doubles([network["c"]], 1, "c")[0],
        "a": None if network.get("a") is None else doubles(network["a"], len(rows[0]), "a"),
    }


def one_hidden_layer(network):
    """A network of two layers, relu and identity, and one output, under the letters of the theorem."""
    layers = network["layers"]
    need(isinstance(layers, list) and len(layers) == 2, "a certificate is about one hidden layer")
    hidden, output = (fields(layer, ["weights", "bias", "activation"]) for layer in layers)
    need(hidden["activation"] == "relu" and output["activation"] == "identity", "a certificate is about relu units")
    linear = network.get("linear")
    for rows in [output["weights"], output["bias"], *([linear] if linear else [])]:
        need(isinstance(rows, list) and len(rows) == 1, "a certificate is about one output")
    a = linear[0] if linear else None
    return {"w": hidden["weights"], "b": hidden["bias"], "v": output["weights"][0], "c": output["bias"][0], "a": a}


def judge_cases(lines):
    """Compare with the verifier's verdicts: what it accepted must be proved, and so must everything as issued."""
    issued, accepted_though_tampered, disagreements = 0, Counter(), 0
    tampered = Counter()
    for line_number, line in enumerate(lines, 1):
        case = json.loads(line)
        try:
            check_any(case["certificate"].encode("utf-8"), case["network"])
            verdict, why = True, "proved"
        except Refused as refusal:
            verdict, why = False, str(refusal)
        if case["tampering"] is None:
            issued += 1
        else:
            tampered[case["tampering"]] += 1
            accepted_though_tampered[case["tampering"]] += verdict
        if (case["accepted"] or case["tampering"] is None) and not (verdict and case["accepted"]):
            disagreements += 1
            print(f"line {line_number}: the verifier says {case['accepted']}, exact arithmetic: {why}")
    print(f"{issued} certificates as issued, {sum(tampered.values())} tampered with, {disagreements} disagreements")
    for what, count in sorted(tampered.items()):
        slack = accepted_though_tampered[what]
        print(f"  {count - slack:6} of {count:6} refused here too: {what}")
    return disagreements == 0


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if arguments[0] == "--cases":
        with open(arguments[1], encoding="utf-8") as file:
            return 0 if judge_cases(file) else 1
    try:
        with open(arguments[0], "rb") as certificate, open(arguments[1], "rb") as model:
            check_any(certificate.read(), read_json(model.read()))
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 1
    print("proved in exact arithmetic")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
