//! How numbers are moved along slopes.

use crate::error::{Error, Result};
use rayon::prelude::*;

/// Numbers that are moved at once, on one thread.
const BLOCK: usize = 1 << 14;

/// Who takes the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Optimizer {
    /// Adam: the mean of slopes over that of their squares.
    #[default]
    Adam,
    /// Stochastic gradient descent with momentum.
    Momentum,
}

impl Optimizer {
    /// All of them.
    pub const ALL: [Optimizer; 2] = [Optimizer::Adam, Optimizer::Momentum];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Optimizer::Adam => "adam",
            Optimizer::Momentum => "momentum",
        }
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Optimizer::Adam => "each number by the mean of its slopes over that of their squares",
            Optimizer::Momentum => "stochastic gradient descent with momentum 0.9",
        }
    }
}

impl std::str::FromStr for Optimizer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
            Error::new(
                format!("there is no optimizer {text:?}"),
                format!("choose one of: {}", Self::ALL.map(Self::name).join(", ")),
            )
        })
    }
}

const MEANS: [f32; 2] = [0.9, 0.999];
const SMALL: f32 = 1e-8;

/// What is remembered from step to step.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    optimizer: Optimizer,
    first: Vec<f32>,
    second: Vec<f32>,
    powers: [f64; 2],
}

impl Steps {
    pub fn new(optimizer: Optimizer, numbers: usize) -> Self {
        let second = if optimizer == Optimizer::Adam { numbers } else { 0 };
        Self { optimizer, first: vec![0.0; numbers], second: vec![0.0; second], powers: [1.0; 2] }
    }

    pub fn take(&mut self, numbers: &mut [f32], slopes: &[f32], rate: f64) {
        let blocks = numbers.par_chunks_mut(BLOCK).zip(slopes.par_chunks(BLOCK)).zip(self.first.par_chunks_mut(BLOCK));
        match self.optimizer {
            Optimizer::Momentum => {
                let rate = rate as f32;
                blocks.for_each(|((numbers, slopes), first)| {
                    for ((number, slope), first) in numbers.iter_mut().zip(slopes).zip(first) {
                        *first = MEANS[0] * *first + slope;
                        *number -= rate * *first;
                    }
                });
            }
            Optimizer::Adam => {
                self.powers = [0, 1].map(|i| self.powers[i] * f64::from(MEANS[i]));
                let length = (rate / (1.0 - self.powers[0])) as f32;
                let scale = (1.0 / (1.0 - self.powers[1])) as f32;
                blocks.zip(self.second.par_chunks_mut(BLOCK)).for_each(|(((numbers, slopes), first), second)| {
                    for (((number, slope), first), second) in numbers.iter_mut().zip(slopes).zip(first).zip(second) {
                        *first += (1.0 - MEANS[0]) * (slope - *first);
                        *second += (1.0 - MEANS[1]) * (slope * slope - *second);
                        *number -= length * *first / ((*second * scale).sqrt() + SMALL);
                    }
                });
            }
        }
    }
}
