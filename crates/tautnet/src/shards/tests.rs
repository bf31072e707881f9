//! Answers do not depend on who held which rows, and are what one loop over all rows comes to.

use super::*;
use crate::patterns::Patterns;
use crate::tolerance::{ByColumn, Shape};
use crate::unit::{Affine, Unit};
use crate::worst_case::Within;
use crate::{Dataset, Loss, Scaler, Shallow};
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::sync::Arc;

pub(crate) fn data(n: usize, d: usize, seed: u64, weighted: bool) -> Dataset {
    let mut random = Pcg64::seed_from_u64(seed);
    let x = Mat::from_fn(n, d, |_, j| random.random_range(-2.0..2.0) * (1.0 + j as f64) + 5.0 * j as f64);
    let noise: Vec<f64> = (0..n).map(|_| random.random_range(-0.3..0.3)).collect();
    let y = (0..n).map(|k| (x[(k, 0)]).sin() + (0.3 * x[(k, d - 1)]).abs() + noise[k]).collect();
    let weights = weighted.then(|| (0..n).map(|k| (k % 4) as f64 * 0.5 + f64::from(u8::from(k == 0))).collect());
    Dataset::new(x, y, weights).unwrap()
}

fn network(units: usize, d: usize) -> Shallow {
    let mut random = Pcg64::seed_from_u64(7);
    let mut draw = |_: usize| random.random_range(-1.0..1.0);
    let w = Mat::from_fn(units, d, |i, _| draw(i));
    Shallow::new(w, (0..units).map(&mut draw).collect(), (0..units).map(&mut draw).collect(), 0.25).unwrap()
}

fn question(data: &Dataset, share: Share) -> Question {
    let network = network(5, data.columns());
    let units: Vec<Unit> = Unit::of(&network).into_iter().map(|(_, unit)| unit).collect();
    let of = Layers::of_units(&units);
    let z = of.z.iter().enumerate().map(|(k, z)| z + 0.3 * (k as f64).cos()).collect();
    let errors = Asked::Errors { networks: vec![Layers::of(&network)], loss: "squared".into() };
    let asked = vec![Asked::Look { sample: 7, of: 1.0 }, Asked::Normal(of.clone()), Asked::Sides { of, z }, errors];
    Question { share, scaler: Scaler::fit(data).unwrap(), shards: None, asked }
}

/// Within a tolerance that depends on the value in some columns.
fn within(data: &Dataset, share: Share) -> (Question, Layers, ByColumn) {
    let tolerance = ByColumn { shape: Shape::Box, percent: vec![5.0, 0.0], absolute: vec![0.1, 0.2] };
    let network = Layers::signed(&network(5, data.columns()));
    let (networks, loss) = (vec![network.clone()], "squared".to_owned());
    let worst = Asked::Worst { networks, loss: loss.clone(), tolerance: tolerance.clone() };
    let slope = Asked::Slope { network: network.clone(), loss, tolerance: tolerance.clone() };
    let scaler = Scaler::fit(data).unwrap();
    (Question { share, scaler, shards: None, asked: vec![worst, slope] }, network, tolerance)
}

/// The rows of a data set as shards of `size` rows.
fn shards(data: &Dataset, size: usize) -> Vec<Shard> {
    let rows = crate::rows::Rows::of(data);
    let shard = |first: usize| {
        let numbers: Vec<usize> = (first..data.rows().min(first + size)).collect();
        Shard { number: (first / size) as u64, first: first as u64, data: Arc::new(rows.pick(&numbers)) }
    };
    (0..data.rows()).step_by(size).map(shard).collect()
}

proptest! {
    #[test]
    fn whoever_holds_which_shards_the_answer_has_the_same_bytes(
        n in 1usize..900,
        seed in any::<u64>(),
        cuts in prop::collection::vec(0usize..30, 0..6),
        weighted in any::<bool>(),
    ) {
        let data = data(n, 2, seed, weighted);
        let share = Share { seed, held_out: 0.3 };
        let mut question = question(&data, share);
        if data.rows() > 40 {
            question.asked.extend(within(&data, share).0.asked);
        }
        let all = shards(&data, 32);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(all.len())).collect();
        cuts.sort_unstable();
        let whole = all.iter().enumerate().fold(Forest::default(), |mut forest, (number, shard)| {
            forest.append(Forest::of(number as u64, question.visit(shard)));
            forest
        });
        // Holders of some shards each, some of none; their forests travel as numbers.
        let mut merged = Forest::default();
        let mut first = 0;
        for end in cuts.into_iter().chain([all.len()]) {
            let mut own = Forest::default();
            for number in first..end {
                own.append(Forest::of(number as u64, question.visit(&all[number])));
            }
            let travelled = own.trees.into_iter().map(|tree| Tree {
                answer: Answer::from_numbers(&tree.answer.numbers()).unwrap(),
                ..tree
            });
            merged.append(Forest { trees: travelled.collect() });
            first = end;
        }
        prop_assert_eq!(whole.finish().unwrap().numbers(), merged.finish().unwrap().numbers());
    }

    #[test]
    fn numbers_that_are_no_answer_are_refused(numbers in prop::collection::vec(-3.0f64..9.0, 0..12)) {
        // What is read is what was written, or an error; never a panic.
        if let Ok(answer) = Answer::from_numbers(&numbers) {
            prop_assert_eq!(Answer::from_numbers(&answer.numbers()).unwrap(), answer);
        }
    }
}

