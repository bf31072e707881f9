//! The largest Jacobian found: a lower bound on the Lipschitz constant of a network with any number of layers, with the input that
//! attains it.
//!
//! The operator norm of the Jacobian J(x) is looked for where it is large. From the origin, the rows of the data and random inputs the search climbs:
//! with u and v the directions in which J(x) is largest, `uᵀJ(x)v = ‖J(x)‖`, the gradient of that number by x is the change of `J(x)ᵀu` along v. It is
//! taken as a difference over a step that shrinks, so that it sees the kinks of piecewise linear networks too, whose J is constant between them. The
//! points at either end of the difference, the step along the gradient and a random one compete for the next point.
//!
//! What is reported is a directional derivative in the direction v, rounded down: [`super::directional`] says how, and why it is at most the constant.

use super::directional::{Of, change_at_least};
use crate::error::{Error, Result};
use crate::random::normal;
use crate::{Network, Norm, dense};
use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use tautnet_cone::Stop;

/// How long the search for a large Jacobian may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JacobianSearchSettings {
    /// How many random inputs the search starts from, beside the origin and the rows.
    pub starts: usize,
    /// The largest number of rows of the data that the search starts from; they are spread evenly.
    pub rows: usize,
    /// The largest number of climbs, from the best starts.
    pub climbs: usize,
    /// Most Jacobians, in all.
    pub jacobians: usize,
    /// The seed of random inputs and steps.
    pub seed: u64,
}

impl Default for JacobianSearchSettings {
    fn default() -> Self {
        Self { starts: 32, rows: 64, climbs: 8, jacobians: 4000, seed: 0 }
    }
}

impl JacobianSearchSettings {
    /// The default, with less to do for wide networks: about ten billion operations.
    pub fn scaled_to(network: &Network) -> Self {
        let weights: usize = network.layers().iter().map(|layer| layer.units() * layer.inputs()).sum();
        let all = Self::default();
        let jacobians = 5_000_000_000 / (weights * (network.outputs() + 1)).max(1);
        let jacobians = jacobians.clamp(40, all.jacobians);
        Self { jacobians, starts: all.starts.min(jacobians / 10), rows: all.rows.min(jacobians / 4), ..all }
    }
}

/// A Jacobian that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct JacobianFound {
    /// At most the operator norm of the Jacobian at the point: a lower bound on the constant.
    pub value: f64,
    /// The input.
    pub point: Vec<f64>,
    /// The direction in which the outputs change so fast.
    pub direction: Vec<f64>,
}

/// A point of the search with its Jacobian's largest directions.
struct At {
    x: Vec<f64>,
    /// The operator norm, to nearest.
    size: f64,
    /// What outputs are weighed with, and the direction of the inputs.
    u: Vec<f64>,
    v: Vec<f64>,
    jacobian: Mat<f64>,
}

/// Searches for an input where the Jacobian of the outputs is large, and proves how large it is there at least. Ends early where it is time to
/// stop ([`Stop::here`]).
pub fn largest_jacobian_found(
    network: &Network,
    norm: Norm,
    of: Of,
    rows: Option<MatRef<'_, f64>>,
    settings: &JacobianSearchSettings,
) -> Result<JacobianFound> {
    let (d, outputs) = (network.inputs(), network.outputs());
    if let Some(rows) = rows.filter(|rows| rows.ncols() != d) {
        return Err(Error::new(
            format!("the data has {} columns but the network has {d} inputs", rows.ncols()),
            "give the data the network was trained on",
        ));
    }
    let asked = match of {
        Of::All => vec![],
        Of::Output(j) => vec![j],
        Of::Pair(j, k) => vec![j, k],
    };
    if let Some(j) = asked.iter().find(|&&j| j >= outputs) {
        return Err(Error::new(
            format!("output {j} was asked for, and the network has {outputs}"),
            "number the outputs from 0",
        ));
    }
    let mut search = Search { network, norm, of, left: settings.jacobians, stop: Stop::here() };
    let mut random = Pcg64::seed_from_u64(settings.seed);
    let mut starts: Vec<Vec<f64>> = vec![vec![0.0; d]];
    if let Some(rows) = rows.filter(|rows| rows.nrows() > 0) {
        let count = rows.nrows().min(settings.rows);
        let row = |k: usize| (0..d).map(|j| rows[(k, j)]).collect::<Vec<_>>();
        starts.extend((0..count).map(|start| row(start * rows.nrows() / count)));
    }
    starts.extend((0..settings.starts).map(|start| {
        let scale = [1.0, 3.0, 0.3, 0.1][start % 4];
        (0..d).map(|_| scale * normal(&mut random)).collect()
    }));
    let mut found: Vec<At> = starts.into_iter().filter_map(|x| search.at(x)).collect();
    found.sort_by(|a, b| b.size.total_cmp(&a.size));
    found.truncate(settings.climbs.max(1));
    let mut best = JacobianFound { value: 0.0, point: vec![0.0; d], direction: vec![0.0; d] };
    let climbs = found.len();
    for (done, start) in found.into_iter().enumerate() {
        let end = search.climb(start, search.left / (climbs - done), &mut random);
        let value = change_at_least(network, norm, of, &end.x, &end.v);
        if value > best.value || done == 0 {
            best = JacobianFound { value, point: end.x, direction: end.v };
        }
    }
    Ok(best)
}

