"""Networks from and for other programs, judged by those programs: onnx, onnxruntime, safetensors, scikit-learn."""
import csv
import json
import pathlib
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "target" / "release" / "tautnet"
INPUTS, UNITS, ROWS = 3, 8, 60

MODEL = {
    "format": "tautnet-model",
    "version": 1,
    "columns": {"inputs": [{"name": "kind", "levels": ["A", "B"]}, {"name": "a"}], "target": "y"},
    "scaler": {"input_mean": [0.5, 0.5, 2], "input_scale": [0.5, 0.5, 1.7], "target_mean": 1000, "target_scale": 300},
    "network": {"w": [[1, 0.1, 1.3], [0.2, 1, -1], [0.4, -0.7, 0.3]], "b": [0.1, 0, 0.2], "v": [2, -1, 0.7], "c": 0.5},
    "settings": {},
    "objective": {},
}


def tautnet(folder, command, status=0):
    done = subprocess.run([PROGRAM, *command.split()], cwd=folder, capture_output=True, text=True)
    assert done.returncode == status, done
    return done.stdout if status == 0 else done.stderr


def network_of(path):
    """The network as JSON, by way of the program."""
    tautnet(path.parent, f"export {path.name} --out {path.name}.as.json --force")
    return json.loads((path.parent / f"{path.name}.as.json").read_text())


MAKES = {
    "identity": lambda h: h,
    "relu": lambda h: np.maximum(h, 0),
    "leaky-relu:0.3": lambda h: np.maximum(h, 0.3 * h),
    "leaky-relu:-0.5": lambda h: np.maximum(h, -0.5 * h),
    "abs": np.abs,
    "crelu": lambda h: np.hstack([np.maximum(h, 0), np.maximum(-h, 0)]),
    "sincos": lambda h: np.hstack([np.sin(h), np.cos(h)]),
    "sine-pair": lambda h: np.hstack([h + np.sin(h), h - np.sin(h)]) / 2,
    "maxmin": lambda h: np.hstack([np.maximum(*np.hsplit(h, 2)), np.minimum(*np.hsplit(h, 2))]),
    "tanh": np.tanh,
}
ACTIVATIONS = list(MAKES)


def values(network, x):
    """All outputs of a network that is JSON, written out."""
    handed_on = x
    for layer in network["layers"]:
        handed_on = MAKES[layer["activation"]](handed_on @ np.array(layer["weights"]).T + np.array(layer["bias"]))
    return handed_on + x @ np.array(network["linear"]).T if "linear" in network else handed_on


def value(network, x):
    return values(network, x)[:, 0]