/// Written out row by row.
#[test]
fn answers_are_what_one_loop_comes_to() {
    for (weighted, held_out) in [(false, 0.0), (true, 0.25)] {
        let (data, share) = (data(700, 3, 5, weighted), Share { seed: 9, held_out });
        let question = question(&data, share);
        let answer = Held::of_shards(3, shards(&data, 700)).ask(&question).unwrap().unwrap();
        let scaler = &question.scaler;
        let x = |k: usize, j: usize| match j {
            3 => 1.0,
            _ => (data.x[(k, j)] - scaler.input_mean[j]) / scaler.input_scale[j],
        };
        let y = |k: usize| (data.y[k] - scaler.target_mean) / scaler.target_scale;
        let omega = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
        let learned: Vec<usize> = (0..700).filter(|k| omega(*k) > 0.0 && !share.holds_out(*k as u64)).collect();
        let close = |found: f64, expected: f64| {
            assert!((found - expected).abs() <= 1e-10 * (1.0 + expected.abs()), "{found} {expected}");
        };
        let units: Vec<Unit> = Unit::of(&network(5, 3)).into_iter().map(|(_, unit)| unit).collect();
        let row = |k: usize| (0..3).map(|j| x(k, j)).collect::<Vec<f64>>();
        let on = |i: usize, k: usize| i == 0 || units[i - 1].sum(&row(k)) >= 0.0;
        let [look, normal, sides, errors] = &answer.pieces[..] else { panic!() };
        // The look.
        let total: f64 = learned.iter().map(|k| omega(*k)).sum();
        assert_eq!(look.sums[0] as usize, learned.len());
        close(look.spread[0], total);
        for j in 0..3 {
            let mean = learned.iter().map(|&k| omega(k) * data.x[(k, j)]).sum::<f64>() / total;
            close(look.spread[1 + j], mean);
            close(look.spread[5 + j], learned.iter().map(|&k| omega(k) * (data.x[(k, j)] - mean).powi(2)).sum());
            let least = learned.iter().map(|k| data.x[(*k, j)]).fold(f64::INFINITY, f64::min);
            assert_eq!(look.least[j], least);
        }
        assert_eq!(look.picks[0].rows.len(), 7);
        assert!(look.picks[1].rows.iter().all(|pick| share.holds_out(pick.row)));
        // The quadratic.
        let at = Packed { e: 4, m: 5 };
        for i in 0..=5 {
            for j in i..=5 {
                for (a, b) in [(0, 0), (1, 3), (3, 2), (3, 3)] {
                    let both = learned.iter().filter(|k| on(i, **k) && on(j, **k));
                    let sum: f64 = both.map(|&k| omega(k) * x(k, a) * x(k, b)).sum();
                    close(normal.sums[at.product((i, a), (j, b))], sum);
                    assert_eq!(at.product((i, a), (j, b)), at.product((j, b), (i, a)));
                }
            }
            let on = learned.iter().filter(|k| on(i, **k));
            close(normal.sums[at.target(i, 2)], on.map(|&k| omega(k) * y(k) * x(k, 2)).sum());
        }
        close(normal.sums[at.square()], learned.iter().map(|&k| omega(k) * y(k) * y(k)).sum());
        let mut nearest: Vec<(f64, u64)> = learned.iter().map(|&k| (units[2].sum(&row(k)).abs(), k as u64)).collect();
        nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
        let picked: Vec<(f64, u64)> = normal.picks[2].rows.iter().map(|pick| (pick.key, pick.row)).collect();
        assert_eq!(picked[..], nearest[..picked.len()]);
        // The wrong side.
        let Asked::Sides { z, .. } = &question.asked[2] else { panic!() };
        let side = |k: usize| {
            let sum = (0..4).map(|a| z[8 + a] * x(k, a)).sum::<f64>();
            if on(3, k) { sum } else { -sum }
        };
        let wrong = learned.iter().filter(|k| side(**k) < 0.0).count();
        assert_eq!(sides.picks[2].rows.len(), wrong.min(100));
        assert!(sides.picks[2].rows.iter().all(|pick| (pick.key - side(pick.row as usize)).abs() < 1e-12));
        close(sides.sums[2], learned.iter().map(|&k| side(k).abs()).sum());
        // The losses.
        let error = |k: usize| omega(k) * (network(5, 3).value(&row(k)) - y(k)).powi(2);
        close(errors.sums[2], learned.iter().map(|&k| error(k)).sum());
        let held = (0..700).filter(|k| share.holds_out(*k as u64));
        close(errors.sums[3], held.map(error).sum());
    }
}

