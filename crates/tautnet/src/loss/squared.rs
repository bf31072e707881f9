//! `squared`: loss(r) = r², with r = f − y.

use super::formula::{Entry, Form, Formula, Loss, least, worst};
use crate::outward::{Interval, mul_down, mul_up};
use std::sync::Arc;

/// The squared error.
#[derive(Debug)]
pub(super) struct Squared;

pub(super) const ENTRY: Entry = Entry {
    name: "squared",
    parameter: None,
    help: "the square of the error; its best fit is the mean",
    requires: &[],
    make: |_| Some(Arc::new(Squared)),
};

impl Formula for Squared {
    fn value(&self, f: f64, y: f64) -> f64 {
        (f - y) * (f - y)
    }
    fn slope(&self, f: f64, y: f64) -> f64 {
        2.0 * (f - y)
    }
    fn curvature(&self, _: f64, _: f64) -> f64 {
        2.0
    }
    fn conjugate(&self, slope: f64, y: f64) -> f64 {
        slope * y + 0.25 * slope * slope
    }
    fn height(&self, r: f64) -> f64 {
        r.abs()
    }
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64 {
        worst(f, reach, y, |r| mul_up(r, r))
    }
    fn least(&self, f: Interval, y: f64) -> f64 {
        least(f, y, |r| mul_down(r, r))
    }
    fn form(&self, _: f64) -> Option<Form> {
        Some(Form { quadratic: Some(1.0), above: None, below: None })
    }
    fn terms(&self, f: &mut [f64], y: &[f64], omega: &[f64]) {
        for ((f, &y), &omega) in f.iter_mut().zip(y).zip(omega) {
            let r = *f - y;
            *f = omega * r * r;
        }
    }
    fn weighted(&self, f: &mut [f64], y: &[f64], omega: &[f64]) -> f64 {
        let mut total = 0.0;
        for ((f, &y), &omega) in f.iter_mut().zip(y).zip(omega) {
            let r = *f - y;
            total += omega * r * r;
            *f = 2.0 * omega * r;
        }
        total
    }
    fn degree(&self) -> i32 {
        2
    }
    fn rescaled(&self, _: f64) -> Loss {
        Loss::default()
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
