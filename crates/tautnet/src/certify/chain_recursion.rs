//! One pass over the layers of LipSDP of a chain: what given multipliers prove, and the covariances that tell how to change them.
//!
//! From the outputs to the inputs, e_l is eliminated from F (`chain_problem.rs`): with Q_{n+1} = I and T_l = diag(t_l), once for each k,
//!
//! ```text
//!     A_l = T_l − R_lᵀ Q_{l+1} R_l,    B_l = R_lᵀ Q_{l+1} C_l,    K_l = A_l⁻¹ B_l,
//!     Q_l = T_l + C_lᵀ Q_{l+1} C_l + B_lᵀ K_l,                    M = ρ I − F_1ᵀ Q_1 F_1,
//! ```
//!
//! so `log det F = log det M + Σ log det A_l`, and F ≻ 0 where all of these are. The least ρ is the largest eigenvalue of `F_1ᵀ Q_1 F_1`.
//!
//! F⁻¹ is the covariance of a normal vector with `Cov(Δ) = M⁻¹` and `e_l = K_l h_l + ξ_l`, `Cov(ξ_l) = A_l⁻¹`. From the inputs to the outputs this
//! gives all covariances without the inverse of F.

use super::chain_problem::{Hidden, Stretch};
use crate::dense;
use faer::Mat;

/// What is left of a layer when its e is eliminated.
pub(super) struct Eliminated {
    /// The Cholesky factor of A.
    pub factor: Mat<f64>,
    /// K.
    pub gain: Mat<f64>,
}

/// The pass at some multipliers.
pub(super) struct Pass {
    /// Of each hidden layer.
    pub layers: Vec<Eliminated>,
    /// `F_1ᵀ Q_1 F_1`.
    pub least: Mat<f64>,
    /// Σ log det A.
    pub log_determinants: f64,
}

/// Twice the sum of the logarithms of the diagonal.
pub(super) fn log_determinant(factor: &Mat<f64>) -> f64 {
    2.0 * (0..factor.nrows()).map(|i| factor[(i, i)].ln()).sum::<f64>()
}

/// The inverse of LLᵀ.
pub(super) fn inverse(factor: &Mat<f64>) -> Mat<f64> {
    let n = factor.nrows();
    let mut inverse = Mat::identity(n, n);
    dense::solve_lower(factor.as_ref(), inverse.as_mut());
    let mut product = dense::gram(inverse.as_ref());
    mirror(&mut product);
    product
}

/// The upper triangle from the lower one.
fn mirror(a: &mut Mat<f64>) {
    for j in 0..a.ncols() {
        for i in j + 1..a.nrows() {
            a[(j, i)] = a[(i, j)];
        }
    }
}

fn symmetric(mut a: Mat<f64>) -> Mat<f64> {
    for j in 0..a.ncols() {
        for i in j + 1..a.nrows() {
            let mean = (a[(i, j)] + a[(j, i)]) / 2.0;
            (a[(i, j)], a[(j, i)]) = (mean, mean);
        }
    }
    a
}

/// What one layer makes of Q of the next: A before it is factored, and a way to Q where t is known.
fn step(chain: Stretch<'_>, l: usize, q: &Mat<f64>) -> (Mat<f64>, Mat<f64>, Mat<f64>) {
    let hidden = &chain.hidden[l];
    let (c, r) = (hidden.center.as_ref(), hidden.swing.as_ref());
    let (qc, qr) = (dense::multiply(q.as_ref(), c), dense::multiply(q.as_ref(), r));
    let of_swings = symmetric(dense::multiply(r.transpose(), qr.as_ref()));
    let cross = dense::multiply(r.transpose(), qc.as_ref());
    let of_centers = symmetric(dense::multiply(c.transpose(), qc.as_ref()));
    (of_swings, cross, of_centers)
}

