//! Where the Newton steps of LipSDP of a chain begin: near the center of F without the outputs, found from the first layer on.
//!
//! Without the outputs, F is homogeneous: its center for ρ = 1 is, times ρ, that for every ρ. There the multipliers grow from layer to layer at a
//! rate that no choice from the outputs on tells, such as the greedy one: that is off by a factor for each layer. Newton steps from it come to the
//! edge of what F allows, and stay there.
//!
//! So one layer after the other is added, with small multipliers, and those of the last few layers are centered: what is farther away feels
//! little of it. Of the layers before these few only the covariance of the sums after them is left: with Δ, h_1 = F_1 Δ, of the covariance I,
//!
//! ```text
//!     h_{l+1} = C_l h_l + R_l e_l,    Cov(h_l) = (S_l⁻¹ − T_l)⁻¹,    Cov(e_l) = T_l⁻¹,    S_{l+1} = Cov(h_{l+1}).
//! ```

use super::chain_problem::Stretch;
use super::chain_recursion::Covariances;
use super::chain_steps::{CENTERED, Point, System, centered, derivatives, least_ridge};
use crate::dense;
use faer::Mat;

/// So many layers are centered together, or fewer with so many units, but two at least.
const LAYERS: usize = 10;
const UNITS: usize = 800;

/// So many Newton steps at most are taken when a layer is added.
const STEPS: usize = 6;

/// ‖Cov(h)‖ of the outputs, which ρ has to be above, is this share of ρ at the start.
const SHARE: f64 = 0.3;

/// The multipliers and ρ; `None` where the numbers of a network are beyond what can be computed, or it is time to stop.
pub(super) fn start(chain: Stretch<'_>) -> Option<(Vec<Vec<f64>>, f64)> {
    let mut t: Vec<Vec<f64>> = Vec::new();
    // The first layer of those that are centered, and a factor of the covariance of its sums with no layer after it; the covariance of the next sums.
    let (mut from, mut factor) = (0, chain.first.clone());
    let mut sums = dense::gram_of_rows(factor.as_ref());
    for l in 0..chain.hidden.len() {
        let units = |from: usize| chain.hidden[from..=l].iter().map(|hidden| hidden.units()).sum::<usize>();
        while l - from >= LAYERS || (l - from > 1 && units(from) > UNITS) {
            factor = onward(&factor, chain, from, &t[from])?;
            from += 1;
        }
        t.push(vec![0.5 / dense::largest_eigenvalue(&sums)?; chain.hidden[l].units()]);
        let stretch = Stretch { first: &factor, hidden: &chain.hidden[from..=l], outputs: false };
        let point = center(stretch, &t[from..])?;
        sums = Covariances::new(stretch, &point.pass, &point.factor).onward;
        t.truncate(from);
        t.extend(point.t);
    }
    let rho = dense::largest_eigenvalue(&sums)? / SHARE;
    t.iter_mut().flatten().for_each(|t| *t *= rho);
    (rho > 0.0 && rho.is_finite()).then_some((t, rho))
}

/// Some Newton steps with ρ = 1.
fn center(stretch: Stretch<'_>, t: &[Vec<f64>]) -> Option<Point> {
    let mut point = Point::new(stretch, t.to_vec(), 1.0)?;
    for _ in 0..STEPS {
        let (mut gradient, hessian) = derivatives(stretch, &point)?;
        let count = stretch.count();
        gradient.truncate(count);
        let system = System::new(hessian.submatrix(0, 0, count, count).to_owned(), least_ridge(count))?;
        let mut newton: Vec<f64> = system.solve(&gradient).into_iter().map(|x| -x).collect();
        let decrement = -gradient.iter().zip(&newton).map(|(g, x)| g * x).sum::<f64>();
        newton.push(0.0);
        match centered(stretch, &point, &newton, 0.0, decrement) {
            Some(next) => point = next,
            None => break,
        }
        if decrement < CENTERED {
            break;
        }
    }
    Some(point)
}

/// A factor of S of the next layer from that of layer l.
pub(super) fn onward(factor: &Mat<f64>, chain: Stretch<'_>, l: usize, t: &[f64]) -> Option<Mat<f64>> {
    let hidden = &chain.hidden[l];
    let alone = Stretch { first: factor, hidden: &chain.hidden[l..=l], outputs: false };
    let point = Point::new(alone, vec![t.to_vec()], 1.0)?;
    let mut root = factor.transpose().to_owned();
    dense::solve_lower(point.factor.as_ref(), root.as_mut());
    let center = dense::multiply(hidden.center.as_ref(), root.transpose());
    let (r, m) = (center.ncols(), t.len());
    let next = Mat::from_fn(center.nrows(), r + hidden.swing.ncols(), |i, k| {
        if k < r { center[(i, k)] } else { hidden.swing[(i, k - r)] / t[(k - r) % m].sqrt() }
    });
    Some(if next.nrows() < next.ncols() { dense::row_space_coordinates(next.as_ref()) } else { next })
}
