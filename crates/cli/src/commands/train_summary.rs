//! What `tautnet train` tells: as text for people, and as one JSON object.

use super::attack::reports_json;
use super::beside::{self, Units};
use super::pictures::Evaluation;
use super::rows_beyond;
use crate::arguments::{OutArguments, TalkArguments};
use crate::output::{self, at_least, at_most, number, percent, table};
use crate::progress::seconds;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tautnet::Dataset;
use tautnet::certify::sensitivities;
use tautnet::choose::{self, Beside};
use tautnet::error::Result;
use tautnet::fit::Fitted;
use tautnet::printable;
use tautnet::select::{Judgement, Path};
use tautnet_models::Model;
use tautnet_tables::{Encoder, class_number, either};
use tautnet_verify::Certificate;

/// All that is to be told.
pub struct Summary<'a> {
    pub source: &'a str,
    pub model: &'a Model,
    pub fitted: &'a Fitted,
    pub rows: Told,
    pub evaluation: &'a Evaluation,
    pub stopped: Option<&'static str>,
    pub time: Duration,
}

/// What is told of the rows, and of the errors on them.
pub struct Told {
    /// How many were learned from, and how many held out.
    pub learned: usize,
    pub held_out: Option<usize>,
    pub inputs: usize,
    /// How often the rows of each class count, where that was asked for; else nothing.
    pub balance: String,
    /// Mean losses of the start and of the result.
    pub loss: (f64, f64),
    pub loss_held_out: Option<(f64, f64)>,
    /// How often the start and the result are right, of classes.
    pub right: Option<[f64; 2]>,
    pub beside: Option<Beside>,
    /// How often all rows were gone through, and whose cells were held at the end, where the rows were not in memory.
    pub passes: Option<(usize, usize)>,
}

impl Told {
    /// Of rows in memory.
    pub fn of(fitted: &Fitted, columns: &Encoder, learned: &Dataset, held_out: Option<&Dataset>) -> Self {
        let errors = |data: &Dataset| {
            let error = |network| fitted.loss.mean(network, data);
            (error(&fitted.start), error(fitted.network()))
        };
        let right =
            || [&fitted.start, fitted.network()].map(|network| choose::accuracy(network, held_out.unwrap_or(learned)));
        Self {
            learned: learned.rows(),
            held_out: held_out.map(Dataset::rows),
            inputs: learned.columns(),
            balance: balance(columns, learned),
            loss: errors(learned),
            loss_held_out: held_out.map(errors),
            right: columns.classes.as_ref().map(|_| right()),
            beside: beside::of(fitted.network(), learned, held_out, &fitted.loss),
            passes: None,
        }
    }
}

/// What a target that is a class was taken for.
pub fn taken_for(columns: &Encoder) -> String {
    columns.classes.as_ref().map_or(String::new(), |classes| format!(", taken for a class: {}", either(classes)))
}

/// How often a row of a class counts.
pub fn weight_of(class: f64, data: &Dataset) -> f64 {
    let weights = data.weights.iter().flatten();
    data.y.iter().zip(weights).find(|(y, _)| **y == class).map_or(1.0, |(_, weight)| *weight)
}

/// How often the rows count, where classes are balanced.
pub fn balance(columns: &Encoder, data: &Dataset) -> String {
    let (Some(classes), Some(_)) = (&columns.classes, &data.weights) else { return String::new() };
    let times = |(place, class): (usize, &String)| {
        let times = number(weight_of(class_number(place, classes.len()), data));
        format!("of `{}` {times} times", printable::line(class))
    };
    let each: Vec<String> = classes.iter().enumerate().map(times).collect();
    format!("Each class counts the same: a row {}\n", each.join(", one "))
}

/// Most inputs that a table has a line for.
const MOST_INPUTS: usize = 12;

/// Which inputs a table has lines for: all, or where they are many those with the largest numbers, the largest first; the second number
/// decides between equal first ones.
pub fn largest(sizes: &[(f64, f64)]) -> Vec<usize> {
    let mut all: Vec<usize> = (0..sizes.len()).collect();
    if all.len() > MOST_INPUTS {
        all.sort_by(|&a, &b| sizes[b].0.total_cmp(&sizes[a].0).then(sizes[b].1.total_cmp(&sizes[a].1)));
        all.truncate(MOST_INPUTS);
    }
    all
}

/// What is said below a table of inputs that does not have all.
pub fn more(inputs: usize) -> String {
    match inputs.saturating_sub(MOST_INPUTS) {
        0 => String::new(),
        more => format!("and {more} more; --json tells of all\n"),
    }
}

/// What an input moves: the target, or of a class the network's output, on whose side of 0 it is decided.
pub fn moved(columns: &Encoder) -> String {
    match columns.classes {
        Some(_) => "the margin".into(),
        None => format!("`{}`", printable::line(&columns.target)),
    }
}

