//! How often the class is right: without an attack, after two of them, and proved.

use super::settings::Settings;
use rayon::prelude::*;
use tautnet::attack::{self, fast_gradient_towards, found_within};
use tautnet::certify::keeps_sign;
use tautnet::error::Result;
use tautnet::tolerance::{Shape, Tolerance};
use tautnet::{Dataset, Norm, Shallow, Stop};

/// Shares of the rows whose class is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Right {
    pub clean: f64,
    pub fgsm: f64,
    pub pgd: f64,
    pub proved: f64,
}

/// The share without an attack.
pub(super) fn clean(network: &Shallow, data: &Dataset) -> f64 {
    share(data.rows(), |k| network.value(&row(data, k)) * data.y[k] > 0.0)
}

/// All shares. A row that an attack leaves wrong is wrong for every stronger one.
pub(super) fn measure(
    network: &Shallow,
    data: &Dataset,
    (radius, nodes): (f64, usize),
    settings: &Settings,
    seed: u64,
) -> Result<Right> {
    let loss = settings.loss();
    let tolerance = Tolerance::same(Shape::Box, &vec![radius; data.columns()])?;
    let attack = attack::Settings {
        loss: loss.clone(),
        restarts: settings.restarts,
        steps: settings.attack_steps,
        seed,
        ..attack::Settings::new(f64::INFINITY)
    };
    let n = data.rows();
    let right = |x: &[f64], k: usize| network.value(x) * data.y[k] > 0.0;
    let after_step: Vec<bool> = (0..n)
        .map(|k| {
            let x = row(data, k);
            let delta = fast_gradient_towards(network, &x, -data.y[k], Norm::Infinity, radius);
            let moved: Vec<f64> = x.iter().zip(delta).map(|(x, delta)| x + delta).collect();
            right(&x, k) && right(&moved, k)
        })
        .collect();
    let found = found_within(network, data, &tolerance, &attack)?;
    let after_ascent: Vec<bool> = (0..n).map(|k| after_step[k] && found[k] < loss.value(0.0, data.y[k])).collect();
    let stop = Stop::here();
    let proved = (0..n).into_par_iter().map(|k| {
        let prove = || keeps_sign(network, &row(data, k), k, &tolerance, data.y[k], nodes);
        Ok(after_ascent[k] && stop.during(prove)?)
    });
    let proved = proved.collect::<Result<Vec<bool>>>()?;
    let [fgsm, pgd, proved] = [after_step, after_ascent, proved].map(|right| share(n, |k| right[k]));
    Ok(Right { clean: clean(network, data), fgsm, pgd, proved })
}

fn row(data: &Dataset, k: usize) -> Vec<f64> {
    (0..data.columns()).map(|j| data.x[(k, j)]).collect()
}

fn share(rows: usize, right: impl Fn(usize) -> bool) -> f64 {
    (0..rows).filter(|k| right(*k)).count() as f64 / rows as f64
}
