"""Functions on networks, wherever they come from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _tautnet
from ._choices import AttackMethod, Effort, Loss, Norm, Penalty, PolishBound, PolishMethod, Shape
from ._data import Tolerance, are_classes, given_inputs, given_labels, given_preparation, given_targets, given_tolerance, label_text, labels_of
from ._errors import TautnetError
from ._networks import native
from ._pipelines import is_pipeline, refuse_other_columns
from ._path import LipschitzPath, path_of
from ._progress import Progress
from ._estimator import DEEP, given_rows, limits, options, thread_count
from ._classifier import LipschitzClassifier
from ._regressor import LipschitzRegressor
from ._settings import documented
from ._shown import Column, Shown, aligned, numbers, plain, root, signed

Floats = npt.NDArray[np.float64]


# Losses of classes.
MARGINS = ("logistic", "hinge", "squared-hinge")


def _targets(subject: Any, network: Any, y: Any, loss: str | None, asks: str) -> tuple[list[Any], str | None]:
    """The columns of y for the extension, and the loss: where the network tells classes apart, their numbers, and a loss of them."""
    if loss is None and not isinstance(subject, _tautnet.Model) and is_pipeline(network):
        loss = _own_loss(network)
    classes = _classes(subject, network)
    if classes is None:
        return [target for target, _ in given_targets(y, asks)], loss
    return [labels_of(y, classes, asks)], loss or (None if isinstance(subject, _tautnet.Model) else "logistic")


def _has_classes(network: _tautnet.Network, y: Any, loss: str | None) -> bool:
    """Whether y are classes to a network alone: where the loss is one of classes, or where it has several outputs and y one column of words or whole numbers."""
    if _tautnet.has_layers_polished(network):
        return network.outputs > 1 or loss in MARGINS
    return loss in MARGINS or (loss is None and network.outputs > 1 and are_classes(y))


def _own_loss(network: Any) -> str | None:
    """The loss of the estimator of this package that a Pipeline ends with."""
    while is_pipeline(network):
        network = network.steps[-1][1] if hasattr(network, "steps") else network.regressor_
    model = getattr(network, "model_", None)
    found: str | None = json.loads(model.settings).get("loss") if isinstance(model, _tautnet.Model) else None
    return found


def _classes(subject: Any, network: Any) -> list[str] | None:
    """The classes that a network tells apart, as a model file writes them."""
    if isinstance(subject, _tautnet.Model):
        return subject.classes
    classes = getattr(network, "classes_", None)
    return None if classes is None else [label_text(one) for one in classes]


@documented("polish", leave_out=("seed", "test"))
def polish(
    network: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    loss: Loss | None = None,
    lipschitz_price: float | None = None,
    decay: float | None = None,
    max_lipschitz: float | None = None,
    method: PolishMethod | None = None,
    effort: Effort = "normal",
    norm: Norm | None = None,
    penalty: Penalty = "L",
    output_bias: bool = True,
    linear_part: bool = False,
    tolerance: Tolerance | None = None,
    tolerance_shape: Shape = "box",
    rounds: int = 20,
    bound: PolishBound | None = None,
    radius: float | None = None,
    standardize: bool = True,
    tol: float | None = None,
    iterations: int = 100,
    time_limit: float | None = None,
    threads: int | None = None,
    verbose: bool = False,
) -> LipschitzRegressor | LipschitzClassifier:
    """The best of all networks that switch their units on and off on X as `network` does: never worse than it was.

    `network` is a fitted LipschitzRegressor, LipschitzClassifier, MLPRegressor, or MLPClassifier (one hidden relu layer), a torch Sequential(Linear, ReLU,
    Linear) or its state_dict, arrays {"w", "b", "v", "c"}, or the path of a network file (.onnx, .safetensors, .json); or a
    fitted Pipeline whose last step is one of these estimators and whose other steps are linear (scalers without clip, PCA, selectors of columns, ColumnTransformer and
    FeatureUnion of these), or a TransformedTargetRegressor with a scaler: then the network is the whole, from the columns as they are to what the pipeline predicts, and
    the result is for these columns. Apart from a model, which knows its units, it is a network for X and y as they are. With `standardize` the objective, its price `lipschitz` and its
    bound are in units in which every column of X and y has mean 0 and standard deviation 1; without it, in
    those of X and y. The result predicts in the units of y either way. Without `output_bias` the output bias is 0 in the units of the
    objective; where no such network is better than one that has an output bias, the given one comes back, and the reason.
    A setting that the method does not use is refused.

    Where a network alone, or a file, has several outputs and y one column of words or whole numbers, or the loss is one of classes ("logistic", "hinge", "squared-hinge"), y are classes. By
    size, or by the alphabet, they stand in the order of the outputs; of two classes the second is the one for which a single output is above 0.

    With a `tolerance` the worst case within it is made small in the place of the loss: `{"temp": 0.5, "flow": "2%"}`, or an
    amount such as "0.1sd" for every input of numbers. An array has numbers in the units of the data, one for each column, or a row of
    them for each row of X; the model does not keep those of rows.

    A deep network, one with more hidden layers or with other units than relu can say, is polished layer by layer: a fitted estimator with `layers`,
    a fitted MLPRegressor or MLPClassifier, a torch Sequential, a Network, or a file. `bound` and `radius` are about these; of the other settings `loss`,
    `lipschitz_price`, `max_lipschitz`, `norm`, `rounds` and `tol` are, and the rest is refused. A model is polished by what it was trained by where no price, limit or radius is
    given. `objective_["polish"]` of the result has the objective, the
    loss and the bound before and after, every step, and why it ended. Where the time limit ends it, the best so far is the result.

    Parameters
    ----------
    {settings}
    """
    subject = native(network)
    refuse_other_columns(network, X, subject)
    classes = _classes(subject, network)
    if classes is None and isinstance(subject, _tautnet.Network) and _has_classes(subject, y, loss):
        # A network alone does not know its classes.
        _, target, classes = given_labels(y, "polish")
        loss = loss or (None if _tautnet.has_layers_polished(subject) else "logistic")
    else:
        (target, *_), loss = _targets(subject, network, y, loss, "polish")
    asked = options(
        {
            "loss": loss, "lipschitz_price": lipschitz_price, "decay": decay, "max_lipschitz": max_lipschitz, "method": method, "effort": effort,
            "norm": norm, "penalty": penalty, "output_bias": output_bias, "linear_part": linear_part, "tol": tol,
            "iterations": iterations, "tolerance": tolerance, "tolerance_shape": tolerance_shape, "rounds": rounds,
        }
    ) | {"bound": bound, "radius": radius}  # fmt: skip
    names = subject.columns if isinstance(subject, _tautnet.Model) else None
    rows = given_rows(X, y if classes is None else target, sample_weight, "polish") | {"classes": classes}
    if names is not None:
        rows["x"] = given_inputs(X, "polish", names)
    with Progress(verbose) as progress:
        made = _tautnet.polish(subject, rows, asked, limits(time_limit, threads, progress), standardize)
        better = (LipschitzRegressor if classes is None else LipschitzClassifier).from_model(made[0])
        better.set_params(time_limit=time_limit, threads=threads, verbose=verbose)
        better._take(X, made, progress)
    return better


def _measure(root_name: str, loss: str) -> str:
    name = root_name if loss == "squared" else f"{root_name}, {loss}"
    return name if loss in MARGINS else f"{name}, in the units of the target"


@dataclass(frozen=True, repr=False)
class Bounds(Shown):
    """Bounds on the Lipschitz constant of a network in one norm, in the network's units: standardized ones for a model."""

    certificate: _tautnet.Certificate
    """The proof of the best bound over all inputs."""
    norm: str
    found: float
    """The largest gradient found: no bound can be smaller."""
    found_at: Floats | None
    """The input that has it."""
    proved: float
    """The certificate's bound."""
    path_norm: float
    """The sum over units."""
    norm_product: float
    """The product of the layers' norms: what most tools print."""
    exact: tuple[float, float] | None
    """Both sides by branch and bound, where that was asked for. Where the search closed, they differ by rounding only."""
    exact_closed: bool
    local: float | None
    """A bound over the box around X, where X was given."""
    local_exact: tuple[float, float] | None

    @property
    def lipschitz(self) -> float:
        """What the certificate proves, as `--json` calls it: the same as `proved`."""
        return self.proved

    @property
    def lipschitz_upper_bound(self) -> float:
        """The proved bound in the units of the data."""
        return self.certificate.lipschitz_upper_bound

    def __str__(self) -> str:
        return aligned(self._lines())

    def _title(self) -> str:
        return f"Bounds on the Lipschitz constant, norm {self.norm}"

    def _columns(self) -> list[Column]:
        in_units = [("proved, in the units of the data", "<=", self.lipschitz_upper_bound)] if self.lipschitz_upper_bound != self.proved else []
        return signed(self._lines() + in_units)

    def _lines(self) -> list[tuple[str, str, float]]:
        lines = [("largest gradient found", ">=", self.found)]
        if self.exact is not None:
            lines += [("branch and bound", ">=", self.exact[0]), ("branch and bound", "<=", self.exact[1])]
        lines += [("proved", "<=", self.proved), ("sum over units", "<=", self.path_norm)]
        lines += [("product of norms", "<=", self.norm_product)]
        if self.local is not None:
            lines.append(("in the box around the data", "<=", self.local))
        return lines


