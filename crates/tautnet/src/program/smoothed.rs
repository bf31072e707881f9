//! (R) of rows that are gone through in passes: Newton's method on the smoothed worst case, with less smoothing from pass to pass.
//!
//! A variable for every unit in every row, as [`worst_case`](super::worst_case) has them, is too much of many rows. Here what belongs to a row
//! alone is smoothed away ([`Smooth`]), and nothing of a row is kept from pass to pass. With `F_ϱ` the smoothed worst case of all rows
//! at weights and reaches v, and h(v) what is priced (lengths, the bound) with what holds between weights and reaches:
//!
//! ```text
//! v' = argmin  F_ϱ(v) + ∇F_ϱ(v)·(v' − v) + ½ (v' − v)ᵀ∇²F_ϱ(v) (v' − v) + h(v')       one pass, and one small conic program
//! ```
//!
//! A second pass, which costs a tenth of the first, tells how much of the step is best. The tangent plane of the pass is nowhere above the
//! worst case itself, so
//!
//! ```text
//! min F + h  ≥  min over v' of  plane(v') + h(v')  ≥  (least value of the model) − 3/2 (v' − v)ᵀ∇²F_ϱ(v) (v' − v)
//! ```
//!
//! where the second inequality takes for granted that the optimum is no further from v' than v is; near the end both last terms vanish. The
//! gap that is told is that between the best point's true worst case and the best of these bounds.

use super::{
    build::{Held, Prices, training_layout},
    conditioning::Conditioning,
    gathered::factor,
    layout::{Layout, Worst},
    loss_term::{Gathered, Targets, symmetric_times},
    normal::StructuredNormal,
    reach::Reach,
    rows::Rows,
    training::{Parts, Terms, TrainingProgram},
};
use crate::error::Result;
use crate::loss::Form;
use crate::patterns::Patterns;
use crate::tolerance::Tolerance;
use crate::worst_case::Smooth;
use faer::{Mat, MatRef};
use tautnet_cone::{Iteration, Observer, Settings, Status, interior_point::interior_point, vector::dot};

/// The first smoothing, relative to a typical size of the worst residual.
const FIRST: f64 = 0.1;
/// The least.
const LEAST: f64 = 1e-10;
/// The smoothing becomes a quarter where a step would gain less than this share of what smoothing hides,
const NEXT: (f64, f64) = (0.3, 0.25);
/// and a tenth where it would gain much less.
const FAR: (f64, f64) = (0.02, 0.1);
/// A step gains at least this share of what its slope promises.
const GAIN: f64 = 0.1;
/// Steps that are tried together, as shares of the whole.
const SHARES: [f64; 9] = [1.0, 0.7, 0.5, 0.3, 0.15, 0.05, 0.015, 0.003, 0.0005];
/// A step of less than this share was made for kinks that are rounded off too little: the smoothing is doubled.
const SHORT: (f64, f64) = (0.1, 2.0);
/// What is added to the diagonal of the curvature, relative to its mean: directions along which nothing changes stay where they are.
const RIDGE: f64 = 1e-10;
/// The relative gap of the small programs.
const FINE: f64 = 1e-9;

/// What a program is made of.
pub(crate) struct Problem<'a> {
    pub smooth: &'a Smooth,
    /// The tolerance, where it is the same in every row.
    pub tolerance: Option<&'a Tolerance>,
    pub prices: &'a Prices,
    pub rows: u64,
    /// Where it starts, and what is priced there.
    pub start: (Vec<f64>, f64),
    /// A typical size of the worst residual.
    pub typical: f64,
}

/// What is asked of all rows.
pub(crate) struct Ask<'a> {
    pub points: &'a [Vec<f64>],
    pub smoothing: f64,
    /// Whether the tangent plane and the curvature at the first point are asked for.
    pub slope: bool,
}

/// Means over the rows.
pub(crate) struct Told {
    /// Of every point the worst case, and smoothed.
    pub losses: Vec<[f64; 2]>,
    pub plane: Option<Plane>,
}