fn eliminate(t: &[f64], (mut a, cross, mut q): (Mat<f64>, Mat<f64>, Mat<f64>)) -> Option<(Eliminated, Mat<f64>)> {
    let m = t.len();
    for j in 0..a.ncols() {
        for i in 0..a.nrows() {
            a[(i, j)] = f64::from(u8::from(i == j)) * t[i % m] - a[(i, j)];
        }
    }
    if !dense::cholesky(&mut a) {
        return None;
    }
    let mut gain = cross.clone();
    dense::solve_lower(a.as_ref(), gain.as_mut());
    let mut more = dense::gram(gain.as_ref());
    mirror(&mut more);
    dense::solve_lower_transposed(a.as_ref(), gain.as_mut());
    for j in 0..m {
        for i in 0..m {
            q[(i, j)] += more[(i, j)];
        }
        q[(j, j)] += t[j];
    }
    Some((Eliminated { factor: a, gain }, q))
}

fn last(chain: Stretch<'_>) -> Mat<f64> {
    let outputs = chain.hidden.last().map_or(0, |hidden| hidden.center.nrows());
    if chain.outputs { Mat::identity(outputs, outputs) } else { Mat::zeros(outputs, outputs) }
}

fn finish(chain: Stretch<'_>, mut layers: Vec<Eliminated>, q: &Mat<f64>) -> Pass {
    layers.reverse();
    let image = dense::multiply(q.as_ref(), chain.first.as_ref());
    let least = symmetric(dense::multiply(chain.first.transpose(), image.as_ref()));
    let log_determinants = layers.iter().map(|layer| log_determinant(&layer.factor)).sum();
    Pass { layers, least, log_determinants }
}

/// The pass at these multipliers; `None` where they prove nothing, or it is time to stop.
pub(super) fn pass(chain: Stretch<'_>, t: &[Vec<f64>]) -> Option<Pass> {
    if !t.iter().flatten().all(|t| *t > 0.0 && t.is_finite()) {
        return None;
    }
    let mut q = last(chain);
    let mut layers = Vec::with_capacity(t.len());
    for l in (0..t.len()).rev() {
        let (eliminated, before) = eliminate(&t[l], step(chain, l, &q))?;
        layers.push(eliminated);
        q = before;
    }
    Some(finish(chain, layers, &q))
}

/// One multiplier for all units of a layer, chosen layer by layer from the outputs on: `t = room · r · ‖P‖`, with which a bound
/// is never above the product of the norms where the room is 1. What it proves is returned too.
pub(super) fn greedy(chain: Stretch<'_>, room: f64) -> Option<(Vec<Vec<f64>>, Pass)> {
    let mut q = last(chain);
    let (mut layers, mut chosen) = (Vec::new(), Vec::new());
    for l in (0..chain.hidden.len()).rev() {
        let hidden = &chain.hidden[l];
        let parts = step(chain, l, &q);
        let norm = dense::largest_eigenvalue(&handed_on(hidden, &parts))?;
        let t = vec![(norm * hidden.reach * room).max(f64::MIN_POSITIVE); hidden.units()];
        let (eliminated, before) = eliminate(&t, parts)?;
        layers.push(eliminated);
        chosen.push(t);
        q = before;
    }
    chosen.reverse();
    Some((chosen, finish(chain, layers, &q)))
}

/// A matrix whose largest eigenvalue is ‖P‖, P being the quadratic form of what the layer hands on. With one branch `RᵀQR = r² P`, and with two numbers
/// e of a unit `RᵀQR = P`. With two branches and one e, `(h, e)/√2` is what is handed on, turned.
fn handed_on(hidden: &Hidden, (swings, cross, centers): &(Mat<f64>, Mat<f64>, Mat<f64>)) -> Mat<f64> {
    let (e, m) = (swings.nrows(), centers.nrows());
    if !hidden.turned {
        return Mat::from_fn(e, e, |i, j| swings[(i, j)] / (hidden.reach * hidden.reach));
    }
    Mat::from_fn(e + m, e + m, |i, j| match (i < m, j < m) {
        (true, true) => 2.0 * centers[(i, j)],
        (false, true) => 2.0 * cross[(i - m, j)],
        (true, false) => 2.0 * cross[(j - m, i)],
        (false, false) => 2.0 * swings[(i - m, j - m)],
    })
}

