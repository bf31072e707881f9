//! Jacobians found against what is proved, and against the derivative itself.

use super::super::chain::tests::random as random_chain;
use super::super::{layer_norm_upper_bound, trivial_bound};
use super::*;
use crate::Activation;
use crate::network::Layer;
use proptest::prelude::*;

const NORMS: [Norm; 3] = [Norm::Two, Norm::Infinity, Norm::One];

fn few() -> JacobianSearchSettings {
    JacobianSearchSettings { starts: 6, rows: 4, climbs: 2, jacobians: 60, seed: 0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Found ≤ proved, without a tolerance; and what is found is the derivative there, but for rounding.
    #[test]
    fn found_is_at_most_proved(
        seed in any::<u64>(),
        widths in prop::collection::vec(1usize..7, 2..6),
        exponent in prop::sample::select(vec![-50, -3, 0, 0, 0, 1, 50]),
        linear in any::<bool>(),
    ) {
        let mut generator = Pcg64::seed_from_u64(seed);
        let network = random_chain(&widths, 10f64.powi(exponent), linear, &mut generator);
        let (d, outputs) = (network.inputs(), network.outputs());
        let rows = Mat::from_fn(3, d, |_, _| normal(&mut generator));
        for norm in NORMS {
            let bound = trivial_bound(&network, norm);
            let pair = (0, outputs - 1);
            for (of, proved) in [
                (Of::All, bound.bound),
                (Of::Output(outputs - 1), bound.outputs[outputs - 1]),
                (Of::Pair(pair.0, pair.1), bound.pair(pair.0, pair.1)),
            ] {
                let found = largest_jacobian_found(&network, norm, of, Some(rows.as_ref()), &few()).unwrap();
                prop_assert!(found.value <= proved, "{norm:?} {of:?}: {} {proved}", found.value);
                let again = largest_jacobian_found(&network, norm, of, Some(rows.as_ref()), &few()).unwrap();
                prop_assert_eq!(&again, &found);
                if exponent.abs() < 2 && found.value > 1e-3 {
                    let jacobian = jacobian(&network, of, &found.point);
                    let image = dense::multiply(jacobian.as_ref(), column(&found.direction).as_ref());
                    let image: Vec<f64> = (0..image.nrows()).map(|j| image[(j, 0)]).collect();
                    let size = norm.of(&image) / norm.of(&found.direction);
                    prop_assert!(found.value <= size * (1.0 + 1e-12));
                }
            }
        }
    }
}

#[test]
fn of_a_layer_alone_the_norm_is_found() {
    let mut generator = Pcg64::seed_from_u64(1);
    let w = Mat::from_fn(4, 6, |_, _| normal(&mut generator));
    let network = Network::new(vec![Layer::new(w.clone(), vec![1.0; 4], Activation::identity())], None).unwrap();
    for norm in NORMS {
        let found = largest_jacobian_found(&network, norm, Of::All, None, &few()).unwrap().value;
        let proved = layer_norm_upper_bound(w.as_ref(), norm);
        assert!(found <= proved && found > proved * (1.0 - 1e-10), "{norm:?}: {found} {proved}");
    }
}

#[test]
fn what_keeps_lengths_is_found_to() {
    let turn = |angle: f64| Mat::from_fn(2, 2, |i, k| [[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]][i][k]);
    for name in ["abs", "crelu", "sincos", "maxmin"] {
        let activation: Activation = name.parse().unwrap();
        let wide = 2 * activation.branches();
        // Orthogonal columns from the first branch's outputs and the second's.
        let next = |angle: f64| {
            let turn = turn(angle);
            Mat::from_fn(wide, wide, |i, k| if i / 2 == k / 2 { turn[(i % 2, k % 2)] } else { 0.0 })
        };
        let layers = vec![
            Layer::new(turn(0.4), vec![0.3, -0.2], activation.clone()),
            Layer::new(next(1.1), vec![0.0; wide], Activation::identity()),
        ];
        let network = Network::new(layers, None).unwrap();
        let proved = trivial_bound(&network, Norm::Two).bound;
        let found = largest_jacobian_found(&network, Norm::Two, Of::All, None, &few()).unwrap().value;
        assert!(found <= proved && proved < found * (1.0 + 1e-9), "{name}: {found} {proved}");
    }
}

#[test]
fn a_pair_of_units_whose_constant_is_one() {
    let hidden = Layer::new(Mat::from_fn(2, 1, |_, _| 1.0), vec![0.0, -1.0], Activation::relu());
    let last = Layer::new(Mat::from_fn(1, 2, |_, k| 1.0 - 2.0 * k as f64), vec![0.0], Activation::identity());
    let network = Network::new(vec![hidden, last], None).unwrap();
    for norm in NORMS {
        let found = largest_jacobian_found(&network, norm, Of::All, None, &JacobianSearchSettings::default()).unwrap();
        assert!(found.value <= 1.0 && found.value > 1.0 - 1e-12, "{found:?}");
    }
}

#[test]
fn what_cannot_be_looked_for_is_told() {
    let mut generator = Pcg64::seed_from_u64(2);
    let network = random_chain(&[3, 4, 2], 1.0, false, &mut generator);
    let rows = Mat::zeros(2, 5);
    let wrong = largest_jacobian_found(&network, Norm::Two, Of::All, Some(rows.as_ref()), &few()).unwrap_err();
    assert!(wrong.what.contains("5 columns"), "{wrong:?}");
    for of in [Of::Output(2), Of::Pair(0, 2)] {
        let wrong = largest_jacobian_found(&network, Norm::Two, of, None, &few()).unwrap_err();
        assert!(wrong.what.contains("output 2"), "{wrong:?}");
    }
    let rows = Mat::from_fn(2, 3, |_, k| if k == 0 { f64::NAN } else { f64::INFINITY });
    let found = largest_jacobian_found(&network, Norm::Two, Of::All, Some(rows.as_ref()), &few()).unwrap();
    assert!(found.value > 0.0 && found.point.iter().all(|x| x.is_finite()));
    let stopped = Stop::staged(|_| true).during(|| largest_jacobian_found(&network, Norm::Two, Of::All, None, &few()));
    assert_eq!(stopped.unwrap().value, 0.0);
}
