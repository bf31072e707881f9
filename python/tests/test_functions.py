"""Networks from elsewhere: polished, bounded, attacked, and written back."""
import json
import subprocess
from collections import OrderedDict

import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.neural_network import MLPClassifier, MLPRegressor

import tautnet
from conftest import PROGRAM, ROOT
from tautnet import LipschitzRegressor, NotProved, TautnetError, attack, certify, polish, verify, write_weights


@pytest.fixture(scope="module")
def friedman():
    X, y = make_friedman1(300, n_features=5, noise=0.5, random_state=0)
    return X[:200], y[:200], X[200:], y[200:]


@pytest.fixture(scope="module")
def mlp(friedman):
    X, y, _, _ = friedman
    return MLPRegressor(hidden_layer_sizes=(30,), solver="lbfgs", max_iter=200, random_state=0).fit(X, y)


def torch_like(mlp):
    """A torch Sequential as far as tautnet looks at one."""

    class Tensor:
        def __init__(self, array):
            self.array = np.asarray(array, dtype=np.float32)

        def detach(self):
            return self

        cpu = double = detach

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.array, dtype=dtype)

        def new_tensor(self, values):
            return Tensor(values)

        def copy_(self, other):
            self.array[...] = other.array

    names = ["0.weight", "0.bias", "2.weight", "2.bias"]
    (w, v), (b, c) = mlp.coefs_, mlp.intercepts_
    state = OrderedDict(zip(names, map(Tensor, (w.T, b, v.T, c))))

    class Linear:
        pass

    class ReLU:
        pass

    class Sequential:
        def children(self):
            return [Linear(), ReLU(), Linear()]

        def state_dict(self):
            return state

        def __call__(self, X):
            w, b, v, c = (np.asarray(state[name], dtype=np.float64) for name in names)
            return (np.maximum(X @ w.T + b, 0.0) @ v.T + c)[:, 0]

    return Sequential()


def arrays(mlp):
    (w, v), (b, c) = mlp.coefs_, mlp.intercepts_
    return {"w": w.T, "b": b, "v": v[:, 0], "c": c[0]}


def network_file(mlp, path):
    parts = {key: np.asarray(value).tolist() for key, value in arrays(mlp).items()}
    path.write_text(json.dumps(parts))
    return path


@pytest.mark.parametrize("kind", ["mlp", "torch", "arrays", "state", "file"])
def test_a_network_from_elsewhere_is_polished(kind, mlp, friedman, tmp_path):
    X, y, held_out, truth = friedman
    network = {
        "mlp": mlp,
        "torch": torch_like(mlp),
        "arrays": arrays(mlp),
        "state": torch_like(mlp).state_dict(),
        "file": network_file(mlp, tmp_path / "net.json"),
    }[kind]
    better = polish(network, X, y, lipschitz_price=0.02)
    before, after = better.objective_["before"], better.objective_
    assert after["objective"] <= before["objective"] and after["lipschitz"] < before["lipschitz"]
    # The objective is told about this very network: its loss, in standardized units, is that of its predictions.
    assert before["loss"] * y.var() == pytest.approx(np.mean((mlp.predict(X) - y) ** 2), rel=1e-5)
    assert after["loss"] * y.var() == pytest.approx(np.mean((better.predict(X) - y) ** 2), rel=1e-9)
    # How good scikit-learn's network is, differs between machines; the polish costs little of it, whatever it is.
    assert better.score(held_out, truth) > mlp.score(held_out, truth) - 0.05


def test_units_may_be_those_of_the_data(mlp, friedman):
    X, y, _, _ = friedman
    better = polish(mlp, X, y, lipschitz_price=0.1, standardize=False)
    before = better.objective_["before"]
    assert before["loss"] == pytest.approx(np.mean((mlp.predict(X) - y) ** 2), rel=1e-9)
    assert better.certificate_.lipschitz_upper_bound == pytest.approx(better.objective_["lipschitz"], rel=1e-6)


def test_weights_go_back(mlp, friedman):
    X, y, held_out, _ = friedman
    better = polish(mlp, X, y)
    other = torch_like(mlp)
    again = MLPRegressor(hidden_layer_sizes=(30,), max_iter=1, random_state=0).fit(X, y)
    assert write_weights(better, again) is again
    np.testing.assert_allclose(again.predict(held_out), better.predict(held_out), rtol=1e-6)
    write_weights(better, other)
    np.testing.assert_allclose(other(held_out), better.predict(held_out), rtol=1e-4)
    # There and back: the same network.
    there, here = tautnet._networks.native(again).weights(), better.weights()
    for part in "wbv":
        assert np.array_equal(there[part][: len(here[part])], here[part]) and not there[part][len(here[part]) :].any()