def run(path, x, outputs=1):
    """What onnxruntime makes of an ONNX file that the checker accepts."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    kind = {"tensor(double)": np.float64, "tensor(float)": np.float32}[given.type]
    (answer,) = session.run(None, {given.name: x.astype(kind)})
    assert answer.shape == (len(x), outputs)
    return answer[:, 0].astype(float) if outputs == 1 else answer.astype(float)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(5)
    return [rng.normal(size=shape).astype(np.float32) for shape in [(INPUTS, UNITS), (UNITS,), (UNITS, 1), (1,)]]


@pytest.fixture
def data(tmp_path):
    """A table that is not standardized, and its inputs."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(ROWS, INPUTS)) * [1, 2, 0.5] + [0, 1, 0]
    y = np.abs(x[:, 0]) + x[:, 1] * 0.5 + 0.1 * rng.normal(size=ROWS)
    with open(tmp_path / "data.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"x{k}" for k in range(INPUTS)] + ["y"])
        writer.writerows([*row, target] for row, target in zip(x, y))
    return x


@pytest.fixture
def model(tmp_path):
    """A polished model with its certificate, a table for it, and the inputs of its network."""
    (tmp_path / "given.json").write_text(json.dumps(MODEL))
    rows = [("A", 0.5), ("B", 1.5), ("B", 3), ("A", 5), ("A", -0.25), ("B", 2.125)]
    lines = "".join(f"{kind},{a},{900 + 100 * a + (50 if kind == 'A' else 0)}\n" for kind, a in rows)
    (tmp_path / "table.csv").write_text("kind,a,y\n" + lines)
    tautnet(tmp_path, "polish given.json table.csv --lipschitz-price 1e-3 --quiet --out model.json")
    return tmp_path, np.array([[kind == "A", kind == "B", a] for kind, a in rows], dtype=float)


@pytest.mark.parametrize("flags", ["", "--scaler folded", "--precision f32", "--scaler folded --precision f32"])
def test_onnxruntime_predicts_what_tautnet_predicts(model, flags):
    folder, x = model
    tautnet(folder, f"export model.json --out model.onnx {flags}")
    own = np.array(json.loads(tautnet(folder, "predict model.json table.csv --json"))["predictions"])
    again = np.array(json.loads(tautnet(folder, "predict model.onnx table.csv --json"))["predictions"])
    theirs = run(folder / "model.onnx", x)
    assert np.abs(again - own).max() <= 1e-6 * np.abs(own).max()
    assert np.abs(theirs - own).max() <= 1e-6 * np.abs(own).max()
    stated = onnx.load(folder / "model.onnx")
    assert stated.opset_import[0].version == 13 and stated.producer_name == "tautnet"
    entries = {entry.key: entry.value for entry in stated.metadata_props}
    assert json.loads(entries["inputs"]) == ["kind=A", "kind=B", "a"] and entries["target"] == "y"


def test_a_kept_model_is_proved_from_its_onnx_file(model):
    folder, _ = model
    tautnet(folder, "export model.json --out model.onnx")
    said = tautnet(folder, "verify model.onnx model.json")
    assert "proved" in said and said == tautnet(folder, "verify model.json model.onnx")
    intervals = "--radius 0.1 --json"
    assert tautnet(folder, f"predict model.onnx table.csv {intervals}") == tautnet(
        folder, f"predict model.json table.csv {intervals}")
    tautnet(folder, "export model.onnx --out back.json")
    assert (folder / "back.json").read_bytes() == (folder / "model.json").read_bytes()


def test_safetensors_of_a_model_are_a_state_dict_for_the_data_as_they_are(model):
    folder, x = model
    tautnet(folder, "export model.json --out model.safetensors")
    own = np.array(json.loads(tautnet(folder, "predict model.json table.csv --json"))["predictions"])
    arrays = load_file(folder / "model.safetensors")
    assert sorted(arrays) == ["0.bias", "0.weight", "2.bias", "2.weight"]
    hidden = np.maximum(x @ arrays["0.weight"].T + arrays["0.bias"], 0)
    theirs = (hidden @ arrays["2.weight"].T + arrays["2.bias"])[:, 0]
    assert np.abs(theirs - own).max() <= 1e-9 * np.abs(own).max()


def keras_like(path, arrays, activation="Relu"):
    w, b, v, c = arrays
    nodes = [
        helper.make_node("MatMul", ["x", "dense/kernel"], ["dense/MatMul"], name="dense/MatMul"),
        helper.make_node("Add", ["dense/MatMul", "dense/bias"], ["dense/Add"], name="dense/Add"),
        helper.make_node(activation, ["dense/Add"], ["dense/act"], name="dense/act"),
        helper.make_node("MatMul", ["dense/act", "out/kernel"], ["out/MatMul"], name="out/MatMul"),
        helper.make_node("Add", ["out/MatMul", "out/bias"], ["y"], name="out/Add"),
    ]
    names = ["dense/kernel", "dense/bias", "out/kernel", "out/bias"]
    graph = helper.make_graph(
        nodes, "keras",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(array, name) for name, array in zip(names, [w, b, v, c])],
    )
    # An older version of the file format, which every onnxruntime reads.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def test_an_onnx_file_is_polished(tmp_path, arrays, data):
    path = tmp_path / "model.onnx"
    keras_like(path, arrays)
    network = network_of(path)
    theirs = run(path, data)
    assert np.abs(value(network, data) - theirs).max() <= 1e-6 * np.abs(theirs).max()
    done = json.loads(tautnet(tmp_path, "polish model.onnx data.csv --no-standardize --quiet --json --out better.onnx"))
    assert done["objective"] < done["before"]["objective"]
    better = run(tmp_path / "better.onnx", data)
    loss = np.mean((better - np.loadtxt(tmp_path / "data.csv", delimiter=",", skiprows=1)[:, -1]) ** 2)
    assert abs(loss - done["loss"]) <= 1e-6 * loss
    assert np.abs(value(network_of(tmp_path / "better.onnx"), data) - better).max() <= 1e-9
    # The certificate is about the weights, whatever the file is called.
    tautnet(tmp_path, "export better.onnx --out better.safetensors")
    tautnet(tmp_path, "certify better.onnx --quiet --norm 2 --certificate proof.json")
    tautnet(tmp_path, "verify proof.json better.safetensors")
    tautnet(tmp_path, "attack better.onnx data.csv --no-standardize --radius 0.1 --nodes 0")


