//! Products of norms against what they must satisfy, at ordinary and extreme scales.

use super::*;
use crate::network::Layer;
use crate::random::normal;
use crate::{Activation, activation};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const NORMS: [Norm; 3] = [Norm::Two, Norm::Infinity, Norm::One];

/// A chain with activations of every kind, weights of the given size.
pub(crate) fn random(widths: &[usize], scale: f64, linear: bool, random: &mut Pcg64) -> Network {
    let mut layers: Vec<Layer> = Vec::new();
    for (l, pair) in widths.windows(2).enumerate() {
        let inputs = layers.last().map_or(pair[0], Layer::outputs);
        let name = activation::ALL[random.random_range(0..activation::ALL.len())].example();
        let last = l + 2 == widths.len();
        let activation: Activation = if last { Activation::identity() } else { name.parse().unwrap() };
        let size = scale / (inputs as f64).sqrt();
        let units = pair[1].next_multiple_of(activation.group());
        let weights = Mat::from_fn(units, inputs, |_, _| size * normal(random));
        layers.push(Layer::new(weights, (0..units).map(|_| normal(random)).collect(), activation));
    }
    let (outputs, inputs) = (widths[widths.len() - 1], widths[0]);
    let linear = linear.then(|| Mat::from_fn(outputs, inputs, |_, _| scale * normal(random)));
    Network::new(layers, linear).unwrap()
}

/// A matrix with the singular values given: a diagonal between two reflections.
fn with_singular_values(rows: usize, columns: usize, values: &[f64], random: &mut Pcg64) -> Mat<f64> {
    let mut draw = |n: usize| {
        let v: Vec<f64> = (0..n).map(|_| normal(random)).collect();
        let square: f64 = v.iter().map(|v| v * v).sum();
        (v, square)
    };
    let ((a, aa), (b, bb)) = (draw(rows), draw(columns));
    let reflect = |v: &[f64], square: f64, i: usize, k: usize| f64::from(u8::from(i == k)) - 2.0 * v[i] * v[k] / square;
    let sum = |i, k| (0..values.len()).map(|r| reflect(&a, aa, i, r) * values[r] * reflect(&b, bb, r, k)).sum();
    Mat::from_fn(rows, columns, sum)
}

#[test]
fn the_norm_2_of_a_layer_is_tight_at_every_scale() {
    let mut random = Pcg64::seed_from_u64(1);
    for (rows, columns) in [(1, 7), (7, 1), (5, 3), (30, 80), (200, 300)] {
        for scale in [1e-300, 1e-160, 1.0, 1e150, 1e300] {
            let values: Vec<f64> = (0..rows.min(columns)).map(|r| scale / (1.0 + (r / 2) as f64)).collect();
            let w = with_singular_values(rows, columns, &values, &mut random);
            let upper = layer_norm_upper_bound(w.as_ref(), Norm::Two);
            assert!(
                upper >= scale * (1.0 - 1e-13) && upper <= scale * (1.0 + 1e-9),
                "{rows} {columns} {scale}: {upper}"
            );
        }
    }
}

#[test]
fn a_layer_of_512_units_and_784_inputs_is_tight() {
    let mut random = Pcg64::seed_from_u64(2);
    let w = Mat::from_fn(512, 784, |_, _| normal(&mut random));
    let upper = layer_norm_upper_bound(w.as_ref(), Norm::Two);
    // From below: the length of what a unit vector is taken to.
    let mut v: Vec<f64> = vec![1.0; 784];
    let mut lower = 0.0;
    for _ in 0..1200 {
        let length = Norm::Two.of(&v);
        let image: Vec<f64> = (0..512).map(|i| (0..784).map(|k| w[(i, k)] * v[k] / length).sum()).collect();
        lower = Norm::Two.of(&image);
        v = (0..784).map(|k| (0..512).map(|i| w[(i, k)] * image[i]).sum()).collect();
    }
    assert!(upper >= lower && upper <= lower * (1.0 + 1e-8), "{lower} {upper}");
}

#[test]
fn the_pair_of_two_units_has_the_bounds_that_one_computes_by_hand() {
    let hidden = Layer::new(Mat::from_fn(2, 1, |_, _| 1.0), vec![0.0, -1.0], Activation::relu());
    let last = Layer::new(Mat::from_fn(1, 2, |_, k| 1.0 - 2.0 * k as f64), vec![0.0], Activation::identity());
    let network = Network::new(vec![hidden, last], None).unwrap();
    for (norm, expected) in [(Norm::Two, 2.0), (Norm::Infinity, 2.0), (Norm::One, 2.0)] {
        let bound = trivial_bound(&network, norm);
        assert!(bound.bound >= expected && bound.bound < expected * (1.0 + 1e-14), "{norm:?} {bound:?}");
        assert_eq!((bound.outputs.len(), bound.pair(0, 0)), (1, 0.0));
    }
}

