//! From a network, data and prices to a [`TrainingProgram`] in conditioned coordinates, and back.
//!
//! Conditioning: `x = shift + scale ∘ x'`, `f = y_scale · f'`, so that badly scaled columns cost no digits. Then
//! `w' = w ∘ scale / y_scale`, `b' = (b + w·shift) / y_scale`, and every part of the objective is divided by
//! `y_scale²` and multiplied by n (a sum of squares rather than a mean balances `P` with `AᵀA`).

use super::{
    conditioning::Conditioning,
    large,
    layout::{Exits, Layout, Worst},
    loss_term::Targets,
    normal::{Route, StructuredNormal},
    reach::Reach,
    rows::Rows,
    second_attempt::{self, Obstacle},
    size::{self, MOST_MEMORY},
    start::{Given, starting_point},
    training::{Parts, TrainingProgram},
    working_set::{MANY, solve_many_rows},
    worst_case::{self, WorstCase},
};
use crate::{
    Dataset, Error, Loss, Norm,
    distinct::Distinct,
    error::Result,
    loss::{Cost, Form},
    patterns::Patterns,
    tolerance::Tolerance,
    unit::{Affine, Unit},
};
use faer::Mat;
use tautnet_cone::{Linear, Observer, Outcome, Settings, interior_point::interior_point};

impl Parts {
    /// What the prices ask for; the data and what is held are not there yet.
    pub fn priced(layout: Layout, sign: Vec<f64>, at: &Conditioning, prices: &Prices, factor: f64) -> Self {
        let (d, y_scale, bound_scale) = (layout.d, at.y_scale, at.bound_scale());
        Self {
            rows: None,
            targets: None,
            gathered: None,
            spread: 0.0,
            linear: None,
            ridge: vec![0.0; layout.m],
            metric: at.scale.iter().map(|c| (c / at.middle).powi(2)).collect(),
            // z̄ = turn z̄' (divided by y_scale): w = w'/scale, b = b' − w·shift.
            turn: Mat::from_fn(d + 1, d + 1, |a, b| match (a, b) {
                (a, b) if a == b && a < d => 1.0 / at.scale[a],
                (a, b) if a == d && b < d => -at.shift[b] / at.scale[b],
                (a, b) if a == b => 1.0,
                _ => 0.0,
            }),
            // λ L / y_scale² with L = bound_scale · L'.
            lipschitz: factor * prices.lipschitz * bound_scale.powi(if prices.squared { 2 } else { 1 })
                / y_scale.powi(2),
            squared: prices.squared,
            decay: factor * prices.decay / y_scale,
            max_lipschitz: prices.max_lipschitz.map(|l| l / bound_scale),
            held_z: None,
            held_linear: None,
            held_ell: None,
            reach: None,
            worst: None,
            sign,
            layout,
        }
    }
}

/// What a worst case is taken over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Robust<'a> {
    /// How wrong the inputs can be.
    pub tolerance: &'a Tolerance,
    /// Whether units may leave their labels within the tolerance, at a price.
    pub soft: bool,
    /// The first row of each group, and the number of rows: only the worst row of a group counts. `None` where every row is alone.
    pub groups: Option<&'a [usize]>,
    /// Where the rows are margins of several outputs, what a margin has of each unit.
    pub margins: Option<&'a Margins>,
}

/// Rows as margins, or as outputs: `ς_ki relu(h_i)` and what is held.
#[derive(Debug, Clone)]
pub(crate) struct Margins {
    /// `ς_ki`, rows × units.
    pub coefficients: Mat<f64>,
    /// What the output of each row has beside the units.
    pub held: Vec<f64>,
    /// The output that each row is, where every output has a free bias; empty where rows are margins, whose biases are held.
    pub outputs: Vec<usize>,
}

/// What is priced and what is free.
#[derive(Debug, Clone)]
pub(crate) struct Prices {
    pub lipschitz: f64,
    pub squared: bool,
    pub decay: f64,
    pub max_lipschitz: Option<f64>,
    pub norm: Norm,
    pub output_bias: bool,
    /// Whether a linear part is free.
    pub linear_part: bool,
    pub loss: Loss,
}

