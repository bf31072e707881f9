//! The reference documentation of the settings, made of their lines.

use super::deep::Deep;
use super::field::{Command, Field, Kind};
use super::interval::Interval;
use super::judge::Judge;
use super::layers::Layers;
use super::rounds::Rounds;
use super::run::Run;
use super::search::Search;
use super::settings::Recipe;
use super::starts::Starts;
use super::table::Table;
use crate::polish::Method;
use crate::requirement::{Choice, Demand};
use crate::train::Start;
use crate::{Norm, attack, loss};
use std::fmt::Write;

const HEAD: &str = "# Settings

<!-- Made by the program from `Recipe::FIELDS`; the test `the_reference_is_up_to_date` of `crates/tautnet` says how to make it anew. -->

Every setting of a fit, a polish, a comparison, an attack, a prediction and an experiment file. On the command line a setting is a flag: `max_lipschitz` is
`--max-lipschitz`, and a setting with yes or no has a flag for what is not the default: `--no-…` where that is no. In Python it is a
parameter of that name, but for `seed`, which is `random_state` there. Model files keep those of the fit and of the polish under these names.

An experiment file, from which `reproduce` takes its settings, says each of them that it has, under these names (the time limit and the threads are flags); but `hidden` is `hidden_units`
there, `test` is `held_out`, `radius` is `radii`, and `lipschitz_price` and `decay` are lists. What only `reproduce` has is as it says here in all other commands.
";

/// The page `docs/reference/settings.md`.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    of_table::<Recipe>(&mut page, "");
    of_table::<Starts>(&mut page, "");
    of_table::<Rounds>(&mut page, "");
    of_table::<Judge>(&mut page, "");
    of_table::<Deep>(&mut page, " of `train --layers`");
    of_table::<Layers>(&mut page, " of `polish`");
    of_table::<Search>(&mut page, " of `attack`");
    of_table::<Interval>(&mut page, " of `predict`");
    of_table::<Run>(&mut page, "");
    page.push_str("\n## What does not go together\n\nIt is refused before any work, by name, with what would do.\n\n");
    page.push_str("| choice | asks | what would do |\n|---|---|---|\n");
    for choice in choices().into_iter().chain(attack::Method::ALL.map(attack::Method::choice)) {
        for requirement in choice.requires {
            let setting = format!("{:?}", requirement.setting);
            let asks = match requirement.demand {
                Demand::Unused => match setting.as_str() {
                    // No one but a caller of the library can ask for these.
                    "Multipliers" => continue,
                    "Effort" => "is not used with the effort `high`".to_owned(),
                    "Penalty" => "does not use the penalty `L2`".to_owned(),
                    other => format!("does not use `{}`", underscored(other)),
                },
                Demand::OneOf(_, why) => why.to_owned(),
                Demand::Needed(_, without) => without.to_owned(),
            };
            let _ = writeln!(page, "| {} `{}` | {asks} | {} |", choice.kind, choice.name, requirement.hint);
        }
    }
    page
}

/// Every choice there is.
pub fn choices() -> Vec<Choice<'static>> {
    let methods = Method::all().map(Method::choice);
    let starts = Start::all().map(|start| start.choice());
    let losses = loss::ALL.iter().map(|entry| Choice { kind: "loss", name: entry.name, requires: entry.requires });
    let norms = [Norm::Two, Norm::Infinity, Norm::One].into_iter().map(Norm::choice);
    methods.chain(starts).chain(losses).chain(norms).collect()
}

fn underscored(name: &str) -> String {
    let mut text = String::new();
    for (k, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && k > 0 {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// The sections of a table; `of` follows each name in the title.
fn of_table<T: Table>(page: &mut String, of: &str) {
    T::FIELDS.iter().for_each(|field| page.push_str(&of_field(field, of)));
}

/// The section of a setting; `of` follows its name in the title.
fn of_field<R: Default>(field: &Field<R>, of: &str) -> String {
    let name = |command: &Command| format!("`{}`", command.name());
    let commands: Vec<String> = field.commands.iter().map(name).collect();
    let mut text = format!("\n## `{}`{of}\n\n{}.", field.name, field.help);
    if !field.more.is_empty() {
        let _ = write!(text, " {}", field.more);
    }
    let _ = write!(text, "\n\n- Commands: {}.\n", commands.join(", "));
    match field.kind {
        Kind::Word(words) | Kind::WordWithNumber(words) => {
            text.push_str("- Values:\n");
            words().iter().for_each(|word| {
                let taken: Vec<String> =
                    field.commands.iter().filter(|command| word.commands.contains(command)).map(name).collect();
                let of =
                    if taken.len() < commands.len() { format!(" (in {})", taken.join(", ")) } else { String::new() };
                let _ = writeln!(text, "  - `{}`{of}: {}", word.name, word.help);
            });
        }
        kind => {
            let _ = writeln!(text, "- Values: {}.", kind.in_words());
        }
    }
    if field.commands == [Command::Reproduce] {
        let _ = writeln!(text, "- In all other commands: {}.", field.default_in_words(Command::Reproduce));
        return text;
    }
    // An experiment file says all that it has. Where all commands agree, it is said once.
    let defaults: Vec<(Command, String)> = field
        .commands
        .iter()
        .filter(|command| **command != Command::Reproduce)
        .map(|command| (*command, field.default_in_words(*command)))
        .collect();
    if defaults.iter().all(|(_, words)| *words == defaults[0].1) {
        let _ = writeln!(text, "- Where nothing is said: {}.", defaults[0].1);
    } else {
        for (command, words) in &defaults {
            let _ = writeln!(text, "- Where nothing is said, in `{}`: {words}.", command.name());
        }
    }
    for before in field.before {
        let _ = writeln!(text, "- Flags and model files of before call it `{before}`, which is understood.");
    }
    for command in field.auto {
        let _ = writeln!(text, "- In `{}` the word `auto` asks for what holds where nothing is said.", command.name());
    }
    text
}
