//! The linear algebra of one iteration: scale, factor, solve, refine.

use crate::{
    cone::{self, Cone, Scaling, parts, ranges},
    point::{Direction, Point, PointResiduals},
    program::{NormalEquations, Program},
    settings::Settings,
    stop::Stop,
    vector::{add, dot, largest, update},
};
use rayon::prelude::*;

/// Where the matrix is not positive definite, the factor is tried again with so many times the regularization,
const MORE_REGULARIZATION: f64 = 100.0;
/// up to this one, which is too large for refinement to undo.
const MOST_REGULARIZATION: f64 = 1e-6;
/// Refinement ends where the residual is this small a part of the tolerance,
const REFINED: f64 = 1e-5;
/// or where it has not been halved in more than so many steps.
const PATIENCE: usize = 2;
/// A first point whose cones have at least this margin is taken as it is.
const COMFORTABLE: f64 = 1e-3;

/// The linear algebra of one iteration.
pub(crate) struct System<'a, P: Program, N: NormalEquations> {
    pub(crate) program: &'a P,
    pub(crate) normal: &'a mut N,
    pub(crate) scaling: &'a mut [Scaling],
    pub(crate) settings: &'a Settings,
    /// The variables at which ψ is curved as the factor has it.
    at: Vec<f64>,
    /// Asked between linear solves, each of which may take long.
    pub(crate) halt: &'a Stop,
}

impl<'a, P: Program, N: NormalEquations> System<'a, P, N> {
    pub(crate) fn new(
        program: &'a P,
        normal: &'a mut N,
        scaling: &'a mut [Scaling],
        settings: &'a Settings,
        halt: &'a Stop,
    ) -> Self {
        Self { program, normal, scaling, settings, at: vec![0.0; program.linear().len()], halt }
    }

    /// The first point: least squares `min ½xᵀ∇²ψ(0)x + (q + ∇ψ(0))ᵀx + ½‖Ax + b‖²`, then `s` and `z = −s` shifted into the cone.
    pub(crate) fn start(&mut self) -> Option<Point> {
        let (program, cones) = (self.program, self.program.cones());
        let (q, b) = (program.linear(), program.constant());
        if !self.factor() {
            return None;
        }
        // The same equations as for a direction, with the identity for H: P x − Aᵀz = −q, z = −(A x + b).
        let mut x = vec![0.0; q.len()];
        program.curved(&self.at, &mut x);
        add(&mut x, 1.0, q);
        let asked = PointResiduals { x, s: vec![0.0; b.len()], ..PointResiduals::default() };
        let mut pair = self.direction(&asked, 1.0, b.to_vec());
        self.refine(&mut pair, &asked, 1.0);
        let Direction { x, mut s, mut z } = pair;
        add(&mut s, 1.0, b);
        shift_inside(cones, &mut s);
        shift_inside(cones, &mut z);
        let mut point = Point { x, s, z, mu: 0.0 };
        point.mu = point.complementarity(cones);
        point.x.iter().all(|x| x.is_finite()).then_some(point)
    }

    /// Scale at the point and factor; false if the point is not numerically interior.
    pub(crate) fn prepare(&mut self, point: &Point) -> bool {
        let inside = ranges(self.program.cones())
            .par_iter()
            .zip(self.scaling.par_iter_mut())
            .map(|((_, r), scaling)| !self.halt.asked() && scaling.update(&point.s[r.clone()], &point.z[r.clone()]))
            .reduce(|| true, |a, b| a && b);
        self.at.clone_from(&point.x);
        inside && self.factor()
    }

    /// Factor, with more regularization if rounding made the matrix indefinite.
    fn factor(&mut self) -> bool {
        let mut regularization = self.settings.regularization;
        while regularization < MOST_REGULARIZATION && !self.halt.asked() {
            if self.normal.factor(&self.at, self.scaling, regularization).is_ok() {
                return true;
            }
            regularization *= MORE_REGULARIZATION;
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
    pub(crate) fn direction(&self, residuals: &PointResiduals, keep: f64, mut v: Vec<f64>) -> Direction {
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
    pub(crate) fn refine(&self, direction: &mut Direction, residuals: &PointResiduals, keep: f64) {
        let n = direction.x.len();
        let (mut residual, mut product) = (vec![0.0; n], vec![0.0; n]);
        let mut change = vec![0.0; direction.s.len()];
        let (mut best, mut since) = (f64::INFINITY, 0);
        let scale = (keep * largest(&residuals.x)).max(largest(self.program.linear()));
        for _ in 0..self.settings.refinements {
            self.program.adjoint(&direction.z, &mut residual);
            self.program.curvature(&self.at, &direction.x, &mut product);
            (0..n).for_each(|a| residual[a] -= keep * residuals.x[a] + product[a]);
            let size = largest(&residual);
            (best, since) = if size < 0.5 * best { (size, 0) } else { (best, since + 1) };
            if size <= REFINED * self.settings.feasibility * scale || since > PATIENCE || self.halt.asked() {
                break;
            }
            self.normal.solve(&mut residual);
            self.program.apply(&residual, &mut change);
            add(&mut direction.x, 1.0, &residual);
            add(&mut direction.s, 1.0, &change);
            add(&mut direction.z, -1.0, &self.metric(&change));
        }
    }

    /// [`System::refine`] by conjugate gradients, with the factor of `M` as preconditioner.
    ///
    /// Where the regularization of the factor is not small against the smallest eigenvalues of `M`, plain refinement
    /// creeps or even diverges; the preconditioned matrix has few eigenvalues away from 1, which conjugate gradients
    /// find one after the other. The best direction met is kept. Several times dearer: for a second attempt only.
    pub(crate) fn refine_carefully(&self, direction: &mut Direction, residuals: &PointResiduals, keep: f64) {
        const ROUNDS: usize = 4;
        const STEPS: usize = 25;
        let n = direction.x.len();
        let (mut residual, mut product) = (vec![0.0; n], vec![0.0; n]);
        let mut best: Option<(f64, Direction)> = None;
        let scale = (keep * largest(&residuals.x)).max(largest(self.program.linear()));
        let halt = Stop::here();
        for round in 0..=ROUNDS {
            self.program.adjoint(&direction.z, &mut residual);
            self.program.curvature(&self.at, &direction.x, &mut product);
            (0..n).for_each(|a| residual[a] -= keep * residuals.x[a] + product[a]);
            let size = largest(&residual);
            let before = best.as_ref().map_or(f64::INFINITY, |(size, _)| *size);
            if size < before {
                best = Some((size, direction.clone()));
            }
            // Also where the size is NaN.
            if size <= REFINED * self.settings.feasibility * scale
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
                self.program.curvature(&self.at, &along, &mut product);
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

/// Move along the unit until the margin is at least 1, if it is not comfortably positive already.
fn shift_inside(cones: &[Cone], v: &mut [f64]) {
    let margin = cone::margin(cones, v);
    if margin < COMFORTABLE {
        let mut unit = vec![0.0; v.len()];
        cone::unit(cones, &mut unit);
        add(v, 1.0 - margin, &unit);
    }
}
