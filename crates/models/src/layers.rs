//! Networks with layers as JSON: `{"layers": [{"weights": [[…], …], "bias": […], "activation": "relu"}, …], "linear": [[…], …]}`.
//!
//! `weights` has one row a unit, `linear` one row an output and one number an input; it is left out where there is no linear
//! part. A plain network file has `"format"` and `"version"` before; in a model file those of the model say which version it is.

use crate::values::{array, kind, vector};
use faer::Mat;
use serde_json::{Map, Value};
use tautnet::activation::Activation;
use tautnet::error::{Error, Result};
use tautnet::network::{Layer, Network};

/// What a plain network file calls itself.
pub(crate) const FORMAT: &str = "tautnet network";
/// The version of plain network files that is written. Version 1 has no `format` and no `version`.
pub(crate) const VERSION: u64 = 2;

const SHAPE: &str = r#"a network is {"format": "tautnet network", "version": 2, "layers": [{"weights": [[…], …], "bias": […], "activation": "relu"}, …]}, `weights` with one row per unit"#;

/// A network from the object of a plain file, `format` and `version` included.
pub(crate) fn plain_from_value(mut object: Map<String, Value>, source: &str) -> Result<Network> {
    object.remove("format");
    match object.remove("version") {
        Some(version) if version.as_u64() == Some(VERSION) => layers_from_value(&object, source),
        Some(version) => Err(Error::new(
            format!(
                "{source} is a network file of version {}; this program reads versions 1 and {VERSION}",
                kind(&version)
            ),
            "update tautnet, or write the network again with this one",
        )),
        None => Err(Error::new(format!("{source}: the network has no `version`"), SHAPE)),
    }
}

/// A network from its layers and its linear part.
pub(crate) fn layers_from_value(object: &Map<String, Value>, source: &str) -> Result<Network> {
    only(object, &["layers", "linear"], "a network", source)?;
    let layers = array(part(object, "layers", "the network", source)?, source, "layers", SHAPE)?;
    let layers = layers.iter().enumerate().map(|(l, layer)| {
        let place = format!("layers[{l}]");
        let Value::Object(layer) = layer else {
            return Err(Error::new(format!("{source}: {place} is {} where an object is due", kind(layer)), SHAPE));
        };
        only(layer, &["weights", "bias", "activation"], "a layer", source)?;
        let weights = matrix(part(layer, "weights", &place, source)?, source, &format!("{place}.weights"))?;
        let bias = vector(part(layer, "bias", &place, source)?, source, &format!("{place}.bias"), SHAPE)?;
        let activation = match part(layer, "activation", &place, source)? {
            Value::String(name) => name
                .parse::<Activation>()
                .map_err(|error| Error::new(format!("{source}: {place}: {}", error.what), error.hint))?,
            other => {
                return Err(Error::new(
                    format!("{source}: {place}.activation is {} where a text is due", kind(other)),
                    SHAPE,
                ));
            }
        };
        Ok(Layer::new(weights, bias, activation))
    });
    let layers = layers.collect::<Result<Vec<_>>>()?;
    let linear = object.get("linear").map(|linear| matrix(linear, source, "linear")).transpose()?;
    Network::new(layers, linear).map_err(|error| Error::new(format!("{source}: {}", error.what), error.hint))
}

fn only(object: &Map<String, Value>, known: &[&str], whole: &str, source: &str) -> Result<()> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Error::new(format!("{source}: `{key}` is not a part of {whole}"), SHAPE)),
        None => Ok(()),
    }
}

fn part<'a>(object: &'a Map<String, Value>, name: &str, whole: &str, source: &str) -> Result<&'a Value> {
    object.get(name).ok_or_else(|| Error::new(format!("{source}: {whole} has no `{name}`"), SHAPE))
}

fn matrix(value: &Value, source: &str, place: &str) -> Result<Mat<f64>> {
    let rows = array(value, source, place, SHAPE)?.iter().enumerate();
    let rows = rows.map(|(i, row)| vector(row, source, &format!("{place}[{i}]"), SHAPE)).collect::<Result<Vec<_>>>()?;
    let width = rows.first().map_or(0, Vec::len);
    if let Some(i) = rows.iter().position(|row| row.len() != width) {
        return Err(Error::new(
            format!("{source}: {place}[{i}] has {} numbers where {place}[0] has {width}", rows[i].len()),
            "every row of a matrix needs as many numbers",
        ));
    }
    Ok(Mat::from_fn(rows.len(), width, |i, k| rows[i][k]))
}

/// The text of a plain network file, one line a unit.
pub(crate) fn plain_to_json(network: &Network) -> String {
    format!("{{\n  \"format\": \"{FORMAT}\",\n  \"version\": {VERSION},\n{}\n}}\n", parts_to_json(network))
}

/// The same in a model file, which says the version itself.
pub(crate) fn layers_to_json(network: &Network) -> String {
    format!("{{\n{}\n}}", parts_to_json(network))
}