def test_layers_are_found_by_their_shapes(mlp, friedman):
    """The output layer may come first; weights are read from the right ones, and go back to them."""
    X, y, held_out, _ = friedman
    net = torch_like(mlp)
    state = net.state_dict()
    for key in ("0.weight", "0.bias"):
        state.move_to_end(key)
    better = polish(net, X, y)
    assert better.objective_["before"]["loss"] * y.var() == pytest.approx(np.mean((mlp.predict(X) - y) ** 2), rel=1e-5)
    write_weights(better, net)
    assert np.allclose(net(held_out), better.predict(held_out), rtol=1e-5)


def test_a_live_torch_network(friedman):
    torch = pytest.importorskip("torch")
    X, y, held_out, _ = friedman
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 12), torch.nn.ReLU(), torch.nn.Linear(12, 1))
    better = polish(net, X, y)
    assert better.objective_["objective"] <= better.objective_["before"]["objective"]
    write_weights(better, net)
    with torch.no_grad():
        there = net(torch.as_tensor(held_out, dtype=torch.float32)).numpy()[:, 0]
    np.testing.assert_allclose(there, better.predict(held_out), rtol=1e-4)


def test_a_model_is_polished_in_its_own_units(table, fitted):
    X, y = table
    better = polish(fitted, X, y, lipschitz_price=0.3)
    assert better.objective_["before"]["lipschitz"] == pytest.approx(fitted.objective_["lipschitz"], rel=1e-6)
    assert better.certificate_.lipschitz_upper_bound < fitted.certificate_.lipschitz_upper_bound


def test_the_objective_is_that_of_the_command_line(tmp_path):
    network, data = ROOT / "examples" / "rastrigin-network.json", ROOT / "examples" / "rastrigin.csv"
    command = [PROGRAM, "polish", network, data, "--no-standardize", "--lipschitz-price", "1", "--json"]
    theirs = json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)
    table = np.loadtxt(data, delimiter=",", skiprows=1)
    ours = polish(network, table[:, :-1], table[:, -1], lipschitz_price=1, standardize=False).objective_
    for key in ("objective", "loss", "lipschitz", "decay", "iterations"):
        assert ours[key] == theirs[key], key


def test_found_is_at_most_proved(table, fitted, mlp, friedman):
    for network, X, y in [(fitted, *table), (mlp, *friedman[:2])]:
        for norm in ("2", "inf"):
            result = attack(network, X[:40], y[:40], [0.0, 0.1, 0.3], norm=norm, restarts=1)
            assert (result.found <= result.proved * (1 + 1e-12)).all()
            assert (result.proved <= result.ceiling * (1 + 1e-12)).all()
            assert (np.diff(result.found) >= 0).all() and result.norm == norm and result.rows == 40
        clean = np.mean((network.predict(X[:40]) - y[:40]) ** 2)
        assert result.found[0] == pytest.approx(clean, rel=1e-9)


def test_bounds_are_in_order(table, fitted, mlp):
    for network in (fitted, mlp):
        for norm in ("2", "inf", "1"):
            bounds = certify(network, table[0] if network is fitted else None, norm=norm)
            assert 0 < bounds.found <= bounds.proved <= bounds.path_norm * (1 + 1e-9)
            assert "proved" in str(bounds)
            verify(bounds.certificate, network)
    small = tautnet.LipschitzRegressor(hidden=5, lipschitz_price=0.1).fit(*table)
    bounds = certify(small, table[0], exact=True)
    assert bounds.exact_closed and bounds.exact[0] <= bounds.exact[1] <= bounds.proved * (1 + 1e-9)
    assert bounds.local <= bounds.proved * (1 + 1e-6) and bounds.found_at.shape == (3,)


def test_certificates_travel(fitted, mlp, tmp_path):
    certificate = fitted.certificate_
    certificate.save(tmp_path / "c.json")
    fitted.save(tmp_path / "m.json")
    for given in (certificate, certificate.to_json(), tmp_path / "c.json", tmp_path / "m.json"):
        for network in (fitted, tmp_path / "m.json"):
            assert verify(given, network) == certificate
    done = subprocess.run([str(PROGRAM), "verify", str(tmp_path / "c.json"), str(tmp_path / "m.json")], capture_output=True)
    assert done.returncode == 0
    with pytest.raises(NotProved):
        verify(certificate, mlp)
    damaged = json.loads(certificate.to_json())
    damaged["standardized"]["bound"] *= 0.5
    with pytest.raises(NotProved):
        verify(json.dumps(damaged).encode(), fitted)
    with pytest.raises(TautnetError):
        verify(b"{}", fitted)


