//! The bound on the worst case as a function of the weights, and its gradient.
//!
//! With D the patterns of the weights themselves the bound of [`Within`](super::Within) is, row by row,
//!
//! ```text
//! f(x_k) ± ( ‖G_k‖_τk + Σ_{s_i = ±} ( ‖z_i‖_τk − |h_ik| )₊ ),      G_k = ∂f/∂x at x_k
//! ```
//!
//! and the loss is that of the worse end. It is differentiable almost everywhere; unlike f it jumps where a row crosses the kink
//! of a unit, by what G_k does.

use crate::{
    Loss,
    rows::{Block, Pass, Rows},
    tolerance::{Shape, Tolerance},
    weights::{Batch, Weights},
};

/// Rows whose gradients are taken at once.
pub(super) const PIECE: usize = 256;

/// `Σ_k ω_k` times the loss at the worse end, and its gradient, written over `gradient`. The output weights are signs, and held.
pub(crate) fn bound_gradient(
    loss: &Loss,
    tolerance: &Tolerance,
    weights: &Weights,
    batch: &Batch,
    gradient: &mut Weights,
) -> f64 {
    let (value, sum) = Rows::flat(&batch.x, &batch.y, &batch.omega).sweep(&Slope { loss, tolerance, weights });
    gradient.flat.copy_from_slice(&sum.flat);
    value
}

/// Over rows X̄ with their column of ones.
pub(super) struct Slope<'a> {
    pub loss: &'a Loss,
    pub tolerance: &'a Tolerance,
    pub weights: &'a Weights,
}

/// What the units are in one row.
pub(super) struct Row {
    /// h_i.
    h: Vec<f64>,
    /// Their reaches.
    reaches: Vec<f64>,
    /// s_i of those that are on, 0 of the others.
    on: Vec<f64>,
    /// G.
    pub slope: Vec<f64>,
}

impl Slope<'_> {
    /// The reaches of all units in a row.
    fn reaches(&self, k: usize, out: &mut [f64]) {
        let (hidden, ..) = self.weights.parts();
        out.fill(0.0);
        let ball = self.tolerance.shape() == Shape::Ball;
        for (j, w) in hidden.chunks_exact(out.len()).take(self.weights.inputs).enumerate() {
            let tau = self.tolerance.size(k, j);
            let part = |w: f64| if ball { (tau * w).powi(2) } else { tau * w.abs() };
            out.iter_mut().zip(w).for_each(|(out, &w)| *out += part(w));
        }
        if ball {
            out.iter_mut().for_each(|out| *out = out.sqrt());
        }
    }

    /// Of no row yet; where all rows have one tolerance, with the reaches.
    pub fn begin(&self) -> Row {
        let [h, mut reaches, on] = [(); 3].map(|()| vec![0.0; self.weights.width()]);
        if self.tolerance.is_same() {
            self.reaches(0, &mut reaches);
        }
        Row { h, reaches, on, slope: vec![0.0; self.weights.inputs] }
    }

    /// What the units are at inputs `x`, and f there.
    pub fn at(&self, x: &[f64], row: &mut Row) -> f64 {
        let (hidden, signs, linear, c) = self.weights.parts();
        let (width, d) = (self.weights.width(), self.weights.inputs);
        let Row { h, on, slope, .. } = row;
        h.fill(0.0);
        for (x, w) in x.iter().zip(hidden.chunks_exact(width)) {
            h.iter_mut().zip(w).for_each(|(h, w)| *h += x * w);
        }
        on.iter_mut().zip(&*h).zip(signs).for_each(|((on, &h), &sign)| *on = if h >= 0.0 { sign } else { 0.0 });
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let own = |j: usize| linear.get(j).copied().unwrap_or(0.0);
        slope.iter_mut().enumerate().for_each(|(j, slope)| *slope = own(j) + dot(on, &hidden[j * width..][..width]));
        c + dot(on, h) + (0..d).map(|j| own(j) * x[j]).sum::<f64>()
    }

    /// What the units are in row `k` with inputs `x`, and the upper and the lower end of the interval of the predictions.
    pub fn ends(&self, k: usize, x: &[f64], row: &mut Row) -> [f64; 2] {
        let f = self.at(x, row);
        let Row { h, reaches, slope, .. } = row;
        if !self.tolerance.is_same() {
            self.reaches(k, reaches);
        }
        let reach = self.tolerance.reach(k, slope);
        let mut left = [0.0; 2];
        for ((h, reach), &sign) in h.iter().zip(&*reaches).zip(self.weights.parts().1) {
            left[usize::from(sign < 0.0)] += (reach - h.abs()).max(0.0);
        }
        [f + reach + left[0], f - reach - left[1]]
    }

    /// Add `by_reach` times the gradients of the reaches in a row.
    fn add_by_reach(&self, k: usize, reaches: &[f64], by_reach: &[f64], gradient: &mut Weights) {
        let (hidden, ..) = self.weights.parts();
        let width = reaches.len();
        let ball = self.tolerance.shape() == Shape::Ball;
        let (out, ..) = gradient.parts_mut();
        for j in 0..self.weights.inputs {
            let tau = self.tolerance.size(k, j);
            let each = out[j * width..].iter_mut().zip(&hidden[j * width..]).zip(reaches).zip(by_reach);
            for (((out, &w), &reach), &by) in each {
                if by != 0.0 {
                    *out += by * if ball { tau * tau * w / reach } else { tau * w.signum() };
                }
            }
        }
    }
}

