//! Standardized units and the user's.
//!
//! With column means x_mean, column scales κ, target mean y_mean and target scale κ_y, a network g in standardized
//! units and the same network f in the user's units are
//!
//! ```text
//! f(x) = y_mean + κ_y g((x − x_mean)/κ)
//! w_ik = w′_ik/κ_k,   b_i = b′_i − Σ_k w′_ik x_mean,k/κ_k,   v_i = κ_y v′_i,   a_k = κ_y a′_k/κ_k,   c = y_mean + κ_y c′ − Σ_k a_k x_mean,k      (primes: of g)
//! ```
//!
//! A bound |g(z) − g(z′)| ≤ L‖z − z′‖ says |f(x) − f(x′)| ≤ κ_y L ‖(x − x′)/κ‖: moving column k alone by t moves f by
//! at most κ_y L |t|/κ_k, in every norm.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::moments::{Moments, moments};
use crate::outward::{Interval, add_down, add_up, div_up, mul_down, mul_up, two_sum};
use crate::shallow::Shallow;
use crate::tolerance::{Asked, Input, Tolerance};
use faer::{Mat, MatMut, MatRef};
use serde::{Deserialize, Serialize};

/// Means and scales of the inputs and of the target, or of several; all scales are positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaler {
    /// x_mean: the mean of each input column.
    pub input_mean: Vec<f64>,
    /// κ: the standard deviation of each input column; 1 for a constant one.
    pub input_scale: Vec<f64>,
    /// y_mean: the mean of the target.
    pub target_mean: f64,
    /// κ_y: the standard deviation of the target; 1 for a constant one.
    pub target_scale: f64,
    /// The means of further targets, where there are several: each output has a mean and a scale of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_target_means: Vec<f64>,
    /// Their standard deviations; 1 for a constant one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_target_scales: Vec<f64>,
    /// The inputs that were constant: their standard deviation is 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constant_inputs: Vec<usize>,
}

impl Scaler {
    /// Means and population standard deviations of the data, by its sample weights if it has any.
    pub fn fit(data: &Dataset) -> Result<Self> {
        Self::of_moments(data.columns(), data.targets(), moments(data))
    }

    /// From the moments of so many inputs and targets.
    pub(crate) fn of_moments(
        inputs: usize,
        targets: usize,
        moments: impl IntoIterator<Item = Moments>,
    ) -> Result<Self> {
        let mut scaler = Self::identity(inputs);
        for (j, Moments { mean, variance }) in moments.into_iter().enumerate() {
            let scale = variance.map_or(1.0, f64::sqrt);
            if !mean.is_finite() || !scale.is_normal() {
                let name = match j.checked_sub(inputs) {
                    None => format!("input column {}", j + 1),
                    Some(_) if targets == 1 => "the target".into(),
                    Some(number) => format!("target {}", number + 1),
                };
                return Err(Error::new(
                    format!("{name} has mean {mean:e} and standard deviation {scale:e}"),
                    "give the column in a unit that makes its values moderate",
                ));
            }
            let place = scaler.input_mean.get_mut(j).zip(scaler.input_scale.get_mut(j));
            match place {
                Some(place) => {
                    (*place.0, *place.1) = (mean, scale);
                    scaler.constant_inputs.extend(variance.is_none().then_some(j));
                }
                None if j == inputs => (scaler.target_mean, scaler.target_scale) = (mean, scale),
                None => {
                    scaler.other_target_means.push(mean);
                    scaler.other_target_scales.push(scale);
                }
            }
        }
        Ok(scaler)
    }

    /// The scaler that changes nothing.
    pub fn identity(inputs: usize) -> Self {
        Self {
            input_mean: vec![0.0; inputs],
            input_scale: vec![1.0; inputs],
            target_mean: 0.0,
            target_scale: 1.0,
            other_target_means: Vec::new(),
            other_target_scales: Vec::new(),
            constant_inputs: Vec::new(),
        }
    }

