//! `absolute`: loss(r) = |r| for r = f − y. Its best fit is the median; the quantile loss of the level 0.5, twice.

use super::formula::{Entry, Form, Formula, Loss, least, worst};
use crate::outward::Interval;
use std::sync::Arc;

/// The absolute error.
#[derive(Debug)]
struct Absolute;

pub(super) const ENTRY: Entry = Entry {
    name: "absolute",
    parameter: None,
    help: "the absolute error: its best fit is the median",
    requires: &[],
    make: |_| Some(Arc::new(Absolute)),
};

impl Formula for Absolute {
    fn value(&self, f: f64, y: f64) -> f64 {
        (f - y).abs()
    }
    fn slope(&self, f: f64, y: f64) -> f64 {
        if f == y { 0.0 } else { (f - y).signum() }
    }
    fn curvature(&self, _: f64, _: f64) -> f64 {
        0.0
    }
    fn conjugate(&self, slope: f64, y: f64) -> f64 {
        if slope.abs() <= 1.0 { slope * y } else { f64::INFINITY }
    }
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64 {
        worst(f, reach, y, f64::abs)
    }
    fn least(&self, f: Interval, y: f64) -> f64 {
        least(f, y, f64::abs)
    }
    fn form(&self, _: f64) -> Option<Form> {
        Some(Form { quadratic: None, above: Some(1.0), below: Some(1.0) })
    }
    fn degree(&self) -> i32 {
        1
    }
    fn rescaled(&self, _: f64) -> Loss {
        Loss(Arc::new(Absolute))
    }
    fn name(&self) -> String {
        ENTRY.name.into()
    }
}