def test_other_activations_are_refused_by_their_node(tmp_path, arrays, data):
    keras_like(tmp_path / "model.onnx", arrays, "Sigmoid")
    said = tautnet(tmp_path, "polish model.onnx data.csv --out better.onnx", status=2)
    assert said.startswith("error: model.onnx: node `dense/act` (Sigmoid): it is an activation that networks here do not have\nhint: ")
    assert not (tmp_path / "better.onnx").exists()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_state_dict_is_polished(tmp_path, arrays, data, kind):
    w, b, v, c = (array.astype(kind) for array in arrays)
    # As torch has them: outputs × inputs.
    state = {"net.0.weight": w.T.copy(), "net.0.bias": b, "net.2.weight": v.T.copy(), "net.2.bias": c}
    save_file(state, tmp_path / "model.safetensors")
    network = network_of(tmp_path / "model.safetensors")
    hidden, last = network["layers"]
    assert np.array_equal(hidden["weights"], w.T.astype(float)) and np.array_equal(last["weights"], v.T.astype(float))
    done = json.loads(tautnet(
        tmp_path, "polish model.safetensors data.csv --no-standardize --quiet --json --out better.safetensors"))
    assert done["objective"] < done["before"]["objective"]
    better = load_file(tmp_path / "better.safetensors")
    assert better["0.weight"].dtype == np.float64 and better["2.weight"].shape[0] == 1


@pytest.mark.parametrize("scaled", [False, True])
def test_scikit_learn_networks_come_by_onnx(tmp_path, data, scaled):
    skl2onnx = pytest.importorskip("skl2onnx")
    neural_network = pytest.importorskip("sklearn.neural_network")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    y = np.loadtxt(tmp_path / "data.csv", delimiter=",", skiprows=1)[:, -1]
    regressor = neural_network.MLPRegressor(hidden_layer_sizes=(UNITS,), max_iter=2000, random_state=0, solver="lbfgs")
    fitted = (make_pipeline(StandardScaler(), regressor) if scaled else regressor).fit(data, y)
    given = [("x", skl2onnx.common.data_types.DoubleTensorType([None, INPUTS]))]
    path = tmp_path / "model.onnx"
    path.write_bytes(skl2onnx.to_onnx(fitted, initial_types=given).SerializeToString())
    network, theirs = network_of(path), fitted.predict(data)
    assert np.abs(value(network, data) - theirs).max() <= 1e-6 * np.abs(theirs).max()
    if not scaled:
        assert np.allclose(network["layers"][0]["weights"], regressor.coefs_[0].T, rtol=1e-7)


def layered(activations, outputs, linear, seed=3):
    """A network of three inputs as JSON."""
    rng = np.random.default_rng(seed)
    layers, width = [], INPUTS
    for activation, units in [*((name, 4) for name in activations), ("identity", outputs)]:
        weights, bias = rng.normal(size=(units, width)), rng.normal(size=units)
        layers.append({"weights": weights.tolist(), "bias": bias.tolist(), "activation": activation})
        width = MAKES[activation](np.zeros((1, units))).shape[1]
    network = {"format": "tautnet network", "version": 2, "layers": layers}
    return {**network, "linear": rng.normal(size=(outputs, INPUTS)).tolist()} if linear else network