    /// The scaler that changes nothing, of so many targets.
    pub fn identity_of(inputs: usize, targets: usize) -> Self {
        let others = targets - 1;
        Self { other_target_means: vec![0.0; others], other_target_scales: vec![1.0; others], ..Self::identity(inputs) }
    }

    /// How many targets have units of their own.
    pub fn targets(&self) -> usize {
        1 + self.other_target_means.len()
    }

    /// Mean and scale of an output's target; where there is one target, it is that of all outputs, which are classes.
    pub fn target(&self, output: usize) -> (f64, f64) {
        let others = self.other_target_means.iter().zip(&self.other_target_scales);
        let other = output.checked_sub(1).and_then(|other| others.map(|(mean, scale)| (*mean, *scale)).nth(other));
        other.unwrap_or((self.target_mean, self.target_scale))
    }

    /// The scaler of one of several targets alone.
    pub fn of_target(&self, number: usize) -> Self {
        let (target_mean, target_scale) = self.target(number);
        let (other_target_means, other_target_scales) = (Vec::new(), Vec::new());
        Self { target_mean, target_scale, other_target_means, other_target_scales, ..self.clone() }
    }

    /// Refuse a scaler that does not fit `inputs` columns, or is not finite with positive scales.
    pub fn check(&self, inputs: usize) -> Result<()> {
        let (means, scales) = (self.input_mean.len(), self.input_scale.len());
        if means != inputs || scales != inputs {
            return Err(Error::new(
                format!("the scaler has {means} means and {scales} scales for {inputs} inputs"),
                "give one mean and one scale per input",
            ));
        }
        if self.other_target_means.len() != self.other_target_scales.len() {
            return Err(Error::new(
                format!(
                    "the scaler has {} means and {} scales of further targets",
                    self.other_target_means.len(),
                    self.other_target_scales.len()
                ),
                "give one mean and one scale per target",
            ));
        }
        let means = self.input_mean.iter().chain([&self.target_mean]).chain(&self.other_target_means);
        let scales = self.input_scale.iter().chain([&self.target_scale]).chain(&self.other_target_scales);
        if !means.clone().all(|mean| mean.is_finite()) || !scales.clone().all(|scale| scale.is_normal() && *scale > 0.0)
        {
            return Err(Error::new(
                "the scaler has a mean or scale out of range",
                "every mean must be a finite number, and every scale a finite number above 0",
            ));
        }
        if let Some(j) = self.constant_inputs.iter().find(|&&j| j >= inputs) {
            return Err(Error::new(
                format!("the scaler's `constant_inputs` have {j}, but there are {inputs} inputs"),
                "number the inputs from 0",
            ));
        }
        Ok(())
    }

    /// The standard deviation of each input: its scale, or 0 where it was constant.
    pub fn deviations(&self) -> Vec<f64> {
        let mut deviations = self.input_scale.clone();
        self.constant_inputs.iter().for_each(|&j| deviations[j] = 0.0);
        deviations
    }

    /// Inputs (n × d) in standardized units.
    pub fn standardize_inputs(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(x.nrows(), x.ncols(), |k, j| (x[(k, j)] - self.input_mean[j]) / self.input_scale[j])
    }

    /// A data set in standardized units.
    pub fn standardize(&self, data: &Dataset) -> Dataset {
        Dataset {
            x: self.standardize_inputs(data.x.as_ref()),
            y: data.y.iter().map(|y| (y - self.target_mean) / self.target_scale).collect(),
            others: self.standardized_others(&data.others),
            weights: data.weights.clone(),
        }
    }

    /// The same in place: for data too large to be there twice.
    pub fn standardize_in_place(&self, data: &mut Dataset) {
        self.standardize_inputs_in_place(data.x.as_mut());
        data.y.iter_mut().for_each(|y| *y = (*y - self.target_mean) / self.target_scale);
        data.others = self.standardized_others(&data.others);
    }