def test_what_is_no_network_is_refused(mlp, friedman):
    X, y, _, _ = friedman
    two = MLPRegressor(hidden_layer_sizes=(4, 4), max_iter=1).fit(X, y)
    tanh = MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", max_iter=1).fit(X, y)
    wide = MLPRegressor(hidden_layer_sizes=(4,), max_iter=1).fit(X, np.c_[y, y])
    for network, what in [
        (wide, "`polish` takes networks with one output; this one has one hidden layer of 4 units, relu, 2 outputs"),
        ({"0.weight": np.ones((2, 5)), "0.bias": np.zeros(2)}, "`polish` takes networks with one output; this one has no hidden layer, 2 outputs"),
        ({"0.weight": np.ones((2, 5)), "1.running_mean": np.zeros(2)}, "the state: `1.running_mean` is neither"),
        (MLPRegressor(), "this MLPRegressor has no network"),
        (3, "a int is not a network"),
        ({"w": [[1.0]], "b": [0.0]}, "the network has no `v`"),
        ({"w": [1.0], "b": [0.0], "v": [1.0]}, "the network's `w` has 1 dimensions"),
        ({"w": [["a"]], "b": [0.0], "v": [1.0]}, "the network's `w` is not an array of numbers"),
        ({"w": [[1.0]], "b": [0.0, 1.0], "v": [1.0]}, "the network's `b` has 2 entries but `w` has 1 rows"),
        ({"w": [[np.nan]], "b": [0.0], "v": [1.0]}, "the network's w[0][0] is NaN"),
        ({"w": [[1.0, 2.0]], "b": [0.0], "v": [1.0]}, "the network has 2 inputs but the data has 5 input columns"),
    ]:
        with pytest.raises(TautnetError) as raised:
            polish(network, X, y)
        assert raised.value.what.startswith(what) and raised.value.hint
    for deep in (two, tanh):
        with pytest.raises(TautnetError, match="`decay` is not about deep networks, and this one has"):
            polish(deep, X, y, decay=0.1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("names", [["no", "yes"], [3, 5, 8], ["a", "b", "c"]])
def test_a_network_alone_is_polished_for_classes(friedman, tmp_path, names):
    """A file knows no classes: they are those of y, in their order."""
    X, y, _, _ = friedman
    labels = np.array(names)[np.digitize(y, np.quantile(y, np.linspace(0, 1, len(names) + 1)[1:-1]))]
    mlp = MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=40, alpha=1.0, random_state=0).fit(X, labels)
    path = tmp_path / "classes.onnx"
    tautnet.Network.from_scikit_learn(mlp.coefs_, mlp.intercepts_, "relu").save(path)
    loss = {} if len(names) > 2 else {"loss": "logistic"}  # a single output may be a number, too
    from_file, from_estimator = (polish(network, X, labels, tolerance="0.05sd", **loss) for network in (path, mlp))
    assert isinstance(from_file, tautnet.LipschitzClassifier) and from_file.classes_.tolist() == names
    assert from_file.model_.to_json() == from_estimator.model_.to_json()
    assert from_file.score(X, labels) > 0.6
    certain = from_file.predict_certain(X)[1]
    assert certain.dtype == bool and 0 < certain.sum() <= len(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classes_that_do_not_fit_the_outputs_are_refused(friedman):
    X, y, _, _ = friedman
    three = np.digitize(y, np.quantile(y, [0.3, 0.6]))
    mlp = MLPClassifier(hidden_layer_sizes=(8,), max_iter=20, random_state=0).fit(X, three)
    network = tautnet.Network.from_scikit_learn(mlp.coefs_, mlp.intercepts_, "relu")
    with pytest.raises(TautnetError):
        polish(network, X, np.minimum(three, 1), tolerance="0.05sd")
    with pytest.raises(TautnetError, match="only one class"):
        polish(network, X, np.zeros(len(X), dtype=int), tolerance="0.05sd")
    with pytest.raises(TautnetError, match="takes networks with one output"):
        polish(network, X, y, tolerance="0.05sd")
    with pytest.raises(ValueError, match="Unknown label type"):
        polish(network, X, y, tolerance="0.05sd", loss="logistic")
    one = MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, random_state=0).fit(X, y)
    with pytest.raises(TautnetError):
        polish(one, X, three, tolerance="0.05sd", loss="logistic")


def test_the_search_for_gradients_has_a_budget(fitted, table, tmp_path):
    """As the command has it: `--evaluations`."""
    X, _ = table
    network = tmp_path / "model.json"
    fitted.save(network)
    for evaluations in (1, 40, 100_000):
        bounds = certify(fitted, evaluations=evaluations, norm="2")
        command = [str(PROGRAM), "certify", str(network), "--norm", "2", "--evaluations", str(evaluations), "--json"]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        found = [bound["value"] for bound in told["bounds"] if bound["name"] == "largest gradient found"]
        assert [bounds.found] == found and bounds.found <= bounds.proved
    assert certify(fitted, evaluations=1).found <= certify(fitted).found
    for wrong in (0, -1, 2**32, 1.5, "many", True):
        with pytest.raises(TautnetError, match=r"`evaluations` is .*\n.*a whole number from 1 to"):
            certify(fitted, evaluations=wrong)
    deep = LipschitzRegressor(layers=(4, 3), epochs=2).fit(X, X[:, 0])
    with pytest.raises(TautnetError, match="`evaluations` is for the search of networks with one hidden layer"):
        certify(deep, evaluations=5)