/// What stands still.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held<'a> {
    /// Nothing: (J).
    Nothing,
    /// The multipliers ℓ: (12).
    Multipliers(&'a [f64]),
}

/// A program with the map back to networks.
pub(crate) struct Built {
    pub program: TrainingProgram,
    conditioning: Conditioning,
    factor: f64,
    /// The given network.
    start: Given,
    /// Which of the program's rows each row of the data is.
    group: Vec<usize>,
    /// Products with the rows that the solve has taken, where it was by conjugate gradients.
    pub products: Option<usize>,
}

/// A pattern's entries that the optimum would rather have otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pressing {
    pub unit: usize,
    /// Multiplier of the tightest of the unit's cone constraints: the objective's fall per unit of pre-activation.
    pub multiplier: f64,
    /// Rows of the data whose entry it is: one, or several with the same inputs.
    pub rows: Vec<usize>,
}

/// The solution in the caller's coordinates.
pub(crate) struct Solution {
    pub units: Vec<Unit>,
    /// The output bias, where it is free, and the linear part.
    pub affine: Affine,
    /// The free output biases of several outputs.
    pub biases: Vec<f64>,
    /// ℓ, where the inequality is present.
    pub multipliers: Option<Vec<f64>>,
    /// `p`, for the infinity norm.
    pub p: Option<Vec<f64>>,
}

pub(super) fn training_layout(n: usize, d: usize, m: usize, prices: &Prices, held: Held<'_>) -> Layout {
    Layout {
        n,
        d,
        m,
        weights: true,
        lmi: prices.lipschitz > 0.0 || prices.max_lipschitz.is_some(),
        multipliers: matches!(held, Held::Nothing),
        decay: prices.decay > 0.0,
        infinity: prices.norm == Norm::Infinity,
        linear: prices.linear_part,
        biases: usize::from(prices.output_bias),
        exits: Exits::default(),
        reach: 0,
        worst: Worst::default(),
    }
}

/// Refuse a program whose matrices do not fit, before anything of it is built.
pub(crate) fn affordable(data: &Dataset, units: usize, prices: &Prices, held: Held<'_>) -> Result<()> {
    affordable_at((data.rows(), data.columns()), units, prices, held)
}

/// The same of so many rows and columns.
pub(super) fn affordable_at((n, d): (usize, usize), units: usize, prices: &Prices, held: Held<'_>) -> Result<()> {
    let bytes = |prices: &Prices| {
        let squared = prices.loss.form(1.0).is_some_and(|form| form.above.is_none());
        size::bytes(&training_layout(n, d, units, prices, held), squared)
    };
    let asked = bytes(prices);
    if asked <= MOST_MEMORY {
        return Ok(());
    }
    let decay = prices.decay.max(f64::MIN_POSITIVE);
    let without = Prices { lipschitz: 0.0, max_lipschitz: None, decay, ..prices.clone() };
    let hint = match bytes(&without) <= MOST_MEMORY {
        true => "use fewer units or fewer columns, or the method `weight-decay`, which fits",
        false => "use fewer units or fewer columns",
    };
    Err(Error::new(
        format!(
            "the convex program of {units} units, {d} columns and {n} rows needs about {:.0} GB of memory, more than {:.0}",
            asked / 1e9,
            MOST_MEMORY / 1e9
        ),
        hint,
    ))
}

/// The most corrections of centrality in one iteration for a worst case.
const CORRECTORS: usize = 5;

