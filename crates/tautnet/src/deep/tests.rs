//! The training of deep networks: slopes against differences, bounds that hold, what is refused.

use super::chain::{Chain, PART, Part};
use super::norms::Memory;
use super::*;
use super::{bounded, orthonormal};
use crate::activation::ALL;
use crate::limits::Limits;
use crate::random::normal;
use crate::{Activation, Dataset, Norm};
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;

const NORMS: [Norm; 3] = [Norm::Two, Norm::Infinity, Norm::One];

/// Rows of three classes around three points.
fn three_classes(rows: usize, seed: u64) -> Dataset {
    let mut random = Pcg64::seed_from_u64(seed);
    let y: Vec<f64> = (0..rows).map(|k| (k % 3) as f64).collect();
    let x = Mat::from_fn(rows, 4, |k, j| {
        let centre = if j == k % 3 { 1.5 } else { 0.0 };
        centre + 0.5 * normal(&mut random)
    });
    Dataset::new(x, y, None).unwrap()
}

fn drawn(activation: &Activation, biases: bool, outputs: usize) -> Chain {
    let mut random = Pcg64::seed_from_u64(11);
    let mut chain = Chain::zeros(4, &[4, 6], outputs, activation, biases);
    chain.numbers.iter_mut().for_each(|number| *number = 0.5 * normal(&mut random) as f32);
    chain
}

fn part_of(chain: &Chain, data: &Dataset, rows: usize) -> Part {
    let mut part = Part::of(chain);
    part.rows = rows;
    for k in 0..rows {
        (0..4).for_each(|j| part.given[0][k * 4 + j] = data.x[(k, j)] as f32);
    }
    part
}

#[test]
fn the_chain_has_the_values_and_the_jacobian_of_its_network() {
    let data = three_classes(PART, 1);
    for entry in ALL {
        let chain = drawn(&entry.example().parse().unwrap(), true, 3);
        let network = chain.network().unwrap();
        let mut part = part_of(&chain, &data, 7);
        part.forward(&chain);
        for k in 0..7 {
            let x: Vec<f64> = (0..4).map(|j| f64::from(data.x[(k, j)] as f32)).collect();
            let (values, jacobian) = (network.values(&x), network.jacobian(&x));
            for j in 0..3 {
                assert!((f64::from(part.sums[2][k * 3 + j]) - values[j]).abs() < 1e-4, "{}", entry.name);
            }
            // The slopes of one output.
            part.slopes[2].fill(0.0);
            part.slopes[2][k * 3 + 1] = 1.0;
            part.backward(&chain);
            let slopes = &part.of_inputs(&chain)[k * 4..][..4];
            (0..4).for_each(|j| assert!((f64::from(slopes[j]) - jacobian[(1, j)]).abs() < 1e-4, "{}", entry.name));
        }
        if entry.name != "identity" {
            let again = Chain::of(&network, true).unwrap();
            assert_eq!(again.numbers, chain.numbers, "{}", entry.name);
        }
    }
}

/// What the training makes small, written out in doubles.
fn objective(network: &crate::Network, data: &Dataset, settings: &Settings, rows: usize) -> f64 {
    let norm = settings.norm;
    let (last, hidden) = network.layers().split_last().unwrap();
    let operator = |w: &Mat<f64>| match norm {
        Norm::Two => w.singular_values().unwrap()[0],
        Norm::Infinity => (0..w.nrows()).map(|i| (0..w.ncols()).map(|k| w[(i, k)].abs()).sum()).fold(0.0, f64::max),
        Norm::One => (0..w.ncols()).map(|k| (0..w.nrows()).map(|i| w[(i, k)].abs()).sum()).fold(0.0, f64::max),
    };
    let mut product = settings.activation.lipschitz(norm).powi(hidden.len() as i32);
    let mut sum = operator(last.weights());
    for layer in hidden {
        product *= operator(layer.weights());
        sum += operator(layer.weights());
    }
    let trivial = product * operator(last.weights());
    let v = last.weights();
    let row = |y: usize, j: usize| (0..v.ncols()).map(|k| v[(y, k)] - v[(j, k)]).collect::<Vec<f64>>();
    let mut loss = 0.0;
    for k in 0..rows {
        let x: Vec<f64> = (0..4).map(|j| f64::from(data.x[(k, j)] as f32)).collect();
        let f = network.values(&x);
        loss += match settings.classes {
            Some(count) => {
                let y = data.y[k] as usize;
                let moved = |j: usize| f[j] + settings.radius * product * norm.dual().of(&row(y, j));
                match settings.loss.is_margin() {
                    true => {
                        let others = (0..count).filter(|j| *j != y);
                        others.map(|j| settings.loss.value(f[y] - moved(j), 1.0)).sum::<f64>() / (count - 1) as f64
                    }
                    false => (0..count).map(|j| moved(j).exp()).sum::<f64>().ln() - f[y],
                }
            }
            None => {
                let of_target = |j: usize| {
                    let row: Vec<f64> = (0..v.ncols()).map(|k| v[(j, k)]).collect();
                    let size = settings.radius * product * norm.dual().of(&row);
                    let at = |f: f64| settings.loss.value(f, data.target(j)[k]);
                    at(f[j] + size).max(at(f[j] - size))
                };
                (0..data.targets()).map(of_target).sum()
            }
        } / rows as f64;
    }
    loss + settings.price.amount
        * match settings.price.form {
            Form::Product => trivial,
            Form::Logarithm => trivial.ln(),
            Form::Sum => sum,
        }
}

