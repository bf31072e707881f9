//! A second opinion where the interior-point method did not converge: is there a witness of infeasibility?
//!
//! Infeasible programs make the plain method jam before its iterates have diverged far enough to prove anything. Two
//! programs that do have solutions answer instead, with the caller's operators and one border each:
//!
//! ```text
//! primal   min ψ(x) + ρ t    s.t.  A x + b + t e ∈ K,  t ≥ −1     t > 0: z/ρ has Aᵀz = ∇ψ/ρ and bᵀz < 0
//! dual     min ½xᵀPx + qᵀx  s.t.  A x ∈ K,  qᵀx ≥ −ρ               qᵀx = −ρ with xᵀPx = 0: x/ρ is the witness
//! ```
//!
//! The second one is for quadratic programs. A large ρ makes what is left of `P` negligible; whatever comes out is checked before it is believed.

use crate::{
    cone::{self, Cone, Scaling, parts},
    interior_point::interior_point,
    outcome::{Outcome, Status},
    point::Start,
    program::{Curved, Linear, NormalEquations, NotPositiveDefinite, Program},
    settings::{Observer, Settings},
    vector::{add, dot, largest},
};

/// ρ, in units of the program's numbers.
const WEIGHT: f64 = 1e10;

/// The outcome with a witness in place of the point, if one is found for the residual that did not vanish.
pub(crate) fn witness(
    program: &impl Program,
    normal: &mut impl NormalEquations,
    settings: &Settings,
    outcome: &Outcome,
    observer: &mut Observer<'_>,
) -> Option<Outcome> {
    // Relative residuals shrink when the iterates diverge, so an open gap is reason enough to ask.
    let told = outcome.last;
    if told.primal_residual.max(told.dual_residual).max(told.gap) < 1e2 * settings.feasibility {
        return None;
    }
    let mut quiet = |_: &_| observer(&told);
    let found = match primal(program, normal, settings, &mut quiet) {
        Some(found) if found.verify(program, settings).is_ok() => found,
        _ if program.is_quadratic() => dual(program, normal, settings, &mut quiet)?,
        _ => return None,
    };
    let found = Outcome { last: outcome.last, trace: outcome.trace.clone(), ..found };
    found.verify(program, settings).is_ok().then_some(found)
}

fn primal(
    program: &impl Program,
    normal: &mut impl NormalEquations,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Option<Outcome> {
    let mut unit = vec![0.0; program.constant().len()];
    cone::unit(program.cones(), &mut unit);
    let elastic = Bordered::elastic(program, &unit);
    let start = elastic_start(&elastic, &unit);
    let mut bordered =
        ElasticNormal { program, unit: &unit, normal, column: Vec::new(), solved: Vec::new(), corner: 1.0 };
    let mut outcome = interior_point(&elastic, &mut bordered, &patient(settings), Some(start), observer);
    let (n, rows) = (program.linear().len(), program.constant().len());
    outcome.z.truncate(rows);
    outcome.s.truncate(rows);
    outcome.x.truncate(n);
    let scale = -dot(program.constant(), &outcome.z);
    outcome.z.iter_mut().for_each(|z| *z /= scale);
    (scale > 0.0).then_some(Outcome { status: Status::PrimalInfeasible, ..outcome })
}

fn dual(
    program: &impl Program,
    normal: &mut impl NormalEquations,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Option<Outcome> {
    let recession = Bordered::recession(program);
    let mut updated = RecessionNormal { program, normal, solved: Vec::new(), weight: 0.0 };
    let mut outcome = interior_point(&recession, &mut updated, &patient(settings), None, observer);
    let rows = program.constant().len();
    outcome.z.truncate(rows);
    outcome.s.truncate(rows);
    let scale = -dot(program.linear(), &outcome.x);
    for vector in [&mut outcome.x, &mut outcome.s] {
        vector.iter_mut().for_each(|a| *a /= scale);
    }
    (scale > 0.0).then_some(Outcome { status: Status::DualInfeasible, ..outcome })
}

/// Both programs have solutions: no verdict of infeasibility, which their large numbers might feign.
fn patient(settings: &Settings) -> Settings {
    Settings { infeasibility: 0.0, ..settings.clone() }
}

/// A program with a border: either of the two.
struct Bordered<'p, P> {
    program: &'p P,
    border: Border<'p>,
    cones: Vec<Cone>,
    linear: Vec<f64>,
    constant: Vec<f64>,
}

/// What is added to `A`.
enum Border<'p> {
    /// The column `e` of the new variable t, and the row `t ≥ −1`.
    Elastic(&'p [f64]),
    /// The row `qᵀx ≥ −ρ`.
    Recession,
}

impl<'p, P: Program> Bordered<'p, P> {
    fn elastic(program: &'p P, unit: &'p [f64]) -> Self {
        let mut linear = vec![0.0; program.linear().len()];
        linear.push(WEIGHT * (1.0 + largest(program.linear())));
        let mut constant = program.constant().to_vec();
        constant.push(1.0);
        Self { program, border: Border::Elastic(unit), cones: one_more(program), linear, constant }
    }

    fn recession(program: &'p P) -> Self {
        let mut constant = vec![0.0; program.constant().len()];
        constant.push(WEIGHT * (1.0 + largest(program.linear())));
        let linear = program.linear().to_vec();
        Self { program, border: Border::Recession, cones: one_more(program), linear, constant }
    }
}

fn one_more(program: &impl Program) -> Vec<Cone> {
    program.cones().iter().copied().chain([Cone::Nonnegative(1)]).collect()
}

/// `x = 0`, t large enough, and `z` along the unit, which satisfies the equation of t.
fn elastic_start<P: Program>(elastic: &Bordered<'_, P>, unit: &[f64]) -> Start {
    let program = elastic.program;
    let lift = 1.0 - cone::margin(program.cones(), program.constant()).min(0.0);
    let mut x = vec![0.0; elastic.linear.len()];
    *x.last_mut().expect("t is last") = lift;
    let mut s = program.constant().to_vec();
    add(&mut s, lift, unit);
    s.push(1.0 + lift);
    let mut z = unit.to_vec();
    z.push(1.0);
    let share = elastic.linear.last().expect("t is last") / (1.0 + dot(unit, unit));
    z.iter_mut().for_each(|z| *z *= share);
    Start { x, s, z }
}

impl<P: Program> Linear for Bordered<'_, P> {
    fn cones(&self) -> &[Cone] {
        &self.cones
    }
    fn linear(&self) -> &[f64] {
        &self.linear
    }
    fn constant(&self) -> &[f64] {
        &self.constant
    }
    fn offset(&self) -> f64 {
        0.0
    }
    fn apply(&self, x: &[f64], out: &mut [f64]) {
        let (x, t) = x.split_at(self.program.linear().len());
        let (last, rows) = out.split_last_mut().expect("the row of the border is last");
        self.program.apply(x, rows);
        match &self.border {
            Border::Elastic(unit) => {
                add(rows, t[0], unit);
                *last = t[0];
            }
            Border::Recession => *last = dot(self.program.linear(), x),
        }
    }
    fn adjoint(&self, z: &[f64], out: &mut [f64]) {
        let (last, rows) = z.split_last().expect("the row of the border is last");
        let (x, t) = out.split_at_mut(self.program.linear().len());
        self.program.adjoint(rows, x);
        match &self.border {
            Border::Elastic(unit) => t[0] = dot(unit, rows) + last,
            Border::Recession => add(x, *last, self.program.linear()),
        }
    }
}

