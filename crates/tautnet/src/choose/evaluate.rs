//! What rows that a network did not learn from say of it, in full: errors found and proved over a range of tolerances, and what
//! each input causes of them.

use super::outcome::{Chosen, Part};
use crate::attack::{self, SIZES, WithinReport};
use crate::error::Result;
use crate::rows::Rows;
use crate::several;
use crate::tolerance::{Input, Tolerance};
use crate::{Dataset, Loss, Shallow};
use serde::Serialize;

/// Operations that the search at the tolerance itself may take, about: seconds.
const SEARCH: f64 = 3e9;

/// Most nodes of branch and bound for each row and end of its interval.
const MOST_NODES: usize = 2000;

/// More rows than this are not attacked.
const MOST_ROWS: usize = 1000;

/// The errors of one network, mean losses on rows that it did not learn from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Errors {
    /// Without input error.
    pub clean: f64,
    /// The worst within the tolerance that was found.
    pub found: f64,
    /// What no input error within the tolerance exceeds.
    pub proved: f64,
    /// How many of the rows have the right class, where targets are classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
}

/// Shares of the rows whose class a network gets right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Without input error.
    pub clean: f64,
    /// With the input errors within the tolerance that were found: no more are right.
    pub found: f64,
    /// Whatever the input errors within the tolerance are, proved: no fewer are right.
    pub proved: f64,
}

/// The errors of a choice within its tolerance, as a model file keeps them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// How many rows.
    pub rows: usize,
    /// Whether the rows were held out in turn, each judged by networks that learned from the others.
    pub cross_validated: bool,
    /// Ordinary training.
    pub start: Errors,
    /// The network that was chosen.
    pub result: Errors,
    /// The same of every target, where there are several: the errors above are their sums.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<AtSize>,
}

/// Errors where the tolerance is smaller or larger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtSize {
    /// In parts of the tolerance.
    pub size: f64,
    /// Ordinary training.
    pub start: Errors,
    /// The network that was chosen.
    pub result: Errors,
}

/// Both networks on rows that they did not learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// How many rows.
    pub rows: usize,
    /// Whether the rows were held out in turn, each judged by networks that learned from the others.
    pub cross_validated: bool,
    /// The errors at every size, smallest first.
    pub sizes: Vec<AtSize>,
    /// For each input, the part of what input errors add to the result that would go if the input were exact.
    pub causes: Vec<f64>,
    /// The rows by their class and by that which the result predicts without input error, as weights, where targets are classes: those of
    /// the class −1 (or 0) first.
    pub confusion: Option<Vec<Vec<f64>>>,
    /// The errors of every target at the tolerance itself, where there are several: the others are their sums.
    pub targets: Vec<AtSize>,
}

impl Evaluation {
    /// The errors at the tolerance itself.
    pub fn at_tolerance(&self) -> &AtSize {
        self.sizes.iter().find(|at| at.size == 1.0).expect("it is one of the sizes")
    }

    /// What is kept of it.
    pub fn seen(&self) -> Seen {
        let AtSize { start, result, .. } = self.at_tolerance().clone();
        let targets = self.targets.clone();
        Seen { rows: self.rows, cross_validated: self.cross_validated, start, result, targets }
    }
}

/// Networks, and rows that they did not learn from.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// Ordinary training.
    pub start: &'a Shallow,
    /// The network that was chosen, or in a part its like.
    pub result: &'a Shallow,
    /// Which rows, of those held out or else of those learned from.
    pub places: Vec<usize>,
    /// These rows.
    pub rows: Dataset,
    /// Their tolerance.
    pub tolerance: Tolerance,
}

impl<'a> Case<'a> {
    fn network(&self, result: bool) -> &'a Shallow {
        if result { self.result } else { self.start }
    }
}

/// The rows by their class (±1, or its number) and by that which a network predicts, as weights.
pub fn confusion(network: &Shallow, data: &Dataset) -> Vec<Vec<f64>> {
    let classes = network.outputs().max(2);
    let (predicted, known): (Vec<usize>, Vec<usize>) = if network.outputs() == 1 {
        let high = |f: &f64| usize::from(*f > 0.0);
        (network.predict(data.x.as_ref()).iter().map(high).collect(), data.y.iter().map(high).collect())
    } else {
        (several::classes_of(network, data.x.as_ref()), data.y.iter().map(|y| several::number(*y)).collect())
    };
    let mut counts = vec![vec![0.0; classes]; classes];
    for (k, (known, predicted)) in known.into_iter().zip(predicted).enumerate() {
        counts[known][predicted] += data.weights.as_ref().map_or(1.0, |weights| weights[k]);
    }
    counts
}