#[test]
fn slopes_are_those_of_the_objective() {
    let one = three_classes(PART, 2);
    let others = |of: fn(f64) -> f64| one.y.iter().map(|y| of(*y)).collect::<Vec<f64>>();
    let three = one.clone().with_others(vec![others(f64::sin), others(|y| 1.0 - 0.5 * y)]).unwrap();
    let rows: Vec<usize> = (0..40).collect();
    for norm in NORMS {
        let kinds = [
            (Some(3), Form::Product, "squared", &one),
            (None, Form::Logarithm, "squared", &one),
            (None, Form::Product, "squared", &three),
            (Some(3), Form::Sum, "squared", &one),
            (Some(3), Form::Product, "squared-hinge", &one),
        ];
        for (classes, form, loss, data) in kinds {
            for activation in ["sincos", "tanh"] {
                let settings = Settings {
                    activation: activation.parse().unwrap(),
                    classes,
                    loss: loss.parse().unwrap(),
                    norm,
                    radius: 0.05,
                    price: Price { amount: 0.1, form },
                    ..Settings::default()
                };
                let chain = drawn(&settings.activation, true, classes.unwrap_or(data.targets()));
                let slopes = training::slopes(&chain, data, &settings, &rows);
                let at = |chain: &Chain| objective(&chain.network().unwrap(), data, &settings, rows.len());
                for n in (0..chain.numbers.len()).step_by(3) {
                    let moved = |step: f32| {
                        let mut chain = chain.clone();
                        chain.numbers[n] += step;
                        (at(&chain), f64::from(chain.numbers[n]))
                    };
                    let ((above, a), (below, b)) = (moved(2e-3), moved(-2e-3));
                    let difference = (above - below) / (a - b);
                    let off = (difference - f64::from(slopes[n])).abs();
                    assert!(
                        off < 3e-3 * (1.0 + difference.abs()),
                        "{norm:?} {activation} {n}: {difference} {}",
                        slopes[n]
                    );
                }
            }
        }
    }
}

#[test]
fn a_norm_grows_in_its_direction_and_power_iteration_finds_it() {
    let mut random = Pcg64::seed_from_u64(5);
    let numbers: Vec<f32> = (0..35).map(|_| normal(&mut random) as f32).collect();
    let w = faer::MatRef::from_column_major_slice(&numbers, 7, 5);
    let mut memory = Memory::default();
    for _ in 0..100 {
        memory.norm(w, Norm::Two);
    }
    let due = Mat::from_fn(7, 5, |i, k| f64::from(w[(i, k)])).singular_values().unwrap()[0];
    assert!((f64::from(memory.norm(w, Norm::Two).0) / due - 1.0).abs() < 1e-5);
}

/// What comes of it with so many threads.
fn trained(data: &Dataset, settings: &Settings, threads: usize) -> Trained {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| train(data, settings, &Limits::default(), &mut |_| ControlFlow::Continue(())).unwrap())
}

/// The smaller of W Wᵀ and WᵀW.
fn gram(w: &Mat<f64>) -> Mat<f64> {
    if w.nrows() <= w.ncols() { w * w.transpose() } else { w.transpose() * w }
}

/// How far the smaller Gram matrix is from that of orthonormal rows or columns.
fn off(w: &Mat<f64>) -> f64 {
    let gram = gram(w);
    let unit = |i: usize, k: usize| f64::from(u8::from(i == k));
    let of = |k: usize| (0..gram.nrows()).map(|i| (gram[(i, k)] - unit(i, k)).abs()).fold(0.0, f64::max);
    (0..gram.ncols()).map(of).fold(0.0, f64::max)
}