/// The bound row by row as `Within` has it, and what is found below it; at points that are held the slope is that of differences.
#[test]
fn losses_within_a_tolerance_and_their_slope() {
    for (weighted, held_out) in [(false, 0.0), (true, 0.25)] {
        let (data, share) = (data(500, 2, 6, weighted), Share { seed: 9, held_out });
        let (question, network, tolerance) = within(&data, share);
        let mut held = Held::of_shards(2, shards(&data, 128));
        let answer = held.ask(&question).unwrap().unwrap();
        let [worst, slope] = &answer.pieces[..] else { panic!() };
        let omega = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
        let near = question.scaler.standardize(&data);
        let sizes = tolerance.on(500, |k, j| data.x[(k, j)]).unwrap().divided(&question.scaler.input_scale);
        let shallow = network.network(2).unwrap();
        let units: Vec<Unit> = Unit::of(&shallow).into_iter().map(|(_, unit)| unit).collect();
        let affine = Affine::of(&shallow);
        for (part, held_out) in [false, true].into_iter().enumerate() {
            let mut rows: Vec<usize> = (0..500).filter(|k| share.holds_out(*k as u64) == held_out).collect();
            rows.retain(|k| omega(*k) > 0.0);
            if rows.is_empty() {
                assert_eq!(worst.sums[part] + worst.sums[2 + part] + worst.sums[4 + part], 0.0);
                continue;
            }
            let some = crate::rows::Rows::of(&near).pick(&rows);
            let own = Patterns::of(&shallow, some.x.as_ref());
            let tolerance = &sizes.select(&rows);
            let bound = Within { units: &units, affine: &affine, tolerance };
            let (mean, _) = bound.bound(&some, &Loss::default(), [&own, &own]);
            let total: f64 = rows.iter().map(|k| omega(*k)).sum();
            assert!((worst.sums[part] - total).abs() < 1e-9 * total);
            assert!((worst.sums[4 + part] / total - mean).abs() < 1e-10 * mean);
            let clean = Loss::default().mean(&shallow, &some);
            let found = worst.sums[2 + part] / total;
            assert!(1.05 * clean < found && found <= mean, "{clean} {found} {mean}");
        }
        assert!((slope.sums[0] - worst.sums[0]).abs() < 1e-9 * worst.sums[0]);
        assert!((slope.sums[1] - worst.sums[2]).abs() < 1e-10 * worst.sums[2]);
        // A worst point moves with the weights, and what is found with it hardly does (Danskin); a row may go over to another one.
        let numbers = network.numbers();
        let mut value = |numbers: &[f64]| {
            let networks = vec![network.with_numbers(numbers)];
            let asked = Asked::Worst { networks, loss: "squared".into(), tolerance: tolerance.clone() };
            held.ask(&Question { asked: vec![asked], ..question.clone() }).unwrap().unwrap().pieces[0].sums[2]
        };
        let size = slope.sums[2..].iter().map(|slope| slope.abs()).fold(0.0, f64::max);
        for k in 0..numbers.len() {
            let mut at = |by: f64| {
                let mut moved = numbers.clone();
                moved[k] += by;
                value(&moved)
            };
            let difference = (at(1e-7) - at(-1e-7)) / 2e-7;
            let found = slope.sums[2 + k];
            assert!((found - difference).abs() < 1e-3 * size, "{k}: {found} {difference}");
        }
    }
}

#[test]
fn shards_that_are_asked_alone_come_to_what_all_of_them_do() {
    let (data, share) = (data(700, 2, 3, false), Share::default());
    let (question, ..) = within(&data, share);
    let mut held = Held::of_shards(2, shards(&data, 100));
    assert_eq!(Shards::shards(&held), 7);
    let mut sums = |numbers: Option<Vec<u64>>| {
        let answer = held.ask(&Question { shards: numbers, ..question.clone() }).unwrap().unwrap();
        answer.pieces[1].sums.clone()
    };
    let (all, some, others) = (sums(None), sums(Some(vec![0, 3, 6])), sums(Some(vec![1, 2, 4, 5])));
    for ((all, some), others) in all.iter().zip(some).zip(others) {
        assert!((all - some - others).abs() <= 1e-9 * (1.0 + all.abs()));
    }
}

#[test]
fn threads_change_no_byte_and_a_stop_ends_a_pass() {
    let data = data(3000, 2, 3, false);
    let mut question = question(&data, Share::default());
    question.asked.extend(within(&data, Share::default()).0.asked);
    let mut held = Held::of_shards(2, shards(&data, 100));
    let on = |threads: usize, held: &mut Held| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| held.ask(&question)).unwrap().unwrap().numbers()
    };
    let alone = on(1, &mut held);
    assert!(alone == on(2, &mut held) && alone == on(3, &mut held));
    assert_eq!(tautnet_cone::Stop::when(|| true).during(|| held.ask(&question)).unwrap(), None);
}

#[test]
fn a_share_is_held_out() {
    let share = Share { seed: 1, held_out: 0.2 };
    let count = (0..100_000).filter(|row| share.holds_out(*row)).count();
    assert!((19_500..20_500).contains(&count), "{count}");
    assert!(!(0..1000).any(|row| Share { seed: 1, held_out: 0.0 }.holds_out(row)));
}
