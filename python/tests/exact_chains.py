"""Certificates of networks with any number of layers, and margins of their rows, judged in exact arithmetic. See `exact_checker.py`."""

import hashlib
import struct
from fractions import Fraction

from exact_basics import doubles, fields, need, number, numbers, positive_semidefinite, read_json, scales_of

CHAIN = "tautnet-chain-certificate"
MARGINS = "tautnet-class-margins"


# ------------------------------------------------------------------------------------------------ chains of layers


def branches(activation):
    """How many numbers a unit hands on, and the square of the constant in the norm 1; in the others the constant is 1."""
    if activation in ("identity", "relu", "abs", "tanh", "maxmin"):
        return 1, 1
    if activation in ("crelu", "sine-pair"):
        return 2, 1
    if activation == "sincos":
        return 2, 2
    kind, _, alpha = activation.partition(":")
    try:
        known = kind == "leaky-relu" and abs(float(alpha)) <= 1
    except ValueError:
        known = False
    need(known, "an activation is unknown")
    return 1, 1


def read_chain(model):
    """The layers of a model file, at the top or under "network", and the linear part."""
    network = model.get("network", model) if isinstance(model, dict) else {}
    need(isinstance(network, dict) and isinstance(network.get("layers"), list), "the model file has no layers")
    need(network["layers"], "the network has no layer")
    layers, width = [], None
    for layer in network["layers"]:
        fields(layer, ["weights", "bias", "activation"])
        rows = layer["weights"]
        need(isinstance(rows, list) and rows and isinstance(rows[0], list) and rows[0], "a layer is empty")
        width = len(rows[0]) if width is None else width
        need(isinstance(layer["activation"], str), "an activation is unknown")
        weights = [doubles(row, width, "weights") for row in rows]
        layers.append((weights, doubles(layer["bias"], len(rows), "bias"), layer["activation"]))
        need(layer["activation"] != "maxmin" or len(rows) % 2 == 0, "units cannot be taken two by two")
        width = len(rows) * branches(layer["activation"])[0]
    need(layers[-1][2] == "identity", "there is an activation after the last layer")
    linear = network.get("linear")
    if linear is not None:
        need(isinstance(linear, list) and len(linear) == len(layers[-1][0]), "the linear part disagrees")
        linear = [doubles(row, len(layers[0][0][0]), "linear") for row in linear]
    return {"layers": layers, "linear": linear}


def fingerprint_of_chain(network):
    def packed(values):
        return struct.pack(f"<{len(values)}d", *values)

    def integer(value):
        return struct.pack("<Q", value)

    data = b"tautnet network 2\n" + integer(len(network["layers"]))
    for weights, bias, activation in network["layers"]:
        name = activation.encode()
        data += integer(len(weights)) + integer(len(weights[0])) + packed([x for row in weights for x in row])
        data += packed(bias) + integer(len(name)) + name
    linear = network["linear"]
    data += integer(0) if linear is None else integer(1) + packed([x for row in linear for x in row])
    return hashlib.sha256(data).hexdigest()


def norm_is_at_most(rows, norm, claimed):
    if norm == "inf":
        return max(sum(map(abs, row)) for row in rows) <= claimed
    if norm == "1":
        return max(sum(map(abs, column)) for column in zip(*rows)) <= claimed
    rows = rows if len(rows) <= len(rows[0]) else list(zip(*rows))
    gram = [[-sum(x * y for x, y in zip(one, other)) for other in rows] for one in rows]
    for i in range(len(rows)):
        gram[i][i] += claimed**2
    return positive_semidefinite(gram)


def slope_squared(row, norm):
    """The square of the dual norm of a row."""
    if norm == "inf":
        return sum(map(abs, row)) ** 2
    return max(x**2 for x in row) if norm == "1" else sum(x**2 for x in row)


