//! The arrays of other programs' networks.
//!
//! | program | weights of a layer | in this program |
//! |---|---|---|
//! | torch, `Linear.weight` | units × inputs | as they are |
//! | scikit-learn, `coefs_` | inputs × units | transposed |
//!
//! A torch `state_dict` is a list of named tensors. `Sequential(Linear, ReLU, Linear)` calls them `0.weight`, `0.bias`,
//! `2.weight`, `2.bias`; other modules put other names before the dot. Which layer comes first is decided by the order of the
//! names and by the shapes: names that fit in no order of their own, but in the opposite one, are taken in that. A linear part
//! is `linear_part.weight`.

use faer::{Mat, MatRef};
use std::cmp::Ordering;
use tautnet::activation::Activation;
use tautnet::error::{Error, Result};
use tautnet::network::{self, Network};

/// A named array.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The key of the tensor.
    pub name: String,
    /// The shape of the tensor.
    pub shape: Vec<usize>,
    /// The numbers of the tensor, the last index running fastest.
    pub values: Vec<f64>,
}

const HINT: &str = "a network is linear layers: `0.weight` (units × inputs), `0.bias`, `2.weight` (outputs × units), \
                    `2.bias` and so on, or other names before the dot";
/// The name of the linear part.
const LINEAR_PART: &str = "linear_part.weight";

/// A linear layer: a weight and, where it has one, a bias.
struct Layer<'a> {
    weight: &'a Tensor,
    bias: Option<&'a Tensor>,
}

impl Layer<'_> {
    fn rows(&self) -> usize {
        self.weight.shape[0]
    }

    fn columns(&self) -> usize {
        self.weight.shape[1]
    }

    fn with(&self, activation: Activation) -> network::Layer {
        let bias = self.bias.map_or_else(|| vec![0.0; self.rows()], |bias| bias.values.clone());
        network::Layer::new(matrix(self.weight), bias, activation)
    }
}

fn matrix(tensor: &Tensor) -> Mat<f64> {
    Mat::from_fn(tensor.shape[0], tensor.shape[1], |i, k| tensor.values[i * tensor.shape[1] + k])
}

/// The network of a torch `state_dict` with relu between the layers; `source` is what messages call it. A layer without a bias
/// has bias 0.
pub fn network_from_state_dict(tensors: &[Tensor], source: &str) -> Result<Network> {
    network_with_activations(tensors, None, source)
}

/// The same with the activations of the hidden layers, first to last, where they are known: tensors do not tell them.
pub fn network_with_activations(
    tensors: &[Tensor],
    activations: Option<&[Activation]>,
    source: &str,
) -> Result<Network> {
    let refuse = |what: String| Error::new(format!("{source}: {what}"), HINT);
    if tensors.len() > 1000 {
        return Err(refuse(format!("it has {} tensors, too many for a network", tensors.len())));
    }
    for tensor in tensors {
        let Tensor { name, shape, values } = tensor;
        let due = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
        if due != Some(values.len()) {
            return Err(refuse(format!("`{name}` has shape {shape:?} but {} numbers", values.len())));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::new(
                format!("{source}: `{name}` holds {} at place {at}", values[at]),
                "every weight must be a finite number",
            ));
        }
        let (dimensions, due) = match name.rsplit('.').next() {
            Some("weight") => (2, "two numbers are"),
            Some("bias") => (1, "one number is"),
            _ => return Err(refuse(format!("`{name}` is neither a weight nor a bias"))),
        };
        if shape.len() != dimensions {
            return Err(refuse(format!("`{name}` has shape {shape:?} where {due} due")));
        }
    }
    let prefix = |tensor: &Tensor| tensor.name.rsplit_once('.').map_or(String::new(), |(prefix, _)| prefix.to_owned());
    let linear = tensors.iter().find(|tensor| tensor.name == LINEAR_PART);
    let tensors = || tensors.iter().filter(|tensor| tensor.name != LINEAR_PART);
    let is_weight = |tensor: &&Tensor| tensor.shape.len() == 2;
    let mut layers = Vec::new();
    for weight in tensors().filter(is_weight) {
        let mut own = tensors().filter(|tensor| !is_weight(tensor) && prefix(tensor) == prefix(weight));
        let bias = own.next();
        if let Some(bias) = bias
            && bias.shape[0] != weight.shape[0]
        {
            return Err(refuse(format!(
                "`{}` has {} entries but `{}` has {} rows",
                bias.name, bias.shape[0], weight.name, weight.shape[0]
            )));
        }
        layers.push(Layer { weight, bias });
    }
    let weights = || layers.iter().map(|layer| prefix(layer.weight)).collect::<Vec<_>>();
    if let Some(alone) = tensors().find(|tensor| !is_weight(tensor) && !weights().contains(&prefix(tensor))) {
        return Err(refuse(format!("`{}` is a bias without a weight", alone.name)));
    }
    layers.sort_by(|a, b| natural(&a.weight.name, &b.weight.name));
    let shapes = |layers: &[Layer<'_>]| {
        let each = layers.iter().map(|layer| format!("`{}` {:?}", layer.weight.name, layer.weight.shape));
        each.collect::<Vec<_>>().join(", ")
    };
    if layers.is_empty() {
        return Err(refuse("there is no weight in it".into()));
    }
    let hidden = layers.len() - 1;
    if let Some(activations) = activations.filter(|activations| activations.len() != hidden) {
        return Err(refuse(format!("it has {hidden} hidden layers and {} activations", activations.len())));
    }
    let activation = |l: usize| match activations {
        Some(activations) => activations[l].clone(),
        None => Activation::relu(),
    };
    let chains = |layers: &[Layer<'_>]| {
        let hands_on = |l: usize| layers[l].rows() * activation(l).branches();
        (0..hidden).all(|l| layers[l + 1].columns() == hands_on(l))
    };
    let to_one = |layers: &[Layer<'_>]| chains(layers) && layers[hidden].rows() == 1;
    // The order of the names, and otherwise the opposite one. Where both would do, one output decides.
    let in_order = chains(&layers);
    if !to_one(&layers) {
        layers.reverse();
        if !to_one(&layers) && (in_order || !chains(&layers)) {
            layers.reverse();
        }
    }
    if !chains(&layers) {
        return Err(refuse(format!("the layers do not follow each other: {}", shapes(&layers))));
    }
    let last = |l: usize| l == hidden;
    let all = layers.iter().enumerate();
    let all = all.map(|(l, layer)| layer.with(if last(l) { Activation::identity() } else { activation(l) })).collect();
    Network::new(all, linear.map(matrix)).map_err(|error| Error::new(format!("{source}: {}", error.what), error.hint))
}

