//! `hinge`: loss(f, y) = (1 − yf)₊ for the classes y = ±1.

use super::formula::{Entry, Form, Formula, Loss};
use super::margin::{self, margin, sign};
use crate::outward::{Interval, add_down, add_up};
use std::sync::Arc;

/// The hinge loss.
#[derive(Debug)]
struct Hinge;

pub(super) const ENTRY: Entry = Entry {
    name: "hinge",
    parameter: None,
    help: "what a margin is short of 1, for targets that are classes",
    requires: &[],
    make: |_| Some(Arc::new(Hinge)),
};

impl Formula for Hinge {
    fn value(&self, f: f64, y: f64) -> f64 {
        let (m, s) = margin(f, y);
        (s - m).max(0.0)
    }
    fn slope(&self, f: f64, y: f64) -> f64 {
        let (m, s) = margin(f, y);
        if m < s { -sign(y) } else { 0.0 }
    }
    fn curvature(&self, _: f64, _: f64) -> f64 {
        0.0
    }
    fn conjugate(&self, slope: f64, y: f64) -> f64 {
        if (-1.0..=0.0).contains(&(sign(y) * slope)) { slope * y } else { f64::INFINITY }
    }
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64 {
        margin::worst(f, reach, y, |m, s| add_up(s, -m).max(0.0))
    }
    fn least(&self, f: Interval, y: f64) -> f64 {
        margin::least(f, y, |m, s| add_down(s, -m))
    }
    fn form(&self, y: f64) -> Option<Form> {
        let (above, below) = if y < 0.0 { (1.0, 0.0) } else { (0.0, 1.0) };
        Some(Form { quadratic: None, above: Some(above), below: Some(below) })
    }
    fn is_margin(&self) -> bool {
        true
    }
    fn degree(&self) -> i32 {
        1
    }
    fn rescaled(&self, _: f64) -> Loss {
        Loss(Arc::new(Hinge))
    }
    fn name(&self) -> String {
        ENTRY.name.into()
    }
}
