//! `tautnet train DATA` where inputs have a tolerance: the network with the least worst case, and what it tells.

use super::tolerance_pictures::{self, Facts};
use super::{export, pictures, rows_beyond, targets, train_summary, train_verdict};
use crate::arguments::{OutArguments, PictureArguments, TalkArguments};
use crate::output::{self, at_most, number, table};
use crate::progress::{Display, seconds};
use crate::stop::Stop;
use crate::tolerance;
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tautnet::choose::{self, Chosen, Errors, Evaluation, Verdict};
use tautnet::choose_far::FarChosen;
use tautnet::error::Result;
use tautnet::job::Job;
use tautnet::recipe::Plan;
use tautnet::tolerance::{Input, Tolerance};
use tautnet::{Dataset, fit, printable};
use tautnet_models::{Model, Options, Stored};
use tautnet_tables::{Encoder, class_number};

/// The rows, in the user's units, and where they are from.
pub struct Rows<'a> {
    pub source: &'a str,
    pub columns: Encoder,
    pub learned: Dataset,
    pub held_out: Option<Dataset>,
}

/// What was asked for beside the network.
pub struct Asked<'a> {
    /// What the data are called.
    pub data: &'a str,
    /// Whether nothing was said of the tolerance.
    pub usual: bool,
    pub out: &'a OutArguments,
    pub pictures: &'a PictureArguments,
    pub talk: &'a TalkArguments,
}

/// The most classes that a table has a line for.
const MOST_CLASSES: usize = 20;

/// What is done with the rows held out.
pub const ATTACKING: &str = "attacking rows that were not learned from, and proving their worst cases";

/// Show what the choice is at.
pub fn show(display: &mut Display, progress: &choose::Progress) {
    let what = match progress.stage {
        choose::Stage::Candidates => "choosing among networks",
        choose::Stage::Members => "choosing what their mean is made of",
        choose::Stage::AllRows => "learning from all rows",
        choose::Stage::Descent => "descending on rows beyond memory",
    };
    display.count(what, progress.done, progress.of);
}

/// Choose, prove, tell.
pub fn run(
    asked: &Asked<'_>,
    plan: &Plan,
    settings: &choose::Settings,
    job: &Job<'_>,
    rows: Rows<'_>,
    stop: &Stop,
) -> Result<ExitCode> {
    let Rows { source, columns, learned, held_out } = rows;
    let started = Instant::now();
    stop.heed();
    let mut display = Display::new(asked.talk.quiet, plan.settings.polish.tol);
    let mut unkept = train_summary::Unkept::of(asked.out, asked.talk);
    let worked = job.choose(settings, &mut |progress| {
        unkept.tell();
        if let fit::Progress::Choice(progress) = progress {
            show(&mut display, progress);
        }
    })?;
    let scaler = job.scaler().clone();
    let inputs = columns.tolerated();
    let tolerance = job.tolerance().expect("the plan has a tolerance");
    let held_out = held_out.map(|rows| scaler.standardize(&rows));
    let of_held_out = held_out
        .as_ref()
        .map(|rows| scaler.tolerance(&plan.recipe.tolerance, &inputs, rows.x.as_ref(), job.data()))
        .transpose()?;
    let late = stop.late();
    display.stage(ATTACKING);
    let evaluation = late.during(|| {
        let held_out = held_out.as_ref().zip(of_held_out.as_ref());
        let data = (job.data(), tolerance);
        let mut watching = |done, of| display.count(ATTACKING, done, of);
        choose::evaluate(&worked.result, data, held_out, &inputs, &plan.settings.polish.loss, &mut watching)
    })?;
    display.stage("proving the bound of the network");
    let proved = job.prove_choice(&worked, evaluation.as_ref(), held_out.as_ref(), asked.data)?;
    drop(display);
    pictures::tell_of_attack(&late);
    let model = Model::of(proved, columns.clone(), scaler)?;
    let time = started.elapsed();
    if let Some(path) = &asked.out.out {
        let stored = Stored::Model(Box::new(model.clone()));
        export::write(&stored, path, &Options::default(), asked.out.existing())?;
    }
    let summary = Summary {
        source,
        plan,
        model: &model,
        inputs: &inputs,
        chosen: &worked.result,
        learned: (&learned, tolerance),
        held_out: held_out.as_ref(),
        evaluation: evaluation.as_ref(),
        time,
        usual: asked.usual,
        beyond: None,
    };
    if asked.pictures.wanted() {
        let facts = Facts {
            source,
            plan,
            job,
            model: &model,
            chosen: &worked.result,
            learned: (job.data(), tolerance),
            held_out: held_out.as_ref().zip(of_held_out.as_ref()),
            evaluation: evaluation.as_ref(),
            amounts: summary
                .amounts()
                .into_iter()
                .map(|(name, range)| (name, (range.1 > 0.0).then(|| in_words(range))))
                .collect(),
            comparison: evaluation.as_ref().map(|evaluation| summary.told(evaluation).comparison()),
            gains: gains(&model).unwrap_or_default(),
        };
        tolerance_pictures::draw(facts, asked.pictures, asked.out, asked.talk.quiet, stop)?;
    }
    summary.tell(asked.out, asked.talk)?;
    Ok(ExitCode::SUCCESS)
}

