//! Certificates against exact arithmetic: what the verifier accepts must be true of the exact network.
//!
//! The judge here decides whether the block matrix of the LMI is positive definite by fraction-free elimination in
//! whole numbers of any size; the verifier goes another way, through the norm of a matrix in floating point.

use crate::cases::{cases, random_certificate, random_network, random_scaler};
use faer::Mat;
use num_bigint::BigInt;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::cmp::Ordering;
use tautnet::certify::{Approximation, fingerprint, issue, verify};
use tautnet::{Norm, Shallow};
use tautnet_verify::{Certificate, Claim, Refusal};

// ---- exact arithmetic: numbers `whole · 2^exponent`

#[derive(Clone)]
struct Exact {
    whole: BigInt,
    exponent: i64,
}

impl Exact {
    fn of(x: f64) -> Self {
        let bits = x.to_bits();
        let (biased, fraction) = (((bits >> 52) & 0x7ff) as i64, (bits & ((1 << 52) - 1)) as i64);
        let (whole, exponent) = if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
        Self { whole: BigInt::from(if x < 0.0 { -whole } else { whole }), exponent }
    }

    fn times(&self, other: &Self) -> Self {
        Self { whole: &self.whole * &other.whole, exponent: self.exponent + other.exponent }
    }

    fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { whole: self.at(exponent) + other.at(exponent), exponent }
    }

    fn at(&self, exponent: i64) -> BigInt {
        &self.whole << usize::try_from(self.exponent - exponent).expect("the least exponent was asked for")
    }

    fn sign(&self) -> Ordering {
        self.whole.cmp(&BigInt::ZERO)
    }

    fn at_most(&self, other: &Self) -> bool {
        self.plus(&other.times(&Self::of(-1.0))).sign() != Ordering::Greater
    }
}

/// All leading minors are positive: Bareiss' elimination, in which every division is exact.
fn positive_definite(matrix: &[Vec<Exact>]) -> bool {
    let exponent = matrix.iter().flatten().map(|x| x.exponent).min().unwrap_or(0);
    let mut a: Vec<Vec<BigInt>> = matrix.iter().map(|row| row.iter().map(|x| x.at(exponent)).collect()).collect();
    let mut previous = BigInt::from(1);
    for k in 0..a.len() {
        if a[k][k] <= BigInt::ZERO {
            return false;
        }
        for i in k + 1..a.len() {
            for j in k + 1..a.len() {
                a[i][j] = (&a[k][k] * &a[i][j] - &a[i][k] * &a[k][j]) / &previous;
            }
        }
        previous = a[k][k].clone();
    }
    true
}

