//! The page and the charts of `tautnet train DATA` where inputs have a tolerance.

use super::pictures;
use crate::arguments::{OutArguments, PictureArguments};
use crate::stop::Stop;
use tautnet::certify::{affordable_nodes, interval_within};
use tautnet::choose::{self, Case, Chosen, Evaluation};
use tautnet::error::Result;
use tautnet::job::Job;
use tautnet::recipe::Plan;
use tautnet::tolerance::Tolerance;
use tautnet::{Dataset, Scaler, Shallow, polish};
use tautnet_models::Model;
use tautnet_report::{Cause, Chart, Comparison, Origin, Report, Rows, Side, Within};

/// Charts that there are none of.
pub const MISSING: &[(Chart, &str)] = &[
    (Chart::Attack, "where inputs have a tolerance, errors are those within it, in the chart `tolerance`"),
    (Chart::Path, "no price λ is chosen where inputs have a tolerance"),
    (Chart::Convergence, "many networks are tried where inputs have a tolerance, and no one program is followed"),
];

/// Further ones where the target has several classes.
pub const MISSING_OF_SEVERAL: &[(Chart, &str)] = &[
    (Chart::Bounds, "a network of several classes has a bound for each pair of them, which `certify` tells"),
    (Chart::Fit, "a network of several classes predicts no number"),
    (Chart::Residuals, "a network of several classes predicts no number"),
    (Chart::Dependence, "a network of several classes has a margin for each pair of them"),
];

/// Most rows that are shown where there was no time to judge by any.
const MOST_ROWS: usize = 1000;

/// What is shown.
pub struct Facts<'a> {
    pub source: &'a str,
    pub plan: &'a Plan,
    pub job: &'a Job<'a>,
    pub model: &'a Model,
    pub chosen: &'a Chosen,
    /// Standardized rows and their tolerance.
    pub learned: (&'a Dataset, &'a Tolerance),
    pub held_out: Option<(&'a Dataset, &'a Tolerance)>,
    pub evaluation: Option<&'a Evaluation>,
    /// Every input, and how wrong it can be, in words, where it can be.
    pub amounts: Vec<(String, Option<String>)>,
    /// The result beside what is simpler.
    pub comparison: Option<Comparison>,
    /// The bound for each column, in the units of the data; none of several classes.
    pub gains: Vec<f64>,
}

/// Write the page and the charts that were asked for.
pub fn draw(facts: Facts<'_>, wanted: &PictureArguments, out: &OutArguments, quiet: bool, stop: &Stop) -> Result<()> {
    let Facts { source, plan, job, model, chosen, learned, held_out, evaluation, amounts, comparison, gains } = facts;
    let (settings, seed) = (&plan.settings.polish, plan.recipe.seed);
    let (measure, late) = ((settings.norm, &settings.loss), stop.late());
    let cases = choose::cases(chosen, learned, held_out);
    let places: Vec<usize> = cases.iter().flat_map(|case| case.places.iter().copied()).collect();
    let judged = |rows: &Dataset| tautnet::rows::Rows::of(rows).pick(&places);
    let (shown, name) = match held_out {
        _ if cases.is_empty() => tautnet_report::rows_to_show(learned.0, None, MOST_ROWS, seed)?,
        Some((rows, _)) => (judged(rows), format!("the {} rows held out", places.len())),
        None => {
            let name = format!("{} rows, each predicted by networks that did not learn from it", places.len());
            (judged(learned.0), name)
        }
    };
    let rows = Rows { learned: learned.0, held_out: held_out.map(|(rows, _)| rows), shown: &shown, name: &name };
    let bound = model.certificate.as_ref().map(|certificate| certificate.standardized.bound);
    let start_bound = bound.map(|_| job.prove(&chosen.start, None)).transpose()?.map(|proof| proof.standardized.bound);
    let classes = settings.loss.is_margin();
    let side = |network: &Shallow, bound: Option<f64>, of: fn(&Case<'_>) -> Vec<f64>| -> Result<Side> {
        let side = Side::of(network, bound, Vec::new(), &rows, measure, &model.scaler, seed)?;
        if cases.is_empty() || classes {
            return Ok(side);
        }
        let predicted = cases.iter().flat_map(of).map(|value| model.scaler.target_to_user(value)).collect();
        Ok(Side { predicted, ..side })
    };
    let (before, after) = late.during(|| {
        let before = side(&chosen.start, start_bound, |case| case.start.predict(case.rows.x.as_ref()));
        (before, side(&chosen.network, bound, |case| case.result.predict(case.rows.x.as_ref())))
    });
    let causes = evaluation.map_or(&[][..], |evaluation| &evaluation.causes);
    let inputs = amounts.into_iter().zip(causes).map(|((name, amount), share)| Cause { name, amount, share: *share });
    let sizes = evaluation.map_or(&[][..], |evaluation| &evaluation.sizes);
    let within = if learned.1.is_none() {
        let sizes = sizes.iter().filter(|at| at.size == 1.0).cloned().collect();
        Within { rows: name.clone(), sizes, inputs: Vec::new(), intervals: Vec::new() }
    } else {
        let intervals = if classes { Vec::new() } else { late.during(|| intervals(&cases, &model.scaler))? };
        Within { rows: name.clone(), sizes: sizes.to_vec(), inputs: inputs.collect(), intervals }
    };
    let report = Report {
        source,
        inputs: model.columns.names(),
        target: &model.columns.target,
        scaler: &model.scaler,
        units: chosen.network.units(),
        origin: Origin::Trained(""),
        settings: polish::Settings { tolerance: Some(learned.1.clone()), ..settings.clone() },
        polished: None,
        stopped: stop.reason(),
        path: None,
        choice: Some(&chosen.choice),
        within: Some(within),
        before: before?,
        after: after?,
        rows,
        comparison,
        dependence: pictures::dependence(&chosen.network, &shown, &model.columns, &model.scaler, &settings.loss),
        sensitivities: gains,
        reproduce: pictures::reproduce(&model.settings),
    };
    pictures::write(&report, wanted, out, quiet)
}

/// What the prediction of each row cannot leave within its tolerance, in the units of the target, but for the rounding of scaling.
fn intervals(cases: &[Case<'_>], scaler: &Scaler) -> Result<Vec<(f64, f64)>> {
    let all = cases.iter().map(|case| case.rows.rows()).sum();
    let mut intervals = Vec::with_capacity(all);
    for case in cases {
        let nodes = affordable_nodes(case.result, all);
        for k in 0..case.rows.rows() {
            let row: Vec<f64> = (0..case.rows.columns()).map(|j| case.rows.x[(k, j)]).collect();
            let interval = interval_within(case.result, &row, k, &case.tolerance, nodes)?;
            intervals.push((scaler.target_to_user(interval.lower), scaler.target_to_user(interval.upper)));
        }
    }
    Ok(intervals)
}
