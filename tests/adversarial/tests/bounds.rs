//! Every figure that the library proves or finds, against the truth in exact arithmetic.

use rayon::prelude::*;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tautnet::certify::{
    self, Attained, ExactSearch, ExactSettings, GradientSearchSettings, RangeSettings, Region, SampleInterval,
    affordable_nodes, sample_interval,
};
use tautnet::{Dataset, Norm, Shallow, attack};
use tautnet_adversarial::effort::Effort;
use tautnet_adversarial::ledger::Ledger;
use tautnet_adversarial::networks::{self, Draw, KINDS};
use tautnet_adversarial::number::Ratio;
use tautnet_adversarial::truth::{Exact, Length, Range, contains, exact_point};
use tautnet_models::{Model, json::network_to_json};
use tautnet_tables::Encoder;

const NORMS: [Norm; 3] = [Norm::One, Norm::Two, Norm::Infinity];

/// A network, and what is known of it.
struct Case {
    number: usize,
    network: Shallow,
    exact: Exact,
    ledger: Ledger,
}

impl Case {
    fn story(&self, what: &str) -> String {
        let kind = KINDS[self.number % KINDS.len()];
        let json = network_to_json(&(&self.network).into()).unwrap_or_else(|_| format!("{:?}", self.network));
        let json = json.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("case {} ({kind}): {what}\n      {json}", self.number)
    }

    /// A bound that no gradient may exceed.
    fn upper(&mut self, name: &'static str, value: f64, truth: &Length, place: &str) {
        let holds = truth.is_at_most(value);
        let story = || self.story(&format!("{value:e} {place}, but the constant is {:e}", truth.approximate()));
        let story = if holds { String::new() } else { story() };
        self.ledger.check(name, holds, || story);
    }

    /// A bound that the steepest gradient must reach.
    fn lower(&mut self, name: &'static str, value: f64, truth: &Length, place: &str) {
        let holds = truth.is_at_least(value);
        let story = || self.story(&format!("{value:e} {place}, but the constant is {:e}", truth.approximate()));
        let story = if holds { String::new() } else { story() };
        self.ledger.check(name, holds, || story);
    }

    fn at_most(&mut self, name: &'static str, small: &Ratio, large: &Ratio, place: &str) {
        let holds = small <= large;
        let story = || {
            let excess = (small - large).approximate();
            self.story(&format!("{:e} > {:e} by {excess:e} {place}", small.approximate(), large.approximate()))
        };
        let story = if holds { String::new() } else { story() };
        self.ledger.check(name, holds, || story);
    }

    /// Like [`Self::at_most`] where a side may be infinite.
    fn below(&mut self, name: &'static str, bound: f64, truth: &Ratio, place: &str) {
        if bound == f64::NEG_INFINITY {
            return self.ledger.count(name);
        }
        let Some(bound) = self.number(name, bound, place) else { return };
        self.at_most(name, &bound, truth, place);
    }

    fn above(&mut self, name: &'static str, bound: f64, truth: &Ratio, place: &str) {
        if bound == f64::INFINITY {
            return self.ledger.count(name);
        }
        let Some(bound) = self.number(name, bound, place) else { return };
        self.at_most(name, truth, &bound, place);
    }

    fn number(&mut self, name: &'static str, value: f64, place: &str) -> Option<Ratio> {
        if value.is_finite() {
            return Some(Ratio::of(value));
        }
        let story = self.story(&format!("{value} {place}"));
        self.ledger.check(name, false, || story);
        None
    }

    /// What was found at an input holds at that input.
    fn attained(&mut self, name: &'static str, found: &Attained, norm: Norm, region: &Region) {
        let place = format!("at {:?} in the norm {} over {region:?}", found.point, norm.name());
        let inside = *region == Region::Everywhere || contains(region, &found.point);
        let story = if inside { String::new() } else { self.story(&format!("not in the region, {place}")) };
        self.ledger.check("the input of a found gradient is in its region", inside, || story);
        let point = exact_point(&found.point);
        let signs: Vec<i8> = self.exact.planes.iter().map(|plane| plane.sign_at(&point)).collect();
        // A unit without an output weight has no effect; only for the others the pattern is known.
        let told = |i: usize| self.network.v()[i] == 0.0 || (signs[i] > 0) == found.active[i];
        let agrees = (0..self.network.units()).all(told);
        let story = if agrees { String::new() } else { self.story(&format!("another pattern {place}")) };
        self.ledger.check("the pattern of a found gradient", agrees, || story);
        let here = Region::Box {
            lower: found.point.iter().map(|x| x.next_down()).collect(),
            upper: found.point.iter().map(|x| x.next_up()).collect(),
        };
        if let Some(gradients) = self.exact.gradients(&here) {
            let truth = Length::longest(&gradients, &ones(&self.network), norm);
            self.lower(name, found.value, &truth, &place);
        }
    }
}