@dataclass(frozen=True, repr=False)
class ChainBounds(Shown):
    """Bounds on how fast the outputs of a network with any number of layers can change, in one norm, in the network's units: standardized ones for a model."""

    certificate: _tautnet.ChainCertificate
    """The proof, with the bounds in all units."""
    norm: str
    """How changes of the inputs, and of all outputs together, are measured."""
    found: float
    """The largest Jacobian found: no bound over all outputs can be smaller."""
    found_at: Floats | None
    """The input that has it."""
    norm_product: float
    """The trivial bound over all outputs together: the product of the norms."""
    layers: Floats
    """The norm of each layer, at most."""
    linear: float | None
    """That of the linear part, where there is one."""
    outputs: Floats
    """A bound of each output."""
    pairs: Floats | None
    """Bounds of the differences of two outputs, outputs x outputs, or None where they are too many."""
    margins: _tautnet.ClassMargins | None
    """Which rows keep their class within the radius, where X, y and `radius` were given."""
    exact: tuple[float, float] | None = None
    """Both ends of the search for the exact constant, where `exact` was asked for. This program proves them, the certificate does not."""
    exact_closed: bool = False
    """Whether the search found the constant."""
    local: tuple[float, float] | None = None
    """Both ends of the constant over the box around X, where X was given without margins and the network is not too large. This program proves them."""
    lipsdp: float | None = None
    """In the norm 2, where the activations allow it: what multipliers of the hidden units prove (LipSDP), over all outputs together. The certificate has them.
    Of more than 1000 hidden units only with a `time_limit`."""
    lipsdp_gap: float | None = None
    """About how far that is at most above what any multipliers prove, relative to it."""
    greedy: float | None = None
    """What multipliers prove that are chosen layer by layer."""

    @property
    def proved(self) -> float:
        """The least bound over all outputs together that the certificate proves: the product of the norms, or what multipliers prove."""
        return self.certificate.standardized_upper_bound

    @property
    def lipschitz_upper_bound(self) -> float:
        """The least bound that the certificate proves, in the units of the data."""
        return self.certificate.lipschitz_upper_bound

    def __str__(self) -> str:
        return "\n".join([aligned(self._lines()), *self._below()])

    def _title(self) -> str:
        return f"Bounds on the Lipschitz constant of {len(self.layers)} layers, norm {self.norm}"

    def _columns(self) -> list[Column]:
        # Where there are units of the data, the bound is another in them.
        claim = self.certificate.standardized["bound"]
        raw = self.certificate.raw
        least = [] if raw is None or raw["bound"] == claim else [("proved, in the units of the data", "<=", self.lipschitz_upper_bound)]
        return signed(self._lines() + least)

    def _below(self) -> list[str]:
        if self.margins is None:
            return []
        return [f"{self.margins.proved_right} of {self.margins.rows} rows keep their class within {self.margins.radius:g} (proved)"]

    def _lines(self) -> list[tuple[str, str, float]]:
        lines = [("largest Jacobian found", ">=", self.found)]
        if self.exact is not None:
            name = "exact" if self.exact_closed else "branch and bound"
            lines += [(f"{name}, at least", ">=", self.exact[0]), (f"{name}, at most", "<=", self.exact[1])]
        if self.local is not None:
            lines += [("in the box, at least", ">=", self.local[0]), ("in the box, at most", "<=", self.local[1])]
        if self.lipsdp is not None:
            lines.append(("LipSDP, proved", "<=", self.lipsdp))
        if self.greedy is not None:
            lines.append(("greedy multipliers, proved", "<=", min(self.greedy, self.norm_product)))
        lines.append(("product of norms, proved", "<=", self.norm_product))
        lines += [(f"  layer {k + 1}", "<=", float(norm)) for k, norm in enumerate(self.layers)]
        return lines if self.linear is None else [*lines, ("  linear part", "<=", self.linear)]


