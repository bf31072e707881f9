//! What simple rules achieve on the rows that a network is judged by, without input error: for networks that no tolerance chose.

use super::baselines::Baselines;
use super::evaluate::accuracy;
use super::seen::{Typical, Verdict, as_good};
use crate::{Dataset, Loss, Shallow};
use serde::Serialize;

/// How far predictions are off without input error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Clean {
    /// The mean loss; of classes of deep networks there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clean: Option<f64>,
    /// The share of the rows whose class is right, where targets are classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

/// The errors of a network, and those of what it must be better than, on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    /// How many rows.
    pub rows: usize,
    /// Whether neither the network nor the rules learned from them. If not, the rules are as flattered as the network is, and nothing is
    /// said of which is better.
    pub held_out: bool,
    /// The network.
    pub result: Clean,
    /// A linear model by ridge regression.
    pub linear: Clean,
    /// The best constant: the mean of the target, where errors are squared, or the most frequent class.
    pub constant: Clean,
    /// How far the predictions are off, where there is one target and it is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typical: Option<Typical>,
    /// What is simpler and as good, of rows held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// What a network does on rows.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its errors.
    pub errors: Clean,
    /// Its predictions, where there is one target and it is a number.
    pub predicted: Option<Vec<f64>>,
}

impl Judged {
    /// A network of one hidden layer.
    pub fn of(network: &Shallow, data: &Dataset, loss: &Loss) -> Self {
        let numbers = !loss.is_margin() && network.outputs() == 1;
        Self { errors: Clean::of(network, data, loss), predicted: numbers.then(|| network.predict(data.x.as_ref())) }
    }
}

impl Clean {
    fn of(network: &Shallow, data: &Dataset, loss: &Loss) -> Self {
        Self { clean: Some(loss.mean(network, data)), accuracy: loss.is_margin().then(|| accuracy(network, data)) }
    }

    /// What decides.
    fn cost(self) -> f64 {
        self.accuracy.map(|right| 1.0 - right).or(self.clean).unwrap_or(f64::INFINITY)
    }
}

impl Beside {
    /// What the rules learn from `learned`, on `held_out` or, where there are none, on the same rows; `classes` where the targets are numbers
    /// of several classes. `None` where it is time to stop, where numbers are too large, or where the rows count for nothing.
    pub fn of(
        learned: &Dataset,
        held_out: Option<&Dataset>,
        classes: Option<usize>,
        loss: &Loss,
        result: Judged,
    ) -> Option<Self> {
        let rows = held_out.unwrap_or(learned);
        if rows.rows() == 0 || rows.weights.as_ref().is_some_and(|weights| weights.iter().sum::<f64>() <= 0.0) {
            return None;
        }
        let rules = Baselines::of(learned, classes, loss)?;
        let [linear, constant] = [&rules.linear, &rules.constant].map(|rule| Clean::of(rule, rows, loss));
        let typical = result.predicted.map(|predicted| {
            let weight = |k: usize| rows.weights.as_ref().map_or(1.0, |weights| weights[k]);
            Typical::of(predicted.iter().enumerate().map(|(k, f)| (*f, rows.y[k], weight(k))))
        });
        let all = [result.errors, linear, constant];
        Some(Self { typical, ..Self::of_errors(rows.rows(), held_out.is_some(), all) })
    }

    /// The same of errors that are known: of the network, of the linear model and of the constant.
    pub fn of_errors(rows: usize, held_out: bool, [result, linear, constant]: [Clean; 3]) -> Self {
        let good = |rule: Clean| as_good(rule.cost(), result.cost());
        let verdict = match () {
            () if good(constant) => Verdict::Constant,
            () if good(linear) => Verdict::Linear,
            () => Verdict::Better,
        };
        Self { rows, held_out, result, linear, constant, typical: None, verdict: held_out.then_some(verdict) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tests::toy;

    /// A rule that is the target itself is never beaten, and rows that were learned from have no verdict.
    #[test]
    fn rules_are_judged_on_the_rows_of_the_network() {
        let (learned, test) = (toy(60, 3, 1), toy(40, 3, 2));
        let mean = learned.y.iter().sum::<f64>() / 60.0;
        let loss = Loss::default();
        let zero = |rows: &Dataset| Judged {
            errors: Clean { clean: Some(0.0), accuracy: None },
            predicted: Some(rows.y.clone()),
        };
        let seen = Beside::of(&learned, Some(&test), None, &loss, zero(&test)).unwrap();
        let off = test.y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 40.0;
        assert!(
            (seen.constant.clean.unwrap() - off).abs() < 1e-12 && seen.verdict == Some(Verdict::Better),
            "{seen:?}"
        );
        let typical = seen.typical.unwrap();
        assert_eq!((typical.r_squared, typical.median, typical.nine_of_ten), (Some(1.0), 0.0, 0.0));
        // The mean itself is a constant, and of no use.
        let same = Judged { errors: Clean { clean: Some(off), accuracy: None }, predicted: Some(vec![mean; 40]) };
        let seen = Beside::of(&learned, Some(&test), None, &loss, same).unwrap();
        assert_eq!((seen.verdict, seen.held_out, seen.rows), (Some(Verdict::Constant), true, 40));
        let seen = Beside::of(&learned, None, None, &loss, zero(&learned)).unwrap();
        assert!(seen.verdict.is_none() && !seen.held_out && seen.linear.clean <= seen.constant.clean, "{seen:?}");
    }

    #[test]
    fn of_classes_what_is_right_decides() {
        let mut learned = toy(80, 2, 3);
        learned.y.iter_mut().enumerate().for_each(|(k, y)| *y = if learned.x[(k, 0)] > 0.0 { 1.0 } else { -1.0 });
        let loss: Loss = "logistic".parse().unwrap();
        let half = Judged { errors: Clean { clean: Some(0.7), accuracy: Some(0.5) }, predicted: None };
        let seen = Beside::of(&learned, Some(&learned), None, &loss, half).unwrap();
        assert!(seen.linear.accuracy.unwrap() > 0.9 && seen.typical.is_none());
        assert!(matches!(seen.verdict, Some(Verdict::Linear | Verdict::Constant)), "{seen:?}");
        // Rows that count for nothing say nothing.
        let nothing = Dataset { weights: Some(vec![0.0; 80]), ..learned.clone() };
        let all = Judged { errors: Clean { clean: Some(0.0), accuracy: Some(1.0) }, predicted: None };
        assert!(Beside::of(&learned, Some(&nothing), None, &loss, all).is_none());
    }
}