#[test]
fn steps_along_orthonormal_matrices_stay_there() {
    let mut random = Pcg64::seed_from_u64(8);
    for (m, n) in [(5, 9), (9, 5), (6, 6), (1, 4), (4, 1), (150, 140)] {
        let mut drawn = |size: f64| Mat::from_fn(m, n, |_, _| size * normal(&mut random));
        let w = orthonormal::nearest(&drawn(1.0));
        assert!(off(&w) < 1e-12);
        let plain =
            |w: &Mat<f64>| (0..n).flat_map(|k| w.col_as_slice(k).to_vec()).map(|w| w as f32).collect::<Vec<_>>();
        let matrix = |w: &[f32]| Mat::from_fn(m, n, |i, k| f64::from(w[k * m + i]));
        // Slopes of ½‖W − G‖², less what leaves the set: G Wᵀ + W Gᵀ = 0 is left, and nothing that stays was taken.
        let (given, numbers) = (drawn(1.0), plain(&w));
        let mut slopes = plain(&given);
        orthonormal::along(faer::MatRef::from_column_major_slice(&numbers, m, n), &mut slopes);
        let left = matrix(&slopes);
        let moved = |by: f64| Mat::from_fn(m, n, |i, k| w[(i, k)] + by * left[(i, k)]);
        let size = (0..n).flat_map(|k| left.col_as_slice(k).to_vec()).map(|a| a * a).sum::<f64>();
        assert!(off(&moved(1e-3)) < 2e-6 * (1.0 + size), "{m} × {n}");
        let taken = |i: usize, k: usize| given[(i, k)] - left[(i, k)];
        let product = (0..n).flat_map(|k| (0..m).map(move |i| (i, k))).map(|(i, k)| taken(i, k) * left[(i, k)]);
        assert!(product.sum::<f64>().abs() < 1e-3 * (1.0 + size), "{m} × {n}");
        // From near and from far.
        for (size, close) in [(0.02, 1e-2), (10.0, 0.1)] {
            let away = drawn(size);
            let mut numbers = plain(&Mat::from_fn(m, n, |i, k| w[(i, k)] + away[(i, k)]));
            orthonormal::back(&mut numbers, m, n);
            (0..3).for_each(|_| orthonormal::back(&mut numbers, m, n));
            assert!(off(&matrix(&numbers)) < close, "{m} × {n} {size}: {}", off(&matrix(&numbers)));
        }
    }
}

