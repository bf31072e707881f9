//! The program (J) of rows that are not in memory: what they come to, and the few rows whose cells decide.
//!
//! The squared error of all networks with the given patterns is a quadratic, which one pass over the rows gathers. Of the cells a
//! *working set* is held: rows close to the units' boundaries to begin with; a pass over all rows then tells which are on the wrong side of
//! the solution, and these join, until there are none. Each program in between is a relaxation of the whole, as in
//! [`working_set`](super::working_set).

use super::{
    build::{Built, Conditioning, Held, Prices, Solution, affordable_at, training_layout},
    layout::Layout,
    loss_term::{Gathered, Targets},
    normal::StructuredNormal,
    rows::Rows,
    start::{Given, starting_point},
    training::{Parts, TrainingProgram},
    working_set::TOLERANCE,
};
use crate::{error::Result, loss::Form, patterns::Patterns, shards::Packed, unit::Unit};
use faer::Mat;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tautnet_cone::{Iteration, Observer, Outcome, Settings, Status, interior_point::interior_point};

/// The objective is multiplied by the number of rows, but by no more: a sum of squares is in balance with the cells of the working set.
const MOST: f64 = 1e6;

/// What the objective is multiplied by.
pub(crate) fn factor(rows: u64) -> f64 {
    (rows as f64).min(MOST)
}

/// Rows that came back, by their numbers: their inputs in standardized units.
pub(crate) type Members = BTreeMap<u64, Vec<f64>>;

/// What a program is made of.
pub(crate) struct Problem<'a> {
    /// The units that are on somewhere.
    pub units: &'a [Unit],
    /// The linear part that it starts from.
    pub linear: Option<&'a [f64]>,
    pub prices: &'a Prices,
    /// The sums of [`Asked::Normal`](crate::shards::Asked::Normal) of all units that were asked for, and which of them these are.
    pub sums: (&'a [f64], Packed, &'a [usize]),
    /// How many rows there are.
    pub rows: u64,
    /// The rows whose cells are held to begin with.
    pub members: Members,
}

/// Of each unit the sum of all |x̄·z̄|, and the rows on the wrong side: the unit's sum there, the row's number and its inputs.
pub(crate) struct Sides {
    pub sizes: Vec<f64>,
    pub wrong: Vec<Vec<(f64, u64, Vec<f64>)>>,
}

/// Tells of the rows on the wrong side of other units, z̄ of which are given, and hears what network they are of; `None` where it is time to
/// stop.
pub(crate) type Look<'a> = dyn FnMut(&Mat<f64>, &Solution) -> Result<Option<Sides>> + 'a;

/// Solve it.
pub(crate) fn solve(
    problem: Problem<'_>,
    settings: &Settings,
    look: &mut Look<'_>,
    observer: &mut Observer<'_>,
) -> Result<(Built, Outcome)> {
    let (d, m) = (problem.sums.1.e - 1, problem.units.len());
    affordable_at((problem.rows as usize, d), m, problem.prices, Held::Nothing)?;
    let factor = factor(problem.rows);
    let conditioning = Conditioning::none(d, 1.0);
    let quadratic = problem.quadratic(factor);
    let (mut members, mut start) = (problem.members.clone(), conditioning.given(problem.units, problem.linear));
    let mut trace: Vec<Iteration> = Vec::new();
    let scaled = Settings { gap_absolute: settings.gap_absolute * factor, infeasibility: 0.0, ..settings.clone() };
    loop {
        let program = problem.program(&members, &quadratic, &conditioning, factor);
        let built = Built::gathered(program, conditioning.clone(), factor, start.clone());
        let program = &built.program;
        let (before, mut stopped) = (trace.len(), false);
        let mut outcome = interior_point(
            program,
            &mut StructuredNormal::new(program),
            &scaled,
            starting_point(program, &start, 0.0),
            &mut |facts| {
                // The iterations of all rounds are one sequence to whoever watches.
                let verdict = observer(&Iteration { iteration: before + facts.iteration, ..*facts });
                stopped |= verdict == ControlFlow::Break(());
                verdict
            },
        );
        trace.extend(outcome.trace.iter().map(|facts| Iteration { iteration: before + facts.iteration, ..*facts }));
        let found = program.weights(&outcome.x).to_owned();
        let solved = outcome.status == Status::Solved;
        // What did not come to its tolerance has a loss, too.
        let sides = if stopped { None } else { look(&found, &built.solution(&outcome.x))? };
        let joining = sides.filter(|_| solved).map(|sides| joining(sides, problem.rows, &members));
        let done = joining.as_ref().is_some_and(Vec::is_empty);
        let linear = program.layout.linear_part().map_or_else(|| start.linear.clone(), |at| outcome.x[at].to_vec());
        let Some(joining) = joining.filter(|_| !done) else {
            if !done {
                // The relaxation's gap says nothing about the whole.
                outcome.last.gap = f64::INFINITY;
                if solved || stopped {
                    outcome.status = Status::Interrupted;
                }
            }
            return Ok((built, Outcome { trace, ..outcome }));
        };
        members.extend(joining);
        start = Given { z: found, linear };
    }
}

