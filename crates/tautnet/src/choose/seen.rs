//! What rows that a network did not learn from say of it: its errors, those of simpler things, and whether it is worth having.

use super::outcome::Choice;
use serde::Serialize;

/// The errors of one network, mean losses on rows that it did not learn from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Errors {
    /// Without input error.
    pub clean: f64,
    /// The worst within the tolerance that was found.
    pub found: f64,
    /// What no input error within the tolerance exceeds.
    pub proved: f64,
    /// How many of the rows have the right class, where targets are classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
}

/// Shares of the rows whose class a network gets right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Without input error.
    pub clean: f64,
    /// With the input errors within the tolerance that were found: no more are right.
    pub found: f64,
    /// Whatever the input errors within the tolerance are, proved: no fewer are right.
    pub proved: f64,
}

/// What simple rules achieve on the same rows, which they did not learn from either.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simple {
    /// The best constant: the mean of the target, where errors are squared, or the most frequent class.
    pub constant: Errors,
    /// A linear model by ridge regression.
    pub linear: Errors,
}

/// How far predictions of numbers are off without input error, in the units of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Typical {
    /// The part of the targets' variance on these rows that is explained: R². None where they do not vary.
    pub r_squared: Option<f64>,
    /// Half of the rows are off by no more.
    pub median: f64,
    /// Nine of ten rows are off by no more.
    pub nine_of_ten: f64,
}

impl Typical {
    /// Of every row the prediction, the target and the weight.
    pub(super) fn of(rows: impl Iterator<Item = (f64, f64, f64)>) -> Self {
        // Of every row the residual, the target and the weight.
        let mut rows: Vec<(f64, f64, f64)> = rows.map(|(f, y, weight)| ((f - y).abs(), y, weight)).collect();
        let all: f64 = rows.iter().map(|(.., weight)| weight).sum();
        let mean = rows.iter().map(|(_, y, weight)| weight * y).sum::<f64>() / all;
        let (error, variance) = rows.iter().fold((0.0, 0.0), |(error, variance), (residual, y, weight)| {
            (error + weight * residual.powi(2), variance + weight * (y - mean).powi(2))
        });
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let within = |share: f64| {
            let mut so_far = 0.0;
            let enough = |(_, _, weight): &&(f64, f64, f64)| {
                so_far += weight;
                so_far >= share * all
            };
            rows.iter().find(enough).or(rows.last()).map_or(0.0, |(residual, ..)| *residual)
        };
        Self {
            r_squared: (variance > 0.0).then(|| 1.0 - error / variance),
            median: within(0.5),
            nine_of_ten: within(0.9),
        }
    }
}

/// The errors of a choice within its tolerance, as a model file keeps them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// How many rows.
    pub rows: usize,
    /// Whether the rows were held out in turn, each judged by networks that learned from the others.
    pub cross_validated: bool,
    /// Whether the network is worth having.
    pub verdict: Verdict,
    /// Ordinary training.
    pub start: Errors,
    /// The network that was chosen.
    pub result: Errors,
    /// What simple rules achieve; none where there was no time to learn them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple: Option<Simple>,
    /// How far the predictions are off, where there is one target and it is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typical: Option<Typical>,
    /// The same of every target, where there are several: the errors above are their sums.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<OfTarget>,
}

/// The errors of one of several targets, as if there were no others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfTarget {
    /// At the tolerance itself.
    #[serde(flatten)]
    pub at: AtSize,
    /// What simple rules achieve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple: Option<Simple>,
    /// How far its predictions are off.
    pub typical: Typical,
    /// What is as good at this target.
    pub verdict: Verdict,
}

/// Errors where the tolerance is smaller or larger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtSize {
    /// In parts of the tolerance.
    pub size: f64,
    /// Ordinary training.
    pub start: Errors,
    /// The network that was chosen.
    pub result: Errors,
}

/// Both networks on rows that they did not learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// How many rows.
    pub rows: usize,
    /// Whether the rows were held out in turn, each judged by networks that learned from the others.
    pub cross_validated: bool,
    /// The errors at every size, smallest first.
    pub sizes: Vec<AtSize>,
    /// For each input, the part of what input errors add to the result that would go if the input were exact.
    pub causes: Vec<f64>,
    /// The rows by their class and by that which the result predicts without input error, as weights, where targets are classes: those of
    /// the class −1 (or 0) first.
    pub confusion: Option<Vec<Vec<f64>>>,
    /// What simple rules achieve at the tolerance itself; none where there was no time to learn them.
    pub simple: Option<Simple>,
    /// How far the result's predictions are off, where there is one target and it is a number.
    pub typical: Option<Typical>,
    /// The errors of every target at the tolerance itself, where there are several: the others are their sums.
    pub targets: Vec<OfTarget>,
}