fn parts_to_json(network: &Network) -> String {
    let text = |numbers: &[f64]| serde_json::to_string(numbers).expect("finite numbers are JSON");
    let rows = |matrix: &Mat<f64>, indent: &str| {
        let row = |i: usize| format!("{indent}  {}", text(&matrix.row(i).iter().copied().collect::<Vec<_>>()));
        let rows: Vec<String> = (0..matrix.nrows()).map(row).collect();
        format!("[\n{}\n{indent}]", rows.join(",\n"))
    };
    let layers: Vec<String> = network.layers().iter().map(|layer| {
        let (weights, bias) = (rows(layer.weights(), "      "), text(layer.bias()));
        let activation = layer.activation();
        format!("    {{\n      \"weights\": {weights},\n      \"bias\": {bias},\n      \"activation\": \"{activation}\"\n    }}")
    }).collect();
    let linear = network.linear().map_or(String::new(), |linear| format!(",\n  \"linear\": {}", rows(linear, "  ")));
    format!("  \"layers\": [\n{}\n  ]{linear}", layers.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{network_to_json, parse_network};
    use proptest::prelude::*;
    use tautnet::activation::ALL;

    const SMALL: &str = r#"{"format": "tautnet network", "version": 2, "layers": [
        {"weights": [[1, 2], [3, 4]], "bias": [0, 1], "activation": "crelu"},
        {"weights": [[1, 0, 0, 1]], "bias": [0.5], "activation": "identity"}], "linear": [[10, 0]]}"#;

    #[test]
    fn a_network_is_what_its_text_says() {
        let network = parse_network(SMALL.as_bytes(), "n").unwrap();
        assert_eq!(network.values(&[1.0, -2.0]), [0.0 + 4.0 + 0.5 + 10.0]);
        assert_eq!(parse_network(network_to_json(&network).unwrap().as_bytes(), "n").unwrap(), network);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (from, to, what) in [
            (
                "\"version\": 2",
                "\"version\": 3",
                "n is a network file of version the number 3; this program reads versions 1 and 2",
            ),
            ("\"version\": 2,", "", "n: the network has no `version`"),
            ("tautnet network", "other network", "n has the format \"other network\""),
            ("\"crelu\"", "\"swish\"", "n: layers[0]: there is no activation \"swish\""),
            ("\"crelu\"", "\"leaky-relu:2\"", "n: layers[0]: the activation `leaky-relu:2` was asked for"),
            ("\"crelu\"", "7", "n: layers[0].activation is the number 7 where a text is due"),
            ("\"crelu\"", "\"relu\"", "n: layer 2 takes 4 inputs, and layer 1 (2 units, relu) hands on 2"),
            ("\"identity\"", "\"relu\"", "n: the last layer's activation is relu"),
            ("\"bias\": [0, 1]", "\"bias\": [0]", "n: layer 1 has 1 biases for 2 units"),
            ("\"bias\": [0, 1], ", "", "n: layers[0] has no `bias`"),
            ("\"bias\": [0, 1]", "\"bias\": [0, null]", "n: layers[0].bias[1] is null where a number is due"),
            ("[3, 4]", "[3]", "n: layers[0].weights[1] has 1 numbers where layers[0].weights[0] has 2"),
            ("[3, 4]", "3", "n: layers[0].weights[1] is the number 3 where a list is due"),
            ("[3, 4]", "[3, NaN]", "NaN is not a number"),
            ("[[10, 0]]", "[[10, 0, 0]]", "n: the linear part is 1 × 3 for 1 outputs and 2 inputs"),
            ("\"linear\"", "\"lineal\"", "n: `lineal` is not a part of a network"),
            ("\"bias\": [0.5]", "\"bias\": [0.5], \"b\": 1", "n: `b` is not a part of a layer"),
            ("\"layers\": [", "\"layers\": [5, ", "n: layers[0] is the number 5 where an object is due"),
        ] {
            assert!(SMALL.contains(from), "{from}");
            let error = parse_network(SMALL.replacen(from, to, 1).as_bytes(), "n").unwrap_err();
            assert!(error.what.contains(what) && !error.hint.is_empty(), "{to}: {error:?}");
        }
        let empty = r#"{"format": "tautnet network", "version": 2, "layers": []}"#;
        assert_eq!(parse_network(empty.as_bytes(), "n").unwrap_err().what, "n: the network has no layer");
        for cut in 0..SMALL.len() {
            assert!(SMALL.is_char_boundary(cut) && parse_network(&SMALL.as_bytes()[..cut], "n").is_err());
        }
    }

    proptest! {
        #[test]
        fn every_activation_comes_back_bit_for_bit(
            bits in prop::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 60), linear in any::<bool>(),
        ) {
            for entry in ALL {
                let mut numbers = bits.iter().copied().cycle();
                let mut matrix = |rows, columns| Mat::from_fn(rows, columns, |_, _| numbers.next().unwrap());
                let hidden = Layer::new(matrix(4, 2), vec![bits[0]; 4], entry.example().parse().unwrap());
                let width = hidden.outputs();
                let last = Layer::new(matrix(2, width), vec![bits[1]; 2], Activation::identity());
                let network = Network::new(vec![hidden, last], linear.then(|| matrix(2, 2))).unwrap();
                let read = parse_network(network_to_json(&network).unwrap().as_bytes(), "n").unwrap();
                prop_assert_eq!(&read, &network);
                let all = |n: &Network| n.numbers().into_iter().map(f64::to_bits).collect::<Vec<_>>();
                prop_assert_eq!(all(&read), all(&network));
            }
        }
    }
}
