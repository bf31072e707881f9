//! `logistic`: loss(f, y) = log(1 + exp(−yf)) for the classes y = ±1; 1/(1 + exp(−f)) is the probability of the class 1.

use super::formula::{Entry, Form, Formula, Loss};
use super::margin::{self, margin, sign};
use crate::outward::{Interval, div_down, div_up, mul_down, mul_up};
use std::sync::Arc;

/// The logistic loss.
#[derive(Debug)]
struct Logistic;

pub(super) const ENTRY: Entry = Entry {
    name: "logistic",
    parameter: None,
    help: "how unlikely its class is by a prediction (logarithm), for targets that are classes",
    requires: &[],
    make: |_| Some(Arc::new(Logistic)),
};

/// log(1 + exp(−p)).
fn softplus(p: f64) -> f64 {
    (-p).max(0.0) + (-p.abs()).exp().ln_1p()
}

/// 1/(1 + exp(p)).
fn falling(p: f64) -> f64 {
    if p > 0.0 { (-p).exp() / (1.0 + (-p).exp()) } else { 1.0 / (1.0 + p.exp()) }
}

/// Relative error of [`softplus`], with much to spare: the exponential and the logarithm of the standard library are right to
/// about one unit in the last place.
const ROUNDING: f64 = 4e-15;

/// −t log(−t), 0 at 0.
fn entropy(t: f64) -> f64 {
    if t > 0.0 { t * t.ln() } else { 0.0 }
}

impl Formula for Logistic {
    fn value(&self, f: f64, y: f64) -> f64 {
        let (m, s) = margin(f, y);
        s * softplus(m / s)
    }
    fn slope(&self, f: f64, y: f64) -> f64 {
        let (m, s) = margin(f, y);
        -sign(y) * falling(m / s)
    }
    fn curvature(&self, f: f64, y: f64) -> f64 {
        let (m, s) = margin(f, y);
        falling(m / s) * falling(-m / s) / s
    }
    fn conjugate(&self, slope: f64, y: f64) -> f64 {
        let t = -sign(y) * slope;
        if (0.0..=1.0).contains(&t) { y.abs() * (entropy(t) + entropy(1.0 - t)) } else { f64::INFINITY }
    }
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64 {
        margin::worst(f, reach, y, |m, s| mul_up(s, softplus(div_down(m, s)) * (1.0 + ROUNDING)))
    }
    fn least(&self, f: Interval, y: f64) -> f64 {
        margin::least(f, y, |m, s| mul_down(s, softplus(div_up(m, s)) * (1.0 - ROUNDING)))
    }
    fn form(&self, _: f64) -> Option<Form> {
        None
    }
    fn is_margin(&self) -> bool {
        true
    }
    fn degree(&self) -> i32 {
        1
    }
    fn rescaled(&self, _: f64) -> Loss {
        Loss(Arc::new(Logistic))
    }
    fn name(&self) -> String {
        ENTRY.name.into()
    }
}
