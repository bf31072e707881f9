//! The iterate, its residuals, and what they prove.

use crate::{
    cone::{self, Cone, Scaling, parts, ranges},
    outcome::Status,
    program::{Curved, Program},
    settings::{Iteration, Settings},
    stop::Stop,
    vector::{add, dot, largest, update},
};
use rayon::prelude::*;

/// Where to start: any `x`, and `s` and `z` inside the cones. `s` need not be `Ax + b`.
///
/// What is lost by a start far outside (a shift of every cone by the same amount, say) is digits: at the end the
/// infeasibility that is left must be small against the smallest eigenvalue of every `s`.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The unknowns.
    pub x: Vec<f64>,
    /// The slack.
    pub s: Vec<f64>,
    /// The multipliers.
    pub z: Vec<f64>,
}

/// The iterate.
#[derive(Clone)]
pub(crate) struct Point {
    pub(crate) x: Vec<f64>,
    pub(crate) s: Vec<f64>,
    pub(crate) z: Vec<f64>,
    /// `sᵀz / degree`.
    pub(crate) mu: f64,
}

/// A direction `(dx, ds, dz)`.
#[derive(Clone)]
pub(crate) struct Direction {
    pub(crate) x: Vec<f64>,
    pub(crate) s: Vec<f64>,
    pub(crate) z: Vec<f64>,
}

/// `r_x` and `r_s` at a point, with the products they are made of.
#[derive(Default)]
pub(crate) struct PointResiduals {
    pub(crate) x: Vec<f64>,
    pub(crate) s: Vec<f64>,
    /// `∇ψ(x)`, and ψ itself.
    pub(crate) gradient: Vec<f64>,
    pub(crate) curved: Curved,
    pub(crate) qx: f64,
    pub(crate) bz: f64,
    pub(crate) adjoint: f64,
    pub(crate) applied: f64,
}

impl Point {
    pub(crate) fn given(start: Start, cones: &[Cone]) -> Self {
        let Start { x, s, z } = start;
        let mut point = Self { x, s, z, mu: 0.0 };
        point.mu = point.complementarity(cones);
        point
    }

    pub(crate) fn complementarity(&self, cones: &[Cone]) -> f64 {
        dot(&self.s, &self.z) / cone::degree(cones) as f64
    }

    /// sᵀz in parts of the objective.
    pub(crate) fn relative_complementarity(&self, facts: &Iteration) -> f64 {
        dot(&self.s, &self.z) / facts.primal.abs().max(1.0)
    }

    pub(crate) fn residuals(&self, program: &impl Program) -> PointResiduals {
        let (q, b) = (program.linear(), program.constant());
        let (mut gradient, mut x, mut s) = (vec![0.0; q.len()], vec![0.0; q.len()], vec![0.0; b.len()]);
        let curved = program.curved(&self.x, &mut gradient);
        program.adjoint(&self.z, &mut x);
        let adjoint = largest(&x);
        for a in 0..q.len() {
            x[a] = gradient[a] + q[a] - x[a];
        }
        program.apply(&self.x, &mut s);
        let applied = largest(&s);
        update(&mut s, b, |ax, b| ax + b);
        update(&mut s, &self.s, |sum, s| s - sum);
        let (qx, bz) = (dot(q, &self.x), dot(b, &self.z));
        PointResiduals { x, s, gradient, curved, qx, bz, adjoint, applied }
    }

    pub(crate) fn longest_step(&self, d: &Direction, cones: &[Cone], scaling: &[Scaling]) -> f64 {
        let halt = Stop::here();
        ranges(cones)
            .par_iter()
            .map(|(c, r)| {
                if halt.asked() {
                    return 0.0; // The step will not be taken.
                }
                let point = [&self.s[r.clone()], &self.z[r.clone()]];
                scaling[*c].longest_step(point, [&d.s[r.clone()], &d.z[r.clone()]])
            })
            .reduce(|| f64::INFINITY, f64::min)
    }