def roots_are_at_most(a, b, c):
    """Whether sqrt(a) + sqrt(b) <= c, for numbers that are not negative."""
    rest = c**2 - a - b
    return rest >= 0 and 4 * a * b <= rest**2


def prove_chain(claim, norm, network, x_scale, y_scale):
    optional = {"linear": None, "pairs": None, "lipsdp": None}
    claim = optional | fields(claim, ["layers", "bound", "outputs"], list(optional))
    layers = [[[Fraction(x) for x in row] for row in weights] for weights, _, _ in network["layers"]]
    linear = None if network["linear"] is None else [[Fraction(x) for x in row] for row in network["linear"]]

    def divided(rows):
        return [[x / s for x, s in zip(row, x_scale)] for row in rows]

    layers[0] = divided(layers[0])
    linear = linear and divided(linear)
    outputs = len(layers[-1])
    pairs = [(j, k) for j in range(outputs) for k in range(j + 1, outputs)]
    norms = numbers(claim["layers"], len(layers), "norms of layers")
    need((claim["linear"] is None) == (linear is None), "the linear part and its norm go together")
    of_linear = Fraction(0) if linear is None else number(claim["linear"])
    bound = number(claim["bound"])
    of_outputs = numbers(claim["outputs"], outputs, "outputs")
    of_pairs = None if claim["pairs"] is None else numbers(claim["pairs"], len(pairs), "pairs")
    need(min([*norms, of_linear, bound, *of_outputs, *(of_pairs or [])]) >= 0, "a number is negative")
    for weights, claimed in zip(layers, norms):
        need(norm_is_at_most(weights, norm, claimed), "the norm of a layer is understated")
    need(linear is None or norm_is_at_most(linear, norm, of_linear), "the norm of the linear part is understated")

    hidden = Fraction(1)  # the square of what comes before the last layer
    for (_, _, activation), claimed in zip(network["layers"][:-1], norms):
        hidden *= claimed**2 * (branches(activation)[1] if norm == "1" else 1)
    need(roots_are_at_most(hidden * norms[-1] ** 2, of_linear**2, bound / y_scale), "the bound is understated")

    def shown(pick, claimed):
        rest = Fraction(0) if linear is None else slope_squared(pick(linear), norm)
        return roots_are_at_most(hidden * slope_squared(pick(layers[-1]), norm), rest, claimed / y_scale)

    for j, claimed in enumerate(of_outputs):
        need(shown(lambda rows, j=j: rows[j], claimed), f"the bound of output {j} is understated")
    for (j, k), claimed in zip(pairs, of_pairs or []):
        difference = lambda rows, j=j, k=k: [x - y for x, y in zip(rows[j], rows[k])]  # noqa: E731
        need(shown(difference, claimed), f"the bound of outputs {j} and {k} is understated")


    need(claim["lipsdp"] is None or norm == "2", "multipliers belong to the norm 2")
    need(claim["lipsdp"] is None or isinstance(claim["lipsdp"], list), "the multipliers are not a list")
    for proof in claim["lipsdp"] or []:
        optional = {"output": None, "minus": None}
        proof = optional | fields(proof, ["chain", "bound", "roots"], list(optional))
        chosen = [proof["output"], proof["minus"]]
        for j in chosen:
            need(j is None or (type(j) is int and 0 <= j < outputs), "there is no such output")
        need(chosen[0] != chosen[1] or chosen[0] is None, "two outputs are the same")
        need(chosen[0] is not None or chosen[1] is None, "an output is missing")

        def pick(rows, chosen=chosen):
            if chosen[0] is None:
                return rows
            one = rows[chosen[0]]
            return [one if chosen[1] is None else [x - y for x, y in zip(one, rows[chosen[1]])]]

        of_layers = number(proof["chain"])
        need(of_layers >= 0, "a number is negative")
        rest = Fraction(0)
        if linear is not None:
            rest = of_linear**2 if chosen[0] is None else slope_squared(pick(linear)[0], norm)
        need(roots_are_at_most(of_layers**2, rest, number(proof["bound"]) / y_scale), "a bound is understated")
        need(isinstance(proof["roots"], list) and len(proof["roots"]) == len(layers) - 1, "the multipliers do not fit")
        activations = [activation for _, _, activation in network["layers"][:-1]]
        roots = [numbers(roots, len(weights), "roots") for roots, weights in zip(proof["roots"], layers)]
        need(all(min(roots_of) >= 0 for roots_of in roots), "a number is negative")
        matrix = multiplier_matrix([*layers[:-1], pick(layers[-1])], activations, roots, of_layers)
        need(positive_semidefinite(matrix), "the multipliers do not show the bound")


