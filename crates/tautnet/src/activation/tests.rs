//! Identities that every activation must satisfy.

use super::*;
use crate::norm::Norm;
use proptest::prelude::*;

/// Every entry at its usual parameter and at others.
fn activations() -> Vec<Activation> {
    let more = ["leaky-relu:0", "leaky-relu:-0.5", "leaky-relu:0.99"];
    ALL.iter().map(Entry::example).chain(more.map(str::to_owned)).map(|name| name.parse().unwrap()).collect()
}

/// Those whose units go by themselves.
fn of_units() -> Vec<Activation> {
    activations().into_iter().filter(|activation| activation.unit().is_some()).collect()
}

/// What a spelling makes of the sums of a layer, by its definition.
fn by_spelling(spelling: &Spelling, h: &[f64]) -> Vec<f64> {
    let two = |one: &Spelling, other: &Spelling, of: fn(f64, f64) -> f64| -> Vec<f64> {
        by_spelling(one, h).into_iter().zip(by_spelling(other, h)).map(|(one, other)| of(one, other)).collect()
    };
    match spelling {
        Spelling::Input => h.to_vec(),
        Spelling::Times(number, inner) => by_spelling(inner, h).iter().map(|x| number * x).collect(),
        Spelling::Max(one, other) => two(one, other, f64::max),
        Spelling::Min(one, other) => two(one, other, f64::min),
        Spelling::Sum(one, other) => two(one, other, |one, other| one + other),
        Spelling::Difference(one, other) => two(one, other, |one, other| one - other),
        Spelling::Half(which, inner) => {
            let columns = by_spelling(inner, h);
            columns.chunks(columns.len() / 2).nth(*which).unwrap().to_vec()
        }
        Spelling::Concat(parts) => parts.iter().flat_map(|part| by_spelling(part, h)).collect(),
        Spelling::Operator(name, number, inner) => {
            let of = |x: f64| match (*name, number) {
                ("Relu", None) => x.max(0.0),
                ("Abs", None) => x.abs(),
                ("Sin", None) => x.sin(),
                ("Cos", None) => x.cos(),
                ("Tanh", None) => x.tanh(),
                ("LeakyRelu", Some(("alpha", alpha))) => {
                    if x > 0.0 {
                        x
                    } else {
                        alpha * x
                    }
                }
                _ => panic!("say here what the operator {name} is"),
            };
            by_spelling(inner, h).into_iter().map(of).collect()
        }
    }
}

proptest! {
    #[test]
    fn identities(h in -4.0f64..4.0, other in -4.0f64..4.0) {
        for name in of_units() {
            let mut of = Vec::new();
            name.apply(&[h, other], &mut of);
            let activation = name.unit().unwrap();
            prop_assert_eq!(of.len(), 2 * activation.branches());
            let mut length = 0.0;
            for branch in 0..activation.branches() {
                let at = |h| activation.value(h, branch);
                prop_assert_eq!([of[2 * branch], of[2 * branch + 1]], [at(h), at(other)]);
                let (slope, [low, high]) = (activation.slope(h, branch), activation.sector(branch));
                prop_assert!(low <= slope && slope <= high, "{name}: {slope}");
                length += slope * slope;
                // The sector holds chords too.
                let (rise, run) = (at(h) - at(other), h - other);
                let chord = [low * run, high * run];
                prop_assert!(rise >= chord[0].min(chord[1]) - 1e-12 && rise <= chord[0].max(chord[1]) + 1e-12);
                // The slope is the derivative.
                let step = 1e-6;
                if h.abs() > 2.0 * step {
                    let difference = (at(h + step) - at(h - step)) / (2.0 * step);
                    prop_assert!((difference - slope).abs() < 1e-8, "{name}: {difference} {slope}");
                }
                // Two pieces are the function.
                if let Some([left, right]) = activation.pieces(branch) {
                    prop_assert_eq!(at(h), if h > 0.0 { right * h } else { left * h });
                    prop_assert_eq!([left.min(right), left.max(right)], [low, high]);
                    prop_assert_eq!(activation.slope(0.0, branch), left);
                }
            }
            prop_assert!(length.sqrt() <= activation.steepness() * (1.0 + 1e-15), "{name}");
            // The constants hold for slopes, and for what two sums of one unit hand on.
            let slopes: Vec<f64> = (0..activation.branches()).map(|branch| activation.slope(h, branch)).collect();
            let apart: Vec<f64> = (0..activation.branches())
                .map(|branch| activation.value(h, branch) - activation.value(other, branch))
                .collect();
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let constant = activation.lipschitz(norm);
                prop_assert!(norm.of(&slopes) <= constant * (1.0 + 1e-15), "{name} {norm:?}");
                prop_assert!(norm.of(&apart) <= constant * (h - other).abs() + 1e-15, "{name} {norm:?}");
            }
            for branch in (0..activation.branches()).filter(|&branch| activation.pieces(branch).is_none()) {
                let change = (activation.slope(h, branch) - activation.slope(other, branch)).abs();
                prop_assert!(change <= activation.bend() * (h - other).abs() + 1e-15, "{name}");
            }
        }
    }

    /// What holds for layers: spellings, slopes, single precision, constants between any two lists of sums.
    #[test]
    fn layers(h in prop::collection::vec(-4.0f64..4.0, 6), other in prop::collection::vec(-4.0f64..4.0, 6)) {
        for activation in activations() {
            let at = |h: &[f64]| {
                let mut out = Vec::new();
                activation.apply(h, &mut out);
                out
            };
            let (of, of_other) = (at(&h), at(&other));
            prop_assert_eq!(of.len(), h.len() * activation.branches());
            for spelling in activation.spellings() {
                prop_assert_eq!(&by_spelling(&spelling, &h), &of, "{}", activation);
            }
            let apart: Vec<f64> = of.iter().zip(&of_other).map(|(a, b)| a - b).collect();
            let from: Vec<f64> = h.iter().zip(&other).map(|(a, b)| a - b).collect();
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                prop_assert!(norm.of(&apart) <= activation.lipschitz(norm) * norm.of(&from) * (1.0 + 1e-14) + 1e-15, "{activation}");
            }
            // The slopes of Σ_k c_k out_k, against differences where no kink is near.
            let c: Vec<f64> = (0..of.len()).map(|k| (k as f64 * 0.7).sin()).collect();
            let mut slopes = vec![0.0; h.len()];
            activation.slopes(&h, &c, &mut slopes);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-5;
            for i in 0..h.len() {
                let step = 1e-6;
                let kink = near(h[i], 0.0) || (activation.group() == 2 && near(h[i], h[(i + 3) % 6]));
                let moved = |by: f64| {
                    let mut h = h.clone();
                    h[i] += by;
                    at(&h).iter().zip(&c).map(|(a, c)| a * c).sum::<f64>()
                };
                let difference = (moved(step) - moved(-step)) / (2.0 * step);
                prop_assert!(kink || (difference - slopes[i]).abs() < 1e-7, "{activation}: {difference} {}", slopes[i]);
            }
            let single = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<f32>>();
            let (mut out, mut of_h) = (vec![0.0; of.len()], vec![0.0; h.len()]);
            activation.apply_single(&single(&h), &mut out);
            activation.slopes_single(&single(&h), &single(&c), &mut of_h);
            let close = |a: &[f32], b: &[f64]| a.iter().zip(b).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5);
            prop_assert!(close(&out, &of), "{activation}");
            prop_assert!((0..6).any(|i| near(h[i], 0.0) || near(h[i], h[(i + 3) % 6])) || close(&of_h, &slopes), "{activation}");
        }
    }
}

