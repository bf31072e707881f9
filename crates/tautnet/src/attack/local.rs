//! A network seen from inside one ball.
//!
//! A unit whose pre-activation h_i at the centre satisfies |h_i| > ε ‖w_i‖_q cannot change its state within the ball,
//! so it is linear (or zero) there. Folding all such units away leaves, exactly on the ball,
//!
//! ```text
//! r(Δ) = f(x + Δ) − y = c + g·Δ + Σ_{undecided i} v_i relu(h_i + w_i·Δ)
//! ```
//!
//! with few terms when ε is small. All searches work on this.

use crate::Shallow;
use crate::vector::{LANES, group, group_mut, output, padded, positive, sum};
use faer::traits::pulp::{Simd, WithSimd};

/// A network with what every row needs of it, once: units row-major and the dual norms of their weights.
pub(crate) struct Prepared<'a> {
    pub network: &'a Shallow,
    pub d: usize,
    /// W, row-major.
    rows: Vec<f64>,
    /// ‖w_i‖_q.
    lengths: Vec<f64>,
}

impl<'a> Prepared<'a> {
    pub fn new(network: &'a Shallow, norm: crate::Norm) -> Self {
        let d = network.inputs();
        let rows: Vec<f64> = (0..network.units()).flat_map(|i| (0..d).map(move |k| network.w()[(i, k)])).collect();
        let lengths = rows.chunks_exact(d).map(|w| norm.dual().of(w)).collect();
        Self { network, d, rows, lengths }
    }

    /// Pre-activations at `x`.
    pub fn pre_activations(&self, x: &[f64], h: &mut Vec<f64>) {
        h.clear();
        h.extend(
            self.rows
                .chunks_exact(self.d)
                .zip(self.network.b())
                .map(|(w, b)| w.iter().zip(x).fold(*b, |h, (w, x)| h + w * x)),
        );
    }
}

/// r on one ball; undecided units in vector groups, padded with zeros.
#[derive(Default)]
pub(crate) struct Local {
    pub d: usize,
    pub undecided: usize,
    width: usize,
    c: f64,
    g: Vec<f64>,
    h: Vec<f64>,
    /// d × width.
    w: Vec<f64>,
    v: Vec<f64>,
    /// ε ‖w_i‖_q of the undecided.
    reach: Vec<f64>,
    chosen: Vec<usize>,
}

impl Local {
    /// Fold the decided units, and the linear part, of the ball of this radius around the point x with pre-activations
    /// `h`.
    pub fn load(&mut self, prepared: &Prepared<'_>, (x, h): (&[f64], &[f64]), y: f64, radius: f64) {
        let Prepared { network, d, rows, lengths } = prepared;
        self.d = *d;
        self.c = network.c() - y;
        self.g.clear();
        match network.a() {
            None => self.g.resize(*d, 0.0),
            Some(a) => {
                self.c += a.iter().zip(x).map(|(a, x)| a * x).sum::<f64>();
                self.g.extend_from_slice(a);
            }
        }
        self.chosen.clear();
        for i in 0..h.len() {
            let (v, w) = (network.v()[i], &rows[i * d..(i + 1) * d]);
            if v == 0.0 {
                continue;
            }
            // A little more than the norm says, so that rounding never folds a unit that could turn.
            if h[i].abs() <= radius * lengths[i] * (1.0 + 1e-12) {
                self.chosen.push(i);
            } else if h[i] > 0.0 {
                self.c += v * h[i];
                self.g.iter_mut().zip(w).for_each(|(g, w)| *g += v * w);
            }
        }
        self.undecided = self.chosen.len();
        self.width = padded(self.undecided);
        for (field, length) in [(&mut self.h, 1), (&mut self.v, 1), (&mut self.w, *d), (&mut self.reach, 1)] {
            field.clear();
            field.resize(self.width * length, 0.0);
        }
        for (j, &i) in self.chosen.iter().enumerate() {
            self.h[j] = h[i];
            self.v[j] = network.v()[i];
            self.reach[j] = radius * lengths[i];
            for k in 0..*d {
                self.w[k * self.width + j] = rows[i * d + k];
            }
        }
    }

