//! The plain network file. Version 2 has layers, as `layers.rs` says; version 1, which is read for ever, is
//! `{"w": [[…], …], "b": […], "v": […], "c": 0.0}`.
//!
//! `w` has one row a hidden unit and one number an input, `b` and `v` one number a unit; `c`, the output bias, may be
//! left out. Numbers are written in the shortest form that reads back to the same bits.

use crate::layers;
use crate::strict_json::{self, Fault};
use crate::values::{array, kind, number, vector};
use faer::Mat;
use serde_json::{Map, Value};
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::limits::Limits;
use tautnet::network::Network;
use tautnet::shallow::Shallow;
use tautnet_tables::limited::read_file;

const SHAPE: &str = r#"a network is {"w": [[…], …], "b": […], "v": […], "c": 0.0}, `w` with one row per hidden unit"#;

/// Read a plain network file.
pub fn read_network(path: &Path) -> Result<Network> {
    let source = path.display().to_string();
    parse_network(&read_file(path, &source, &Limits::default())?, &source)
}

/// A network from the text of a plain network file; `source` is what messages call it.
pub fn parse_network(bytes: &[u8], source: &str) -> Result<Network> {
    plain_from_value(parse_object(bytes, source, &Limits::default())?, source)
}

/// A network from the object of a plain network file of any version.
pub(crate) fn plain_from_value(object: Map<String, Value>, source: &str) -> Result<Network> {
    match object.get("format") {
        None => network_from_value(&object, source).map(Network::from),
        Some(format) if *format == layers::FORMAT => layers::plain_from_value(object, source),
        Some(format) => Err(Error::new(
            format!("{source} has the format {format}, not \"{}\"", layers::FORMAT),
            "give a network or a model, ⟨network_file⟩",
        )),
    }
}

/// A JSON object from text, with the place of what is wrong.
pub(crate) fn parse_object(bytes: &[u8], source: &str, limits: &Limits) -> Result<Map<String, Value>> {
    if bytes.trim_ascii().is_empty() {
        return Err(Error::new(format!("{source} is empty"), SHAPE));
    }
    match strict_json::value(bytes, source, limits) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(Error::new(format!("{source} holds {}, not an object", kind(&other)), SHAPE)),
        Err(Fault::Syntax(error)) => Err(syntax_error(bytes, source, &error)),
        Err(Fault::Refused(error)) => Err(error),
    }
}

