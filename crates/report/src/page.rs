//! The page: one HTML file with its style and its charts inside, no script and nothing to fetch.
//!
//! Every chart is there twice, laid out for a wide page and for a narrow one; the style sheet shows one of them. Colours
//! follow the reader's light or dark setting on a screen and are the light ones on paper.

use super::axes::{bound, number};
use super::chart::Canvas;
use super::facts::{Chart, Report, Side};
use super::prose;
use super::scene::Ink;
use super::svg::{colours, escaped, inline};
use std::fmt::Write;
use tautnet::choose::{Accuracy, Errors};

const STYLE: &str = include_str!("page.css");

/// The page.
pub fn page(report: &Report<'_>) -> String {
    let title = escaped(&format!("{}: {}", report.source, report.target));
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title} · tautnet</title>\n\
         <style>\n{STYLE}{}\n@media screen and (prefers-color-scheme: dark) {{{}}}\n</style>\n</head>\n<body>\n<main>\n",
        colours(Ink::light),
        colours(Ink::dark),
    );
    let _ = write!(
        html,
        "<header>\n<p class=\"kind\">tautnet report</p>\n<h1>{}, predicted from {} inputs of {}</h1>\n\
         <p class=\"lead\">{}</p>\n</header>\n",
        escaped(report.target),
        report.inputs.len(),
        escaped(report.source),
        escaped(&prose::summary(report))
    );
    html.push_str(&tiles(report));
    html.push_str(&comparison(report));
    // What an input can do is read beside what it causes.
    let (first, others) = Chart::ALL.split_at(2);
    let (figures, columns) =
        (|charts: &[Chart]| charts.iter().map(|chart| figure(report, *chart)).collect(), sensitivities(report));
    let parts: [String; 3] = match report.choice {
        Some(_) => [figures(first), columns, figures(others)],
        None => [figures(first), figures(others), columns],
    };
    html.extend(parts);
    html.push_str(&choice(report));
    html.push_str(&reproduce(report));
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

/// The numbers that matter, before and after.
fn tiles(report: &Report<'_>) -> String {
    let units = report.measures();
    let (before, after) = (&report.before, &report.after);
    let mut tiles = Vec::new();
    if let (Some(old), Some(new)) = (before.ladder, after.ladder) {
        let [old, new] = [old, new].map(|ladder| bound(ladder.proved, true));
        let unit = format!("{} of {}", units.norm_name(), units.inputs());
        tiles.push(("proved Lipschitz bound".to_owned(), old, new, unit));
    }
    let bounds = tiles.len();
    if let Some(at) = report.within.as_ref().and_then(|within| within.at_tolerance()) {
        if let (Some(old), Some(new)) = (at.start.accuracy, at.result.accuracy) {
            let mut tile = |name: &str, of: fn(&Accuracy) -> String| {
                let [old, new] = [&old, &new].map(of);
                tiles.push((name.to_owned(), old, new, format!("{}, right", report.target)));
            };
            if !report.is_exact() {
                tile("right within the tolerance, at least", |accuracy| prose::at_least(accuracy.proved));
                tile("right where an attack looked", |accuracy| prose::percent(accuracy.found));
            }
            tile("right, no input error", |accuracy| prose::percent(accuracy.clean));
        } else {
            let mut tile = |name: &str, of: fn(&Errors) -> f64, upper: bool| {
                let unit = format!("{}, {}", report.target, report.settings.loss.root_name());
                let [old, new] =
                    [&at.start, &at.result].map(|errors| bound(units.root_bound(of(errors), upper), upper));
                tiles.push((name.to_owned(), old, new, unit));
            };
            if !report.is_exact() {
                tile("off by at most, within the tolerance", |errors| errors.proved, true);
                tile("found within the tolerance", |errors| errors.found, false);
            }
            tile("off by, no input error", |errors| errors.clean, false);
        }
        // What the page is about comes first.
        tiles.rotate_left(bounds);
    } else if let (Some(first), Some(last)) = (after.attack.first(), after.attack.last()) {
        let (first_before, last_before) = (&before.attack[0], &before.attack[before.attack.len() - 1]);
        let mut tile = |name: String, old: f64, new: f64, upper: bool| {
            let unit = format!("{}, {}", report.target, report.settings.loss.root_name());
            let write = |loss: f64| bound(units.root_bound(loss, upper), upper);
            tiles.push((name, write(old), write(new), unit));
        };
        let radius = number(last.radius);
        tile("off by, no attack".to_owned(), first_before.found, first.found, false);
        tile(format!("off by, attacked at radius {radius}"), last_before.found, last.found, false);
        let (old, new) = (last_before.ceiling, last.ceiling);
        tile(format!("ceiling at radius {radius}"), old, new, true);
    }
    let mut html = "<dl class=\"tiles\">\n".to_owned();
    for (name, old, new, unit) in tiles {
        let _ = writeln!(
            html,
            "<div><dt>{}</dt><dd><span class=\"before-fill old\">{}</span> <span aria-label=\"to\">→</span> <strong>{}</strong>\
             <small>{}</small></dd></div>",
            escaped(&name),
            old,
            new,
            escaped(&unit)
        );
    }
    html + "</dl>\n"
}