fn exactly_true(network: &Shallow, norm: Norm, x_scale: &[f64], y_scale: f64, claim: &Claim) -> bool {
    let (m, d) = (network.units(), network.inputs());
    let z = |i: usize, k: usize| {
        Exact::of(y_scale).times(&Exact::of(network.v()[i])).times(&Exact::of(network.w()[(i, k)]))
    };
    let zero = Exact::of(0.0);
    let linear = |k: usize| Exact::of(y_scale).times(&Exact::of(network.a().map_or(0.0, |a| a[k])));
    let sum_of_sign = |k: usize, sign: Ordering| {
        let parts = (0..m).map(|i| z(i, k)).filter(|x| x.sign() == sign);
        let sum = parts.fold(linear(k), |sum, x| sum.plus(&x));
        if sign == Ordering::Less { sum.times(&Exact::of(-1.0)) } else { sum }
    };
    let sensitivity_below = |k: usize, limit: f64| {
        let limit = Exact::of(limit).times(&Exact::of(x_scale[k]));
        sum_of_sign(k, Ordering::Greater).at_most(&limit) && sum_of_sign(k, Ordering::Less).at_most(&limit)
    };
    if !(0..d).all(|k| sensitivity_below(k, claim.sensitivities[k])) {
        return false;
    }
    if norm == Norm::One {
        return (0..d).all(|k| sensitivity_below(k, claim.bound));
    }
    let weights = claim.input_weights.clone().unwrap_or_else(|| vec![claim.bound; d]);
    let sum = weights.iter().fold(zero.clone(), |sum, &r| sum.plus(&Exact::of(r)));
    if norm == Norm::Infinity && !sum.at_most(&Exact::of(claim.bound)) {
        return false;
    }
    let units: Vec<usize> = (0..m).filter(|&i| (0..d).any(|k| z(i, k).sign() != Ordering::Equal)).collect();
    let moves = |k: usize| linear(k).sign() != Ordering::Equal;
    let inputs: Vec<usize> =
        (0..d).filter(|&k| moves(k) || units.iter().any(|&i| z(i, k).sign() != Ordering::Equal)).collect();
    if inputs.is_empty() {
        return claim.bound >= 0.0;
    }
    let (n, size) = (units.len(), units.len() + inputs.len() + 1);
    let mut s = vec![vec![zero; size]; size];
    for (a, &i) in units.iter().enumerate() {
        let multiplier = Exact::of(claim.multipliers[i]);
        s[a][a] = multiplier.times(&Exact::of(2.0));
        s[a][size - 1] = multiplier;
        for (b, &k) in inputs.iter().enumerate() {
            s[a][n + b] = z(i, k);
        }
    }
    for (b, &k) in inputs.iter().enumerate() {
        s[n + b][n + b] = Exact::of(weights[k]).times(&Exact::of(x_scale[k])).times(&Exact::of(x_scale[k]));
        // With the signs of the units turned, which changes no minor: +ya beside −yvw and −ℓ is −ya beside them.
        s[n + b][size - 1] = linear(k).times(&Exact::of(-1.0));
    }
    s[size - 1][size - 1] = Exact::of(claim.bound);
    for a in 0..size {
        for b in 0..a {
            s[a][b] = s[b][a].clone();
        }
    }
    positive_definite(&s)
}

/// Whether every claim of an accepted certificate is true.
fn exactly_proved(network: &Shallow, certificate: &Certificate) -> bool {
    let norm = Norm::from(certificate.norm);
    let ones = vec![1.0; network.inputs()];
    exactly_true(network, norm, &ones, 1.0, &certificate.standardized)
        && match (&certificate.scaler, &certificate.raw) {
            (Some(scaler), Some(raw)) => exactly_true(network, norm, &scaler.x_scale, scaler.y_scale, raw),
            (None, None) => true,
            _ => false,
        }
}

fn network(w: &[&[f64]], v: &[f64]) -> Shallow {
    let w = Mat::from_fn(w.len(), w[0].len(), |i, k| w[i][k]);
    let b = vec![0.0; w.nrows()];
    Shallow::new(w, b, v.to_vec(), 0.0).unwrap()
}

fn verified(network: &Shallow, certificate: &Certificate) -> bool {
    verify(&certificate.to_json(), network).is_ok()
}

// ---- every certificate

#[test]
fn issued_certificates_are_proofs_and_tampered_ones_are_refused() {
    for case in cases(7, 300) {
        match (verify(&case.bytes, &case.network), case.tampering) {
            (Ok(proof), None) => assert!(exactly_proved(&case.network, proof.certificate())),
            (Err(_), Some(_)) => {}
            (verdict, tampering) => panic!("tampering {tampering:?}, verdict {verdict:?}"),
        }
    }
}

#[test]
fn found_gradients_are_below_every_bound() {
    let mut random = Pcg64::seed_from_u64(11);
    for _ in 0..300 {
        let (network, certificate) = random_certificate(&mut random);
        let mut check = |claim: &Claim, x_scale: &[f64], y_scale: f64| {
            let x: Vec<f64> = (0..network.inputs()).map(|_| random.random_range(-3.0..3.0)).collect();
            let gradient = network.gradient(&x);
            let gradient: Vec<f64> = (0..x.len()).map(|k| gradient[k] * y_scale / x_scale[k]).collect();
            let found = Norm::from(certificate.norm).dual().of(&gradient);
            assert!(found <= claim.bound * (1.0 + 1e-14), "{found} > {}", claim.bound);
            for k in 0..x.len() {
                assert!(gradient[k].abs() <= claim.sensitivities[k] * (1.0 + 1e-14));
            }
        };
        for _ in 0..20 {
            check(&certificate.standardized, &vec![1.0; network.inputs()], 1.0);
            if let (Some(scaler), Some(raw)) = (&certificate.scaler, &certificate.raw) {
                check(raw, &scaler.x_scale, scaler.y_scale);
            }
        }
    }
}

