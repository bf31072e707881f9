//! LipSDP of a chain of layers as a program: what is left of a network for it.
//!
//! With the numbers c and r of each activation (`Sector` of the verifier) the difference of the sums of layer l + 1 is
//! `h_{l+1} = C_l h_l + R_l e_l`, where `C_l = W_{l+1} c`, `R_l = W_{l+1} r`, and of each unit i of layer l `Σ_k e_ki² ≤ h_li²`. The output is
//! `h_{n+1}`, n being the number of hidden layers. Multipliers `t_li ≥ 0` prove ρ where for all Δ and e
//!
//! ```text
//!     F(t, ρ) = ρ |Δ|² + Σ_l Σ_i t_li ( Σ_k e_lki² − h_li² ) − |h_{n+1}|²  ≥  0,      h_1 = F_1 Δ, F_1 F_1ᵀ = W_1 W_1ᵀ.
//! ```
//!
//! The layers are divided by their norms. Layers without an activation are multiplied with the next. Units whose sum does not change are left out.

use super::directional::Of;
use crate::{Network, dense};
use faer::{Mat, MatRef};
use tautnet_verify::evidence::{Part, Sector, sector};

/// Rows that are shorter than this share of the longest are taken to be 0.
const NOTHING: f64 = 1e-14;

/// One hidden layer.
pub(super) struct Hidden {
    /// C: what the next sums get from the sums of this layer.
    pub center: Mat<f64>,
    /// R: what they get from e, all units of the first k, then of the second.
    pub swing: Mat<f64>,
    /// How many numbers e a unit has.
    pub kinds: usize,
    /// The largest of the numbers r.
    pub reach: f64,
    /// Whether a unit has more branches than numbers e.
    pub turned: bool,
    /// Which layer of the network it is.
    layer: usize,
    /// Which of its units.
    kept: Vec<usize>,
}

impl Hidden {
    /// The number of units.
    pub fn units(&self) -> usize {
        self.center.ncols()
    }
}

/// The program.
pub(super) struct Problem {
    /// F_1.
    pub first: Mat<f64>,
    /// The hidden layers, first to last.
    pub hidden: Vec<Hidden>,
    /// The product of what the layers were divided by.
    pub unit: f64,
    /// By what the weights after each hidden layer of the network were divided, all together.
    after: Vec<f64>,
}

/// Some layers that follow one another, with the outputs after them or without.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a> {
    /// The sums of the first of these layers are this matrix times numbers that ρ = 1 lets have the covariance I.
    pub first: &'a Mat<f64>,
    /// The layers.
    pub hidden: &'a [Hidden],
    /// Whether what they hand on is the output.
    pub outputs: bool,
}

impl Stretch<'_> {
    /// The number of multipliers.
    pub fn count(&self) -> usize {
        self.hidden.iter().map(Hidden::units).sum()
    }
}

/// Which part of the outputs is meant, for the verifier.
pub(super) fn part_of(of: Of) -> Part {
    match of {
        Of::All => Part::All,
        Of::Output(j) => Part::Output(j),
        Of::Pair(j, k) => Part::Pair(j, k),
    }
}

/// An estimate of the largest singular value; not a number where it is time to stop.
fn about_norm(w: &Mat<f64>) -> f64 {
    let gram = if w.nrows() <= w.ncols() { dense::gram_of_rows(w.as_ref()) } else { dense::gram(w.as_ref()) };
    dense::largest_eigenvalue(&gram).map_or(f64::NAN, |square| square.max(0.0).sqrt())
}

fn divided(mut w: Mat<f64>) -> Option<(Mat<f64>, f64)> {
    let largest = w.col_iter().flat_map(|column| column.iter()).fold(0.0, |most: f64, w| most.max(w.abs()));
    if !(largest > 0.0 && largest.is_finite()) {
        return None;
    }
    w = Mat::from_fn(w.nrows(), w.ncols(), |i, k| w[(i, k)] / largest);
    let norm = about_norm(&w);
    (norm > 0.0 && norm.is_finite())
        .then(|| (Mat::from_fn(w.nrows(), w.ncols(), |i, k| w[(i, k)] / norm), norm * largest))
}

/// The columns of some units of a matrix whose columns are the units, all of the first branch, then of the second.
fn columns(w: MatRef<'_, f64>, kept: &[usize], units: usize) -> Mat<f64> {
    let branches = w.ncols() / units;
    Mat::from_fn(w.nrows(), branches * kept.len(), |i, k| w[(i, k / kept.len() * units + kept[k % kept.len()])])
}

