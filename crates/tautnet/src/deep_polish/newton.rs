//! The least objective of the program of one layer: Newton's method, its linear systems by conjugate gradients, on a path along which the barrier fades.
//!
//! Stage by stage the objective is smooth up to a gap t, which bounds both what the barrier costs (μ = t over its parameter) and what corners are rounded off by.
//! s is eliminated from every linear system, and what is left is scaled by a matrix that is a product of one over the units and one over the inputs: the second
//! moments of what the layer is given, and the mean of JᵀJ.

use super::ball::inner;
use super::program::{Evaluated, Point, Program, Smoothing, add};
use crate::dense;
use faer::Mat;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// The gap at the first stage, relative to the objective, and how fast it falls.
const FIRST: f64 = 0.03;
const FASTER: f64 = 0.15;
/// Newton steps of one stage, and products of one linear system.
const STEPS: usize = 40;
const PRODUCTS: usize = 120;
/// The share of the scaling that every linear system has added to it. Where steps fail it grows, and it falls again while they do not.
const RIDGE: f64 = 1e-6;

/// What is found.
pub(super) struct Found {
    /// The last point.
    pub point: Point,
    /// Products with the matrix of second derivatives that it took.
    pub products: usize,
    /// Whether the program was solved to its gap.
    pub solved: bool,
}

/// The scaling: `M(D) = S_out D S_in`, by Cholesky factors.
struct Scaling {
    out: Mat<f64>,
    inward: Mat<f64>,
    factors: (Mat<f64>, Mat<f64>),
}

fn damped(s: &Mat<f64>, amount: f64) -> Mat<f64> {
    Mat::from_fn(s.nrows(), s.ncols(), |i, j| s[(i, j)] + if i == j { amount } else { 0.0 })
}

fn mean_of_diagonal(s: &Mat<f64>) -> f64 {
    (0..s.nrows()).map(|i| s[(i, i)]).sum::<f64>() / s.nrows() as f64
}

impl Scaling {
    fn new(program: &Program<'_>, curvature: f64, here: &Evaluated, smoothing: Smoothing) -> Option<Self> {
        let mut of_slopes = program.held.mean_of_slopes(1000);
        of_slopes *= faer::Scale(curvature);
        let of_slopes = damped(&of_slopes, program.damping);
        let bent = here.barrier.as_ref().map_or(0.0, |barrier| {
            let own = program.layer.ball.curvature(barrier);
            smoothing.barrier * own
        });
        let (a, b) = (mean_of_diagonal(&of_slopes).max(1e-300), mean_of_diagonal(program.moments).max(1e-300));
        // The barrier shared between both: the product of the two amounts is how much it bends.
        let share = (bent / (a * b)).sqrt().max(1e-5);
        let (out, inward) = (damped(&of_slopes, share * a), damped(program.moments, share * b));
        let mut factors = (out.clone(), inward.clone());
        (dense::cholesky(&mut factors.0) && dense::cholesky(&mut factors.1)).then_some(Self { out, inward, factors })
    }

    fn product(&self, d: &Mat<f64>) -> Mat<f64> {
        let left = dense::multiply(self.out.as_ref(), d.as_ref());
        dense::multiply(left.as_ref(), self.inward.as_ref())
    }

    fn solve(&self, g: &Mat<f64>) -> Mat<f64> {
        let mut x = g.to_owned();
        dense::solve_lower(self.factors.0.as_ref(), x.as_mut());
        dense::solve_lower_transposed(self.factors.0.as_ref(), x.as_mut());
        let mut x = x.transpose().to_owned();
        dense::solve_lower(self.factors.1.as_ref(), x.as_mut());
        dense::solve_lower_transposed(self.factors.1.as_ref(), x.as_mut());
        x.transpose().to_owned()
    }
}

/// A Newton step: the change of W̃ and of s, and twice how much less the quadratic model is there.
struct Step {
    change: Mat<f64>,
    of_size: f64,
    decrement: f64,
    products: usize,
    /// Whether the linear system was solved.
    exact: bool,
}

