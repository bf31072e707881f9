//! `squared-hinge`: loss(f, y) = (1 − yf)₊² for the classes y = ±1.

use super::formula::{Entry, Form, Formula, Loss};
use super::margin::{self, margin, sign};
use crate::outward::{Interval, add_down, add_up, mul_down, mul_up};
use std::sync::Arc;

/// The squared hinge loss.
#[derive(Debug)]
struct SquaredHinge;

pub(super) const ENTRY: Entry = Entry {
    name: "squared-hinge",
    parameter: None,
    help: "the square of what a margin is short of 1, for targets that are classes",
    requires: &[],
    make: |_| Some(Arc::new(SquaredHinge)),
};

/// What the margin is short of.
fn short(f: f64, y: f64) -> f64 {
    let (m, s) = margin(f, y);
    (s - m).max(0.0)
}

impl Formula for SquaredHinge {
    fn value(&self, f: f64, y: f64) -> f64 {
        short(f, y).powi(2)
    }
    fn slope(&self, f: f64, y: f64) -> f64 {
        -2.0 * sign(y) * short(f, y)
    }
    fn curvature(&self, f: f64, y: f64) -> f64 {
        if short(f, y) > 0.0 { 2.0 } else { 0.0 }
    }
    fn conjugate(&self, slope: f64, y: f64) -> f64 {
        if sign(y) * slope <= 0.0 { slope * y + 0.25 * slope * slope } else { f64::INFINITY }
    }
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64 {
        margin::worst(f, reach, y, |m, s| {
            let short = add_up(s, -m).max(0.0);
            mul_up(short, short)
        })
    }
    fn least(&self, f: Interval, y: f64) -> f64 {
        margin::least(f, y, |m, s| {
            let short = add_down(s, -m).max(0.0);
            mul_down(short, short)
        })
    }
    fn form(&self, y: f64) -> Option<Form> {
        let (above, below) = if y < 0.0 { (None, Some(0.0)) } else { (Some(0.0), None) };
        Some(Form { quadratic: Some(1.0), above, below })
    }
    fn is_margin(&self) -> bool {
        true
    }
    fn degree(&self) -> i32 {
        2
    }
    fn rescaled(&self, _: f64) -> Loss {
        Loss(Arc::new(SquaredHinge))
    }
    fn name(&self) -> String {
        ENTRY.name.into()
    }
}