fn ones(network: &Shallow) -> Vec<Ratio> {
    vec![Ratio::of(1.0); network.inputs()]
}

/// The same for every case: a panic is a fault.
fn examine(number: usize, effort: &Effort) -> Ledger {
    let mut draw = Draw::new(effort.seed.wrapping_mul(1 << 32).wrapping_add(number as u64));
    let network = networks::network(number % KINDS.len(), &mut draw);
    let case = Case { number, exact: Exact::of(&network), network: network.clone(), ledger: Ledger::default() };
    let told = case.story("");
    let outcome = catch_unwind(AssertUnwindSafe(move || {
        let mut case = case;
        everywhere(&mut case, &mut draw);
        over_a_region(&mut case, &mut draw);
        under_attack(&mut case, &mut draw);
        as_a_model(&mut case, &mut draw);
        case.ledger
    }));
    outcome.unwrap_or_else(|_| {
        let mut ledger = Ledger::default();
        ledger.check("no panic", false, || told);
        ledger
    })
}

/// Bounds over all of space.
fn everywhere(case: &mut Case, draw: &mut Draw) {
    let network = case.network.clone();
    let gradients = case.exact.gradients(&Region::Everywhere).expect("space has cells");
    let one = ones(&network);
    let scaler = networks::scaler(&network, draw);
    for norm in NORMS {
        let truth = Length::longest(&gradients, &one, norm);
        let place = format!("in the norm {}", norm.name());
        case.upper("path norm", certify::path_norm(&network, norm), &truth, &place);
        case.upper("product of norms", certify::norm_product(&network, norm), &truth, &place);
        if norm == Norm::One {
            case.upper("column sums", certify::column_sums(&network), &truth, &place);
        }
        match certify::lipsdp(&network, norm, &mut |_| ControlFlow::Continue(())) {
            Ok(bound) => case.upper("LipSDP", bound.lipschitz_upper_bound, &truth, &place),
            Err(_) => case.ledger.count("refused: LipSDP"),
        }
        match certify::prove(&network, norm, Some(&scaler), &mut |_| ControlFlow::Continue(())) {
            Ok(certificate) => {
                let claim = &certificate.standardized;
                case.upper("certificate", claim.bound, &truth, &place);
                // What the bound of the network means for one column of the table.
                let target = Ratio::of(scaler.target_scale);
                let factors: Vec<Ratio> =
                    scaler.input_scale.iter().map(|s| &target * &Ratio::of(*s).inverse()).collect();
                let proved = Ratio::of(claim.bound);
                for (factor, told) in factors.iter().zip(scaler.bound_per_column(claim.bound)) {
                    case.above("bound per column", told, &(&proved * factor), &place);
                }
                let largest = factors.iter().max().expect("there is an input");
                case.above(
                    "bound in the user's units",
                    scaler.bound_to_user(claim.bound),
                    &(&proved * largest),
                    &place,
                );
                let raw = certificate.raw.as_ref().expect("a scaler was given");
                let in_user_units = Length::longest(&gradients, &factors, norm);
                case.upper("certificate, raw", raw.bound, &in_user_units, &place);
                for k in 0..network.inputs() {
                    let along = |factors: &[Ratio]| {
                        let mut only = vec![Ratio::zero(); factors.len()];
                        only[k] = factors[k].clone();
                        Length::longest(&gradients, &only, Norm::Infinity)
                    };
                    case.upper("sensitivity", claim.sensitivities[k], &along(&one), &place);
                    case.upper("sensitivity, raw", raw.sensitivities[k], &along(&factors), &place);
                }
            }
            Err(_) => case.ledger.count("refused: certificate"),
        }
        both_sides(case, &Region::Everywhere, norm, &truth, &place);
    }
}