def sector(activation):
    """The number c of each branch, and the lists r of docs/mathematics/deep.md, section 8."""
    half = Fraction(1, 2)
    if activation == "identity":
        return [Fraction(1)], []
    if activation in ("relu", "tanh"):
        return [half], [[half]]
    if activation == "abs":
        return [Fraction(0)], [[Fraction(1)]]
    if activation == "crelu":
        return [half, -half], [[half, half]]
    if activation == "sine-pair":
        return [half, half], [[half, -half]]
    if activation == "sincos":
        return [Fraction(0)] * 2, [[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]]
    need(activation.startswith("leaky-relu:"), "there are no multipliers for an activation of the network")
    alpha = Fraction(float(activation.partition(":")[2]))
    return [(1 + alpha) / 2], [[(1 - alpha) / 2]]


def multiplier_matrix(layers, activations, roots, bound):
    """bound^2 |Delta|^2 + sum t (sum e^2 - h^2) - |output|^2 as a matrix over Delta and all e; each multiplier t is the square of its root."""
    sectors = [sector(activation) for activation in activations]
    inputs = len(layers[0][0])
    size = inputs + sum(len(weights) * len(swings) for weights, (_, swings) in zip(layers, sectors))
    matrix = [[Fraction(0)] * size for _ in range(size)]

    def add(factor, form):
        places = [k for k, x in enumerate(form) if x]
        for i in places:
            for k in places:
                matrix[i][k] += factor * form[i] * form[k]

    def unit(place):
        return [Fraction(int(k == place)) for k in range(size)]

    def sums(weights, handed):
        return [[sum(w * row[k] for w, row in zip(line, handed) if w) for k in range(size)] for line in weights]

    handed, start = [unit(k) for k in range(inputs)], inputs
    for row in handed:
        add(bound**2, row)
    for weights, (centers, swings), roots_of in zip(layers, sectors, roots):
        h, m = sums(weights, handed), len(weights)
        e = [[unit(start + k * m + i) for i in range(m)] for k in range(len(swings))]
        start += m * len(swings)
        if swings:
            for i, root in enumerate(roots_of):
                add(-(root**2), h[i])
                for kind in e:
                    add(root**2, kind[i])
        handed = [
            [c * x + sum(swing[b] * kind[i][k] for swing, kind in zip(swings, e)) for k, x in enumerate(h[i])]
            for b, c in enumerate(centers)
            for i in range(m)
        ]
    for row in sums(layers[-1], handed):
        add(Fraction(-1), row)
    return matrix