struct Search<'a> {
    network: &'a Network,
    norm: Norm,
    of: Of,
    left: usize,
    stop: Stop,
}

impl Search<'_> {
    /// The Jacobian at a point; `None` where no more are allowed, or where it is not finite.
    fn at(&mut self, x: Vec<f64>) -> Option<At> {
        if self.left == 0 || self.stop.asked() || !x.iter().all(|x| x.is_finite()) {
            return None;
        }
        self.left -= 1;
        let jacobian = jacobian(self.network, self.of, &x);
        let (u, v) = largest_directions(&jacobian, self.norm)?;
        let image = dense::multiply(jacobian.as_ref(), column(&v).as_ref());
        let image: Vec<f64> = (0..image.nrows()).map(|j| image[(j, 0)]).collect();
        let size = self.norm.of(&image) / self.norm.of(&v);
        size.is_finite().then_some(At { x, size, u, v, jacobian })
    }

    /// Climbs with at most so many Jacobians.
    fn climb(&mut self, mut at: At, allowed: usize, random: &mut Pcg64) -> At {
        let d = at.x.len();
        let end = self.left - allowed.min(self.left);
        let long = Norm::Two.of(&at.x).max((d as f64).sqrt());
        let mut step = 0.5;
        while self.left > end && step > 1e-4 && !self.stop.asked() {
            let reach = step * long;
            let moved = |direction: &[f64], sign: f64| -> Option<Vec<f64>> {
                let length = Norm::Two.of(direction);
                let to = |(x, t): (&f64, &f64)| x + sign * reach * t / length;
                (length > 0.0 && length.is_finite()).then(|| at.x.iter().zip(direction).map(to).collect())
            };
            let ends = [1.0, -1.0].map(|sign| moved(&at.v, sign).and_then(|x| self.at(x)));
            let slope = match &ends {
                [Some(ahead), Some(behind)] => {
                    let along =
                        |end: &At, k: usize| (0..at.u.len()).map(|j| at.u[j] * end.jacobian[(j, k)]).sum::<f64>();
                    Some((0..d).map(|k| along(ahead, k) - along(behind, k)).collect::<Vec<f64>>())
                }
                _ => None,
            };
            let aside: Vec<f64> = (0..d).map(|_| normal(random)).collect();
            let other = [slope.and_then(|slope| moved(&slope, 1.0)), moved(&aside, 1.0)];
            let other = other.map(|x| x.and_then(|x| self.at(x)));
            let best = ends.into_iter().chain(other).flatten().max_by(|a, b| a.size.total_cmp(&b.size));
            match best {
                Some(next) if next.size > at.size * (1.0 + 1e-12) => at = next,
                _ => step *= 0.5,
            }
        }
        at
    }
}

/// The operator norm of the Jacobian at a point, to nearest, and the direction in which it is largest; `None` where it is not finite or it is time to stop.
pub(super) fn looked_at(network: &Network, norm: Norm, of: Of, x: &[f64]) -> Option<(f64, Vec<f64>)> {
    let jacobian = jacobian(network, of, x);
    let (_, v) = largest_directions(&jacobian, norm)?;
    let image = dense::multiply(jacobian.as_ref(), column(&v).as_ref());
    let size = norm.of(image.col_as_slice(0)) / norm.of(&v);
    size.is_finite().then_some((size, v))
}

fn column(x: &[f64]) -> Mat<f64> {
    Mat::from_fn(x.len(), 1, |i, _| x[i])
}

