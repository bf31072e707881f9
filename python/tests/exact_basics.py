"""What the exact checker reads and proves with: JSON without surprises, numbers that are fractions, matrices of them. See `exact_checker.py`."""

import json
from fractions import Fraction


class Refused(Exception):
    """The certificate proves nothing, and why."""


def need(condition, why):
    if not condition:
        raise Refused(why)


# ------------------------------------------------------------------------------------------------ reading


def unique_object(pairs):
    keys = [key for key, _ in pairs]
    need(len(keys) == len(set(keys)), "a field is repeated")
    return dict(pairs)


def refuse_constant(text):
    raise Refused(f"{text} is not a number of JSON")


def read_json(data):
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=unique_object, parse_constant=refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise Refused(f"it cannot be read: {error}") from None


def fields(value, required, optional=()):
    need(isinstance(value, dict), "an object is missing")
    need(set(required) <= set(value) <= set(required) | set(optional), "a field is missing or unknown")
    return value


def number(value):
    """The exact value of the double that the JSON number denotes."""
    need(type(value) in (int, float), "a number is missing")
    try:
        return Fraction(float(value))
    except (OverflowError, ValueError):
        raise Refused("a number is not finite") from None


def numbers(value, length, what):
    need(isinstance(value, list) and len(value) == length, f"{what}: {length} numbers expected")
    return [number(x) for x in value]


def doubles(values, length, what):
    """The doubles themselves: a fraction would lose the sign of a zero, which the fingerprint sees."""
    numbers(values, length, what)
    return [float(x) for x in values]


def scales_of(scaler, inputs):
    fields(scaler, ["x_mean", "x_scale", "y_mean", "y_scale"])
    numbers(scaler["x_mean"], inputs, "x_mean")
    number(scaler["y_mean"])
    x_scale, y_scale = numbers(scaler["x_scale"], inputs, "x_scale"), number(scaler["y_scale"])
    need(min([*x_scale, y_scale]) > 0, "a scale is not positive")
    return x_scale, y_scale


def positive_semidefinite(matrix):
    """Whether the symmetric matrix of fractions is positive semidefinite: LDL^T without rounding, in place."""
    size = len(matrix)
    for i in range(size):
        pivot = matrix[i][i]
        below = [j for j in range(i + 1, size) if matrix[i][j]]
        if pivot < 0 or (pivot == 0 and below):
            return False
        for j in below:
            factor = matrix[i][j] / pivot
            for k in below:
                if k >= j:
                    matrix[j][k] -= factor * matrix[i][k]
    return True