/// The share of the rows, by their weights, whose class a network gets right.
pub fn accuracy(network: &Shallow, data: &Dataset) -> f64 {
    let counts = confusion(network, data);
    let right: f64 = (0..counts.len()).map(|class| counts[class][class]).sum();
    right / counts.iter().flatten().sum::<f64>()
}

/// The rows to evaluate on, where there are any: those held out, or else those that were held out in turn. Where there are very
/// many, rows at equal distances.
pub fn cases<'a>(
    chosen: &'a Chosen,
    (data, tolerance): (&Dataset, &Tolerance),
    held_out: Option<(&Dataset, &Tolerance)>,
) -> Vec<Case<'a>> {
    let some = |rows: &[usize], most: usize| -> Vec<usize> {
        let count = rows.len().min(most);
        (0..count).map(|k| rows[k * rows.len() / count]).collect()
    };
    let case =
        |(start, result): (&'a Shallow, &'a Shallow), (data, tolerance): (&Dataset, &Tolerance), places: Vec<usize>| {
            Case { start, result, rows: Rows::of(data).pick(&places), tolerance: tolerance.select(&places), places }
        };
    match held_out {
        Some((rows, tolerance)) => {
            let all: Vec<usize> = (0..rows.rows()).collect();
            vec![case((&chosen.start, &chosen.network), (rows, tolerance), some(&all, MOST_ROWS))]
        }
        None => {
            let parts = &chosen.choice.parts;
            let of = |part: &'a Part| {
                let most = MOST_ROWS / parts.len();
                case((&part.start, &part.result), (data, tolerance), some(&part.held_out, most))
            };
            parts.iter().map(of).collect()
        }
    }
}

