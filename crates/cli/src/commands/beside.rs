//! What simple rules achieve beside a network that no tolerance chose, in words and for programs.

use crate::output::{number, percent};
use serde_json::{Value, json};
use tautnet::choose::{Beside, Clean, Judged, Verdict};
use tautnet::{Dataset, Loss, Scaler, Shallow, printable};

/// What the errors are measured in.
#[derive(Clone, Copy)]
pub struct Units<'a> {
    /// What the target is called, or the targets.
    pub target: &'a str,
    /// The units of the data; none where there are several targets.
    pub scaler: Option<&'a Scaler>,
    /// The loss.
    pub loss: &'a Loss,
}

impl Units<'_> {
    /// An error in words.
    fn shown(&self, errors: Clean) -> String {
        match (errors.accuracy, errors.clean) {
            (Some(right), _) => percent(right),
            (None, error) => number(self.root(error.unwrap_or(f64::NAN))),
        }
    }

    fn root(&self, loss: f64) -> f64 {
        self.scaler.map_or(loss, |scaler| scaler.root_to_user(self.loss, loss))
    }
}

/// What the best constant is.
pub fn best_constant(classes: bool, loss: &Loss) -> &'static str {
    match (classes, loss.is_squared()) {
        (true, _) => "the most frequent class",
        (false, true) => "the mean",
        (false, false) => "the same number",
    }
}

/// What simple rules achieve on the rows held out, or where there are none on those learned from.
pub fn of(network: &Shallow, learned: &Dataset, held_out: Option<&Dataset>, loss: &Loss) -> Option<Beside> {
    let judged = Judged::of(network, held_out.unwrap_or(learned), loss);
    Beside::of(learned, held_out, None, loss, judged)
}

/// A few lines: how far predictions are off, what simple rules achieve, and of rows held out whether the network is worth having.
pub fn text(beside: &Beside, units: Units<'_>) -> String {
    let Beside { rows, held_out, result, linear, constant, typical, verdict } = beside;
    let classes = result.accuracy.is_some();
    let same = best_constant(classes, units.loss);
    let which = if *held_out { "the network did not learn from" } else { "learned from" };
    let target = printable::line(units.target);
    let (is, measure) = match (classes, units.scaler) {
        (true, _) => ("right in", String::new()),
        (false, Some(_)) => ("off by", format!(" ({})", units.loss.root_name())),
        (false, None) => ("off by", format!(" ({})", units.loss.mean_name())),
    };
    let [result_is, linear_is, constant_is] = [result, linear, constant].map(|errors| units.shown(*errors));
    let mut text = format!(
        "On the {rows} rows {which} the prediction of `{target}` is {is} {result_is}{measure}; a linear model {linear_is}, always {same} {constant_is}.\n"
    );
    if let (Some(typical), Some(scaler)) = (typical, units.scaler) {
        let [half, most] = [typical.median, typical.nine_of_ten].map(|error| number(scaler.target_scale * error));
        let explained = typical.r_squared.map_or(String::new(), |part| format!(" (R² {part:.3})"));
        text +=
            &format!("Half of these rows are off by less than {half}, nine of ten by less than {most}{explained}.\n");
    }
    if !held_out {
        return text + "Such rows flatter all of them; for a verdict hold rows out: --test 0.2.\n";
    }
    let Some(verdict) = verdict else { return text };
    let better = match (result.accuracy, linear.accuracy) {
        (Some(new), Some(old)) => format!("{:.1} more of 100 rows right", 100.0 * (new - old)),
        _ => {
            let [new, old] = [result, linear].map(|errors| units.root(errors.clean.unwrap_or(f64::NAN)));
            format!("error {:.0} % smaller", 100.0 * (1.0 - new / old))
        }
    };
    let said = match verdict {
        Verdict::Constant => format!("of no use: to say {same} always is as good"),
        Verdict::Linear => {
            "a linear model is as good on these rows: take one, or bring more rows for a network to learn from"
                .to_owned()
        }
        Verdict::Ordinary | Verdict::Better => format!("better than a linear model ({better})"),
    };
    text + &format!("Verdict: {said}.\n")
}

/// The same for programs: mean losses in standardized units, roots and typical errors in those of the target.
pub fn told(beside: &Beside, units: Units<'_>) -> Value {
    let mut told = json!(beside);
    let Some(scaler) = units.scaler.filter(|_| beside.result.accuracy.is_none()) else { return told };
    if let Some(typical) = &beside.typical {
        for (name, error) in [("median", typical.median), ("nine_of_ten", typical.nine_of_ten)] {
            told["typical"][name] = json!(scaler.target_scale * error);
        }
    }
    for (name, errors) in [("result", beside.result), ("linear", beside.linear), ("constant", beside.constant)] {
        told[name]["user_units"] = json!({"clean": errors.clean.map(|error| units.root(error))});
    }
    told
}
