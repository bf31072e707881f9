"""Networks of other libraries, recognized by what they have and not by their type, so that none of them is imported."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _tautnet
from ._errors import TautnetError

Native = _tautnet.Model | _tautnet.Network

TAKEN = (
    "give a fitted LipschitzRegressor or MLPRegressor with one hidden relu layer, a torch Sequential(Linear, ReLU, Linear), "
    "the arrays {'w', 'b', 'v', 'c'}, or the path of a network file"
)


def native(network: Any) -> Native:
    """A model or network of the extension from whatever holds one."""
    if isinstance(network, (_tautnet.Model, _tautnet.Network)):
        return network
    if isinstance(network, (str, os.PathLike)):
        found: Native = _tautnet.read(os.fspath(network))
        return found
    if hasattr(network, "model_") and isinstance(network.model_, _tautnet.Model):
        return network.model_
    if isinstance(network, dict):
        return _from_arrays(network)
    if hasattr(network, "coefs_") and hasattr(network, "intercepts_"):
        return _from_sklearn(network)
    if callable(getattr(network, "state_dict", None)):
        return _from_torch(network)
    if hasattr(network, "fit") and hasattr(network, "get_params"):
        if hasattr(network, "steps"):
            raise TautnetError(
                "a Pipeline is no network", "give its last step, and X as the steps before it transform it"
            )
        raise TautnetError(f"this {type(network).__name__} has no network: it is not fitted, or has none", TAKEN)
    raise TautnetError(f"a {type(network).__name__} is no network", TAKEN)


def write_weights(model: Any, into: Any) -> Any:
    """Write the weights of `model` into a fitted MLPRegressor or a torch Sequential of at least its size, in place.

    The weights are those for inputs and targets in the units of the data. Returns `into`.
    """
    from_ = native(model)
    weights = from_.weights(False) if isinstance(from_, _tautnet.Model) else from_.weights()
    w, b, v, c = weights["w"], weights["b"], weights["v"], np.array([weights["c"]])
    there = native(into)
    if not isinstance(there, _tautnet.Network) or isinstance(into, (str, os.PathLike, dict)):
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
    parameters = list(into.state_dict().items())
    if len(parameters) < 4:
        raise TautnetError("the torch network has no biases to write to", "make its layers with bias=True")
    layers = {key.rsplit(".", 1)[0]: None for key, _ in parameters}
    arrays = dict(zip(layers, ({"weight": w, "bias": b}, {"weight": v.reshape(1, -1), "bias": c})))
    for key, tensor in parameters:
        layer, kind = key.rsplit(".", 1)
        tensor.copy_(tensor.new_tensor(arrays[layer][kind].tolist()))
    return into


def _double(array: Any, name: str, dimensions: int) -> npt.NDArray[np.float64]:
    try:
        double = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TautnetError(f"the network's `{name}` is no array of numbers: {error}", TAKEN) from None
    if double.ndim != dimensions:
        raise TautnetError(
            f"the network's `{name}` has {double.ndim} dimensions",
            f"give it {dimensions}: w is units x inputs, b and v have one entry per unit",
        )
    return np.ascontiguousarray(double)


def _from_arrays(parts: dict[str, Any]) -> _tautnet.Network:
    if any(key.endswith("weight") for key in parts if isinstance(key, str)):
        return _from_state(parts)
    unknown = [key for key in parts if key not in ("w", "b", "v", "c")]
    if unknown:
        raise TautnetError(f"`{unknown[0]}` is not a part of a network", TAKEN)
    for name in ("w", "b", "v"):
        if name not in parts:
            raise TautnetError(f"the network has no `{name}`", TAKEN)
    w, b, v = _double(parts["w"], "w", 2), _double(parts["b"], "b", 1), _double(parts["v"], "v", 1)
    return _tautnet.Network(w, b, v, float(parts.get("c", 0.0)))


def _from_sklearn(mlp: Any) -> _tautnet.Network:
    name = type(mlp).__name__
    if len(mlp.coefs_) != 2:
        layers = len(mlp.coefs_) - 1
        raise TautnetError(f"the {name} has {layers} hidden layers", "give a network with one hidden layer")
    if getattr(mlp, "activation", "relu") != "relu":
        raise TautnetError(f"the {name} has the activation `{mlp.activation}`", "give a network with the activation `relu`")
    if getattr(mlp, "out_activation_", "identity") != "identity":
        raise TautnetError(
            f"the {name} has the output activation `{mlp.out_activation_}`", "give a regressor, whose output is linear"
        )
    (w, v), (b, c) = mlp.coefs_, mlp.intercepts_
    return _with_outputs(np.asarray(w).T, b, np.asarray(v).T, c, name)


def _from_torch(module: Any) -> _tautnet.Network:
    children = [type(child).__name__ for child in module.children()] if hasattr(module, "children") else []
    if children and children != ["Linear", "ReLU", "Linear"]:
        raise TautnetError(
            f"the {type(module).__name__} has the layers {', '.join(children)}", "give a Sequential(Linear, ReLU, Linear)"
        )
    return _from_state(module.state_dict())


def _from_state(state: dict[str, Any]) -> _tautnet.Network:
    def array(tensor: Any) -> Any:
        for step in ("detach", "cpu", "double"):
            tensor = getattr(tensor, step)() if hasattr(tensor, step) else tensor
        return np.asarray(tensor)

    layers = list({key.rsplit(".", 1)[0]: None for key in state if "." in key})
    if len(layers) != 2 or any(f"{layer}.weight" not in state for layer in layers):
        raise TautnetError(f"the state has the parameters {', '.join(state)}", "give a Sequential(Linear, ReLU, Linear)")
    first, second = layers
    w, v = array(state[f"{first}.weight"]), array(state[f"{second}.weight"])
    b = array(state[f"{first}.bias"]) if f"{first}.bias" in state else np.zeros(w.shape[0])
    c = array(state[f"{second}.bias"]) if f"{second}.bias" in state else np.zeros(v.shape[0])
    return _with_outputs(w, b, v, c, "torch network")


def _with_outputs(w: Any, b: Any, v: Any, c: Any, name: str) -> _tautnet.Network:
    if v.shape[0] != 1:
        raise TautnetError(f"the {name} has {v.shape[0]} outputs", "give a network with one output")
    c = np.asarray(c, dtype=np.float64).reshape(-1)
    return _tautnet.Network(_double(w, "w", 2), _double(b, "b", 1), _double(v[0], "v", 1), float(c[0]))
