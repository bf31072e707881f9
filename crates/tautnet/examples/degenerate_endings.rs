//! Not for users: how runs on degenerate data end, counted by ending and cause.
//!
//! `degenerate_endings FROM TO [all|stopped|ordinary|CAUSE]` runs the seeds from FROM to TO and prints the counts; with a
//! third word also every run whose ending is of that kind.

#[path = "../tests/degenerate/mod.rs"]
mod degenerate;

use degenerate::case;
use std::{collections::BTreeMap, ops::ControlFlow};
use tautnet::polish::{Ending, polish};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = [given[0].parse::<u64>()?, given[1].parse::<u64>()?];
    let wanted = given.get(2).map_or("", String::as_str);
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut methods: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for seed in from..to {
        let case = case(seed);
        let run = || polish(&case.network, &case.data, &case.settings, &mut |_| ControlFlow::Continue(()));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        let (word, gap) = match &ended {
            Err(_) => ("panic".to_owned(), None),
            Ok(Err(error)) => (format!("error: {error}"), None),
            Ok(Ok(polished)) => {
                let word = match &polished.ending {
                    Ending::Solved => "solved".to_owned(),
                    Ending::Stopped(why) => format!("stopped: {why}"),
                    Ending::Unchanged(why) => format!("unchanged: {why}"),
                };
                (word, polished.duality_gap)
            }
        };
        let cause = without_numbers(&word);
        let stopped = !word.starts_with("solved") && !word.starts_with("unchanged");
        let method = methods.entry(case.settings.method.name().to_owned()).or_default();
        method[0] += 1;
        method[1] += usize::from(stopped);
        let count = counts.entry(cause.clone()).or_default();
        count[0] += 1;
        count[1] += usize::from(case.ordinary);
        let told = match wanted {
            "all" => true,
            "stopped" => stopped,
            "ordinary" => stopped && case.ordinary,
            "" => false,
            other => cause.contains(other),
        };
        if told {
            let mark = if case.ordinary { "ordinary" } else { "extreme" };
            let (n, d, m) = (case.data.rows(), case.data.columns(), case.network.units());
            println!("{seed} {mark} n {n} d {d} m {m}: {}: {word} (gap {gap:?})", case.kind);
        }
    }
    println!("ending: runs, of which with ordinary numbers");
    counts.iter().for_each(|(cause, [all, ordinary])| println!("{all:6} {ordinary:6}  {cause}"));
    methods
        .iter()
        .for_each(|(method, [all, stopped])| println!("{method}: {stopped} of {all} neither solved nor unchanged"));
    Ok(())
}

/// The sentence with every number made `#`.
fn without_numbers(sentence: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches([',', '.', ';']);
        if bare.parse::<f64>().is_ok() { word.replace(bare, "#") } else { word.to_owned() }
    };
    sentence.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