/// Gradients found and branch and bound.
fn both_sides(case: &mut Case, region: &Region, norm: Norm, truth: &Length, place: &str) {
    let network = case.network.clone();
    let settings = GradientSearchSettings { starts: 8, questions: 200, ..GradientSearchSettings::default() };
    match certify::largest_gradient_found(&network, region, norm, None, &settings) {
        Ok(Some(found)) => {
            case.lower("largest gradient found", found.value, truth, place);
            case.attained("gradient at its input", &found, norm, region);
        }
        Ok(None) => case.ledger.count("no gradient found"),
        Err(_) => case.ledger.count("refused: gradient search"),
    }
    // Stopped early, and to the end.
    for nodes in [3, 300] {
        let settings = ExactSettings { nodes, start: settings, ..ExactSettings::default() };
        match ExactSearch::new(&network, region, norm, None, &settings) {
            Ok(mut search) => {
                let enclosure = search.run(&mut |_| ControlFlow::Continue(()));
                case.upper("exact, from above", enclosure.upper_bound, truth, place);
                case.lower("exact, from below", enclosure.lower_bound, truth, place);
                if let Some(found) = &enclosure.found {
                    case.attained("exact, at its input", found, norm, region);
                }
            }
            Err(_) => case.ledger.count("refused: exact"),
        }
    }
    if let Ok(Some(found)) = certify::largest_gradient_by_enumeration(&network, region, norm) {
        case.lower("enumeration", found.value, truth, place);
    }
}

/// Bounds and values over a box or ball.
fn over_a_region(case: &mut Case, draw: &mut Draw) {
    let network = case.network.clone();
    let region = networks::region(&network, draw);
    if region.check(network.inputs()).is_err() {
        return case.ledger.count("refused: region");
    }
    if let Some(gradients) = case.exact.gradients(&region) {
        for norm in NORMS {
            let truth = Length::longest(&gradients, &ones(&network), norm);
            let place = format!("in the norm {} over {region:?}", norm.name());
            match certify::local_upper_bound(&network, &region, norm) {
                Ok(bound) => case.upper("local LipSDP", bound.upper_bound, &truth, &place),
                Err(_) => case.ledger.count("refused: local LipSDP"),
            }
            both_sides(case, &region, norm, &truth, &place);
        }
    }
    let truth = case.exact.range(&region);
    for nodes in [1, 200] {
        let settings = RangeSettings { nodes, ..RangeSettings::default() };
        let place = format!("over {region:?}, {nodes} nodes");
        match certify::output_range(&network, &region, &settings, &mut |_, _| ControlFlow::Continue(())) {
            Ok(range) => {
                case.below("range, lower end", range.lowest.bound, &truth.lowest, &place);
                case.above("range, upper end", range.highest.bound, &truth.highest, &place);
                if truth.complete {
                    case.above("range, lowest found", range.lowest.found, &truth.lowest, &place);
                    case.below("range, highest found", range.highest.found, &truth.highest, &place);
                }
            }
            Err(_) => case.ledger.count("refused: range"),
        }
    }
}

/// The interval around an input, and the error of rows under attack.
fn under_attack(case: &mut Case, draw: &mut Draw) {
    let network = case.network.clone();
    let rows: Vec<Vec<f64>> = (0..draw.int(1, 3)).map(|_| networks::input(&network, draw)).collect();
    let size = rows.iter().flatten().fold(0.0, |a: f64, x| a.max(x.abs()));
    let radius = match draw.int(0, 3) {
        0 => 0.001,
        1 => draw.positive(2.0),
        _ if (1e-280..1e280).contains(&size) => size * draw.positive(4.0),
        _ => 0.5,
    };
    let targets: Vec<f64> = rows.iter().map(|row| row[0] * draw.unit() + draw.unit()).collect();
    let x = faer::Mat::from_fn(rows.len(), network.inputs(), |k, j| rows[k][j]);
    // Every third table has sample weights; a row of weight 0 does not count.
    let weights: Option<Vec<f64>> =
        draw.once_in(3).then(|| rows.iter().map(|_| draw.of(&[0.0, 1.0, 2.5, 1e-3, 1e9])).collect());
    let Ok(data) = Dataset::new(x, targets.clone(), weights.clone()) else {
        return case.ledger.count("refused: data");
    };
    let weight = |k: usize| Ratio::of(weights.as_ref().map_or(1.0, |weights| weights[k]));
    let total = (0..rows.len()).fold(Ratio::zero(), |sum, k| &sum + &weight(k));
    for norm in NORMS {
        let ranges: Vec<Range> =
            rows.iter().map(|row| case.exact.range(&Region::Ball { center: row.clone(), radius, norm })).collect();
        let Ok(bound) = certify::lipsdp(&network, norm, &mut |_| ControlFlow::Continue(())) else {
            return case.ledger.count("refused: LipSDP");
        };
        let bound = bound.lipschitz_upper_bound;
        for nodes in [0, 20] {
            for (row, truth) in rows.iter().zip(&ranges) {
                let place = format!("within {radius:e} of {row:?}, norm {}, {nodes} nodes", norm.name());
                match sample_interval(&network, row, norm, radius, bound, nodes) {
                    Ok(interval) => interval_holds(case, &interval, truth, &place),
                    Err(_) => case.ledger.count("refused: interval"),
                }
            }
            let settings = attack::Settings { nodes, ..attack::Settings::new(bound) };
            let place = format!(
                "attack of radius {radius:e} in the norm {} on {rows:?} with the targets {targets:?} and the weights \
                 {weights:?}, {nodes} nodes",
                norm.name()
            );
            match attack::attack(&network, &data, norm, &[radius], &settings) {
                Ok(reports) => {
                    let square = |k: usize| {
                        let error = ranges[k].worst_error(&Ratio::of(targets[k]));
                        &weight(k) * &(&error * &error)
                    };
                    let sum = (0..rows.len()).fold(Ratio::zero(), |sum, k| &sum + &square(k));
                    let truth = &sum * &total.inverse();
                    case.above("ceiling of the error", reports[0].ceiling, &truth, &place);
                    case.above("error proved row by row", reports[0].row_by_row(), &truth, &place);
                    if ranges.iter().all(|range| range.complete) {
                        case.below("error found", reports[0].found, &truth, &place);
                    }
                }
                Err(error) => {
                    let story = case.story(&format!("{error} ({place})"));
                    case.ledger.check("attack is not refused", error.what.contains("overflow"), || story);
                }
            }
        }
    }
}

