"""Whether a page shows what is printed: the same words, and numbers that agree to the digits shown.

The rule is that of the guide's commands (`crates/cli/tests/cli/guide.rs`): counts are equal; other numbers differ by at most
one in the last digit shown, for that digit may be another where a processor rounds otherwise; a time is not compared; `…`
stands for what is left out, also for the digits after those shown.
"""
import re

TIMES = {"ms", "s", "min", "h"}
NUMBER = re.compile(r"([+-]?\d+(?:\.(\d*))?)(?:e([+-]?\d+))?(…?)")


def number(word):
    """Its value, and the unit of the last digit shown (None of a whole number); None for what is not a number."""
    found = NUMBER.fullmatch(word)
    if not found:
        return None
    mantissa, decimals, exponent, cut = found.groups()
    value = float(mantissa) * 10.0 ** int(exponent or 0)
    whole = decimals is None and exponent is None and not cut
    return value, None if whole else 10.0 ** (int(exponent or 0) - len(decimals or ""))


def tokens(line):
    kept = []
    for word in re.split(r"[ ,]+", line):
        word = word.strip("()[]:;")
        if word in TIMES and kept and number(kept[-1]):
            kept.pop()
        elif word not in ("", "…"):
            kept.append(word)
    return kept


def agrees(shown, printed):
    one, other = number(shown), number(printed)
    if one is None or other is None:
        return shown == printed
    (a, unit), (b, other_unit) = one, other
    if unit is None:
        unit = 0.0 if other_unit is None else 1e-5 * abs(a)
    return abs(a - b) <= unit * (1 + 1e-6)


def is_in(shown, line):
    shown, line = tokens(shown), tokens(line)
    parts = (line[k : k + len(shown)] for k in range(len(line) - len(shown) + 1))
    return any(all(map(agrees, shown, part)) for part in parts)


def missing(shown, printed):
    """The first line shown that is not printed, or not after the one before it; None where all are."""
    lines = iter(printed.splitlines())
    wanted = (line for line in shown.splitlines() if tokens(line))
    return next((line for line in wanted if not any(is_in(line, other) for other in lines)), None)
