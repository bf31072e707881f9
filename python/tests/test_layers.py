"""Networks with layers: made, predicted with, written, read, rewritten, and refused where they are not taken."""
import json
import subprocess

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

import tautnet
from conftest import PROGRAM
from tautnet import Network, TautnetError, attack, certify, polish
from tautnet._networks import native

MAKES = {
    "identity": lambda h: h,
    "relu": lambda h: np.maximum(h, 0),
    "leaky-relu:0.3": lambda h: np.maximum(h, 0.3 * h),
    "abs": np.abs,
    "tanh": np.tanh,
    "crelu": lambda h: np.hstack([np.maximum(h, 0), np.maximum(-h, 0)]),
    "sincos": lambda h: np.hstack([np.sin(h), np.cos(h)]),
    "sine-pair": lambda h: np.hstack([h + np.sin(h), h - np.sin(h)]) / 2,
    "maxmin": lambda h: np.hstack([np.maximum(*np.hsplit(h, 2)), np.minimum(*np.hsplit(h, 2))]),
}


def parts(activations, outputs=1, linear=False, inputs=3):
    rng = np.random.default_rng(7)
    layers, width = [], inputs
    for name, units in [*((name, 4) for name in activations), ("identity", outputs)]:
        layers.append((rng.normal(size=(units, width)), rng.normal(size=units), name))
        width = MAKES[name](np.zeros((1, units))).shape[1]
    return {"layers": layers, "linear": rng.normal(size=(outputs, inputs)) if linear else None}


def values(layers, linear, x):
    handed_on = x
    for weights, bias, name in layers:
        handed_on = MAKES[name](handed_on @ weights.T + bias)
    return handed_on if linear is None else handed_on + x @ linear.T


@pytest.fixture
def rows():
    x = np.random.default_rng(8).normal(size=(40, 3))
    return x, np.abs(x[:, 0]) + x[:, 1] ** 2


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("activations", [[], *([name] for name in MAKES), list(MAKES)])
def test_a_network_predicts_what_its_layers_say(activations, linear, outputs, rows, tmp_path):
    made, (x, _) = parts(activations, outputs, linear), rows
    network = Network(**made)
    exact = values(x=x, **made)
    predicted = network.predict(x)
    assert predicted.shape == ((40,) if outputs == 1 else (40, outputs))
    np.testing.assert_allclose(predicted.reshape(40, outputs), exact, rtol=1e-12, atol=1e-12)
    assert (network.inputs, network.outputs, network.units) == (3, outputs, 4 * len(activations))
    for (weights, bias, name), (given_weights, given_bias, given_name) in zip(network.layers, made["layers"], strict=True):
        assert np.array_equal(weights, given_weights) and np.array_equal(bias, given_bias) and name == given_name
    assert (network.linear is None) == (not linear)
    for format in ("json", "onnx", "safetensors"):
        network.save(tmp_path / f"n.{format}")
        np.testing.assert_allclose(native(tmp_path / f"n.{format}").predict(x), predicted, rtol=1e-12, atol=1e-12)
    assert np.array_equal(native(made).predict(x), predicted)


def test_the_short_form_is_the_same_network(rows):
    x, _ = rows
    (w, b, _), (v, c, _) = parts(["relu"])["layers"]
    a = np.array([0.5, -1.0, 2.0])
    short = Network(w, b, v[0], c[0], a=a)
    long = Network(layers=[(w, b, "relu"), (v, c, "identity")], linear=a[None])
    assert np.array_equal(short.predict(x), long.predict(x))
    assert np.array_equal(long.weights()["a"], a) and "a" not in Network(w, b, v[0]).weights()
    assert repr(short) == "<Network of 3 inputs and one hidden layer of 4 units, relu, a linear part>"
    assert np.array_equal(native({"w": w, "b": b, "v": v[0], "c": c[0], "a": a}).predict(x), short.predict(x))


def test_what_takes_one_hidden_layer_says_so(rows, tmp_path):
    x, y = rows
    deep = Network(**parts(["relu", "abs"]))
    for name, work in [
        ("attack", lambda: attack(deep, x, y)),
        ("weights", lambda: deep.weights()),
    ]:
        with pytest.raises(TautnetError, match=f"`{name}` takes networks with one hidden layer of relu units; this one has two hidden"):
            work()
    with pytest.raises(TautnetError, match="`polish` takes networks with one hidden layer of relu, leaky relu"):
        polish(Network(**parts(["relu", "abs"], linear=True)), x, y)
    with pytest.raises(TautnetError, match="takes networks with one output; this one has one hidden layer of 4 units, relu, 2 outputs"):
        certify(Network(**parts(["relu"], outputs=2)))
    # The command line says the same.
    deep.save(tmp_path / "deep.json")
    done = subprocess.run([PROGRAM, "attack", "deep.json", "machine"], cwd=tmp_path, capture_output=True, text=True)
    with pytest.raises(TautnetError) as raised:
        attack(deep, x, y)
    assert done.returncode == 2 and done.stderr.splitlines()[0].removeprefix("error: ") in str(raised.value)


@pytest.mark.parametrize("name, exact", [("abs", True), ("crelu", True), ("leaky-relu:0.3", False), ("relu", True)])
def test_piecewise_linear_networks_are_rewritten_and_polished(name, exact, rows):
    x, y = rows
    network = Network(**parts([name]))
    relu, same = network.in_relu_units()
    assert same == exact
    np.testing.assert_allclose(relu.predict(x), network.predict(x), rtol=1e-12, atol=1e-12)
    certify(relu)
    if name == "relu":
        polish(network, x, y, lipschitz_price=0.1)
        return
    with pytest.warns(UserWarning, match="was rewritten with relu units"):
        better = polish(network, x, y, lipschitz_price=0.1)
    assert better.objective_["objective"] <= better.objective_["before"]["objective"]