    /// The corrector `g`, with Mehrotra's second-order term of the predictor if there is one.
    pub(crate) fn corrector(
        &self,
        affine: Option<&Direction>,
        sigma: f64,
        cones: &[Cone],
        scaling: &[Scaling],
    ) -> Vec<f64> {
        let mut g = vec![0.0; self.s.len()];
        let zero = if affine.is_none() { vec![0.0; self.s.len()] } else { Vec::new() };
        let (ds, dz) = affine.map_or((&zero, &zero), |affine| (&affine.s, &affine.z));
        parts(cones, &mut g).into_par_iter().for_each(|(c, r, g)| {
            let (point, direction) = ([&self.s[r.clone()], &self.z[r.clone()]], [&ds[r.clone()], &dz[r]]);
            scaling[c].corrector(point, direction, sigma * self.mu, g);
        });
        g
    }

    /// Gondzio's correction of `g`: at the trial point `step` along the direction, ask the eigenvalues of `s∘z` that
    /// are a factor of ten from `σμ` back.
    pub(crate) fn recentre(
        &self,
        d: &Direction,
        step: f64,
        sigma: f64,
        cones: &[Cone],
        scaling: &[Scaling],
        g: &mut [f64],
    ) {
        let bounds = [0.1 * sigma * self.mu, 10.0 * sigma * self.mu];
        parts(cones, g).into_par_iter().for_each(|(c, r, g)| {
            let (point, direction) = ([&self.s[r.clone()], &self.z[r.clone()]], [&d.s[r.clone()], &d.z[r]]);
            scaling[c].recentre(point, direction, step, bounds, g);
        });
    }

    pub(crate) fn advance(&mut self, step: f64, d: &Direction, cones: &[Cone]) {
        add(&mut self.x, step, &d.x);
        add(&mut self.s, step, &d.s);
        add(&mut self.z, step, &d.z);
        self.mu = self.complementarity(cones);
    }
}

impl PointResiduals {
    pub(crate) fn facts(
        &self,
        point: &Point,
        program: &impl Program,
        settings: &Settings,
        iteration: usize,
        step: f64,
    ) -> Iteration {
        let (curved, offset) = (self.curved, program.offset());
        let (primal, dual) = (curved.value + self.qx + offset, curved.below - self.bz + offset);
        let (q, b) = (largest(program.linear()), largest(program.constant()));
        let mut gap = settings.gap(primal, dual);
        let mut dual_residual = largest(&self.x) / (1.0 + q.max(largest(&self.gradient)).max(self.adjoint));
        let known = settings.gap(primal, program.lower_bound().min(primal));
        if settings.careful && known <= settings.gap_relative {
            // What is known beforehand proves as much as the multipliers can, and leaves nothing to be feasible.
            (gap, dual_residual) = (known, 0.0);
        }
        Iteration {
            iteration,
            primal,
            dual,
            gap,
            primal_residual: largest(&self.s) / (1.0 + b.max(self.applied).max(largest(&point.s))),
            dual_residual,
            mu: point.mu,
            step,
        }
    }

    /// Whether the point proves something.
    pub(crate) fn verdict(
        &self,
        point: &Point,
        program: &impl Program,
        facts: &Iteration,
        settings: &Settings,
    ) -> Option<Status> {
        let gap_small =
            facts.gap <= settings.gap_relative || (facts.primal - facts.dual).abs() <= settings.gap_absolute;
        if gap_small && facts.primal_residual.max(facts.dual_residual) <= settings.feasibility {
            return Some(Status::Solved);
        }
        let limit = settings.infeasibility;
        // Aᵀz against bᵀz = −1.
        if self.bz < 0.0 && self.adjoint <= limit * -self.bz {
            return Some(Status::PrimalInfeasible);
        }
        // Px and Ax − s against qᵀx = −1.
        if program.is_quadratic() && self.qx < 0.0 && largest(&self.gradient) <= limit * -self.qx {
            let mut ax = vec![0.0; point.s.len()];
            program.apply(&point.x, &mut ax);
            update(&mut ax, &point.s, |ax, s| ax - s);
            if largest(&ax) <= limit * -self.qx {
                return Some(Status::DualInfeasible);
            }
        }
        None
    }
}
