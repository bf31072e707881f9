//! A second attempt at a program on which the first ended before its tolerance, and what stood in the way.
//!
//! The first attempt starts from the given network and takes what refinement gives. On degenerate programs that can fail in
//! two ways. A network that is far too small or too large for the targets starts far from the central path, with a
//! complementarity of 1e-20 or 1e+20, and jams. And where units vanish at the optimum, some eigenvalues of the normal
//! matrix come as close to 0 as its regularization, so that plain refinement creeps or diverges. So, a second time:
//!
//! 1. The start has units of ordinary size. A unit's cell is a cone, so any positive multiple of it has the same pattern; all
//!    are given the length at which together they are as large as the targets. ℓ and the first complementarity get a floor.
//! 2. Directions are refined by conjugate gradients ([`Settings::careful`]), on the dense route.
//! 3. If that does not help, the start of least squares, which knows nothing of the network.
//!
//! Whatever is found is used only where it is solved or far closer to it: a program that the first attempt solves is never
//! touched.

use super::{
    cells::Cells,
    normal::{Route, StructuredNormal},
    start::{Given, starting_point},
    training::TrainingProgram,
    working_set::MANY,
};
use faer::Mat;
use tautnet_cone::{
    Cone, Dense, Iteration, Observer, Outcome, Settings, Start, Status, Stop, dense::DenseNormal,
    interior_point::interior_point,
};

/// Unknowns without separators up to which a second attempt is made: it takes seconds there, where the user waits anyway.
const SMALL: usize = 1500;
/// The floor of the second start, in the program's coordinates, where targets and columns are of order one.
const FLOOR: f64 = 1e-2;
/// How much closer to solved an unsolved second attempt must be to be preferred.
const CLOSER: f64 = 1e-2;
/// The iterations over which the first attempt must have halved its distance to be called on its way.
const RECENT: usize = 10;

/// Whether a second attempt has anything to change: not where the first was on its way when its iterations were up.
pub(super) fn helps(program: &TrainingProgram, outcome: &Outcome) -> bool {
    let layout = &program.layout;
    let small = layout.weights && layout.n <= MANY && layout.reduced() <= SMALL;
    let jammed = match outcome.status {
        Status::NumericalTrouble => true,
        Status::IterationLimit => is_jammed(&outcome.trace),
        _ => false,
    };
    small && jammed && !Stop::here().asked()
}

fn is_jammed(trace: &[Iteration]) -> bool {
    let distance = |facts: &Iteration| facts.gap.max(facts.primal_residual).max(facts.dual_residual);
    let Some(before) = trace.len().checked_sub(RECENT + 1) else { return false };
    // Also where either is NaN.
    !trace.last().is_some_and(|last| distance(last) <= 0.5 * distance(&trace[before]))
}

/// Try again; the better outcome with the iterations of all attempts.
pub(super) fn solve_again(
    program: &mut TrainingProgram,
    given: &Given,
    settings: &Settings,
    first: Outcome,
    observer: &mut Observer<'_>,
) -> Outcome {
    program.store_hessian();
    let careful = Settings { careful: true, ..settings.clone() };
    let mut best = first;
    let mut stopped = false;
    // A worst case never starts from the given network.
    let starts: &[bool] = if program.terms.worst.is_some() { &[false] } else { &[true, false] };
    for &from_given in starts {
        let start = if from_given { ordinary(program, given) } else { None };
        let before = best.trace.len();
        let mut normal = StructuredNormal::new(program);
        normal.route = Route::Dense;
        let again = interior_point(&*program, &mut normal, &careful, start, &mut |facts| {
            let verdict = observer(&Iteration { iteration: before + facts.iteration, ..*facts });
            stopped |= verdict.is_break();
            verdict
        });
        best = better(best, again, settings);
        if stopped || Stop::here().asked() || best.status == Status::Solved {
            break;
        }
    }
    best
}

/// The given network's units at the length where, together, they are as large as the targets.
fn ordinary(program: &TrainingProgram, given: &Given) -> Option<Start> {
    let linear = vec![0.0; given.linear.len()];
    let given = &given.z;
    let (e, m) = (given.nrows(), given.ncols());
    let z = Mat::from_fn(e, m, |a, i| {
        // The largest entry first: the square of a tiny or huge one is 0 or infinite.
        let largest = (0..e).fold(0.0f64, |largest, b| largest.max(given[(b, i)].abs()));
        if !largest.is_normal() {
            return 0.0;
        }
        let length = (0..e).map(|b| (given[(b, i)] / largest).powi(2)).sum::<f64>().sqrt();
        given[(a, i)] / largest / length / m as f64
    });
    starting_point(program, &Given { z, linear }, FLOOR)
}

