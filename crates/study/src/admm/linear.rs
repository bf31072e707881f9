//! The linear system of the first step.
//!
//! ```text
//! minimize over z̄, c    β_f/2 Σ_k ω_k (f_k − goal_k)² + β/2 Σ_i (z̄_i − z̄°_i)·metric (z̄_i − z̄°_i)
//!                       f = c + Σ_i s_i D_i X̄ z̄_i,    metric = I + (β_e/β) X̄ᵀX̄
//! ```
//!
//! The loss sees of the groups with pattern p their signed sum `sum_p = Σ_i s_i z̄_i` only, and every group has the same metric: with count_p
//! groups in pattern p the least cost of a sum is `β/2count_p (sum_p − start_p)·metric (sum_p − start_p)`, start being that of z̄°, by `z̄_i = z̄°_i + s_i (sum_p − start_p)/count_p`. So
//! the system is in the sums, half as long where every pattern has both signs, and no sign is in its matrix. With
//! Φ_P = [D_1 X̄, …, D_P X̄] for the P patterns, and diag(·) over these, it is
//!
//! ```text
//! weights    (β diag(metric/count_p) + β_f Φ_Pᵀ(Ω − ωωᵀ)Φ_P) sum = β diag(metric/count_p) start + β_f Φ_PᵀΩ (goal − ω·goal)      P (d+1) columns
//! rows       sum = start + diag(count_p metric⁻¹) Φ_Pᵀ pull / β,                                                                n columns
//!            (I + β_f/β √Ω both √Ω) (β_f Ω)^{−½} pull = (β_f Ω)^½ (goal − Φ_P start − c),     Σ_k pull_k = 0
//!            both_kl = x̄_k·metric⁻¹ x̄_l Σ_p count_p D_pk D_pl
//! ```
//!
//! (Ω = diag ω; without ωωᵀ, ω·goal and c where the output bias is held). Either is factored once for every β; where both are large the first is solved by
//! conjugate gradients, preconditioned by diag(count_p metric⁻¹)/β and begun at the last sums.

use super::groups::Program;
use super::products::{Factor, dot, length, product};
use super::settings::LinearSolver;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use tautnet::{Error, Stop, error::Result};

/// The most columns of a matrix that is factored where nothing is said.
const LARGEST: usize = 4000;
/// Rows that are taken into the matrix of the weights at a time.
const BLOCK: usize = 256;
/// Conjugate gradients end when the residual is this part of that of the last sums, and after so many steps.
const ACCURATE: f64 = 1e-2;
const STEPS: usize = 200;

/// The system for one penalty.
pub(super) struct Linear {
    /// β_f.
    pub stiffness: f64,
    /// β.
    pub penalty: f64,
    pub inverse: Mat<f64>,
    metric: Mat<f64>,
    /// What is factored without its part in β: β_f Φ_Pᵀ(Ω − ωωᵀ)Φ_P or β_f √Ω both √Ω.
    kind: Kind,
    matrix: Mat<f64>,
    factor: Option<Factor>,
    /// √(β_f ω), and what the row factor makes of it.
    root: Vec<f64>,
    constant: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Weights,
    Rows,
    Gradients,
}