#[test]
fn the_limit_of_acceptance_is_above_the_exact_limit_and_close() {
    // Bisection, in units of the last place, for the least bound that each judge accepts with the same multipliers.
    let mut random = Pcg64::seed_from_u64(5);
    let mut tried = 0;
    while tried < 60 {
        let (network, certificate) = random_certificate(&mut random);
        if Norm::from(certificate.norm) != Norm::Two || certificate.standardized.bound == 0.0 {
            continue;
        }
        tried += 1;
        let with = |bound: u64| {
            let mut changed = Certificate { scaler: None, raw: None, ..certificate.clone() };
            changed.standardized.bound = f64::from_bits(bound);
            changed
        };
        let least = |accepts: &dyn Fn(&Certificate) -> bool| {
            let mut high = certificate.standardized.bound.to_bits();
            let mut low = (certificate.standardized.bound * (1.0 - 1e-9)).to_bits();
            assert!(accepts(&with(high)) && !accepts(&with(low)));
            while high - low > 1 {
                let middle = low.midpoint(high);
                if accepts(&with(middle)) { high = middle } else { low = middle }
            }
            f64::from_bits(high)
        };
        let exact = least(&|certificate| exactly_proved(&network, certificate));
        let proved = least(&|certificate| verified(&network, certificate));
        assert!(exact <= proved && proved <= exact * (1.0 + 1e-12), "{exact} {proved}");
        let issued = certificate.standardized.bound;
        assert!(issued <= exact * (1.0 + 1e-11), "issued with the margin {}", issued / exact - 1.0);
    }
}

