//! Hidden units, each with its output weight multiplied in: what programs and bounds are about.

use crate::{Shallow, error::Result};
use faer::Mat;

/// One hidden unit with its output weight multiplied in: `z̄ = |v| (w, b)`, `s = sign v`.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// The d weights |v| w.
    pub z: Vec<f64>,
    /// The bias |v| b.
    pub bias: f64,
    /// The sign of v.
    pub sign: f64,
}

impl Unit {
    /// The units of a network; those with `v = 0` have no sign and are left out.
    pub fn of(network: &Shallow) -> Vec<(usize, Unit)> {
        (0..network.units())
            .filter(|&i| network.v()[i] != 0.0)
            .map(|i| {
                let size = network.v()[i].abs();
                let z = (0..network.inputs()).map(|k| size * network.w()[(i, k)]).collect();
                (i, Unit { z, bias: size * network.b()[i], sign: network.v()[i].signum() })
            })
            .collect()
    }

    /// z̄·x̄ at an input, added up from the bias on, input by input.
    pub fn sum(&self, x: &[f64]) -> f64 {
        self.z.iter().zip(x).fold(self.bias, |sum, (z, x)| sum + z * x)
    }

    /// The length ‖z̄‖₂.
    pub fn length(&self) -> f64 {
        self.z.iter().map(|z| z * z).sum::<f64>().sqrt().hypot(self.bias)
    }
}

/// What a network has beside its units: `c + a·x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// The output bias.
    pub c: f64,
    /// The linear part, where there is one.
    pub a: Option<Vec<f64>>,
}

impl Affine {
    /// The affine part of a network.
    pub fn of(network: &Shallow) -> Self {
        Self { c: network.c(), a: network.a().map(<[f64]>::to_vec) }
    }

    /// A constant, without a linear part.
    pub fn constant(c: f64) -> Self {
        Self { c, a: None }
    }
}

/// A balanced network of the given units, beside an affine function; one zero unit where there is none.
pub fn from_units<'u>(units: impl Iterator<Item = &'u Unit>, inputs: usize, affine: Affine) -> Result<Shallow> {
    let Affine { c, a } = affine;
    let units: Vec<&Unit> = units.filter(|u| u.length() > 0.0).collect();
    if units.is_empty() {
        return Shallow::with_linear(Mat::zeros(1, inputs), vec![0.0], vec![0.0], c, a);
    }
    let roots: Vec<f64> = units.iter().map(|u| u.length().sqrt()).collect();
    Shallow::with_linear(
        Mat::from_fn(units.len(), inputs, |i, k| units[i].z[k] / roots[i]),
        units.iter().zip(&roots).map(|(u, r)| u.bias / r).collect(),
        units.iter().zip(&roots).map(|(u, r)| u.sign * r).collect(),
        c,
        a,
    )
}
