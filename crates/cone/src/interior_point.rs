//! The interior-point method: Mehrotra's predictor–corrector in the Nesterov–Todd direction, from an infeasible start.
//!
//! The conditions of optimality of `min ψ(x) + qᵀx  s.t.  Ax + b ∈ K`, with `s∘z` the Jordan product:
//!
//! ```text
//! r_x = ∇ψ(x) + q − Aᵀz = 0        r_s = s − A x − b = 0        s∘z = 0,   s, z ∈ K
//! ```
//!
//! One iteration linearizes them at the scaling `H`, with `P = ∇²ψ(x)`, and aims at `(1 − σ)` of the residuals less and at `s∘z = σμ e`.
//! With the corrector `g` of [`Scaling::corrector`] and `keep = 1 − σ`,
//!
//! ```text
//! P dx − Aᵀdz = −keep r_x        dz = −H(A dx + g − keep r_s)        ds = A dx − keep r_s
//! ```
//!
//! so `dx` solves `(P + AᵀHA) dx = −keep r_x − AᵀH(g − keep r_s)`. If no point is feasible, `z` (or `x`) diverges along
//! a witness, which is checked before it is believed.
//!
//! The homogeneous embedding was tried and left: its constant direction needs `H(A x + b)`, whose rounding error at
//! `μ = 1e-8` is as large as the gap still to be closed. Normal equations want the plain method.

use crate::{
    cone::Scaling,
    outcome::{Outcome, Status},
    point::{Point, Start},
    program::{NormalEquations, Program},
    settings::{Iteration, Observer, Settings},
    stop::Stop,
    system::System,
    vector::dot,
};

/// σ, the share of centring, is this power of what the predictor could not do.
const CENTRING: i32 = 3;
/// A step longer than this is not worth a correction of centrality.
const LONG: f64 = 0.9;
/// A correction aims at a step of so many times the present one and so much more,
const AIM: [f64; 2] = [1.1, 0.2];
/// and is kept where the step becomes longer by this share of what was aimed at.
const WORTH: f64 = 0.1;
/// A step shorter than this is compared with that of a pure centring step,
const SHORT: f64 = 0.2;
/// which keeps the first share of μ, and takes the second off the residuals.
const PURE: [f64; 2] = [0.8, 0.2];
/// A step as short as this gets nowhere.
const NO_STEP: f64 = 1e-8;
/// No better point in so many iterations, after so many, and with a merit below this (a few digits from the tolerances): no
/// further progress is to be expected.
const STALLED: usize = 15;
const EARLY: usize = 30;
const NEAR: f64 = 1e4;