/// Layers that do nothing keep the bound; absolute values of orthogonal layers have a bound that is attained.
#[test]
fn what_keeps_lengths_has_the_bound_one() {
    let turn = |angle: f64| Mat::from_fn(2, 2, |i, k| [[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]][i][k]);
    let layers = [0.3, 1.0, -2.0].map(|angle| Layer::new(turn(angle), vec![0.1, 0.2], "abs".parse().unwrap()));
    let last = Layer::new(turn(0.7), vec![0.0; 2], Activation::identity());
    let network = Network::new(layers.into_iter().chain([last]).collect(), None).unwrap();
    let bound = trivial_bound(&network, Norm::Two).bound;
    assert!((bound - 1.0).abs() < 1e-12, "{bound}");
}

/// Where it is time to stop, what is said is true and larger.
#[test]
fn a_norm_that_is_stopped_is_still_a_bound() {
    let mut random = Pcg64::seed_from_u64(3);
    let w = Mat::from_fn(250, 260, |_, _| normal(&mut random));
    let whole = layer_norm_upper_bound(w.as_ref(), Norm::Two);
    let stopped = Stop::staged(|_| true).during(|| layer_norm_upper_bound(w.as_ref(), Norm::Two));
    assert!(stopped >= whole, "{stopped} {whole}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// What any two points show is at most what is proved, and what is issued verifies, at ordinary and extreme scales.
    #[test]
    fn nothing_is_above_the_bounds_and_certificates_verify(
        seed in any::<u64>(),
        widths in prop::collection::vec(1usize..7, 2..6),
        exponent in prop::sample::select(vec![-50, -20, 0, 0, 0, 20, 50]),
        linear in any::<bool>(),
    ) {
        let mut generator = Pcg64::seed_from_u64(seed);
        let network = random(&widths, 10f64.powi(exponent), linear, &mut generator);
        let mut scaler = scaling::Scaler::identity(widths[0]);
        scaler.input_scale.iter_mut().for_each(|scale| *scale = 10f64.powf(normal(&mut generator)));
        scaler.target_scale = 10f64.powf(normal(&mut generator));
        for norm in NORMS {
            let bound = trivial_bound(&network, norm);
            let outputs = network.outputs();
            for _ in 0..10 {
                let x: Vec<f64> = (0..network.inputs()).map(|_| normal(&mut generator)).collect();
                let step: Vec<f64> = (0..network.inputs()).map(|_| 0.1 * normal(&mut generator)).collect();
                let y: Vec<f64> = x.iter().zip(&step).map(|(x, step)| x + step).collect();
                let apart: Vec<f64> = network.values(&x).iter().zip(network.values(&y)).map(|(a, b)| a - b).collect();
                let size = network.values(&x).iter().fold(0.0, |most: f64, value| most.max(value.abs()));
                let room = 1e-9 * size + 1e-9 * bound.bound * norm.of(&x);
                let moved = norm.of(&step);
                prop_assert!(norm.of(&apart) <= bound.bound * moved + room);
                for j in 0..outputs {
                    prop_assert!(apart[j].abs() <= bound.outputs[j] * moved + room);
                    for k in 0..outputs {
                        prop_assert!((apart[j] - apart[k]).abs() <= bound.pair(j, k) * moved + 2.0 * room);
                    }
                }
            }
            for (scaler, both) in [(None, false), (Some(&scaler), true)] {
                let certificate = chain_certificate(&network, norm, scaler).unwrap();
                prop_assert_eq!(certificate.raw.is_some(), both);
                let proved = verify_chain(&certificate.to_bytes(), &network);
                prop_assert!(proved.is_ok(), "{:?}", proved);
                prop_assert_eq!(certificate.standardized.bound, bound.bound);
            }
        }
    }
}

#[test]
fn what_overflows_is_infinite_and_is_not_issued() {
    let mut generator = Pcg64::seed_from_u64(4);
    let network = random(&[3, 4, 4, 4, 2], 1e120, false, &mut generator);
    for norm in NORMS {
        assert_eq!(trivial_bound(&network, norm).bound, f64::INFINITY);
        let error = chain_certificate(&network, norm, None).unwrap_err();
        assert!(error.what.contains("larger than every double") && error.what.contains(norm.name()), "{error:?}");
    }
    let wrong = scaling::Scaler::identity(2);
    let small = random(&[3, 4, 2], 1.0, false, &mut generator);
    assert!(chain_certificate(&small, Norm::Two, Some(&wrong)).unwrap_err().what.contains("2 means"));
}

/// The verifier, which shares no code with the library, knows every activation by its name, with the same constants.
#[test]
fn the_verifier_knows_every_activation() {
    for entry in activation::ALL {
        let activation: Activation = entry.example().parse().unwrap();
        for norm in NORMS {
            let known = tautnet_verify::evidence::activation_constant(&activation.name(), norm.into());
            assert_eq!(known, Some((activation.branches(), activation.lipschitz(norm))), "{activation} {norm:?}");
        }
    }
    for unknown in ["swish", "", "relu ", "leaky-relu", "leaky-relu:2", "leaky-relu:NaN"] {
        assert_eq!(tautnet_verify::evidence::activation_constant(unknown, tautnet_verify::Norm::Two), None);
    }
}
