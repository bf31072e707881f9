//! What rows that a network did not learn from say of it, in words: its errors, those of simpler things, and whether it is worth having.

use super::{beside, targets};
use crate::output::{at_least, at_most, number, percent, percent_at_least, table};
use tautnet::choose::{Accuracy, Chosen, Errors, Evaluation, Simple, Typical, Verdict};
use tautnet::tolerance::Input;
use tautnet::{Loss, printable};
use tautnet_models::Model;
use tautnet_report::Comparison;

/// What is known of the rows.
pub struct Told<'a> {
    pub model: &'a Model,
    pub chosen: &'a Chosen,
    pub evaluation: &'a Evaluation,
    pub inputs: &'a [Input<'a>],
    pub loss: &'a Loss,
    /// Whether no input has a tolerance.
    pub exact: bool,
}

/// The part by which something is smaller than another, in words.
fn smaller(new: f64, old: f64) -> String {
    format!("{:.0} % smaller", 100.0 * (1.0 - new / old))
}

impl Told<'_> {
    fn user(&self, error: f64) -> f64 {
        self.model.scaler.root_to_user(self.loss, error)
    }

    /// What the best constant is.
    fn same(&self) -> &'static str {
        beside::best_constant(self.loss.is_margin(), self.loss)
    }

    /// The networks and the rules that are compared.
    fn compared(&self) -> Vec<(String, &Errors)> {
        let at = self.evaluation.at_tolerance();
        let mut all = vec![("the result".to_owned(), &at.result), ("ordinary training".to_owned(), &at.start)];
        if let Some(Simple { constant, linear }) = &self.evaluation.simple {
            let same = format!("always {}", self.same());
            all.extend([("a linear model".to_owned(), linear), (same, constant)]);
        }
        all
    }

    /// Errors, a table of what they are compared with, the verdict, and what causes them.
    pub fn text(&self) -> String {
        let Self { evaluation, model, .. } = self;
        let rows = match evaluation.cross_validated {
            true => format!("{} rows, each predicted by networks that did not learn from it", evaluation.rows),
            false => format!("{} rows held out", evaluation.rows),
        };
        let target = printable::line(&model.columns.target);
        let result = &evaluation.at_tolerance().result;
        if let Some(accuracy) = result.accuracy {
            return self.classes(&target, &rows, accuracy);
        }
        if !evaluation.targets.is_empty() {
            let of = (&model.columns, &model.scaler, self.loss);
            let text = targets::verdict(of, &evaluation.targets, &rows, self.exact);
            return format!("{text}{}", self.verdict());
        }
        let measure = self.loss.root_name();
        let typical = evaluation.typical.map_or(String::new(), |typical| self.typical(&typical));
        let mut text = if self.exact {
            format!(
                "The prediction of `{target}` is off by {} ({measure}, {rows}){typical}.\n",
                number(self.user(result.clean))
            )
        } else {
            format!(
                "Within the tolerance the prediction of `{target}` is off by at most {} ({measure}, {rows}; proved). An attack found {}.\n\
                 Without input error it is off by {}{typical}.\n",
                at_most(self.user(result.proved)),
                at_least(self.user(result.found)),
                number(self.user(result.clean)),
            )
        };
        text += &format!("\n{}", table(&self.lines()));
        text += &self.verdict();
        text += &self.causes();
        text
    }

    /// A table of what is compared: titles, and a line for each.
    fn lines(&self) -> Vec<Vec<String>> {
        let titles: &[&str] = match (self.loss.is_margin(), self.exact) {
            (false, true) => &["", "off by"],
            (false, false) => &["", "off by at most, proved", "an attack found", "without input error"],
            (true, true) => &["", "right"],
            (true, false) => &["", "right in at least, proved", "an attack left right", "without input error"],
        };
        let mut lines = vec![titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>()];
        for (name, errors) in self.compared() {
            let [proved, found, clean] = match errors.accuracy {
                Some(right) => [percent_at_least(right.proved), percent(right.found), percent(right.clean)],
                None => [
                    at_most(self.user(errors.proved)),
                    at_least(self.user(errors.found)),
                    number(self.user(errors.clean)),
                ],
            };
            let numbers = if self.exact { vec![clean] } else { vec![proved, found, clean] };
            lines.push(std::iter::once(name).chain(numbers).collect());
        }
        lines
    }

    /// The same for a page.
    pub fn comparison(&self) -> Comparison {
        let said = self.said();
        let (first, rest) = said.split_at(1);
        Comparison { lines: self.lines(), verdict: format!("{}{rest}.", first.to_uppercase()) }
    }

    /// How far most predictions are off.
    fn typical(&self, typical: &Typical) -> String {
        let scale = self.model.scaler.target_scale;
        let [half, most] = [typical.median, typical.nine_of_ten].map(|error| number(scale * error));
        let explained = typical.r_squared.map_or(String::new(), |part| format!(" (R² {part:.3})"));
        format!(": half of the rows by less than {half}, nine of ten by less than {most}{explained}")
    }

    /// One line: whether it is better than what is simpler.
    fn verdict(&self) -> String {
        format!("Verdict: {}.\n", self.said())
    }

    /// Whether it is better than what is simpler.
    fn said(&self) -> String {
        let at = self.evaluation.at_tolerance();
        let what = if self.exact { "error" } else { "worst case" };
        let same = format!("to say {} always", self.same());
        let against = |errors: &Errors| match (at.result.accuracy, errors.accuracy) {
            (Some(new), Some(old)) => {
                let right = if self.exact { "right" } else { "sure to be right" };
                format!("{:.1} more of 100 rows {right}", 100.0 * (new.proved - old.proved))
            }
            _ => format!("{what} {}", smaller(self.user(at.result.proved), self.user(errors.proved))),
        };
        let linear = self.evaluation.simple.as_ref().map(|simple| against(&simple.linear));
        let than_linear = linear.map_or(String::new(), |by| format!(" than a linear model ({by})"));
        let choice = &self.chosen.choice;
        match Verdict::of(choice, self.evaluation) {
            Verdict::Constant => format!(
                "of no use: {same} is as good. Nothing in the inputs says more of it{}; more rows or other inputs may",
                if self.exact { "" } else { " within this tolerance" }
            ),
            Verdict::Linear => {
                "a linear model is as good on these rows: take one, or bring more rows for a network to learn from"
                    .to_owned()
            }
            Verdict::Ordinary => {
                let said = match choice.members == [choice.start.candidate] {
                    true => "nothing that was tried is better than ordinary training here: the result is that network",
                    false => "ordinary training is as good on these rows",
                };
                let too =
                    if than_linear.is_empty() { String::new() } else { format!(". The result is better{than_linear}") };
                format!("{said}{too}")
            }
            Verdict::Better => {
                let and = if than_linear.is_empty() { String::new() } else { format!(" and{than_linear}") };
                format!("better than ordinary training ({}){and}", against(&at.start))
            }
        }
    }

    /// What input errors add, and the inputs that add most of it.
    fn causes(&self) -> String {
        let at = self.evaluation.at_tolerance();
        let mut causes: Vec<(f64, &str)> =
            self.evaluation.causes.iter().zip(self.inputs).map(|(share, input)| (*share, input.name)).collect();
        causes.sort_by(|a, b| b.0.total_cmp(&a.0));
        let named: Vec<String> = causes
            .iter()
            .take(2)
            .filter(|(share, _)| *share >= 0.05)
            .map(|(share, name)| format!("{:.0} % of it from `{}`", 100.0 * share, printable::line(name)))
            .collect();
        if named.is_empty() {
            return String::new();
        }
        let added = number(self.user(at.result.found) - self.user(at.result.clean));
        format!("Input errors add {added}: {}.\n", named.join(", "))
    }

    /// How often the class is right.
    fn classes(&self, target: &str, rows: &str, result: Accuracy) -> String {
        let mut text = if self.exact {
            format!("The class of `{target}` is right in {} of {rows}.\n", percent(result.clean))
        } else {
            format!(
                "Within the tolerance the class of `{target}` is right, whatever the input error, in at least {} of {rows} (proved). \
                 An attack left {} right.\n\
                 Without input error it is right in {}.\n",
                percent_at_least(result.proved),
                percent(result.found),
                percent(result.clean),
            )
        };
        text += &format!("\n{}", table(&self.lines()));
        text + &self.verdict()
    }
}