/// The smoothed worst case around a point.
pub(crate) struct Plane {
    /// What the tangent plane has at 0.
    pub below: f64,
    pub slope: Vec<f64>,
    /// Lower triangle.
    pub curvature: Mat<f64>,
}

impl Told {
    /// From the sums that [`Smooth::add_points`] has of all rows.
    pub fn of(sums: &[f64], ask: &Ask<'_>, smooth: &Smooth) -> Result<Self> {
        let (size, count) = (smooth.at.size(), ask.points.len());
        if sums.len() != smooth.sums(count, ask.slope) {
            return Err(crate::shards::odd());
        }
        let mean = |at: usize| sums[at] / sums[0];
        let first = 1 + 2 * count;
        let plane = || Plane {
            below: mean(first),
            slope: (0..size).map(|j| mean(first + 1 + j)).collect(),
            curvature: Mat::from_fn(
                size,
                size,
                |a, b| {
                    if a >= b { mean(first + 1 + size + b * size + a) } else { 0.0 }
                },
            ),
        };
        Ok(Self {
            losses: (0..count).map(|which| [mean(1 + 2 * which), mean(2 + 2 * which)]).collect(),
            plane: ask.slope.then(plane),
        })
    }
}

/// Answers for all rows; `None` where it is time to stop.
pub(crate) type AllRows<'a> = dyn FnMut(&Ask<'_>) -> Result<Option<Told>> + 'a;

/// The best point.
pub(crate) struct Found {
    pub point: Vec<f64>,
    /// Its worst case and what is priced.
    pub objective: f64,
    /// ℓ, and π where the norm has it, of the program whose solution it is; none where a step was shortened.
    pub multipliers: Option<(Vec<f64>, Option<Vec<f64>>)>,
    pub status: Status,
    pub trace: Vec<Iteration>,
}

impl Found {
    /// Where it was time to stop before the first pass was through.
    pub fn nothing(problem: &Problem<'_>) -> Self {
        let (point, objective) = (problem.start.0.clone(), f64::INFINITY);
        Self { point, objective, multipliers: None, status: Status::Interrupted, trace: Vec::new() }
    }
}

/// Where the iteration stands.
struct Standing {
    point: Vec<f64>,
    priced: f64,
    /// The worst case.
    worst: f64,
    smoothed: f64,
    plane: Plane,
}