/// A number of a certificate, where it stands, and a factor that is far too much.
type Field = (&'static str, fn(&mut Certificate, usize) -> Option<&mut f64>, f64);

#[test]
fn every_number_is_refused_one_unit_in_the_last_place_beyond_its_limit() {
    let fields: [Field; 12] = [
        ("bound", |c, k| (k == 0).then_some(&mut c.standardized.bound), 0.5),
        ("sensitivity", |c, k| c.standardized.sensitivities.get_mut(k), 0.5),
        ("multiplier", |c, k| c.standardized.multipliers.get_mut(k), 1e-3),
        ("multiplier", |c, k| c.standardized.multipliers.get_mut(k), 1e3),
        ("input weight", |c, k| c.standardized.input_weights.as_mut()?.get_mut(k), 1e-3),
        ("input weight", |c, k| c.standardized.input_weights.as_mut()?.get_mut(k), 1e3),
        ("raw bound", |c, k| c.raw.as_mut().filter(|_| k == 0).map(|raw| &mut raw.bound), 0.5),
        ("raw sensitivity", |c, k| c.raw.as_mut()?.sensitivities.get_mut(k), 0.5),
        ("raw multiplier", |c, k| c.raw.as_mut()?.multipliers.get_mut(k), 1e-3),
        ("raw multiplier", |c, k| c.raw.as_mut()?.multipliers.get_mut(k), 1e3),
        ("input scale", |c, k| c.scaler.as_mut()?.x_scale.get_mut(k), 0.5),
        ("target scale", |c, k| c.scaler.as_mut().filter(|_| k == 0).map(|scaler| &mut scaler.y_scale), 2.0),
    ];
    let mut random = Pcg64::seed_from_u64(21);
    let mut limits = [0; 12];
    for _ in 0..60 {
        let (network, certificate) = random_certificate(&mut random);
        for (f, (name, field, factor)) in fields.iter().enumerate() {
            for k in 0..6 {
                let with = |bits: u64| {
                    let mut changed = certificate.clone();
                    if let Some(number) = field(&mut changed, k) {
                        *number = f64::from_bits(bits);
                    }
                    changed
                };
                let Some(issued) = field(&mut certificate.clone(), k).copied().filter(|x| *x > 0.0) else { continue };
                let (mut accepted, mut refused) = (issued.to_bits(), (issued * factor).to_bits());
                if verified(&network, &with(refused)) {
                    // A number with nothing to lose: of an input that no unit uses, say.
                    assert!(exactly_proved(&network, &with(refused)), "{name}");
                    continue;
                }
                while accepted.abs_diff(refused) > 1 {
                    let middle = accepted.midpoint(refused);
                    if verified(&network, &with(middle)) { accepted = middle } else { refused = middle }
                }
                assert!(exactly_proved(&network, &with(accepted)), "{name} {k} at its limit: {certificate:?}");
                assert!(!verified(&network, &with(refused)), "{name}");
                limits[f] += 1;
            }
        }
    }
    assert!(limits.iter().all(|count| *count > 20), "{limits:?}");
}

// ---- single networks

#[test]
fn two_opposite_units_have_a_bound_of_one_at_least() {
    // relu(x) − relu(x − 1): the true constant is 1, and the form of LipSDP that couples neurons reports about 1e-5.
    let pair = network(&[&[1.0], &[1.0]], &[1.0, -1.0]).edited(|parts| parts.b[1] = -1.0).unwrap();
    for norm in [Norm::One, Norm::Two, Norm::Infinity] {
        let certificate = issue(&pair, norm, None, None, None).unwrap();
        // In one dimension diagonal multipliers prove max(Σ(v_i w_i)₊, Σ(v_i w_i)₋) = 1.
        assert!((1.0..1.0 + 1e-9).contains(&certificate.standardized.bound), "{norm:?} {certificate:?}");
        assert!((1.0..1.0 + 1e-14).contains(&certificate.standardized.sensitivities[0]));
    }
}

#[test]
fn one_unit_has_the_norm_of_its_gradient() {
    let unit = network(&[&[3.0, 0.0, -4.0]], &[-2.0]);
    for (norm, expected) in [(Norm::One, 8.0), (Norm::Two, 10.0), (Norm::Infinity, 14.0)] {
        let bound = issue(&unit, norm, None, None, None).unwrap().standardized.bound;
        assert!((expected..expected * (1.0 + 1e-11)).contains(&bound), "{norm:?} {bound}");
    }
}

#[test]
fn constant_units_are_left_out_and_constant_networks_have_the_bound_zero() {
    let mixed = network(&[&[0.0, 0.0], &[1.0, 2.0], &[5.0, 5.0]], &[3.0, 1.0, 0.0]);
    for norm in [Norm::Two, Norm::Infinity] {
        let claim = issue(&mixed, norm, None, None, None).unwrap().standardized;
        assert_eq!((claim.multipliers[0], claim.multipliers[2]), (0.0, 0.0));
        let expected = norm.dual().of(&[1.0, 2.0]);
        assert!((claim.bound / expected - 1.0).abs() < 1e-11);
    }
    let constant = network(&[&[0.0], &[4.0]], &[1.0, 0.0]);
    for norm in [Norm::One, Norm::Two, Norm::Infinity] {
        assert_eq!(issue(&constant, norm, None, None, None).unwrap().standardized.bound, 0.0);
    }
}

#[test]
fn scales_over_the_whole_range_of_doubles() {
    for (w, v) in [(1e200, 1e-200), (1e-200, 1e200), (1e-150, 1e-150), (1e150, 1e150), (1e-300, 1.0), (5e-324, 2.0)] {
        let network = network(&[&[w, 0.0], &[w, w], &[0.0, -w]], &[v, -v, 0.5 * v]);
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let certificate = issue(&network, norm, None, None, None).unwrap();
            assert!(exactly_proved(&network, &certificate));
            let size = certificate.standardized.bound / w / v;
            assert!((0.5..4.0).contains(&size) || w < 1e-320, "{w} {v} {norm:?} {size}");
        }
    }
    let beyond = network(&[&[1e200]], &[1e200]);
    assert!(issue(&beyond, Norm::Two, None, None, None).unwrap_err().what.contains("range"));
}

