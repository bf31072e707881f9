//! What LipSDP of a chain says of one layer while the multipliers are held: a bound that is a norm of the layer's weights.
//!
//! Let Q_l be the form of all that comes after the sums of layer l (`chain_recursion.rs`), and S_l the covariance of what layer l is given under
//! the normal vector (Δ, e_1, …, e_(l−1)) whose precision is the rest of F,
//!
//! ```text
//!     N = ρ |Δ|² + Σ_(j<l) Σ_i t_ji ( Σ_k e_jki² − h_ji² ),        F = N − δᵀ W_lᵀ Q_l W_l δ,     δ what layer l is given.
//! ```
//!
//! N does not depend on W_l. F ⪰ 0 where `‖Q_l^½ W_l S_l^½‖₂ ≤ 1`, and for any other W_l the same multipliers, those of the layers before l and ρ being
//! multiplied by the square of this norm, prove
//!
//! ```text
//!     L  ≤  √ρ ‖Q_l^½ W_l S_l^½‖₂.
//! ```
//!
//! *Proof.* With W_l = s W', e of the layers from l on and their sums are s times what they are for W', so F is s² times that of W'. ∎

use super::chain_problem::part_of;
use super::directional::Of;
use crate::{Network, dense};
use faer::{Mat, MatRef};
use tautnet_verify::ChainLipsdp;
use tautnet_verify::evidence::{Sector, sector};

/// The matrices A and B of a bound `unit · ‖Aᵀ W B‖₂` on the Lipschitz constant of all outputs, W being the weights of one layer. Where one is left out
/// it is I.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    /// A: units × units.
    pub left: Option<Mat<f64>>,
    /// B: inputs × inputs.
    pub right: Option<Mat<f64>>,
    /// By what the norm is multiplied.
    pub unit: f64,
}

/// The activation and the weights after it, as the recursion has them.
struct Hidden<'a> {
    sector: Sector,
    units: usize,
    next: MatRef<'a, f64>,
}

/// `Σ_bb' x_b y_b' P` over the blocks of a matrix of branches.
fn folded(p: &Mat<f64>, m: usize, x: &[f64], y: &[f64]) -> Mat<f64> {
    let sum = |i: usize, j: usize| {
        let terms = x.iter().enumerate().flat_map(|(b, x)| y.iter().enumerate().map(move |(c, y)| (b, c, x * y)));
        terms.filter(|(.., factor)| *factor != 0.0).map(|(b, c, factor)| factor * p[(b * m + i, c * m + j)]).sum()
    };
    Mat::from_fn(m, m, sum)
}

/// `wᵀ q w`, or `w q wᵀ` of the transpose.
fn conjugated(w: MatRef<'_, f64>, q: &Mat<f64>) -> Mat<f64> {
    let qw = dense::multiply(q.as_ref(), w);
    let mut product = dense::multiply(w.transpose(), qw.as_ref());
    for j in 0..product.ncols() {
        for i in j + 1..product.nrows() {
            let mean = 0.5 * (product[(i, j)] + product[(j, i)]);
            (product[(i, j)], product[(j, i)]) = (mean, mean);
        }
    }
    product
}

/// What eliminating e of one layer leaves: the Cholesky factor of A and K (nothing where there is no e), and Q.
struct Eliminated {
    factor: Mat<f64>,
    gain: Mat<f64>,
    q: Mat<f64>,
}

