//! Networks on rows that they did not learn from: errors found and proved over a range of tolerances, and what each input causes of them.

use super::baselines::Baselines;
use super::outcome::{Chosen, Part};
use super::seen::{Accuracy, AtSize, Errors, Evaluation, OfTarget, Simple, Typical, Verdict};
use crate::attack::{self, SIZES, WithinReport};
use crate::error::Result;
use crate::rows::Rows;
use crate::several;
use crate::tolerance::{Input, Tolerance};
use crate::{Dataset, Loss, Shallow};

/// Operations that the search at the tolerance itself may take, about: seconds.
const SEARCH: f64 = 3e9;

/// Most nodes of branch and bound for each row and end of its interval.
const MOST_NODES: usize = 2000;

/// More rows than this are not attacked.
const MOST_ROWS: usize = 1000;

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

/// Told of how many of so many searches are done.
pub type Watching<'o> = dyn FnMut(usize, usize) + 'o;

/// Evaluate on rows held out, with their tolerance, where there are any; else on the rows that were held out in turn. `None` where
/// there was no time to hold any out. [`Stop::here`](crate::Stop::here) ends the search; what is found and proved stays valid.
pub fn evaluate(
    chosen: &Chosen,
    learned: (&Dataset, &Tolerance),
    held_out: Option<(&Dataset, &Tolerance)>,
    inputs: &[Input<'_>],
    loss: &Loss,
    watching: &mut Watching<'_>,
) -> Result<Option<Evaluation>> {
    with_targets(chosen, learned, held_out, inputs, loss, &SIZES, watching)
}

/// The same at the tolerance itself alone, and without what each input causes.
pub fn evaluate_at_tolerance(
    chosen: &Chosen,
    learned: (&Dataset, &Tolerance),
    loss: &Loss,
) -> Result<Option<Evaluation>> {
    with_targets(chosen, learned, None, &[], loss, &[1.0], &mut |_, _| ())
}

/// An evaluation, and where there are several targets that of each output alone at the tolerance itself.
fn with_targets(
    chosen: &Chosen,
    learned: (&Dataset, &Tolerance),
    held_out: Option<(&Dataset, &Tolerance)>,
    inputs: &[Input<'_>],
    loss: &Loss,
    sizes: &[f64],
    watching: &mut Watching<'_>,
) -> Result<Option<Evaluation>> {
    let targets = learned.0.targets();
    // Both networks at every size, each input exact, and both simple rules.
    let searches = |sizes: usize, inputs: usize| 2 * sizes + inputs + 2;
    let each = if targets > 1 { targets * searches(1, 0) } else { 0 };
    let (mut done, of) = (0, searches(sizes.len(), inputs.len()) + each);
    let mut step = || {
        done += 1;
        watching(done, of);
    };
    let Some(mut all) = evaluate_sizes(chosen, learned, held_out, inputs, loss, sizes, &mut step)? else {
        return Ok(None);
    };
    for target in (0..targets).filter(|_| targets > 1) {
        let rows = learned.0.of_target(target);
        let others = held_out.map(|(rows, tolerance)| (rows.of_target(target), tolerance));
        let held_out = others.as_ref().map(|(rows, tolerance)| (rows, *tolerance));
        let of_target = (&rows, learned.1);
        let seen = evaluate_sizes(&chosen.of_output(target), of_target, held_out, &[], loss, &[1.0], &mut step)?;
        let Some(seen) = seen else { continue };
        let typical = seen.typical.expect("it is one target of numbers");
        let at = seen.at_tolerance().clone();
        let verdict = Verdict::between(&at.result, &at.start, seen.simple.as_ref());
        all.targets.push(OfTarget { at, simple: seen.simple, typical, verdict });
    }
    Ok(Some(all))
}

/// What the simple rules are on the rows that each case did not learn from.
fn baselines(
    cases: &[Case<'_>],
    chosen: &Chosen,
    learned: &Dataset,
    held_out: bool,
    loss: &Loss,
) -> Option<Vec<Baselines>> {
    let outputs = chosen.network.outputs();
    let classes = (loss.is_margin() && outputs > 1).then_some(outputs);
    if held_out {
        return Some(vec![Baselines::of(learned, classes, loss)?]);
    }
    let of = |part: &Part| {
        let mut others = vec![true; learned.rows()];
        part.held_out.iter().for_each(|&row| others[row] = false);
        let others: Vec<usize> = (0..learned.rows()).filter(|&row| others[row]).collect();
        Baselines::of(&Rows::of(learned).pick(&others), classes, loss)
    };
    debug_assert_eq!(cases.len(), chosen.choice.parts.len());
    chosen.choice.parts.iter().map(of).collect()
}

/// How far predictions of one target are off, over all cases.
fn typical(cases: &[Case<'_>]) -> Typical {
    Typical::of(cases.iter().flat_map(|case| {
        let weight = |k: usize| case.rows.weights.as_ref().map_or(1.0, |weights| weights[k]);
        let predicted = case.result.predict(case.rows.x.as_ref());
        predicted.into_iter().enumerate().map(|(k, f)| (f, case.rows.y[k], weight(k))).collect::<Vec<_>>()
    }))
}

fn evaluate_sizes(
    chosen: &Chosen,
    learned: (&Dataset, &Tolerance),
    held_out: Option<(&Dataset, &Tolerance)>,
    inputs: &[Input<'_>],
    loss: &Loss,
    sizes: &[f64],
    step: &mut dyn FnMut(),
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
    // The networks below are one a case.
    let report = |networks: &[&Shallow],
                  change: &dyn Fn(&Tolerance) -> Tolerance,
                  search: &attack::Settings|
     -> Result<WithinReport> {
        let changed: Vec<Tolerance> = cases.iter().map(|case| change(&case.tolerance)).collect();
        let each: Vec<_> = networks.iter().zip(&cases).zip(&changed).map(|((n, c), t)| (*n, &c.rows, t)).collect();
        attack::within_each(&each, search)
    };
    let mean = |networks: &[&Shallow], of: &dyn Fn(&Shallow, &Dataset) -> f64| -> f64 {
        let each = networks.iter().zip(&cases).map(|(network, case)| {
            let rows = &case.rows;
            let weight = rows.weights.as_ref().map_or(rows.rows() as f64, |weights| weights.iter().sum());
            (weight * of(network, rows), weight)
        });
        let (sum, weight) = each.fold((0.0, 0.0), |(sum, all), (loss, weight)| (sum + loss, all + weight));
        sum / weight
    };
    let clean = |networks: &[&Shallow]| mean(networks, &|network, rows| loss.mean(network, rows));
    let errors = |networks: &[&Shallow], size: f64| -> Result<Errors> {
        let nodes = if size == 1.0 { nodes(1.0) } else { nodes(0.05) };
        let report = report(networks, &|tolerance| tolerance.times(size), &search(nodes))?;
        let proved = report.worst_case.map_or(f64::INFINITY, |proved| proved.proved);
        let accuracy = report.right.map(|right| Accuracy {
            clean: mean(networks, &accuracy),
            found: right.found,
            proved: right.proved,
        });
        Ok(Errors { clean: clean(networks), found: report.found, proved, accuracy })
    };
    let mut told = |errors: Result<Errors>| {
        step();
        errors
    };
    let starts: Vec<&Shallow> = cases.iter().map(|case| case.start).collect();
    let results: Vec<&Shallow> = cases.iter().map(|case| case.result).collect();
    let sizes = sizes
        .iter()
        .map(|&size| {
            let start = told(errors(&starts, size))?;
            Ok(AtSize { size, start, result: told(errors(&results, size))? })
        })
        .collect::<Result<Vec<_>>>()?;
    let simple = match baselines(&cases, chosen, learned.0, held_out.is_some(), loss) {
        Some(made) => {
            let [constant, linear]: [Vec<&Shallow>; 2] =
                [made.iter().map(|of| &of.constant).collect(), made.iter().map(|of| &of.linear).collect()];
            let constant = told(errors(&constant, 1.0))?;
            Some(Simple { constant, linear: told(errors(&linear, 1.0))? })
        }
        None => None,
    };
    // What is added is compared as it was found without branch and bound.
    let (quick, of_result) = (search(0), clean(&results));
    let all = if inputs.is_empty() { of_result } else { report(&results, &Tolerance::clone, &quick)?.found };
    let mut first = 0;
    let causes = inputs
        .iter()
        .map(|input| {
            let columns = first..first + input.width;
            first += input.width;
            let exact = |tolerance: &Tolerance| tolerance.exact_in(columns.clone());
            let without = report(&results, &exact, &quick)?.found;
            step();
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
    let typical = (!loss.is_margin() && outputs == 1).then(|| typical(&cases));
    let cross_validated = held_out.is_none();
    Ok(Some(Evaluation { rows, cross_validated, sizes, causes, confusion, simple, typical, targets: Vec::new() }))
}