/// Solve it. `None` where not even the first pass came to its end.
pub(crate) fn solve(
    problem: &Problem<'_>,
    settings: &Settings,
    rows: &mut AllRows<'_>,
    observer: &mut Observer<'_>,
) -> Result<Option<Found>> {
    let (point, priced) = problem.start.clone();
    let mut smoothing = FIRST * problem.typical;
    let Some(mut at) = pass(point, priced, smoothing, rows)? else { return Ok(None) };
    let (mut low, mut trace) = (f64::NEG_INFINITY, Vec::new());
    let mut best = (at.point.clone(), at.worst + at.priced, None);
    let status = loop {
        let (step, solved) = Model::of(&at).solve(problem, &at);
        low = low.max(step.bound);
        let gap = settings.gap(best.1, low.min(best.1));
        let facts = Iteration { iteration: trace.len(), primal: best.1, dual: low, gap, ..Iteration::default() };
        trace.push(facts);
        let ends = observer(&facts).is_break();
        match () {
            () if gap <= settings.gap_relative => break Status::Solved,
            () if ends => break Status::Interrupted,
            () if facts.iteration >= settings.iterations => break Status::IterationLimit,
            () if !solved => break Status::NumericalTrouble,
            () => {}
        }
        // A point on the way, and what is priced of it, which is convex.
        let along = |share: f64| -> (Vec<f64>, f64) {
            let point = at.point.iter().zip(&step.to).map(|(from, to)| from + share * (to - from)).collect();
            (point, at.priced + share * (step.priced - at.priced))
        };
        let (points, priced): (Vec<_>, Vec<_>) = SHARES.into_iter().map(along).unzip();
        let Some(told) = rows(&Ask { points: &points, smoothing, slope: false })? else {
            break Status::Interrupted;
        };
        let (before, slack) = (at.smoothed + at.priced, 1e-13 * (at.smoothed + at.priced).abs());
        let mut kept: Option<(usize, f64)> = None;
        for (which, [worst, smoothed]) in told.losses.iter().enumerate() {
            if worst + priced[which] < best.1 {
                let multipliers = step.multipliers.clone().filter(|_| SHARES[which] == 1.0);
                best = (points[which].clone(), worst + priced[which], multipliers);
            }
            let value = smoothed + priced[which];
            let falls = value <= before - GAIN * SHARES[which] * step.promise + slack;
            if falls && kept.is_none_or(|(_, least)| value < least) {
                kept = Some((which, value));
            }
        }
        // What smoothing hides of the worst case.
        let hidden = at.worst - at.plane.below - dot(&at.plane.slope, &at.point);
        let next = match kept {
            // No step gains anything that numbers can tell.
            None if step.promise <= slack => smoothing * NEXT.1,
            None => break Status::NumericalTrouble,
            Some((which, _)) if SHARES[which] < SHORT.0 => smoothing * SHORT.1,
            Some((which, _)) if SHARES[which] < 1.0 => smoothing,
            _ if step.promise < FAR.0 * hidden => smoothing * FAR.1,
            _ if step.promise < NEXT.0 * hidden => smoothing * NEXT.1,
            _ => smoothing,
        };
        if next < LEAST * problem.typical {
            break Status::NumericalTrouble;
        }
        smoothing = next;
        let (point, priced) = match kept {
            Some((which, _)) => (points[which].clone(), priced[which]),
            None => (at.point, at.priced),
        };
        match pass(point, priced, smoothing, rows)? {
            Some(reached) => at = reached,
            None => break Status::Interrupted,
        }
    };
    let (point, objective, multipliers) = best;
    Ok(Some(Found { point, objective, multipliers, status, trace }))
}

/// Go through all rows at a point.
fn pass(point: Vec<f64>, priced: f64, smoothing: f64, rows: &mut AllRows<'_>) -> Result<Option<Standing>> {
    let points = [point];
    let Some(told) = rows(&Ask { points: &points, smoothing, slope: true })? else { return Ok(None) };
    let [point] = points;
    let (Some(plane), [[worst, smoothed]]) = (told.plane, &told.losses[..]) else { return Err(crate::shards::odd()) };
    Ok(Some(Standing { point, priced, worst: *worst, smoothed: *smoothed, plane }))
}

/// The quadratic model of the worst case at a point.
struct Model {
    /// ∇² with its ridge, lower triangle.
    curvature: Mat<f64>,
}

/// The step to the least value of the model.
struct Step {
    to: Vec<f64>,
    priced: f64,
    multipliers: Option<(Vec<f64>, Option<Vec<f64>>)>,
    /// What the slope promises of the whole step.
    promise: f64,
    /// No network has less.
    bound: f64,
}

impl Problem<'_> {
    /// The small program: a quadratic with what is priced, and what holds between weights and reaches.
    fn program(&self, model: &Gathered) -> TrainingProgram {
        let (at, prices) = (self.smooth.at, self.prices);
        let (d, m) = (at.inputs, at.units);
        let reach = Reach::elsewhere(&self.smooth.columns, self.tolerance);
        let sizes = reach.as_ref().map_or(0, |reach| reach.sizes(m));
        let layout = Layout {
            reach: at.reaches,
            worst: Worst { sizes, ..Worst::default() },
            ..training_layout(0, d, m, prices, Held::Nothing)
        };
        let signs = self.smooth.signs.clone();
        let active = Patterns::from_units(0, (0..m).map(|_| Vec::new()));
        let form = Form { quadratic: Some(1.0), above: None, below: None };
        let parts = Parts {
            rows: Some(Rows { x: Mat::zeros(0, d + 1), active, sign: signs.clone(), margins: None }),
            targets: Some(Targets { point: Vec::new(), y: Vec::new(), weight: Vec::new(), form }),
            gathered: Some(model.clone()),
            reach,
            ..Parts::priced(layout, signs, &Conditioning::none(d, 1.0), prices, factor(self.rows))
        };
        let program = TrainingProgram::new(parts);
        // There are no rows that could have cells.
        program.with(Terms { cells: None, ..program.terms.clone() })
    }

    /// What is priced of a point of that program.
    fn priced(&self, program: &TrainingProgram, x: &[f64]) -> f64 {
        let (layout, prices) = (&program.layout, self.prices);
        let lengths: f64 = program.weights(x).col_iter().map(|z| z.norm_l2()).sum();
        let bound = if layout.lmi { x[layout.bound()] } else { 0.0 };
        prices.decay * lengths + prices.lipschitz * if prices.squared { bound * bound } else { bound }
    }
}

