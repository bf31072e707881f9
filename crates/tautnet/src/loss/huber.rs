//! `huber:δ`: loss(r) = r² for |r| ≤ δ, 2δ|r| − δ² beyond, with r = f − y.

use super::formula::{Entry, Form, Formula, Loss, least, worst};
use crate::outward::{Interval, add_down, add_up, mul_down, mul_up};
use std::sync::Arc;

/// Huber's loss.
#[derive(Debug)]
struct Huber {
    /// δ: beyond this error the loss grows in proportion.
    threshold: f64,
}

pub(super) const ENTRY: Entry = Entry {
    name: "huber",
    parameter: Some(("threshold", 0.5, "a positive number, in standard deviations of the target")),
    help: "the square of an error up to the threshold, in proportion beyond: outliers count for less",
    requires: &[],
    make: |threshold| {
        (threshold > 0.0 && threshold.is_finite()).then(|| Arc::new(Huber { threshold }) as Arc<dyn Formula>)
    },
};

impl Formula for Huber {
    fn value(&self, f: f64, y: f64) -> f64 {
        let (r, threshold) = ((f - y).abs(), self.threshold);
        if r <= threshold { r * r } else { threshold * (2.0 * r - threshold) }
    }
    fn slope(&self, f: f64, y: f64) -> f64 {
        2.0 * (f - y).clamp(-self.threshold, self.threshold)
    }
    fn curvature(&self, f: f64, y: f64) -> f64 {
        if (f - y).abs() <= self.threshold { 2.0 } else { 0.0 }
    }
    fn conjugate(&self, slope: f64, y: f64) -> f64 {
        if slope.abs() <= 2.0 * self.threshold { slope * y + 0.25 * slope * slope } else { f64::INFINITY }
    }
    fn height(&self, r: f64) -> f64 {
        r.abs()
    }
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64 {
        worst(f, reach, y, |r| match r.abs() {
            r if r <= self.threshold => mul_up(r, r),
            r => mul_up(self.threshold, add_up(2.0 * r, -self.threshold)),
        })
    }
    fn least(&self, f: Interval, y: f64) -> f64 {
        least(f, y, |r| match r.abs() {
            r if r <= self.threshold => mul_down(r, r),
            r => mul_down(self.threshold, add_down(2.0 * r, -self.threshold)),
        })
    }
    fn form(&self, _: f64) -> Option<Form> {
        let exit = Some(2.0 * self.threshold);
        Some(Form { quadratic: Some(1.0), above: exit, below: exit })
    }
    fn degree(&self) -> i32 {
        2
    }
    fn rescaled(&self, unit: f64) -> Loss {
        Loss(Arc::new(Huber { threshold: self.threshold * unit }))
    }
    fn name(&self) -> String {
        format!("{}:{}", ENTRY.name, self.threshold)
    }
}