impl Built {
    /// (J), (12) or (6) for units with the given patterns, from these units and this linear part; without an output
    /// bias where that is not free.
    pub fn training(
        data: &Dataset,
        (units, linear): (&[Unit], Option<&[f64]>),
        active: Patterns,
        prices: &Prices,
        held: Held<'_>,
    ) -> Self {
        let conditioning = Conditioning::of(data);
        let (n, d, m) = (data.rows(), data.columns(), units.len());
        let total = data.weights.as_ref().map_or(n as f64, |w| w.iter().sum());
        let weight: Vec<f64> = match &data.weights {
            Some(w) => w.iter().map(|w| w * n as f64 / total).collect(),
            None => vec![1.0; n],
        };
        let y_scale = conditioning.y_scale;
        let y: Vec<f64> = data.y.iter().map(|y| y / y_scale).collect();
        // A loss of degree j is κ_yʲ times that of f', and the objective is divided by κ_y².
        let loss = prices.loss.rescaled(1.0 / y_scale);
        let unit = y_scale.powi(loss.degree() - 2);
        let distinct = Distinct::of(data, &y, &weight);
        let form = loss.form(1.0).expect("margins are in (R)");
        let (targets, spread) = match form {
            form @ Form { above: None, below: None, .. } => {
                let point = (0..distinct.rows.len()).collect();
                (Targets { point, y: distinct.y, weight: distinct.weight, form }, distinct.spread)
            }
            // Targets at one point do not add up to one.
            form => {
                let weight = weight.iter().map(|weight| weight * unit).collect();
                (Targets { point: distinct.group.clone(), y, weight, form }, 0.0)
            }
        };
        let Distinct { rows, group, .. } = distinct;
        let active = if rows.len() < n { active.select(&rows) } else { active };
        let (factor, n) = (n as f64, rows.len());
        let x = Mat::from_fn(n, d + 1, |k, j| {
            if j < d { (data.x[(rows[k], j)] - conditioning.shift[j]) / conditioning.scale[j] } else { 1.0 }
        });
        // A linear part sees the columns where they stand, unless an output bias takes up their shift.
        let shift = |j: usize| if prices.output_bias { conditioning.shift[j] } else { 0.0 };
        let inputs = prices
            .linear_part
            .then(|| Mat::from_fn(n, d, |k, j| (data.x[(rows[k], j)] - shift(j)) / conditioning.scale[j]));
        let sign: Vec<f64> = units.iter().map(|u| u.sign).collect();
        let layout = Layout { exits: targets.exits(), ..training_layout(n, d, m, prices, held) };
        let lmi = layout.lmi;
        // Units that are on everywhere can trade their biases with each other (or with the output bias) for ever,
        // unless weight decay prices them: a ridge of 1e-10 keeps the optimal face bounded.
        let everywhere = |s: f64| (0..m).any(|i| sign[i] == s && active.is_linear(i));
        let trade = prices.decay == 0.0 && ((everywhere(1.0) && everywhere(-1.0)) || prices.output_bias);
        let ridge = (0..m).map(|i| if trade && active.is_linear(i) { 2e-10 * factor } else { 0.0 }).collect();
        let rows = Rows { x, active, sign: sign.clone(), margins: None };
        let held_ell = match held {
            Held::Multipliers(ell) if lmi => Some(ell.iter().map(|l| l / conditioning.bound_scale()).collect()),
            _ => None,
        };
        let parts = Parts {
            rows: Some(rows),
            targets: Some(targets),
            linear: inputs,
            spread,
            ridge,
            held_ell,
            ..Parts::priced(layout, sign, &conditioning, prices, factor)
        };
        let start = conditioning.given(units, linear);
        Self { program: TrainingProgram::new(parts), conditioning, factor, start, group, products: None }
    }

    /// A program of rows that are elsewhere.
    pub fn gathered(program: TrainingProgram, conditioning: Conditioning, factor: f64, start: Given) -> Self {
        Self { program, conditioning, factor, start, group: Vec::new(), products: None }
    }