impl Problem {
    /// Of a network whose inputs are divided by these scales; `None` where an activation has no sector, there is no hidden layer with one, a
    /// layer is 0, or it is time to stop.
    pub fn new(network: &Network, of: Of, x_scale: &[f64]) -> Option<Self> {
        let layers = network.layers();
        let last = layers.len() - 1;
        let sectors: Vec<Sector> =
            layers[..last].iter().map(|layer| sector(&layer.activation().name())).collect::<Option<_>>()?;
        let matrix = |l: usize| {
            let w = layers[l].weights();
            match of {
                Of::Output(j) if l == last => Mat::from_fn(1, w.ncols(), |_, k| w[(j, k)]),
                Of::Pair(j, i) if l == last => Mat::from_fn(1, w.ncols(), |_, k| w[(j, k)] - w[(i, k)]),
                _ => w.to_owned(),
            }
        };
        let first = matrix(0);
        let (mut w, mut unit) = divided(Mat::from_fn(first.nrows(), first.ncols(), |i, k| first[(i, k)] / x_scale[k]))?;
        let (mut first, mut hidden) = (Mat::new(), Vec::<Hidden>::new());
        let mut divisors = vec![unit];
        for l in 0..last {
            let sector = &sectors[l];
            let (next, divisor) = divided(matrix(l + 1))?;
            unit *= divisor;
            divisors.push(divisor);
            if sector.swings.is_empty() {
                w = dense::multiply(next.as_ref(), w.as_ref());
                if let Some(before) = hidden.last_mut() {
                    before.center = dense::multiply(next.as_ref(), before.center.as_ref());
                    before.swing = dense::multiply(next.as_ref(), before.swing.as_ref());
                }
                continue;
            }
            // The sums of this layer: of the inputs, or of what the hidden layer before it hands on.
            let lengths: Vec<f64> = (0..w.nrows()).map(|i| w.row(i).norm_l2()).collect();
            let longest = lengths.iter().fold(0.0, |most: f64, &length| most.max(length));
            let kept: Vec<usize> = (0..w.nrows()).filter(|&i| lengths[i] > NOTHING * longest).collect();
            if kept.is_empty() {
                return None;
            }
            let rows = |w: &Mat<f64>| Mat::from_fn(kept.len(), w.ncols(), |i, k| w[(kept[i], k)]);
            match hidden.last_mut() {
                None => first = rows(&w),
                Some(before) => {
                    before.center = rows(&before.center);
                    before.swing = rows(&before.swing);
                }
            }
            let next = columns(next.as_ref(), &kept, w.nrows());
            let m = kept.len();
            let folded = |weights: &[f64]| {
                let sum = |i: usize, k: usize| weights.iter().enumerate().map(|(b, c)| c * next[(i, b * m + k)]).sum();
                Mat::from_fn(next.nrows(), m, sum)
            };
            let kinds: Vec<Mat<f64>> = sector.swings.iter().map(|swing| folded(swing)).collect();
            hidden.push(Hidden {
                center: folded(&sector.center),
                swing: Mat::from_fn(next.nrows(), kinds.len() * m, |i, k| kinds[k / m][(i, k % m)]),
                kinds: kinds.len(),
                reach: sector.swings.iter().flatten().fold(0.0, |most: f64, r| most.max(r.abs())),
                turned: sector.center.len() > kinds.len(),
                layer: l,
                kept,
            });
            w = next;
        }
        if hidden.is_empty() {
            return None;
        }
        if first.nrows() < first.ncols() {
            first = dense::row_space_coordinates(first.as_ref());
        }
        let mut after = vec![1.0; last];
        for l in (0..last).rev() {
            after[l] = divisors[l + 1] * after.get(l + 1).copied().unwrap_or(1.0);
        }
        Some(Self { first, hidden, unit, after })
    }

    /// All layers and the outputs.
    pub fn whole(&self) -> Stretch<'_> {
        Stretch { first: &self.first, hidden: &self.hidden, outputs: true }
    }

    /// The roots of multipliers, for every unit of the network, in its own units.
    pub fn roots(&self, network: &Network, t: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let layers = &network.layers()[..network.layers().len() - 1];
        let mut roots: Vec<Vec<f64>> =
            layers.iter().zip(&self.after).map(|(layer, &after)| vec![after; layer.units()]).collect();
        for (hidden, t) in self.hidden.iter().zip(t) {
            let after = self.after[hidden.layer];
            let largest = t.iter().fold(0.0, |most: f64, &t| most.max(t));
            // Of a unit whose sum does not change no multiplier is too large.
            roots[hidden.layer].fill(1e5 * largest.sqrt() * after);
            for (&i, t) in hidden.kept.iter().zip(t) {
                roots[hidden.layer][i] = t.sqrt() * after;
            }
        }
        roots
    }
}
