//! The rows of several classes as margins, and their bound by labels.

use super::margins::number;
use crate::error::Result;
use crate::patterns::Patterns;
use crate::program::build::Margins;
use crate::shallow::Parts;
use crate::tolerance::Tolerance;
use crate::unit::Unit;
use crate::{Dataset, Loss, Shallow};
use faer::Mat;

/// A network as units with directions, and what stands beside them.
#[derive(Debug, Clone)]
pub(super) struct Directed {
    /// z̄_i = ‖v_i‖ (w_i, b_i); the sign says nothing.
    pub units: Vec<Unit>,
    /// u_i, units × classes.
    pub directions: Mat<f64>,
    /// The output biases.
    pub bias: Vec<f64>,
}

impl Directed {
    /// The units that have output weights. A linear part is two units an input: x = relu(x) − relu(−x).
    pub fn of(network: &Shallow) -> Self {
        let Parts { mut w, mut b, mut v, c, a } = network.clone().into_parts();
        if let Some(a) = a {
            let (m, sign) = (w.nrows(), |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 });
            let of_input = |i: usize, k: usize| if i / 2 == k { sign(i) } else { 0.0 };
            let units = m + 2 * a.nrows();
            w = Mat::from_fn(units, w.ncols(), |i, k| if i < m { w[(i, k)] } else { of_input(i - m, k) });
            v = Mat::from_fn(units, c.len(), |i, j| if i < m { v[(i, j)] } else { sign(i - m) * a[((i - m) / 2, j)] });
            b.resize(units, 0.0);
        }
        let sizes: Vec<f64> = (0..w.nrows()).map(|i| v.row(i).norm_l2()).collect();
        let kept: Vec<usize> = (0..w.nrows()).filter(|&i| sizes[i] > 0.0).collect();
        let unit =
            |&i: &usize| Unit { z: w.row(i).iter().map(|w| sizes[i] * w).collect(), bias: sizes[i] * b[i], sign: 1.0 };
        let directions = Mat::from_fn(kept.len(), c.len(), |i, j| v[(kept[i], j)] / sizes[kept[i]]);
        Self { units: kept.iter().map(unit).collect(), directions, bias: c }
    }

    /// The network, balanced; a zero unit where there is none.
    pub fn network(&self, inputs: usize) -> Result<Shallow> {
        let kept: Vec<usize> = (0..self.units.len()).filter(|&i| self.units[i].length() > 0.0).collect();
        let root = |i: usize| self.units[i].length().sqrt();
        let (m, c) = (kept.len().max(1), self.bias.len());
        let of = |i: usize, value: &dyn Fn(usize) -> f64| kept.get(i).map_or(0.0, |&i| value(i));
        Shallow::from_parts(Parts {
            w: Mat::from_fn(m, inputs, |i, k| of(i, &|i| self.units[i].z[k] / root(i))),
            b: (0..m).map(|i| of(i, &|i| self.units[i].bias / root(i))).collect(),
            v: Mat::from_fn(m, c, |i, j| of(i, &|i| self.directions[(i, j)] * root(i))),
            c: self.bias.clone(),
            a: None,
        })
    }
}

/// Rows as margins: each row once for every class that is not its own, these together.
pub(super) struct Expanded {
    /// The rows, with the target 1: the margin is to be large.
    pub data: Dataset,
    pub tolerance: Tolerance,
    pub margins: Margins,
    /// The first margin of each row, and their number.
    pub groups: Vec<usize>,
}

impl Expanded {
    pub fn of(data: &Dataset, tolerance: &Tolerance, network: &Directed) -> Result<Self> {
        let classes = network.bias.len();
        let pairs: Vec<(usize, usize, usize)> = (0..data.rows())
            .flat_map(|k| {
                let y = number(data.y[k]);
                (0..classes).filter(move |&j| j != y).map(move |j| (k, y, j))
            })
            .collect();
        let rows: Vec<usize> = pairs.iter().map(|(k, ..)| *k).collect();
        let x = Mat::from_fn(pairs.len(), data.columns(), |r, a| data.x[(rows[r], a)]);
        let weights = data.weights.as_ref().map(|weights| rows.iter().map(|&k| weights[k]).collect());
        let coefficient = |r: usize, i: usize| {
            let (_, y, j) = pairs[r];
            network.directions[(i, y)] - network.directions[(i, j)]
        };
        Ok(Self {
            data: Dataset::new(x, vec![1.0; pairs.len()], weights)?,
            tolerance: tolerance.select(&rows),
            margins: Margins {
                coefficients: Mat::from_fn(pairs.len(), network.units.len(), coefficient),
                held: pairs.iter().map(|&(_, y, j)| network.bias[y] - network.bias[j]).collect(),
            },
            groups: (0..=data.rows()).map(|k| k * (classes - 1)).collect(),
        })
    }

    /// The patterns of units on the rows.
    pub fn patterns(&self, units: &[Unit]) -> Patterns {
        let on = |unit: &Unit, k: usize| {
            unit.z.iter().enumerate().map(|(a, z)| z * self.data.x[(k, a)]).sum::<f64>() + unit.bias >= 0.0
        };
        let rows = self.data.rows();
        Patterns::from_units(rows, units.iter().map(|unit| (0..rows).map(|k| on(unit, k)).collect()))
    }

    /// The least of every margin by some labels.
    fn lowest(&self, units: &[Unit], labels: &Patterns, k: usize) -> f64 {
        let x: Vec<f64> = self.data.x.row(k).iter().copied().collect();
        let mut slope = vec![0.0; x.len()];
        let mut low = self.margins.held[k];
        for (i, unit) in units.iter().enumerate() {
            let coefficient = self.margins.coefficients[(k, i)];
            let h = unit.z.iter().zip(&x).map(|(z, x)| z * x).sum::<f64>() + unit.bias;
            let on = labels.unit(i)[k];
            if on {
                low += coefficient * h;
                slope.iter_mut().zip(&unit.z).for_each(|(slope, z)| *slope += coefficient * z);
            }
            if coefficient < 0.0 {
                low += coefficient * (self.tolerance.reach(k, &unit.z) - if on { h } else { -h }).max(0.0);
            }
        }
        low - self.tolerance.reach(k, &slope)
    }

    /// The mean loss of the worst margins by the better of two sets of labels, margin by margin, and these labels.
    pub fn bound(&self, units: &[Unit], loss: &Loss, labels: [&Patterns; 2]) -> (f64, Patterns) {
        let rows = self.data.rows();
        let (lows, second): (Vec<f64>, Vec<bool>) = (0..rows)
            .map(|k| {
                let [first, second] = labels.map(|labels| self.lowest(units, labels, k));
                (first.max(second), second > first)
            })
            .unzip();
        let (mut sum, mut total) = (0.0, 0.0);
        for group in self.groups.windows(2) {
            let weight = self.data.weights.as_ref().map_or(1.0, |weights| weights[group[0]]);
            let worst = lows[group[0]..group[1]].iter().fold(f64::INFINITY, |worst: f64, low| worst.min(*low));
            sum += weight * loss.value(worst, 1.0);
            total += weight;
        }
        let unit = |i: usize| (0..rows).map(|k| labels[usize::from(second[k])].unit(i)[k]).collect();
        (sum / total, Patterns::from_units(rows, (0..units.len()).map(unit)))
    }
}
