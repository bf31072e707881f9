//! What questions are made of: which rows are held out, and networks as lists of numbers.

use crate::unit::Unit;
use crate::{Error, Shallow, error::Result};
use faer::Mat;
use serde::{Deserialize, Serialize};

/// Which rows are held out: a share of them, drawn by a seed and the number of the row.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Share {
    /// The seed.
    pub seed: u64,
    /// The share that is held out, from 0 to less than 1.
    pub held_out: f64,
}

/// Numbers of one network or of the units of a program, as plain lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layers {
    /// z̄_i = (z_i, bias), d + 1 numbers a unit, unit by unit.
    pub z: Vec<f64>,
    /// The sign or the output weight of each unit.
    pub v: Vec<f64>,
    /// The output bias.
    pub c: f64,
    /// The linear part, d numbers; empty where there is none.
    pub a: Vec<f64>,
}

/// A number that looks random, of a seed and a row: SplitMix64.
pub(super) fn drawn(seed: u64, row: u64) -> f64 {
    let mut z =
        seed.wrapping_mul(0xd1b5_4a32_d192_ed03).wrapping_add(row.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

impl Share {
    /// Whether a row is held out.
    pub fn holds_out(&self, row: u64) -> bool {
        self.held_out > 0.0 && drawn(self.seed, row) < self.held_out
    }
}

impl Layers {
    /// Units of a program.
    pub fn of_units<'u>(units: impl IntoIterator<Item = &'u Unit>) -> Self {
        let (mut z, mut v) = (Vec::new(), Vec::new());
        for unit in units {
            z.extend_from_slice(&unit.z);
            z.push(unit.bias);
            v.push(unit.sign);
        }
        Self { z, v, c: 0.0, a: Vec::new() }
    }

    /// A network.
    pub fn of(network: &Shallow) -> Self {
        let (w, b) = (network.w(), network.b());
        let unit = |i: usize| w.row(i).iter().copied().chain([b[i]]).collect::<Vec<_>>();
        Self {
            z: (0..network.units()).flat_map(unit).collect(),
            v: network.v().to_vec(),
            c: network.c(),
            a: network.a().map_or_else(Vec::new, <[f64]>::to_vec),
        }
    }

    /// A network whose output weights are signs, all else multiplied in.
    pub fn signed(network: &Shallow) -> Self {
        let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
        Self { c: network.c(), a: network.a().map_or_else(Vec::new, <[f64]>::to_vec), ..Self::of_units(&units) }
    }

    /// All but signs and output weights: z̄ unit by unit, the linear part, the output bias.
    pub fn numbers(&self) -> Vec<f64> {
        self.z.iter().chain(&self.a).copied().chain([self.c]).collect()
    }

    /// The same network with other numbers.
    pub fn with_numbers(&self, numbers: &[f64]) -> Self {
        let (z, rest) = numbers.split_at(self.z.len());
        let (a, c) = rest.split_at(self.a.len());
        Self { z: z.to_vec(), v: self.v.clone(), c: c[0], a: a.to_vec() }
    }

    /// As a network, with so many inputs.
    pub fn network(&self, inputs: usize) -> Result<Shallow> {
        let e = inputs + 1;
        let w = Mat::from_fn(self.units(), inputs, |i, j| self.z[i * e + j]);
        let b = (0..self.units()).map(|i| self.z[i * e + inputs]).collect();
        Shallow::with_linear(w, b, self.v.clone(), self.c, (!self.a.is_empty()).then(|| self.a.clone()))
    }

    pub(super) fn units(&self) -> usize {
        self.v.len()
    }

    /// z̄ as a matrix, (d + 1) × m.
    pub(super) fn matrix(&self) -> Mat<f64> {
        matrix(&self.z, self.units())
    }
}

pub(super) fn matrix(z: &[f64], units: usize) -> Mat<f64> {
    let e = z.len().checked_div(units).unwrap_or(0);
    Mat::from_fn(e, units, |a, i| z[i * e + a])
}

/// Rows have answered something else than what they were asked.
pub(crate) fn odd() -> Error {
    Error::new(
        "the rows gave no answer that fits the question",
        "all machines must have the same version of the program",
    )
}
