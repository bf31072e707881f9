//! What an activation is: its formulas, how it is asked for, how graphs of other programs spell it.

use super::spelling::Spelling;
use crate::norm::Norm;
use std::{fmt, ops::Deref, sync::Arc};

/// The formulas of an activation, which makes of the sums of a layer what the layer hands on.
pub trait Formula: fmt::Debug + Send + Sync {
    /// How many numbers are handed on for each sum: 1, or 2 where a layer hands on twice as many numbers as it has units.
    fn branches(&self) -> usize;
    /// How many sums are taken together: a layer has a multiple of this many units. Where it is 2, unit i goes with unit i + m/2 of m.
    fn group(&self) -> usize {
        1
    }
    /// What becomes of the sums of a layer: all of the first branch, then all of the second where there are two.
    fn apply(&self, h: &[f64], out: &mut Vec<f64>);
    /// The slopes of something in the sums of a layer, from those in what it hands on; at a kink, those of the left side.
    fn slopes(&self, h: &[f64], of_out: &[f64], of_h: &mut [f64]);
    /// [`apply`](Self::apply) in single precision: where a network is trained, speed counts.
    fn apply_single(&self, h: &[f32], out: &mut [f32]);
    /// [`slopes`](Self::slopes) in single precision.
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]);
    /// The least constant with which a layer goes from its sums to all that it hands on, measured in the norm p, rounded up.
    fn lipschitz(&self, norm: Norm) -> f64;
    /// How graphs of standard operators spell it. The first is how it is written; all are read.
    fn spellings(&self) -> Vec<Spelling>;
    /// The name and the parameter, as they are asked for.
    fn name(&self) -> String;
    /// The formulas of one unit, where every unit goes by itself.
    fn unit(&self) -> Option<&dyn Unit>;
}

/// The formulas of one unit; `branch` counts from 0.
pub trait Unit: fmt::Debug + Send + Sync {
    /// How many numbers a unit hands on: 1 or 2.
    fn branches(&self) -> usize {
        1
    }
    /// What a branch makes of h.
    fn value(&self, h: f64, branch: usize) -> f64;
    /// The derivative of a branch at h; at a kink, that of the left side.
    fn slope(&self, h: f64, branch: usize) -> f64;
    /// The slopes left and right of 0, where a branch is two lines that meet in (0, 0). Without them a unit has no patterns.
    fn pieces(&self, branch: usize) -> Option<[f64; 2]>;
    /// The least and the largest slope of a branch.
    fn sector(&self, branch: usize) -> [f64; 2];
    /// The largest length of a unit's slopes, all branches taken together: how much farther apart two inputs of a unit may
    /// come out of it.
    fn steepness(&self) -> f64;
    /// What becomes of the sums of a layer in single precision.
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        for (branch, out) in out.chunks_mut(h.len()).enumerate() {
            out.iter_mut().zip(h).for_each(|(out, h)| *out = self.value(f64::from(*h), branch) as f32);
        }
    }
    /// The slopes of a loss in the sums of a layer, from those in what it hands on.
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        of_h.fill(0.0);
        for (branch, of_out) in of_out.chunks(h.len()).enumerate() {
            for ((of_h, of_out), h) in of_h.iter_mut().zip(of_out).zip(h) {
                *of_h += of_out * self.slope(f64::from(*h), branch) as f32;
            }
        }
    }
    /// The largest p-norm of a unit's slopes, rounded up: the constant of a layer of such units too.
    fn lipschitz(&self, norm: Norm) -> f64;
    /// At least the largest absolute second derivative, where there are no [`pieces`](Self::pieces): how fast a slope changes.
    fn bend(&self) -> f64 {
        0.0
    }
    /// How graphs of standard operators spell it. The first is how it is written; all are read.
    fn spellings(&self) -> Vec<Spelling>;
    /// The name and the parameter, as they are asked for.
    fn name(&self) -> String;
}

impl<U: Unit> Formula for U {
    fn branches(&self) -> usize {
        Unit::branches(self)
    }
    fn apply(&self, h: &[f64], out: &mut Vec<f64>) {
        out.clear();
        for branch in 0..Unit::branches(self) {
            out.extend(h.iter().map(|&h| self.value(h, branch)));
        }
    }
    fn slopes(&self, h: &[f64], of_out: &[f64], of_h: &mut [f64]) {
        for (i, (of_h, &h)) in of_h.iter_mut().zip(h).enumerate() {
            let through = |(branch, of_out): (usize, &[f64])| of_out[i] * self.slope(h, branch);
            *of_h = of_out.chunks(of_out.len() / Unit::branches(self)).enumerate().map(through).sum();
        }
    }
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        Unit::apply_single(self, h, out);
    }
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        Unit::slopes_single(self, h, of_out, of_h);
    }
    fn lipschitz(&self, norm: Norm) -> f64 {
        Unit::lipschitz(self, norm)
    }
    fn spellings(&self) -> Vec<Spelling> {
        Unit::spellings(self)
    }
    fn name(&self) -> String {
        Unit::name(self)
    }
    fn unit(&self) -> Option<&dyn Unit> {
        Some(self)
    }
}

/// One of [`ALL`](super::ALL), with its parameter.
#[derive(Clone)]
pub struct Activation(pub(super) Arc<dyn Formula>);

/// An activation that can be asked for: its name, its parameter with the usual value, and what it is in a few words.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The name by which it is asked for.
    pub name: &'static str,
    /// What the parameter is called, its usual value and its range in words.
    pub parameter: Option<(&'static str, f64, &'static str)>,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// The activation with its parameter, or nothing where that is out of range.
    pub(super) make: fn(f64) -> Option<Arc<dyn Formula>>,
}

impl Entry {
    /// How it is asked for, with the usual number.
    pub fn example(&self) -> String {
        self.parameter.map_or(self.name.to_owned(), |(_, usual, _)| format!("{}:{usual}", self.name))
    }
}

impl Deref for Activation {
    type Target = dyn Formula;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for Activation {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