#[test]
fn good_multipliers_are_kept_and_bad_ones_cost_no_more_than_none() {
    // Orthogonal units with one sign: ℓ_i = |z_i|² / ‖Σ z‖ proves ‖Σ z‖, the norms only something larger.
    let network = network(&[&[3.0, 0.0], &[0.0, 4.0]], &[1.0, 1.0]);
    let optimal = Approximation { multipliers: vec![9.0 / 5.0, 16.0 / 5.0], input_weights: None };
    let bound = |approximation: Option<&Approximation>| {
        issue(&network, Norm::Two, approximation, None, None).unwrap().standardized.bound
    };
    assert!((5.0..5.0 * (1.0 + 1e-12)).contains(&bound(Some(&optimal))), "{}", bound(Some(&optimal)));
    let none = bound(None);
    assert!(none > 5.01);
    for multipliers in [[0.0, 0.0], [f64::NAN, 1.0], [-1.0, f64::INFINITY], [1e-300, 1e300], [1e9, 1e-9]] {
        let poor = Approximation { multipliers: multipliers.to_vec(), input_weights: None };
        assert!(bound(Some(&poor)) <= none * (1.0 + 1e-12));
    }
    let wrong = Approximation { multipliers: vec![1.0], input_weights: None };
    assert!(issue(&network, Norm::Two, Some(&wrong), None, None).is_err());
}

#[test]
fn raw_multipliers_prove_more_than_the_standardized_bound_times_the_largest_scale() {
    let network = network(&[&[3.0, 0.0], &[0.0, 4.0]], &[1.0, 1.0]);
    let scaler =
        tautnet_verify::Scaler { x_mean: vec![0.0, 1.0], x_scale: vec![0.5, 100.0], y_mean: 7.0, y_scale: 10.0 };
    // In raw units the gradients are (60, 0) and (0, 0.4): the bound is their sum's length.
    let expected = 60f64.hypot(0.4);
    let raw = Approximation { multipliers: vec![3600.0 / expected, 0.16 / expected], input_weights: None };
    let claim = issue(&network, Norm::Two, None, Some(&scaler), Some(&raw)).unwrap().raw.unwrap();
    assert!((expected..expected * (1.0 + 1e-11)).contains(&claim.bound), "{} {expected}", claim.bound);
    assert!((claim.sensitivities[0] - 60.0).abs() < 1e-12 && (claim.sensitivities[1] - 0.4).abs() < 1e-14);
}

#[test]
fn large_networks_verify_whichever_side_is_longer() {
    let mut random = Pcg64::seed_from_u64(3);
    for (m, d) in [(700, 30), (30, 700), (120, 119), (1, 500), (500, 1)] {
        let w = Mat::from_fn(m, d, |_, _| random.random_range(-1.0..1.0));
        let v: Vec<f64> = (0..m).map(|_| random.random_range(-1.0..1.0)).collect();
        let network = Shallow::new(w, vec![0.0; m], v, 0.0).unwrap();
        for norm in [Norm::Two, Norm::Infinity] {
            let mut certificate = issue(&network, norm, None, None, None).unwrap();
            assert!(verified(&network, &certificate));
            certificate.standardized.bound *= 1.0 - 1e-8;
            certificate.standardized.input_weights.iter_mut().flatten().for_each(|r| *r *= 1.0 - 1e-8);
            assert!(matches!(verify(&certificate.to_json(), &network), Err(Refusal::NotProved(_))));
        }
    }
}

#[test]
fn sums_over_many_units_are_rounded_upwards() {
    let mut random = Pcg64::seed_from_u64(9);
    for _ in 0..10 {
        let m = 300;
        let w = Mat::from_fn(m, 2, |_, _| random.random_range(0.0..1.0));
        let v: Vec<f64> = (0..m).map(|_| random.random_range(-0.1..1.0)).collect();
        let network = Shallow::new(w, vec![0.0; m], v, 0.0).unwrap();
        let certificate = issue(&network, Norm::One, None, None, None).unwrap();
        assert!(exactly_proved(&network, &certificate));
    }
}

