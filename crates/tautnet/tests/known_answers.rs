//! Every bound against the networks of `docs/known-answers`, whose constants are known exactly.

use faer::Mat;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use tautnet::certify::{
    ExactSettings, GradientSearchSettings, Region, attained_at, exact_lipschitz, largest_gradient_by_enumeration,
    largest_gradient_found, lipsdp, local_upper_bound, norm_product, path_norm, prove, verify,
};
use tautnet::{Norm, Shallow};

/// Room for rounding.
const RELATIVE: f64 = 1e-9;

#[derive(Deserialize)]
struct Known {
    name: String,
    network: Weights,
    lipschitz: BTreeMap<String, Answer>,
}

#[derive(Deserialize)]
struct Weights {
    w: Vec<Vec<f64>>,
    b: Vec<f64>,
    v: Vec<f64>,
    c: f64,
}

#[derive(Deserialize)]
struct Answer {
    exact: String,
    constant: f64,
    gradient: Vec<f64>,
    point: Vec<f64>,
}

impl Known {
    fn network(&self) -> Shallow {
        let Weights { w, b, v, c } = &self.network;
        Shallow::new(Mat::from_fn(w.len(), w[0].len(), |i, k| w[i][k]), b.clone(), v.clone(), *c).unwrap()
    }
}

/// The largest double that is not above the constant: what a lower bound that loses nothing is.
fn from_below(answer: &Answer) -> f64 {
    let Some(square) = answer.exact.strip_prefix("sqrt(").and_then(|rest| rest.strip_suffix(')')) else {
        return answer.constant;
    };
    let (root, square) = (answer.constant, square.parse::<f64>().unwrap());
    // The error of the square is exact here.
    if root.mul_add(root, -square) > 0.0 { root.next_down() } else { root }
}

fn all() -> Vec<Known> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/known-answers");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(paths.len() >= 8, "{paths:?}");
    paths.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

fn each(check: impl Fn(&str, &Shallow, Norm, &Answer)) {
    for known in all() {
        for norm in [Norm::Two, Norm::Infinity, Norm::One] {
            check(&format!("{} {}", known.name, norm.name()), &known.network(), norm, &known.lipschitz[norm.name()]);
        }
    }
}

/// The stored facts agree with one another: gradient, constant, closed form, and the point that attains them.
#[test]
fn the_files_say_one_thing() {
    each(|name, network, norm, answer| {
        let square = answer.exact.strip_prefix("sqrt(").and_then(|rest| rest.strip_suffix(')'));
        let exact = square.map_or_else(|| answer.exact.parse().unwrap(), |n| n.parse::<f64>().unwrap().sqrt());
        assert_eq!((norm.dual().of(&answer.gradient), exact), (answer.constant, answer.constant), "{name}");
        let attained = attained_at(network, &Region::Everywhere, norm, &answer.point).unwrap();
        assert_eq!((&attained.gradient, attained.value), (&answer.gradient, from_below(answer)), "{name}");
    });
}

#[test]
fn branch_and_bound_and_enumeration_return_the_constants() {
    each(|name, network, norm, answer| {
        let proceed = &mut |_: &_| ControlFlow::Continue(());
        let exact =
            exact_lipschitz(network, &Region::Everywhere, norm, None, &ExactSettings::default(), proceed).unwrap();
        assert!(exact.closed && exact.undecided == 0, "{name}: {exact:?}");
        assert_eq!(exact.lower_bound, from_below(answer), "{name}");
        assert!(exact.upper_bound >= answer.constant && exact.relative_gap <= RELATIVE, "{name}: {exact:?}");
        if network.inputs() <= 3 {
            let judge = largest_gradient_by_enumeration(network, &Region::Everywhere, norm).unwrap();
            // Cells thinner than rounding are branch and bound's alone.
            let found = judge.map_or(0.0, |attained| attained.value);
            assert!(
                found <= answer.constant && (found == from_below(answer) || name.starts_with("05")),
                "{name}: {found}"
            );
        }
    });
}

/// found ≤ constant ≤ LipSDP ≤ path norm, norm product; and what is proved passes the verifier.
#[test]
fn every_bound_is_on_its_side() {
    each(|name, network, norm, answer| {
        let settings = GradientSearchSettings::default();
        let found = largest_gradient_found(network, &Region::Everywhere, norm, None, &settings).unwrap();
        assert!(found.map_or(0.0, |found| found.value) <= answer.constant, "{name}");
        let bound = lipsdp(network, norm, &mut |_| ControlFlow::Continue(())).unwrap().lipschitz_upper_bound;
        let certificate = prove(network, norm, None, &mut |_| ControlFlow::Continue(())).unwrap();
        verify(&certificate.to_json(), network).unwrap();
        let proved = certificate.standardized.bound;
        let (path, product) = (path_norm(network, norm), norm_product(network, norm));
        for (what, upper) in [("LipSDP", bound), ("proved", proved), ("path", path), ("product", product)] {
            assert!(upper >= answer.constant, "{name}: {what} {upper} is below {}", answer.constant);
        }
        assert!(bound <= path.min(product) * (1.0 + RELATIVE), "{name}: {bound} {path} {product}");
        assert!((proved - bound).abs() <= 1e-9 * bound, "{name}: {proved} {bound}");
        let half = 1.0 + answer.point.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        let (lower, upper) = (vec![-half; network.inputs()], vec![half; network.inputs()]);
        let local = local_upper_bound(network, &Region::Box { lower, upper }, norm).unwrap();
        assert!(local.upper_bound >= answer.constant && local.upper_bound <= bound * (1.0 + RELATIVE), "{name}");
    });
}