def certify(
    network: Any,
    X: Any = None,
    y: Any = None,
    *,
    radius: float | None = None,
    norm: Norm | None = None,
    exact: bool = False,
    evaluations: int | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
) -> Bounds | ChainBounds:
    """Bound how fast the network's output can change, and prove it. `network` as in `polish`, or one with any number of layers.

    Of a Pipeline the bound is of the whole, in the units of its columns and of what it predicts.

    X are inputs at which large gradients are looked for; the bound for all inputs does not depend on them. Each search for a large gradient
    may evaluate so many gradients as `evaluations` says, by itself as many as take seconds; more of them raise what is found, and no bound depends on
    them. `exact` searches for the exact constant, until it is found or for the time limit (60 s if there is none).

    Of a network with several layers, or other units than relu, the bounds are the product of its layers' norms and, in the norm 2, LipSDP, and the result is a ChainBounds. `exact` is then for small networks whose units are two lines, and with X the constant over the box around it is told. With y, the classes of the rows X (for a network alone their numbers, the first being 0), and a `radius` it also tells which rows keep
    their class wherever their inputs change by at most the radius, in the norm: `margins`, whose file `verify` checks.
    """
    subject = native(network)
    refuse_other_columns(network, X, subject)
    # Of several outputs of one hidden layer of relu units the command line knows better bounds.
    chain = _layered(subject) or ((y is not None or radius is not None) and _tautnet.is_chain(subject))
    own: str | float | None = norm
    if norm is None and isinstance(subject, _tautnet.Model):
        proved = subject.certificate
        own = json.loads(subject.settings).get("norm") if chain else None if proved is None else proved.norm
    own = "2" if own is None else own
    name = own if isinstance(own, str) else f"{own:g}"
    names = subject.columns if isinstance(subject, _tautnet.Model) else None
    inputs = None if X is None else given_inputs(X, "certify", names)
    if chain and evaluations is not None:
        raise TautnetError("`evaluations` is for the search of networks with one hidden layer of relu units, and without margins", "leave `evaluations` out")
    if chain:
        seconds = 60.0 if exact and time_limit is None else time_limit
        labels = None if y is None else _targets(subject, network, y, None, "certify")[0][0]
        text, of_chain, margins = _tautnet.certify_chain(
            subject, inputs, labels, name, radius, exact, (seconds, thread_count(threads), None)
        )
        return _chain_bounds(json.loads(text), of_chain, margins)
    if y is not None or radius is not None:
        raise TautnetError("margins of classes are for a network with an output for each class, and this one has one output", "leave out y and `radius`")
    seconds = 60.0 if exact and time_limit is None else time_limit
    text, certificate = _tautnet.certify(subject, inputs, name, (exact, evaluations), (seconds, thread_count(threads), None))
    facts = json.loads(text)
    everywhere, local = facts["everywhere"], facts["local"]

    def both(part: dict[str, Any] | None) -> tuple[float, float] | None:
        enclosure = None if part is None else part.get("exact")
        return None if enclosure is None else (enclosure["lower"], enclosure["upper"])

    best = max(
        (found for part in (everywhere, everywhere.get("exact")) if part and (found := part["found"])),
        key=lambda found: float(found["value"]),
        default=None,
    )
    return Bounds(
        certificate=certificate,
        norm=name,
        found=0.0 if best is None else best["value"],
        found_at=None if best is None else np.array(best["point"]),
        proved=certificate.standardized_upper_bound,
        path_norm=facts["path_norm"],
        norm_product=facts["norm_product"],
        exact=both(everywhere),
        exact_closed=bool((everywhere.get("exact") or {}).get("closed", False)),
        local=None if local is None else local["upper"],
        local_exact=both(local),
    )


