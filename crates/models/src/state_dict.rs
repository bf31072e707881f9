//! The arrays of other programs' networks.
//!
//! | program | first weight | second weight | in this program |
//! |---|---|---|---|
//! | torch, `Linear.weight` | units × inputs | 1 × units | `w`, `vᵀ` |
//! | scikit-learn, `coefs_` | inputs × units | units × 1 | `wᵀ`, `v` |
//!
//! A torch `state_dict` is a list of named tensors. `Sequential(Linear, ReLU, Linear)` calls them `0.weight`, `0.bias`,
//! `2.weight`, `2.bias`; other modules put other names before the dot. Which layer comes first is decided by the shapes,
//! for names tell nothing, and by the order of the names where both shapes are 1 × 1.

use faer::{Mat, MatRef};
use std::cmp::Ordering;
use tautnet::error::{Error, Result};
use tautnet::shallow::Shallow;

/// A named array.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its key.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, the last index running fastest.
    pub values: Vec<f64>,
}

const HINT: &str = "a network is two linear layers: `0.weight` (units × inputs), `0.bias`, `2.weight` (1 × units), \
                    `2.bias`, or other names before the dot";

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

    fn bias(&self) -> Vec<f64> {
        self.bias.map_or_else(|| vec![0.0; self.rows()], |bias| bias.values.clone())
    }
}

