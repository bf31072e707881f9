//! What was done, in words.

use super::axes::{bound, number, rough};
use super::facts::{Origin, Report};
use tautnet::certify::mul_up;
use tautnet::choose::Choice;
use tautnet::polish::{Ending, Penalty};
use tautnet::train::Start;

/// One paragraph for a reader in a hurry. Plain text.
pub fn summary(report: &Report<'_>) -> String {
    [what(report), how(report), within(report), result(report), proof(report), caveats(report)]
        .into_iter()
        .filter(|sentence| !sentence.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn what(report: &Report<'_>) -> String {
    let (units, rows) = (report.units, report.rows.learned.rows());
    let table = format!("{rows} rows of {}", report.source);
    if let Some(choice) = report.choice {
        return format!(
            "The result is {} with {units} hidden units, trained on {table} so that the {} is small.",
            members(choice),
            if report.is_exact() { "error" } else { "worst error within the tolerance of the inputs" },
        );
    }
    match report.origin {
        Origin::Trained(start) => {
            format!(
                "A network of {units} hidden units was trained by {} on {table} and then polished.",
                start_name(start)
            )
        }
        Origin::Given(file) => format!("The network of {units} hidden units in {file} was polished on {table}."),
    }
}

/// What the result is made of.
pub fn members(choice: &Choice) -> String {
    match choice.members.len() {
        1 => "one network".into(),
        count => format!("the mean of {count} networks"),
    }
}

/// How the network was chosen.
pub fn choice(choice: &Choice, exact: bool) -> String {
    let (judged, less) = match exact {
        true => ("the errors", "error"),
        false => ("the worst errors that an attack found within the tolerance", "worst case"),
    };
    format!(
        "Each of {} candidates learned from a part of the rows and was judged by {judged} on others, {} rows in all; a few rows \
         with errors like no others do not decide. The best is the first member of the result, and further ones were added \
         while that made the {less} of their mean smaller. The rows below are the best ones, all judged in this way.",
        choice.candidates, choice.rows
    )
}

/// What the start does, in its own words.
fn start_name(start: &str) -> String {
    start.parse::<Start>().map_or_else(|_| start.to_owned(), |start| start.by().to_owned())
}

/// The objective, as a formula in words.
pub fn objective(report: &Report<'_>) -> String {
    let settings = &report.settings;
    let mut text = match settings.tolerance {
        _ if report.is_exact() => {
            return format!("{}, on rows that were not learned from", settings.loss.mean_name());
        }
        _ if report.choice.is_some() => {
            return format!(
                "worst-case {} within the tolerance of the inputs, found on rows that were not learned from",
                settings.loss.mean_name()
            );
        }
        Some(_) => format!("worst-case {} within the tolerance of the inputs", settings.loss.mean_name()),
        None => settings.loss.mean_name(),
    };
    if settings.lipschitz_price > 0.0 {
        let bound = if settings.penalty == Penalty::L { "L" } else { "L²" };
        text.push_str(&format!(" + {}\u{a0}·\u{a0}{bound}", number(settings.lipschitz_price)));
    }
    if settings.decay > 0.0 {
        text.push_str(&format!(" + {}\u{a0}·\u{a0}weights", number(settings.decay)));
    }
    if let Some(limit) = settings.max_lipschitz {
        text.push_str(&format!(", L at most {}", number(limit)));
    }
    text
}

fn how(report: &Report<'_>) -> String {
    if let Some(choice) = report.choice {
        return match choice.folds {
            0 => "There was no time to choose among candidates.".into(),
            _ => format!(
                "It was chosen among {} candidates by the {} on {} rows that they did not learn from.",
                choice.candidates,
                if report.is_exact() { "error" } else { "worst case" },
                choice.rows
            ),
        };
    }
    let Some(polished) = report.polished else {
        return "The work was ended before the polish, so that the result is the starting network.".into();
    };
    let goal = objective(report);
    let bound = "where L is a proved bound on how fast the output can change";
    let gap = polished
        .duality_gap
        .map_or(String::new(), |gap| format!(": none of them is better by more than a fraction of {}", rough(gap)));
    let chosen = match report.path.and_then(|path| path.price()) {
        Some(_) => " The price of L was chosen by validation on the error under attack.",
        None => "",
    };
    let in_the_last = polished.duality_gap.map_or(String::new(), |gap| {
        format!("; in the last set none is better by more than a fraction of {}", rough(gap))
    });
    if let Ending::Unchanged(why) = &polished.ending {
        return format!(
            "The polish minimizes {goal}, {bound}. It found nothing better ({why}), so that the result is the network that it was given."
        );
    }
    let told = [("{goal}", &*goal), ("{bound}", bound), ("{gap}", &*gap), ("{in the last}", &*in_the_last)];
    let story = report.settings.method.story().to_owned();
    told.iter().fold(story, |story, (place, words)| story.replace(place, words)) + chosen
}

/// A share as people say it.
pub fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * share)
}

/// A share that something is at least, rounded down: one of rows is less than this from the next tenth of a percent only where it is one.
pub fn at_least(share: f64) -> String {
    percent((1000.0 * share + 1e-9).floor() / 1000.0)
}