/// The result beside what is simpler.
fn comparison(report: &Report<'_>) -> String {
    let Some(comparison) = &report.comparison else { return String::new() };
    format!(
        "<section id=\"comparison\">\n<h2>Beside what is simpler</h2>\n<p>{}</p>\n<div class=\"scroll\">{}</div>\n</section>\n",
        escaped(&comparison.verdict),
        table(&comparison.lines, Some(1))
    )
}

/// A chart with its heading, how to read it, and its numbers.
fn figure(report: &Report<'_>, chart: Chart) -> String {
    let name = chart.name();
    let (Some(wide), Some(narrow)) = (report.chart(chart, &Canvas::WIDE), report.chart(chart, &Canvas::NARROW)) else {
        return String::new();
    };
    let (reading, table) = match chart {
        Chart::Tolerance => (tolerance_reading(report), tolerance_table(report)),
        Chart::Causes => (
            "Input errors add to the error of the result. A bar says how much of that would go if this input alone were exact, as \
             the attack found it; inputs act together, so that the parts need not add up to 100\u{a0}%."
                .into(),
            causes_table(report),
        ),
        Chart::Attack => (attack_reading(report), attack_table(report)),
        Chart::Bounds => (
            format!(
                "How steep can the network be? The largest gradient that was found says at least how much, every other line at most \
                 how much. The truth about the {} lies in the shaded band.",
                report.result()
            ),
            bounds_table(report),
        ),
        Chart::Fit => (fit_reading(report), String::new()),
        Chart::Residuals => (residuals_reading(report), String::new()),
        Chart::Dependence => (
            format!(
                "One input is moved from its least to its largest value while all others stay as they are in each row, for the {}. A flat \
                 line says that the prediction hardly depends on it; where there are few rows, the network has little to go by.",
                report.result()
            ),
            String::new(),
        ),
        Chart::Path => (path_reading(report), path_table(report)),
        Chart::Convergence => (
            "The solver's objective falls while the duality gap, which says how much better any solution could still be, closes."
                .into(),
            trace_table(report),
        ),
    };
    let details = if table.is_empty() {
        String::new()
    } else {
        format!("<details><summary>The numbers</summary>\n<div class=\"scroll\">{table}</div></details>\n")
    };
    format!(
        "<figure id=\"{name}\">\n<h2>{}</h2>\n<figcaption>{}</figcaption>\n{}{}{details}</figure>\n",
        escaped(&wide.title),
        escaped(&reading),
        inline(&wide, &format!("{name}-wide"), "wide"),
        inline(&narrow, &format!("{name}-narrow"), "narrow"),
    )
}

fn tolerance_reading(report: &Report<'_>) -> String {
    let Some(within) = &report.within else { return String::new() };
    format!(
        "The error of {}. Inputs were moved as badly as an attack could find within the tolerance (full lines); proved row by \
         row is what no input error within it can exceed (dashed lines). The true worst case lies in the shaded band between them, \
         which is too narrow to see where the two meet.",
        within.rows
    )
}

fn fit_reading(report: &Report<'_>) -> String {
    let mut text = format!("Every dot is one of {}. On the diagonal a prediction is right.", report.rows.name);
    if report.within.as_ref().is_some_and(|within| !within.intervals.is_empty()) {
        text.push_str(" No input error within the tolerance moves a prediction out of its upright line.");
    }
    text
}

fn residuals_reading(report: &Report<'_>) -> String {
    format!(
        "Every dot is one of {}: above the line in the middle the prediction is too high, below it too low. A slope or a bow says that \
         something is left to learn; a funnel, that errors grow with the prediction.",
        report.rows.name
    )
}

fn attack_reading(report: &Report<'_>) -> String {
    format!(
        "Every one of {} was moved as badly as an attack could find within each radius (full lines). What no attack can exceed \
         follows from the proved bound (dashed lines). The true worst case lies in the shaded band between them.",
        report.rows.name
    )
}