    /// (R): the least worst-case loss within the tolerance, of units with the given labels; rows that count for nothing are left out.
    pub fn robust(
        data: &Dataset,
        (units, linear): (&[Unit], Option<&[f64]>),
        labels: &Patterns,
        robust: Robust<'_>,
        prices: &Prices,
    ) -> Result<Self> {
        let conditioning = Conditioning::of(data);
        let (d, m, y_scale) = (data.columns(), units.len(), conditioning.y_scale);
        let alone: Vec<usize>;
        let groups = match robust.groups {
            Some(groups) => groups,
            None => {
                alone = (0..=data.rows()).collect();
                &alone
            }
        };
        // Of a group by its first row.
        let of = |group: &[usize]| data.weights.as_ref().map_or(1.0, |weights| weights[group[0]]);
        let heavy: Vec<&[usize]> = groups.windows(2).filter(|group| of(group) > 0.0).collect();
        let counted: Vec<usize> = heavy.iter().flat_map(|group| group[0]..group[1]).collect();
        let mut firsts = vec![0];
        firsts.extend(heavy.iter().scan(0, |rows, group| {
            *rows += group[1] - group[0];
            Some(*rows)
        }));
        let n = counted.len();
        let (factor, total) = (heavy.len() as f64, heavy.iter().map(|group| of(group)).sum::<f64>());
        let loss = prices.loss.rescaled(1.0 / y_scale);
        let unit = y_scale.powi(loss.degree() - 2) * factor / total;
        let weight = heavy.iter().map(|group| unit * of(group)).collect();
        let y = counted.iter().map(|&k| data.y[k] / y_scale).collect();
        let scaled = |k: usize, j: usize, shift: f64| (data.x[(counted[k], j)] - shift) / conditioning.scale[j];
        let x = Mat::from_fn(n, d + 1, |k, j| if j < d { scaled(k, j, conditioning.shift[j]) } else { 1.0 });
        let shift = |j: usize| if prices.output_bias { conditioning.shift[j] } else { 0.0 };
        let inputs = prices.linear_part.then(|| Mat::from_fn(n, d, |k, j| scaled(k, j, shift(j))));
        let sign: Vec<f64> = units.iter().map(|u| u.sign).collect();
        let active = labels.select(&counted);
        // Biases, or whole units, can be traded for ever where nothing prices them.
        let free = prices.decay == 0.0 && prices.lipschitz == 0.0 && prices.max_lipschitz.is_none();
        let everywhere = |i: usize| active.is_linear(i) && prices.decay == 0.0;
        let ridge = (0..m).map(|i| if free || everywhere(i) { 2e-9 * factor } else { 0.0 }).collect();
        let (margins, held) = match robust.margins {
            Some(of) => (
                Some(Mat::from_fn(n, m, |k, i| of.coefficients[(counted[k], i)])),
                counted.iter().map(|&k| of.held[k] / y_scale).collect(),
            ),
            None => (None, vec![0.0; n]),
        };
        let outputs: &[usize] = robust.margins.map_or(&[], |of| &of.outputs);
        let biases = outputs.iter().map(|output| output + 1).max().unwrap_or(usize::from(prices.output_bias));
        let outputs = if outputs.is_empty() { vec![0; n] } else { counted.iter().map(|&k| outputs[k]).collect() };
        let rows = Rows { x, active, sign: sign.clone(), margins };
        let tolerance = robust.tolerance.select(&counted).divided(&conditioning.scale);
        let (reach, coefficients) = Reach::of(&tolerance, n).map_or((None, Mat::zeros(n, 0)), |(r, c)| (Some(r), c));
        let cost = Cost::of_worst_case(&loss)?;
        let columns = reach.as_ref().map_or_else(Vec::new, |reach| reach.columns.clone());
        let given = worst_case::Given {
            rows,
            columns,
            coefficients,
            linear: inputs,
            y,
            held,
            outputs,
            weight,
            groups: firsts,
            cost,
            ridge,
            soft: robust.soft,
        };
        let worst = WorstCase::new(given, &tolerance);
        let layout = Layout {
            reach: reach.as_ref().map_or(0, Reach::variables),
            worst: worst.variables(reach.as_ref().map_or(0, |reach| reach.sizes(m))),
            biases,
            ..training_layout(n, d, m, prices, Held::Nothing)
        };
        let parts = Parts { reach, worst: Some(worst), ..Parts::priced(layout, sign, &conditioning, prices, factor) };
        let start = conditioning.given(units, linear);
        let built = Self {
            program: TrainingProgram::new(parts),
            conditioning,
            factor,
            start,
            group: Vec::new(),
            products: None,
        };
        built.affordable().map(|()| built)
    }