impl<P: Program> Program for Bordered<'_, P> {
    fn curved(&self, x: &[f64], gradient: &mut [f64]) -> Curved {
        let n = self.program.linear().len();
        gradient[n..].fill(0.0);
        self.program.curved(&x[..n], &mut gradient[..n])
    }
    fn curvature(&self, at: &[f64], v: &[f64], out: &mut [f64]) {
        let n = self.program.linear().len();
        out[n..].fill(0.0);
        self.program.curvature(&at[..n], &v[..n], &mut out[..n]);
    }
    fn is_quadratic(&self) -> bool {
        self.program.is_quadratic()
    }
}

/// `[M, AᵀHe; ·, eᵀHe + h]` by its Schur complement.
struct ElasticNormal<'a, P, N> {
    program: &'a P,
    /// `e`.
    unit: &'a [f64],
    normal: &'a mut N,
    /// `AᵀH e` and `M⁻¹` of it.
    column: Vec<f64>,
    solved: Vec<f64>,
    corner: f64,
}

impl<P: Program, N: NormalEquations> NormalEquations for ElasticNormal<'_, P, N> {
    fn factor(&mut self, at: &[f64], scaling: &[Scaling], regularization: f64) -> Result<(), NotPositiveDefinite> {
        let (last, inner) = scaling.split_last().expect("the row t ≥ −1 is last");
        self.normal.factor(&at[..at.len() - 1], inner, regularization)?;
        let unit = self.unit;
        let mut turned = vec![0.0; unit.len()];
        let cones = self.program.cones();
        parts(cones, &mut turned).into_iter().for_each(|(c, r, out)| inner[c].apply(&unit[r], out));
        self.column = vec![0.0; self.program.linear().len()];
        self.program.adjoint(&turned, &mut self.column);
        self.solved.clone_from(&self.column);
        self.normal.solve(&mut self.solved);
        let own = dot(unit, &turned) + last.length_squared(&[1.0]);
        // The true complement is positive; rounding must not turn it.
        self.corner = (own - dot(&self.column, &self.solved)).max(1e-14 * own);
        Ok(())
    }

    fn solve(&self, r: &mut [f64]) {
        let (t, x) = r.split_last_mut().expect("t is last");
        self.normal.solve(x);
        *t = (*t - dot(x, &self.column)) / self.corner;
        add(x, -*t, &self.solved);
    }
}

/// `M + h q qᵀ`.
struct RecessionNormal<'a, P, N> {
    program: &'a P,
    normal: &'a mut N,
    /// `M⁻¹ q` and `h / (1 + h qᵀM⁻¹q)`.
    solved: Vec<f64>,
    weight: f64,
}

impl<P: Program, N: NormalEquations> NormalEquations for RecessionNormal<'_, P, N> {
    fn factor(&mut self, at: &[f64], scaling: &[Scaling], regularization: f64) -> Result<(), NotPositiveDefinite> {
        let (last, inner) = scaling.split_last().expect("the row qᵀx ≥ −ρ is last");
        self.normal.factor(at, inner, regularization)?;
        let q = self.program.linear();
        self.solved = q.to_vec();
        self.normal.solve(&mut self.solved);
        let h = last.length_squared(&[1.0]);
        self.weight = h / (1.0 + h * dot(q, &self.solved).max(0.0));
        Ok(())
    }

    fn solve(&self, r: &mut [f64]) {
        self.normal.solve(r);
        let along = self.weight * dot(self.program.linear(), r);
        add(r, -along, &self.solved);
    }
}