/// The second where it is solved or far closer to it; with the trace of both.
fn better(first: Outcome, second: Outcome, settings: &Settings) -> Outcome {
    let before = first.trace.len();
    let mut trace = first.trace.clone();
    trace.extend(second.trace.iter().map(|facts| Iteration { iteration: before + facts.iteration, ..*facts }));
    let distance = |outcome: &Outcome| settings.merit(&outcome.last);
    let closer = second.status == Status::Solved
        || distance(&second) <= CLOSER * distance(&first)
        || distance(&first).is_nan() && !distance(&second).is_nan();
    // An interruption is told, whichever point is kept.
    let interrupted = second.status == Status::Interrupted;
    let mut best = if closer { second } else { first };
    if interrupted {
        best.status = Status::Interrupted;
    }
    Outcome { trace, ..best }
}

/// What keeps a program from being solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The cells of so many units have no interior.
    NoInterior(usize),
    /// The numbers of the program lie so many powers of ten apart.
    FarApart(u32),
    /// Nothing that can be named.
    Unknown,
}

/// Powers of ten between the program's numbers from which on they are named as the reason.
const APART: u32 = 8;
/// Products of rows and units up to which interiors are looked for.
const ROOM: usize = 20_000;

pub(super) fn obstacle(program: &TrainingProgram, given: &Given) -> Obstacle {
    let given = &given.z;
    let layout = &program.layout;
    if Stop::here().asked() {
        return Obstacle::Unknown;
    }
    if (1..=ROOM).contains(&program.terms.cells.as_ref().map_or(0, |cells| cells.range().len())) {
        let without = (0..layout.m).filter(|&i| !has_interior(program, i)).count();
        if without > 0 {
            return Obstacle::NoInterior(without);
        }
    }
    let length = |i: usize| (0..given.nrows()).fold(0.0f64, |largest, a| largest.max(given[(a, i)].abs()));
    // Targets and columns are of order one.
    let mut sizes = vec![1.0];
    sizes.extend((0..given.ncols()).map(length));
    sizes.extend(program.prices());
    let (mut low, mut high) = (f64::INFINITY, 0.0f64);
    for size in sizes.into_iter().filter(|size| *size > 0.0) {
        (low, high) = (low.min(size), high.max(size));
    }
    let decades = (high.log10() - low.log10()).abs().min(1e4) as u32;
    if decades >= APART { Obstacle::FarApart(decades) } else { Obstacle::Unknown }
}

/// Whether some weights are off every boundary of the unit's cell: `max t` over `σ_k x̄_k·z ≥ t ‖x̄_k‖`, `‖z‖ ≤ 1`.
fn has_interior(program: &TrainingProgram, unit: usize) -> bool {
    let Some(Cells { rows, .. }) = &program.terms.cells else { return true };
    let (n, e) = (rows.n(), rows.e());
    let on = rows.active.unit(unit);
    let length = |k: usize| (0..e).map(|a| rows.x[(k, a)].powi(2)).sum::<f64>().sqrt();
    // Rows: the cell, then (1, z) in the second-order cone. Columns: z, t.
    let a = Mat::from_fn(n + e + 1, e + 1, |k, j| match (k < n, j < e) {
        (true, true) => (if on[k] { 1.0 } else { -1.0 }) * rows.x[(k, j)] / length(k),
        (true, false) => -1.0,
        (false, true) => f64::from(k == n + 1 + j),
        (false, false) => 0.0,
    });
    let mut b = vec![0.0; n + e + 1];
    b[n] = 1.0;
    let mut q = vec![0.0; e + 1];
    q[e] = -1.0;
    let cones = vec![Cone::Nonnegative(n), Cone::SecondOrder(e + 1)];
    let dense = Dense { p: Mat::zeros(e + 1, e + 1), q, a, b, offset: 0.0, cones };
    let settings = Settings { infeasibility: 0.0, ..Settings::default() };
    let mut go_on = |_: &Iteration| std::ops::ControlFlow::Continue(());
    let found = interior_point(&dense, &mut DenseNormal::new(&dense), &settings, None, &mut go_on);
    // Rounding of pre-activations is some 1e-16; what was polished once lies within 1e-9 of its boundaries.
    found.status != Status::Solved || found.x[e] > 1e-8
}

impl TrainingProgram {
    /// The prices and the limit in the program's coordinates.
    fn prices(&self) -> Vec<f64> {
        let mut prices: Vec<f64> = self.terms.lengths.iter().map(|lengths| lengths.price).collect();
        if let Some(bound) = &self.terms.bound {
            prices.extend([bound.linear, bound.square]);
            prices.extend(bound.limit);
        }
        prices.iter().map(|price| price.abs()).collect()
    }
}