def check_chain(data, network):
    """Returns nothing if every claim of the certificate of a chain, given as bytes, is proved; else raises Refused."""
    certificate = fields(
        read_json(data), ["format", "version", "network", "norm", "standardized"], ["scaler", "raw"]
    )
    need(certificate["format"] == CHAIN, "it is not a certificate of a chain")
    need(type(certificate["version"]) is int and certificate["version"] in (1, 2), "it is of another version")
    claims = [certificate["standardized"], certificate.get("raw") or {}]
    multipliers = any(isinstance(claim, dict) and claim.get("lipsdp") is not None for claim in claims)
    need((certificate["version"] == 2) == multipliers, "multipliers belong to version 2")
    need(certificate["network"] == fingerprint_of_chain(network), "it belongs to another network")
    norm = certificate["norm"]
    need(norm in ("1", "2", "inf"), "the norm is unknown")
    inputs = len(network["layers"][0][0][0])
    prove_chain(certificate["standardized"], norm, network, [Fraction(1)] * inputs, Fraction(1))
    scaler, raw = certificate.get("scaler"), certificate.get("raw")
    need((scaler is None) == (raw is None), "`scaler` and `raw` go together")
    if scaler is not None:
        prove_chain(raw, norm, network, *scales_of(scaler, inputs))


# ------------------------------------------------------------------------------------------------ margins of rows


DIGITS = 200  # what is not exact is rounded outward to a multiple of 2^-200


