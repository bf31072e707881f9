//! How sure a network of classes may be: the temperature that its outputs are divided by.

use crate::several::probabilities;
use crate::shallow::worst_margin;
use crate::{Dataset, Loss, Shallow};

/// The logarithm of the largest temperature.
const TEMPERATURES: f64 = 3.0;

/// What outputs are to be divided by so that rows held out have the least loss without input error (of several classes by the logistic loss: the
/// least cross-entropy): then they say how likely a class is. It changes no class. Every network comes with rows that it did not learn from.
pub(super) fn temperature(judged: &[(&Shallow, &Dataset)], loss: &Loss) -> f64 {
    // Of every row the outputs, the target and the weight.
    let mut rows: Vec<(Vec<f64>, f64, f64)> = Vec::new();
    for (network, data) in judged {
        let outputs = |k: usize| network.outputs_of(&data.x.row(k).iter().copied().collect::<Vec<f64>>());
        let all: Vec<Vec<f64>> = match network.outputs() {
            1 => network.predict(data.x.as_ref()).into_iter().map(|f| vec![f]).collect(),
            _ => (0..data.rows()).map(outputs).collect(),
        };
        let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
        rows.extend(all.into_iter().enumerate().map(|(k, outputs)| (outputs, data.y[k], weight(k))));
    }
    // With the logistic loss several outputs say probabilities, whose logarithm counts; with another one the worst margin does.
    let likely = loss.name() == "logistic";
    let of = |outputs: &[f64], y: f64, factor: f64| match outputs {
        [f] => loss.value(f * factor, y),
        _ if likely => {
            let outputs: Vec<f64> = outputs.iter().map(|f| f * factor).collect();
            -probabilities(&outputs)[y as usize].max(f64::MIN_POSITIVE).ln()
        }
        _ => loss.value(factor * worst_margin(outputs, y as usize), 1.0),
    };
    let at =
        |power: f64| -> f64 { rows.iter().map(|(outputs, y, weight)| weight * of(outputs, *y, (-power).exp())).sum() };
    // The loss is convex in what outputs are multiplied by, so it falls and rises.
    let (mut low, mut high) = (-TEMPERATURES, TEMPERATURES);
    while high - low > 1e-3 {
        let (first, second) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if at(first) <= at(second) { high = second } else { low = first }
    }
    if rows.is_empty() { 1.0 } else { (0.5 * (low + high)).exp() }
}