impl Hidden<'_> {
    /// From the form of the next sums; none where this is the last that there is.
    fn eliminate(&self, t: &[f64], q: Option<&Mat<f64>>) -> Option<Eliminated> {
        let (m, kinds) = (self.units, self.sector.swings.len());
        let of_t = Mat::from_fn(m, m, |i, j| if i == j { t[i] } else { 0.0 });
        let form = match q {
            None => Mat::zeros(m * self.sector.center.len(), m * self.sector.center.len()),
            Some(q) => conjugated(self.next, q),
        };
        let mut q = folded(&form, m, &self.sector.center, &self.sector.center);
        if kinds == 0 {
            return Some(Eliminated { factor: Mat::new(), gain: Mat::zeros(0, m), q });
        }
        q += &of_t;
        let (mut a, mut gain) = (Mat::zeros(kinds * m, kinds * m), Mat::zeros(kinds * m, m));
        for (k, swing) in self.sector.swings.iter().enumerate() {
            for (o, other) in self.sector.swings.iter().enumerate() {
                let block = folded(&form, m, swing, other);
                for j in 0..m {
                    for i in 0..m {
                        let t = if k == o { of_t[(i, j)] } else { 0.0 };
                        a[(k * m + i, o * m + j)] = t - block[(i, j)];
                    }
                }
            }
            gain.submatrix_mut(k * m, 0, m, m).copy_from(folded(&form, m, swing, &self.sector.center));
        }
        if !dense::cholesky(&mut a) {
            return None;
        }
        dense::solve_lower(a.as_ref(), gain.as_mut());
        q += dense::multiply(gain.transpose(), gain.as_ref());
        dense::solve_lower_transposed(a.as_ref(), gain.as_mut());
        Some(Eliminated { factor: a, gain, q })
    }

    /// The covariance of what is handed on, from that of the sums.
    fn handed_on(&self, h: &Mat<f64>, eliminated: &Eliminated) -> Mat<f64> {
        let (m, kinds, branches) = (self.units, self.sector.swings.len(), self.sector.center.len());
        // δ = (C + R K) h + R ξ, and ξ has the covariance A⁻¹.
        let swing = |b: usize, k: usize| self.sector.swings[k][b];
        let of_sums = Mat::from_fn(branches * m, m, |r, j| {
            let (b, i) = (r / m, r % m);
            let center = if i == j { self.sector.center[b] } else { 0.0 };
            center + (0..kinds).map(|k| swing(b, k) * eliminated.gain[(k * m + i, j)]).sum::<f64>()
        });
        let mut all = conjugated(of_sums.transpose(), h);
        if kinds > 0 {
            let mut rest = Mat::from_fn(kinds * m, branches * m, |r, c| {
                let (k, i, b, j) = (r / m, r % m, c / m, c % m);
                if i == j { swing(b, k) } else { 0.0 }
            });
            dense::solve_lower(eliminated.factor.as_ref(), rest.as_mut());
            all += dense::multiply(rest.transpose(), rest.as_ref());
        }
        all
    }
}

/// A with `A Aᵀ = S`, for S without negative eigenvalues but for rounding.
fn root(s: &Mat<f64>) -> Option<Mat<f64>> {
    let (values, u) = dense::eigenvectors(s)?;
    Some(Mat::from_fn(s.nrows(), s.ncols(), |i, j| u[(i, j)] * values[j].max(0.0).sqrt()))
}

fn weightings(network: &Network, roots: &[Vec<f64>], chain: f64, room: f64) -> Option<Vec<LayerNorm>> {
    let layers = network.layers();
    let last = layers.len() - 1;
    let hidden: Vec<Hidden<'_>> = layers
        .iter()
        .zip(&layers[1..])
        .map(|(layer, next)| {
            let sector = sector(&layer.activation().name())?;
            Some(Hidden { sector, units: layer.units(), next: next.weights().as_ref() })
        })
        .collect::<Option<_>>()?;
    let factor = |l: usize| (1.0 + room).powi((last - l) as i32);
    let t: Vec<Vec<f64>> =
        roots.iter().enumerate().map(|(l, roots)| roots.iter().map(|t| factor(l) * t * t).collect()).collect();
    let rho = chain * chain * (1.0 + room).powi(last as i32 + 1);
    // The forms of what comes after the sums of each layer.
    let mut forms = vec![Mat::identity(network.outputs(), network.outputs())];
    for l in (0..last).rev() {
        forms.push(hidden[l].eliminate(&t[l], forms.last())?.q);
    }
    forms.reverse();
    let w = layers[0].weights();
    let first = if w.nrows() < w.ncols() { dense::row_space_coordinates(w.as_ref()) } else { w.to_owned() };
    let mut all = Vec::with_capacity(last + 1);
    for l in 0..=last {
        let right = if l == 0 {
            None
        } else {
            // The layers before this one, and nothing after them.
            let mut eliminated: Vec<Eliminated> = Vec::with_capacity(l);
            for j in (0..l).rev() {
                let after = eliminated.last().map(|after| &after.q);
                eliminated.push(hidden[j].eliminate(&t[j], after)?);
            }
            eliminated.reverse();
            let form = conjugated(first.as_ref(), &eliminated[0].q);
            let r = first.ncols();
            let mut m = Mat::from_fn(r, r, |i, j| if i == j { rho } else { 0.0 } - form[(i, j)]);
            if !dense::cholesky(&mut m) {
                return None;
            }
            let mut rest = first.transpose().to_owned();
            dense::solve_lower(m.as_ref(), rest.as_mut());
            let mut h = dense::multiply(rest.transpose(), rest.as_ref());
            let mut given = Mat::new();
            for j in 0..l {
                given = hidden[j].handed_on(&h, &eliminated[j]);
                h = conjugated(hidden[j].next.transpose(), &given);
            }
            Some(root(&given)?)
        };
        let unit = rho.sqrt();
        // Of the first layer S is I/ρ.
        let unit = if l == 0 { 1.0 } else { unit };
        let left = if l == last { None } else { Some(root(&forms[l])?) };
        all.push(LayerNorm { left, right, unit });
    }
    Some(all)
}