fn path_reading(report: &Report<'_>) -> String {
    let Some(path) = report.path else { return String::new() };
    format!(
        "The price λ of the bound was chosen on {}: among those that lose nothing against the network before, where the \
         errors under attack, divided by those before and averaged over the radii, are least.",
        path.rows_judged()
    )
}

/// Rows of cells as a table: the first row is its head, the first column names the others. `mark` is the row to point at.
fn table(rows: &[Vec<String>], mark: Option<usize>) -> String {
    let mut html = "<table>\n".to_owned();
    for (k, row) in rows.iter().enumerate() {
        html.push_str(if Some(k) == mark { "<tr class=\"marked\">" } else { "<tr>" });
        for (j, cell) in row.iter().enumerate() {
            let (tag, scope) = match (k, j) {
                (0, _) => ("th", " scope=\"col\""),
                (_, 0) => ("th", " scope=\"row\""),
                _ => ("td", ""),
            };
            let _ = write!(html, "<{tag}{scope}>{}</{tag}>", escaped(cell));
        }
        html.push_str("</tr>\n");
    }
    html + "</table>\n"
}

fn attack_table(report: &Report<'_>) -> String {
    let units = report.measures();
    let titles = ["radius", "before, found", "before, ceiling", "after, found", "after, ceiling"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for (old, new) in report.before.attack.iter().zip(&report.after.attack) {
        let errors = [old.found, old.ceiling, new.found, new.ceiling];
        let write = |(k, loss): (usize, f64)| bound(units.root_bound(loss, k % 2 == 1), k % 2 == 1);
        rows.push([number(new.radius)].into_iter().chain(errors.into_iter().enumerate().map(write)).collect());
    }
    table(&rows, None) + &roots(report)
}

fn tolerance_table(report: &Report<'_>) -> String {
    let (units, (before, after)) = (report.measures(), report.sides());
    let titles = ["tolerance times".to_owned()].into_iter();
    let of = |name: &str| [format!("{name}, found"), format!("{name}, proved")];
    let mut rows = vec![titles.chain(of(before)).chain(of(after)).collect::<Vec<_>>()];
    for at in report.within.iter().flat_map(|within| &within.sizes) {
        let write = |loss: f64, upper: bool| bound(units.root_bound(loss, upper), upper);
        let errors = [&at.start, &at.result].into_iter();
        let errors = errors.flat_map(|errors| [write(errors.found, false), write(errors.proved, true)]);
        rows.push([number(at.size)].into_iter().chain(errors).collect());
    }
    table(&rows, None) + &roots(report)
}

fn causes_table(report: &Report<'_>) -> String {
    let mut rows = vec![["input", "wrong by up to", "part of the added error"].map(str::to_owned).to_vec()];
    for input in report.within.iter().flat_map(|within| &within.inputs) {
        let share = format!("{:.1}\u{a0}%", 100.0 * input.share);
        let [amount, share] = input.amount.clone().map_or(["exact".into(), String::new()], |amount| [amount, share]);
        rows.push(vec![input.name.clone(), amount, share]);
    }
    table(&rows, None)
}

/// What the errors of a table are.
fn roots(report: &Report<'_>) -> String {
    let units = report.measures();
    let roots = if units.loss.is_squared() {
        "Root mean squares".into()
    } else {
        format!("Every number is the {} `{}`", units.loss.root_name(), escaped(&units.loss.name()))
    };
    match units.loss.is_margin() {
        true => format!("<p>{roots}.</p>"),
        false => format!("<p>{roots}, in the units of {}.</p>", escaped(report.target)),
    }
}

fn bounds_table(report: &Report<'_>) -> String {
    let (before, after) = report.sides();
    let mut rows = vec![["", before, after].map(str::to_owned).to_vec()];
    let rungs = |side: &Side| side.ladder.into_iter().flat_map(|ladder| ladder.rungs());
    for ((name, upper, old), (_, _, new)) in rungs(&report.before).zip(rungs(&report.after)) {
        let write = |value: f64| format!("{} {}", if upper { '≤' } else { '≥' }, bound(value, upper));
        rows.push(vec![name.to_owned(), write(old), write(new)]);
    }
    table(&rows, None)
}

fn path_table(report: &Report<'_>) -> String {
    let Some(path) = report.path else { return String::new() };
    let titles = ["λ", "error", "error under attack", "against before", "Lipschitz bound"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for step in [&path.start].into_iter().chain(&path.steps) {
        let name = step.price.map_or("before polish".into(), number);
        let against = format!("{:+.1}\u{a0}%", 100.0 * (step.quotient - 1.0));
        rows.push(vec![name, number(step.clean), bound(step.attacked, false), against, bound(step.lipschitz, true)]);
    }
    table(&rows, path.chosen.map(|chosen| chosen + 2))
}

fn trace_table(report: &Report<'_>) -> String {
    let mut rows = vec![["iteration", "objective", "relative gap"].map(str::to_owned).to_vec()];
    let trace = report.polished.map_or(&[][..], |polished| &polished.trace);
    rows.extend(
        trace
            .iter()
            .enumerate()
            .map(|(k, progress)| vec![k.to_string(), number(progress.objective), number(progress.gap)]),
    );
    table(&rows, None)
}

/// More inputs than this are not shown before they are asked for.
const MOST_INPUTS: usize = 30;

/// What one unit of each column can do, the most first.
fn sensitivities(report: &Report<'_>) -> String {
    if report.sensitivities.is_empty() {
        return String::new();
    }
    let mut columns: Vec<(&String, f64)> = report.inputs.iter().zip(report.sensitivities.iter().copied()).collect();
    columns.sort_by(|a, b| b.1.total_cmp(&a.1));
    let rows = |columns: &[(&String, f64)]| {
        let mut rows = vec![vec!["one unit of".to_owned(), format!("moves {} by at most", report.moved())]];
        rows.extend(columns.iter().map(|(name, most)| vec![(*name).clone(), bound(*most, true)]));
        table(&rows, None)
    };
    let (first, others) = columns.split_at(columns.len().min(MOST_INPUTS));
    let others = match others.len() {
        0 => String::new(),
        count => format!(
            "<details><summary>The {count} others</summary><div class=\"scroll\">{}</div></details>\n",
            rows(others)
        ),
    };
    format!(
        "<section id=\"columns\">\n<h2>What one unit of each input can do</h2>\n<p>Proved for the {}, all other inputs \
         held, in the units of the data.</p>\n<div class=\"scroll\">{}</div>\n{others}</section>\n",
        report.result(),
        rows(first)
    )
}

/// More candidates than this are not shown.
const MOST_CANDIDATES: usize = 10;

/// How the network for the tolerance was chosen.
fn choice(report: &Report<'_>) -> String {
    let Some(choice) = report.choice.filter(|choice| choice.folds > 0) else { return String::new() };
    let units = report.measures();
    let row = |name: String, clean: f64, found: f64| {
        vec![name, bound(units.root(clean), false), bound(units.root(found), false)]
    };
    let columns = if report.is_exact() { 2 } else { 3 };
    let row = |name: String, clean: f64, found: f64| row(name, clean, found)[..columns].to_vec();
    let mut rows = vec![["", "no input error", "found within the tolerance"].map(str::to_owned)[..columns].to_vec()];
    let (clean, found) = choice.result;
    rows.push(row(format!("the result: {}", prose::members(choice)), clean, found));
    rows.extend(
        choice.judged.iter().take(MOST_CANDIDATES).map(|one| row(one.candidate.to_string(), one.clean, one.found)),
    );
    rows.push(row(format!("ordinary training: {}", choice.start.candidate), choice.start.clean, choice.start.found));
    format!(
        "<section id=\"choice\">\n<h2>How it was chosen</h2>\n<p>{}</p>\n<div class=\"scroll\">{}{}</div>\n</section>\n",
        escaped(&prose::choice(choice, report.is_exact())),
        table(&rows, Some(1)),
        roots(report)
    )
}

fn reproduce(report: &Report<'_>) -> String {
    let made = &report.reproduce;
    let mut rows = vec![vec!["setting".to_owned(), "value".to_owned()]];
    let facts = [("program", format!("tautnet {}", made.version)), ("objective", prose::objective(report))];
    rows.extend(facts.map(|(name, value)| vec![name.to_owned(), value]));
    rows.extend(made.settings.iter().map(|(name, value)| vec![name.clone(), value.clone()]));
    format!(
        "<section id=\"settings\">\n<h2>Settings, and how to make it again</h2>\n<pre><code>{}</code></pre>\n\
         <p>The same data, version, and settings give the same network, byte for byte, whatever the number of threads.</p>\n\
         <div class=\"scroll\">{}</div>\n</section>\n",
        escaped(&made.command),
        table(&rows, None)
    )
}
