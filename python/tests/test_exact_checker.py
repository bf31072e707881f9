"""The exact checker itself: it proves the certificate in the documentation, and nothing made from it by damage.

    python -m unittest discover python/tests
"""

import copy
import json
import math
import pathlib
import sys
import unittest
from fractions import Fraction

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from exact_basics import Refused  # noqa: E402
from exact_chains import check_chain, fingerprint_of_chain, of_series, read_chain, tangent  # noqa: E402
from exact_checker import check, check_any  # noqa: E402

DOCUMENT = HERE.parent.parent / "docs" / "certificate-format.md"
NETWORK = {"w": [[1.0], [1.0]], "b": [0.0, -1.0], "v": [1.0, -1.0], "c": 0.0, "a": None}


class ExactChecker(unittest.TestCase):
    def setUp(self):
        text = DOCUMENT.read_text(encoding="utf-8").split("```json")[1].split("```")[0]
        self.certificate = json.loads(text)

    def refused(self, data, network=NETWORK):
        with self.assertRaises(Refused):
            check(data if isinstance(data, bytes) else json.dumps(data).encode(), network)

    def edited(self, *path_and_value):
        *path, key, value = path_and_value
        edited = copy.deepcopy(self.certificate)
        place = edited
        for step in path:
            place = place[step]
        place[key] = value
        return edited

    def test_the_documented_certificate_is_proved(self):
        check(json.dumps(self.certificate).encode(), NETWORK)

    def test_the_exact_limit_is_accepted_and_nothing_below(self):
        # In one dimension the bound 1 is proved by multipliers 1 with no slack at all.
        exact = self.edited("standardized", {"bound": 1, "sensitivities": [1], "multipliers": [1, 1]})
        check(json.dumps(exact).encode(), NETWORK)
        exact["standardized"]["bound"] = 1 - 2**-53
        self.refused(exact)

    def test_damage_is_refused(self):
        for place in [
            ("standardized", "sensitivities", [1 - 2**-53]),
            ("standardized", "multipliers", [1.0, 0.0]),
            ("standardized", "multipliers", [1.0]),
            ("standardized", "bound", True),
            ("standardized", "bound", float("nan")),
            ("standardized", "input_weights", [1.0]),
            ("raw", "bound", 0.49),
            ("raw", None),
            ("scaler", "x_scale", [0.0]),
            ("norm", "3"),
            ("version", 3),
            ("version", 1),
            ("version", 1.0),
            ("note", 0),
        ]:
            with self.subTest(place=place):
                self.refused(self.edited(*place))
        whole = json.dumps(self.certificate).encode()
        for data in [b"", whole[:-1], whole + b"0", b"[" * 100_000, b"\xff", whole.replace(b"{", b'{"version": 1,', 1)]:
            self.refused(data)

    def test_other_networks_are_refused(self):
        for key, value in [("c", -0.0), ("b", [0.0, 1.0]), ("v", [1.0, -1.0 - 2**-52])]:
            self.refused(self.certificate, {**NETWORK, key: value})


CHAIN = {
    "layers": [
        {"weights": [[3.0, 4.0]], "bias": [1.0], "activation": "sincos"},
        {"weights": [[1.0, 0.0], [0.0, 2.0]], "bias": [0.0, 0.0], "activation": "identity"},
    ],
    "linear": [[0.0, 1.0], [0.0, 0.0]],
}