/// All that is to be told.
pub struct Summary<'a> {
    pub source: &'a str,
    pub plan: &'a Plan,
    pub model: &'a Model,
    pub inputs: &'a [Input<'a>],
    pub chosen: &'a Chosen,
    /// Rows that were learned from, those of a sample where not all are in memory.
    pub learned: (&'a Dataset, &'a Tolerance),
    pub held_out: Option<&'a Dataset>,
    pub evaluation: Option<&'a Evaluation>,
    pub time: Duration,
    /// Whether nothing was said of the tolerance.
    pub usual: bool,
    /// What there is to be told of rows that are not in memory.
    pub beyond: Option<&'a FarChosen>,
}

impl Summary<'_> {
    /// Tell it, as text or as JSON.
    pub fn tell(&self, out: &OutArguments, talk: &TalkArguments) -> Result<()> {
        if talk.json {
            return output::print_json(&self.json());
        }
        output::print(&self.text())?;
        if !talk.quiet {
            train_summary::tell_where(out);
        }
        Ok(())
    }

    /// How many rows were learned from, and how many held out.
    fn rows(&self) -> (usize, usize) {
        match self.beyond {
            Some(FarChosen { seen, .. }) => (seen.learned as usize, seen.held_out as usize),
            None => (self.learned.0.rows(), self.held_out.map_or(0, Dataset::rows)),
        }
    }

    /// One object.
    fn json(&self) -> Value {
        let Self { model, chosen, .. } = self;
        let loss = &self.plan.settings.polish.loss;
        let scaler = &model.scaler;
        let one = model.columns.other_targets.is_empty();
        let errors = |errors: &Errors| {
            let mut told = json!({
                "clean": errors.clean,
                "found": errors.found,
                "proved": errors.proved,
                "accuracy": errors.accuracy,
            });
            // A sum over several targets has no unit.
            if one {
                told["user_units"] = json!({
                    "clean": scaler.root_to_user(loss, errors.clean),
                    "found": scaler.root_to_user(loss, errors.found),
                    "proved": scaler.root_to_user(loss, errors.proved),
                });
            }
            told
        };
        let (ending, reason) = self.ending();
        let (entries, shape) = tolerance::json(&self.plan.recipe.tolerance);
        let columns = self.amounts().into_iter().map(|(name, (least, most))| (name, json!([least, most])));
        let names = self.inputs.iter().map(|input| input.name.to_owned());
        let (learned, held_out) = self.rows();
        let mut facts = json!({
            "tolerance": {
                "entries": entries,
                "shape": shape,
                "said": !self.usual,
                "user_units": columns.collect::<Map<_, _>>(),
            },
            "loss": self.loss(),
            "ending": ending,
            "reason": reason,
            "notes": [],
            "seconds": self.time.as_secs_f64(),
            "settings": model.settings,
            "rows": {"learned": learned, "held_out": held_out},
            "inputs": self.learned.0.columns(),
            "units": chosen.network.units(),
            "classes": model.columns.classes,
            "balanced": self.learned.0.weights.is_some(),
            "chosen": chosen.choice,
            "certificate": train_summary::certificate_json(model),
        });
        if let Some(evaluation) = self.evaluation {
            let at = evaluation.at_tolerance();
            let sizes = evaluation.sizes.iter();
            let sizes =
                sizes.map(|at| json!({"size": at.size, "start": errors(&at.start), "result": errors(&at.result)}));
            let name = if evaluation.cross_validated { "cross_validated" } else { "held_out" };
            facts[name] = json!({
                "rows": evaluation.rows,
                "start": errors(&at.start),
                "result": errors(&at.result),
                "sizes": sizes.collect::<Vec<_>>(),
                "constant": evaluation.simple.as_ref().map(|simple| errors(&simple.constant)),
                "linear": evaluation.simple.as_ref().map(|simple| errors(&simple.linear)),
                "verdict": Verdict::of(&chosen.choice, evaluation).name(),
                "typical": evaluation.typical.map(|typical| targets::typical_json(&typical, scaler)),
                "confusion": self.counts(evaluation),
                "causes": names.zip(evaluation.causes.iter().map(|c| json!(c))).collect::<Map<_, _>>(),
            });
        }
        if let Some(far) = self.beyond {
            facts["beyond_memory"] = rows_beyond::chosen_json(far);
        }
        if !one {
            facts["targets"] = json!(model.columns.target_names());
        }
        if let Some(evaluation) = self.evaluation.filter(|_| !one) {
            let name = if evaluation.cross_validated { "cross_validated" } else { "held_out" };
            facts[name]["targets"] = targets::errors_json((&model.columns, scaler, loss), &evaluation.targets);
        }
        facts
    }

    /// The mean loss on the rows learned from.
    fn loss(&self) -> f64 {
        let (network, loss) = (&self.chosen.network, &self.plan.settings.polish.loss);
        match self.beyond {
            Some(FarChosen { descent: Some(descent), .. }) => descent.after.clean.learned,
            Some(far) => loss.mean(network, &far.seen.sample),
            None => loss.mean(network, &self.model.scaler.standardize(self.learned.0)),
        }
    }

    fn told<'b>(&'b self, evaluation: &'b Evaluation) -> train_verdict::Told<'b> {
        let Self { model, chosen, inputs, .. } = self;
        let loss = &self.plan.settings.polish.loss;
        train_verdict::Told { model, chosen, evaluation, inputs, loss, exact: self.learned.1.is_none() }
    }

    fn ending(&self) -> (&str, Option<&str>) {
        let objective = &self.model.objective;
        (objective["ending"].as_str().unwrap_or_default(), objective["reason"].as_str())
    }

    /// A page for people: first what it means for them.
    fn text(&self) -> String {
        let Self { model, chosen, .. } = self;
        let names = targets::names(&model.columns);
        let word = if model.columns.other_targets.is_empty() { "target" } else { "targets" };
        let learned = self.learned.0;
        let (rows, held) = self.rows();
        let held = if self.held_out.is_some() { format!(", {held} held out") } else { String::new() };
        let mut text = format!(
            "{}: {rows} rows to learn from{held}, {} inputs, {word} {names}{}\n",
            printable::line(self.source),
            learned.columns(),
            train_summary::taken_for(&model.columns),
        );
        text.push_str(&train_summary::balance(&model.columns, learned));
        let asked = &self.plan.recipe.tolerance;
        let entries = asked.entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let exact = self.learned.1.is_none();
        text.push_str(&match (self.usual, exact) {
            (true, true) => "Tolerance: none, since no input has numbers that vary\n".to_owned(),
            (true, false) => "Tolerance: every input of numbers may be wrong by a tenth of its standard deviation, since nothing was said; \
                     say how wrong yours can be with --tolerance COLUMN=AMOUNT\n"
                .to_owned(),
            (false, _) => format!("Tolerance: {}\n", printable::line(&entries)),
        });
        if let Some(evaluation) = self.evaluation {
            text.push('\n');
            text.push_str(&self.told(evaluation).text());
            text.push_str(&self.confused(evaluation));
        }
        if let Some(far) = self.beyond {
            let (target, loss) = (&model.columns.target, &self.plan.settings.polish.loss);
            text.push_str(&rows_beyond::chosen_told(far, target, loss));
        }

        let mut rows = vec![vec![
            "input".into(),
            "wrong by up to".into(),
            "share of the added error".into(),
            format!("moves {} by at most, per unit", train_summary::moved(&model.columns)),
        ]];
        let gains = gains(model);
        let shown = |mut row: Vec<String>| {
            gains.is_none().then(|| row.truncate(3));
            // What input errors do says nothing where there are none.
            exact.then(|| drop(row.drain(1..3)));
            row
        };
        let gain_of = |column: usize| gains.as_ref().map_or(0.0, |gains| gains[column]);
        let mut first = 0;
        let (mut lines, mut sizes) = (Vec::new(), Vec::new());
        for (k, (input, (_, (least, most)))) in self.inputs.iter().zip(self.amounts()).enumerate() {
            let amount = in_words((least, most));
            let share = self.evaluation.map_or(f64::NAN, |evaluation| evaluation.causes[k]);
            sizes.push((if share.is_finite() { share } else { 0.0 }, gain_of(first)));
            let share = if most > 0.0 && share.is_finite() { format!("{:.0} %", 100.0 * share) } else { String::new() };
            let gain = if input.width == 1 { at_most(gain_of(first)) } else { String::new() };
            lines.push(vec![printable::line(input.name).into_owned(), amount, share, gain]);
            first += input.width;
        }
        rows.extend(train_summary::largest(&sizes).into_iter().map(|k| lines[k].clone()));
        let rows: Vec<_> = rows.into_iter().map(shown).collect();
        // Of exact inputs to several classes there is nothing to tell.
        if rows[0].len() > 1 {
            text.push_str(&format!("\n{}{}", table(&rows), train_summary::more(lines.len())));
        }
        if let Some(certificate) = &model.certificate {
            let bound = at_most(certificate.standardized.bound);
            text.push_str(&format!("Lipschitz bound, in standard deviations: {bound}\n"));
        }

        let choice = &chosen.choice;
        let count = choice.members.len();
        let (units, all) = (chosen.network.units(), choice.members.iter().map(|member| member.units).sum::<usize>());
        let fewer = if units < all { format!(", compressed to {units}") } else { String::new() };
        let what = match count {
            1 => format!("a network of {all} units{fewer}"),
            _ => format!("the mean of {count} networks, {all} units in all{fewer}"),
        };
        match choice.folds {
            0 => text.push_str(&format!("\nThere was no time to choose: the result is {what}\n")),
            _ => text.push_str(&format!(
                "\nChosen among {} candidates by the {} on rows that they did not learn from ({} rows): {what}\n",
                choice.candidates,
                if exact { "error" } else { "worst case" },
                choice.rows
            )),
        }
        if exact && choice.members.iter().any(|member| member.reach > 0.0 || member.convex.is_some()) {
            text.push_str(&format!(
                "Training against small input errors makes a network smooth; \"the tolerance\" is that of the training here, a ball of {} standard deviations:\n",
                choose::SMOOTHING
            ));
        }
        for (member, seen) in in_order(&choice.members) {
            let times = if seen > 1 { format!(", {seen} times") } else { String::new() };
            text.push_str(&format!("  {member}{times}\n"));
        }
        let (ending, reason) = self.ending();
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        let ending = if reason.is_empty() { "done" } else { ending };
        text.push_str(&format!("{ending} in {}{reason}\n", seconds(self.time)));
        if !choice.all_rows {
            text.push_str("note: there was no time to learn from all rows; the networks of one part are the result\n");
        }
        text
    }

    /// The rows by their class and by that which is predicted, however often they count.
    fn counts(&self, evaluation: &Evaluation) -> Option<Vec<Vec<f64>>> {
        let rows = self.held_out.unwrap_or(self.learned.0);
        let weighed = evaluation.confusion.as_ref()?;
        let counts = |(class, sums): (usize, &Vec<f64>)| {
            let weight = train_summary::weight_of(class_number(class, weighed.len()), rows);
            sums.iter().map(|sum| (sum / weight).round()).collect()
        };
        Some(weighed.iter().enumerate().map(counts).collect())
    }

    /// Which class the rows have, and which is predicted.
    fn confused(&self, evaluation: &Evaluation) -> String {
        let (Some(counts), Some(classes)) = (self.counts(evaluation), &self.model.columns.classes) else {
            return String::new();
        };
        if classes.len() > MOST_CLASSES {
            return format!("Which of the {} classes was taken for which is in --json\n", classes.len());
        }
        let names: Vec<String> = classes.iter().map(|class| format!("`{}`", printable::line(class))).collect();
        let mut rows = vec![["rows".to_owned()].into_iter().chain(names.iter().cloned()).collect::<Vec<_>>()];
        rows[0][1].insert_str(0, "predicted ");
        for (name, counts) in names.into_iter().zip(counts) {
            rows.push([name].into_iter().chain(counts.into_iter().map(number)).collect());
        }
        format!("\n{}", table(&rows))
    }

    /// The tolerance of each input in its units, the least and the largest of all rows.
    fn amounts(&self) -> Vec<(String, (f64, f64))> {
        let (rows, tolerance) = self.learned;
        let all_rows = self.beyond.map(|far| far.by_column.ranges(&far.seen.ranges));
        let mut first = 0;
        let of = |input: &Input<'_>| {
            let column = first;
            first += input.width;
            if let Some(ranges) = &all_rows {
                return (input.name.to_owned(), ranges[column]);
            }
            let scale = self.model.scaler.input_scale[column];
            let sizes =
                (0..if tolerance.is_same() { 1 } else { rows.rows() }).map(|k| scale * tolerance.size(k, column));
            let range = sizes.fold((f64::INFINITY, 0.0f64), |(least, most), size| (least.min(size), most.max(size)));
            (input.name.to_owned(), range)
        };
        self.inputs.iter().map(of).collect()
    }
}

/// What one unit of each column can do, in the units of the data. Several classes have a bound each pair, and none of columns.
fn gains(model: &Model) -> Option<Vec<f64>> {
    let columns = model.certificate.as_ref().map(|_| train_summary::per_column(model))?;
    Some(columns.into_iter().map(|(_, bound)| bound).collect())
}

/// How wrong an input can be, in words: the least and the largest of all rows.
fn in_words((least, most): (f64, f64)) -> String {
    match most {
        0.0 => "exact".to_owned(),
        most if least == most => number(most),
        most => format!("{} to {}", number(least), number(most)),
    }
}

/// Every member once, with how often it is one.
fn in_order(members: &[choose::Candidate]) -> Vec<(choose::Candidate, usize)> {
    let mut seen: Vec<(choose::Candidate, usize)> = Vec::new();
    for member in members {
        match seen.iter_mut().find(|(known, _)| known == member) {
            Some((_, count)) => *count += 1,
            None => seen.push((*member, 1)),
        }
    }
    seen
}