/// The covariances of the sums and of e of each layer.
pub(super) struct Covariances {
    /// `M⁻¹`.
    pub inputs: Mat<f64>,
    /// Cov(h_l).
    pub sums: Vec<Mat<f64>>,
    /// Cov(e_l, h_l).
    pub cross: Vec<Mat<f64>>,
    /// Cov(e_l).
    pub swings: Vec<Mat<f64>>,
    /// Cov(h) of what the last layer hands on.
    pub onward: Mat<f64>,
}

impl Covariances {
    /// From the pass and the Cholesky factor of M.
    pub fn new(chain: Stretch<'_>, pass: &Pass, factor: &Mat<f64>) -> Self {
        let inputs = inverse(factor);
        let mut h = conjugated(chain.first, &inputs);
        let (mut sums, mut cross, mut swings) = (Vec::new(), Vec::new(), Vec::new());
        for (hidden, layer) in chain.hidden.iter().zip(&pass.layers) {
            let eh = dense::multiply(layer.gain.as_ref(), h.as_ref());
            let mut e = symmetric(dense::multiply(eh.as_ref(), layer.gain.transpose()));
            e += inverse(&layer.factor);
            let next = joint(&hidden.center, &hidden.swing, &h, &eh, &e);
            sums.push(std::mem::replace(&mut h, next));
            cross.push(eh);
            swings.push(e);
        }
        Self { inputs, sums, cross, swings, onward: h }
    }
}

/// `W S Wᵀ`.
fn conjugated(w: &Mat<f64>, s: &Mat<f64>) -> Mat<f64> {
    let ws = dense::multiply(w.as_ref(), s.as_ref());
    symmetric(dense::multiply(ws.as_ref(), w.transpose()))
}

/// The covariance of `C h + R e`.
fn joint(c: &Mat<f64>, r: &Mat<f64>, h: &Mat<f64>, eh: &Mat<f64>, e: &Mat<f64>) -> Mat<f64> {
    let mixed = dense::multiply(dense::multiply(r.as_ref(), eh.as_ref()).as_ref(), c.transpose());
    let mut sum = conjugated(c, h);
    sum += conjugated(r, e);
    sum += &mixed;
    sum += mixed.transpose();
    symmetric(sum)
}

/// A lower bound on the ρ of any multipliers: `E|h_{n+1}|² / E|Δ|²` of the normal vector whose e is made smaller, unit by unit, until
/// `Σ_k E e_ki² ≤ E h_i²`. *Proof.* For such a vector the expectation of F(t, ρ) ≥ 0 says `ρ E|Δ|² ≥ E|h_{n+1}|²`, whatever t ≥ 0 is. ∎
pub(super) fn lower_bound(chain: Stretch<'_>, pass: &Pass, inputs: &Mat<f64>) -> f64 {
    let total: f64 = (0..inputs.nrows()).map(|i| inputs[(i, i)]).sum();
    let mut h = conjugated(chain.first, inputs);
    for (hidden, layer) in chain.hidden.iter().zip(&pass.layers) {
        let m = hidden.units();
        let mut eh = dense::multiply(layer.gain.as_ref(), h.as_ref());
        let mut e = symmetric(dense::multiply(eh.as_ref(), layer.gain.transpose()));
        e += inverse(&layer.factor);
        let share: Vec<f64> = (0..m)
            .map(|i| {
                let square: f64 = (0..hidden.kinds).map(|k| e[(k * m + i, k * m + i)]).sum();
                let share = (h[(i, i)].max(0.0) / square).sqrt();
                if share.is_finite() { share } else { 0.0 }
            })
            .collect();
        eh = Mat::from_fn(eh.nrows(), eh.ncols(), |i, j| eh[(i, j)] * share[i % m]);
        e = Mat::from_fn(e.nrows(), e.ncols(), |i, j| e[(i, j)] * share[i % m] * share[j % m]);
        h = joint(&hidden.center, &hidden.swing, &h, &eh, &e);
    }
    (0..h.nrows()).map(|i| h[(i, i)]).sum::<f64>() / total
}