fn syntax_error(bytes: &[u8], source: &str, error: &serde_json::Error) -> Error {
    let place = format!("{source}: line {}, column {}", error.line(), error.column());
    if error.is_eof() {
        return Error::new(format!("{place}: the JSON text ends too early"), "the file is cut short; write it again");
    }
    // What stands there: Python and JavaScript write NaN and Infinity, which are not JSON.
    let line = bytes.split(|&byte| byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let at = error.column().saturating_sub(1).min(line.len());
    for name in ["-Infinity", "Infinity", "NaN"] {
        if line[at..].starts_with(name.as_bytes()) || line[at.saturating_sub(1)..].starts_with(name.as_bytes()) {
            return Error::new(format!("{place}: {name} is not a number"), "every weight must be a finite number");
        }
    }
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Error::new(format!("{place}: {message}"), SHAPE)
}

/// A network from the object of version 1.
pub(crate) fn network_from_value(object: &Map<String, Value>, source: &str) -> Result<Shallow> {
    if let Some(key) = object.keys().find(|key| !["w", "b", "v", "c"].contains(&key.as_str())) {
        return Err(Error::new(format!("{source}: `{key}` is not a part of a network"), SHAPE));
    }
    let part = |name: &str| {
        object.get(name).ok_or_else(|| Error::new(format!("{source}: the network has no `{name}`"), SHAPE))
    };
    let rows = array(part("w")?, source, "w", SHAPE)?;
    let b = vector(part("b")?, source, "b", SHAPE)?;
    let v = vector(part("v")?, source, "v", SHAPE)?;
    let c = object.get("c").map_or(Ok(0.0), |c| number(c, source, &"c"))?;
    let rows = rows
        .iter()
        .enumerate()
        .map(|(i, row)| vector(row, source, &format!("w[{i}]"), SHAPE))
        .collect::<Result<Vec<_>>>()?;
    let width = rows.first().map_or(0, Vec::len);
    for (i, row) in rows.iter().enumerate() {
        if row.len() != width {
            return Err(Error::new(
                format!("{source}: w[{i}] has {} numbers where w[0] has {width}", row.len()),
                "every row of `w` needs one number per input",
            ));
        }
    }
    let transposed = rows.len() != b.len() && width == b.len() && b.len() == v.len();
    let w = Mat::from_fn(rows.len(), width, |i, k| rows[i][k]);
    Shallow::new(w, b, v, c).map_err(|error| {
        let hint = if transposed { "`w` looks transposed: give it one row per hidden unit".into() } else { error.hint };
        Error::new(format!("{source}: {}", error.what), hint)
    })
}

/// The text of a plain network file, one line a unit.
pub fn network_to_json(network: &Network) -> Result<String> {
    Ok(layers::plain_to_json(network))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_output_bias_may_be_left_out() {
        let network = parse_network(br#"{"w": [[1, 2.5]], "b": [0], "v": [-1]}"#, "n.json").unwrap();
        assert_eq!(network.values(&[2.0, 2.0]), [-7.0]);
        assert_eq!(network.layers()[1].bias(), [0.0]);
    }

    #[test]
    fn a_bad_network_is_refused_with_its_place() {
        for (text, what) in [
            ("", "n.json is empty"),
            ("[1]", "n.json holds a list, not an object"),
            (r#"{"w": [[1, 2"#, "n.json: line 1, column 12: the JSON text ends too early"),
            (r#"{"w": [[1, NaN]], "b": [0], "v": [1]}"#, "n.json: line 1, column 12: NaN is not a number"),
            (r#"{"w": [[-Infinity]], "b": [0], "v": [1]}"#, "n.json: line 1, column 10: -Infinity is not a number"),
            (r#"{"w": [[1e999]], "b": [0], "v": [1]}"#, "n.json: line 1, column 13: number out of range"),
            (r#"{"w": [[null]], "b": [0], "v": [1]}"#, "n.json: w[0][0] is null where a number is due"),
            (r#"{"w": [["1"]], "b": [0], "v": [1]}"#, "n.json: w[0][0] is the text \"1\" where a number is due"),
            (r#"{"w": [1], "b": [0], "v": [1]}"#, "n.json: w[0] is the number 1 where a list is due"),
            (r#"{"w": [[1], [1, 2]], "b": [0, 0], "v": [1, 1]}"#, "n.json: w[1] has 2 numbers where w[0] has 1"),
            (r#"{"w": [], "b": [], "v": []}"#, "n.json: the network has 0 hidden units and 0 inputs"),
            (r#"{"w": [[]], "b": [0], "v": [0]}"#, "n.json: the network has 1 hidden units and 0 inputs"),
            (r#"{"w": [[1]], "b": [0, 1], "v": [1]}"#, "n.json: the network's `b` has 2 entries but `w` has 1 rows"),
            (r#"{"w": [[1]], "b": [0]}"#, "n.json: the network has no `v`"),
            (r#"{"w": [[1]], "b": [0], "v": [1], "C": 1}"#, "n.json: `C` is not a part of a network"),
            (r#"{"w": [[1]], "b": [0], "v": [1], "c": []}"#, "n.json: c is a list where a number is due"),
            (r#"{"w": [[1]], "b": [0], "v": [1], "b": [2]}"#, "n.json: line 1, column 36: the key `b` is given twice"),
        ] {
            assert_eq!(parse_network(text.as_bytes(), "n.json").unwrap_err().what, what, "{text}");
        }
        let transposed = r#"{"w": [[1, 2, 3], [4, 5, 6]], "b": [0, 0, 0], "v": [1, 1, 1]}"#;
        assert!(parse_network(transposed.as_bytes(), "n.json").unwrap_err().hint.contains("transposed"));
    }

    proptest! {
        #[test]
        fn a_written_network_reads_back_bit_for_bit(
            bits in prop::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 16)
        ) {
            let w = Mat::from_fn(3, 3, |i, k| bits[3 * i + k]);
            let network = Network::from(Shallow::new(w, bits[9..12].to_vec(), bits[12..15].to_vec(), bits[15]).unwrap());
            let read = parse_network(network_to_json(&network).unwrap().as_bytes(), "n").unwrap();
            let all = |n: &Network| n.numbers().into_iter().map(f64::to_bits).collect::<Vec<_>>();
            prop_assert_eq!(all(&read), all(&network));
        }
    }
}