/// The rows that are on the wrong side and no members yet.
fn joining(sides: Sides, rows: u64, members: &Members) -> Vec<(u64, Vec<f64>)> {
    let Sides { sizes, wrong } = sides;
    let means: Vec<f64> = sizes.iter().map(|size| size / rows as f64).collect();
    let all = means.iter().sum::<f64>() / means.len().max(1) as f64;
    let mut joining = Vec::new();
    for (mean, wrong) in means.iter().zip(wrong) {
        let allowed = TOLERANCE.0 * mean + TOLERANCE.1 * all;
        let joins = |(side, row, _): &(f64, u64, Vec<f64>)| *side < -allowed && !members.contains_key(row);
        joining.extend(wrong.into_iter().filter(joins).map(|(_, row, x)| (row, x)));
    }
    joining
}

impl Problem<'_> {
    /// The squared error as a quadratic in (z̄_1, …, z̄_m, a, c).
    fn quadratic(&self, factor: f64) -> Gathered {
        let (sums, at, which) = self.sums;
        let (e, m) = (at.e, self.units.len());
        let linear = if self.prices.linear_part { e - 1 } else { 0 };
        let size = e * m + linear + 1;
        // Which unit an entry is of, 0 for the one that is always on; its place; its sign.
        let entry = |j: usize| match j {
            j if j < e * m => (which[j / e] + 1, j % e, self.units[j / e].sign),
            j if j + 1 < size => (0, j - e * m, 1.0),
            _ => (0, e - 1, 1.0),
        };
        let scale = 2.0 * factor / sums[0];
        let mut hessian = Mat::zeros(size, size);
        for c in 0..size {
            let (i, a, s) = entry(c);
            for r in c..size {
                let (j, b, t) = entry(r);
                hessian[(r, c)] = scale * s * t * sums[at.product((i, a), (j, b))];
            }
        }
        let slope = |j: usize| {
            let (i, a, s) = entry(j);
            -scale * s * sums[at.target(i, a)]
        };
        Gathered {
            hessian: hessian.into(),
            slope: (0..size).map(slope).collect(),
            offset: 0.5 * scale * sums[at.square()],
        }
    }

    fn program(
        &self,
        members: &Members,
        quadratic: &Gathered,
        conditioning: &Conditioning,
        factor: f64,
    ) -> TrainingProgram {
        let (sums, at, which) = self.sums;
        let (d, m, prices) = (at.e - 1, self.units.len(), self.prices);
        let rows: Vec<&Vec<f64>> = members.values().collect();
        let x = Mat::from_fn(rows.len(), d + 1, |k, j| if j < d { rows[k][j] } else { 1.0 });
        let on = |unit: &Unit| rows.iter().map(|x| unit.sum(x) >= 0.0).collect::<Vec<bool>>();
        let active = Patterns::from_units(rows.len(), self.units.iter().map(on));
        let sign: Vec<f64> = self.units.iter().map(|unit| unit.sign).collect();
        // As in `Built::training`: of all rows, not of the members alone.
        let is_linear = |i: usize| sums[at.on(which[i])] >= self.rows as f64;
        let everywhere = |s: f64| (0..m).any(|i| sign[i] == s && is_linear(i));
        let trade = prices.decay == 0.0 && ((everywhere(1.0) && everywhere(-1.0)) || prices.output_bias);
        let ridge = (0..m).map(|i| if trade && is_linear(i) { 2e-10 * factor } else { 0.0 }).collect();
        let layout: Layout = training_layout(rows.len(), d, m, prices, Held::Nothing);
        let form = Form { quadratic: Some(1.0), above: None, below: None };
        let targets = Targets { point: Vec::new(), y: Vec::new(), weight: Vec::new(), form };
        let parts = Parts {
            rows: Some(Rows { x, active, sign: sign.clone(), margins: None }),
            targets: Some(targets),
            gathered: Some(quadratic.clone()),
            ridge,
            ..Parts::priced(layout, sign, conditioning, prices, factor)
        };
        TrainingProgram::new(parts)
    }
}