    /// (2): the smallest L for given units and the linear part beside them.
    pub fn lipsdp(units: &[Unit], linear: Option<&[f64]>, norm: Norm) -> Self {
        let (m, d) = (units.len(), units[0].z.len());
        // A norm-product bound as the unit of length.
        let own = linear.map_or(0.0, |linear| norm.dual().of(linear));
        let size: f64 = units.iter().map(|u| norm.dual().of(&u.z)).sum::<f64>() + own;
        let conditioning = Conditioning::none(d, if size.is_normal() { size } else { 1.0 });
        let layout = Layout {
            n: 0,
            d,
            m,
            weights: false,
            lmi: true,
            multipliers: true,
            decay: false,
            infinity: norm == Norm::Infinity,
            linear: false,
            biases: 0,
            exits: Exits::default(),
            reach: 0,
            worst: Worst::default(),
        };
        let scaled = |linear: &[f64]| -> Vec<f64> { linear.iter().map(|a| a / conditioning.y_scale).collect() };
        let linear = linear.map(scaled);
        let program = TrainingProgram::new(Parts {
            rows: None,
            targets: None,
            gathered: None,
            linear: None,
            spread: 0.0,
            sign: units.iter().map(|u| u.sign).collect(),
            metric: vec![1.0; d],
            turn: Mat::identity(d + 1, d + 1),
            lipschitz: 1.0,
            squared: false,
            decay: 0.0,
            max_lipschitz: None,
            ridge: vec![0.0; m],
            held_z: Some(Mat::from_fn(d, m, |k, i| units[i].z[k] / conditioning.y_scale)),
            held_linear: linear.clone(),
            reach: None,
            worst: None,
            held_ell: None,
            layout,
        });
        let start = Mat::from_fn(d + 1, m, |a, i| if a < d { units[i].z[a] / conditioning.y_scale } else { 0.0 });
        let start = Given { z: start, linear: linear.unwrap_or_else(|| vec![0.0; d]) };
        Self { program, conditioning, factor: 1.0, start, group: Vec::new(), products: None }
    }

    /// Refuse a program whose solve does not fit into memory.
    fn affordable(&self) -> Result<()> {
        let layout = &self.program.layout;
        let bytes = layout.bytes(true, 0);
        if bytes <= MOST_MEMORY {
            return Ok(());
        }
        Err(Error::new(
            format!(
                "the convex program of {} units, {} columns and {} rows, with a variable for every unit in every row, needs about {:.0} GB \
                 of memory, more than {:.0}",
                layout.m,
                layout.d,
                layout.n,
                bytes / 1e9,
                MOST_MEMORY / 1e9
            ),
            "use fewer rows, or fewer units",
        ))
    }

    /// Solve by the structured method. Every program here has solutions, so no verdict of infeasibility is asked for.
    pub fn solve(&mut self, settings: &Settings, observer: &mut Observer<'_>) -> Outcome {
        if size::too_large(&self.program.layout) {
            return self.solve_large(settings, observer);
        }
        let many = self.program.layout.n > MANY && self.program.terms.cells.is_some();
        if many || StructuredNormal::cheaper(&self.program.layout) == Route::Dense {
            self.program.store_hessian();
        }
        // A worst case has an inequality or two for every unit in every row, of which a few fall behind; corrections cost little
        // beside its factorization.
        let correctors = if self.program.terms.worst.is_some() { CORRECTORS } else { settings.correctors };
        let gap_absolute = settings.gap_absolute * self.factor;
        let scaled = Settings { gap_absolute, infeasibility: 0.0, correctors, ..settings.clone() };
        if many {
            return solve_many_rows(&self.program, &self.start, &scaled, observer);
        }
        let start = starting_point(&self.program, &self.start, 0.0);
        let mut normal = StructuredNormal::new(&self.program);
        let mut stopped = false;
        let outcome = interior_point(&self.program, &mut normal, &scaled, start, &mut |facts| {
            let verdict = observer(facts);
            stopped |= verdict.is_break();
            verdict
        });
        drop(normal);
        if stopped || !second_attempt::helps(&self.program, &outcome) {
            return outcome;
        }
        second_attempt::solve_again(&mut self.program, &self.start, &scaled, outcome, observer)
    }

    /// The same by conjugate gradients.
    pub(super) fn solve_large(&mut self, settings: &Settings, observer: &mut Observer<'_>) -> Outcome {
        let gap_absolute = settings.gap_absolute * self.factor;
        let scaled = Settings { gap_absolute, infeasibility: 0.0, ..settings.clone() };
        let (outcome, products) = large::solve(&self.program, &self.start, &scaled, observer);
        self.products = Some(products);
        outcome
    }

    /// Why a solve ended before its tolerance, as far as the program itself tells.
    pub fn obstacle(&self) -> Obstacle {
        second_attempt::obstacle(&self.program, &self.start)
    }