def _layered(subject: _tautnet.Model | _tautnet.Network) -> bool:
    """Whether it is none of one hidden layer of relu units."""
    if isinstance(subject, _tautnet.Model):
        return subject.layered
    activations = [activation for _, _, activation in subject.layers]
    return activations != ["relu", "identity"]


def _chain_bounds(facts: dict[str, Any], certificate: _tautnet.ChainCertificate, margins: _tautnet.ClassMargins | None) -> ChainBounds:
    claim = certificate.standardized
    pairs = None
    if claim["pairs"] is not None:
        count = len(claim["outputs"])
        pairs = np.zeros((count, count))
        pairs[np.triu_indices(count, 1)] = claim["pairs"]
        pairs += pairs.T
    return ChainBounds(
        certificate=certificate,
        norm=certificate.norm,
        found=facts["found"],
        found_at=None if facts["point"] is None else np.array(facts["point"]),
        norm_product=claim["bound"],
        layers=np.array(claim["layers"]),
        linear=claim["linear"],
        outputs=np.array(claim["outputs"]),
        pairs=pairs,
        margins=margins,
        exact=_ends(facts["exact"]),
        exact_closed=bool((facts["exact"] or {}).get("closed", False)),
        local=_ends(facts["local"]),
        lipsdp=claim["lipsdp"],
        lipsdp_gap=facts["gap"],
        greedy=facts["greedy"],
    )


