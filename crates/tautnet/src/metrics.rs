//! How well a network fits data.

use crate::{Dataset, Shallow};

/// Σ_k ω_k (f(x_k) − y_k)² / Σ_k ω_k, with weights ω_k = 1 where the data have none.
pub fn mean_squared_error(network: &Shallow, data: &Dataset) -> f64 {
    let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
    let predictions = network.predict(data.x.as_ref());
    let residuals = predictions.iter().zip(&data.y).map(|(f, y)| f - y);
    let total: f64 = (0..data.rows()).map(weight).sum();
    residuals.enumerate().map(|(k, r)| weight(k) * r * r).sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    #[test]
    fn weights_count_as_repeated_rows() {
        let network = Shallow::new(Mat::full(1, 1, 2.0), vec![-1.0], vec![1.5], 0.5).unwrap();
        let data = |x: &[f64], weights| {
            Dataset::new(Mat::from_fn(x.len(), 1, |k, _| x[k]), x.iter().map(|x| x * x).collect(), weights).unwrap()
        };
        let weighted = mean_squared_error(&network, &data(&[0.0, 1.0, 3.0], Some(vec![1.0, 0.0, 2.0])));
        let repeated = mean_squared_error(&network, &data(&[0.0, 3.0, 3.0], None));
        assert!((weighted - repeated).abs() < 1e-14);
        // f = 0.5, 2, 8 at x = 0, 1, 3.
        assert!((repeated - (0.25 + 1.0 + 1.0) / 3.0).abs() < 1e-14);
    }
}