impl Linear {
    /// The system without a penalty yet.
    pub fn new(program: &Program, stiffness: f64, cones: f64, asked: LinearSolver) -> Result<Self> {
        let (n, e) = (program.n(), program.e());
        let weights = program.count.len() * e;
        let kind = match asked {
            LinearSolver::WeightFactor => Kind::Weights,
            LinearSolver::RowFactor => Kind::Rows,
            LinearSolver::ConjugateGradients => Kind::Gradients,
            LinearSolver::Automatic if n.min(weights) > LARGEST => Kind::Gradients,
            LinearSolver::Automatic if weights <= n => Kind::Weights,
            LinearSolver::Automatic => Kind::Rows,
        };
        let mut metric = Mat::<f64>::identity(e, e);
        matmul(&mut metric, Accum::Add, program.x.transpose(), &program.x, cones, Par::Seq);
        let factor = Factor::of(metric.clone()).ok_or_else(singular)?;
        let mut columns: Vec<f64> = (0..e * e).map(|i| if i % (e + 1) == 0 { 1.0 } else { 0.0 }).collect();
        factor.solve(&mut columns);
        let inverse = Mat::from_fn(e, e, |a, b| columns[b * e + a]);
        let root = program.omega.iter().map(|omega| (stiffness * omega).sqrt()).collect();
        let mut linear = Self {
            stiffness,
            penalty: 0.0,
            inverse,
            metric,
            kind,
            matrix: Mat::new(),
            factor: None,
            root,
            constant: Vec::new(),
        };
        match kind {
            Kind::Weights => linear.matrix = linear.of_weights(program),
            Kind::Rows => linear.matrix = linear.of_rows(program),
            Kind::Gradients => {}
        }
        Ok(linear)
    }

    /// β_f Φ_Pᵀ(Ω − ωωᵀ)Φ_P.
    fn of_weights(&self, program: &Program) -> Mat<f64> {
        let (n, e, patterns) = (program.n(), program.e(), program.count.len());
        let stop = Stop::here();
        let mut gram = Mat::zeros(patterns * e, patterns * e);
        let shift = program.free_bias.then(|| program.pattern_adjoint(&program.omega));
        for first in (0..n).step_by(BLOCK).take_while(|_| !stop.asked()) {
            let rows = first..(first + BLOCK).min(n);
            let block = Mat::from_fn(rows.len(), patterns * e, |r, a| {
                let k = rows.start + r;
                let own = if program.on(a / e)[k] { program.x[(k, a % e)] } else { 0.0 };
                self.root[k] * (own - shift.as_ref().map_or(0.0, |mean| mean[a]))
            });
            matmul(&mut gram, Accum::Add, block.transpose(), &block, 1.0, Par::Seq);
        }
        gram
    }

    /// β_f √Ω both √Ω.
    fn of_rows(&self, program: &Program) -> Mat<f64> {
        let n = program.n();
        let solved = &program.x * &self.inverse;
        let (mut matrix, mut both) = (Mat::zeros(n, n), Mat::zeros(n, n));
        matmul(&mut matrix, Accum::Replace, &solved, program.x.transpose(), 1.0, Par::Seq);
        let on = Mat::from_fn(n, program.count.len(), |k, p| {
            if program.on(p)[k] { self.root[k] * program.count[p].sqrt() } else { 0.0 }
        });
        matmul(&mut both, Accum::Replace, &on, on.transpose(), 1.0, Par::Seq);
        matrix
            .col_iter_mut()
            .zip(both.col_iter())
            .for_each(|(to, from)| to.iter_mut().zip(from.iter()).for_each(|(to, from)| *to *= from));
        matrix
    }

    /// Take another penalty. The factor cannot ask whether it is time to stop: nothing comes back where it was.
    pub fn set_penalty(&mut self, program: &Program, penalty: f64) -> Result<Option<()>> {
        self.penalty = penalty;
        if self.kind == Kind::Gradients {
            return Ok(Some(()));
        }
        let mut matrix = self.matrix.clone();
        match self.kind {
            Kind::Rows => {
                matrix *= faer::Scale(1.0 / penalty);
                (0..matrix.nrows()).for_each(|k| matrix[(k, k)] += 1.0);
            }
            _ => {
                let e = program.e();
                for (p, count) in program.count.iter().enumerate() {
                    for b in 0..e {
                        (0..e).for_each(|a| matrix[(p * e + a, p * e + b)] += penalty * self.metric[(a, b)] / count);
                    }
                }
            }
        }
        let Some(factor) = Stop::here().unless(move || Factor::of(matrix)) else { return Ok(None) };
        let factor = factor.ok_or_else(singular)?;
        if self.kind == Kind::Rows && program.free_bias {
            self.constant = self.root.clone();
            factor.solve(&mut self.constant);
        }
        self.factor = Some(factor);
        Ok(Some(()))
    }

