"""Networks of other libraries, recognized by what they have and not by their type, so that none of them is imported."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _tautnet
from ._errors import TautnetError
from ._pipelines import is_pipeline, native_of

Native = _tautnet.Model | _tautnet.Network

TAKEN = (
    "give a fitted LipschitzRegressor or MLPRegressor, a Pipeline of linear steps that ends with one, a torch Sequential(Linear, ReLU, …, Linear), the arrays "
    "{'w', 'b', 'v', 'c'} or {'layers'}, or the path of a network file"
)


def native(network: Any) -> Native:
    """A model or network of the extension from whatever holds one."""
    if isinstance(network, (_tautnet.Model, _tautnet.Network)):
        return network
    if isinstance(network, (str, os.PathLike)):
        found: Native = _tautnet.read(os.fspath(network))
        return found
    if isinstance(network, type):
        raise TautnetError(f"{network.__name__} is a class, not a network", f"make one, such as {network.__name__}(), and fit it")
    if is_pipeline(network):
        return native_of(network, native)
    if hasattr(network, "model_") and isinstance(network.model_, _tautnet.Model):
        return network.model_
    if isinstance(network, dict):
        return _from_arrays(network)
    if hasattr(network, "coefs_") and hasattr(network, "intercepts_"):
        return _from_sklearn(network)
    if callable(getattr(network, "state_dict", None)):
        return _from_torch(network)
    if hasattr(network, "fit") and hasattr(network, "get_params"):
        if hasattr(network, "best_estimator_"):
            raise TautnetError(f"a {type(network).__name__} is not a network", "give its best_estimator_")
        raise TautnetError(f"this {type(network).__name__} has no network: it is not fitted, or has none", TAKEN)
    raise TautnetError(f"a {type(network).__name__} is not a network", TAKEN)


def write_weights(model: Any, into: Any) -> Any:
    """Write the weights of `model` into a fitted MLPRegressor or a torch Sequential of at least its size, in place.

    The weights are those for inputs and targets in the units of the data. Returns `into`.
    """
    from_ = native(model)
    weights = from_.weights(False) if isinstance(from_, _tautnet.Model) else from_.weights()
    if "a" in weights:
        raise TautnetError(
            "the network has a linear part, and the one to write into has no place for it", "save it as a file of its own"
        )
    w, b, v, c = weights["w"], weights["b"], weights["v"], np.array([weights["c"]])
    there = native(into)
    if not isinstance(there, _tautnet.Network) or isinstance(into, (str, os.PathLike, dict)) or is_pipeline(into):
        raise TautnetError(
            f"the weights cannot be written into a {type(into).__name__}",
            "give a fitted MLPRegressor or a torch Sequential; a LipschitzRegressor is saved with .save(path)",
        )
    spare = there.units - w.shape[0]
    if spare < 0 or there.inputs != w.shape[1]:
        raise TautnetError(
            f"the network has {w.shape[0]} units and {w.shape[1]} inputs, the one to write into {there.units} and {there.inputs}",
            "give a network of the same size",
        )
    # Units that the polish dropped come back as units that do nothing.
    w, b, v = np.pad(w, ((0, spare), (0, 0))), np.pad(b, (0, spare)), np.pad(v, (0, spare))
    if hasattr(into, "coefs_"):
        into.coefs_ = [w.T.copy(), v.reshape(-1, 1)]
        into.intercepts_ = [b, c]
        return into
    state = into.state_dict()
    if len(state) < 4:
        raise TautnetError("the torch network has no biases to write to", "make its layers with bias=True")
    # The library found out which layer comes first; names and order do not tell.
    before = there.weights()["w"]
    hidden = next(key.rsplit(".", 1)[0] for key in state if np.array_equal(_array(state[key]), before))
    for key, tensor in state.items():
        layer, kind = key.rsplit(".", 1)
        weight, bias = (w, b) if layer == hidden else (v.reshape(1, -1), c)
        tensor.copy_(tensor.new_tensor((weight if kind == "weight" else bias).tolist()))
    return into


def _double(array: Any, name: str, dimensions: int | None = None) -> npt.NDArray[np.float64]:
    try:
        double = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TautnetError(f"the network's `{name}` is not an array of numbers: {error}", TAKEN) from None
    if dimensions is not None and double.ndim != dimensions:
        raise TautnetError(
            f"the network's `{name}` has {double.ndim} dimensions",
            f"give it {dimensions}: w is units x inputs, b and v have one entry per unit",
        )
    return np.ascontiguousarray(double)


def _from_arrays(parts: dict[str, Any]) -> _tautnet.Network:
    if any(key.endswith("weight") for key in parts if isinstance(key, str)):
        return _from_state(parts)
    if "layers" in parts:
        return _from_layers(parts)
    unknown = [key for key in parts if key not in ("w", "b", "v", "c", "a")]
    if unknown:
        raise TautnetError(f"`{unknown[0]}` is not a part of a network", TAKEN)
    for name in ("w", "b", "v"):
        if name not in parts:
            raise TautnetError(f"the network has no `{name}`", TAKEN)
    w, b, v = _double(parts["w"], "w", 2), _double(parts["b"], "b", 1), _double(parts["v"], "v", 1)
    a = None if parts.get("a") is None else _double(parts["a"], "a", 1)
    return _tautnet.Network(w, b, v, float(parts.get("c", 0.0)), a=a)


def _from_layers(parts: dict[str, Any]) -> _tautnet.Network:
    unknown = [key for key in parts if key not in ("layers", "linear")]
    if unknown:
        raise TautnetError(f"`{unknown[0]}` is not a part of a network with layers", TAKEN)
    layers = []
    for place, layer in enumerate(parts["layers"]):
        if not isinstance(layer, (tuple, list)) or len(layer) != 3 or not isinstance(layer[2], str):
            raise TautnetError(f"layers[{place}] is not a layer", "give (weights, biases, activation), such as (W, b, 'relu')")
        layers.append((_double(layer[0], "weights", 2), _double(layer[1], "bias", 1), layer[2]))
    linear = None if parts.get("linear") is None else _double(parts["linear"], "linear", 2)
    return _tautnet.Network(layers=layers, linear=linear)


def _from_sklearn(mlp: Any) -> _tautnet.Network:
    name = type(mlp).__name__
    # The outputs before their activation: the margin of two classes, and one a class of several. Several labels at once have sigmoids too.
    activation = getattr(mlp, "out_activation_", "identity")
    if activation not in ("identity", "logistic", "softmax") or (activation == "logistic" and mlp.n_outputs_ > 1):
        raise TautnetError(
            f"the {name} has {mlp.n_outputs_} outputs of the activation `{activation}`", "give a regressor, or a classifier of one label a row"
        )
    coefs = [_double(array, "coefs_", 2) for array in mlp.coefs_]
    intercepts = [_double(array, "intercepts_", 1) for array in mlp.intercepts_]
    return _tautnet.Network.from_scikit_learn(coefs, intercepts, getattr(mlp, "activation", "relu"))


def _from_torch(module: Any) -> _tautnet.Network:
    name = type(module).__name__
    children = list(module.children()) if hasattr(module, "children") else []
    if not children:
        return _from_state(module.state_dict(), f"the {name}")
    kinds = [type(child).__name__ for child in children]
    activations = [_torch_activation(child) for child in children[1::2]]
    if set(kinds[::2]) != {"Linear"} or len(kinds) % 2 == 0 or None in activations:
        raise TautnetError(
            f"the {name} has the layers {', '.join(kinds)}",
            "give a Sequential of Linear layers with ReLU, LeakyReLU, Tanh or Identity between them",
        )
    state = module.state_dict()
    if hasattr(module, "named_children") and any(kind.__name__ == "Sequential" for kind in type(module).__mro__):
        # What a Sequential is made of stands in its order, whatever it is called.
        places = {child: str(place) for place, (child, _) in enumerate(module.named_children())}
        state = {f"{places[key.split('.', 1)[0]]}.{key.split('.', 1)[1]}": value for key, value in state.items()}
    elif len(kinds) > 3:
        raise TautnetError(f"the order of the layers of the {name} is not known", "give a Sequential")
    return _from_state(state, f"the {name}", [activation for activation in activations if activation])


def _torch_activation(module: Any) -> str | None:
    kind = type(module).__name__
    if kind == "LeakyReLU":
        return f"leaky-relu:{float(module.negative_slope)!r}"
    return {"ReLU": "relu", "Identity": "identity", "Tanh": "tanh"}.get(kind)


def _from_state(state: dict[str, Any], source: str = "the state", activations: list[str] | None = None) -> _tautnet.Network:
    tensors = [(name, _double(_array(value), name)) for name, value in state.items()]
    return _tautnet.Network.from_state_dict(tensors, source, activations)


def _array(tensor: Any) -> npt.NDArray[Any]:
    """A tensor, of whatever kind and wherever it lies, as an array."""
    for step in ("detach", "cpu", "double"):
        tensor = getattr(tensor, step)() if hasattr(tensor, step) else tensor
    return np.asarray(tensor)