    /// An upper bound of `sign · r` on the ball, each undecided unit at its own best. `slope` is ε ‖g‖_q.
    pub fn ceiling(&self, sign: f64, slope: f64) -> f64 {
        let units = (0..self.undecided).map(|j| {
            let v = sign * self.v[j];
            v * positive(if v > 0.0 { self.h[j] + self.reach[j] } else { self.h[j] - self.reach[j] })
        });
        sign * self.c + slope + units.sum::<f64>()
    }

    /// The gradient of the folded part.
    pub fn folded_gradient(&self) -> &[f64] {
        &self.g
    }
}

/// r(Δ), pre-activations of the undecided units, and (where wanted) ∇r(Δ).
pub(crate) struct Evaluate<'a> {
    pub local: &'a Local,
    pub delta: &'a [f64],
    pub pre: &'a mut Vec<f64>,
    pub gradient: Option<&'a mut [f64]>,
}

impl WithSimd for Evaluate<'_> {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Evaluate { local, delta, pre, gradient } = self;
        let width = local.width;
        pre.resize(width, 0.0);
        combine(local, delta, &local.h, pre);
        let folded = delta.iter().zip(&local.g).fold(local.c, |r, (a, g)| r + a * g);
        if let Some(gradient) = gradient {
            for k in 0..local.d {
                let row = &local.w[k * width..(k + 1) * width];
                let mut total = [0.0; LANES];
                for j in (0..width).step_by(LANES) {
                    let (h, v, w) = (group(pre, j), group(&local.v, j), group(row, j));
                    for q in 0..LANES {
                        let through = v[q] * w[q];
                        total[q] += if h[q] > 0.0 { through } else { 0.0 };
                    }
                }
                gradient[k] = local.g[k] + sum(&total);
            }
        }
        folded + output(pre, &local.v)
    }
}

/// start + WᵀΔ over the undecided units.
#[inline(always)]
fn combine(local: &Local, delta: &[f64], start: &[f64], out: &mut [f64]) {
    for j in (0..local.width).step_by(LANES) {
        let mut total = *group(start, j);
        for k in 0..local.d {
            let w = group(&local.w, k * local.width + j);
            for q in 0..LANES {
                total[q] += delta[k] * w[q];
            }
        }
        *group_mut(out, j) = total;
    }
}

/// Rates of change of the pre-activations along `s`, and g·s.
pub(crate) struct Rates<'a> {
    pub local: &'a Local,
    pub s: &'a [f64],
    pub zeros: &'a mut Vec<f64>,
    pub rates: &'a mut Vec<f64>,
}

impl WithSimd for Rates<'_> {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Rates { local, s, zeros, rates } = self;
        zeros.clear();
        zeros.resize(local.width, 0.0);
        rates.resize(local.width, 0.0);
        combine(local, s, zeros, rates);
        s.iter().zip(&local.g).map(|(s, g)| s * g).sum()
    }
}

/// The maximum of `sign · r` along `Δ + t s`, `t` in [low, high], exactly.
///
/// Along a line r is piecewise linear with a break wherever an undecided pre-activation changes sign, so the maximum is
/// at a break or an end. Sorted breaks are walked once, carrying value and slope: each break adds |rate|·v to the
/// slope, whichever way the unit turns.
///
/// `folded` is the folded part's value at Δ and slope along s, `pre` and `rates` the undecided units'; `breaks` is
/// scratch. Returns t and sign · r there.
pub(crate) fn best_on_line(
    local: &Local,
    sign: f64,
    folded: (f64, f64),
    pre: &[f64],
    rates: &[f64],
    (low, high): (f64, f64),
    breaks: &mut Vec<(f64, f64)>,
) -> (f64, f64) {
    let (at_zero, slope_folded) = folded;
    let mut value = at_zero + low * slope_folded;
    let mut slope = slope_folded;
    breaks.clear();
    for j in 0..local.undecided {
        let (h, rate, v) = (pre[j] + low * rates[j], rates[j], local.v[j]);
        if h > 0.0 || (h == 0.0 && rate > 0.0) {
            value += v * h;
            slope += v * rate;
        }
        if rate != 0.0 {
            let t = -pre[j] / rate;
            if low < t && t < high && (h > 0.0) != (rate > 0.0) {
                breaks.push((t, v * rate.abs()));
            }
        }
    }
    breaks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut t, mut best) = (low, (low, sign * value));
    for &(next, turn) in breaks.iter().chain(std::iter::once(&(high, 0.0))) {
        value += slope * (next - t);
        slope += turn;
        t = next;
        if sign * value > best.1 {
            best = (t, sign * value);
        }
    }
    best
}

