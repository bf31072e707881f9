//! The rows of several outputs, as margins of classes or as targets one by one, and their bound by labels.

use super::margins::number;
use crate::error::Result;
use crate::patterns::Patterns;
use crate::program::build::Margins;
use crate::shallow::Parts;
use crate::tolerance::Tolerance;
use crate::unit::Unit;
use crate::{Dataset, Loss, Shallow};
use faer::Mat;
use rayon::prelude::*;

/// A network as units with directions, and what stands beside them.
#[derive(Debug, Clone)]
pub(super) struct Directed {
    /// z̄_i = ‖v_i‖ (w_i, b_i); the sign says nothing.
    pub units: Vec<Unit>,
    /// u_i, units × outputs.
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

/// Rows as the program has them: of classes each row once for every class that is not its own, these together, as margins; of targets
/// each row once for every output.
pub(super) struct Expanded {
    /// The rows. Of margins the target is 1: the margin is to be large.
    pub data: Dataset,
    pub tolerance: Tolerance,
    pub margins: Margins,
    /// The first row of each group, of which only the worst row counts, and their number.
    pub groups: Vec<usize>,
}

impl Expanded {
    pub fn of(data: &Dataset, tolerance: &Tolerance, network: &Directed, loss: &Loss) -> Result<Self> {
        if loss.is_margin() {
            Self::of_classes(data, tolerance, network)
        } else {
            Self::of_targets(data, tolerance, network)
        }
    }

    fn of_classes(data: &Dataset, tolerance: &Tolerance, network: &Directed) -> Result<Self> {
        let classes = network.bias.len();
        let pairs: Vec<(usize, usize, usize)> = (0..data.rows())
            .flat_map(|k| {
                let y = number(data.y[k]);
                (0..classes).filter(move |&j| j != y).map(move |j| (k, y, j))
            })
            .collect();
        let rows: Vec<usize> = pairs.iter().map(|(k, ..)| *k).collect();
        let coefficient = |r: usize, i: usize| {
            let (_, y, j) = pairs[r];
            network.directions[(i, y)] - network.directions[(i, j)]
        };
        let margins = Margins {
            coefficients: Mat::from_fn(pairs.len(), network.units.len(), coefficient),
            held: pairs.iter().map(|&(_, y, j)| network.bias[y] - network.bias[j]).collect(),
            outputs: Vec::new(),
        };
        let groups = (0..=data.rows()).map(|k| k * (classes - 1)).collect();
        Self::of_rows((data, tolerance), &rows, vec![1.0; pairs.len()], margins, groups)
    }

    fn of_targets(data: &Dataset, tolerance: &Tolerance, network: &Directed) -> Result<Self> {
        let targets = data.targets();
        let outputs: Vec<usize> = (0..data.rows()).flat_map(|_| 0..targets).collect();
        let rows: Vec<usize> = (0..data.rows()).flat_map(|k| std::iter::repeat_n(k, targets)).collect();
        let y = (0..data.rows()).flat_map(|k| data.targets_of(k)).collect();
        let margins = Margins {
            coefficients: Mat::from_fn(rows.len(), network.units.len(), |r, i| network.directions[(i, outputs[r])]),
            held: vec![0.0; rows.len()],
            outputs,
        };
        let groups = (0..=rows.len()).collect();
        Self::of_rows((data, tolerance), &rows, y, margins, groups)
    }

    fn of_rows(
        (data, tolerance): (&Dataset, &Tolerance),
        rows: &[usize],
        y: Vec<f64>,
        margins: Margins,
        groups: Vec<usize>,
    ) -> Result<Self> {
        let x = Mat::from_fn(rows.len(), data.columns(), |r, a| data.x[(rows[r], a)]);
        let weights = data.weights.as_ref().map(|weights| rows.iter().map(|&k| weights[k]).collect());
        Ok(Self { data: Dataset::new(x, y, weights)?, tolerance: tolerance.select(rows), margins, groups })
    }

    /// The patterns of units on the rows.
    pub fn patterns(&self, units: &[Unit]) -> Patterns {
        let on = |unit: &Unit, k: usize| {
            unit.z.iter().enumerate().map(|(a, z)| z * self.data.x[(k, a)]).sum::<f64>() + unit.bias >= 0.0
        };
        let rows = self.data.rows();
        Patterns::from_units(rows, units.iter().map(|unit| (0..rows).map(|k| on(unit, k)).collect()))
    }

    /// The interval of what a row says, a margin or an output, by some labels.
    fn interval(&self, (units, biases): (&[Unit], &[f64]), labels: &Patterns, k: usize) -> [f64; 2] {
        let x: Vec<f64> = self.data.x.row(k).iter().copied().collect();
        let mut slope = vec![0.0; x.len()];
        let free = self.margins.outputs.get(k).map_or(0.0, |&output| biases[output]);
        let (mut middle, mut left) = (self.margins.held[k] + free, [0.0; 2]);
        for (i, unit) in units.iter().enumerate() {
            let coefficient = self.margins.coefficients[(k, i)];
            let h = unit.z.iter().zip(&x).map(|(z, x)| z * x).sum::<f64>() + unit.bias;
            let on = labels.unit(i)[k];
            if on {
                middle += coefficient * h;
                slope.iter_mut().zip(&unit.z).for_each(|(slope, z)| *slope += coefficient * z);
            }
            let leaves = (self.tolerance.reach(k, &unit.z) - if on { h } else { -h }).max(0.0);
            left[usize::from(coefficient < 0.0)] += coefficient.abs() * leaves;
        }
        let reach = self.tolerance.reach(k, &slope);
        [middle - reach - left[1], middle + reach + left[0]]
    }

    /// The mean over the rows of the data of the worst losses by the better of two sets of labels, and these labels: of classes the loss of
    /// the worst margin, of targets the sum of the losses of all outputs.
    pub fn bound(&self, network: (&[Unit], &[f64]), loss: &Loss, labels: [&Patterns; 2]) -> (f64, Patterns) {
        let rows = self.data.rows();
        let (losses, second): (Vec<f64>, Vec<bool>) = (0..rows)
            .into_par_iter()
            .map(|k| {
                let y = self.data.y[k];
                let [first, second] = labels.map(|labels| {
                    let [low, high] = self.interval(network, labels, k);
                    // What is to be small, of margins too where their loss is 0.
                    if loss.is_margin() { -low } else { loss.value(low, y).max(loss.value(high, y)) }
                });
                // Where either is not a number, it is told.
                let better = second < first;
                let worst = if better { second } else { first };
                (if loss.is_margin() { loss.value(-worst, y) } else { worst }, better)
            })
            .unzip();
        let (mut sum, mut total) = (0.0, 0.0);
        for group in self.groups.windows(2) {
            let weight = self.data.weights.as_ref().map_or(1.0, |weights| weights[group[0]]);
            let larger = |worst: f64, loss: &f64| if loss.is_nan() || *loss > worst { *loss } else { worst };
            sum += weight * losses[group[0]..group[1]].iter().fold(0.0, larger);
            // A mean over rows of sums over outputs.
            total += weight / self.outputs() as f64;
        }
        let unit = |i: usize| (0..rows).map(|k| labels[usize::from(second[k])].unit(i)[k]).collect();
        (sum / total, Patterns::from_units(rows, (0..labels[0].units()).map(unit)))
    }

    /// How many rows of the program one row of the data adds the losses of: one a target, and one group of margins.
    pub fn outputs(&self) -> usize {
        self.margins.outputs.iter().map(|output| output + 1).max().unwrap_or(1)
    }
}
