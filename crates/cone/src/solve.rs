//! The interior-point method: Mehrotra's predictor–corrector in the Nesterov–Todd direction, from an infeasible start.
//!
//! The conditions of optimality, with `s∘z` the Jordan product:
//!
//! ```text
//! r_x = P x + q − Aᵀz = 0        r_s = s − A x − b = 0        s∘z = 0,   s, z ∈ K
//! ```
//!
//! One iteration linearizes them at the scaling `H` and aims at `(1 − σ)` of the residuals less and at `s∘z = σμ e`.
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
    cone::{self, Cone, Scaling, parts, ranges},
    infeasible,
    outcome::{Outcome, Status},
    program::{NormalEquations, Program},
    settings::{Iteration, Observer, Settings},
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
    /// Variables.
    pub x: Vec<f64>,
    /// Slack.
    pub s: Vec<f64>,
    /// Multipliers.
    pub z: Vec<f64>,
}

/// Solve the program. Without a start, one is made by least squares.
///
/// Silent: progress goes to the observer, which may stop the solve. [`Stop::here`] is asked within an iteration too.
pub fn solve(
    program: &impl Program,
    normal: &mut impl NormalEquations,
    settings: &Settings,
    start: Option<Start>,
    observer: &mut Observer<'_>,
) -> Outcome {
    let outcome = interior_point(program, normal, settings, start, observer);
    match outcome.status {
        Status::NumericalTrouble | Status::IterationLimit => {
            infeasible::witness(program, normal, settings, &outcome, observer).unwrap_or(outcome)
        }
        _ => outcome,
    }
}

/// The method itself, for programs that are known to have solutions: no second opinion where it does not converge.
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
    let mut system = System { program, normal, scaling: &mut scaling, settings, halt: &halt };
    let given = start.map(|start| Point::given(start, cones));
    let Some(mut point) = given.or_else(|| Point::start(&mut system)) else {
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
        let sigma = (1.0 - point.longest_step(&affine, cones, system.scaling).min(1.0)).powi(3);
        let mut g = point.corrector(Some(&affine), sigma, cones, system.scaling);
        drop(affine);
        let mut keep = 1.0 - sigma;
        let mut combined = system.direction(&residuals, keep, g.clone());
        step = (settings.step * point.longest_step(&combined, cones, system.scaling)).min(1.0);
        for _ in 0..settings.correctors {
            if step > 0.9 || halt.asked() {
                break;
            }
            let aim = (1.1 * step + 0.2).min(1.0);
            point.recentre(&combined, aim, sigma, cones, system.scaling, &mut g);
            let better = system.direction(&residuals, keep, g.clone());
            let longer = (settings.step * point.longest_step(&better, cones, system.scaling)).min(1.0);
            if longer < step + 0.1 * (aim - step) {
                break;
            }
            (step, combined) = (longer, better);
        }
        if step < 0.2 {
            // The second-order term misled: centre instead.
            let g = point.corrector(None, 0.8, cones, system.scaling);
            let centring = system.direction(&residuals, 0.2, g);
            let other = (settings.step * point.longest_step(&centring, cones, system.scaling)).min(1.0);
            if other > step {
                (combined, keep) = (centring, 0.2);
            }
        }
        if halt.asked() {
            break Status::Interrupted;
        }
        // Only the direction that is taken needs its last digits.
        if settings.careful {
            system.refine_carefully(&mut combined, &residuals, keep);
        } else {
            system.refine(&mut combined, &residuals, keep);
        }
        step = (settings.step * point.longest_step(&combined, cones, system.scaling)).min(1.0);
        if step.is_nan() || step <= 1e-8 || !combined.x.iter().all(|x| x.is_finite()) {
            break if halt.asked() { Status::Interrupted } else { Status::NumericalTrouble };
        }
        point.advance(step, &combined, cones);
    };
    best.outcome(status, point, trace, program)
}

/// The iterate.
#[derive(Clone)]
struct Point {
    x: Vec<f64>,
    s: Vec<f64>,
    z: Vec<f64>,
    /// `sᵀz / degree`.
    mu: f64,
}