/// The part of r(Δ) that the undecided units do not make: what [`best_on_line`] starts from.
pub(crate) fn folded_value(local: &Local, delta: &[f64]) -> f64 {
    delta.iter().zip(&local.g).fold(local.c, |r, (a, g)| r + a * g)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Norm;
    use crate::attack::tests::network;
    use crate::random::normal;
    use crate::vector::arch;
    use faer::Mat;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    proptest! {
        #[test]
        fn the_local_network_is_the_network(m in 1usize..20, d in 1usize..5, radius in 0.0..1.0f64, seed in any::<u64>()) {
            let network = network(m, d, seed);
            let own = Mat::from_fn(d, 1, |k, _| (k as f64 + seed as f64).sin());
            let network = if seed % 2 == 0 { network } else { network.edited(|parts| parts.a = Some(own)).unwrap() };
            let mut random = Pcg64::seed_from_u64(seed);
            let mut draw = |scale: f64| (0..d).map(|_| scale * normal(&mut random)).collect::<Vec<f64>>();
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let (x, mut delta, s, y) = (draw(1.0), draw(1.0), draw(1.0), 0.3);
                crate::ball::project(norm, radius, &mut delta);
                let prepared = Prepared::new(&network, norm);
                let (mut h, mut local) = (Vec::new(), Local::default());
                prepared.pre_activations(&x, &mut h);
                local.load(&prepared, (&x, &h), y, radius);
                let (mut pre, mut gradient) = (Vec::new(), vec![0.0; d]);
                let value = arch().dispatch(Evaluate { local: &local, delta: &delta, pre: &mut pre, gradient: Some(&mut gradient) });
                let at = |t: f64| -> Vec<f64> { (0..d).map(|k| x[k] + delta[k] + t * s[k]).collect() };
                prop_assert!((value - (network.value(&at(0.0)) - y)).abs() < 1e-10);
                for (one, other) in gradient.iter().zip(network.gradient(&at(0.0))) {
                    prop_assert!((one - other).abs() < 1e-10);
                }
                let slope = radius * norm.dual().of(local.folded_gradient());
                let (low, high) = crate::ball::chord(norm, radius, &delta, &s);
                let (mut zeros, mut rates, mut breaks) = (Vec::new(), Vec::new(), Vec::new());
                let g = arch().dispatch(Rates { local: &local, s: &s, zeros: &mut zeros, rates: &mut rates });
                let folded = (folded_value(&local, &delta), g);
                for sign in [-1.0, 1.0] {
                    prop_assert!(sign * value <= local.ceiling(sign, slope) + 1e-10);
                    let (t, best) = best_on_line(&local, sign, folded, &pre, &rates, (low, high), &mut breaks);
                    // The value claimed is taken at t, and no point of a fine grid on the line beats it.
                    prop_assert!((best - sign * (network.value(&at(t)) - y)).abs() < 1e-9);
                    for step in 0..=200 {
                        let t = low + (high - low) * step as f64 / 200.0;
                        prop_assert!(sign * (network.value(&at(t)) - y) <= best + 1e-9);
                    }
                }
            }
        }
    }
}
