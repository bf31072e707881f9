"""The extension, as the package uses it."""

from collections.abc import Callable
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Path: TypeAlias = str | PathLike[str]
_Limits: TypeAlias = tuple[float | None, int | None, Any]
_Floats: TypeAlias = npt.NDArray[np.float64]
_Forest: TypeAlias = list[tuple[int, int, _Floats]]

__version__: str

class Certificate:
    """A proved bound on how fast a network's output can change."""

    @property
    def lipschitz_upper_bound(self) -> float:
        """The bound in the units of the data."""
    @property
    def standardized_upper_bound(self) -> float:
        """The bound in standardized units."""
    @property
    def lipschitz(self) -> float:
        """The same under the name that it has in `--json`."""
    @property
    def sensitivities(self) -> list[float]:
        """For each input: how far one unit of it can move the prediction, in the units of the data."""
    @property
    def norm(self) -> str:
        """How input changes are measured: "2", "inf" or "1"."""
    @property
    def network(self) -> str:
        """Fingerprint of the network that the certificate is about."""
    @property
    def multipliers(self) -> list[float]:
        """The multipliers that prove the standardized bound."""
    def to_json(self) -> bytes:
        """The bytes of the certificate's file."""
    def save(self, path: _Path, *, overwrite: bool = False) -> None:
        """Write the certificate's file, whole or not at all."""

class ChainCertificate:
    """A proved bound on how fast the outputs of a network with any number of layers can change: the product of the layers' norms."""

    @property
    def lipschitz_upper_bound(self) -> float:
        """The least bound over all outputs together in the units of the data."""
    @property
    def standardized_upper_bound(self) -> float:
        """The least bound over all outputs together in standardized units."""
    @property
    def lipschitz(self) -> float:
        """The same under the name that it has in `--json`."""
    @property
    def standardized(self) -> dict[str, Any]:
        """All bounds in standardized units: bound, by the product of norms; lipsdp, by multipliers, or None; layers, linear, outputs and pairs."""
    @property
    def raw(self) -> dict[str, Any] | None:
        """The same in the units of the data, or None for a network that has no others."""
    @property
    def norm(self) -> str:
        """How changes of the inputs, and of all outputs together, are measured: "2", "inf" or "1"."""
    @property
    def network(self) -> str:
        """Fingerprint of the network that the certificate is about."""
    def to_json(self) -> bytes:
        """The bytes of the certificate's file."""
    def save(self, path: _Path, *, overwrite: bool = False) -> None:
        """Write the certificate's file, whole or not at all."""

class ClassMargins:
    """Rows with their margins, proved: by how much the class of each is the largest output wherever the inputs change within the radius."""

    @property
    def radius(self) -> float:
        """How far the inputs change, in the units of the network."""
    @property
    def norm(self) -> str:
        """How that is measured: "2", "inf" or "1"."""
    @property
    def rows(self) -> int:
        """Number of rows."""
    @property
    def right(self) -> int:
        """How many rows have their class where the inputs do not change."""
    @property
    def proved_right(self) -> int:
        """How many rows keep their class wherever the inputs change within the radius."""
    @property
    def margins(self) -> _Floats:
        """The margin of each row, at least: above 0 where it keeps its class."""
    @property
    def network(self) -> str:
        """Fingerprint of the network."""
    def to_json(self) -> bytes:
        """The bytes of the file."""
    def save(self, path: _Path, *, overwrite: bool = False) -> None:
        """Write the file, whole or not at all."""

class Network:
    """Weights alone: layers one after the other, and a linear part beside them where there is one.

    Either f(x) = c + a . x + sum_i v_i relu(w_i . x + b_i) from the arrays w (units x inputs), b and v (units), the number c and
    perhaps a (inputs); or from `layers`, each weights (units x inputs), biases (units) and the name of an activation ("identity",
    "relu", "leaky-relu:0.01", "abs", "crelu", "sincos", "tanh", "sine-pair", "maxmin"; the last layer has "identity"), and perhaps `linear` (outputs x inputs).
    """

    def __new__(
        cls,
        w: _Floats | None = None,
        b: _Floats | None = None,
        v: _Floats | None = None,
        c: float = 0.0,
        *,
        a: _Floats | None = None,
        layers: list[tuple[_Floats, _Floats, str]] | None = None,
        linear: _Floats | None = None,
    ) -> Network: ...
    @staticmethod
    def from_state_dict(
        tensors: list[tuple[str, _Floats]], source: str, activations: list[str] | None = None
    ) -> Network:
        """From the named arrays of a torch state_dict; `source` is what messages call it.

        `activations` are those of the hidden layers, first to last; relu where they are not told.
        """
    @staticmethod
    def from_scikit_learn(coefs: list[_Floats], intercepts: list[_Floats], activation: str) -> Network:
        """From what a fitted MLPRegressor holds."""
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def units(self) -> int:
        """Number of hidden units, in all layers."""
    @property
    def layers(self) -> list[tuple[_Floats, _Floats, str]]:
        """Weights, biases and the name of the activation of each layer."""
    @property
    def linear(self) -> _Floats | None:
        """The linear part (outputs x inputs), or None."""
    def predict(self, given: Any) -> _Floats:
        """All outputs at every row: one number a row where there is one output, one row of numbers where there are several."""
    def in_relu_units(self) -> tuple[Network, bool]:
        """The same network with relu units, where its hidden units are piecewise linear, and whether it is exactly the same."""
    def weights(self) -> dict[str, Any]:
        """The arrays w, b, v, the number c, and the array a where there is a linear part."""
    def save(self, path: _Path, *, overwrite: bool = False, precision: str = "f64") -> None:
        """Write a network file, whole or not at all: .onnx, .safetensors, and JSON for all other names."""

