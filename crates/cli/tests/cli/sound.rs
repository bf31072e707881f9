//! What is printed is true: small networks at which rounding once made a bound too small, or shortening did.

use crate::run::Folder;
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

fn bounds(result: &Value, direction: &str) -> Vec<f64> {
    let bounds = result["bounds"].as_array().unwrap().iter().filter(|bound| bound["direction"] == direction);
    bounds.map(|bound| number(&bound["value"])).collect()
}

/// All units are on at (−5e-31, 1e-31, 1e300): the slopes there add up to (2, 2, 0) · 1e30 at least.
#[test]
fn a_weight_that_vanishes_in_a_product_still_opens_a_cell() {
    let folder = Folder::new();
    for (size, tiny) in [("1e30", "1e-300"), ("1e10", "1e-320")] {
        let text =
            format!(r#"{{"w":[[{size},0,{tiny}],[0,{size},0],[-{size},-{size},0]],"b":[0,0,0],"v":[1,1,-1],"c":0}}"#);
        folder.write("und.json", text);
        let result = folder.tautnet("certify und.json --exact --norm 2 --json").json();
        let constant = 8f64.sqrt() * size.parse::<f64>().unwrap() * (1.0 - 1e-15);
        assert!(bounds(&result, "upper").iter().all(|bound| *bound >= constant), "{result:#}");
    }
}

#[test]
fn a_function_that_is_not_constant_has_no_bound_of_zero() {
    let folder = Folder::new();
    folder.write("und3.json", r#"{"w":[[1e-200]],"b":[0],"v":[1e-200],"c":0}"#);
    let result = folder.tautnet("certify und3.json --exact --box=-1:1 --json").json();
    for part in result["norms"].as_array().unwrap() {
        let all = bounds(part, "upper").into_iter().chain(bounds(&part["local"], "upper"));
        assert!(all.into_iter().all(|bound| bound > 0.0), "{part:#}");
    }
    assert!(!folder.tautnet("certify und3.json --exact").out.contains("≤ 0 "));
}

/// 3 · 0.1 − 0.3 · 1 in real numbers, for the doubles that these are, is 2⁻⁵⁵; computed it is 2⁻⁵⁴.
#[test]
fn lower_bounds_are_below_the_constant() {
    let folder = Folder::new();
    folder.write("canc.json", r#"{"w":[[0.1],[1.0]],"b":[0,0],"v":[3,-0.3],"c":0}"#);
    let result = folder.tautnet("certify canc.json --exact --json").json();
    for part in result["norms"].as_array().unwrap() {
        assert!(bounds(part, "lower").iter().all(|bound| *bound <= 2f64.powi(-55)), "{part:#}");
        assert!(bounds(part, "upper").iter().all(|bound| *bound >= 2f64.powi(-55)), "{part:#}");
    }
}

/// f(0.9) = 0.9 in real numbers and 0 or 2 in floating point.
#[test]
fn the_ceiling_holds_for_the_function_and_not_for_its_evaluation() {
    let folder = Folder::new();
    folder.write("b16.json", r#"{"w":[[1.0],[0.0]],"b":[1e16,1e16],"v":[1,-1],"c":0}"#);
    folder.write("b16.csv", "x,y\n0.9,0\n");
    for nodes in ["", "--nodes 0", "--nodes 50"] {
        let command =
            format!("attack b16.json b16.csv --no-standardize --radius 0:0.002:0.001 --norm inf {nodes} --json");
        let result = folder.tautnet(&command).json();
        for (k, radius) in result["radii"].as_array().unwrap().iter().enumerate() {
            let worst = (0.9 + 0.001 * k as f64).powi(2);
            for proved in ["proved", "ceiling"].map(|key| number(&radius[key])) {
                assert!(proved >= worst * (1.0 - 1e-15) && proved < worst + 1e-9, "{result:#}");
            }
            assert!(number(&radius["found"]) <= worst * (1.0 + 1e-15), "{result:#}");
        }
    }
}

#[test]
fn bounds_are_printed_outward() {
    let folder = Folder::new();
    folder.write("rnd.json", r#"{"w":[[1.2345634]],"b":[0],"v":[1],"c":0}"#);
    let ran = folder.tautnet("certify rnd.json --exact --norm 2");
    let lines = |sign: &str| -> Vec<f64> {
        let lines = ran.out.lines().filter_map(|line| line.split_once(sign));
        lines.map(|(_, rest)| rest.split_whitespace().next().unwrap().parse().unwrap()).collect()
    };
    assert_eq!((lines("≤").len(), lines("≥").len()), (4, 2), "{ran:?}");
    assert!(lines("≤").iter().all(|bound| *bound == 1.23457), "{ran:?}");
    assert!(lines("≥").iter().all(|bound| *bound == 1.23456), "{ran:?}");
    folder.write("data.csv", "x,y\n1,1\n2,3\n");
    let ran = folder.tautnet("attack rnd.json data.csv --no-standardize --radius 0.1 --norm 2");
    assert!(ran.code == Some(0) && ran.err.contains("is 1.23457"), "{ran:?}");
}