impl Pass for Slope<'_> {
    const ROWS: usize = PIECE;
    type Part = (f64, Weights);
    type Sum = (f64, Weights);

    fn work(&self) -> usize {
        4 * (self.weights.inputs + 1) * self.weights.width()
    }

    fn nothing(&self) -> Self::Sum {
        (0.0, self.weights.zeros())
    }

    fn visit(&self, block: &Block<'_>) -> Self::Part {
        let (_, signs, ..) = self.weights.parts();
        let (width, d) = (self.weights.width(), self.weights.inputs);
        let flat = block.flat.expect("batches stand row after row");
        let (mut total, mut gradient) = self.nothing();
        let [mut by_h, mut by_reach] = [(); 2].map(|()| vec![0.0; width]);
        // Of all rows, where they have one tolerance.
        let mut by_reaches = vec![0.0; width];
        let same = self.tolerance.is_same();
        let mut row = self.begin();
        for (r, x) in flat.chunks_exact(d + 1).enumerate() {
            let k = block.first + r;
            let ends = self.ends(k, x, &mut row);
            let Row { h, reaches, on, slope } = &row;
            let (y, omega) = (block.y[r], block.weight(r));
            let [up, down] = ends.map(|end| self.loss.value(end, y));
            let (side, end) = if up >= down { (1.0, ends[0]) } else { (-1.0, ends[1]) };
            total += omega * self.loss.value(end, y);
            let e = omega * self.loss.slope(end, y);
            if e == 0.0 {
                continue;
            }
            for i in 0..width {
                let leaves = signs[i] == side && reaches[i] > h[i].abs();
                let leaving = if leaves { e * side } else { 0.0 };
                by_reach[i] = leaving;
                by_h[i] = e * on[i] - leaving * h[i].signum();
            }
            // G·Δ for the furthest Δ, which moves the row itself.
            let furthest = self.tolerance.furthest(k, slope);
            let (out, _, out_linear, out_c) = gradient.parts_mut();
            for (j, out) in out.chunks_exact_mut(width).enumerate() {
                let along = if j < d { e * side * furthest[j] } else { 0.0 };
                let each = out.iter_mut().zip(&by_h).zip(on);
                each.for_each(|((out, by_h), on)| *out += x[j] * by_h + along * on);
            }
            let own = out_linear.iter_mut().zip(x).zip(&furthest);
            own.for_each(|((out, x), furthest)| *out += e * (x + side * furthest));
            *out_c += e;
            if same {
                by_reaches.iter_mut().zip(&by_reach).for_each(|(sum, by)| *sum += by);
            } else {
                self.add_by_reach(k, reaches, &by_reach, &mut gradient);
            }
        }
        if same {
            self.add_by_reach(0, &row.reaches, &by_reaches, &mut gradient);
        }
        (total, gradient)
    }

    fn merge(&self, (value, into): &mut Self::Sum, (more, next): Self::Part) {
        *value += more;
        into.flat.iter_mut().zip(&next.flat).for_each(|(into, next)| *into += next);
    }
}