/// The network of a torch `state_dict`; `source` is what messages call it. A layer without a bias has bias 0.
pub fn network_from_state_dict(tensors: &[Tensor], source: &str) -> Result<Shallow> {
    let refuse = |what: String| Error::new(format!("{source}: {what}"), HINT);
    if tensors.len() > 1000 {
        return Err(refuse(format!("it has {} tensors where four are due", tensors.len())));
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
    let is_weight = |tensor: &&Tensor| tensor.shape.len() == 2;
    let mut layers = Vec::new();
    for weight in tensors.iter().filter(is_weight) {
        let mut own = tensors.iter().filter(|tensor| !is_weight(tensor) && prefix(tensor) == prefix(weight));
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
    if let Some(alone) = tensors.iter().find(|tensor| !is_weight(tensor) && !weights().contains(&prefix(tensor))) {
        return Err(refuse(format!("`{}` is a bias without a weight", alone.name)));
    }
    layers.sort_by(|a, b| natural(&a.weight.name, &b.weight.name));
    let shapes = || {
        let each = layers.iter().map(|layer| format!("`{}` {:?}", layer.weight.name, layer.weight.shape));
        each.collect::<Vec<_>>().join(", ")
    };
    let [first, second] = layers.as_slice() else {
        return Err(match layers.len() {
            0 => refuse("there is no weight in it".into()),
            count => refuse(format!("it has {count} layers where two are due: {}", shapes())),
        });
    };
    let follows = |hidden: &Layer<'_>, output: &Layer<'_>| output.rows() == 1 && output.columns() == hidden.rows();
    let (hidden, output) = match (follows(first, second), follows(second, first)) {
        (true, _) => (first, second),
        (false, true) => (second, first),
        _ => return Err(refuse(format!("the layers do not lead to one output: {}", shapes()))),
    };
    let (m, d) = (hidden.rows(), hidden.columns());
    let w = Mat::from_fn(m, d, |i, k| hidden.weight.values[i * d + k]);
    Shallow::new(w, hidden.bias(), output.weight.values.clone(), output.bias()[0])
        .map_err(|error| Error::new(format!("{source}: {}", error.what), error.hint))
}

/// The `state_dict` of `Sequential(Linear, ReLU, Linear)`.
pub fn network_to_state_dict(network: &Shallow) -> Vec<Tensor> {
    let (m, d) = (network.units(), network.inputs());
    let tensor = |name: &str, shape: &[usize], values| Tensor { name: name.into(), shape: shape.to_vec(), values };
    let w = (0..m).flat_map(|i| (0..d).map(move |k| (i, k))).map(|at| network.w()[at]).collect();
    vec![
        tensor("0.weight", &[m, d], w),
        tensor("0.bias", &[m], network.b().to_vec()),
        tensor("2.weight", &[1, m], network.v().to_vec()),
        tensor("2.bias", &[1], vec![network.c()]),
    ]
}

/// The network of a fitted scikit-learn `MLPRegressor`: its `coefs_`, its `intercepts_` and its `activation`.
pub fn network_from_scikit_learn(
    coefs: &[MatRef<'_, f64>],
    intercepts: &[&[f64]],
    activation: &str,
) -> Result<Shallow> {
    if activation != "relu" {
        return Err(Error::new(
            format!("the MLPRegressor's activation is `{activation}`"),
            "fit it with activation=\"relu\": the programs and proofs are about relu networks",
        ));
    }
    let &[first, second] = coefs else {
        return Err(Error::new(
            format!("the MLPRegressor has {} layers in `coefs_` where two are due", coefs.len()),
            "fit it with one hidden layer: hidden_layer_sizes=(units,)",
        ));
    };
    let &[b, c] = intercepts else {
        return Err(Error::new(
            format!("the MLPRegressor has {} arrays in `intercepts_` where two are due", intercepts.len()),
            "give the `intercepts_` that belong to the `coefs_`",
        ));
    };
    let (d, m) = (first.nrows(), first.ncols());
    if second.ncols() != 1 && second.nrows() == m {
        return Err(Error::new(
            format!("the MLPRegressor predicts {} targets", second.ncols()),
            "fit one for each target: a network here has one output",
        ));
    }
    if second.nrows() != m || b.len() != m || c.len() != 1 {
        return Err(Error::new(
            format!(
                "coefs_ has the shapes {d} × {m} and {} × {}, intercepts_ the lengths {} and {}",
                second.nrows(),
                second.ncols(),
                b.len(),
                c.len()
            ),
            format!("for {m} hidden units give {d} × {m} and {m} × 1, with {m} and 1"),
        ));
    }
    let v = (0..m).map(|i| second[(i, 0)]).collect();
    Shallow::new(Mat::from_fn(m, d, |i, k| first[(k, i)]), b.to_vec(), v, c[0])
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

    fn network() -> Shallow {
        let w = Mat::from_fn(3, 2, |i, k| 0.1 + i as f64 - 2.0 * k as f64);
        Shallow::new(w, vec![0.5, -1.0, 0.25], vec![1.0, -2.0, 3.0], 0.7).unwrap()
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
        let network = Shallow::new(Mat::from_fn(1, 1, |_, _| 2.0), vec![1.0], vec![-3.0], 0.5).unwrap();
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
        assert_eq!((read.b(), read.c()), ([0.0; 3].as_slice(), 0.0));
        assert_eq!(read.w(), network().w());
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
                extra("4.weight", &[1, 1]),
                "s: it has 3 layers where two are due: `0.weight` [3, 2], `2.weight` [1, 3], `4.weight` [1, 1]",
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
        let mut deep = good();
        deep.truncate(2);
        deep.push(Tensor { name: "2.weight".into(), shape: vec![2, 3], values: vec![0.0; 6] });
        assert!(network_from_state_dict(&deep, "s").unwrap_err().what.contains("do not lead to one output"));
    }

    #[test]
    fn scikit_learn_arrays_are_transposed_and_checked() {
        let network = network();
        let w = network.w().transpose();
        let v = Mat::from_fn(3, 1, |i, _| network.v()[i]);
        let read = |coefs: &[MatRef<'_, f64>], intercepts: &[&[f64]], activation: &str| {
            network_from_scikit_learn(coefs, intercepts, activation).map_err(|error| error.what)
        };
        let (b, c): (&[f64], &[f64]) = (&network.b(), &[0.7]);
        assert_eq!(read(&[w, v.as_ref()], &[b, c], "relu").unwrap(), network);
        let wide = Mat::<f64>::zeros(3, 2);
        for (result, what) in [
            (read(&[w, v.as_ref()], &[b, c], "tanh"), "the MLPRegressor's activation is `tanh`"),
            (read(&[w, w, v.as_ref()], &[b, c], "relu"), "the MLPRegressor has 3 layers in `coefs_` where two are due"),
            (read(&[w, v.as_ref()], &[b], "relu"), "the MLPRegressor has 1 arrays in `intercepts_` where two are due"),
            (read(&[w, wide.as_ref()], &[b, c], "relu"), "the MLPRegressor predicts 2 targets"),
            (
                read(&[w, v.as_ref()], &[c, c], "relu"),
                "coefs_ has the shapes 2 × 3 and 3 × 1, intercepts_ the lengths 1 and 1",
            ),
        ] {
            assert_eq!(result.unwrap_err(), what);
        }
    }
}