/// Evaluate on rows held out, with their tolerance, where there are any; else on the rows that were held out in turn. `None` where
/// there was no time to hold any out. [`Stop::here`](crate::Stop::here) ends the search; what is found and proved stays valid.
pub fn evaluate(
    chosen: &Chosen,
    learned: (&Dataset, &Tolerance),
    held_out: Option<(&Dataset, &Tolerance)>,
    inputs: &[Input<'_>],
    loss: &Loss,
) -> Result<Option<Evaluation>> {
    with_targets(chosen, learned, held_out, inputs, loss, &SIZES)
}

/// The same at the tolerance itself alone, and without what each input causes.
pub fn evaluate_at_tolerance(
    chosen: &Chosen,
    learned: (&Dataset, &Tolerance),
    loss: &Loss,
) -> Result<Option<Evaluation>> {
    with_targets(chosen, learned, None, &[], loss, &[1.0])
}

/// An evaluation, and where there are several targets that of each output alone at the tolerance itself.
fn with_targets(
    chosen: &Chosen,
    learned: (&Dataset, &Tolerance),
    held_out: Option<(&Dataset, &Tolerance)>,
    inputs: &[Input<'_>],
    loss: &Loss,
    sizes: &[f64],
) -> Result<Option<Evaluation>> {
    let Some(all) = evaluate_sizes(chosen, learned, held_out, inputs, loss, sizes)? else { return Ok(None) };
    let targets = learned.0.targets();
    let one = |target: usize| -> Result<Option<AtSize>> {
        let rows = learned.0.of_target(target);
        let others = held_out.map(|(rows, tolerance)| (rows.of_target(target), tolerance));
        let held_out = others.as_ref().map(|(rows, tolerance)| (rows, *tolerance));
        let seen = evaluate_sizes(&chosen.of_output(target), (&rows, learned.1), held_out, &[], loss, &[1.0])?;
        Ok(seen.map(|seen| seen.at_tolerance().clone()))
    };
    let each = if targets > 1 { (0..targets).map(one).collect::<Result<Vec<_>>>()? } else { Vec::new() };
    Ok(Some(Evaluation { targets: each.into_iter().flatten().collect(), ..all }))
}

fn evaluate_sizes(
    chosen: &Chosen,
    learned: (&Dataset, &Tolerance),
    held_out: Option<(&Dataset, &Tolerance)>,
    inputs: &[Input<'_>],
    loss: &Loss,
    sizes: &[f64],
) -> Result<Option<Evaluation>> {
    let cases = cases(chosen, learned, held_out);
    if cases.is_empty() {
        return Ok(None);
    }
    let rows = cases.iter().map(|case| case.rows.rows()).sum::<usize>();
    // Every margin of a row, or every output, has its own search.
    let outputs = chosen.network.outputs();
    let margins = if loss.is_margin() { (outputs - 1).max(1) } else { outputs };
    let node = (margins * chosen.network.units() * chosen.network.inputs().pow(2)).max(1);
    let nodes = |share: f64| ((share * SEARCH / (4 * node * rows) as f64) as usize).clamp(1, MOST_NODES);
    let search = |nodes| attack::Settings { loss: loss.clone(), nodes, ..attack::Settings::new(f64::INFINITY) };
    let report = |result: bool,
                  change: &dyn Fn(&Tolerance) -> Tolerance,
                  search: &attack::Settings|
     -> Result<WithinReport> {
        let changed: Vec<Tolerance> = cases.iter().map(|case| change(&case.tolerance)).collect();
        let each: Vec<_> =
            cases.iter().zip(&changed).map(|(case, tolerance)| (case.network(result), &case.rows, tolerance)).collect();
        attack::within_each(&each, search)
    };
    let mean = |result: bool, of: &dyn Fn(&Shallow, &Dataset) -> f64| -> f64 {
        let each = cases.iter().map(|case| {
            let rows = &case.rows;
            let weight = rows.weights.as_ref().map_or(rows.rows() as f64, |weights| weights.iter().sum());
            (weight * of(case.network(result), rows), weight)
        });
        let (sum, weight) = each.fold((0.0, 0.0), |(sum, all), (loss, weight)| (sum + loss, all + weight));
        sum / weight
    };
    let losses = |network: &Shallow, rows: &Dataset| loss.mean(network, rows);
    let (of_start, of_result) = (mean(false, &losses), mean(true, &losses));
    // Numbers are no classes.
    let accuracy = |network: &Shallow, rows: &Dataset| if loss.is_margin() { accuracy(network, rows) } else { 0.0 };
    let right_of = (mean(false, &accuracy), mean(true, &accuracy));
    let errors = |result: bool, size: f64| -> Result<Errors> {
        let nodes = if size == 1.0 { nodes(1.0) } else { nodes(0.05) };
        let report = report(result, &|tolerance| tolerance.times(size), &search(nodes))?;
        let proved = report.worst_case.map_or(f64::INFINITY, |proved| proved.certified);
        let accuracy = report.right.map(|right| Accuracy {
            clean: if result { right_of.1 } else { right_of.0 },
            found: right.found,
            proved: right.proved,
        });
        Ok(Errors { clean: if result { of_result } else { of_start }, found: report.found, proved, accuracy })
    };
    let sizes = sizes
        .iter()
        .map(|&size| Ok(AtSize { size, start: errors(false, size)?, result: errors(true, size)? }))
        .collect::<Result<Vec<_>>>()?;
    // What is added is compared as it was found without branch and bound.
    let quick = search(0);
    let all = if inputs.is_empty() { of_result } else { report(true, &Tolerance::clone, &quick)?.found };
    let mut first = 0;
    let causes = inputs
        .iter()
        .map(|input| {
            let columns = first..first + input.width;
            first += input.width;
            let exact = |tolerance: &Tolerance| tolerance.exact_in(columns.clone());
            let without = report(true, &exact, &quick)?.found;
            let added = all - of_result;
            Ok(if added > 0.0 { ((all - without) / added).clamp(0.0, 1.0) } else { 0.0 })
        })
        .collect::<Result<Vec<f64>>>()?;
    let confusion = loss.is_margin().then(|| {
        let each = cases.iter().map(|case| confusion(case.result, &case.rows));
        let add = |mut all: Vec<Vec<f64>>, one: Vec<Vec<f64>>| {
            all.iter_mut().flatten().zip(one.into_iter().flatten()).for_each(|(all, one)| *all += one);
            all
        };
        each.reduce(add).expect("there are rows")
    });
    Ok(Some(Evaluation { rows, cross_validated: held_out.is_none(), sizes, causes, confusion, targets: Vec::new() }))
}