impl Summary<'_> {
    /// Print it, for people or for programs.
    pub fn tell(&self, out: &OutArguments, talk: &TalkArguments) -> Result<()> {
        if talk.json {
            return output::print_json(&self.json()?);
        }
        output::print(&self.text()?)?;
        if !talk.quiet {
            tell_where(out);
        }
        Ok(())
    }

    /// One object: what `polish` says, and the path, the attacks and the certificate's claims.
    pub fn json(&self) -> Result<Value> {
        let Self { model, fitted, evaluation, .. } = self;
        let scaler = &model.scaler;
        let mut result = match &fitted.polished {
            Some(polished) => json!(polished.summary(self.stopped)),
            None => json!({"loss": self.rows.loss.0, "notes": [], "iterations": 0}),
        };
        let (word, reason) = self.ending();
        result["ending"] = json!(word);
        result["reason"] = json!(reason);
        result["seconds"] = json!(self.time.as_secs_f64());
        result["settings"] = model.settings.clone();
        result["price"] = json!(fitted.price);
        result["path"] = json!(fitted.path);
        result["rows"] = json!({"learned": self.rows.learned, "held_out": self.rows.held_out.unwrap_or(0)});
        result["inputs"] = json!(self.rows.inputs);
        result["balanced"] = json!(!self.rows.balance.is_empty());
        result["attack"] = json!({
            "rows": evaluation.rows,
            "start": evaluation.start.iter().map(|r| json!({"radius": r.radius, "found": r.found})).collect::<Value>(),
            "result": reports_json(&evaluation.result, scaler, &fitted.loss),
        });
        if let Some((_, loss)) = self.rows.loss_held_out {
            result["test_loss"] = json!(loss);
            result["user_units"]["test_loss"] = json!(scaler.loss_to_user(&fitted.loss, loss));
        }
        result["user_units"]["loss"] = json!(scaler.loss_to_user(&fitted.loss, self.rows.loss.1));
        result["certificate"] = certificate_json(model);
        result["beside"] = json!(self.rows.beside.as_ref().map(|beside| beside::told(beside, self.units())));
        if let Some(passes) = self.rows.passes {
            result["beyond_memory"] = rows_beyond::json(passes);
        }
        Ok(result)
    }

    /// A page for people.
    pub fn text(&self) -> Result<String> {
        let Self { model, fitted, rows: told, evaluation, .. } = self;
        let target = printable::line(&model.columns.target);
        let scaler = &model.scaler;
        let certificate = certificate(model);
        let held = told.held_out.map_or(String::new(), |rows| format!(", {rows} held out"));
        let mut text = format!(
            "{}: {} rows to learn from{held}, {} inputs, target `{target}`{}\n",
            printable::line(self.source),
            told.learned,
            told.inputs,
            taken_for(&model.columns),
        );
        text.push_str(&told.balance);
        if let Some(path) = &fitted.path {
            text.push_str(&path_text(path));
        }

        let mean = fitted.loss.mean_name();
        let mut rows = vec![vec![String::new(), "start".into(), "result".into()]];
        let row = |name: String, (before, after): (f64, f64)| vec![name, number(before), number(after)];
        let root = |(a, b): (f64, f64)| (scaler.root_to_user(&fitted.loss, a), scaler.root_to_user(&fitted.loss, b));
        rows.push(row(format!("{mean}, rows learned from"), told.loss));
        if let Some(loss) = told.loss_held_out {
            rows.push(row(format!("{mean}, rows held out"), loss));
        }
        if let Some(polished) = &fitted.polished {
            let bounds = [polished.before.lipschitz, certificate.standardized.bound].map(at_most);
            rows.push(["Lipschitz bound".to_owned()].into_iter().chain(bounds).collect());
        }
        let (loss, which) = told.loss_held_out.map_or((told.loss, "learned from"), |loss| (loss, "held out"));
        rows.push(match told.right {
            Some(right) => {
                let right = right.map(percent);
                [format!("`{target}` right, rows {which}")].into_iter().chain(right).collect()
            }
            None => row(format!("`{target}` off by ({}), rows {which}", fitted.loss.root_name()), root(loss)),
        });
        text.push_str(&format!("\n{}", table(&rows)));
        if let Some(beside) = &told.beside {
            text.push_str(&beside::text(beside, self.units()));
        }
        if let Some(passes) = told.passes {
            text.push_str(&rows_beyond::told(passes));
        }

        text.push_str(&format!("\n{mean} under attack, {}\n", evaluation.rows));
        let titles = ["radius", "start, found", "result, found", "result, ceiling"];
        let mut rows = vec![titles.map(str::to_owned).to_vec()];
        for (start, result) in evaluation.start.iter().zip(&evaluation.result) {
            let found = [start.found, result.found].map(at_least);
            let ceiling = at_most(result.ceiling);
            rows.push([number(result.radius)].into_iter().chain(found).chain([ceiling]).collect());
        }
        text.push_str(&table(&rows));

        let mut rows = vec![vec!["one unit of".to_owned(), format!("moves {} by at most", moved(&model.columns))]];
        let columns = per_column(model);
        let sizes: Vec<(f64, f64)> = columns.iter().map(|(_, bound)| (*bound, 0.0)).collect();
        rows.extend(largest(&sizes).into_iter().map(|k| vec![columns[k].0.clone(), at_most(columns[k].1)]));
        text.push_str(&format!("\n{}{}\n", table(&rows), more(columns.len())));

        let (word, reason) = self.ending();
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        let price = fitted.price.map_or(String::new(), |price| format!(" at λ = {}", number(price)));
        let gap = fitted.polished.as_ref().and_then(|polished| polished.duality_gap);
        let gap = gap.map_or(String::new(), |gap| format!(" to a relative gap of {gap:.1e}"));
        text.push_str(&format!("{word}{price}{gap} in {}{reason}\n", seconds(self.time)));
        if !fitted.all_rows {
            text.push_str("note: there was no time to learn from the rows on which λ is chosen\n");
        }
        for note in fitted.polished.iter().flat_map(|polished| &polished.notes) {
            text.push_str(&format!("note: {note}\n"));
        }
        Ok(text)
    }

    fn units(&self) -> Units<'_> {
        Units { target: &self.model.columns.target, scaler: Some(&self.model.scaler), loss: &self.fitted.loss }
    }

    fn ending(&self) -> (&'static str, Option<String>) {
        match &self.fitted.polished {
            Some(polished) => {
                let (word, reason) = polished.ending.in_words(self.stopped);
                // A path that was ended, or a solve that was ended without a gain, has the clock or the user as a reason too.
                let reason = match (reason, self.stopped) {
                    (Some(reason), Some(stopped)) if !reason.starts_with(stopped) => {
                        Some(format!("{stopped}; {reason}"))
                    }
                    (reason, stopped) => reason.or(stopped.map(str::to_owned)),
                };
                (word, reason)
            }
            None => ("stopped before the convex program", self.stopped.map(str::to_owned)),
        }
    }
}