@pytest.mark.parametrize("outputs, linear", [(1, False), (1, True), (3, False), (3, True)])
@pytest.mark.parametrize("activations", [[], *([name] for name in ACTIVATIONS), ["relu"] * 3, ACTIVATIONS])
def test_onnxruntime_predicts_what_every_network_predicts(tmp_path, activations, outputs, linear):
    network = layered(activations, outputs, linear)
    (tmp_path / "net.json").write_text(json.dumps(network))
    x = np.random.default_rng(4).normal(size=(20, INPUTS))
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="a,b,c", comments="", fmt="%.17g")
    exact = values(network, x)
    own = np.array(json.loads(tautnet(tmp_path, "predict net.json x.csv --json"))["predictions"]).reshape(20, outputs)
    assert np.abs(own - exact).max() <= 1e-12 * (1 + np.abs(exact).max())
    for flags, slack in [("", 1e-12), ("--precision f32", 1e-4)]:
        tautnet(tmp_path, f"export net.json --out net.onnx --force {flags}")
        theirs = run(tmp_path / "net.onnx", x, outputs).reshape(20, outputs)
        assert np.abs(theirs - exact).max() <= slack * (1 + np.abs(exact).max())
        back = network_of(tmp_path / "net.onnx")
        assert np.abs(values(rounded(back), x) - exact).max() <= slack * (1 + np.abs(exact).max())
    tautnet(tmp_path, "export net.json --out net.safetensors")
    assert network_of(tmp_path / "net.safetensors") == network
    assert ("linear_part.weight" in load_file(tmp_path / "net.safetensors")) == linear


def rounded(network):
    """The network with the names of its activations as they are above: single precision changes their numbers."""
    def name(activation):
        kind, _, number = activation.partition(":")
        return f"{kind}:{round(float(number), 6):g}" if number else kind

    layers = [{**layer, "activation": name(layer["activation"])} for layer in network["layers"]]
    return {**network, "layers": layers}


def test_a_leaky_relu_of_another_program_is_read(tmp_path, arrays, data):
    keras_like(tmp_path / "model.onnx", arrays, "LeakyRelu")
    network = network_of(tmp_path / "model.onnx")
    assert network["layers"][0]["activation"] == f"leaky-relu:{float(np.float32(0.01))!r}"
    tautnet(tmp_path, "export model.onnx --relu --out relu.onnx")
    theirs = run(tmp_path / "model.onnx", data)
    assert np.abs(run(tmp_path / "relu.onnx", data) - theirs).max() <= 1e-5 * np.abs(theirs).max()
    # Of the network as it is there is the product of norms; in relu units it has the other bounds too, and both are above what is found.
    as_it_is, in_relu = (json.loads(tautnet(tmp_path, f"certify {name}.onnx --norm 2 --quiet --json")) for name in ("model", "relu"))
    assert as_it_is["found"] <= as_it_is["trivial_bound"]
    assert as_it_is["found"] <= in_relu["lipschitz"] * (1 + 1e-6)


# Not with several targets: skl2onnx makes one column of them, and so mixes the rows.
@pytest.mark.parametrize("layers, activation", [((6, 5), "relu"), ((6,), "identity"), ((6, 5, 4), "relu")])
def test_deep_scikit_learn_networks_come_by_onnx(tmp_path, data, layers, activation):
    skl2onnx = pytest.importorskip("skl2onnx")
    neural_network = pytest.importorskip("sklearn.neural_network")
    y = np.loadtxt(tmp_path / "data.csv", delimiter=",", skiprows=1)[:, -1]
    regressor = neural_network.MLPRegressor(
        hidden_layer_sizes=layers, activation=activation, max_iter=200, random_state=0, solver="lbfgs")
    fitted = regressor.fit(data, y)
    given = [("x", skl2onnx.common.data_types.DoubleTensorType([None, INPUTS]))]
    (tmp_path / "model.onnx").write_bytes(skl2onnx.to_onnx(fitted, initial_types=given).SerializeToString())
    theirs = fitted.predict(data)
    assert np.abs(value(network_of(tmp_path / "model.onnx"), data) - theirs).max() <= 1e-5 * np.abs(theirs).max()
