//! What the command line prints: every bound of its tables, digits and all, against exact arithmetic. A bound that is shown with fewer
//! digits than it has must be rounded away from the constant.

use rayon::prelude::*;
use tautnet::Norm;
use tautnet::certify::Region;
use tautnet_adversarial::effort::Effort;
use tautnet_adversarial::ledger::Ledger;
use tautnet_adversarial::networks::{self, Draw, KINDS};
use tautnet_adversarial::number::Ratio;
use tautnet_adversarial::truth::{Exact, Length};
use tautnet_furniture::{Folder, Ran};
use tautnet_models::{Model, json::network_to_json};
use tautnet_tables::Encoder;

/// The numbers of a line of a table, without its dashes.
fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn told(number: usize, what: &str, ran: &Ran, network: &str) -> String {
    let network = network.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("case {number} ({}): {what}\n      {network}\n{}{}", KINDS[number % KINDS.len()], ran.out, ran.err)
}

fn examine(number: usize, effort: &Effort) -> Ledger {
    let mut draw = Draw::new(effort.seed.wrapping_mul(1 << 32).wrapping_add(1 << 30 | number as u64));
    let network = networks::network(number % KINDS.len(), &mut draw);
    let (exact, inputs) = (Exact::of(&network), network.inputs());
    let json = network_to_json(&(&network).into()).expect("it can be written");
    let folder = Folder::default();
    folder.write("network.json", &json);
    let mut ledger = Ledger::default();

    // Bounds over all of space and over a box.
    let side = draw.positive(2.0);
    let ran = folder
        .tautnet(&format!("certify network.json --exact --time-limit 2 --quiet --threads 1 --box -{side}:{side}"));
    let region = Region::Box { lower: vec![-side; inputs], upper: vec![side; inputs] };
    let over = |region: &Region| exact.gradients(region).expect("a box has cells");
    let (everywhere, inside) = (over(&Region::Everywhere), over(&region));
    let one = vec![Ratio::of(1.0); inputs];
    if ran.code == Some(2) {
        ledger.count("refused");
        return ledger;
    }
    for line in ran.out.lines() {
        let Some(at) = line.find(['≤', '≥']) else { continue };
        let upper = line[at..].starts_with('≤');
        let norm: Norm = line[..at].split_whitespace().last().expect("a norm").parse().expect("a norm");
        let gradients = if line.contains("(in the box)") { &inside } else { &everywhere };
        let truth = Length::longest(gradients, &one, norm);
        let shown = line[at..].split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok());
        let holds = shown.is_some_and(|shown| if upper { truth.is_at_most(shown) } else { truth.is_at_least(shown) });
        let name = if upper { "upper bounds printed by certify" } else { "lower bounds printed by certify" };
        ledger.check(name, holds, || {
            told(number, &format!("{line}: the constant is {:e}", truth.approximate()), &ran, &json)
        });
    }

    // How far a column of a model moves its prediction.
    let scaler = networks::scaler(&network, &mut draw);
    let model = Model {
        columns: Encoder::of_numbers((0..inputs).map(|k| format!("x{k}")), "y"),
        scaler: scaler.clone(),
        settings: serde_json::Value::Null,
        objective: serde_json::Value::Null,
        certificate: None,
        network: network.clone().into(),
        calibration: None,
    };
    folder.write("model.json", model.to_json().expect("it can be written"));
    let ran = folder.tautnet("certify model.json --time-limit 2 --quiet --threads 1 --norm inf");
    let mut table = ran.out.lines().skip_while(|line| !line.starts_with("one unit of")).skip(1);
    for k in (0..inputs).filter(|_| ran.code == Some(0)) {
        let mut along = vec![Ratio::zero(); inputs];
        along[k] = &Ratio::of(scaler.target_scale) * &Ratio::of(scaler.input_scale[k]).inverse();
        let truth = Length::longest(&everywhere, &along, Norm::Infinity);
        let line = table.next().unwrap_or_default();
        let shown = line.split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok());
        ledger.check("sensitivities printed by certify", shown.is_some_and(|shown| truth.is_at_most(shown)), || {
            told(number, &format!("{line}: it is {:e}", truth.approximate()), &ran, &json)
        });
    }

    // Errors under attack: found, proved row by row, ceiling; and the roots of found and proved.
    let row = networks::input(&network, &mut draw);
    let (target, radius) = (draw.unit(), draw.positive(2.0));
    let cells: Vec<String> = row.iter().chain([&target]).map(|x| format!("{x:e}")).collect();
    let header: Vec<String> = (0..inputs).map(|k| format!("x{k},")).collect();
    folder.write("row.csv", format!("{}y\n{}\n", header.concat(), cells.join(",")));
    let ran = folder
        .tautnet(&format!("attack network.json row.csv --no-standardize --radius {radius} --norm inf --threads 1"));
    if ran.code == Some(0) {
        let range = exact.range(&Region::Ball { center: row.clone(), radius, norm: Norm::Infinity });
        let error = range.worst_error(&Ratio::of(target));
        let square = &error * &error;
        let shown = ran.out.lines().nth(1).map(numbers).unwrap_or_default();
        let on_its_side = |k: usize, truth: &Ratio, above: bool| match shown.get(k) {
            Some(shown) if shown.is_infinite() => above,
            Some(shown) => {
                if above {
                    *truth <= Ratio::of(*shown)
                } else {
                    Ratio::of(*shown) <= *truth
                }
            }
            None => false,
        };
        for (k, name, truth, above) in [
            (1, "errors found printed by attack", &square, false),
            (2, "errors proved row by row printed by attack", &square, true),
            (3, "ceilings printed by attack", &square, true),
            (4, "roots of errors found printed by attack", &error, false),
            (5, "roots of ceilings printed by attack", &error, true),
        ] {
            ledger.check(name, on_its_side(k, truth, above), || {
                told(number, &format!("{row:?} {target}: it is {:e}", truth.approximate()), &ran, &json)
            });
        }
    } else {
        ledger.count("refused: attack");
    }
    ledger
}

#[test]
fn every_bound_is_printed_on_its_side_of_the_truth() {
    let effort = Effort::asked();
    let cases = effort.count(42, 700);
    let ledger =
        (0..cases).into_par_iter().map(|number| examine(number, &effort)).reduce(Ledger::default, Ledger::merge);
    assert!(
        ledger.checked_as("upper bounds printed by certify") > 10 * cases,
        "the table has another shape:\n{}",
        ledger.table()
    );
    ledger.settle(&format!("{cases} networks, every bound that the command line prints"));
}
