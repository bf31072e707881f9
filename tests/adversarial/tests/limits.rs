//! `--time-limit`, over all commands and inputs of every shape: the program ends within two seconds of it.
//!
//! These tests measure time and so run one after another, in a test program of their own: cargo runs nothing beside it.

use std::fmt::Write;
use std::time::{Duration, Instant};
use tautnet::Shallow;
use tautnet_adversarial::effort::Effort;
use tautnet_adversarial::files::model;
use tautnet_adversarial::ledger::Ledger;
use tautnet_adversarial::networks::Draw;
use tautnet_furniture::{Folder, Ran, tautnet};
use tautnet_models::json::network_to_json;

/// How long after its limit a command may end.
const SLACK: Duration = Duration::from_secs(2);

/// What runs far longer than the limit where it is not stopped. The first ones are the short form.
const COMMANDS: [&str; 34] = [
    "train rows.csv --hidden 100 --out OUT",
    "train levels.csv --hidden 2 --out OUT",
    "certify units.json --exact",
    "polish units.json rows.csv --lipschitz-price 0.01 --method walk --out OUT",
    "compare rows.csv --hidden 60 --out OUT",
    "train wide.csv --hidden 8 --out OUT",
    "certify many-units.json",
    "reproduce table-1 --tier quick --out results --force",
    "attack units.json rows.csv --radius 0:1:0.001 --restarts 30",
    "predict model.json many-rows.csv --radius 0.5 --nodes 100000",
    "train rows.csv --hidden 20000 --out OUT",
    "train rows.csv --hidden 60 --start admm --max-lipschitz 1 --out OUT",
    "train rows.csv --hidden 60 --start adversarial --out OUT",
    "train rows.csv --hidden 60 --start random --out OUT",
    "train rows.csv --hidden 60 --method walk --effort high --lipschitz-price 0.01 --out OUT",
    "train rows.csv --hidden 60 --method alternating --lipschitz-price 0.01 --out OUT",
    "train rows.csv --hidden 60 --norm inf --out OUT",
    "train many-rows.csv --hidden 50 --out OUT",
    "train levels.csv --hidden 100 --lipschitz-price 0.01 --out OUT",
    "train wide.csv --hidden 8 --lipschitz-price 0.01 --norm inf --out OUT",
    "polish units.json rows.csv --lipschitz-price 0.01 --out OUT",
    "polish units.json rows.csv --lipschitz-price 0.01 --norm inf --out OUT",
    "polish units.json rows.csv --lipschitz-price 0.01 --method alternating --out OUT",
    "polish units.json rows.csv --method weight-decay --out OUT",
    "polish many-units.json rows.csv --lipschitz-price 0.01 --out OUT",
    "polish model.json many-rows.csv --lipschitz-price 0.01 --out OUT",
    "certify units.json rows.csv --exact --norm inf",
    "certify units.json --exact --box -1:1 --norm 1",
    "certify units.json --exact --ball 2",
    "certify many-units.json --exact --norm 2 --resume search.json",
    "certify wide.json --exact",
    "certify wide.json --norm inf --ball 1",
    "compare rows.csv --hidden 60 --norm inf --out OUT",
    "reproduce figure-1 --tier quick --out results --force",
];

/// Random numbers as CSV.
fn table(rows: usize, columns: usize, draw: &mut Draw) -> String {
    let mut text: String = (0..columns).map(|k| format!("x{k},")).collect();
    text.push_str("y\n");
    for _ in 0..rows {
        (0..=columns)
            .for_each(|k| write!(text, "{}{:.4}", if k > 0 { "," } else { "" }, draw.unit()).expect("text takes text"));
        text.push('\n');
    }
    text
}

fn network(units: usize, inputs: usize, draw: &mut Draw) -> String {
    let w = faer::Mat::from_fn(units, inputs, |_, _| draw.unit());
    let mut numbers = || (0..units).map(|_| draw.unit()).collect();
    let network = Shallow::new(w, numbers(), numbers(), 0.1).expect("it is one");
    network_to_json(&network.into()).expect("it can be written")
}

fn prepared() -> Folder {
    let folder = Folder::default();
    let draw = &mut Draw::new(5);
    folder.write("rows.csv", table(400, 6, draw));
    folder.write(
        "many-rows.csv",
        format!(
            "kind,size,y\n{}",
            (0..30_000)
                .map(|k| format!("{},{:.3},{:.3}\n", if k % 3 == 0 { "red" } else { "blue" }, draw.unit(), draw.unit()))
                .collect::<String>()
        ),
    );
    folder.write("wide.csv", table(40, 10_000, draw));
    let level = |k: usize| format!("word{},{}\n", k % 200, (k * 7919) % 101);
    folder.write("levels.csv", format!("level,y\n{}", (0..600).map(level).collect::<String>()));
    folder.write("units.json", network(300, 6, draw));
    folder.write("many-units.json", network(10_000, 6, draw));
    folder.write("wide.json", network(20, 5_000, draw));
    folder.write("model.json", model().to_json().expect("it can be written"));
    folder
}

#[test]
fn time_limits_are_kept() {
    let effort = Effort::asked();
    let (folder, program) = (prepared(), tautnet());
    let limits: &[f64] = if effort.count(0, 1) == 1 { &[0.0, 1.0, 4.0] } else { &[1.0] };
    let mut ledger = Ledger::default();
    let mut worst = (Duration::ZERO, String::new());
    for limit in limits {
        for command in &COMMANDS[..effort.count(8, COMMANDS.len())] {
            let words = command.replace("OUT", "out.json --force");
            let help = Ran::of(folder.command(&program).args([words.split(' ').next().expect("a word"), "--help"]));
            let has_limit = help.out.contains("--time-limit");
            let arguments = format!("{words} --quiet --threads 2 --time-limit {limit}");
            let arguments =
                if words.starts_with("predict") { arguments.replace("--quiet --threads 2 ", "") } else { arguments };
            ledger.check("commands that take long have a limit", has_limit, || command.to_string());
            if !has_limit {
                continue;
            }
            let started = Instant::now();
            let ran = Ran::of(folder.command(&program).args(arguments.split_whitespace()));
            let time = started.elapsed();
            let late = time.saturating_sub(Duration::from_secs_f64(*limit));
            let story = || {
                format!(
                    "`tautnet {arguments}` took {:.1} s, {:?}: {:?}",
                    time.as_secs_f64(),
                    ran.code,
                    ran.err.lines().last()
                )
            };
            println!("{}", story());
            ledger.check("time limits", late <= SLACK, story);
            // A limit of the bound that could not be met in the time is a claim that failed; what the time or the machine does not
            // allow at all is refused, with a hint.
            let fine = match ran.code {
                Some(0 | 1) => true,
                Some(2) => ran.err.contains("error: ") && ran.err.contains("hint: "),
                _ => false,
            };
            ledger.check("exit status", fine, story);
            if late > worst.0 {
                worst = (late, arguments.clone());
            }
        }
    }
    println!("latest: {:.2} s after its limit, `tautnet {}`", worst.0.as_secs_f64(), worst.1);
    ledger.settle("time limits");
}