/// The `state_dict` of `Sequential(Linear, ReLU, Linear, …)`, and the linear part where there is one.
pub fn network_to_state_dict(network: &Network) -> Vec<Tensor> {
    let tensor = |name: String, shape: Vec<usize>, values| Tensor { name, shape, values };
    let numbers = |matrix: &Mat<f64>| {
        let entries = (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |k| (i, k)));
        entries.map(|at| matrix[at]).collect::<Vec<_>>()
    };
    let mut tensors = Vec::new();
    for (l, layer) in network.layers().iter().enumerate() {
        let shape = vec![layer.units(), layer.inputs()];
        tensors.push(tensor(format!("{}.weight", 2 * l), shape, numbers(layer.weights())));
        tensors.push(tensor(format!("{}.bias", 2 * l), vec![layer.units()], layer.bias().to_vec()));
    }
    if let Some(linear) = network.linear() {
        tensors.push(tensor(LINEAR_PART.into(), vec![linear.nrows(), linear.ncols()], numbers(linear)));
    }
    tensors
}

/// The network of a fitted scikit-learn `MLPRegressor`: its `coefs_`, its `intercepts_` and its `activation`.
pub fn network_from_scikit_learn(
    coefs: &[MatRef<'_, f64>],
    intercepts: &[&[f64]],
    activation: &str,
) -> Result<Network> {
    // What both know has one name.
    let of_hidden: Activation = activation.parse().map_err(|_| {
        Error::new(
            format!("the MLPRegressor's activation is `{activation}`"),
            "fit it with activation=\"relu\", \"tanh\" or \"identity\": networks here have no other of its activations",
        )
    })?;
    if coefs.is_empty() || coefs.len() != intercepts.len() {
        return Err(Error::new(
            format!("coefs_ has {} arrays and intercepts_ {}", coefs.len(), intercepts.len()),
            "give the `coefs_` and the `intercepts_` of a fitted MLPRegressor, one of each a layer",
        ));
    }
    let last = coefs.len() - 1;
    for (l, (coefs_of, intercepts)) in coefs.iter().zip(intercepts).enumerate() {
        let before = if l == 0 { coefs_of.nrows() } else { coefs[l - 1].ncols() };
        if coefs_of.nrows() != before || coefs_of.ncols() != intercepts.len() {
            return Err(Error::new(
                format!(
                    "coefs_[{l}] is {} × {}, intercepts_[{l}] has {} entries, and the layer before hands on {before}",
                    coefs_of.nrows(),
                    coefs_of.ncols(),
                    intercepts.len()
                ),
                "give the `coefs_` and the `intercepts_` of one fitted MLPRegressor",
            ));
        }
    }
    let layers = coefs.iter().zip(intercepts).enumerate().map(|(l, (coefs, intercepts))| {
        let weights = Mat::from_fn(coefs.ncols(), coefs.nrows(), |i, k| coefs[(k, i)]);
        let activation = if l == last { Activation::identity() } else { of_hidden.clone() };
        network::Layer::new(weights, intercepts.to_vec(), activation)
    });
    Network::new(layers.collect(), None)
}

/// Names in the order that people mean: `2` before `10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (of_a, of_b) = (digits(a), digits(b));
        if of_a > 0 && of_b > 0 {
            let (x, y) = (a[..of_a].trim_start_matches('0'), b[..of_b].trim_start_matches('0'));
            match x.len().cmp(&y.len()).then(x.cmp(y)) {
                Ordering::Equal => (a, b) = (&a[of_a..], &b[of_b..]),
                order => return order,
            }
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (Some(x), Some(y)) if x == y => (a, b) = (rest_a.as_str(), rest_b.as_str()),
            (x, y) => return x.cmp(&y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tautnet::Shallow;

    fn network() -> Network {
        let w = Mat::from_fn(3, 2, |i, k| 0.1 + i as f64 - 2.0 * k as f64);
        Shallow::new(w, vec![0.5, -1.0, 0.25], vec![1.0, -2.0, 3.0], 0.7).unwrap().into()
    }

    fn renamed(names: [&str; 4]) -> Vec<Tensor> {
        let named = network_to_state_dict(&network()).into_iter().zip(names);
        named.map(|(tensor, name)| Tensor { name: name.into(), ..tensor }).collect()
    }

    #[test]
    fn layers_are_found_whatever_they_are_called() {
        for names in [
            ["0.weight", "0.bias", "2.weight", "2.bias"],
            ["net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias"],
            ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"],
            ["z.hidden.weight", "z.hidden.bias", "a.out.weight", "a.out.bias"],
        ] {
            let mut tensors = renamed(names);
            assert_eq!(network_from_state_dict(&tensors, "s").unwrap(), network(), "{names:?}");
            tensors.reverse();
            assert_eq!(network_from_state_dict(&tensors, "s").unwrap(), network(), "{names:?}");
        }
    }

    #[test]
    fn one_by_one_layers_go_by_their_names() {
        let network = Shallow::new(Mat::from_fn(1, 1, |_, _| 2.0), vec![1.0], vec![-3.0], 0.5).unwrap().into();
        let names = ["l.9.weight", "l.9.bias", "l.10.weight", "l.10.bias"];
        let named = network_to_state_dict(&network).into_iter().zip(names);
        let mut tensors: Vec<Tensor> = named.map(|(tensor, name)| Tensor { name: name.into(), ..tensor }).collect();
        tensors.reverse();
        assert_eq!(network_from_state_dict(&tensors, "s").unwrap(), network);
    }

    #[test]
    fn a_missing_bias_is_zero() {
        let tensors: Vec<Tensor> = renamed(["a.weight", "a.bias", "b.weight", "b.bias"])
            .into_iter()
            .filter(|tensor| tensor.name.ends_with("weight"))
            .collect();
        let read = network_from_state_dict(&tensors, "s").unwrap();
        let [hidden, last] = read.layers() else { panic!() };
        assert_eq!((hidden.bias(), last.bias()), ([0.0; 3].as_slice(), [0.0].as_slice()));
        assert_eq!(hidden.weights(), network().layers()[0].weights());
    }

    #[test]
    fn what_is_no_network_is_refused_by_its_key() {
        let good = || network_to_state_dict(&network());
        let extra = |name: &str, shape: &[usize]| {
            let values = vec![0.0; shape.iter().product()];
            good().into_iter().chain([Tensor { name: name.into(), shape: shape.to_vec(), values }]).collect::<Vec<_>>()
        };
        let changed = |at: usize, change: &dyn Fn(&mut Tensor)| {
            let mut tensors = good();
            change(&mut tensors[at]);
            tensors
        };
        for (tensors, what) in [
            (vec![], "s: there is no weight in it"),
            (extra("1.running_mean", &[3]), "s: `1.running_mean` is neither a weight nor a bias"),
            (extra("4.bias", &[3]), "s: `4.bias` is a bias without a weight"),
            (extra("4.weight", &[3]), "s: `4.weight` has shape [3] where two numbers are due"),
            (
                extra("4.weight", &[1, 2]),
                "s: the layers do not follow each other: `0.weight` [3, 2], `2.weight` [1, 3], `4.weight` [1, 2]",
            ),
            (changed(1, &|t| t.shape = vec![2]), "s: `0.bias` has shape [2] but 3 numbers"),
            (
                changed(1, &|t| (t.shape, t.values) = (vec![2], vec![0.0; 2])),
                "s: `0.bias` has 2 entries but `0.weight` has 3 rows",
            ),
            (changed(2, &|t| t.shape = vec![3, 1]), "s: `2.bias` has 1 entries but `2.weight` has 3 rows"),
            (changed(0, &|t| t.values[4] = f64::NAN), "s: `0.weight` holds NaN at place 4"),
            (
                changed(0, &|t| t.shape = vec![usize::MAX, 2]),
                "s: `0.weight` has shape [18446744073709551615, 2] but 6 numbers",
            ),
        ] {
            assert_eq!(network_from_state_dict(&tensors, "s").unwrap_err().what, what);
        }
        let error = network_with_activations(&good(), Some(&[]), "s").unwrap_err();
        assert_eq!(error.what, "s: it has 1 hidden layers and 0 activations");
        let error = network_from_state_dict(&extra(LINEAR_PART, &[1, 3]), "s").unwrap_err();
        assert_eq!(error.what, "s: the linear part is 1 × 3 for 1 outputs and 2 inputs");
    }

    #[test]
    fn any_number_of_layers_and_outputs_is_read() {
        let mut number = (1..).map(f64::from);
        let mut layer = |units, inputs, name: &str| {
            let weights = Mat::from_fn(units, inputs, |_, _| number.next().unwrap());
            network::Layer::new(weights, vec![0.5; units], name.parse().unwrap())
        };
        let layers = vec![layer(3, 2, "relu"), layer(4, 3, "crelu"), layer(2, 8, "identity")];
        let deep = Network::new(layers, Some(Mat::full(2, 2, 0.25))).unwrap();
        let mut tensors = network_to_state_dict(&deep);
        assert!(network_from_state_dict(&tensors, "s").unwrap_err().what.contains("do not follow each other"));
        let activations = ["relu".parse().unwrap(), "crelu".parse().unwrap()];
        tensors.reverse();
        assert_eq!(network_with_activations(&tensors, Some(&activations), "s").unwrap(), deep);
        // One layer alone is an affine map.
        let alone: Vec<Tensor> = network_to_state_dict(&network()).into_iter().take(2).collect();
        assert_eq!(network_from_state_dict(&alone, "s").unwrap().described(), "no hidden layer, 3 outputs");
    }

    #[test]
    fn scikit_learn_arrays_are_transposed_and_checked() {
        let network = network();
        let [hidden, last] = network.layers() else { panic!() };
        let (w, v) = (hidden.weights().transpose(), last.weights().transpose());
        let read = |coefs: &[MatRef<'_, f64>], intercepts: &[&[f64]], activation: &str| {
            network_from_scikit_learn(coefs, intercepts, activation).map_err(|error| error.what)
        };
        let (b, c) = (hidden.bias(), last.bias());
        assert_eq!(read(&[w, v], &[b, c], "relu").unwrap(), network);
        let (square, wide) = (Mat::<f64>::full(3, 3, 0.5), Mat::<f64>::zeros(3, 2));
        let deep = read(&[w, square.as_ref(), wide.as_ref()], &[b, b, &[0.0, 1.0]], "relu").unwrap();
        assert_eq!(deep.described(), "two hidden layers of 3 units each, relu, 2 outputs");
        for name in ["identity", "tanh"] {
            let described = read(&[w, v], &[b, c], name).unwrap().described();
            assert_eq!(described, format!("one hidden layer of 3 units, {name}"));
        }
        for (result, what) in [
            (read(&[w, v], &[b, c], "logistic"), "the MLPRegressor's activation is `logistic`"),
            (read(&[w, v], &[b], "relu"), "coefs_ has 2 arrays and intercepts_ 1"),
            (read(&[], &[], "relu"), "coefs_ has 0 arrays and intercepts_ 0"),
            (
                read(&[w, v], &[c, c], "relu"),
                "coefs_[0] is 2 × 3, intercepts_[0] has 1 entries, and the layer before hands on 2",
            ),
            (
                read(&[w, w], &[b, b], "relu"),
                "coefs_[1] is 2 × 3, intercepts_[1] has 3 entries, and the layer before hands on 3",
            ),
        ] {
            assert_eq!(result.unwrap_err(), what);
        }
    }
}