impl Evaluation {
    /// The errors at the tolerance itself.
    pub fn at_tolerance(&self) -> &AtSize {
        self.sizes.iter().find(|at| at.size == 1.0).expect("it is one of the sizes")
    }

    /// What is kept of it, of a network that was so chosen.
    pub fn seen(&self, choice: &Choice) -> Seen {
        let verdict = Verdict::of(choice, self);
        let AtSize { start, result, .. } = self.at_tolerance().clone();
        let Self { rows, cross_validated, .. } = *self;
        let (simple, typical, targets) = (self.simple.clone(), self.typical, self.targets.clone());
        Seen { rows, cross_validated, verdict, start, result, simple, typical, targets }
    }
}

/// What is said of a result, by what its rows say that nothing learned from: the worst case that is proved, or of classes how many are
/// right whatever the input errors are. What is simpler is as good also where its loss, or its share of wrong rows, is larger by a fiftieth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The best constant is at least as good.
    Constant,
    /// A linear model is at least as good, and better than the constant.
    Linear,
    /// Ordinary training is at least as good: nothing that was tried is better.
    Ordinary,
    /// It is better than ordinary training and than what needs no network.
    Better,
}

impl Verdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Constant => "constant",
            Verdict::Linear => "linear",
            Verdict::Ordinary => "ordinary",
            Verdict::Better => "better",
        }
    }

    /// What is said of a choice.
    pub fn of(choice: &Choice, evaluation: &Evaluation) -> Self {
        let (at, simple) = (evaluation.at_tolerance(), evaluation.simple.as_ref());
        match Self::between(&at.result, &at.start, simple) {
            Verdict::Better if choice.members == [choice.start.candidate] => Verdict::Ordinary,
            verdict => verdict,
        }
    }

    /// What is said of a result beside others. A rule that was not learned is no better.
    pub fn between(result: &Errors, start: &Errors, simple: Option<&Simple>) -> Self {
        let as_good = |rule: &Errors| as_good(cost(rule), cost(result));
        match simple {
            Some(simple) if as_good(&simple.constant) => Verdict::Constant,
            Some(simple) if as_good(&simple.linear) => Verdict::Linear,
            _ if as_good(start) => Verdict::Ordinary,
            _ => Verdict::Better,
        }
    }
}

/// A part of the loss by which nobody would prefer a network to what is simpler.
const AS_GOOD: f64 = 0.02;

/// Whether a rule of one cost is as good as a network of another.
pub(super) fn as_good(rule: f64, network: f64) -> bool {
    rule <= (1.0 + AS_GOOD) * network
}

/// What decides between two networks.
fn cost(errors: &Errors) -> f64 {
    errors.accuracy.map_or(errors.proved, |accuracy| 1.0 - accuracy.proved)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors of a number, or where `right` of a class.
    fn errors(proved: f64, right: bool) -> Errors {
        let accuracy = right.then_some(Accuracy { clean: 1.0, found: 1.0, proved: 1.0 - proved });
        Errors { clean: 0.1, found: 0.1, proved: if right { 1.0 } else { proved }, accuracy }
    }

    #[test]
    fn what_is_simpler_and_as_good_is_preferred() {
        for right in [false, true] {
            let verdict = |result: f64, start: f64, constant: f64, linear: f64| {
                let simple = Simple { constant: errors(constant, right), linear: errors(linear, right) };
                Verdict::between(&errors(result, right), &errors(start, right), Some(&simple))
            };
            assert_eq!(verdict(0.2, 0.3, 0.5, 0.4), Verdict::Better);
            assert_eq!(verdict(0.2, 0.203, 0.5, 0.4), Verdict::Ordinary);
            assert_eq!(verdict(0.2, 0.1, 0.5, 0.203), Verdict::Linear);
            assert_eq!(verdict(0.2, 0.1, 0.203, 0.1), Verdict::Constant);
            assert_eq!(verdict(0.2, 0.205, 0.206, 0.21), Verdict::Better);
            assert_eq!(Verdict::between(&errors(0.2, right), &errors(0.3, right), None), Verdict::Better);
        }
        // What nothing was proved of is no better than anything.
        assert_eq!(Verdict::between(&errors(f64::INFINITY, false), &errors(0.3, false), None), Verdict::Ordinary);
    }
}