/// A direction `(dx, ds, dz)`.
#[derive(Clone)]
struct Direction {
    x: Vec<f64>,
    s: Vec<f64>,
    z: Vec<f64>,
}

/// `r_x` and `r_s` at a point, with the products they are made of.
#[derive(Default)]
struct PointResiduals {
    x: Vec<f64>,
    s: Vec<f64>,
    px: Vec<f64>,
    quadratic: f64,
    qx: f64,
    bz: f64,
    adjoint: f64,
    applied: f64,
}

impl Point {
    /// Least squares `min ½xᵀPx + qᵀx + ½‖Ax + b‖²`, then `s` and `z = −s` shifted into the cone.
    fn start(system: &mut System<'_, impl Program, impl NormalEquations>) -> Option<Self> {
        let (program, cones) = (system.program, system.program.cones());
        let (q, b) = (program.linear(), program.constant());
        if !system.factor() {
            return None;
        }
        // The same equations as for a direction, with the identity for H: P x − Aᵀz = −q, z = −(A x + b).
        let asked = PointResiduals { x: q.to_vec(), s: vec![0.0; b.len()], ..PointResiduals::default() };
        let mut pair = system.direction(&asked, 1.0, b.to_vec());
        system.refine(&mut pair, &asked, 1.0);
        let Direction { x, mut s, mut z } = pair;
        add(&mut s, 1.0, b);
        shift_inside(cones, &mut s);
        shift_inside(cones, &mut z);
        let mut point = Self { x, s, z, mu: 0.0 };
        point.mu = point.complementarity(cones);
        point.x.iter().all(|x| x.is_finite()).then_some(point)
    }

    fn given(start: Start, cones: &[Cone]) -> Self {
        let Start { x, s, z } = start;
        let mut point = Self { x, s, z, mu: 0.0 };
        point.mu = point.complementarity(cones);
        point
    }

    fn complementarity(&self, cones: &[Cone]) -> f64 {
        dot(&self.s, &self.z) / cone::degree(cones) as f64
    }

    fn residuals(&self, program: &impl Program) -> PointResiduals {
        let (q, b) = (program.linear(), program.constant());
        let (mut px, mut x, mut s) = (vec![0.0; q.len()], vec![0.0; q.len()], vec![0.0; b.len()]);
        program.quadratic(&self.x, &mut px);
        program.adjoint(&self.z, &mut x);
        let adjoint = largest(&x);
        for a in 0..q.len() {
            x[a] = px[a] + q[a] - x[a];
        }
        program.apply(&self.x, &mut s);
        let applied = largest(&s);
        update(&mut s, b, |ax, b| ax + b);
        update(&mut s, &self.s, |sum, s| s - sum);
        let (quadratic, qx, bz) = (dot(&self.x, &px), dot(q, &self.x), dot(b, &self.z));
        PointResiduals { x, s, px, quadratic, qx, bz, adjoint, applied }
    }

