//! Losses in the units of the user.
//!
//! With targets standardized by y = y_mean + κ_y y', a loss of degree j, loss(cf, cy) = cʲ loss(f, y), is κ_yʲ times
//! what it is in standardized units.

use super::formula::Loss;
use crate::Dataset;
use crate::error::Result;
use crate::outward::{mul_down, mul_up, sqrt_down, sqrt_up};
use crate::scaling::Scaler;

impl Loss {
    /// What the mean over rows is called.
    pub fn mean_name(&self) -> String {
        if self.is_squared() { "mean squared error".into() } else { format!("mean loss `{self}`") }
    }

    /// What it is called in the units of the target: its root, where the loss is measured in their square.
    pub fn root_name(&self) -> &'static str {
        match self.degree() {
            _ if self.is_squared() => "root mean square",
            2 => "root of the mean loss",
            _ => "mean loss",
        }
    }

    /// The units of the mean, where `units` are those of the target.
    pub fn units(&self, units: &str) -> String {
        if self.degree() == 2 { format!("{units}, squared") } else { units.to_owned() }
    }
}

impl Scaler {
    /// Means and standard deviations of the data, as [`Self::fit`] has them, for a loss: the classes of a loss of the margin
    /// stay −1 and 1, or their numbers.
    pub fn of(data: &Dataset, loss: &Loss) -> Result<Self> {
        Self::fit(data).map(|scaler| scaler.for_loss(loss))
    }

    /// The same for a loss, whose targets may have no units.
    pub(crate) fn for_loss(self, loss: &Loss) -> Self {
        if loss.is_margin() { Self { target_mean: 0.0, target_scale: 1.0, ..self } } else { self }
    }

    /// A mean loss of standardized targets, in the user's units: times κ_yʲ, j being the degree of the loss.
    pub fn loss_to_user(&self, loss: &Loss, mean: f64) -> f64 {
        if squares(loss) { self.target_scale * self.target_scale * mean } else { self.target_scale * mean }
    }

    /// The same in the units of the target: its root, where the loss is measured in their square.
    pub fn root_to_user(&self, loss: &Loss, mean: f64) -> f64 {
        let user = self.loss_to_user(loss, mean);
        if squares(loss) { user.sqrt() } else { user }
    }

    /// An upper bound on a mean loss of standardized targets, in the user's units, rounded up.
    pub fn loss_to_user_above(&self, loss: &Loss, mean: f64) -> f64 {
        let once = mul_up(self.target_scale, mean);
        if squares(loss) { mul_up(self.target_scale, once) } else { once }
    }

    /// A lower bound on a mean loss of standardized targets, in the user's units, rounded down.
    pub fn loss_to_user_below(&self, loss: &Loss, mean: f64) -> f64 {
        let once = mul_down(self.target_scale, mean).max(0.0);
        if squares(loss) { mul_down(self.target_scale, once).max(0.0) } else { once }
    }

    /// An upper bound on [`Self::root_to_user`].
    pub fn root_to_user_above(&self, loss: &Loss, mean: f64) -> f64 {
        mul_up(self.target_scale, if squares(loss) { sqrt_up(mean) } else { mean })
    }

    /// A lower bound on [`Self::root_to_user`].
    pub fn root_to_user_below(&self, loss: &Loss, mean: f64) -> f64 {
        mul_down(self.target_scale, if squares(loss) { sqrt_down(mean) } else { mean }).max(0.0)
    }
}

/// Whether a loss is measured in the square of the target's units, and not in the units themselves.
fn squares(loss: &Loss) -> bool {
    loss.degree() == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shallow;
    use faer::Mat;

    /// The mean loss of standardized rows, brought to the user's units, is that of the rows as they are, by the loss
    /// whose parameter is in their units.
    #[test]
    fn a_mean_in_the_user_s_units_is_that_of_the_user_s_rows() {
        let x = Mat::from_fn(9, 1, |k, _| k as f64);
        let y = (0..9).map(|k| 300.0 * ((k * k) as f64).sin() + 40.0).collect();
        let data = Dataset::new(x, y, None).unwrap();
        let scaler = Scaler::fit(&data).unwrap();
        let network = Shallow::new(Mat::full(2, 1, 0.7), vec![0.1, -0.4], vec![0.5, -1.5], 0.2).unwrap();
        let user = scaler.network_to_user(&network).unwrap();
        for name in ["squared", "huber:0.25", "quantile:0.8"] {
            let loss: Loss = name.parse().unwrap();
            let mean = loss.mean(&network, &scaler.standardize(&data));
            let theirs = loss.rescaled(scaler.target_scale).mean(&user, &data);
            let ours = scaler.loss_to_user(&loss, mean);
            assert!((ours - theirs).abs() < 1e-12 * theirs, "{name}: {ours} and {theirs}");
            let (below, above) = (scaler.loss_to_user_below(&loss, mean), scaler.loss_to_user_above(&loss, mean));
            assert!(below <= ours && ours <= above && above - below < 1e-12 * ours, "{name}");
            let root = scaler.root_to_user(&loss, mean);
            let (below, above) = (scaler.root_to_user_below(&loss, mean), scaler.root_to_user_above(&loss, mean));
            assert!(below <= root && root <= above && above - below < 1e-12 * root, "{name}");
            assert_eq!(root == ours, name.starts_with("quantile"));
        }
        assert_eq!(Loss::default().mean_name(), "mean squared error");
    }
}