#[test]
fn an_activation_is_found_by_its_name_and_by_its_spellings() {
    for activation in activations() {
        assert_eq!(activation.name().parse::<Activation>().unwrap(), activation);
        for spelling in activation.spellings() {
            let found = Activation::spelled(&spelling).unwrap();
            assert_eq!(found, activation);
        }
    }
    let twice = Spelling::operator("Relu").of(&Spelling::operator("Relu"));
    assert_eq!(Activation::spelled(&twice), None);
}

/// What the largest length of the slopes is said to be is reached somewhere, and the ends of each sector are met.
#[test]
fn steepness_and_sectors_are_no_larger_than_they_must_be() {
    for name in of_units() {
        let activation = name.unit().unwrap();
        let points = || (-4000..=4000).map(|k| f64::from(k) * 1e-2);
        let length = |h| (0..activation.branches()).map(|k| activation.slope(h, k).powi(2)).sum::<f64>().sqrt();
        let longest = points().map(length).fold(0.0, f64::max);
        assert!(longest > activation.steepness() * (1.0 - 1e-6), "{name}: {longest}");
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let of = |h| norm.of(&(0..activation.branches()).map(|k| activation.slope(h, k)).collect::<Vec<_>>());
            let longest = points().map(of).fold(0.0, f64::max);
            assert!(longest > activation.lipschitz(norm) * (1.0 - 1e-4), "{name} {norm:?}: {longest}");
        }
        for branch in 0..activation.branches() {
            let slopes = points().map(|h| activation.slope(h, branch));
            let (low, high) = slopes.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(s), h.max(s)));
            let sector = activation.sector(branch);
            assert!((low - sector[0]).abs() < 1e-6 && (high - sector[1]).abs() < 1e-6, "{name}");
        }
    }
}

#[test]
fn names_are_read_and_what_is_wrong_is_told() {
    assert_eq!("leaky-relu".parse::<Activation>().unwrap().name(), "leaky-relu:0.01");
    assert!(Activation::relu().is_relu() && Activation::identity().is_identity());
    for (text, what, hint) in [
        ("swish", "no activation \"swish\"", "choose one of: identity, relu, "),
        ("leaky-relu:1", "`leaky-relu:1`", "below 1"),
        ("leaky-relu:NaN", "`leaky-relu:NaN`", "below 1"),
        ("leaky-relu:x", "\"x\" is not a number", "`leaky-relu:0.01`"),
        ("relu:2", "the number 2", "without a number"),
        ("", "no activation \"\"", "relu"),
    ] {
        let error = text.parse::<Activation>().unwrap_err();
        assert!(error.what.contains(what) && error.hint.contains(hint), "{text}: {error:?}");
    }
}