    fn longest_step(&self, d: &Direction, cones: &[Cone], scaling: &[Scaling]) -> f64 {
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
    fn corrector(&self, affine: Option<&Direction>, sigma: f64, cones: &[Cone], scaling: &[Scaling]) -> Vec<f64> {
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
    fn recentre(&self, d: &Direction, step: f64, sigma: f64, cones: &[Cone], scaling: &[Scaling], g: &mut [f64]) {
        let bounds = [0.1 * sigma * self.mu, 10.0 * sigma * self.mu];
        parts(cones, g).into_par_iter().for_each(|(c, r, g)| {
            let (point, direction) = ([&self.s[r.clone()], &self.z[r.clone()]], [&d.s[r.clone()], &d.z[r]]);
            scaling[c].recentre(point, direction, step, bounds, g);
        });
    }

    fn advance(&mut self, step: f64, d: &Direction, cones: &[Cone]) {
        add(&mut self.x, step, &d.x);
        add(&mut self.s, step, &d.s);
        add(&mut self.z, step, &d.z);
        self.mu = self.complementarity(cones);
    }
}

/// Move along the unit until the margin is at least 1, if it is not comfortably positive already.
fn shift_inside(cones: &[Cone], v: &mut [f64]) {
    let margin = cone::margin(cones, v);
    if margin < 1e-3 {
        let mut unit = vec![0.0; v.len()];
        cone::unit(cones, &mut unit);
        add(v, 1.0 - margin, &unit);
    }
}

impl PointResiduals {
    fn facts(
        &self,
        point: &Point,
        program: &impl Program,
        settings: &Settings,
        iteration: usize,
        step: f64,
    ) -> Iteration {
        let (half, offset) = (0.5 * self.quadratic, program.offset());
        let (primal, dual) = (half + self.qx + offset, -half - self.bz + offset);
        let (q, b) = (largest(program.linear()), largest(program.constant()));
        let mut gap = settings.gap(primal, dual);
        let mut dual_residual = largest(&self.x) / (1.0 + q.max(largest(&self.px)).max(self.adjoint));
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
    fn verdict(&self, point: &Point, program: &impl Program, facts: &Iteration, settings: &Settings) -> Option<Status> {
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
        if self.qx < 0.0 && largest(&self.px) <= limit * -self.qx {
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

/// The linear algebra of one iteration.
struct System<'a, P: Program, N: NormalEquations> {
    program: &'a P,
    normal: &'a mut N,
    scaling: &'a mut [Scaling],
    settings: &'a Settings,
    /// Asked between linear solves, each of which may take long.
    halt: &'a Stop,
}

impl<P: Program, N: NormalEquations> System<'_, P, N> {
    /// Scale at the point and factor; false if the point is not numerically interior.
    fn prepare(&mut self, point: &Point) -> bool {
        let inside = ranges(self.program.cones())
            .par_iter()
            .zip(self.scaling.par_iter_mut())
            .map(|((_, r), scaling)| !self.halt.asked() && scaling.update(&point.s[r.clone()], &point.z[r.clone()]))
            .reduce(|| true, |a, b| a && b);
        inside && self.factor()
    }

    /// Factor, with more regularization if rounding made the matrix indefinite.
    fn factor(&mut self) -> bool {
        let mut regularization = self.settings.regularization;
        while regularization < 1e-6 && !self.halt.asked() {
            if self.normal.factor(self.scaling, regularization).is_ok() {
                return true;
            }
            regularization *= 100.0;
        }
        false
    }

    /// `out = H v`.
    fn metric(&self, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; v.len()];
        parts(self.program.cones(), &mut out).into_par_iter().for_each(|(c, r, out)| self.scaling[c].apply(&v[r], out));
        out
    }

    /// The direction for the corrector `g`: the pair `P x − Aᵀz = r`, `z = −H(A x + v)` by the factor of `M`, once.
    fn direction(&self, residuals: &PointResiduals, keep: f64, mut v: Vec<f64>) -> Direction {
        add(&mut v, -keep, &residuals.s);
        let mut z = self.metric(&v);
        z.iter_mut().for_each(|z| *z = -*z);
        let mut x = vec![0.0; residuals.x.len()];
        self.program.adjoint(&z, &mut x);
        update(&mut x, &residuals.x, |az, rx| az - keep * rx);
        self.normal.solve(&mut x);
        let mut s = vec![0.0; v.len()];
        self.program.apply(&x, &mut s);
        // z anew: −H v and the change apart would keep the rounding of both.
        add(&mut v, 1.0, &s);
        z = self.metric(&v);
        z.iter_mut().for_each(|z| *z = -*z);
        add(&mut s, -keep, &residuals.s);
        Direction { x, s, z }
    }

    /// Iterative refinement of a direction.
    ///
    /// Where `s` has small eigenvalues `H` is huge, and rounding in `A x + v` moves `z` by far more than the solve
    /// does. So the residual is that of the *computed* `z`, which is corrected by `−H A δx`, a product that is as
    /// small as the error: dual feasibility becomes exact, and the rounding stays in the complementarity, where it is
    /// harmless. Refining `M x = r` alone leaves the dual residual at 1e-7.
    fn refine(&self, direction: &mut Direction, residuals: &PointResiduals, keep: f64) {
        let n = direction.x.len();
        let (mut residual, mut product) = (vec![0.0; n], vec![0.0; n]);
        let mut change = vec![0.0; direction.s.len()];
        let (mut best, mut since) = (f64::INFINITY, 0);
        let scale = (keep * largest(&residuals.x)).max(largest(self.program.linear()));
        for _ in 0..self.settings.refinements {
            self.program.adjoint(&direction.z, &mut residual);
            self.program.quadratic(&direction.x, &mut product);
            (0..n).for_each(|a| residual[a] -= keep * residuals.x[a] + product[a]);
            let size = largest(&residual);
            (best, since) = if size < 0.5 * best { (size, 0) } else { (best, since + 1) };
            if size <= 1e-5 * self.settings.feasibility * scale || since > 2 || self.halt.asked() {
                break;
            }
            self.normal.solve(&mut residual);
            self.program.apply(&residual, &mut change);
            add(&mut direction.x, 1.0, &residual);
            add(&mut direction.s, 1.0, &change);
            add(&mut direction.z, -1.0, &self.metric(&change));
        }
    }
}

impl<P: Program, N: NormalEquations> System<'_, P, N> {
    /// [`System::refine`] by conjugate gradients, with the factor of `M` as preconditioner.
    ///
    /// Where the regularization of the factor is not small against the smallest eigenvalues of `M`, plain refinement
    /// creeps or even diverges; the preconditioned matrix has few eigenvalues away from 1, which conjugate gradients
    /// find one after the other. The best direction met is kept. Several times dearer: for a second attempt only.
    fn refine_carefully(&self, direction: &mut Direction, residuals: &PointResiduals, keep: f64) {
        const ROUNDS: usize = 4;
        const STEPS: usize = 25;
        let n = direction.x.len();
        let (mut residual, mut product) = (vec![0.0; n], vec![0.0; n]);
        let mut best: Option<(f64, Direction)> = None;
        let scale = (keep * largest(&residuals.x)).max(largest(self.program.linear()));
        let halt = Stop::here();
        for round in 0..=ROUNDS {
            self.program.adjoint(&direction.z, &mut residual);
            self.program.quadratic(&direction.x, &mut product);
            (0..n).for_each(|a| residual[a] -= keep * residuals.x[a] + product[a]);
            let size = largest(&residual);
            let before = best.as_ref().map_or(f64::INFINITY, |(size, _)| *size);
            if size < before {
                best = Some((size, direction.clone()));
            }
            // Also where the size is NaN.
            if size <= 1e-5 * self.settings.feasibility * scale
                || size >= 0.5 * before
                || size.is_nan()
                || round == ROUNDS
                || halt.asked()
            {
                break;
            }
            // M δx = residual, with δs = A δx and δz = −H A δx along.
            let (mut slack, mut image) = (vec![0.0; direction.s.len()], vec![0.0; n]);
            let mut turned = residual.clone();
            self.normal.solve(&mut turned);
            let mut along = turned.clone();
            let mut energy = dot(&residual, &turned);
            for _ in 0..STEPS {
                self.program.apply(&along, &mut slack);
                let multipliers = self.metric(&slack);
                self.program.adjoint(&multipliers, &mut image);
                self.program.quadratic(&along, &mut product);
                add(&mut image, 1.0, &product);
                let curvature = dot(&along, &product) + dot(&slack, &multipliers);
                let step = energy / curvature;
                if !(curvature > 0.0 && energy > 0.0 && step.is_finite()) {
                    break;
                }
                add(&mut direction.x, step, &along);
                add(&mut direction.s, step, &slack);
                add(&mut direction.z, -step, &multipliers);
                add(&mut residual, -step, &image);
                if largest(&residual) <= 1e-4 * size || halt.asked() {
                    break;
                }
                turned.copy_from_slice(&residual);
                self.normal.solve(&mut turned);
                let next = dot(&residual, &turned);
                update(&mut along, &turned, |along, turned| turned + next / energy * along);
                energy = next;
            }
        }
        if let Some((_, kept)) = best {
            *direction = kept;
        }
    }
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
        self.since >= 15 && facts.iteration > 30 && self.merit < 1e4
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
