"""Networks of other programs: read, polished on rows of real data, and carried back."""
import csv
import importlib.util
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

import tautnet
from conftest import PROGRAM, ROOT
from tautnet import LipschitzRegressor, TautnetError, certify, polish, write_weights
from tautnet._networks import native

PRICE = 0.03
CLOSE = 1e-6


def data_file(name):
    if name == "machine":
        return ROOT / "crates" / "tables" / "src" / "data" / "machine.csv"
    folder = pathlib.Path(os.environ.get("TAUTNET_DATA", "/none"))
    places = [folder / f"{name}.csv", folder / "uci" / f"{name}.csv"]
    return next((place for place in places if place.exists()), None)


@pytest.fixture(scope="module", params=["machine", "servo", "wine_quality_red"])
def split(request):
    """Standardized columns, words as zeros and ones: rows to learn from, and rows held out."""
    path = data_file(request.param)
    if path is None:
        pytest.skip(f"{request.param} is not in TAUTNET_DATA")
    columns = list(zip(*csv.reader(path.read_text().splitlines()[1:])))
    parts = []
    for cells in columns:
        try:
            parts.append(np.array(cells, float))
        except ValueError:
            parts += [np.array([cell == word for cell in cells], float) for word in sorted(set(cells))]
    table = np.stack(parts, axis=1)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    rows = np.random.default_rng(0).permutation(len(table))
    learned, held_out = table[rows[len(rows) // 5 :]], table[rows[: len(rows) // 5]]
    return learned[:, :-1], learned[:, -1], held_out[:, :-1], held_out[:, -1]


@pytest.fixture(scope="module")
def mlp(split):
    X, y, _, _ = split
    return MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", max_iter=100, random_state=0).fit(X, y)


def outputs(network, X):
    """What the network says, from its arrays."""
    parts = network.weights() if isinstance(network, tautnet.Network) else network.weights(False)
    return np.maximum(X @ parts["w"].T + parts["b"], 0.0) @ parts["v"] + parts["c"]


def objective(network, X, y):
    """The objective, recomputed: nothing that the polish said is used."""
    return np.mean((outputs(native(network), X) - y) ** 2) + PRICE * certify(network).lipschitz_upper_bound


def same(one, other):
    np.testing.assert_allclose(one, other, rtol=CLOSE, atol=CLOSE)


def polished(network, X, y):
    better = polish(network, X, y, lipschitz_price=PRICE, standardize=False)
    before, after = objective(network, X, y), objective(better, X, y)
    assert after <= before * (1 + 1e-9)
    assert better.objective_["objective"] == pytest.approx(after, rel=1e-5)
    assert better.objective_["before"]["objective"] == pytest.approx(before, rel=1e-5)
    same(outputs(better.model_, X), better.predict(X))
    return better


def run_onnx(path, X):
    """What onnxruntime says; None where it is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return session.run(None, {given.name: X.astype(np.float64)})[0].reshape(-1)


def test_an_mlp(mlp, split):
    X, y, held_out, _ = split
    same(outputs(native(mlp), held_out), mlp.predict(held_out))
    better = polished(mlp, X, y)
    expected = better.predict(held_out)
    again = MLPRegressor(hidden_layer_sizes=(20,), max_iter=1, random_state=0).fit(X, y)
    same(write_weights(better, again).predict(held_out), expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("writer", ["tautnet", "skl2onnx"])
def test_an_onnx_file(mlp, split, tmp_path, writer):
    X, y, held_out, _ = split
    path = tmp_path / "network.onnx"
    if writer == "tautnet":
        native(mlp).save(path)
    else:
        skl2onnx = pytest.importorskip("skl2onnx")
        given = [("x", skl2onnx.common.data_types.DoubleTensorType([None, X.shape[1]]))]
        path.write_bytes(skl2onnx.to_onnx(mlp, initial_types=given).SerializeToString())
    same(outputs(tautnet._tautnet.read(path), held_out), mlp.predict(held_out))
    better = polished(path, X, y)
    there_and_back(better, held_out, tmp_path)


@pytest.mark.parametrize("single", [False, True])
def test_a_torch_sequential(split, tmp_path, single):
    torch = pytest.importorskip("torch")
    X, y, held_out, _ = split
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(X.shape[1], 20), torch.nn.ReLU(), torch.nn.Linear(20, 1))
    kind = torch.float32 if single else torch.float64
    net.to(kind)
    rows, truth = torch.as_tensor(X, dtype=kind), torch.as_tensor(y, dtype=kind)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(rows)[:, 0], truth).backward()
        optimizer.step()

    def predicted():
        # In double precision also where the weights are single: the weights are compared, not torch's rounding.
        with torch.no_grad():
            return net.double()(torch.as_tensor(held_out)).numpy()[:, 0]

    before = outputs(native(net), held_out)
    same(before, predicted())
    net.to(kind)
    better = polished(net, X, y)
    write_weights(better, net)
    if single:  # single precision on the way
        np.testing.assert_allclose(predicted(), better.predict(held_out), rtol=1e-5, atol=1e-5)
    else:
        same(predicted(), better.predict(held_out))
    there_and_back(better, held_out, tmp_path)


def there_and_back(better, rows, folder):
    """A model through every format, and weights alone through every format."""
    expected = better.predict(rows)
    for name in ("model.json", "model.onnx", "model.safetensors"):
        better.save(folder / name)
        again = LipschitzRegressor.load(folder / name)
        same(again.predict(rows), expected)
        assert again.certificate_ == better.certificate_
    weights = tautnet.Network(*(better.weights()[part] for part in "wbvc"))
    for name in ("weights.json", "weights.onnx", "weights.safetensors"):
        weights.save(folder / name)
        same(outputs(native(folder / name), rows), expected)
    for name in ("model.onnx", "weights.onnx"):
        theirs = run_onnx(folder / name, rows)
        if theirs is not None:
            same(theirs, expected)


def test_what_is_written_as_asked(fitted, table, tmp_path):
    X, _ = table
    fitted.save(tmp_path / "model.onnx")
    with pytest.raises(TautnetError, match="exists already"):
        fitted.save(tmp_path / "model.onnx")
    command = [str(PROGRAM), "verify", "model.onnx", "model.onnx"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    assert tautnet.verify(tmp_path / "model.onnx", fitted) == fitted.certificate_
    with pytest.warns(UserWarning, match="the certificate is about other weights"):
        fitted.save(tmp_path / "small.onnx", scaler="folded", precision="f32")
    small = LipschitzRegressor.load(tmp_path / "small.onnx")
    np.testing.assert_allclose(small.predict(X), fitted.predict(X), rtol=1e-4)
    assert small.model_.scaler()["target_scale"] == 1.0
    with pytest.raises(TautnetError, match="has no certificate"):
        tautnet.verify(tmp_path / "small.onnx", fitted)
    for asked, what in [({"scaler": "both"}, "no choice for the scaler called `both`"), ({"precision": "f16"}, "no precision called `f16`")]:
        with pytest.raises(TautnetError, match=what):
            fitted.save(tmp_path / "new.onnx", **asked)
    assert not (tmp_path / "new.onnx").exists()


def test_more_effort(table, tmp_path):
    X, y = table
    usual = LipschitzRegressor(hidden=6, lipschitz_price=0.1, start="random").fit(X, y)
    more = LipschitzRegressor(hidden=6, lipschitz_price=0.1, start="random", effort="high").fit(X, y)
    assert more.objective_["objective"] <= usual.objective_["objective"]
    settings = json.loads(more.model_.settings)
    assert (settings["method"], settings["effort"]) == ("walk", "high")
    more.save(tmp_path / "model.json")
    assert LipschitzRegressor.load(tmp_path / "model.json").get_params()["effort"] == "high"