/// The derivatives of the outputs looked at, one row each.
fn jacobian(network: &Network, of: Of, x: &[f64]) -> Mat<f64> {
    let (last, hidden) = network.layers().split_last().expect("a network has a layer");
    let picked = |w: &Mat<f64>| match of {
        Of::All => w.clone(),
        Of::Output(j) => Mat::from_fn(1, w.ncols(), |_, k| w[(j, k)]),
        Of::Pair(y, j) => Mat::from_fn(1, w.ncols(), |_, k| w[(y, k)] - w[(j, k)]),
    };
    let (mut handed_on, mut sums) = (x.to_vec(), Vec::new());
    for layer in hidden {
        let products = dense::multiply(layer.weights().as_ref(), column(&handed_on).as_ref());
        let h: Vec<f64> = layer.bias().iter().enumerate().map(|(i, b)| b + products[(i, 0)]).collect();
        layer.activation().apply(&h, &mut handed_on);
        sums.push(h);
    }
    let mut of_handed_on = picked(last.weights());
    for (layer, h) in hidden.iter().zip(&sums).rev() {
        let of_sums = layer.slopes(h, &of_handed_on);
        of_handed_on = dense::multiply(of_sums.as_ref(), layer.weights().as_ref());
    }
    match network.linear() {
        Some(linear) => of_handed_on + picked(linear),
        None => of_handed_on,
    }
}

/// Directions u and v with `uᵀJv` about the operator norm of J; `None` where J is not finite or it is time to stop.
fn largest_directions(jacobian: &Mat<f64>, norm: Norm) -> Option<(Vec<f64>, Vec<f64>)> {
    let (outputs, d) = (jacobian.nrows(), jacobian.ncols());
    let row = |j: usize| (0..d).map(|k| jacobian[(j, k)]).collect::<Vec<_>>();
    let largest = (0..d).map(|k| Norm::Infinity.of(jacobian.col_as_slice(k))).fold(0.0, f64::max);
    let finite = (0..d).all(|k| jacobian.col_as_slice(k).iter().all(|a| a.is_finite()));
    if !finite {
        return None;
    }
    let axis = |length: usize, at: usize| (0..length).map(|k| f64::from(u8::from(k == at))).collect::<Vec<_>>();
    if largest == 0.0 {
        return Some((axis(outputs, 0), axis(d, 0)));
    }
    let sign = |a: f64| if a < 0.0 { -1.0 } else { 1.0 };
    match norm {
        Norm::Infinity => {
            let sizes: Vec<f64> = (0..outputs).map(|j| Norm::One.of(&row(j))).collect();
            let j = (0..outputs).max_by(|&a, &b| sizes[a].total_cmp(&sizes[b]))?;
            Some((axis(outputs, j), row(j).into_iter().map(sign).collect()))
        }
        Norm::One => {
            let sizes: Vec<f64> = (0..d).map(|k| Norm::One.of(jacobian.col_as_slice(k))).collect();
            let k = (0..d).max_by(|&a, &b| sizes[a].total_cmp(&sizes[b]))?;
            Some((jacobian.col_as_slice(k).iter().map(|&a| sign(a)).collect(), axis(d, k)))
        }
        Norm::Two => {
            // Entries near 1.
            let scaled = Mat::from_fn(outputs, d, |j, k| jacobian[(j, k)] / largest);
            let (left, right) = if outputs == 1 {
                (vec![1.0], row(0))
            } else if outputs <= d {
                let (_, vectors) = dense::eigenvectors(&dense::gram_of_rows(scaled.as_ref()))?;
                let u = vectors.col_as_slice(outputs - 1).to_vec();
                let v = dense::multiply(scaled.transpose(), column(&u).as_ref()).col_as_slice(0).to_vec();
                (u, v)
            } else {
                let (_, vectors) = dense::eigenvectors(&dense::gram(scaled.as_ref()))?;
                let v = vectors.col_as_slice(d - 1).to_vec();
                let u = dense::multiply(scaled.as_ref(), column(&v).as_ref()).col_as_slice(0).to_vec();
                (u, v)
            };
            let unit = |x: Vec<f64>| {
                let length = Norm::Two.of(&x);
                x.into_iter().map(|x| x / length).collect::<Vec<_>>()
            };
            Some((unit(left), unit(right)))
        }
    }
}

#[cfg(test)]
#[path = "jacobian_tests.rs"]
mod tests;