/// The better of the two bounds that the certificate of a model proves for each column, in the units of the data.
pub fn per_column(model: &Model) -> Vec<(String, f64)> {
    model.columns.names().into_iter().zip(sensitivities(certificate(model), &model.scaler)).collect()
}

/// What the certificate of a model claims, for programs; nothing where it has none.
pub fn certificate_json(model: &Model) -> Value {
    let Some(certificate) = &model.certificate else { return Value::Null };
    json!({
        "norm": certificate.norm,
        "lipschitz": certificate.standardized.bound,
        "user_units": {
            "lipschitz": certificate.raw.as_ref().map(|raw| raw.bound),
            "per_column": per_column(model).into_iter().map(|(k, v)| (k, json!(v))).collect::<Map<_, _>>(),
        },
    })
}

/// Say where the model is.
pub fn tell_where(out: &OutArguments) {
    if let Some(path) = &out.out {
        output::note(&format!("the model is in {}", path.display()));
    }
}

/// Says once, when the work has begun and not when it is done, that its result goes nowhere.
pub struct Unkept(bool);

impl Unkept {
    /// Nothing is to be said where it is written, or where nobody reads.
    pub fn of(out: &OutArguments, talk: &TalkArguments) -> Self {
        Self(out.out.is_none() && !talk.quiet && !talk.json)
    }

    /// Work goes on.
    pub fn tell(&mut self) {
        if std::mem::take(&mut self.0) {
            output::note("the model will not be kept; write it with --out FILE");
        }
    }
}

/// The certificate of a model of one output that was trained.
pub fn certificate(model: &Model) -> &Certificate {
    model.certificate.as_ref().expect("training makes one")
}

/// The path as a table; the row chosen has an arrow.
fn path_text(path: &Path) -> String {
    let mut text = format!(
        "\nλ chosen by the errors under attack at radii 0 to 0.5, against the start, on {}\n",
        path.rows_judged()
    );
    let mut rows =
        vec![["λ", "error", "under attack", "against start", "Lipschitz bound", ""].map(str::to_owned).to_vec()];
    let row = |name: String, judgement: &Judgement, mark: &str| {
        let against = format!("{:+.1} %", 100.0 * (judgement.quotient - 1.0));
        let (attacked, bound) = (at_least(judgement.attacked), at_most(judgement.lipschitz));
        let numbers = [number(judgement.clean), attacked, against, bound];
        [name].into_iter().chain(numbers).chain([mark.to_owned()]).collect()
    };
    rows.push(row("start".into(), &path.start, ""));
    for (k, step) in path.steps.iter().enumerate() {
        let mark = match (path.chosen == Some(k), step.share > 1.0) {
            (true, false) => "← chosen",
            (true, true) => "← chosen, though it loses at a radius",
            (false, true) => "loses at a radius",
            (false, false) => "",
        };
        rows.push(row(step.price.map_or(String::new(), number), step, mark));
    }
    text.push_str(&table(&rows));
    text
}