#[test]
fn orthonormal_layers_have_the_norm_one_and_the_last_one_the_bound() {
    let data = three_classes(240, 4);
    for (layers, most, activation) in [(vec![16, 16], None, "maxmin"), (vec![3, 8], Some(2.0), "abs")] {
        let settings = Settings {
            layers,
            activation: activation.parse().unwrap(),
            hidden: Weights::Orthonormal,
            classes: Some(3),
            radius: 0.2,
            most,
            epochs: 40,
            batch: 50,
            rate: 1e-2,
            ..Settings::default()
        };
        let one = trained(&data, &settings, 1);
        assert_eq!(one.network, trained(&data, &settings, 3).network);
        let (last, hidden) = one.network.layers().split_last().unwrap();
        assert!(hidden.iter().all(|layer| off(layer.weights()) < 1e-6));
        let (bound, own) = (
            crate::certify::trivial_bound(&one.network, Norm::Two).bound,
            last.weights().singular_values().unwrap()[0],
        );
        assert!((bound / own - 1.0).abs() < 1e-6 && most.is_none_or(|most| bound <= most), "{bound} {own}");
        assert!(one.history[39].loss < 0.8, "{:?}", one.history[39]);
        // It goes on from any network of its layers, whose hidden ones are made so.
        let again = Settings { start: Some(one.network.clone()), epochs: 1, ..settings.clone() };
        let again = train(&data, &again, &Limits::default(), &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(again.history[0].loss < one.history[0].loss);
        let wrong = Settings { norm: Norm::Infinity, ..settings };
        let error = train(&data, &wrong, &Limits::default(), &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(error.what.contains("orthonormal"), "{error:?}");
    }
}

#[test]
fn training_separates_classes_with_a_small_bound_whatever_the_threads() {
    let data = three_classes(240, 4);
    for (norm, loss) in NORMS.into_iter().map(|norm| (norm, "squared")).chain([(Norm::Two, "hinge")]) {
        let settings = Settings {
            layers: vec![16, 16],
            classes: Some(3),
            loss: loss.parse().unwrap(),
            norm,
            radius: 0.2,
            epochs: 30,
            batch: 100,
            rate: 1e-2,
            ..Settings::default()
        };
        let one = trained(&data, &settings, 1);
        assert_eq!(one.network, trained(&data, &settings, 3).network);
        let right = (0..240).filter(|&k| {
            let x: Vec<f64> = (0..4).map(|j| data.x[(k, j)]).collect();
            let f = one.network.values(&x);
            (0..3).all(|j| j == data.y[k] as usize || f[j] < f[data.y[k] as usize])
        });
        assert!(right.count() > 200, "{norm:?}");
        assert_eq!(one.history.len(), 30);
        assert!(one.history[29].loss < 0.9, "{norm:?} {:?}", one.history[29]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The point of the ball that is nearest, found by halving an interval of thresholds; what is inside stays to the bit.
    #[test]
    fn columns_and_rows_are_brought_to_the_nearest_point_of_a_ball(
        seed in any::<u64>(), m in 1..9_usize, n in 1..9_usize, size in -3..3_i32, columns in any::<bool>(),
    ) {
        let mut random = Pcg64::seed_from_u64(seed);
        let length = bounded::length(m, n, if columns { Norm::One } else { Norm::Infinity });
        // Some are equal, and some are nothing.
        let mut draw = || match random.random_range(0..6_u8) {
            0 => 0.0,
            1 => 10_f32.powi(size),
            _ => 10_f32.powi(size) * normal(&mut random) as f32,
        };
        let given: Vec<f32> = (0..m * n).map(|_| draw()).collect();
        let mut found = given.clone();
        bounded::back(&mut found, m, n, (if columns { Norm::One } else { Norm::Infinity }, length));
        let length = f64::from(length);
        for group in 0..if columns { n } else { m } {
            let places: Vec<usize> =
                if columns { (group * m..(group + 1) * m).collect() } else { (0..n).map(|k| k * m + group).collect() };
            let sum = |threshold: f64| places.iter().map(|&k| (f64::from(given[k].abs()) - threshold).max(0.0)).sum::<f64>();
            if sum(0.0) <= length {
                prop_assert!(places.iter().all(|&k| given[k].to_bits() == found[k].to_bits()));
                continue;
            }
            let (mut low, mut high) = (0.0, sum(0.0));
            for _ in 0..200 {
                let middle = 0.5 * (low + high);
                if sum(middle) > length { low = middle } else { high = middle }
            }
            for &k in &places {
                let known = f64::from(given[k].signum()) * (f64::from(given[k].abs()) - high).max(0.0);
                let close = 1e-6 * (f64::from(given[k].abs()) + length);
                prop_assert!((known - f64::from(found[k])).abs() <= close, "{known} {}", found[k]);
            }
        }
    }
}

#[test]
fn layers_in_a_ball_stay_there_and_the_last_one_has_the_rest_of_a_limit() {
    let data = three_classes(240, 4);
    for (norm, most) in [(Norm::One, None), (Norm::Infinity, None), (Norm::One, Some(2.0)), (Norm::Infinity, Some(8.0))]
    {
        let settings = Settings {
            layers: vec![16, 12],
            hidden: Weights::Bounded,
            classes: Some(3),
            norm,
            radius: if most.is_some() { 0.0 } else { 0.05 },
            most,
            epochs: 40,
            batch: 50,
            rate: 1e-2,
            ..Settings::default()
        };
        let one = trained(&data, &settings, 1);
        assert_eq!(one.network, trained(&data, &settings, 3).network);
        let (_, hidden) = one.network.layers().split_last().unwrap();
        for layer in hidden {
            let (m, n) = (layer.units(), layer.inputs());
            let of = |i: usize, k: usize| layer.weights()[(i, k)].abs();
            let sums: Vec<f64> = match norm {
                Norm::One => (0..n).map(|k| (0..m).map(|i| of(i, k)).sum()).collect(),
                _ => (0..m).map(|i| (0..n).map(|k| of(i, k)).sum()).collect(),
            };
            let length = f64::from(bounded::length(m, n, norm));
            assert!(sums.iter().all(|sum| *sum <= length * (1.0 + 1e-6)), "{norm:?} {sums:?} {length}");
        }
        let bound = crate::certify::trivial_bound(&one.network, norm).bound;
        assert!(most.is_none_or(|most| bound <= most), "{norm:?} {bound}");
        assert!(one.history[39].loss < 0.9, "{norm:?} {:?}", one.history[39]);
        let again = Settings { start: Some(one.network.clone()), epochs: 1, ..settings.clone() };
        let again = train(&data, &again, &Limits::default(), &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(again.history[0].loss < one.history[0].loss, "{norm:?}");
        let error = train(&data, &Settings { norm: Norm::Two, ..settings }, &Limits::default(), &mut |_| {
            ControlFlow::Continue(())
        });
        assert!(error.unwrap_err().hint.contains("orthonormal"));
    }
}
