//! The worst case of rows within a tolerance, as labels bound it.
//!
//! A *label* says of a unit and a row on which side of its kink the unit is taken to be. With any labels D, `σ = 2D − 1`,
//!
//! ```text
//! lin_k = c + a·x_k + Σ_i s_i D_ik h_ik        h_ik = x̄_k·z̄_i       G_k = a + Σ_i s_i D_ik z_i
//! t_ik  = ( ‖z_i‖_τk − σ_ik h_ik )₊                                  what unit i can add by leaving its label
//! lin_k − ‖G_k‖_τk − Σ_{s_i = −} t_ik  ≤  f(x_k + Δ)  ≤  lin_k + ‖G_k‖_τk + Σ_{s_i = +} t_ik
//! ```
//!
//! for every perturbation Δ within the tolerance of row k. A row's interval depends on its own labels alone, so of two sets of
//! labels each row takes the better one.

mod points;
mod slope;
mod smooth;

pub(crate) use points::worst_points;
pub(crate) use slope::bound_gradient;
pub(crate) use smooth::{Labelled, Smooth};

use crate::{
    Dataset, Loss,
    outward::Interval,
    patterns::Patterns,
    rows::{Block, Pass, Rows},
    tolerance::Tolerance,
    unit::{Affine, Unit},
};

/// A network within a tolerance.
pub(crate) struct Within<'a> {
    pub units: &'a [Unit],
    pub affine: &'a Affine,
    pub tolerance: &'a Tolerance,
}

impl Within<'_> {
    /// The interval of the predictions of row `k` with inputs `x`, by the labels `on`; `reaches` are the `‖z_i‖_τk`.
    fn interval(&self, k: usize, x: &[f64], reaches: &[f64], on: impl Fn(usize) -> bool) -> Interval {
        let along = |w: &[f64]| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        let mut slope = self.affine.a.clone().unwrap_or_else(|| vec![0.0; x.len()]);
        let mut lin = self.affine.c + along(&slope);
        let mut left = [0.0; 2];
        for (i, unit) in self.units.iter().enumerate() {
            let (h, on) = (along(&unit.z) + unit.bias, on(i));
            if on {
                lin += unit.sign * h;
                slope.iter_mut().zip(&unit.z).for_each(|(slope, z)| *slope += unit.sign * z);
            }
            let leaves = (reaches[i] - if on { h } else { -h }).max(0.0);
            left[usize::from(unit.sign < 0.0)] += leaves;
        }
        let reach = self.tolerance.reach(k, &slope);
        Interval { low: lin - reach - left[1], high: lin + reach + left[0] }
    }

    /// The mean worst-case loss by the better of two sets of labels, row by row, and these labels.
    pub fn bound(&self, data: &Dataset, loss: &Loss, labels: [&Patterns; 2]) -> (f64, Patterns) {
        let found = Rows::of(data).sweep(&Bounds { within: self, loss, labels });
        let units = (0..self.units.len()).map(|i| {
            let row = |(k, second): (usize, &bool)| labels[usize::from(*second)].unit(i)[k];
            found.second.iter().enumerate().map(row).collect()
        });
        (found.loss / found.weight, Patterns::from_units(data.rows(), units))
    }
}

/// The worst-case losses of all rows.
struct Bounds<'a> {
    within: &'a Within<'a>,
    loss: &'a Loss,
    labels: [&'a Patterns; 2],
}

/// What rows come to: losses, weights, and which rows have the second labels.
#[derive(Default)]
struct Sum {
    loss: f64,
    weight: f64,
    second: Vec<bool>,
}

impl Pass for Bounds<'_> {
    /// Loss, weight and whether the second labels are the better, row by row.
    type Part = Vec<(f64, f64, bool)>;
    type Sum = Sum;

    fn work(&self) -> usize {
        2 * self.within.units.len() * self.within.tolerance.columns()
    }

    fn nothing(&self) -> Sum {
        Sum::default()
    }

    fn visit(&self, block: &Block<'_>) -> Self::Part {
        let within = self.within;
        let reach = |k: usize| within.units.iter().map(move |unit| within.tolerance.reach(k, &unit.z)).collect();
        let mut reaches: Vec<f64> = reach(block.first);
        let one = |r: usize| {
            let k = block.first + r;
            if !within.tolerance.is_same() {
                reaches = reach(k);
            }
            let x: Vec<f64> = (0..block.x.ncols()).map(|j| block.x[(r, j)]).collect();
            let [first, second] = self.labels.map(|labels| {
                let f = within.interval(k, &x, &reaches, |i| labels.unit(i)[k]);
                self.loss.value(f.low, block.y[r]).max(self.loss.value(f.high, block.y[r]))
            });
            // Where either is not a number, it is told.
            let better = second < first;
            (block.weight(r) * if better { second } else { first }, block.weight(r), better)
        };
        (0..block.rows()).map(one).collect()
    }

    fn merge(&self, into: &mut Sum, next: Self::Part) {
        for (loss, weight, second) in next {
            into.loss += loss;
            into.weight += weight;
            into.second.push(second);
        }
    }
}

#[cfg(test)]
mod smooth_tests;