/// Solve a program that is known to have solutions: infeasibility is not looked for where the method does not converge.
pub fn interior_point(
    program: &impl Program,
    normal: &mut impl NormalEquations,
    settings: &Settings,
    start: Option<Start>,
    observer: &mut Observer<'_>,
) -> Outcome {
    let cones = program.cones();
    let mut scaling: Vec<Scaling> = cones.iter().map(|&cone| Scaling::identity(cone)).collect();
    let halt = Stop::here();
    let mut system = System::new(program, normal, &mut scaling, settings, &halt);
    let given = start.map(|start| Point::given(start, cones));
    let Some(mut point) = given.or_else(|| system.start()) else {
        return Outcome {
            status: if halt.asked() { Status::Interrupted } else { Status::NumericalTrouble },
            x: vec![0.0; program.linear().len()],
            s: vec![0.0; program.constant().len()],
            z: vec![0.0; program.constant().len()],
            last: Iteration::default(),
            trace: Vec::new(),
        };
    };
    let mut best = Best::none();
    let mut trace: Vec<Iteration> = Vec::new();
    let mut step = 0.0;
    let status = loop {
        let residuals = point.residuals(program);
        let facts = residuals.facts(&point, program, settings, trace.len(), step);
        trace.push(facts);
        best.consider(&point, &facts, settings);
        let stop = observer(&facts).is_break() || halt.asked();
        if let Some(status) = residuals.verdict(&point, program, &facts, settings) {
            break status;
        }
        if stop {
            break Status::Interrupted;
        }
        if facts.iteration >= settings.iterations {
            break Status::IterationLimit;
        }
        // Rounding may leave `sᵀz` below 0 where both are tiny: there is no central path to follow any more.
        let centred = point.mu > 0.0 && point.mu.is_finite();
        if !centred || best.stalled(&facts) || !system.prepare(&point) {
            break if halt.asked() { Status::Interrupted } else { Status::NumericalTrouble };
        }
        let affine = system.direction(&residuals, 1.0, point.s.clone());
        let mut sigma = (1.0 - point.longest_step(&affine, cones, system.scaling).min(1.0)).powi(CENTRING);
        let mut keep = 1.0 - sigma;
        // What a curved objective leaves of the dual residual must not stay behind: multipliers of size 0 could not take it up.
        if !program.is_quadratic() && facts.dual_residual > point.relative_complementarity(&facts) {
            (sigma, keep) = (1.0, 1.0);
        }
        let mut g = point.corrector(Some(&affine), sigma, cones, system.scaling);
        drop(affine);
        let mut combined = system.direction(&residuals, keep, g.clone());
        step = (settings.step * point.longest_step(&combined, cones, system.scaling)).min(1.0);
        for _ in 0..settings.correctors {
            if step > LONG || halt.asked() {
                break;
            }
            let aim = (AIM[0] * step + AIM[1]).min(1.0);
            point.recentre(&combined, aim, sigma, cones, system.scaling, &mut g);
            let better = system.direction(&residuals, keep, g.clone());
            let longer = (settings.step * point.longest_step(&better, cones, system.scaling)).min(1.0);
            if longer < step + WORTH * (aim - step) {
                break;
            }
            (step, combined) = (longer, better);
        }
        if step < SHORT {
            // The second-order correction made the step shorter. Take a pure centring step instead.
            let g = point.corrector(None, PURE[0], cones, system.scaling);
            let centring = system.direction(&residuals, PURE[1], g);
            let other = (settings.step * point.longest_step(&centring, cones, system.scaling)).min(1.0);
            if other > step {
                (combined, keep) = (centring, PURE[1]);
            }
        }
        if halt.asked() {
            break Status::Interrupted;
        }
        // Only the direction that is taken needs its last digits. A curved objective leaves a part of the dual residual to the
        // next step, and so more to be done near the end, where directions are least accurate.
        if settings.careful || !program.is_quadratic() {
            system.refine_carefully(&mut combined, &residuals, keep);
        } else {
            system.refine(&mut combined, &residuals, keep);
        }
        step = (settings.step * point.longest_step(&combined, cones, system.scaling)).min(1.0);
        if step.is_nan() || step <= NO_STEP || !combined.x.iter().all(|x| x.is_finite()) {
            break if halt.asked() { Status::Interrupted } else { Status::NumericalTrouble };
        }
        point.advance(step, &combined, cones);
    };
    best.outcome(status, point, trace, program)
}

/// The best point seen, so that trouble and interruptions return it rather than the last one.
struct Best {
    merit: f64,
    since: usize,
    kept: Option<(Point, Iteration)>,
}

impl Best {
    fn none() -> Self {
        Self { merit: f64::INFINITY, since: 0, kept: None }
    }

    fn consider(&mut self, point: &Point, facts: &Iteration, settings: &Settings) {
        let merit = settings.merit(facts);
        self.since += 1;
        if merit < self.merit {
            *self = Self { merit, since: 0, kept: Some((point.clone(), *facts)) };
        }
    }

    /// No progress for many iterations although the solution is near.
    fn stalled(&self, facts: &Iteration) -> bool {
        self.since >= STALLED && facts.iteration > EARLY && self.merit < NEAR
    }

    fn outcome(self, status: Status, last: Point, trace: Vec<Iteration>, program: &impl Program) -> Outcome {
        let witness = |scale: f64, point: Point, facts: Iteration, trace| {
            let over = |v: Vec<f64>| v.into_iter().map(|a| a / scale).collect();
            Outcome { status, x: over(point.x), s: over(point.s), z: over(point.z), last: facts, trace }
        };
        let facts = *trace.last().expect("the starting point is recorded");
        match status {
            Status::PrimalInfeasible => {
                let scale = -dot(program.constant(), &last.z);
                witness(scale, last, facts, trace)
            }
            Status::DualInfeasible => {
                let scale = -dot(program.linear(), &last.x);
                witness(scale, last, facts, trace)
            }
            _ => {
                let (point, facts) = self.kept.unwrap_or((last, facts));
                witness(1.0, point, facts, trace)
            }
        }
    }
}
