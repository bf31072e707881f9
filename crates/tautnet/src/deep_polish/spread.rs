//! How far apart the outputs of classes may move: ‖V_y − V_j‖_q of the rows of the last layer, for all pairs, with corners rounded off.
//!
//! ```text
//! q = 2      √(|v|² + ε²)          q = 1      Σ_k √(v_k² + ε²)          q = ∞      ε log Σ_k 2 cosh(v_k / ε)
//! ```

use crate::Norm;
use faer::Mat;

/// The lengths of differences of rows, in the norm of slopes that goes with a norm of inputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub norm: Norm,
    /// ε.
    pub corner: f64,
}

fn row(v: &Mat<f64>, inputs: usize, y: usize, j: usize) -> Vec<f64> {
    (0..inputs).map(|k| v[(y, k)] - v[(j, k)]).collect()
}

impl Spread {
    /// The length of a vector, exactly.
    pub fn exact(norm: Norm, v: impl Iterator<Item = f64>) -> f64 {
        match norm {
            Norm::Two => v.map(|v| v * v).sum::<f64>().sqrt(),
            Norm::Infinity => v.map(f64::abs).sum(),
            Norm::One => v.fold(0.0, |most: f64, v| most.max(v.abs())),
        }
    }

    fn rounded(&self, v: &[f64]) -> f64 {
        let corner = self.corner;
        match self.norm {
            Norm::Two => (v.iter().map(|v| v * v).sum::<f64>() + corner * corner).sqrt(),
            Norm::Infinity => v.iter().map(|v| v.hypot(corner)).sum(),
            Norm::One => {
                let most = v.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
                let terms = v.iter().map(|v| ((v - most) / corner).exp() + ((-v - most) / corner).exp());
                most + corner * terms.sum::<f64>().ln()
            }
        }
    }

    fn slopes(&self, v: &[f64]) -> Vec<f64> {
        let (corner, size) = (self.corner, self.rounded(v));
        match self.norm {
            Norm::Two => v.iter().map(|v| v / size).collect(),
            Norm::Infinity => v.iter().map(|v| v / v.hypot(corner)).collect(),
            Norm::One => v.iter().map(|v| ((v - size) / corner).exp() - ((-v - size) / corner).exp()).collect(),
        }
    }

    fn bend(&self, v: &[f64], d: &[f64]) -> Vec<f64> {
        let (corner, size) = (self.corner, self.rounded(v));
        let slopes = self.slopes(v);
        let along: f64 = slopes.iter().zip(d).map(|(slope, d)| slope * d).sum();
        match self.norm {
            Norm::Two => d.iter().zip(&slopes).map(|(d, slope)| (d - slope * along) / size).collect(),
            Norm::Infinity => v.iter().zip(d).map(|(v, d)| corner * corner * d / v.hypot(corner).powi(3)).collect(),
            Norm::One => {
                let both = |v: f64| ((v - size) / corner).exp() + ((-v - size) / corner).exp();
                v.iter().zip(d).zip(&slopes).map(|((v, d), slope)| (both(*v) * d - slope * along) / corner).collect()
            }
        }
    }

    /// The lengths of all pairs, classes × classes, from the first `inputs` columns of the weights.
    pub fn lengths(&self, v: &Mat<f64>, inputs: usize) -> Vec<f64> {
        self.of_pairs(v, inputs, |_, _, row| self.rounded(&row))
    }

    fn of_pairs(&self, v: &Mat<f64>, inputs: usize, of: impl Fn(usize, usize, Vec<f64>) -> f64) -> Vec<f64> {
        let count = v.nrows();
        let mut all = vec![0.0; count * count];
        for y in 0..count {
            for j in 0..y {
                let value = of(y, j, row(v, inputs, y, j));
                (all[y * count + j], all[j * count + y]) = (value, value);
            }
        }
        all
    }

    /// How the lengths change with the weights.
    pub fn changes(&self, v: &Mat<f64>, change: &Mat<f64>, inputs: usize) -> Vec<f64> {
        self.of_pairs(v, inputs, |y, j, of_pair| {
            let d = row(change, inputs, y, j);
            self.slopes(&of_pair).iter().zip(&d).map(|(slope, d)| slope * d).sum()
        })
    }

    /// Add to slopes in the weights what those in the lengths make of them.
    pub fn add_slopes(&self, v: &Mat<f64>, of_lengths: &[f64], inputs: usize, to: &mut Mat<f64>) {
        let count = v.nrows();
        for y in 0..count {
            for j in 0..y {
                let amount = of_lengths[y * count + j] + of_lengths[j * count + y];
                add(to, (y, j), amount, &self.slopes(&row(v, inputs, y, j)));
            }
        }
    }

    /// Add what the bends of the lengths make of a change of the weights.
    pub fn add_bends(&self, v: &Mat<f64>, change: &Mat<f64>, of_lengths: &[f64], inputs: usize, to: &mut Mat<f64>) {
        let count = v.nrows();
        for y in 0..count {
            for j in 0..y {
                let amount = of_lengths[y * count + j] + of_lengths[j * count + y];
                add(to, (y, j), amount, &self.bend(&row(v, inputs, y, j), &row(change, inputs, y, j)));
            }
        }
    }
}

fn add(to: &mut Mat<f64>, (y, j): (usize, usize), amount: f64, values: &[f64]) {
    for (k, value) in values.iter().enumerate() {
        to[(y, k)] += amount * value;
        to[(j, k)] -= amount * value;
    }
}