fn interval_holds(case: &mut Case, interval: &SampleInterval, truth: &Range, place: &str) {
    case.below("interval, lower end", interval.lower, &truth.lowest, place);
    case.above("interval, upper end", interval.upper, &truth.highest, place);
    if truth.complete {
        case.above("interval, lowest found", interval.lowest_found, &truth.lowest, place);
        case.below("interval, highest found", interval.highest_found, &truth.highest, place);
    }
}

/// Predictions of a model, in the units of its table.
fn as_a_model(case: &mut Case, draw: &mut Draw) {
    let network = case.network.clone();
    let scaler = networks::scaler(&network, draw);
    let norm = draw.of(&NORMS);
    let Ok(certificate) = certify::prove(&network, norm, Some(&scaler), &mut |_| ControlFlow::Break(())) else {
        return case.ledger.count("refused: certificate");
    };
    let model = Model {
        columns: Encoder::of_numbers((0..network.inputs()).map(|k| format!("x{k}")), "y"),
        scaler: scaler.clone(),
        settings: serde_json::Value::Null,
        objective: serde_json::Value::Null,
        certificate: Some(certificate),
        network: (&network).into(),
        calibration: None,
    };
    // Rows whose standardized inputs are of the size that matters for the network.
    let row = scaler.input_to_user(&networks::input(&network, draw));
    if row.iter().any(|x| !x.is_finite()) {
        return case.ledger.count("refused: data");
    }
    let radius = draw.positive(3.0);
    let around = Exact::around(&network, &scaler, &row);
    if let Ok((_, reach)) = model.reach(radius) {
        let factor = &Ratio::of(scaler.target_scale) * &Ratio::of(radius);
        let gradients = case.exact.gradients(&Region::Everywhere).expect("space has cells");
        let truth = Length::longest(&gradients, &vec![factor; row.len()], norm);
        case.upper(
            "reach of a prediction",
            reach,
            &truth,
            &format!("within {radius:e}, norm {}, {scaler:?}", norm.name()),
        );
    }
    let truth = around.range(&Region::Ball { center: vec![0.0; row.len()], radius, norm });
    let user = |value: &Ratio| &Ratio::of(scaler.target_mean) + &(&Ratio::of(scaler.target_scale) * value);
    let x = || faer::Mat::from_fn(1, row.len(), |_, k| row[k]);
    for nodes in [Some(0), None] {
        let place = format!(
            "prediction within {radius:e} of {row:?}, norm {}, {} nodes, {scaler:?}",
            norm.name(),
            nodes.unwrap_or(affordable_nodes(&network, 1))
        );
        match model.intervals_encoded(x(), radius, nodes, &mut |_| {}) {
            Ok(intervals) => {
                case.below("prediction, lower end", intervals.rows[0].lower, &user(&truth.lowest), &place);
                case.above("prediction, upper end", intervals.rows[0].upper, &user(&truth.highest), &place);
            }
            Err(_) => case.ledger.count("refused: prediction"),
        }
    }
}

#[test]
fn every_figure_is_on_its_side_of_the_truth() {
    let effort = Effort::asked();
    let cases = effort.count(600, 20_000);
    // Panics are counted and told with their case; the usual message would hide the others.
    let ledger =
        (0..cases).into_par_iter().map(|number| examine(number, &effort)).reduce(Ledger::default, Ledger::merge);
    ledger.settle(&format!("{cases} networks, every figure against exact arithmetic"));
}
