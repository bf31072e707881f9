//! `quantile:τ`: loss(r) = (1 − τ) r for r = f − y ≥ 0, −τ r below (the pinball loss).

use super::formula::{Entry, Form, Formula, Loss, least, worst};
use crate::outward::{Interval, add_down, add_up, mul_down, mul_up};
use std::sync::Arc;

/// The pinball loss.
#[derive(Debug)]
struct Quantile {
    /// τ: the share of the targets that the fit is to lie above.
    level: f64,
}

pub(super) const ENTRY: Entry = Entry {
    name: "quantile",
    parameter: Some(("level", 0.5, "above 0 and below 1")),
    help: "the pinball loss: its best fit lies above a share of the targets, the level (0.5: the median)",
    requires: &[],
    make: |level| (level > 0.0 && level < 1.0).then(|| Arc::new(Quantile { level }) as Arc<dyn Formula>),
};

impl Formula for Quantile {
    fn value(&self, f: f64, y: f64) -> f64 {
        let r = f - y;
        if r >= 0.0 { (1.0 - self.level) * r } else { -self.level * r }
    }
    fn slope(&self, f: f64, y: f64) -> f64 {
        match f - y {
            r if r > 0.0 => 1.0 - self.level,
            r if r < 0.0 => -self.level,
            _ => 0.0,
        }
    }
    fn curvature(&self, _: f64, _: f64) -> f64 {
        0.0
    }
    fn conjugate(&self, slope: f64, y: f64) -> f64 {
        if (-self.level..=1.0 - self.level).contains(&slope) { slope * y } else { f64::INFINITY }
    }
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64 {
        worst(f, reach, y, |r| if r >= 0.0 { mul_up(add_up(1.0, -self.level), r) } else { mul_up(self.level, -r) })
    }
    fn least(&self, f: Interval, y: f64) -> f64 {
        least(f, y, |r| if r >= 0.0 { mul_down(add_down(1.0, -self.level), r) } else { mul_down(self.level, -r) })
    }
    fn form(&self, _: f64) -> Option<Form> {
        Some(Form { quadratic: None, above: Some(1.0 - self.level), below: Some(self.level) })
    }
    fn degree(&self) -> i32 {
        1
    }
    fn rescaled(&self, _: f64) -> Loss {
        Loss(Arc::new(Quantile { level: self.level }))
    }
    fn name(&self) -> String {
        format!("{}:{}", ENTRY.name, self.level)
    }
}