def _ends(found: dict[str, Any] | None) -> tuple[float, float] | None:
    return None if found is None else (found["lower"], found["upper"])


Judged = _tautnet.Certificate | _tautnet.ChainCertificate | _tautnet.ClassMargins


def verify(certificate: Any, network: Any) -> Judged:
    """Check a certificate without any solver. Returns it if it proves its claims about the network, else raises NotProved.

    `certificate` is a Certificate, a ChainCertificate of a network with any number of layers, or ClassMargins; or its bytes, or the path of its file or
    of a model file that holds one.
    """
    subject = native(network)
    if isinstance(certificate, (str, os.PathLike)):
        data = _tautnet.read_certificate(os.fspath(certificate))
    elif isinstance(certificate, (bytes, bytearray)):
        data = bytes(certificate)
    elif isinstance(certificate, (_tautnet.Certificate, _tautnet.ChainCertificate, _tautnet.ClassMargins)):
        data = certificate.to_json()
    else:
        raise TautnetError(
            f"a {type(certificate).__name__} is not a certificate", "give a Certificate, its bytes, or the path of its file"
        )
    return _tautnet.verify(data, subject)


@dataclass(frozen=True, repr=False)
class Attack(Shown):
    """Mean losses under attack at each radius, in the units of the target: squared, where the loss is a square."""

    radius: Floats
    """How far inputs may move, standardized."""
    found: Floats
    """What an attack achieved."""
    proved: Floats
    """What no attack exceeds, row by row."""
    ceiling: Floats
    """What no attack exceeds by the Lipschitz bound alone."""
    exact_rows: npt.NDArray[np.intp]
    """In how many rows the worst case is known exactly; none of `nodes=0`."""
    norm: str
    rows: int
    loss: str = "squared"
    degree: int = 2
    """The loss is measured in this power of the unit of the target."""
    root_name: str = "root mean square"
    """What the error is called in the unit of the target."""

    def _title(self) -> str:
        return f"Attack, norm {self.norm}, {self.rows} rows: {_measure(self.root_name, self.loss)}"

    def _columns(self) -> list[Column]:
        found, proved, ceiling = (root(values, self.degree) for values in (self.found, self.proved, self.ceiling))
        return [
            plain("radius", self.radius),
            numbers("found ≥", found, False),
            numbers("proved ≤", proved, True),
            numbers("by the bound ≤", ceiling, True),
        ]


@dataclass(frozen=True, repr=False)
class AttackWithin(Shown):
    """Mean losses of inputs that are wrong by errors within multiples of a tolerance, in the units of the target.

    Of several targets `found`, `proved` and `exact_rows` have a column for each, in its units, at its own worst points.
    """

    size: Floats
    """The multiples of the tolerance."""
    found: Floats
    """What an attack achieved."""
    proved: Floats
    """What no error within the tolerance exceeds."""
    exact_rows: npt.NDArray[np.intp]
    """In how many rows the worst case is known exactly."""
    tolerance: list[str] | None
    """The tolerance as it was said; None where it was an array of rows."""
    tolerance_shape: str
    rows: int
    loss: str = "squared"
    degree: int = 2
    """The loss is measured in this power of the unit of the target."""
    root_name: str = "root mean square"
    """What the error is called in the unit of the target."""
    right_found: Floats | None = None
    """The shares of the rows whose class is right whatever the attack found; None where the target is a number."""
    right_proved: Floats | None = None
    """The shares of the rows whose class is right whatever the input error, proved."""

    def _title(self) -> str:
        said = f"{len(self.tolerance)} amounts" if self.tolerance and len(self.tolerance) > 3 else ", ".join(self.tolerance or ["an array of rows"])
        return f"Attack within the tolerance {said} ({self.tolerance_shape}), {self.rows} rows: {_measure(self.root_name, self.loss)}"

    def _columns(self) -> list[Column]:
        columns = [plain("times", self.size)]
        targets = self.found.shape[1] if self.found.ndim == 2 else 1
        for j in range(targets):
            found, proved = (root(values.reshape(len(self.size), targets)[:, j], self.degree) for values in (self.found, self.proved))
            of = f" {j + 1}" if targets > 1 else ""
            columns += [numbers(f"found{of} ≥", found, False), numbers(f"proved{of} ≤", proved, True)]
        if self.right_found is not None and self.right_proved is not None:
            columns += [numbers("right, found ≤", self.right_found, True), numbers("right, proved ≥", self.right_proved, False)]
        return columns