/// Conjugate gradients on the system from which s is eliminated.
fn step(
    program: &Program<'_>,
    at: (&Point, &Evaluated),
    smoothing: Smoothing,
    (scaling, ridge): (&Scaling, f64),
    (most, enough): (usize, f64),
    stop: &Stop,
) -> Option<Step> {
    let here = at.1;
    let (units, columns) = (here.slopes.nrows(), here.slopes.ncols());
    let mut products = 0;
    // What a change of s does: the coupling, and the curvature in s alone.
    let size = program.has_size().then(|| {
        products += 1;
        program.product(at, &Mat::zeros(units, columns), 1.0, smoothing)
    });
    let size = size.filter(|(_, curvature)| *curvature > 0.0);
    let mut right = here.slopes.to_owned();
    if let Some((coupling, curvature)) = &size {
        add(&mut right, -here.of_size / curvature, coupling);
    }
    let multiply = |d: &Mat<f64>| {
        let (mut out, _) = program.product(at, d, 0.0, smoothing);
        if let Some((coupling, curvature)) = &size {
            add(&mut out, -inner(coupling, d) / curvature, coupling);
        }
        add(&mut out, ridge, &scaling.product(d));
        out
    };
    let mut x = Mat::zeros(units, columns);
    let mut rest = &right * faer::Scale(-1.0);
    let mut z = scaling.solve(&rest);
    let mut direction = z.clone();
    let mut along = inner(&rest, &z);
    let first = along;
    while products < most.min(PRODUCTS) && along > enough * enough * first && along > 0.0 && !stop.asked() {
        let bent = multiply(&direction);
        products += 1;
        let curvature = inner(&direction, &bent);
        if curvature.is_nan() || curvature <= 0.0 {
            break;
        }
        let length = along / curvature;
        add(&mut x, length, &direction);
        add(&mut rest, -length, &bent);
        z = scaling.solve(&rest);
        let next = inner(&rest, &z);
        let share = next / along;
        direction = Mat::from_fn(units, columns, |i, k| z[(i, k)] + share * direction[(i, k)]);
        along = next;
    }
    let of_size = size.as_ref().map_or(0.0, |(coupling, curvature)| -(here.of_size + inner(coupling, &x)) / curvature);
    let decrement = -inner(&here.slopes, &x) - here.of_size * of_size;
    let exact = along <= enough * enough * first;
    decrement.is_finite().then_some(Step { change: x, of_size, decrement, products, exact })
}

/// Solve it from a point inside. The observer is asked before every step; at each point it may look at the weights.
pub(super) fn solve(
    program: &Program<'_>,
    mut point: Point,
    (tolerance, most): (f64, usize),
    look: &mut dyn FnMut(&Point) -> ControlFlow<()>,
) -> Option<Found> {
    let stop = Stop::here();
    let smooth = !program.has_size() && program.layer.spread.is_none() && !program.rows.target.has_corners();
    let parameter =
        program.layer.ball.parameter(&program.plain(&point.w)) + f64::from(u8::from(program.most.is_some()));
    let scale = {
        let start = program.at(&point, Smoothing { barrier: 0.0, soft: 1e-3, corner: 1e-12 })?;
        start.value.abs().max(1e-12)
    };
    let smoothing_of = |gap: f64, point: &Point| Smoothing {
        barrier: gap / parameter,
        soft: gap,
        corner: 0.3 * gap / scale * point.size.max(1e-12) / program.inputs as f64,
    };
    let last = tolerance * scale;
    let mut gap = if smooth { last } else { FIRST * scale };
    let (mut products, mut over) = (0, false);
    let solved = loop {
        let smoothing = smoothing_of(gap, &point);
        let mut here = program.at(&point, smoothing)?;
        let bends = program.curvature(&here, smoothing).max(1e-6);
        let scaling = Scaling::new(program, bends, &here, smoothing)?;
        let mut ridge = RIDGE;
        let enough = if gap <= last { 0.01 } else { 0.1 };
        let mut solved = false;
        for _ in 0..STEPS {
            over = over || stop.asked() || products >= most || look(&point).is_break();
            if over {
                break;
            }
            let Some(step) =
                step(program, (&point, &here), smoothing, (&scaling, ridge), (most - products, enough), &stop)
            else {
                break;
            };
            products += step.products;
            // A step that a larger ridge holds back may be short far from the optimum.
            solved = ridge <= RIDGE && step.exact && (0.0..=0.1 * gap).contains(&step.decrement);
            let mut length = 1.0;
            let mut moved = None;
            for _ in 0..40 {
                let next = Point {
                    w: Mat::from_fn(point.w.nrows(), point.w.ncols(), |i, k| {
                        point.w[(i, k)] + length * step.change[(i, k)]
                    }),
                    size: point.size + length * step.of_size,
                };
                match program.at(&next, smoothing) {
                    Some(there) if there.value <= here.value - 0.1 * length * step.decrement => {
                        moved = Some((next, there, length));
                        break;
                    }
                    _ => length *= 0.5,
                }
                if stop.asked() {
                    break;
                }
            }
            let Some((next, there, length)) = moved else {
                if solved || ridge > 1.0 {
                    break;
                }
                ridge *= 100.0;
                continue;
            };
            (point, here) = (next, there);
            if length < 0.1 {
                ridge = (ridge * 10.0).min(1.0);
            } else if length == 1.0 {
                ridge = (0.1 * ridge).max(RIDGE);
            }
            if solved {
                break;
            }
        }
        if over || gap <= last {
            break solved;
        }
        gap = (gap * FASTER).max(last);
    };
    Some(Found { point, products, solved: solved && !over })
}