    /// A value of the program's objective in the caller's units.
    pub fn objective(&self, value: f64) -> f64 {
        let unit =
            if self.program.layout.weights { self.conditioning.y_scale.powi(2) } else { self.conditioning.y_scale };
        value * unit / self.factor
    }

    /// The multiplier of `L ≤ L_max` in the caller's units; 0 where there is no limit.
    pub fn limit_price(&self, outcome: &Outcome) -> f64 {
        let row = self.program.terms.bound.as_ref().and_then(|bound| bound.limit_row(&self.program.layout));
        let Some(row) = row.filter(|_| !outcome.z.is_empty()) else { return 0.0 };
        // Counted from the end: the last program may have had the cells of fewer points.
        let after = self.program.constant().len() - row;
        self.objective(outcome.z[outcome.z.len() - after]) / self.conditioning.bound_scale()
    }

    /// L at a point in the caller's units, where it is a variable.
    #[cfg(test)]
    pub fn lipschitz(&self, x: &[f64]) -> f64 {
        x[self.program.layout.bound()] * self.conditioning.bound_scale()
    }

    /// For each unit the cone constraint `σ_ik x̄_k·z̄_i ≥ 0` that is active with the largest multiplier, if one is.
    ///
    /// Active: by complementarity one of slack and multiplier is zero, and the multiplier is the larger one. Empty
    /// where only some of the rows had their cones in the last program.
    pub fn pressing(&self, outcome: &Outcome) -> Vec<Pressing> {
        let layout = &self.program.layout;
        let (n, m) = (layout.n, layout.m);
        let Some(cells) =
            self.program.terms.cells.as_ref().filter(|_| outcome.z.len() == self.program.constant().len())
        else {
            return Vec::new();
        };
        let first = cells.range().start;
        let largest = |i: usize| {
            let at = |k: usize| (outcome.s[first + i * n + k], outcome.z[first + i * n + k]);
            let active = (0..n).filter(|&k| at(k).1 > at(k).0);
            active.max_by(|&a, &b| at(a).1.total_cmp(&at(b).1)).map(|k| (k, at(k).1))
        };
        let rows = |row: usize| (0..self.group.len()).filter(|&k| self.group[k] == row).collect();
        (0..m)
            .filter_map(|i| largest(i).map(|(row, multiplier)| Pressing { unit: i, multiplier, rows: rows(row) }))
            .collect()
    }

    /// Read the variables back.
    pub fn solution(&self, x: &[f64]) -> Solution {
        let (layout, conditioning) = (&self.program.layout, &self.conditioning);
        let (d, y_scale, bound_scale) = (layout.d, conditioning.y_scale, conditioning.bound_scale());
        let units = (0..layout.m)
            .filter(|_| layout.weights)
            .map(|i| {
                let z_bar = &x[layout.unit(i)..][..d + 1];
                let z: Vec<f64> = (0..d).map(|k| z_bar[k] / conditioning.scale[k] * y_scale).collect();
                let bias = z_bar[d] * y_scale - z.iter().zip(&conditioning.shift).map(|(z, s)| z * s).sum::<f64>();
                Unit { z, bias, sign: self.program.sign[i] }
            })
            .collect();
        let multipliers = layout.ell().map(|l| (0..layout.m).map(|i| x[layout.unit(i) + l] * bound_scale).collect());
        let p = (layout.p_len() > 0).then(|| {
            (0..d).map(|k| x[layout.p() + k] * conditioning.middle / conditioning.scale[k].powi(2) * y_scale).collect()
        });
        let in_units = |(a, scale): (&f64, &f64)| a / scale * y_scale;
        let a: Option<Vec<f64>> =
            layout.linear_part().map(|at| x[at].iter().zip(&conditioning.scale).map(in_units).collect());
        let moved = a.as_ref().map_or(0.0, |a| a.iter().zip(&conditioning.shift).map(|(a, s)| a * s).sum());
        let c = layout.output_bias().map_or(0.0, |c| x[c] * y_scale - moved);
        let biases = layout.output_biases().map(|c| x[c] * y_scale - moved).collect();
        Solution { units, affine: Affine { c, a }, biases, multipliers, p }
    }
}
