"""The exact checker itself: it proves the certificate in the documentation, and nothing made from it by damage.

    python -m unittest discover python/tests
"""

import copy
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from exact_checker import Refused, check  # noqa: E402

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


if __name__ == "__main__":
    unittest.main()