    fn standardized_others(&self, others: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let one = |(o, other): (usize, &Vec<f64>)| {
            let (mean, scale) = self.target(o + 1);
            other.iter().map(|y| (y - mean) / scale).collect()
        };
        others.iter().enumerate().map(one).collect()
    }

    /// Inputs (n × d) in standardized units, in place.
    pub fn standardize_inputs_in_place(&self, mut x: MatMut<'_, f64>) {
        for j in 0..x.ncols() {
            for k in 0..x.nrows() {
                x[(k, j)] = (x[(k, j)] - self.input_mean[j]) / self.input_scale[j];
            }
        }
    }

    /// What was said of the inputs, on standardized rows and in standardized units. Standard deviations are those of `learned`, the
    /// rows learned from.
    pub fn tolerance(
        &self,
        asked: &Asked,
        inputs: &[Input<'_>],
        rows: MatRef<'_, f64>,
        learned: &Dataset,
    ) -> Result<Tolerance> {
        let spread = moments(learned).into_iter().map(|moments| moments.variance.map_or(0.0, f64::sqrt));
        let deviations: Vec<f64> = spread.zip(&self.input_scale).map(|(spread, scale)| spread * scale).collect();
        Ok(asked.on(inputs, self.inputs_to_user(rows).as_ref(), &deviations)?.divided(&self.input_scale))
    }

    /// Standardized inputs (n × d) in the user's units.
    pub fn inputs_to_user(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(x.nrows(), x.ncols(), |k, j| self.input_mean[j] + self.input_scale[j] * x[(k, j)])
    }

    /// A standardized input in the user's units.
    pub fn input_to_user(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(self.input_mean.iter().zip(&self.input_scale)).map(|(x, (mean, scale))| mean + scale * x).collect()
    }

    /// A standardized prediction in the user's units.
    pub fn target_to_user(&self, prediction: f64) -> f64 {
        self.target_mean + self.target_scale * prediction
    }

    /// The network f in the user's units from g in standardized ones.
    pub fn network_to_user(&self, network: &Shallow) -> Result<Shallow> {
        self.check(network.inputs())?;
        network.clone().edited(|parts| {
            let (m, d) = (parts.w.nrows(), parts.w.ncols());
            parts.w = Mat::from_fn(m, d, |i, k| parts.w[(i, k)] / self.input_scale[k]);
            for i in 0..m {
                parts.b[i] -= (0..d).map(|k| parts.w[(i, k)] * self.input_mean[k]).sum::<f64>();
            }
            parts.v = Mat::from_fn(m, parts.c.len(), |i, j| self.target(j).1 * parts.v[(i, j)]);
            let scaled =
                |a: &Mat<f64>| Mat::from_fn(d, a.ncols(), |k, j| self.target(j).1 * a[(k, j)] / self.input_scale[k]);
            parts.a = parts.a.as_ref().map(scaled);
            for (j, c) in parts.c.iter_mut().enumerate() {
                let (mean, scale) = self.target(j);
                *c = mean + scale * *c - self.shift_of(parts.a.as_ref(), j);
            }
        })
    }

    /// The network g in standardized units from f in the user's: the inverse of [`Self::network_to_user`].
    pub fn network_to_standardized(&self, network: &Shallow) -> Result<Shallow> {
        self.check(network.inputs())?;
        network.clone().edited(|parts| {
            let (m, d) = (parts.w.nrows(), parts.w.ncols());
            for i in 0..m {
                parts.b[i] += (0..d).map(|k| parts.w[(i, k)] * self.input_mean[k]).sum::<f64>();
            }
            parts.w = Mat::from_fn(m, d, |i, k| parts.w[(i, k)] * self.input_scale[k]);
            parts.v = Mat::from_fn(m, parts.c.len(), |i, j| parts.v[(i, j)] / self.target(j).1);
            for (j, c) in parts.c.iter_mut().enumerate() {
                let (mean, scale) = self.target(j);
                *c = (*c + self.shift_of(parts.a.as_ref(), j) - mean) / scale;
            }
            let scaled =
                |a: &Mat<f64>| Mat::from_fn(d, a.ncols(), |k, j| a[(k, j)] * self.input_scale[k] / self.target(j).1);
            parts.a = parts.a.as_ref().map(scaled);
        })
    }

    /// Σ_k a_k x_mean,k, for the linear part of an output in the user's units.
    fn shift_of(&self, a: Option<&Mat<f64>>, output: usize) -> f64 {
        a.map_or(0.0, |a| a.col(output).iter().zip(&self.input_mean).map(|(a, mean)| a * mean).sum())
    }

    /// An upper bound on g in any norm, as one on the change of f per unit of each column alone: κ_y L/κ_k, rounded up.
    pub fn bound_per_column(&self, bound: f64) -> Vec<f64> {
        self.input_scale.iter().map(|scale| div_up(mul_up(self.target_scale, bound), *scale)).collect()
    }

    /// An upper bound on g, as one on f in the same norm of the user's units: κ_y L/min κ, rounded up.
    pub fn bound_to_user(&self, bound: f64) -> f64 {
        let least = self.input_scale.iter().fold(f64::INFINITY, |least, scale| least.min(*scale));
        div_up(mul_up(self.target_scale, bound), least)
    }

    /// Around a standardized output, in the user's units: y_mean + κ_y f for every f of the interval.
    pub(crate) fn outputs_to_user(&self, of: Interval) -> Interval {
        Interval {
            low: add_down(self.target_mean, mul_down(self.target_scale, of.low)),
            high: add_up(self.target_mean, mul_up(self.target_scale, of.high)),
        }
    }

    /// At least the distance, in any norm, from a standardized row as computed to that of real numbers.
    pub(crate) fn standardizing_error(&self, user: &[f64], standardized: &[f64]) -> f64 {
        (0..user.len()).fold(0.0, |sum, k| add_up(sum, self.standardizing_error_of(k, user[k], standardized[k])))
    }

    /// The same of one column.
    pub(crate) fn standardizing_error_of(&self, column: usize, user: f64, standardized: f64) -> f64 {
        let (difference, rest) = two_sum(user, -self.input_mean[column]);
        let scale = self.input_scale[column];
        // x′κ − (X − x_mean), x′ as it was computed, from either side.
        let product = (mul_down(standardized, scale), mul_up(standardized, scale));
        let over = add_up(add_up(product.1, -difference), -rest);
        let under = add_down(add_down(product.0, -difference), -rest);
        div_up(over.max(-under).max(0.0), scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm::Norm;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    fn random_data(rng: &mut Pcg64, n: usize, d: usize) -> Dataset {
        let scale: Vec<f64> = (0..d).map(|_| 10f64.powf(rng.random_range(-3.0..3.0))).collect();
        let shift: Vec<f64> = (0..d).map(|_| rng.random_range(-100.0..100.0)).collect();
        let x = Mat::from_fn(n, d, |_, j| shift[j] + scale[j] * rng.random_range(-1.0..1.0));
        let y = (0..n).map(|_| 1000.0 + 50.0 * rng.random_range(-1.0..1.0)).collect();
        Dataset::new(x, y, None).unwrap()
    }

    fn random_network(rng: &mut Pcg64, m: usize, d: usize) -> Shallow {
        let mut numbers = |count: usize| (0..count).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f64>>();
        let w = numbers(m * d);
        Shallow::new(Mat::from_fn(m, d, |i, k| w[i * d + k]), numbers(m), numbers(m), 0.3).unwrap()
    }

    proptest! {
        #[test]
        fn predictions_agree_in_both_units_and_bounds_hold(seed in 0u64..1000, n in 2usize..30, d in 1usize..5, m in 1usize..6) {
            let mut rng = Pcg64::seed_from_u64(seed);
            let data = random_data(&mut rng, n, d);
            let scaler = Scaler::fit(&data).unwrap();
            let standardized = scaler.standardize(&data);
            for j in 0..d {
                let column: Vec<f64> = (0..n).map(|k| standardized.x[(k, j)]).collect();
                // A spread that is small beside the mean keeps fewer digits.
                let slack = 1e-8 + 100.0 * f64::EPSILON * scaler.input_mean[j].abs() / scaler.input_scale[j];
                prop_assert!(column.iter().sum::<f64>().abs() < slack * n as f64);
                prop_assert!((column.iter().map(|z| z * z).sum::<f64>() / n as f64 - 1.0).abs() < slack);
            }
            let g = random_network(&mut rng, m, d);
            let f = scaler.network_to_user(&g).unwrap();
            let back = scaler.network_to_standardized(&f).unwrap();
            let (of_g, of_f) = (g.predict(standardized.x.as_ref()), f.predict(data.x.as_ref()));
            let of_back = back.predict(standardized.x.as_ref());
            // Σ|v|‖w‖ bounds the slope of g in ℓ2; it must bound that of f through the scaler.
            let row = |net: &Shallow, i: usize| (0..d).map(|k| net.w()[(i, k)]).collect::<Vec<_>>();
            let slope: f64 = (0..m).map(|i| g.v()[i].abs() * Norm::Two.of(&row(&g, i))).sum();
            let per_column = scaler.bound_per_column(slope);
            for k in 0..n {
                prop_assert!((scaler.target_to_user(of_g[k]) - of_f[k]).abs() < 1e-6 * of_f[k].abs().max(1.0));
                prop_assert!((of_back[k] - of_g[k]).abs() < 1e-7);
                let x: Vec<f64> = (0..d).map(|j| data.x[(k, j)]).collect();
                let gradient = f.gradient(&x);
                for j in 0..d {
                    prop_assert!(gradient[j].abs() <= per_column[j] * (1.0 + 1e-9));
                }
                prop_assert!(Norm::Two.of(&gradient) <= scaler.bound_to_user(slope) * (1.0 + 1e-9));
            }
        }
    }

    #[test]
    fn constant_columns_have_scale_one_and_weights_count() {
        let x = Mat::from_fn(4, 2, |k, j| if j == 0 { 0.1 } else { k as f64 });
        let data = Dataset::new(x, vec![5.0; 4], Some(vec![0.0, 1.0, 1.0, 0.0])).unwrap();
        let scaler = Scaler::fit(&data).unwrap();
        assert_eq!(scaler.input_mean, [0.1, 1.5]);
        assert_eq!(scaler.input_scale, [1.0, 0.5]);
        assert_eq!(scaler.deviations(), [0.0, 0.5]);
        assert_eq!((scaler.target_mean, scaler.target_scale), (5.0, 1.0));
    }

    #[test]
    fn a_large_mean_does_not_hide_a_small_spread() {
        let x = Mat::from_fn(1000, 1, |k, _| 1e9 + (k % 2) as f64);
        let scaler = Scaler::fit(&Dataset::new(x, (0..1000).map(f64::from).collect(), None).unwrap()).unwrap();
        assert!((scaler.input_scale[0] - 0.5).abs() < 1e-9);
    }

    #[test]
    fn scales_out_of_range_are_refused() {
        let x = Mat::from_fn(2, 1, |k, _| if k == 0 { -1e300 } else { 1e300 });
        let error = Scaler::fit(&Dataset::new(x, vec![0.0, 1.0], None).unwrap()).unwrap_err();
        assert!(error.what.starts_with("input column 1 has mean"), "{error:?}");
        assert!(Scaler::identity(2).check(3).is_err());
        let error = Scaler { constant_inputs: vec![0, 2], ..Scaler::identity(2) }.check(2).unwrap_err();
        assert!(error.what.contains("have 2, but there are 2 inputs"), "{error:?}");
        assert!(Scaler { target_scale: 0.0, ..Scaler::identity(2) }.check(2).is_err());
    }
}
