//! What is proved about the output around one sample: the interval that no input within a radius can leave.
//!
//! Two bounds meet. From the Lipschitz constant, `f(x₀) ± ε L`; from branch and bound ([`output_range`]), the range of f over
//! the ball itself, which is exact where the search closes and never wider than what its first node proves. Their
//! intersection is the interval; the extreme values that the search met are attained.

use super::output_range::{RangeSettings, output_range};
use super::region::Region;
use crate::error::Result;
use crate::outward::{Interval, add_down, add_up, enclose, mul_up};
use crate::range::RADIUS;
use crate::{Norm, Shallow};
use std::ops::ControlFlow;

/// The interval of the output over a ball, from inside and from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleInterval {
    /// No output within the radius is smaller.
    pub lower: f64,
    /// No output within the radius is larger.
    pub upper: f64,
    /// The smallest output found there, rounded up: at least `lower`.
    pub lowest_found: f64,
    /// The largest output found there, rounded down: at most `upper`.
    pub highest_found: f64,
    /// Whether branch and bound closed the gap at both ends.
    pub closed: bool,
}

impl SampleInterval {
    /// What no output within the radius leaves.
    pub(crate) fn proved(&self) -> Interval {
        Interval { low: self.lower, high: self.upper }
    }

    /// Two intervals with an output in each: it is somewhere at most the lowest found, and somewhere at least the highest.
    pub(crate) fn met(&self) -> [Interval; 2] {
        [
            Interval { low: f64::NEG_INFINITY, high: self.lowest_found },
            Interval { low: self.highest_found, high: f64::INFINITY },
        ]
    }
}

/// The interval around `f(x)` for inputs within `radius` of x in the norm. `lipschitz_upper_bound` is proved in that norm,
/// or infinite; at most `nodes` nodes of branch and bound are spent at each end, none at all if 0.
///
/// f is the function of real numbers that the stored weights define, and x is exactly what is given: the interval holds the
/// real values, rounding included, at radius 0 too. That what is found lies inside is not made so here: if the bound
/// given is none, it need not.
pub fn sample_interval(
    network: &Shallow,
    x: &[f64],
    norm: Norm,
    radius: f64,
    lipschitz_upper_bound: f64,
    nodes: usize,
) -> Result<SampleInterval> {
    RADIUS.check("radius", radius)?;
    let value = enclose(network, x);
    let reach = if radius == 0.0 { 0.0 } else { mul_up(radius, lipschitz_upper_bound) };
    let mut interval = SampleInterval {
        lower: add_down(value.low, -reach),
        upper: add_up(value.high, reach),
        lowest_found: value.high,
        highest_found: value.low,
        closed: radius == 0.0,
    };
    if nodes > 0 && radius > 0.0 {
        let region = Region::Ball { center: x.to_vec(), radius, norm };
        let settings = RangeSettings { nodes, ..RangeSettings::default() };
        let range = output_range(network, &region, &settings, &mut |_, _| ControlFlow::Continue(()))?;
        interval.lower = interval.lower.max(range.lowest.bound);
        interval.upper = interval.upper.min(range.highest.bound);
        interval.lowest_found = interval.lowest_found.min(range.lowest.found);
        interval.highest_found = interval.highest_found.max(range.highest.found);
        interval.closed = range.lowest.closed && range.highest.closed;
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;
    use crate::certify::tests::random_network;
    use crate::certify::{lipsdp, path_norm};
    use crate::exact_numbers::{self, Exact};

    /// More nodes never widen an interval, outputs of the ball never leave it, and where it closes both sides are one.
    #[test]
    fn an_interval_shrinks_to_the_range() {
        for seed in 0..10 {
            let network = random_network(15, 3, seed);
            let x = [0.3, -0.2, 0.7];
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let bound = lipsdp(&network, norm, &mut |_| ControlFlow::Continue(())).unwrap().lipschitz_upper_bound;
                assert!(bound <= path_norm(&network, norm));
                let interval = |nodes| sample_interval(&network, &x, norm, 0.4, bound, nodes).unwrap();
                let (none, one, all) = (interval(0), interval(1), interval(10_000));
                assert!(all.closed && !none.closed && all.upper - all.highest_found < 1e-5 * bound, "{all:?}");
                for (wide, narrow) in [(none, one), (one, all)] {
                    assert!(wide.lower <= narrow.lower && narrow.upper <= wide.upper, "{wide:?} {narrow:?}");
                    assert!(narrow.lower <= narrow.lowest_found && narrow.highest_found <= narrow.upper);
                }
                for k in 0..3 {
                    for step in [-0.4, -0.1, 0.4] {
                        let mut y = x;
                        y[k] += step;
                        let value = network.value(&y);
                        assert!(all.lower - 1e-12 <= value && value <= all.upper + 1e-12, "{all:?} {value}");
                    }
                }
                let loss = Loss::default();
                let found = all.met().map(|side| loss.least(side, 1.0)).into_iter().fold(0.0, f64::max);
                let certified = loss.worst(all.proved(), 0.0, 1.0);
                assert!(found <= certified && certified.sqrt() - found.sqrt() < 1e-5 * bound);
            }
        }
    }

    #[test]
    fn radius_zero_is_the_prediction_and_a_negative_one_is_refused() {
        let network = random_network(5, 2, 1);
        let interval = sample_interval(&network, &[1.0, 2.0], Norm::Two, 0.0, f64::INFINITY, 10).unwrap();
        let value = exact_numbers::value(&network, &[1.0, 2.0]);
        assert!(Exact::of(interval.lower) <= value && value <= Exact::of(interval.upper) && interval.closed);
        assert!(interval.upper <= interval.lower.next_up().next_up().next_up());
        assert!(sample_interval(&network, &[1.0, 2.0], Norm::Two, -1.0, 1.0, 10).unwrap_err().what.contains("-1"));
    }
}
