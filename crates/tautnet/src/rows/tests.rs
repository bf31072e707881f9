//! A sweep does not depend on threads, and hardly on where blocks end.

use super::*;
use crate::{Loss, Scaler, Shallow, patterns::Patterns};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// What every pass should agree on: exact sums, and one of real numbers.
struct Counts;

#[derive(Debug, Clone, PartialEq)]
struct Counted {
    positive: usize,
    least: (u64, usize),
    sum: f64,
}

impl Pass for Counts {
    const ROWS: usize = 4;
    type Part = Counted;
    type Sum = Counted;

    fn work(&self) -> usize {
        WORTH_A_THREAD
    }

    fn nothing(&self) -> Counted {
        Counted { positive: 0, least: (u64::MAX, usize::MAX), sum: 0.0 }
    }

    fn visit(&self, block: &Block<'_>) -> Counted {
        let places = block.y.iter().zip(block.first..).map(|(y, k)| (y.abs().to_bits(), k));
        Counted {
            positive: block.y.iter().filter(|y| **y > 0.0).count(),
            least: places.min().expect("blocks are not empty"),
            sum: block.y.iter().sum(),
        }
    }

    fn merge(&self, into: &mut Counted, next: Counted) {
        into.positive += next.positive;
        into.least = into.least.min(next.least);
        into.sum += next.sum;
    }
}

fn data(n: usize, d: usize, seed: u64, weighted: bool) -> Dataset {
    let mut random = Pcg64::seed_from_u64(seed);
    let x = Mat::from_fn(n, d, |_, _| random.random_range(-2.0..2.0));
    let y = (0..n).map(|_| random.random_range(-3.0..3.0)).collect();
    let weights = weighted.then(|| (0..n).map(|k| (k % 4) as f64 * 0.3 + f64::from(u8::from(k == 0))).collect());
    Dataset::new(x, y, weights).unwrap()
}

fn network(units: usize, d: usize) -> Shallow {
    let mut random = Pcg64::seed_from_u64(7);
    let mut draw = |_: usize| random.random_range(-1.0..1.0);
    let w = Mat::from_fn(units, d, |i, _| draw(i));
    Shallow::new(w, (0..units).map(&mut draw).collect(), (0..units).map(&mut draw).collect(), 0.25).unwrap()
}

/// The parts of any partition, taken together in order.
fn by_parts<P: Pass>(pass: &P, rows: &Rows<'_>, ends: &[usize]) -> P::Sum {
    let mut sum = pass.nothing();
    let mut first = 0;
    for &end in ends.iter().chain([&rows.n()]).filter(|end| **end <= rows.n()) {
        if end > first {
            pass.merge(&mut sum, pass.visit(&rows.block(&(first..end))));
            first = end;
        }
    }
    sum
}

fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

proptest! {
    #[test]
    fn any_partition_comes_to_the_same(n in 1usize..60, seed in any::<u64>(), ends in prop::collection::vec(1usize..60, 0..8)) {
        let mut ends = ends;
        ends.sort_unstable();
        let data = data(n, 2, seed, false);
        let rows = Rows::of(&data);
        let (whole, parts, swept) = (by_parts(&Counts, &rows, &[]), by_parts(&Counts, &rows, &ends), rows.sweep(&Counts));
        for other in [&parts, &swept] {
            prop_assert_eq!((whole.positive, whole.least), (other.positive, other.least));
            prop_assert!((whole.sum - other.sum).abs() <= 1e-13 * n as f64);
        }
    }
}

#[test]
fn threads_change_no_byte() {
    // Four million multiplications, or one: either side of what is worth a thread.
    for (n, units) in [(1, 5), (BLOCK - 1, 400), (BLOCK, 400), (BLOCK + 1, 400), (3 * BLOCK + 17, 200)] {
        for weighted in [false, true] {
            let (data, network, loss) = (data(n, 5, n as u64, weighted), network(units, 5), Loss::default());
            let found = |threads| {
                on(threads, || {
                    let patterns = Patterns::with_ties(&network, data.x.as_ref());
                    (
                        loss.mean(&network, &data).to_bits(),
                        patterns,
                        Rows::of(&data).sweep(&Counts),
                        Scaler::fit(&data).ok(),
                    )
                })
            };
            let alone = found(1);
            assert!(alone == found(2) && alone == found(3), "{n} rows");
        }
    }
}

/// Sums that go on from row to row have the bytes of one loop.
#[test]
fn the_mean_loss_is_one_loop_over_all_rows() {
    for name in ["squared", "huber:0.5", "quantile:0.7"] {
        let (data, network) = (data(2 * BLOCK + 5, 3, 1, true), network(6, 3));
        let loss: Loss = name.parse().unwrap();
        let omega = data.weights.as_ref().unwrap();
        let mut f = network.predict(data.x.as_ref());
        let expected = loss.weighted(&mut f, &data.y, omega) / omega.iter().sum::<f64>();
        assert_eq!(loss.mean(&network, &data), expected, "{name}");
    }
}

#[test]
fn a_sweep_that_is_stopped_comes_to_nothing() {
    let data = data(100, 2, 1, false);
    let rows = Rows::of(&data);
    assert_eq!(rows.sweep_until(&Counts, &Stop::when(|| true)), None);
    assert_eq!(rows.sweep_until(&Counts, &Stop::when(|| false)), Some(rows.sweep(&Counts)));
}

#[test]
fn blocks_depend_on_the_number_of_rows_alone() {
    assert_eq!(blocks(0, 4).count(), 0);
    assert_eq!(blocks(9, 4).collect::<Vec<_>>(), [0..4, 4..8, 8..9]);
    let picked = Rows::of(&data(9, 2, 3, true)).pick(&[8, 0, 8]);
    let all = data(9, 2, 3, true);
    assert_eq!((picked.y[0], picked.y[1], picked.x[(2, 1)]), (all.y[8], all.y[0], all.x[(8, 1)]));
}