# What is told of an attack as a whole.
FACTS = ("norm", "rows", "loss", "degree", "root_name")


@documented("attack", leave_out=("time_limit",))
def attack(
    network: Any,
    X: Any,
    y: Any,
    radius: float | Sequence[float] | None = None,
    *,
    tolerance: Tolerance | None = None,
    tolerance_shape: Shape | None = None,
    loss: Loss | None = None,
    norm: Norm | None = None,
    method: AttackMethod = "projected-ascent",
    restarts: int | None = None,
    nodes: int | None = None,
    standardize: bool = True,
    threads: int | None = None,
    random_state: int = 0,
) -> Attack | AttackWithin:
    """The error that an attack found beside the one that no attack can exceed. `network` and `standardize` as in `polish`.

    Where there is a tolerance, given as in `polish` or kept in the model, and neither `radius` nor `norm` is given, the errors are those within
    multiples of it: an AttackWithin. Else they are those within balls of the standardized inputs: an Attack.

    Parameters
    ----------
    {settings}
    """
    subject = native(network)
    refuse_other_columns(network, X, subject)
    names = subject.columns if isinstance(subject, _tautnet.Model) else None
    (target, *others), loss = _targets(subject, network, y, loss, "attack")
    name = norm if norm is None or isinstance(norm, str) else f"{norm:g}"
    radii = None if radius is None else [float(value) for value in np.atleast_1d(np.asarray(radius, dtype=np.float64))]
    within = {"tolerance": given_tolerance(tolerance), "tolerance_shape": tolerance_shape}
    search = {"method": method, "restarts": restarts, "nodes": nodes}
    inputs = given_inputs(X, "attack", names)
    text = _tautnet.attack(
        subject, inputs, target, radii, name, within, search, random_state, (standardize, loss), thread_count(threads), others
    )
    facts = json.loads(text)

    def column(key: str) -> Floats:
        return np.array([report[key] for report in facts["radii" if "radii" in facts else "sizes"]], dtype=np.float64)

    if "sizes" in facts:
        return AttackWithin(
            column("size"),
            column("found"),
            np.nan_to_num(column("proved"), nan=np.inf),
            column("exact_rows").astype(np.intp),
            facts["tolerance"],
            facts["tolerance_shape"],
            right_found=column("right_found") if facts["sizes"][0]["right_found"] is not None else None,
            right_proved=column("right_proved") if facts["sizes"][0]["right_proved"] is not None else None,
            **{key: facts[key] for key in FACTS if key != "norm"},
        )

    return Attack(column("radius"), column("found"), column("proved"), column("ceiling"), column("exact_rows").astype(np.intp), **{key: facts[key] for key in FACTS})


def lipschitz_path(
    X: Any, y: Any, sample_weight: Any = None, *, prices: Sequence[float] | None = None, **parameters: Any
) -> LipschitzPath:
    """Error against bound along the price, on rows held out in turn.

    Every price begins with the same starting network, which is trained once for each part. `parameters` are those of
    `LipschitzRegressor`.
    """
    estimator = LipschitzRegressor(**parameters)
    if estimator.layers is not None or estimator.method == DEEP:
        raise TautnetError("a path of prices was asked for with `layers`, and networks with layers have none", "leave `layers` out")
    asked = options({**estimator.get_params(), "lipschitz_price": None})
    rows = given_rows(X, y, sample_weight, "lipschitz_path") | given_preparation(estimator.missing, estimator.dates)
    wanted = None if prices is None else [float(value) for value in prices]
    with Progress(estimator.verbose) as progress:
        text = _tautnet.lipschitz_path(rows, asked, wanted, limits(estimator.time_limit, estimator.threads, progress))
    facts = json.loads(text)
    return path_of(facts, facts["loss"])
