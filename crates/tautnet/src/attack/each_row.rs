//! The worst loss of each row within its tolerance, of a network with one output: found, and by branch and bound.

use super::local::Prepared;
use super::projected_ascent::Search;
use super::settings::{Method, Settings};
use crate::ball::steepest;
use crate::certify::wanted_interval_within;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::norm::Norm;
use crate::outward::{Interval, distance_up, div_up, enclose, length_at_most};
use crate::shallow::Shallow;
use crate::tolerance::{Shape, Tolerance};
use faer::Mat;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use tautnet_cone::Stop;

/// What is known of a row.
pub(super) struct Row {
    /// What an attack finds, and with branch and bound.
    pub found: [f64; 2],
    pub proved: f64,
    /// Whether they meet.
    pub closed: bool,
    /// The worst points of the attack, where they are asked for.
    pub points: Vec<Vec<f64>>,
}

/// Attack every row of a network with one output; the worst points come too where they are asked for.
pub(super) fn rows(
    network: &Shallow,
    data: &Dataset,
    tolerance: &Tolerance,
    settings: &Settings,
    points: bool,
) -> Result<Vec<Row>> {
    let (n, d) = (data.rows(), data.columns());
    if network.inputs() != d || tolerance.columns() != d || !(tolerance.is_same() || tolerance.sizes().nrows() == n) {
        return Err(Error::new(
            format!(
                "the network has {} inputs, the tolerance {} columns and {} rows, and the data {d} columns and {n} rows",
                network.inputs(),
                tolerance.columns(),
                tolerance.sizes().nrows()
            ),
            "give the tolerance of these very columns and rows",
        ));
    }
    let norm = tolerance.shape().norm();
    let settings = Settings { lipschitz_upper_bound: f64::INFINITY, ..settings.clone() };
    let scaled = |k: usize| {
        let tau = |j: usize| tolerance.size(k, j);
        let w = Mat::from_fn(network.units(), d, |i, j| network.w()[(i, j)] * tau(j));
        let a = network.a().map(|a| (0..d).map(|j| a[j] * tau(j)).collect());
        Shallow::with_linear(w, network.b().to_vec(), network.v().to_vec(), network.c(), a)
    };
    let same = if tolerance.is_same() { Some(scaled(0)?) } else { None };
    let same = same.as_ref().map(|network| Prepared::new(network, norm));
    let given = Prepared::new(network, norm);
    let (loss, stop, origin) = (&settings.loss, Stop::here(), vec![0.0; d]);
    // What the attack finds, what branch and bound does beside it, what is proved, and whether the search closed.
    (0..n)
        .into_par_iter()
        .map_init(
            || (Search::new(norm, d), Vec::new()),
            |(search, h), k| {
                let x: Vec<f64> = (0..d).map(|j| data.x[(k, j)]).collect();
                let y = data.y[k];
                let clean = loss.least(enclose(network, &x), y);
                let prove = |attacked: f64, nodes: usize, points: Vec<Vec<f64>>| -> Result<Row> {
                    if settings.nodes == 0 {
                        return Ok(Row { found: [attacked; 2], proved: f64::INFINITY, closed: false, points });
                    }
                    // An end of the interval whose loss is no more than what is found is not looked for.
                    let wanted = |end: f64| loss.worst(Interval { low: end, high: end }, 0.0, y) > attacked;
                    let interval = stop.during(|| wanted_interval_within(network, &x, k, tolerance, nodes, &wanted))?;
                    let met = interval.met().map(|side| loss.least(side, y));
                    let (found, proved) =
                        (met.into_iter().fold(attacked, f64::max), loss.worst(interval.proved(), 0.0, y));
                    if found > proved {
                        return Err(disagreement(k, found, proved));
                    }
                    Ok(Row { found: [attacked, found], proved, closed: interval.closed, points })
                };
                if stop.asked() {
                    return prove(clean, 0, Vec::new());
                }
                given.pre_activations(&x, h);
                // The linear part at the row itself is in the target of the search.
                let moved = network.a().map_or(0.0, |a| a.iter().zip(&x).map(|(a, x)| a * x).sum());
                let mut random = Pcg64::new(settings.seed.into(), k as u128);
                search.reset();
                let mut look = |prepared: &Prepared<'_>| {
                    stop.during(|| {
                        search.worst(prepared, (&origin, h), (y - moved, loss.harm(y)), 1.0, &settings, &mut random)
                    })
                };
                let sizes: Vec<f64> = (0..d).map(|j| tolerance.size(k, j)).collect();
                let u = match (settings.method, &same) {
                    (Method::FastGradient, _) => {
                        let harm = loss.harm(y).unwrap_or(if network.value(&x) < y { -1.0 } else { 1.0 });
                        let gradient: Vec<f64> =
                            network.gradient(&x).iter().zip(&sizes).map(|(g, size)| g * size).collect();
                        let mut u = vec![0.0; d];
                        steepest(norm, &gradient, &mut u);
                        u.into_iter().map(|u| harm * u).collect()
                    }
                    (Method::ProjectedAscent, Some(prepared)) => look(prepared),
                    (Method::ProjectedAscent, None) => look(&Prepared::new(&scaled(k)?, norm)),
                };
                let place = |u: &[f64]| placed(tolerance.shape(), &sizes, &x, u);
                let found = clean.max(loss.least(enclose(network, &place(&u)), y));
                let step = (settings.method == Method::FastGradient).then_some(&u[..]);
                let points = search.known().chain(step).filter(|_| points).map(place).collect();
                prove(found, if stop.asked() { 0 } else { settings.nodes }, points)
            },
        )
        .collect()
}

/// Two theorems that cannot both hold.
fn disagreement(row: usize, found: f64, proved: f64) -> Error {
    Error::new(
        format!("in row {row} the loss {found} was found within the tolerance, above the proved {proved}"),
        "this is a mistake in tautnet: please report it with the network and the data",
    )
}

/// A point near `x + τ∘u` that lies within the tolerance for certain; x itself where nothing else will do.
pub(super) fn placed(shape: Shape, sizes: &[f64], x: &[f64], u: &[f64]) -> Vec<f64> {
    let mut shrink = 0.0;
    for _ in 0..20 {
        let place = |j: usize| x[j] + sizes[j] * (u[j] * (1.0 - shrink));
        let point: Vec<f64> = (0..x.len()).map(|j| if sizes[j] > 0.0 { place(j) } else { x[j] }).collect();
        let inside = match shape {
            Shape::Box => (0..x.len()).all(|j| distance_up(point[j], x[j]) <= sizes[j]),
            Shape::Ball => {
                let moved = (0..x.len()).filter(|&j| sizes[j] > 0.0);
                length_at_most(Norm::Two, moved.map(|j| div_up(distance_up(point[j], x[j]), sizes[j])), 1.0)
            }
        };
        if inside {
            return point;
        }
        // Beside a large x a small τ is a few units in the last place.
        shrink = (4.0 * shrink).max(f64::EPSILON);
    }
    x.to_vec()
}