def outward(low, high):
    scale = 1 << DIGITS
    return Fraction(low * scale // 1, scale), Fraction(-(-high * scale // 1), scale)


def of_series(x, first):
    """Between which fractions the sum of (-1)^k x^(2k + first) / (2k + first)! lies: the cosine for 0, the sine for 1."""
    term, total, k = x if first else Fraction(1), Fraction(0), first
    # Once the terms fall, and they alternate, the rest is at most the first that is left out.
    while abs(term) * (1 << DIGITS) > 1 or k + 1 < abs(x):
        total += term
        term, k = -term * x * x / ((k + 1) * (k + 2)), k + 2
    return total - abs(term), total + abs(term)


def exponential(x):
    """Between which fractions e^x lies, for x from 0 to 1."""
    term, total, k = Fraction(1), Fraction(0), 0
    while term * (1 << DIGITS) > 1:
        total += term
        k += 1
        term = term * x / k
    return total, total + 2 * term  # what is left out is at most term (1 + x/(k + 1) + ...)


def tangent(x):
    """Between which fractions tanh x lies: (e - 1)/(e + 1) with e = e^(2x), which is a power of a smaller one."""
    if x < 0:
        low, high = tangent(-x)
        return -high, -low
    if x > 100:
        return 1 - Fraction(1, 1 << DIGITS), Fraction(1)  # 1 - tanh x < 2 e^(-2x) < 2^-280
    halvings = max(0, int(2 * x).bit_length())
    low, high = exponential(2 * x / (1 << halvings))
    for _ in range(halvings):
        low, high = low * low, high * high
        low, high = Fraction(low * (1 << 300) // 1, 1 << 300), Fraction(-(-high * (1 << 300) // 1), 1 << 300)
    return 1 - 2 / (low + 1), 1 - 2 / (high + 1)


def wave(low, high, first):
    """Between which fractions the sine or the cosine of all numbers between two lies: it changes by no more than they do."""
    a, b = of_series((low + high) / 2, first)
    return outward(a - (high - low) / 2, b + (high - low) / 2)


def after(activation, low, high):
    """What becomes of a sum that lies between two fractions, a pair for each branch."""
    if activation == "identity":
        return [(low, high)]
    if activation == "relu":
        return [(max(low, 0), max(high, 0))]
    if activation == "abs":
        return [(max(low, -high, 0), max(-low, high))]
    if activation == "crelu":
        return [(max(low, 0), max(high, 0)), (max(-high, 0), max(-low, 0))]
    if activation == "sincos":
        return [wave(low, high, 1), wave(low, high, 0)]
    if activation == "sine-pair":
        # Both branches increase.
        (least, above), (below, most) = wave(low, low, 1), wave(high, high, 1)
        return [((low + least) / 2, (high + most) / 2), ((low - above) / 2, (high - below) / 2)]
    if activation == "tanh":
        return [outward(tangent(low)[0], tangent(high)[1])]
    alpha = Fraction(float(activation.partition(":")[2]))
    ends = [x if x > 0 else alpha * x for x in (low, high)]
    return [(min([*ends, *([Fraction(0)] if low < 0 < high else [])]), max(ends))]


def outputs_at(network, x):
    """The outputs at an input, each between two fractions."""
    values = [(one, one) for one in x]
    for weights, bias, activation in network["layers"]:
        sums = []
        for row, constant in zip(weights, bias):
            terms = [(Fraction(w) * low, Fraction(w) * high) for w, (low, high) in zip(row, values) if w]
            ends = [sum((end(term) for term in terms), Fraction(constant)) for end in (min, max)]
            sums.append(ends)
        if activation == "maxmin":
            half = len(sums) // 2
            pairs = list(zip(sums[:half], sums[half:]))
            values = [(of(a[0], b[0]), of(a[1], b[1])) for of in (max, min) for a, b in pairs]
            continue
        branched = [after(activation, low, high) for low, high in sums]
        values = [one[branch] for branch in range(len(branched[0])) for one in branched]
    if network["linear"] is not None:
        beside = [sum(Fraction(a) * one for a, one in zip(row, x)) for row in network["linear"]]
        values = [(low + more, high + more) for (low, high), more in zip(values, beside)]
    return values


def check_margins(data, network):
    """Returns nothing if the margin of every row, given as bytes, is proved; else raises Refused."""
    file = {"x_scale": None} | fields(read_json(data), ["format", "version", "network", "norm", "radius", "layers", "rows"], ["x_scale"])
    need(file["format"] == MARGINS, "it has no margins of rows")
    need(type(file["version"]) is int and file["version"] == 1, "it is of another version")
    need(file["network"] == fingerprint_of_chain(network), "it belongs to another network")
    norm, radius = file["norm"], number(file["radius"])
    need(norm in ("1", "2", "inf"), "the norm is unknown")
    need(radius >= 0, "the radius is negative")
    layers = [[[Fraction(x) for x in row] for row in weights] for weights, _, _ in network["layers"]]
    inputs, count = len(layers[0][0]), len(layers[-1])
    need(count > 1, "there is one output, and no other class")
    scales = [Fraction(1)] * inputs if file["x_scale"] is None else numbers(file["x_scale"], inputs, "scales")
    need(min(scales) > 0, "a scale is not positive")

    def divided(rows):
        return [[x / s for x, s in zip(row, scales)] for row in rows]

    layers[0] = divided(layers[0])
    linear = None if network["linear"] is None else divided([[Fraction(x) for x in row] for row in network["linear"]])
    norms = numbers(file["layers"], len(layers), "norms of layers")
    need(min(norms) >= 0, "a number is negative")
    for weights, claimed in zip(layers, norms):
        need(norm_is_at_most(weights, norm, claimed), "the norm of a layer is understated")
    hidden = Fraction(1)
    for (_, _, activation), claimed in zip(network["layers"][:-1], norms):
        hidden *= claimed**2 * (branches(activation)[1] if norm == "1" else 1)
    last = layers[-1]

    need(isinstance(file["rows"], list), "the rows are missing")
    for place, row in enumerate(file["rows"], 1):
        fields(row, ["x", "label", "margin"])
        label, margin = row["label"], number(row["margin"])
        need(type(label) is int and 0 <= label < count, f"row {place}: the label is unknown")
        values = outputs_at(network, numbers(row["x"], inputs, f"row {place}"))
        for j in range(count):
            if j == label:
                continue
            room = values[label][0] - values[j][1] - margin
            slope = slope_squared([x - y for x, y in zip(last[label], last[j])], norm)
            beside = Fraction(0) if linear is None else slope_squared([x - y for x, y in zip(linear[label], linear[j])], norm)
            # radius (sqrt(hidden slope) + sqrt(beside)) <= room
            shown = room >= 0 and roots_are_at_most(radius**2 * hidden * slope, radius**2 * beside, room)
            need(shown, f"row {place}: the margin to class {j} is overstated")
