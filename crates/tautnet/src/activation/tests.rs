//! Identities that every activation must satisfy.

use super::*;
use crate::norm::Norm;
use proptest::prelude::*;

/// Every entry at its usual parameter and at others.
fn activations() -> Vec<Activation> {
    let more = ["leaky-relu:0", "leaky-relu:-0.5", "leaky-relu:0.99"];
    ALL.iter().map(Entry::example).chain(more.map(str::to_owned)).map(|name| name.parse().unwrap()).collect()
}

/// What a spelling says, by its definition; one list of columns an `h`.
fn by_spelling(spelling: &Spelling, h: f64) -> Vec<f64> {
    match spelling {
        Spelling::Input => vec![h],
        Spelling::Times(number, inner) => by_spelling(inner, h).iter().map(|x| number * x).collect(),
        Spelling::Max(one, other) => {
            by_spelling(one, h).iter().zip(by_spelling(other, h)).map(|(one, other)| one.max(other)).collect()
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
        for activation in activations() {
            let mut of = Vec::new();
            activation.apply(&[h, other], &mut of);
            prop_assert_eq!(of.len(), 2 * activation.branches());
            let mut length = 0.0;
            for branch in 0..activation.branches() {
                let at = |h| activation.value(h, branch);
                prop_assert_eq!([of[2 * branch], of[2 * branch + 1]], [at(h), at(other)]);
                let (slope, [low, high]) = (activation.slope(h, branch), activation.sector(branch));
                prop_assert!(low <= slope && slope <= high, "{activation}: {slope}");
                length += slope * slope;
                // The sector holds chords too.
                let (rise, run) = (at(h) - at(other), h - other);
                let chord = [low * run, high * run];
                prop_assert!(rise >= chord[0].min(chord[1]) - 1e-12 && rise <= chord[0].max(chord[1]) + 1e-12);
                // The slope is the derivative.
                let step = 1e-6;
                if h.abs() > 2.0 * step {
                    let difference = (at(h + step) - at(h - step)) / (2.0 * step);
                    prop_assert!((difference - slope).abs() < 1e-8, "{activation}: {difference} {slope}");
                }
                // Two pieces are the function.
                if let Some([left, right]) = activation.pieces(branch) {
                    prop_assert_eq!(at(h), if h > 0.0 { right * h } else { left * h });
                    prop_assert_eq!([left.min(right), left.max(right)], [low, high]);
                    prop_assert_eq!(activation.slope(0.0, branch), left);
                }
            }
            prop_assert!(length.sqrt() <= activation.steepness() * (1.0 + 1e-15), "{activation}");
            // The constants hold for slopes, and for what two sums of one unit hand on.
            let slopes: Vec<f64> = (0..activation.branches()).map(|branch| activation.slope(h, branch)).collect();
            let apart: Vec<f64> = (0..activation.branches())
                .map(|branch| activation.value(h, branch) - activation.value(other, branch))
                .collect();
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let constant = activation.lipschitz(norm);
                prop_assert!(norm.of(&slopes) <= constant * (1.0 + 1e-15), "{activation} {norm:?}");
                prop_assert!(norm.of(&apart) <= constant * (h - other).abs() + 1e-15, "{activation} {norm:?}");
            }
            for branch in (0..activation.branches()).filter(|&branch| activation.pieces(branch).is_none()) {
                let change = (activation.slope(h, branch) - activation.slope(other, branch)).abs();
                prop_assert!(change <= activation.bend() * (h - other).abs() + 1e-15, "{activation}");
            }
            // Every spelling is the function.
            for spelling in activation.spellings() {
                let spelled = by_spelling(&spelling, h);
                let own: Vec<f64> = (0..activation.branches()).map(|branch| activation.value(h, branch)).collect();
                prop_assert_eq!(spelled, own, "{}", activation);
            }
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
    for activation in activations() {
        let points = || (-4000..=4000).map(|k| f64::from(k) * 1e-2);
        let length = |h| (0..activation.branches()).map(|k| activation.slope(h, k).powi(2)).sum::<f64>().sqrt();
        let longest = points().map(length).fold(0.0, f64::max);
        assert!(longest > activation.steepness() * (1.0 - 1e-6), "{activation}: {longest}");
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let of = |h| norm.of(&(0..activation.branches()).map(|k| activation.slope(h, k)).collect::<Vec<_>>());
            let longest = points().map(of).fold(0.0, f64::max);
            assert!(longest > activation.lipschitz(norm) * (1.0 - 1e-4), "{activation} {norm:?}: {longest}");
        }
        for branch in 0..activation.branches() {
            let slopes = points().map(|h| activation.slope(h, branch));
            let (low, high) = slopes.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(s), h.max(s)));
            let sector = activation.sector(branch);
            assert!((low - sector[0]).abs() < 1e-6 && (high - sector[1]).abs() < 1e-6, "{activation}");
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