/// Of each layer the norm in which its weights bound the Lipschitz constant of all outputs while these multipliers are held; `None` where they prove
/// nothing or it is time to stop. There may be no linear part.
pub fn layer_norms_by_multipliers(network: &Network, proof: &ChainLipsdp) -> Option<Vec<LayerNorm>> {
    let fits = proof.roots.len() + 1 == network.layers().len() && network.linear().is_none();
    let of_all = part_of(Of::All);
    let positive = proof.chain > 0.0;
    if !fits || !positive || proof.part(network.outputs()) != Some(of_all) {
        return None;
    }
    [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3]
        .into_iter()
        .find_map(|room| weightings(network, &proof.roots, proof.chain, room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::{ChainLipsdpSettings, chain_lipsdp, no_chain_lipsdp};
    use crate::network::Layer;
    use proptest::prelude::*;
    use tautnet_verify::evidence::Units;

    fn chain(activation: &str, widths: &[usize], seed: u64) -> Network {
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
        };
        let activation: crate::Activation = activation.parse().unwrap();
        let mut given = widths[0];
        let last = widths.len() - 2;
        let mut layers = Vec::new();
        for (l, &units) in widths[1..].iter().enumerate() {
            let one = if l == last { crate::Activation::identity() } else { activation.clone() };
            let w = Mat::from_fn(units, given, |_, _| next());
            given = units * one.branches();
            layers.push(Layer::new(w, vec![0.0; units], one));
        }
        Network::new(layers, None).unwrap()
    }

    fn norm(of: &LayerNorm, w: &Mat<f64>) -> f64 {
        let mut g = w.to_owned();
        if let Some(left) = &of.left {
            g = dense::multiply(left.transpose(), g.as_ref());
        }
        if let Some(right) = &of.right {
            g = dense::multiply(g.as_ref(), right.as_ref());
        }
        of.unit * dense::largest_eigenvalue(&dense::gram(g.as_ref())).unwrap().sqrt()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        /// At the layer itself the norm is the bound, and what it says of other weights is not below their own LipSDP.
        #[test]
        fn the_norm_of_a_layer_bounds_what_multipliers_prove_of_any_weights(seed in 0u64..1000, which in 0usize..6) {
            let activation = ["relu", "crelu", "leaky-relu:0.1", "sincos", "tanh", "sine-pair"][which];
            let network = chain(activation, &[3, 4, 2, 5, 2], seed);
            prop_assert!(no_chain_lipsdp(&network).is_none());
            let units = Units::standardized(3);
            let of = |network: &Network| {
                chain_lipsdp(network, Of::All, (&units, None), &ChainLipsdpSettings::default(), &mut |_| {}).best.unwrap()
            };
            let proof = of(&network);
            let norms = layer_norms_by_multipliers(&network, &proof).unwrap();
            let other = chain(activation, &[3, 4, 2, 5, 2], seed + 5000);
            for (l, of_layer) in norms.iter().enumerate() {
                let w = network.layers()[l].weights();
                let own = norm(of_layer, w);
                prop_assert!((own / proof.chain - 1.0).abs() < 1e-3, "{activation} {l}: {own} {}", proof.chain);
                for share in [0.1, 1.0, -3.0] {
                    let v = other.layers()[l].weights();
                    let moved = Mat::from_fn(w.nrows(), w.ncols(), |i, k| w[(i, k)] + share * v[(i, k)]);
                    let (mut layers, _) = network.clone().into_parts();
                    let activation = layers[l].activation().clone();
                    layers[l] = Layer::new(moved.clone(), vec![0.0; moved.nrows()], activation);
                    let proved = of(&Network::new(layers, None).unwrap()).chain;
                    let told = norm(of_layer, &moved);
                    prop_assert!(proved <= told * (1.0 + 1e-5), "{which} {l} {share}: {proved} {told}");
                }
            }
        }
    }
}
