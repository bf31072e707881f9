"""What can be said where there is a choice, for signatures. The library's own words are compared with these in the tests."""

from __future__ import annotations

from typing import Literal

Norm = Literal["2", "inf", "1"] | float
PolishMethod = Literal["convex", "robust-cells", "scenarios", "joint", "cells", "walk", "alternating", "weight-decay", "descent"]
Method = PolishMethod | Literal["trivial-bound"]
Effort = Literal["normal", "high"]
Start = Literal["sgd", "random", "adversarial", "admm", "average"]
# Other numbers may stand after the colon.
Loss = Literal["squared", "absolute", "huber:0.5", "quantile:0.5", "hinge", "squared-hinge", "logistic"] | str
ClassLoss = Literal["logistic", "hinge", "squared-hinge"]
Penalty = Literal["L", "L2"]
Shape = Literal["box", "ball"]
Missing = Literal["refuse", "drop", "median", "indicator"]
Activation = Literal["relu", "leaky-relu:0.01", "abs", "crelu", "sincos", "tanh", "sine-pair", "maxmin"] | str
HiddenWeights = Literal["free", "orthonormal", "bounded"]
Bound = Literal["trivial", "log-trivial", "layers"]
PolishBound = Literal["trivial", "lipsdp"]
Optimizer = Literal["adam", "momentum"]
AttackMethod = Literal["projected-ascent", "fast-gradient"]
Scaling = Literal["kept", "folded"]
Precision = Literal["f64", "f32"]
