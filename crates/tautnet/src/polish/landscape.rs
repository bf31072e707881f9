//! The objective as a function of the weights, patterns and all: not convex, but its gradient is exact.
//!
//! ```text
//! Ψ(z̄, a, c) = Σ_k ω_k loss(c + a·x_k + Σ_i s_i relu(x̄_k·z̄_i), y_k) / Σω + λ_w Σ_i ‖z̄_i‖ + λ_L L(a, a_1, …),     a_i = s_i z_i
//! ```
//!
//! with the signs s held, as in (J): within one cell of patterns Ψ is (J)'s objective with its multipliers minimized
//! out, and Ψ is continuous across cells. A price on L² enters with its square. A hard limit on L enters as a price,
//! its multiplier in (J), under which the limited problem's optimum is stationary too. Everything is in the program's
//! conditioned coordinates and divided by `κ_y²`: z̄' is of order one whatever the units of the columns.
//!
//! Where inputs have a tolerance, the [bound](crate::worst_case) on the worst case by the patterns of the weights themselves is in the
//! place of the loss. It is not continuous across cells.

use crate::{
    Dataset, Loss,
    certify::lipsdp_gradient,
    program::{build::Prices, conditioning::Conditioning},
    tolerance::Tolerance,
    unit::{Affine, Unit},
    weights::{Batch, Differentiator, Weights},
    worst_case::bound_gradient,
};
use faer::Mat;

/// Relative accuracy of the bound in a descent: far below what a step changes.
const BOUND_TOLERANCE: f64 = 1e-6;

/// Ψ and its gradient for one data set.
pub(super) struct Landscape {
    batch: Batch,
    conditioning: Conditioning,
    prices: Prices,
    /// Price of L on top of that, from a hard limit.
    limit_price: f64,
    /// Relative accuracy of the bound.
    tolerance: f64,
    differentiator: Differentiator,
    /// In these coordinates, as the tolerance.
    loss: Loss,
    within: Option<Tolerance>,
}

impl Landscape {
    /// For the objective of `prices` within the tolerance, and `limit_price` on L in the place of its hard limit.
    pub fn new(data: &Dataset, prices: &Prices, within: Option<&Tolerance>, limit_price: f64) -> Self {
        let conditioning = Conditioning::of(data);
        let mut batch = Batch::all(data);
        let (n, e) = (data.rows(), data.columns() + 1);
        // Without a free output bias a linear part must see the columns where they stand.
        let mut conditioning = conditioning;
        if prices.linear_part && !prices.output_bias {
            conditioning.shift.fill(0.0);
        }
        for row in batch.x.chunks_mut(e) {
            for j in 0..e - 1 {
                row[j] = (row[j] - conditioning.shift[j]) / conditioning.scale[j];
            }
        }
        batch.y.iter_mut().for_each(|y| *y /= conditioning.y_scale);
        // A loss of degree j is κ_yʲ times that of f', and Ψ is divided by κ_y².
        let loss = prices.loss.rescaled(1.0 / conditioning.y_scale);
        let unit = conditioning.y_scale.powi(loss.degree() - 2);
        batch.omega.iter_mut().for_each(|omega| *omega = unit * *omega / n as f64);
        let within = within.map(|tolerance| tolerance.divided(&conditioning.scale));
        Self {
            batch,
            conditioning,
            prices: prices.clone(),
            limit_price,
            tolerance: BOUND_TOLERANCE,
            differentiator: Differentiator::of(&loss),
            loss,
            within,
        }
    }

    /// z̄', s (in the place of the output weights), a' and c' of a network.
    pub fn point(&self, units: &[Unit], affine: &Affine) -> Weights {
        let Conditioning { shift, scale, y_scale, .. } = &self.conditioning;
        let inputs = shift.len();
        let mut point = Weights::zero(inputs, units.len(), self.prices.linear_part);
        let width = point.width();
        for (i, unit) in units.iter().enumerate() {
            for k in 0..inputs {
                point.flat[k * width + i] = unit.z[k] * scale[k] / y_scale;
            }
            let moved = unit.bias + unit.z.iter().zip(shift).map(|(z, s)| z * s).sum::<f64>();
            point.flat[inputs * width + i] = moved / y_scale;
        }
        let (_, signs, linear, c) = point.parts_mut();
        signs.iter_mut().zip(units).for_each(|(s, unit)| *s = unit.sign);
        let given = affine.a.as_deref().unwrap_or_default();
        linear.iter_mut().zip(given).zip(scale).for_each(|((to, a), scale)| *to = a * scale / y_scale);
        *c = (affine.c + given.iter().zip(shift).map(|(a, s)| a * s).sum::<f64>()) / y_scale;
        point
    }