    /// The sums, from `start`, the goal of the rows, and the last sums, from which conjugate gradients go on.
    pub fn solve(&self, program: &Program, start: &[f64], goal: &[f64], last: &[f64]) -> Vec<f64> {
        if self.kind == Kind::Rows {
            let fit = program.pattern_outputs(start);
            let mut delta: Vec<f64> = (0..goal.len()).map(|k| self.root[k] * (goal[k] - fit[k])).collect();
            let factor = self.factor.as_ref().expect("there is a penalty");
            factor.solve(&mut delta);
            if program.free_bias {
                let bias = dot(&self.root, &delta) / dot(&self.root, &self.constant);
                delta.iter_mut().zip(&self.constant).for_each(|(delta, constant)| *delta -= bias * constant);
            }
            delta.iter_mut().zip(&self.root).for_each(|(delta, root)| *delta *= root);
            let step = self.eased(program, &program.pattern_adjoint(&delta));
            return start.iter().zip(step).map(|(start, step)| start + step).collect();
        }
        let mean = program.mean(goal.iter().copied());
        let pull: Vec<f64> = (0..goal.len()).map(|k| self.root[k].powi(2) * (goal[k] - mean)).collect();
        let side: Vec<f64> =
            self.stiff(program, start).iter().zip(program.pattern_adjoint(&pull)).map(|(a, b)| a + b).collect();
        match &self.factor {
            Some(factor) => {
                let mut q = side;
                factor.solve(&mut q);
                q
            }
            None => self.gradients(program, &side, last),
        }
    }

    /// β diag(metric/count_p) sums.
    fn stiff(&self, program: &Program, q: &[f64]) -> Vec<f64> {
        self.scaled(program, product(self.metric.as_ref(), q), |count| self.penalty / count)
    }

    /// diag(count_p metric⁻¹) sums / β.
    fn eased(&self, program: &Program, q: &[f64]) -> Vec<f64> {
        self.scaled(program, product(self.inverse.as_ref(), q), |count| count / self.penalty)
    }

    fn scaled(&self, program: &Program, mut q: Vec<f64>, factor: impl Fn(f64) -> f64) -> Vec<f64> {
        for (q, &count) in q.chunks_mut(program.e()).zip(&program.count) {
            q.iter_mut().for_each(|q| *q *= factor(count));
        }
        q
    }

    /// Preconditioned conjugate gradients.
    fn gradients(&self, program: &Program, side: &[f64], last: &[f64]) -> Vec<f64> {
        let apply = |q: &[f64]| -> Vec<f64> {
            let mut fit = program.pattern_outputs(q);
            let mean = program.mean(fit.iter().copied());
            fit.iter_mut().zip(&self.root).for_each(|(f, root)| *f = root * root * (*f - mean));
            program.pattern_adjoint(&fit).iter().zip(self.stiff(program, q)).map(|(a, b)| a + b).collect()
        };
        let stop = Stop::here();
        let mut q = last.to_vec();
        let mut residual: Vec<f64> = side.iter().zip(apply(&q)).map(|(side, own)| side - own).collect();
        let mut eased = self.eased(program, &residual);
        let (mut along, mut size) = (eased.clone(), dot(&residual, &eased));
        let enough = ACCURATE * length(&residual);
        for _ in 0..STEPS {
            if length(&residual) <= enough || stop.asked() {
                break;
            }
            let image = apply(&along);
            let step = size / dot(&along, &image);
            q.iter_mut().zip(&along).for_each(|(q, along)| *q += step * along);
            residual.iter_mut().zip(&image).for_each(|(residual, image)| *residual -= step * image);
            eased = self.eased(program, &residual);
            let next = dot(&residual, &eased);
            along.iter_mut().zip(&eased).for_each(|(along, eased)| *along = eased + next / size * *along);
            size = next;
        }
        q
    }
}

fn singular() -> Error {
    Error::new(
        "the linear system of the method is singular in floating point",
        "standardize the columns, or give a larger `penalty`",
    )
}
