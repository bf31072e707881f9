//! Descent on the objective as a function of the weights, across cells: Adam (Kingma and Ba, arXiv:1412.6980) on all rows
//! at once, at a rate that falls to zero along half a cosine.
//!
//! The lowest point that was met is the result, so that the descent never ends above its start.

use super::landscape::Landscape;
use crate::weights::Weights;
use std::ops::ControlFlow;

/// Decay rates of the means of the gradient and of its square.
const MEANS: (f64, f64) = (0.9, 0.999);

/// The lowest point met and its value.
pub(super) struct Lowest {
    pub point: Weights,
    pub value: f64,
}

/// Descend by `steps` steps; `rate` is relative to the root mean square of the start's weights. The observer hears the
/// number of each step and the value before it; `Break` ends the descent.
pub(super) fn descend(
    landscape: &mut Landscape,
    start: Weights,
    steps: usize,
    rate: f64,
    observer: &mut dyn FnMut(usize, f64) -> ControlFlow<()>,
) -> Lowest {
    let rate = rate * typical(&start);
    let mut point = start;
    let mut gradient = point.zeros();
    let mut lowest = Lowest { point: point.clone(), value: f64::INFINITY };
    let mut adam = Adam::new(point.flat.len());
    for step in 0..=steps {
        let value = landscape.evaluate(&point, &mut gradient);
        if value < lowest.value {
            lowest.value = value;
            lowest.point.flat.copy_from_slice(&point.flat);
        }
        if !value.is_finite() || observer(step, value).is_break() {
            break;
        }
        adam.step(&mut point.flat, &gradient.flat, rate * falling(step, steps));
    }
    lowest
}

/// Along half a cosine from 1 to 0.
pub(super) fn falling(step: usize, steps: usize) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos())
}

/// The means of the gradient and of its square, and their decay so far.
pub(super) struct Adam {
    first: Vec<f64>,
    second: Vec<f64>,
    powers: (f64, f64),
}

impl Adam {
    pub fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], powers: (1.0, 1.0) }
    }

    pub fn step(&mut self, point: &mut [f64], gradient: &[f64], rate: f64) {
        self.powers = (self.powers.0 * MEANS.0, self.powers.1 * MEANS.1);
        let rate = rate / (1.0 - self.powers.0);
        let stretch = 1.0 / (1.0 - self.powers.1).sqrt();
        for (((p, g), m), s) in point.iter_mut().zip(gradient).zip(&mut self.first).zip(&mut self.second) {
            *m = MEANS.0 * *m + (1.0 - MEANS.0) * g;
            *s = MEANS.1 * *s + (1.0 - MEANS.1) * g * g;
            // What has no gradient (signs, padding) stays what it is, to the bit.
            if *s > 0.0 {
                *p -= rate * *m / (stretch * s.sqrt());
            }
        }
    }
}

/// Root mean square of the hidden weights.
fn typical(point: &Weights) -> f64 {
    let count = (point.units * (point.inputs + 1)).max(1);
    (point.parts().0.iter().map(|w| w * w).sum::<f64>() / count as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polish::Settings;
    use crate::train::{self, tests::toy};
    use crate::unit::{Affine, Unit};

    #[test]
    fn a_descent_never_ends_above_its_start_and_goes_far_below_it() {
        let data = toy(60, 2, 5);
        let start = train::Settings { start: "random".parse().unwrap(), units: 10, ..train::Settings::default() };
        let network = train::train(&data, &start, &mut |_| ControlFlow::Continue(())).unwrap().network;
        let units: Vec<Unit> = Unit::of(&network).into_iter().map(|(_, unit)| unit).collect();
        let settings = Settings { lipschitz_price: 0.05, ..Settings::default() };
        let run = |steps: usize, rate: f64, most: usize| {
            let mut landscape = Landscape::new(&data, &settings.prices(), None, 0.0);
            let point = landscape.point(&units, &Affine::of(&network));
            let mut heard = Vec::new();
            let lowest = descend(&mut landscape, point, steps, rate, &mut |step, value| {
                heard.push(value);
                if step >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            (lowest.value, heard)
        };
        let (value, heard) = run(200, 0.05, 1000);
        assert!(heard.len() == 201 && value < 0.8 * heard[0], "{value} {}", heard[0]);
        assert_eq!(value, heard.iter().fold(f64::INFINITY, |m: f64, &v| m.min(v)));
        // A rate that destroys the network, and one that is ended at once.
        assert!(run(5, 100.0, 1000).0 <= heard[0]);
        assert_eq!(run(200, 0.05, 0).0, heard[0]);
        assert_eq!(run(0, 0.05, 9).0, heard[0]);
    }
}