    /// Back: the units and what is beside them, in the caller's coordinates.
    pub fn units(&self, point: &Weights) -> (Vec<Unit>, Affine) {
        let Conditioning { shift, scale, y_scale, .. } = &self.conditioning;
        let (hidden, signs, linear, c) = point.parts();
        let (inputs, width) = (point.inputs, point.width());
        let unit = |i: usize| {
            let z: Vec<f64> = (0..inputs).map(|k| hidden[k * width + i] / scale[k] * y_scale).collect();
            let bias = hidden[inputs * width + i] * y_scale - z.iter().zip(shift).map(|(z, s)| z * s).sum::<f64>();
            Unit { z, bias, sign: signs[i] }
        };
        let in_units = |(a, scale): (&f64, &f64)| a / scale * y_scale;
        let a: Option<Vec<f64>> = point.linear.then(|| linear.iter().zip(scale).map(in_units).collect());
        let moved = a.as_ref().map_or(0.0, |a| a.iter().zip(shift).map(|(a, s)| a * s).sum());
        ((0..point.units).map(unit).collect(), Affine { c: c * y_scale - moved, a })
    }

    /// Ψ in the caller's units.
    pub fn objective(&self, value: f64) -> f64 {
        value * self.conditioning.y_scale.powi(2)
    }

