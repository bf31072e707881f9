//! The outputs of a chain of layers at one input, within intervals.
//!
//! Every number is kept as a middle and a radius that hold the exact one. With u = 2⁻⁵³ and a layer of n inputs `x_k ± ρ_k`, the computed sum
//! `b + Σ w_k x_k`, in any order, is off by at most `γ_(n+1) (|b| + Σ |w_k x_k|)` and by 2⁻¹⁰⁷⁴ for each product that underflows; the exact sum moves by at most `Σ |w_k| ρ_k` with
//! the inputs. What the radius is computed from is itself rounded, by `γ_(n+3)` at most. So the radius
//!
//! ```text
//!     ( (n + 4) 2u (|b| + Σ |w_k x_k|) + Σ |w_k| ρ_k ) (1 + (n + 8) 2u) + (2n + 4) 2⁻¹⁰²²
//! ```
//!
//! holds both. A branch of an activation moves by no more than its sum. Its value is exact for relu, abs and crelu, rounded once for a leaky relu, and
//! for the functions of the platform, sine, cosine and hyperbolic tangent, it is taken to be right to 2 units in the last place: 2⁻⁵⁰ is added.
//! Where something overflows the radius is not finite, and nothing is proved.

use crate::weights::Chain;

/// 2u.
const EPSILON: f64 = f64::EPSILON;

/// Products are summed in so many lanes, which is faster.
const LANES: usize = 8;

/// The outputs at one input.
#[derive(Debug, Clone)]
pub struct Enclosure {
    middles: Vec<f64>,
    radii: Vec<f64>,
}

/// `b + Σ w_k x_k`, the sum of the absolute values of its terms, and `Σ |w_k| ρ_k`.
fn sums(weights: &[f64], bias: f64, x: &[f64], radii: &[f64]) -> (f64, f64, f64) {
    let (mut sum, mut size, mut off) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let blocks = weights.chunks(LANES).zip(x.chunks(LANES)).zip(radii.chunks(LANES));
    for ((weights, x), radii) in blocks {
        for lane in 0..weights.len() {
            let product = weights[lane] * x[lane];
            sum[lane] += product;
            size[lane] += product.abs();
            off[lane] += weights[lane].abs() * radii[lane];
        }
    }
    let total = |lanes: [f64; LANES]| lanes.iter().sum::<f64>();
    (bias + total(sum), bias.abs() + total(size), total(off))
}

/// The branches of an activation at a sum, with what is added to the radius.
fn branches(activation: &str, h: f64) -> [Option<(f64, f64)>; 2] {
    let platform = 4.0 * EPSILON;
    match activation {
        "identity" => [Some((h, 0.0)), None],
        "relu" => [Some((h.max(0.0), 0.0)), None],
        "abs" => [Some((h.abs(), 0.0)), None],
        "tanh" => [Some((h.tanh(), platform)), None],
        "crelu" => [Some((h.max(0.0), 0.0)), Some(((-h).max(0.0), 0.0))],
        "sincos" => [Some((h.sin(), platform)), Some((h.cos(), platform))],
        "sine-pair" => [0.5 * (h + h.sin()), 0.5 * (h - h.sin())]
            .map(|value| Some((value, platform + EPSILON * value.abs() + f64::MIN_POSITIVE))),
        _ => {
            // Chain::check has let no other pass.
            let alpha: f64 = activation.split_once(':').and_then(|(_, alpha)| alpha.parse().ok()).unwrap_or(f64::NAN);
            let value = if h > 0.0 { h } else { alpha * h };
            [Some((value, EPSILON * value.abs() + f64::MIN_POSITIVE)), None]
        }
    }
}

impl Enclosure {
    /// Around the outputs of a chain that passes [`Chain::check`] at an input of as many finite doubles as it takes.
    pub fn at(chain: &Chain<'_>, input: &[f64]) -> Self {
        let (mut x, mut radii) = (input.to_vec(), vec![0.0; input.len()]);
        for layer in chain.layers {
            let n = x.len();
            let row = |i: usize| {
                let (sum, size, off) = sums(&layer.weights[i * n..(i + 1) * n], layer.bias[i], &x, &radii);
                (sum, radius(n, size, off))
            };
            let h: Vec<(f64, f64)> = (0..layer.outputs).map(row).collect();
            let (mut values, mut off) = (Vec::new(), Vec::new());
            if layer.activation == "maxmin" {
                let (first, second) = h.split_at(h.len() / 2);
                for larger in [true, false] {
                    for (&(a, of_a), &(b, of_b)) in first.iter().zip(second) {
                        values.push(match (a + b).is_finite() {
                            false => f64::NAN,
                            true if larger => a.max(b),
                            true => a.min(b),
                        });
                        off.push(of_a.max(of_b));
                    }
                }
                (x, radii) = (values, off);
                continue;
            }
            // All of the first branch, then all of the second.
            for branch in 0..2 {
                for &(h, around) in &h {
                    // NaN and infinities go on: max(NaN, 0) would be 0.
                    let Some((value, more)) = branches(layer.activation, h)[branch] else { continue };
                    values.push(if h.is_finite() { value } else { f64::NAN });
                    off.push((around + more) * (1.0 + 4.0 * EPSILON));
                }
            }
            (x, radii) = (values, off);
        }
        if let Some(linear) = chain.linear {
            let (n, exact) = (input.len(), vec![0.0; input.len()]);
            for j in 0..x.len() {
                let (sum, size, _) = sums(&linear[j * n..(j + 1) * n], 0.0, input, &exact);
                let total = x[j] + sum;
                radii[j] = (radii[j] + radius(n, size, 0.0) + EPSILON * total.abs()) * (1.0 + 8.0 * EPSILON);
                x[j] = total;
            }
        }
        Self { middles: x, radii }
    }

    /// At most `f_j − f_k`; minus infinity where nothing is known.
    pub fn difference_at_least(&self, j: usize, k: usize) -> f64 {
        let off = (self.radii[j] + self.radii[k]).next_up();
        let least = ((self.middles[j] - self.middles[k]).next_down() - off).next_down();
        if least.is_finite() { least } else { f64::NEG_INFINITY }
    }
}

fn radius(n: usize, size: f64, off: f64) -> f64 {
    let n = n as f64;
    ((n + 4.0) * EPSILON * size + off) * (1.0 + (n + 8.0) * EPSILON) + (2.0 * n + 4.0) * f64::MIN_POSITIVE
}