/// The errors within the tolerance, of both networks.
fn within(report: &Report<'_>) -> String {
    let Some((within, at)) = report.within.as_ref().and_then(|within| Some((within, within.at_tolerance()?))) else {
        return String::new();
    };
    let units = report.measures();
    let write = |loss: f64, upper: bool| bound(units.root_bound(loss, upper), upper);
    let (before, _) = report.sides();
    let before = if report.choice.is_some() { before } else { "the network before" };
    if let (Some(new), Some(old)) = (at.result.accuracy, at.start.accuracy) {
        if within.is_exact() {
            let (new, old) = (percent(new.clean), percent(old.clean));
            return format!(
                "The class of “{}” is right in {new} of {}; for {before} it is {old}.",
                report.target, within.rows
            );
        }
        return format!(
            "The class of “{}” is right in {} of {}, in {} whatever an attack found within the tolerance, and in at least {} whatever \
             the input error within it (proved). For {before} these are {}, {} and {}.",
            report.target,
            percent(new.clean),
            within.rows,
            percent(new.found),
            at_least(new.proved),
            percent(old.clean),
            percent(old.found),
            at_least(old.proved),
        );
    }
    if within.is_exact() {
        return format!(
            "On {}, “{}” is off by {} ({}); by {before} it is {}.",
            within.rows,
            report.target,
            write(at.result.clean, false),
            units.loss.root_name(),
            write(at.start.clean, false),
        );
    }
    format!(
        "On {}, “{}” is off by at most {} within the tolerance (proved; an attack found {}), and by {} without input error ({}). For {} \
         these are {}, {} and {}.",
        within.rows,
        report.target,
        write(at.result.proved, true),
        write(at.result.found, false),
        write(at.result.clean, false),
        units.loss.root_name(),
        before,
        write(at.start.proved, true),
        write(at.start.found, false),
        write(at.start.clean, false),
    )
}

fn result(report: &Report<'_>) -> String {
    let units = report.measures();
    let (before, after) = (&report.before, &report.after);
    let (Some(old), Some(new)) = (before.ladder, after.ladder) else { return String::new() };
    let [old, new] = [old, new].map(|ladder| bound(ladder.proved, true));
    let mut text = match report.choice {
        Some(_) => {
            format!("The proved bound on how fast its output can change is {new}; by ordinary training it is {old}")
        }
        None => format!("The proved bound L went from {old} to {new}"),
    };
    let mean_name = if units.loss.is_squared() { "root mean squares" } else { units.loss.root_name() };
    if let Some((Some(old), Some(new))) = report.polished.map(|made| (made.before.worst_case, made.after.worst_case)) {
        let most = |value: f64| bound(units.root_bound(value, true), true);
        text.push_str(&format!(
            ". Within the tolerance of the inputs, on the rows learned from, the worst cases of “{}” came to at most {} before and {} after ({})",
            report.target,
            most(old),
            most(new),
            mean_name
        ));
    }
    let write = |found: f64| bound(units.root_bound(found, false), false);
    if let (Some(old), Some(new)) = (before.attack.last(), after.attack.last()) {
        text.push_str(&format!(
            ". On {}, “{}” was off by {} before and by {} after ({}); under the strongest attack found at radius {}, by {} before and by {} after",
            report.rows.name,
            report.target,
            write(before.attack[0].found),
            write(after.attack[0].found),
            mean_name,
            number(new.radius),
            write(old.found),
            write(new.found),
        ));
        text.push_str(&format!(
            ". No attack of that size can get it above {}",
            bound(units.root_bound(new.ceiling, true), true)
        ));
    }
    text + "."
}

fn proof(report: &Report<'_>) -> String {
    let Some(ladder) = report.after.ladder else { return String::new() };
    let reach = mul_up(report.scaler.target_scale, ladder.proved);
    format!(
        "That is a theorem about this network, for every input and not only for these rows: a change of size ε ({} of {}) moves {} by at most {}\u{a0}ε.",
        report.measures().norm_name(),
        report.measures().inputs(),
        if report.settings.loss.is_margin() { report.moved().to_owned() } else { format!("“{}”", report.target) },
        bound(reach, true)
    )
}

fn caveats(report: &Report<'_>) -> String {
    let mut notes: Vec<String> = Vec::new();
    if let Some(stopped) = report.stopped {
        notes.push(format!("The work was ended early: {stopped}."));
    } else if let Some(Ending::Stopped(why)) = report.polished.map(|polished| &polished.ending) {
        notes.push(format!("The solver stopped early: {why}."));
    }
    if let Some((path, chosen)) = report.path.and_then(|path| path.chosen.map(|chosen| (path, chosen)))
        && path.steps[chosen].share > 1.0
    {
        notes.push("Where the price was chosen, every one lost against the network before at some radius.".into());
    }
    if report.choice.is_some_and(|choice| !choice.all_rows) {
        notes.push("There was no time to learn from all rows: the networks of one part are the result.".into());
    }
    if report.rows.held_out.is_none() && report.within.is_none() {
        notes.push("No rows were held out, so that errors are those on the rows learned from.".into());
    }
    notes.join(" ")
}