#[test]
fn other_shapes_of_json_are_refused() {
    let network = network(&[&[1.0]], &[1.0]);
    let certificate = issue(&network, Norm::One, None, None, None).unwrap();
    let text = String::from_utf8(certificate.to_json()).unwrap();
    assert!(verify(text.as_bytes(), &network).is_ok());
    assert!(verify(text.replace("\"1\"", "{\"1\": null}").as_bytes(), &network).is_err());
    let claim = serde_json::to_value(&certificate.standardized).unwrap();
    let list = format!("[{}, {}, [], null]", claim["bound"], claim["sensitivities"]);
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["standardized"] = serde_json::from_str(&list).unwrap();
    assert!(matches!(verify(value.to_string().as_bytes(), &network), Err(Refusal::Unreadable(_))));
}

#[test]
fn the_certificate_in_the_documentation_verifies() {
    let text = include_str!("../../../docs/certificate-format.md");
    let example = text.split("```json").nth(1).and_then(|rest| rest.split("```").next()).expect("there is an example");
    let pair = network(&[&[1.0], &[1.0]], &[1.0, -1.0]).edited(|parts| parts.b[1] = -1.0).unwrap();
    let proof = verify(example.as_bytes(), &pair).unwrap();
    assert!(exactly_proved(&pair, proof.certificate()));
}

#[test]
fn the_fingerprint_is_the_documented_one() {
    // sha256 of "tautnet network 2\n", 2; 1, 2, the doubles 1.5, −2, 0.25, 4, "relu"; 1, 1, the doubles 3, −0, 8, "identity"; 0.
    let network = Shallow::new(Mat::from_fn(1, 2, |_, k| [1.5, -2.0][k]), vec![0.25], vec![3.0], -0.0).unwrap();
    assert_eq!(fingerprint(&network), "aa11381e30e10c67105c5f622c60cd6d36d67574b55fce2736459223559854f5");
    // And with a linear part 1 in the place of the last 0, then 0.5 and −1.
    let network = network.edited(|parts| parts.a = Some(Mat::from_fn(2, 1, |k, _| [0.5, -1.0][k]))).unwrap();
    assert_eq!(fingerprint(&network), "05e10cd8fe54b11337a6165072d3812629eac73ff1c4a1da6e064f6557624588");
}

// ---- anything at all

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_prove_nothing(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verify(&bytes, &network(&[&[1.0]], &[1.0])).is_err());
    }

    #[test]
    fn what_is_accepted_after_damage_is_still_true(
        seed in any::<u64>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4), 1..4),
    ) {
        let (network, certificate) = random_certificate(&mut Pcg64::seed_from_u64(seed));
        let mut bytes = certificate.to_json();
        for (place, byte, kind) in damage {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                // Digits for digits: the file stays readable and its numbers change.
                1 | 2 => {
                    let start = place;
                    if let Some(at) = (start..bytes.len()).find(|&at| bytes[at].is_ascii_digit()) {
                        bytes[at] = b'0' + byte % 10;
                    }
                }
                _ => drop(bytes.remove(place)),
            }
        }
        if let Ok(proof) = verify(&bytes, &network) {
            prop_assert!(exactly_proved(&network, proof.certificate()));
        }
    }

    #[test]
    fn forged_numbers_near_the_limit_are_never_accepted_when_false(
        seed in any::<u64>(),
        change in -20i32..60,
        every in prop::collection::vec(-1e-13..1e-13f64, 8),
    ) {
        // Around the limit of what is true, on both sides, for forged multipliers, weights and bounds.
        let mut random = Pcg64::seed_from_u64(seed);
        let network = random_network(&mut random);
        let scaler = random_scaler(&mut random, network.inputs());
        let norm = if seed % 2 == 0 { Norm::Two } else { Norm::Infinity };
        let mut certificate = issue(&network, norm, None, Some(&scaler), None).unwrap();
        for claim in [Some(&mut certificate.standardized), certificate.raw.as_mut()].into_iter().flatten() {
            let factor = 1.0 - f64::from(change) * 1e-15;
            claim.bound *= factor;
            claim.input_weights.iter_mut().flatten().for_each(|r| *r *= factor);
            for (l, by) in claim.multipliers.iter_mut().zip(&every) {
                *l *= 1.0 + by;
            }
        }
        if let Ok(proof) = verify(&certificate.to_json(), &network) {
            prop_assert!(exactly_proved(&network, proof.certificate()));
        }
    }
}