@pytest.mark.parametrize(
    "arguments, what",
    [
        ({}, "given by some of its parts, or in two ways"),
        ({"w": np.ones((1, 1))}, "given by some of its parts, or in two ways"),
        ({"layers": []}, "no layer"),
        ({"layers": [(np.ones((2, 1)), np.zeros(2), "swish")]}, 'no activation "swish"'),
        ({"layers": [(np.ones((2, 1)), np.zeros(2), "relu")]}, "the last layer's activation is relu"),
        ({"layers": [(np.ones((2, 1)), np.zeros(3), "identity")]}, "layer 1 has 3 biases for 2 units"),
        ({"layers": [(np.full((1, 1), np.nan), np.zeros(1), "identity")]}, r"layers\[0\].weights\[0\]\[0\] is NaN"),
        (
            {"layers": [(np.ones((2, 1)), np.zeros(2), "crelu"), (np.ones((1, 2)), np.zeros(1), "identity")]},
            r"layer 2 takes 2 inputs, and layer 1 \(2 units, crelu\) hands on 4",
        ),
        ({"layers": [(np.ones((2, 1)), np.zeros(2), "identity")], "linear": np.ones((1, 1))}, "the linear part is 1 × 1 for 2 outputs"),
    ],
)
def test_what_is_no_network_is_refused(arguments, what):
    with pytest.raises(TautnetError, match=what):
        Network(**arguments)


def test_other_columns_are_refused(rows):
    with pytest.raises(TautnetError, match="the network has 3 inputs but the data has 2 input columns"):
        Network(**parts(["abs"])).predict(rows[0][:, :2])
    with pytest.raises(TautnetError, match=r"layers\[1\] is not a layer"):
        native({"layers": [*parts([])["layers"], "relu"]})
    with pytest.raises(TautnetError, match="`w` is not a part of a network with layers"):
        native({"layers": [], "w": 1})


@pytest.mark.parametrize("hidden, activation, outputs", [((6, 5), "relu", 1), ((6,), "identity", 1), ((4, 3), "tanh", 1), ((4, 5, 6), "relu", 2)])
def test_scikit_learn_networks_of_any_depth(hidden, activation, outputs, rows):
    x, y = rows
    targets = y if outputs == 1 else np.column_stack([y, -y])
    mlp = MLPRegressor(hidden_layer_sizes=hidden, activation=activation, max_iter=50, random_state=0, solver="lbfgs").fit(x, targets)
    network = native(mlp)
    assert [name for _, _, name in network.layers] == [activation] * len(hidden) + ["identity"]
    np.testing.assert_allclose(network.predict(x), mlp.predict(x), rtol=1e-9, atol=1e-9)


def test_another_activation_of_scikit_learn_is_refused(rows):
    mlp = MLPRegressor(hidden_layer_sizes=(3,), activation="logistic", max_iter=5, solver="lbfgs").fit(*rows)
    with pytest.raises(TautnetError, match="activation is `logistic`"):
        native(mlp)


def test_torch_networks_of_any_depth(rows):
    torch = pytest.importorskip("torch")
    x, _ = rows
    torch.manual_seed(0)
    linear = torch.nn.Linear
    layers = [linear(3, 4), torch.nn.ReLU(), linear(4, 4), torch.nn.LeakyReLU(0.3), linear(4, 4), torch.nn.Identity(), linear(4, 2)]
    net = torch.nn.Sequential(*layers).double()
    network = native(net)
    assert [name for _, _, name in network.layers] == ["relu", "leaky-relu:0.3", "identity", "identity"]
    with torch.no_grad():
        np.testing.assert_allclose(network.predict(x), net(torch.as_tensor(x)).numpy(), rtol=1e-12, atol=1e-12)
    # The order is that of the layers, whatever they are called.
    names = dict(zip("zyxwvut", layers, strict=True))
    assert np.array_equal(native(torch.nn.Sequential(torch.nn.modules.container.OrderedDict(names)).double()).predict(x), network.predict(x))
    with pytest.raises(TautnetError, match="has the layers Linear, Sigmoid, Linear"):
        native(torch.nn.Sequential(linear(3, 4), torch.nn.Sigmoid(), linear(4, 1)))


def test_files_of_the_command_line_are_those_of_python(rows, tmp_path):
    made, (x, _) = parts(["abs", "sincos"], 2, True), rows
    network = Network(**made)
    network.save(tmp_path / "n.json")
    assert json.loads((tmp_path / "n.json").read_text())["version"] == 2
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="a,b,c", comments="", fmt="%.17g")
    command = [PROGRAM, "predict", "n.json", "x.csv", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert np.array_equal(json.loads(done.stdout)["predictions"], network.predict(x))


def test_a_model_hands_out_its_network(rows):
    x, y = rows
    fitted = tautnet.LipschitzRegressor(hidden=4, lipschitz_price=0.1, start="random").fit(x, y)
    network = fitted.model_.network(False)
    np.testing.assert_allclose(network.predict(x), fitted.predict(x), rtol=1e-10, atol=1e-10)
    assert network.units == fitted.model_.units