class Chains(unittest.TestCase):
    """A network whose norms one computes by hand: 5 and 2 in the norm 2, 4 and 2 in the norm 1, 7 and 2 in the norm inf."""

    def certificate(self, norm, layers, bound, outputs, pairs):
        claim = {"layers": layers, "linear": 1.0, "bound": bound, "outputs": outputs, "pairs": pairs}
        return {
            "format": "tautnet-chain-certificate",
            "version": 1,
            "network": fingerprint_of_chain(read_chain(CHAIN)),
            "norm": norm,
            "scaler": None,
            "standardized": claim,
            "raw": None,
        }

    def judged(self, certificate):
        check_chain(json.dumps(certificate).encode(), read_chain(CHAIN))

    def test_the_exact_limits_are_accepted_and_nothing_below(self):
        for norm, layers, bound, outputs, pairs in [
            ("2", [5.0, 2.0], 11.0, [6.0, 10.0], [12.1804]),
            ("inf", [7.0, 2.0], 15.0, [8.0, 14.0], [22.0]),
            ("1", [4.0, 2.0], 12.32, [6.66, 11.32], [12.32]),
        ]:
            issued = self.certificate(norm, layers, bound, outputs, pairs)
            self.judged(issued)
            claim = issued["standardized"]
            for key, values in claim.items():
                values = values if isinstance(values, list) else [values]
                for at, value in enumerate(values):
                    less = copy.deepcopy(issued)
                    lower = value * (1 - 2**-10)
                    if isinstance(claim[key], list):
                        less["standardized"][key][at] = lower
                    else:
                        less["standardized"][key] = lower
                    with self.subTest(norm=norm, key=key, at=at), self.assertRaises(Refused):
                        self.judged(less)

    def test_multipliers_are_judged(self):
        """3|2x| + 4x changes by 6 + 4: with the multiplier 9 the matrix is 0 but for its rounding, of which there is none."""
        model = {
            "layers": [
                {"weights": [[2.0]], "bias": [0.0], "activation": "abs"},
                {"weights": [[3.0]], "bias": [0.0], "activation": "identity"},
            ],
            "linear": [[4.0]],
        }
        proof = {"output": None, "minus": None, "chain": 6.0, "bound": 10.0, "roots": [[3.0]]}
        claim = {"layers": [2.0, 3.0], "linear": 4.0, "bound": 10.0, "outputs": [10.0], "pairs": [], "lipsdp": [proof]}
        issued = {
            "format": "tautnet-chain-certificate",
            "version": 2,
            "network": fingerprint_of_chain(read_chain(model)),
            "norm": "2",
            "standardized": claim,
        }

        def judge(change=(), certificate=()):
            changed = {**issued, **dict(certificate)}
            changed["standardized"] = {**claim, "lipsdp": [{**proof, **dict(change)}]}
            check_chain(json.dumps(changed).encode(), read_chain(model))

        judge()
        judge({"output": 0})
        for change in [
            {"chain": 5.999}, {"bound": 9.999}, {"roots": [[2.999]]}, {"roots": [[3.001]]}, {"roots": [[0.0]]}, {"roots": [[-3.0]]},
            {"roots": [[]]}, {"roots": []}, {"roots": [[3.0], [3.0]]}, {"output": 1}, {"minus": 0}, {"output": 0, "minus": 0},
            {"chain": -6.0}, {"chain": "6"}, {"more": 1},
        ]:  # fmt: skip
            with self.subTest(change=change), self.assertRaises(Refused):
                judge(change)
        for change in [{"version": 1}, {"norm": "1"}, {"norm": "inf"}]:
            with self.subTest(change=change), self.assertRaises(Refused):
                judge(certificate=change)

    def test_damage_is_refused(self):
        issued = self.certificate("2", [5.0, 2.0], 11.0, [6.0, 10.0], None)
        self.judged(issued)
        for key, value in [("format", "tautnet certificate"), ("version", 3), ("network", ""), ("norm", "3"), ("raw", {}), ("more", 0)]:
            with self.subTest(key=key), self.assertRaises(Refused):
                self.judged({**issued, key: value})
        for key, value in [("layers", [5.0]), ("outputs", [6.0]), ("linear", None), ("pairs", []), ("bound", -11.0), ("bound", "11")]:
            with self.subTest(key=key), self.assertRaises(Refused):
                self.judged({**issued, "standardized": {**issued["standardized"], key: value}})
        for change in [{"activation": "swish"}, {"activation": "leaky-relu:2"}, {"weights": []}, {"bias": []}]:
            with self.subTest(change=change), self.assertRaises(Refused):
                read_chain({**CHAIN, "layers": [{**CHAIN["layers"][0], **change}, CHAIN["layers"][1]]})


class Margins(unittest.TestCase):
    """|x| against -|x|: at 3 the margin is 6, and a change of the input by a half takes 1 of it."""

    NETWORK = {
        "layers": [
            {"weights": [[1.0]], "bias": [0.0], "activation": "abs"},
            {"weights": [[1.0], [-1.0]], "bias": [0.0, 0.0], "activation": "identity"},
        ]
    }

    def file(self, margin=5.0, x=3.0, radius=0.5, scales=None, layers=(1.0, 2.0), network=NETWORK):
        return {
            "format": "tautnet-class-margins",
            "version": 1,
            "network": fingerprint_of_chain(read_chain(network)),
            "norm": "inf",
            "radius": radius,
            "x_scale": scales,
            "layers": list(layers),
            "rows": [{"x": [x], "label": 0, "margin": margin}],
        }

    def judged(self, file, network=NETWORK):
        check_any(json.dumps(file).encode(), network)

    def test_the_exact_margins_are_accepted_and_nothing_above(self):
        with_linear = {**self.NETWORK, "linear": [[2.0], [0.0]]}
        for file, network in [
            (self.file(), self.NETWORK),
            (self.file(margin=6.0, radius=0), self.NETWORK),
            (self.file(margin=-7.0, x=0.0, radius=3.5), self.NETWORK),
            (self.file(margin=5.5, scales=[2.0], layers=[0.5, 1.0]), self.NETWORK),
            (self.file(margin=12 - 0.5 * 4, network=with_linear), with_linear),
        ]:
            self.judged(file, network)
            file["rows"][0]["margin"] += 2**-40
            with self.assertRaises(Refused):
                self.judged(file, network)

    def test_damage_is_refused(self):
        for key, value in [("version", 2), ("network", ""), ("norm", "3"), ("radius", -1), ("radius", "0.5"), ("x_scale", [0.0]), ("x_scale", [1.0, 1.0]),
                           ("layers", [0.9, 2.0]), ("layers", [1.0]), ("layers", [1.0, 0.9]), ("rows", None), ("rows", [3]), ("more", 0)]:  # fmt: skip
            with self.subTest(key=key), self.assertRaises(Refused):
                self.judged({**self.file(), key: value})
        for key, value in [("x", []), ("x", ["3"]), ("label", 1), ("label", 2), ("label", True), ("margin", None), ("more", 0)]:
            file = self.file()
            file["rows"][0][key] = value
            with self.subTest(key=key), self.assertRaises(Refused):
                self.judged(file)

    def test_functions_of_the_platform_are_enclosed(self):
        for x in [0, 0.5, -2.25, 30.75, -99.5, 1e-9]:
            exact = Fraction(x)
            for (low, high), value in [(of_series(exact, 1), math.sin(x)), (of_series(exact, 0), math.cos(x)), (tangent(exact), math.tanh(x))]:
                self.assertTrue(low <= high < low + Fraction(1, 2**150) and abs(float(low) - value) < 1e-15, x)


if __name__ == "__main__":
    unittest.main()
