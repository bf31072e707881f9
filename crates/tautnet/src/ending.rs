//! How a run ended, in types: a sentence is made of them where it is shown.

use std::fmt;

/// How the run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The gap asked for was reached.
    Solved,
    /// Stopped before that; the best point so far is returned.
    Stopped(Early),
    /// The result was not better than the input, which is returned instead, with the reason.
    Unchanged(String),
}

/// Why a run stopped before the gap asked for was reached, and what is known of the gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Early {
    /// Why the run stopped.
    pub cause: Cause,
    /// The relative gap where the run stopped; `None` where the method has none, or where it is not a number.
    pub gap: Option<f64>,
}

/// Why a run stopped early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The observer asked for it, after so many rounds where the method has rounds.
    Interrupted(Option<usize>),
    /// The most iterations allowed for one program were made.
    IterationLimit,
    /// The most steps allowed to a first-order method were made.
    StepLimit(usize),
    /// The most rounds allowed were made and the objective was still falling.
    RoundLimit(usize),
    /// No weights in the interior have the patterns of some units: rounding made these, or earlier polishing.
    NoInterior {
        /// Units without an interior.
        units: usize,
    },
    /// The program's numbers are too far apart for floating point: prices, limits or weights out of proportion.
    FarApart {
        /// By so many powers of ten.
        decades: u32,
    },
    /// The program's solution exceeded the hard limit on the bound, and so did the given network: what comes back is a network
    /// scaled down to the limit, or the best constant.
    ScaledToLimit,
    /// None of these: rounding kept the solver from coming closer.
    Rounding,
}

impl From<Early> for Ending {
    fn from(early: Early) -> Self {
        Ending::Stopped(early)
    }
}

impl fmt::Display for Early {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::Interrupted(None) => write!(out, "interrupted")?,
            Cause::Interrupted(Some(rounds)) => return write!(out, "interrupted after {rounds} rounds"),
            Cause::ScaledToLimit => {
                return write!(out, "the program did not come below the limit on the bound, and was scaled down to it");
            }
            Cause::RoundLimit(rounds) => return write!(out, "{rounds} rounds done and the objective still falls"),
            Cause::IterationLimit => write!(out, "the iteration limit was reached")?,
            Cause::StepLimit(steps) => write!(out, "the limit of {steps} steps was reached")?,
            Cause::NoInterior { units } => {
                let units = if units == 1 { "1 unit".into() } else { format!("{units} units") };
                write!(out, "the activation pattern of {units} leaves the weights no room: no further progress")?;
            }
            Cause::FarApart { decades } => {
                write!(out, "weights, prices and limits lie {decades} powers of ten apart: no further progress")?;
            }
            Cause::Rounding => write!(out, "no further progress in floating point")?,
        }
        match self.gap {
            Some(gap) => write!(out, " at a relative gap of {gap:.1e}"),
            None => write!(out, "; the relative gap is not known"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_say_what_is_known() {
        let said = |cause, gap| Early { cause, gap }.to_string();
        assert_eq!(
            said(Cause::IterationLimit, Some(0.25)),
            "the iteration limit was reached at a relative gap of 2.5e-1"
        );
        assert_eq!(said(Cause::Rounding, None), "no further progress in floating point; the relative gap is not known");
        assert_eq!(said(Cause::RoundLimit(3), Some(1.0)), "3 rounds done and the objective still falls");
        assert!(said(Cause::NoInterior { units: 1 }, None).contains("of 1 unit leaves"));
        assert!(said(Cause::FarApart { decades: 40 }, Some(2.0)).contains("40 powers of ten"));
    }
}