class Model:
    """A network with its columns, its units and its certificate: what a model file holds."""

    @staticmethod
    def parse(bytes: bytes, source: str = "the model") -> Model:
        """From the bytes of a model file; `source` is what messages call it."""
    @staticmethod
    def read(path: _Path) -> Model:
        """Read a model file."""
    def to_json(self) -> bytes:
        """The bytes of the model file."""
    def save(
        self, path: _Path, *, overwrite: bool = False, scaler: str | None = None, precision: str = "f64"
    ) -> None:
        """Write the model file, whole or not at all: .onnx, .safetensors, and JSON for all other names."""
    @property
    def columns(self) -> list[str]:
        """Names of the input columns."""
    @property
    def missing(self) -> str:
        """What is done with missing values: "refuse", "drop", "median" or "indicator"."""
    @property
    def dates(self) -> list[tuple[str, str]]:
        """What is made of columns of dates: the name of each, and "parts" or "days" with the order of day, month and year."""
    @property
    def inputs(self) -> list[str]:
        """Names of the network's inputs: a column of words has one for each word."""
    @property
    def target(self) -> str: ...
    @property
    def targets(self) -> list[str]:
        """Names of all targets."""
    @property
    def classes(self) -> list[str] | None:
        """The classes of the target, where it is one."""
    @property
    def units(self) -> int: ...
    @property
    def settings(self) -> str:
        """Settings as JSON."""
    @property
    def objective(self) -> str:
        """Objective, its parts and its history as JSON."""
    @property
    def certificate(self) -> Certificate | None:
        """The certificate, proved anew."""
    @property
    def layered(self) -> bool:
        """Whether its network is none of one hidden layer of relu units."""
    @property
    def by_layers(self) -> bool:
        """Whether it was trained with `layers`, and what is proved of it is the product of their norms."""
    def chain_certificate(self, norm: str | None = None) -> ChainCertificate:
        """The certificate by the product of the layers' norms, made and proved; in the norm that the model was made for where none is named."""
    def scaler(self) -> dict[str, Any]:
        """Means and scales of the inputs and the target."""
    def network(self, standardized: bool) -> Network:
        """The network alone, in the units of the data or standardized ones."""
    def weights(self, standardized: bool) -> dict[str, Any]:
        """The arrays w, b, v, the number c, and the array a where there is a linear part."""
    def predict(self, given: Any) -> _Floats:
        """Predictions, in the units of the target, a row of them where there are several targets; of several classes all outputs."""
    def certain(
        self, given: Any, asked: dict[str, Any], nodes: int | None = None, threads: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Of several classes the number of that of each row, and whether no input error within the tolerance can change it."""
    def certain_within_radius(
        self, given: Any, radius: float, nodes: int | None = None, threads: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The same within a radius, by the product of the layers' norms."""
    @property
    def tolerance(self) -> tuple[list[str], str]:
        """How wrong the inputs can be, as it was said when the model was made: amounts, and the shape."""
    @property
    def worst_case_error(self) -> float | None:
        """The root of the worst case within the tolerance, proved on rows that were not learned from, in the units of the target."""
    @property
    def seen(self) -> str | None:
        """What was seen on rows that were not learned from, as JSON, in the units of the target (of several, of each)."""
    @property
    def seen_by_layers(self) -> str | None:
        """What a deep network did on rows that no step learned from, as JSON: shares of right classes, or mean losses."""
    @property
    def worst_case_errors(self) -> list[float] | None:
        """The same of every target, where there are several."""
    @property
    def calibration(self) -> tuple[str, int] | None:
        """Where the scores of the calibration are from, "held_out" or "cross_validated", and how many there are."""
    def covering(self, lower: _Floats, upper: _Floats, coverage: float) -> tuple[_Floats, _Floats]:
        """Around intervals of predictions those that hold the target itself in this share of rows."""
    def columns_within(self, given: Any, asked: dict[str, Any]) -> tuple[_Floats, _Floats]:
        """The columns that the network sees, in the units of the data, and how wrong each may be in each row."""
    def intervals_within(
        self, given: Any, asked: dict[str, Any], nodes: int | None = None, threads: int | None = None
    ) -> tuple[_Floats, _Floats, npt.NDArray[np.bool_]]:
        """The same as `intervals` for inputs that are off by errors within a tolerance."""
    def intervals_of_targets(
        self, given: Any, asked: dict[str, Any], nodes: int | None = None, threads: int | None = None
    ) -> tuple[_Floats, _Floats]:
        """The ends of `intervals_within` of several targets, rows x targets."""
    def intervals_of_targets_within_radius(
        self, given: Any, radius: float, nodes: int | None = None, threads: int | None = None
    ) -> tuple[_Floats, _Floats]:
        """The ends of the intervals of several targets within a radius, by the product of the layers' norms: rows x targets."""
    def intervals(
        self, given: Any, radius: float, nodes: int | None = None, threads: int | None = None
    ) -> tuple[_Floats, _Floats, npt.NDArray[np.bool_]]:
        """For every row: the ends of the interval around its prediction, and whether they are exact."""

def get_limits() -> dict[str, int]:
    """The limits that hold now, by name: bytes, rows, columns, cells and nesting."""
def set_limits(
    *,
    bytes: int | None = None,
    rows: int | None = None,
    columns: int | None = None,
    cells: int | None = None,
    nesting: int | None = None,
) -> None:
    """Set limits on what is read and made; those that are not named stay as they are."""
def read(path: _Path) -> Model | Network: ...
def read_certificate(path: _Path) -> bytes: ...
def settings(command: str) -> list[dict[str, Any]]:
    """The settings of "train", "polish", "compare" or "attack": name, parameter, of, values, default, default_in_words and help."""
def fit(
    given: dict[str, Any], asked: dict[str, Any], limits: _Limits, before: Model | None = None
) -> tuple[Model, str | None]:
    """The model, and what cut the work short."""
def calibrated(model: Model, given: dict[str, Any]) -> Model:
    """The model, calibrated by rows that nothing was learned from."""
def polish(
    subject: Model | Network, given: dict[str, Any], asked: dict[str, Any], limits: _Limits, standardize: bool
) -> tuple[Model, str | None]: ...
def has_layers_polished(subject: Model | Network) -> bool:
    """Whether a polish of it goes layer by layer."""
def lipschitz_path(
    given: dict[str, Any], asked: dict[str, Any], prices: list[float] | None, limits: _Limits
) -> str: ...
def certify(
    subject: Model | Network, given: Any, norm: str, search: tuple[bool, int | None], limits: _Limits
) -> tuple[str, Certificate]: ...
def is_chain(subject: Model | Network) -> bool:
    """Whether what is known of one hidden layer of relu units and one output says nothing of this network."""
def certify_chain(
    subject: Model | Network, given: Any, labels: Any, norm: str, radius: float | None, exact: bool, limits: _Limits
) -> tuple[str, ChainCertificate, ClassMargins | None]:
    """The largest Jacobian found, what multipliers prove and what searches enclose, as JSON; the certificate; and with labels and a radius the margins of the rows."""
def shards_asked(question: str) -> list[int] | None:
    """The numbers of the shards that a question is for; None for all of them."""
def rows_in_shard(inputs: int) -> int:
    """How many rows a shard has, the unit in which answers about rows are found; the last one may have fewer."""
def visit(question: str, given: list[tuple[int, int, npt.NDArray[Any], _Floats, _Floats | None]]) -> _Forest:
    """What shards answer, each its number, the number of its first row, inputs, targets and weights: a forest."""
def merge(forests: list[_Forest]) -> _Forest:
    """What runs of shards answer together that come one after another."""
def finish(forest: _Forest) -> _Floats:
    """What all shards answer."""
def fit_far(
    ask: Callable[[str, Callable[[], bool]], Any], of: dict[str, Any], asked: dict[str, Any], limits: _Limits
) -> tuple[Model, str | None, str]:
    """The model of rows that `ask(question, over)` asks, what cut the work short, and facts as JSON."""
def shown(value: float, upper: bool) -> str: ...
def verify(bytes: bytes, subject: Model | Network) -> Certificate | ChainCertificate | ClassMargins: ...
def attack(
    subject: Model | Network,
    x: Any,
    y: Any,
    radii: list[float] | None,
    norm: str | None,
    within: dict[str, Any],
    search: dict[str, Any],
    seed: int,
    units: tuple[bool, str | None],
    threads: int | None,
    others: list[Any],
) -> str: ...