    /// `Ψ/κ_y²` at a point and its derivative by z̄' and c', written over `gradient`. Infinite where the bound has no
    /// usable value.
    pub fn evaluate(&mut self, point: &Weights, gradient: &mut Weights) -> f64 {
        let mut value = match &self.within {
            None => self.differentiator.gradient(point, &self.batch, gradient),
            Some(tolerance) => bound_gradient(&self.loss, tolerance, point, &self.batch, gradient),
        };
        let (inputs, width, y_scale) = (point.inputs, point.width(), self.conditioning.y_scale);
        let Conditioning { shift, scale, .. } = &self.conditioning;
        let (hidden, signs, linear, _) = point.parts();
        let (slope, fixed, by_linear, bias) = gradient.parts_mut();
        fixed.fill(0.0);
        if !self.prices.output_bias {
            *bias = 0.0;
        }
        if self.prices.lipschitz > 0.0 || self.limit_price > 0.0 {
            let a = Mat::from_fn(point.units, inputs, |i, k| signs[i] * hidden[k * width + i] / scale[k] * y_scale);
            let in_units = |(a, scale): (&f64, &f64)| a / scale * y_scale;
            let own: Option<Vec<f64>> = point.linear.then(|| linear.iter().zip(scale).map(in_units).collect());
            let own = own.as_deref();
            let Some((bound, by_slope)) = lipsdp_gradient(a.as_ref(), own, self.prices.norm, self.tolerance) else {
                return f64::INFINITY;
            };
            let unit = y_scale.powi(2);
            let (price, by_bound) = match self.prices.squared {
                false => (self.prices.lipschitz * bound, self.prices.lipschitz),
                true => (self.prices.lipschitz * bound * bound, 2.0 * self.prices.lipschitz * bound),
            };
            let (price, by_bound) = (price + self.limit_price * bound, by_bound + self.limit_price);
            value += price / unit;
            for k in 0..inputs {
                let chain = by_bound / unit * y_scale / scale[k];
                for i in 0..point.units {
                    slope[k * width + i] += chain * signs[i] * by_slope[(i, k)];
                }
                if point.linear {
                    by_linear[k] += chain * by_slope[(point.units, k)];
                }
            }
        }
        if self.prices.decay > 0.0 {
            let price = self.prices.decay / y_scale;
            for i in 0..point.units {
                // z̄ / κ_y: weights divided by the scale, the bias moved back.
                let z = |k: usize| hidden[k * width + i] / scale[k];
                let bias = hidden[inputs * width + i] - (0..inputs).map(|k| z(k) * shift[k]).sum::<f64>();
                let length = (0..inputs).map(|k| z(k) * z(k)).sum::<f64>().sqrt().hypot(bias);
                if length > 0.0 {
                    value += price * length;
                    for k in 0..inputs {
                        slope[k * width + i] += price * (z(k) - bias * shift[k]) / (length * scale[k]);
                    }
                    slope[inputs * width + i] += price * bias / length;
                }
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polish::{Penalty, Settings, score};
    use crate::tolerance::Shape;
    use crate::train::{self, tests::toy};
    use crate::{Norm, Shallow};
    use std::ops::ControlFlow;

    fn units(network: &Shallow) -> Vec<Unit> {
        Unit::of(network).into_iter().map(|(_, unit)| unit).collect()
    }

    /// Columns far from standard, so that no coordinate change is the identity.
    fn setting() -> (Dataset, Shallow) {
        let mut data = toy(40, 3, 8);
        for k in 0..40 {
            data.x[(k, 0)] = 100.0 * data.x[(k, 0)] + 30.0;
            data.x[(k, 2)] = 0.01 * data.x[(k, 2)] - 0.5;
            data.y[k] = 7.0 * data.y[k] + 2.0;
        }
        data.weights = Some((0..40).map(|k| 0.5 + (k % 3) as f64).collect());
        let start = train::Settings { start: "random".parse().unwrap(), units: 9, ..train::Settings::default() };
        let network = train::train(&data, &start, &mut |_| ControlFlow::Continue(())).unwrap().network;
        (data, network)
    }

    /// The value is the recomputed objective of the network, in all forms of the objective, and the way there and back
    /// is the identity; the gradient is that of the value by differences.
    #[test]
    fn value_and_gradient_are_those_of_the_recomputed_objective() {
        let (data, network) = setting();
        let same = |shape| Some(Tolerance::same(shape, &[10.0, 0.0, 0.002]).unwrap());
        let size = |k: usize, j: usize| [20.0, 0.1, 0.001][j] * (k % 4) as f64;
        let rows = |shape| Some(Tolerance::of_rows(shape, Mat::from_fn(40, 3, size)).unwrap());
        let plain = Settings { lipschitz_price: 0.3, ..Settings::default() };
        for settings in [
            Settings { lipschitz_price: 0.0, ..plain.clone() },
            plain.clone(),
            Settings { decay: 0.2, ..plain.clone() },
            Settings { norm: Norm::Infinity, output_bias: false, ..plain.clone() },
            Settings { penalty: Penalty::LSquared, lipschitz_price: 0.05, ..plain.clone() },
            Settings { linear_part: true, decay: 0.2, ..plain.clone() },
            Settings { tolerance: same(Shape::Box), lipschitz_price: 0.0, ..plain.clone() },
            Settings { tolerance: same(Shape::Ball), linear_part: true, decay: 0.2, ..plain.clone() },
            Settings { tolerance: rows(Shape::Box), loss: "huber:3".parse().unwrap(), ..plain.clone() },
            Settings { tolerance: rows(Shape::Ball), loss: "quantile:0.3".parse().unwrap(), ..plain.clone() },
            Settings { linear_part: true, norm: Norm::Infinity, output_bias: false, ..plain.clone() },
        ] {
            let a = settings.linear_part.then(|| vec![0.4, -0.2, 1.1]);
            let c = if settings.output_bias || a.is_none() { network.c() } else { 0.0 };
            let network = network.clone().edited(|parts| {
                parts.c[0] = c;
                parts.a = a.as_ref().map(|a| Mat::from_fn(3, 1, |k, _| a[k]));
            });
            let network = network.unwrap();
            for limit_price in [0.0, 0.2] {
                let mut landscape = Landscape::new(&data, &settings.prices(), settings.tolerance.as_ref(), limit_price);
                // Differences of the value divide its error by the step.
                landscape.tolerance = 1e-11;
                let point = landscape.point(&units(&network), &Affine::of(&network));
                let (back, affine) = landscape.units(&point);
                assert!((affine.c - network.c()).abs() < 1e-12 * (1.0 + affine.c.abs()));
                for (a, b) in affine.a.iter().flatten().zip(network.a().unwrap_or_default()) {
                    assert!((a - b).abs() < 1e-12);
                }
                for (a, b) in back.iter().zip(units(&network)) {
                    let error =
                        a.z.iter().zip(&b.z).map(|(a, b)| (a - b).abs()).fold((a.bias - b.bias).abs(), f64::max);
                    assert!(error < 1e-10 * b.length() && a.sign == b.sign, "{a:?} {b:?}");
                }
                let mut gradient = point.zeros();
                let value = landscape.evaluate(&point, &mut gradient);
                let known = score(&network, &data, &settings).unwrap();
                let expected = known.objective + limit_price * known.lipschitz;
                let found = landscape.objective(value);
                assert!((found - expected).abs() < 2e-6 * expected, "{settings:?}: {found} {expected}");

                let mut scratch = gradient.clone();
                for j in 0..point.flat.len() - 1 {
                    if gradient.flat[j] == 0.0 {
                        continue; // signs, padding, an output bias that is held
                    }
                    // Short, lest a row change its side on the way.
                    let step = 1e-6 * (0.1 + point.flat[j].abs());
                    let mut side = |sign: f64| {
                        let mut moved = point.clone();
                        moved.flat[j] += sign * step;
                        landscape.evaluate(&moved, &mut scratch)
                    };
                    let difference = (side(1.0) - side(-1.0)) / (2.0 * step);
                    let error = (gradient.flat[j] - difference).abs();
                    assert!(error < 1e-3 * (0.01 * value + difference.abs()), "{j}: {} {difference}", gradient.flat[j]);
                }
            }
        }
    }
}