impl Model {
    fn of(at: &Standing) -> Self {
        let mut curvature = at.plane.curvature.clone();
        let size = curvature.nrows();
        let mean = (0..size).map(|a| curvature[(a, a)]).sum::<f64>() / size as f64;
        (0..size).for_each(|a| curvature[(a, a)] += RIDGE * mean.max(f64::MIN_POSITIVE));
        Self { curvature }
    }

    fn times(&self, v: &[f64]) -> Vec<f64> {
        let v = MatRef::from_column_major_slice(v, v.len(), 1);
        symmetric_times(self.curvature.as_ref(), v).col_as_slice(0).to_vec()
    }

    /// The least value of the model, and whether it was found.
    fn solve(&self, problem: &Problem<'_>, at: &Standing) -> (Step, bool) {
        let (scale, plane) = (factor(problem.rows), &at.plane);
        let turned = self.times(&at.point);
        let mut hessian = self.curvature.clone();
        hessian.col_iter_mut().for_each(|column| column.iter_mut().for_each(|value| *value *= scale));
        let slope = plane.slope.iter().zip(&turned).map(|(slope, turned)| scale * (slope - turned)).collect();
        let offset = scale * (plane.below + 0.5 * dot(&at.point, &turned));
        let program = problem.program(&Gathered { hessian: hessian.into(), slope, offset });
        let settings = Settings { gap_relative: FINE, gap_absolute: FINE * 1e-3 * scale, ..Settings::default() };
        let settings = Settings { infeasibility: 0.0, ..settings };
        let outcome = interior_point(&program, &mut StructuredNormal::new(&program), &settings, None, &mut |_| {
            std::ops::ControlFlow::Continue(())
        });
        let (layout, x) = (&program.layout, &outcome.x);
        let own = problem.smooth.at.width() - problem.smooth.at.reaches + layout.reach;
        let mut to: Vec<f64> = (0..layout.m).flat_map(|i| x[layout.unit(i)..][..own].iter().copied()).collect();
        to.extend(layout.linear_part().into_iter().flatten().map(|at| x[at]));
        to.push(layout.output_bias().map_or(0.0, |c| x[c]));
        let moved: Vec<f64> = to.iter().zip(&at.point).map(|(to, from)| to - from).collect();
        let priced = problem.priced(&program, x);
        let along = dot(&moved, &self.times(&moved)).max(0.0);
        let ell = layout.ell().map(|l| (0..layout.m).map(|i| x[layout.unit(i) + l]).collect::<Vec<f64>>());
        let p = (layout.p_len() > 0).then(|| x[layout.p()..][..layout.p_len()].to_vec());
        let solved = matches!(outcome.status, Status::Solved | Status::NumericalTrouble) && outcome.last.gap < 1e-4;
        let bound = if solved { outcome.last.dual / scale - 1.5 * along } else { f64::NEG_INFINITY };
        let step = Step {
            promise: -dot(&plane.slope, &moved) - (priced - at.priced),
            multipliers: ell.map(|ell| (ell, p)),
            to,
            priced,
            bound,
        };
        (step, solved && moved.iter().all(|moved| moved.is_finite()))
    }
}
