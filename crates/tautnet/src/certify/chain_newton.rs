//! The best multipliers of LipSDP of a chain: an interior-point method, by Newton steps on
//!
//! ```text
//!     φ(t, ρ) = w ρ − log det F(t, ρ),        w → ∞.
//! ```
//!
//! **The gap.** Let X = F⁻¹, D the change of F by the Newton step n, and λ² = nᵀ∇²φ n < 1, so that X^½ D X^½ ≺ I. Then `Y = (X − X D X)/w ⪰ 0`, and by what
//! the step solves `tr Y A_i = 0` and `tr Y ∂F/∂ρ = 1`. With `tr Y F(t′, ρ′) ≥ 0` for what any multipliers t′ prove, ρ′ is at least
//! `ρ − tr Y F = ρ − (K + nᵀ∇(−log det F))/w`, K being the number of rows of F. Elsewhere `lower_bound` tells something.

use super::chain_problem::Stretch;
use super::chain_recursion::{greedy, inverse, lower_bound};
use super::chain_start::start;
use super::chain_steps::{CENTERED, Point, System, centered, derivatives, least_ridge};
use crate::dense;
use tautnet_cone::Stop;

/// Up to so many multipliers the Newton steps are taken: the linear system has to be held.
pub(super) const MOST: usize = 10_000;

/// More steps than are ever needed.
const STEPS: usize = 200;

/// Where a ridge is larger than this it is not made larger still.
const MOST_RIDGE: f64 = 1e-6;

/// Multipliers with what they prove, and what no multipliers can.
pub(super) struct Solved {
    /// The multipliers.
    pub t: Vec<Vec<f64>>,
    /// About the ρ that they prove.
    pub upper: f64,
    /// About a lower bound on every such ρ.
    pub lower: f64,
    /// Number of Newton steps.
    pub steps: usize,
}

/// The best multipliers up to this relative gap of ρ, or the best so far where it is time to stop. The observer is told the gap.
pub(super) fn solve(chain: Stretch<'_>, tolerance: f64, told: &mut dyn FnMut(f64)) -> Option<Solved> {
    let (t, pass) = greedy(chain, 1.0 + 0.5 / chain.hidden.len() as f64)?;
    let largest = dense::largest_eigenvalue(&pass.least)?;
    let mut best = Solved { t, upper: largest, lower: 0.0, steps: 0 };
    if chain.count() > MOST {
        return Some(best);
    }
    let Some((t, rho)) = start(chain) else { return Some(best) };
    let Some(mut point) = Point::new(chain, t, rho) else { return Some(best) };
    let cones = point.factor.nrows() + chain.hidden.iter().map(|h| h.units() * h.kinds).sum::<usize>();
    // At the center of this weight ρ would be that of the point if there were no outputs.
    let mut weight = cones as f64 / rho;
    let mut ridge = least_ridge(chain.count());
    let stop = Stop::here();
    while best.steps < STEPS && !stop.asked() {
        let inputs = inverse(&point.factor);
        best.lower = best.lower.max(lower_bound(chain, &point.pass, &inputs));
        match dense::largest_eigenvalue(&point.pass.least) {
            Some(upper) if upper < best.upper => {
                best.upper = upper;
                best.t.clone_from(&point.t);
            }
            Some(_) => {}
            None => break,
        }
        let gap = (best.upper - best.lower) / best.upper;
        told(gap);
        if gap <= tolerance {
            break;
        }
        let Some((gradient, hessian)) = derivatives(chain, &point) else {
            break;
        };
        let Some(system) = System::new(hessian, ridge) else {
            if ridge > MOST_RIDGE {
                break;
            }
            // The matrix was overwritten, so it is made again: a copy of each would be the larger part of the memory.
            ridge *= 100.0;
            continue;
        };
        best.steps += 1;
        let mut full = gradient.clone();
        full[gradient.len() - 1] += weight;
        let mut along = vec![0.0; gradient.len()];
        along[gradient.len() - 1] = weight;
        let newton: Vec<f64> = system.solve(&full).into_iter().map(|x| -x).collect();
        let decrement = -full.iter().zip(&newton).map(|(g, x)| g * x).sum::<f64>();
        if decrement < 1.0 {
            let along = gradient.iter().zip(&newton).map(|(g, x)| g * x).sum::<f64>();
            // Y meets its equations but for the rest; other multipliers than these are taken to be no more than twice as large.
            let sizes = point.t.iter().flatten().chain([&point.rho]);
            let rest: f64 = system.rest(&newton).zip(sizes).map(|(rest, size)| 2.0 * rest.abs() * size).sum();
            best.lower = best.lower.max(point.rho - (cones as f64 + along + rest) / weight).min(best.upper);
        }
        let moved = if decrement < CENTERED {
            let affine = system.solve(&along);
            let onward = ahead(chain, &point, &newton, &affine).map(|(next, length)| {
                weight /= 1.0 - length;
                next
            });
            onward.or_else(|| centered(chain, &point, &newton, weight, decrement))
        } else {
            centered(chain, &point, &newton, weight, decrement)
        };
        let Some(moved) = moved else { break };
        point = moved;
    }
    Some(best)
}

/// From a centered point along the path: as far as F stays positive, and a little back.
fn ahead(chain: Stretch<'_>, point: &Point, newton: &[f64], affine: &[f64]) -> Option<(Point, f64)> {
    for length in [0.99, 0.97, 0.93, 0.87, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02] {
        if Stop::here().asked() {
            return None;
        }
        let step = |share: f64| -> Vec<f64> {
            newton.iter().zip(affine).map(|(newton, affine)| newton - share * affine).collect()
        };
        // Where a longer step is possible too, this one is not at the edge.
        if point.moved(chain, &step((length * 1.1f64).max(length)), 1.0).is_some() {
            let next = point.moved(chain, &step(length), 1.0)?;
            return Some((next, length));
        }
    }
    None
}
