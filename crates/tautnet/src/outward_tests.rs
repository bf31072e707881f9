//! Against arithmetic without rounding.

use super::*;
use crate::exact_numbers::{self, Exact};
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Doubles of every size, short ones among them.
fn any_double() -> impl Strategy<Value = f64> {
    let size = |most: i32| {
        (-1.0..1.0f64, -most..most.min(1000)).prop_map(|(x, e)| x * 2f64.powi(e / 2) * 2f64.powi(e - e / 2))
    };
    prop_oneof![size(1040), size(40), size(3), (-9..9_i32).prop_map(f64::from), Just(0.0), Just(5e-324), Just(1e16)]
}

/// Networks of every scale: normal weights times powers of ten, large biases, units that cancel.
pub(crate) fn network_of_any_scale(m: usize, d: usize, seed: u64) -> Shallow {
    let mut random = Pcg64::seed_from_u64(seed);
    let widest = [0, 0, 3, 20, 140, 300][random.random_range(0..6)];
    let mut draw = |most: i32| {
        let x: f64 = random.random_range(-2.0..2.0);
        let x = if random.random_range(0..3) == 0 { x.round() } else { x };
        x * 10f64.powi(if most == 0 { 0 } else { random.random_range(-most..=most) })
    };
    let (half, mut w) = (widest / 2, Vec::<f64>::new());
    let (mut b, mut v) = (Vec::<f64>::new(), Vec::<f64>::new());
    for i in 0..m {
        let twin = i > 0 && draw(0) > 1.0;
        for k in 0..d {
            let fresh = draw(half);
            w.push(if twin { w[(i - 1) * d + k] } else { fresh });
        }
        let bias = draw(half);
        b.push(if twin {
            b[i - 1]
        } else if draw(0) > 1.5 {
            1e16
        } else {
            bias
        });
        let out = draw(half);
        v.push(if twin { -v[i - 1] } else { out });
    }
    let c = draw(half);
    // Half of them have a linear part, which may be what units cancel.
    let a = (draw(0) > 0.0).then(|| (0..d).map(|k| if draw(0) > 1.0 { -v[0] * w[k] } else { draw(widest) }).collect());
    let a = a.filter(|a: &Vec<f64>| a.iter().all(|a| a.is_finite()));
    Shallow::with_linear(Mat::from_fn(m, d, |i, k| w[i * d + k]), b, v, c, a).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn every_operation_is_on_its_side_and_next_to_the_exact_result(a in any_double(), b in any_double()) {
        let (x, y) = (Exact::of(a), Exact::of(b));
        for (low, high, exact) in [
            (add_down(a, b), add_up(a, b), x.clone() + y.clone()),
            (mul_down(a, b), mul_up(a, b), x.clone() * y.clone()),
        ] {
            prop_assert!(low == f64::NEG_INFINITY || Exact::of(low) <= exact);
            prop_assert!(high == f64::INFINITY || exact <= Exact::of(high));
            prop_assert!(high <= low.next_up().next_up(), "{low} {high}");
            if high == low { prop_assert!(Exact::of(low) == exact); }
        }
        if b != 0.0 {
            let (low, high) = (div_down(a, b), div_up(a, b));
            let side = |q: f64| Exact::of(q) * y.clone();
            let ordered = |less: Exact, more: Exact| if b > 0.0 { less <= more } else { more <= less };
            prop_assert!(low == f64::NEG_INFINITY || ordered(side(low), x.clone()), "{a} {b} {low}");
            prop_assert!(high == f64::INFINITY || ordered(x.clone(), side(high)), "{a} {b} {high}");
            prop_assert!(high <= low.next_up().next_up());
        }
        let a = a.abs();
        let (low, high) = (sqrt_down(a), sqrt_up(a));
        prop_assert!(Exact::of(low) * Exact::of(low) <= Exact::of(a) && Exact::of(a) <= Exact::of(high) * Exact::of(high));
        prop_assert!(high <= low.next_up().next_up());
    }

    #[test]
    fn sums_are_enclosed_closely(terms in proptest::collection::vec(any_double(), 0..30)) {
        let mut sum = Sum::default();
        terms.iter().for_each(|x| sum.add(*x));
        let exact = terms.iter().fold(Exact::zero(), |sum, x| sum + Exact::of(*x));
        let Interval { low, high } = sum.interval();
        if low.is_finite() && high.is_finite() {
            prop_assert!(Exact::of(low) <= exact && exact <= Exact::of(high));
            let size: f64 = terms.iter().map(|x| x.abs()).sum();
            prop_assert!(high - low <= 4.0 * f64::EPSILON * high.abs().max(low.abs()) + 1e-28 * size + 1e-320);
        }
    }

    #[test]
    fn f_is_enclosed_at_every_scale(m in 1usize..8, d in 1usize..4, seed in any::<u64>(), at in any::<u64>()) {
        let network = network_of_any_scale(m, d, seed);
        let mut random = Pcg64::seed_from_u64(at);
        let x: Vec<f64> = (0..d).map(|_| random.random_range(-2.0..2.0) * 10f64.powi(random.random_range(-3..4))).collect();
        let Interval { low, high } = enclose(&network, &x);
        let exact = exact_numbers::value(&network, &x);
        prop_assert!(low == f64::NEG_INFINITY || Exact::of(low) <= exact.clone(), "{low}");
        prop_assert!(high == f64::INFINITY || exact <= Exact::of(high), "{high}");
    }
}

/// Where nothing is rounded the interval is a point; where almost everything cancels it is still short.
#[test]
fn the_interval_is_as_short_as_it_can_be() {
    let whole = Shallow::new(faer::mat![[3.0, -4.0]], vec![0.5], vec![2.0], -1.0).unwrap();
    assert_eq!(enclose(&whole, &[1.0, 0.25]), Interval { low: 4.0, high: 4.0 });
    let cancelling = Shallow::new(faer::mat![[1.0], [0.0]], vec![1e16, 1e16], vec![1.0, -1.0], 0.0).unwrap();
    let Interval { low, high } = enclose(&cancelling, &[0.9]);
    assert!(low <= 0.9 && 0.9 <= high && high - low < 1e-12, "{low} {high}");
    assert!(enclose(&whole, &[1e308, -1e308]) == Interval::EVERYTHING);
    assert_eq!(Interval { low: 1.0, high: 2.0 }.distance_down(1.5), 0.0);
    assert_eq!(Interval { low: 1.0, high: 2.0 }.distance_down(3.0), 1.0);
}
