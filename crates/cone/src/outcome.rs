//! How a solve ended, and the evidence, which can be recomputed.

use crate::{
    cone::{self},
    program::Program,
    settings::{Iteration, Settings},
    vector::{dot, largest},
};

/// How a solve ended. Not converging is an outcome, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Both residuals and the gap are below their tolerances.
    Solved,
    /// The iteration limit was reached first; the best point is returned.
    IterationLimit,
    /// The observer asked to stop; the best point is returned.
    Interrupted,
    /// `z` is a witness: `Aᵀz = 0`, `z ∈ K`, `bᵀz < 0`, hence no `x` has `Ax + b ∈ K`.
    PrimalInfeasible,
    /// `x` is a witness: `Px = 0`, `Ax ∈ K`, `qᵀx < 0`: the objective is unbounded below (if feasible at all). Only of
    /// quadratic programs.
    DualInfeasible,
    /// No further progress in floating point; the best point is returned.
    NumericalTrouble,
}

/// The answer of [`crate::solve()`].
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How the solve ended.
    pub status: Status,
    /// The unknowns, or the witness of dual infeasibility.
    pub x: Vec<f64>,
    /// The slack in `K`.
    pub s: Vec<f64>,
    /// The multipliers in `K`, or the witness of primal infeasibility.
    pub z: Vec<f64>,
    /// What is known of the point that is returned.
    pub last: Iteration,
    /// Every iteration.
    pub trace: Vec<Iteration>,
}

/// The optimality conditions at a point, recomputed from the program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residuals {
    /// The objective, `ψ(x) + qᵀx + o`.
    pub primal: f64,
    /// The dual objective, `ψ(x) − ∇ψ(x)·x − bᵀz + o`.
    pub dual: f64,
    /// `‖Ax + b − s‖_∞ / (1 + max(‖b‖, ‖Ax‖, ‖s‖))`.
    pub primal_residual: f64,
    /// `‖∇ψ(x) + q − Aᵀz‖_∞ / (1 + max(‖q‖, ‖∇ψ(x)‖, ‖Aᵀz‖))`.
    pub dual_residual: f64,
    /// The smallest "eigenvalue" of `s` over all cones. It is negative where `s` lies outside.
    pub primal_margin: f64,
    /// The smallest "eigenvalue" of `z` over all cones.
    pub dual_margin: f64,
}

impl Residuals {
    /// Recompute everything at `(x, s, z)`.
    pub fn at(program: &impl Program, x: &[f64], s: &[f64], z: &[f64]) -> Self {
        let (q, b) = (program.linear(), program.constant());
        let (mut gradient, mut ax, mut az) = (vec![0.0; q.len()], vec![0.0; b.len()], vec![0.0; q.len()]);
        let curved = program.curved(x, &mut gradient);
        program.apply(x, &mut ax);
        program.adjoint(z, &mut az);
        let primal_error = (0..b.len()).fold(0.0f64, |m, k| m.max((ax[k] + b[k] - s[k]).abs()));
        let dual_error = (0..q.len()).fold(0.0f64, |m, a| m.max((gradient[a] + q[a] - az[a]).abs()));
        Self {
            primal: curved.value + dot(q, x) + program.offset(),
            dual: curved.below - dot(b, z) + program.offset(),
            primal_residual: primal_error / (1.0 + largest(b).max(largest(&ax)).max(largest(s))),
            dual_residual: dual_error / (1.0 + largest(q).max(largest(&gradient)).max(largest(&az))),
            primal_margin: cone::margin(program.cones(), s),
            dual_margin: cone::margin(program.cones(), z),
        }
    }

    /// |primal − dual| relative to the larger of the two, as [`Settings`] measures it.
    pub fn gap(&self) -> f64 {
        relative_gap(self.primal, self.dual)
    }
}

/// |p − d| / max(|p|, |d|); zero when they are equal.
pub fn relative_gap(primal: f64, dual: f64) -> f64 {
    let gap = (primal - dual).abs();
    if gap == 0.0 { 0.0 } else { gap / primal.abs().max(dual.abs()) }
}

impl Outcome {
    /// Recompute what the status claims, with nothing but the program and the returned vectors; `Err` names what
    /// fails. Statuses that claim nothing (stopped, trouble) always hold.
    pub fn verify(&self, program: &impl Program, settings: &Settings) -> Result<Residuals, String> {
        let found = Residuals::at(program, &self.x, &self.s, &self.z);
        let check = |what: &str, value: f64, limit: f64| {
            if value <= limit { Ok(()) } else { Err(format!("{what} is {value:.3e}, above {limit:.3e}")) }
        };
        let cones = program.cones();
        match self.status {
            Status::Solved => {
                check("the primal residual", found.primal_residual, 2.0 * settings.feasibility)?;
                check("the dual residual", found.dual_residual, 2.0 * settings.feasibility)?;
                check("the slack's distance outside its cone", -found.primal_margin, 1e-12 * largest(&self.s))?;
                check("the multipliers' distance outside their cone", -found.dual_margin, 1e-12 * largest(&self.z))?;
                if (found.primal - found.dual).abs() > settings.gap_absolute {
                    check("the relative gap", found.gap(), 2.0 * settings.gap_relative)?;
                }
            }
            Status::PrimalInfeasible => {
                let mut az = vec![0.0; self.x.len()];
                program.adjoint(&self.z, &mut az);
                check("bᵀz of the witness", dot(program.constant(), &self.z), -0.5)?;
                check("‖Aᵀz‖ of the witness", largest(&az), 2.0 * settings.infeasibility)?;
                check(
                    "the witness's distance outside the cone",
                    -cone::margin(cones, &self.z),
                    1e-12 * largest(&self.z),
                )?;
            }
            Status::DualInfeasible => {
                let (mut px, mut ax) = (vec![0.0; self.x.len()], vec![0.0; self.s.len()]);
                program.curvature(&self.x, &self.x, &mut px);
                program.apply(&self.x, &mut ax);
                let error = (0..ax.len()).fold(0.0f64, |m, k| m.max((ax[k] - self.s[k]).abs()));
                let limit = 2.0 * settings.infeasibility;
                check("qᵀx of the witness", dot(program.linear(), &self.x), -0.5)?;
                check("‖Px‖ of the witness", largest(&px), limit)?;
                check("‖Ax − s‖ of the witness", error, limit)?;
                check(
                    "the slack's distance outside the cone",
                    -cone::margin(cones, &self.s),
                    1e-12 * largest(&self.s),
                )?;
            }
            Status::IterationLimit | Status::Interrupted | Status::NumericalTrouble => {}
        }
        Ok(found)
    }
}
