//! What the rows of Table 1 say: theorems, which hold in every trial or else this program has a mistake, and counts.

use crate::experiment::{Pair, Row, base_title, method_title, pairs, prices_in_words};

/// A statement about the numbers of a study.
pub struct Claim {
    /// The statement, and the number that decides it.
    pub text: String,
    /// Whether it holds; `None` where no trial shows it.
    pub holds: Option<bool>,
    /// Whether it can fail only by a mistake in this program.
    pub theorem: bool,
}

/// Never worse than the start, by theorem.
const NEVER_WORSE: [&str; 6] = ["c-l2", "c-lip", "joint", "joint-linear", "walk", "convex"];

/// The methods that are at least as good as another, by theorem, weakest first.
const ORDER: [(&str, &str); 4] =
    [("joint", "c-lip"), ("joint-linear", "joint"), ("walk", "joint"), ("convex", "joint")];

/// A difference in % below this is rounding; where programs are solved to a coarser gap, below that gap.
const SLACK: f64 = 1e-4;

/// What the rows say; `tolerance` is the relative gap to which the programs were solved.
pub fn claims(rows: &[Row], tolerance: f64) -> Vec<Claim> {
    let slack = SLACK.max(100.0 * tolerance);
    let never_worse = NEVER_WORSE.iter().filter_map(|name| {
        let mut own = pairs(rows, name, Row::BASE);
        own.retain(|pair| minimizes(name, pair.row));
        let statement = format!("{} is never worse than its start", title(name));
        theorem(&own, slack, &statement, ["the least reduction of any trial", "%"])
    });
    let order = ORDER.iter().filter_map(|(better, weaker)| {
        let statement = format!("{} reduces at least as much as {} in every trial", title(better), title(weaker));
        theorem(&pairs(rows, better, weaker), slack, &statement, ["the least difference", "points"])
    });
    never_worse.chain(order).chain(["joint", "walk"].iter().flat_map(|name| twice(rows, name))).collect()
}

/// Whether the objective of a row's arm is the method's own: C-l2 knows the price of the weights only.
fn minimizes(name: &str, row: &Row) -> bool {
    name != "c-l2" || row.decay > 0.0 && row.lipschitz_price == 0.0
}

fn title(name: &str) -> &str {
    method_title(name, "start")
}

/// That no pair is below 0; nothing where there are no pairs.
fn theorem(pairs: &[Pair<'_>], slack: f64, statement: &str, [measure, unit]: [&str; 2]) -> Option<Claim> {
    let all = pairs.len();
    let known: Vec<(f64, &Row)> = pairs.iter().filter_map(|pair| Some((pair.points()?, pair.row))).collect();
    let left_out = match all - known.len() {
        0 => String::new(),
        failed => format!("; {failed} of {all} trials, in which something failed, are left out"),
    };
    let (text, holds) = match known.iter().min_by(|a, b| a.0.total_cmp(&b.0)) {
        None if all == 0 => return None,
        None => (format!("{statement}: something failed in every one of {all} trials"), None),
        Some((least, row)) => {
            let (from, price) = (base_title(&row.base), prices_in_words(row.lipschitz_price, row.decay));
            let place = format!("{} from {from} at {price}", row.data);
            (
                format!("{statement}: {measure} is {} {unit} ({place}){left_out}", percent(*least)),
                Some(*least >= -slack),
            )
        }
    };
    Some(Claim { text, holds, theorem: true })
}

/// On how many sets the mean reduction is at least twice that of C-lip over the same trials: one claim for each base and price.
fn twice(rows: &[Row], name: &str) -> Vec<Claim> {
    let mut pairs = pairs(rows, name, "c-lip");
    pairs.retain(|pair| pair.points().is_some());
    let mut arms: Vec<(&str, f64)> = Vec::new();
    for arm in pairs.iter().map(|pair| (&*pair.row.base, pair.row.lipschitz_price)) {
        if !arms.contains(&arm) {
            arms.push(arm);
        }
    }
    let claim = |(base, price): (&str, f64)| {
        let own = pairs.iter().filter(|pair| (&*pair.row.base, pair.row.lipschitz_price) == (base, price));
        let sets = gains(own);
        let (twice, of) = (sets.iter().filter(|(_, gain, weaker)| *gain >= 2.0 * weaker).count(), sets.len());
        let text = format!(
            "from {} at λ_L {price}, {} reduces at least twice as much as C-lip on {twice} of {of} sets",
            base_title(base),
            title(name)
        );
        Claim { text, holds: Some(5 * twice >= 4 * of), theorem: false }
    };
    arms.into_iter().map(claim).collect()
}

/// For each data set, by how much the method and the weaker one lower the objective, summed over the trials.
fn gains<'a>(pairs: impl Iterator<Item = &'a Pair<'a>>) -> Vec<(&'a str, f64, f64)> {
    let mut sets: Vec<(&str, f64, f64)> = Vec::new();
    for pair in pairs {
        let (gain, weaker) = (pair.base - pair.row.objective, pair.base - pair.weaker);
        match sets.iter_mut().find(|set| set.0 == pair.row.data) {
            Some(set) => *set = (set.0, set.1 + gain, set.2 + weaker),
            None => sets.push((&pair.row.data, gain, weaker)),
        }
    }
    sets
}

/// Placeholder for a missing number.
pub const NONE: &str = "–";

/// A number of percent for people.
pub fn percent(value: f64) -> String {
    if value.is_nan() {
        return NONE.to_owned();
    }
    // No minus before a zero.
    format!("{:.2}", value + 0.0).replace("-0.00", "0.00")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::rows_from_csv;
    use tautnet_furniture::trial_csv;

    /// A row from ADMM at λ_L 0.01; NaN is a failure.
    fn row(data: &str, trial: u64, method: &str, objective: f64) -> Row {
        let text = trial_csv(data, trial, method, objective);
        rows_from_csv("trials", &text, &[0.0]).unwrap().remove(0).1
    }

    /// The verdict on one statement, and its words.
    fn of(rows: &[Row], tolerance: f64, statement: &str) -> (Option<bool>, String) {
        let mut found = claims(rows, tolerance).into_iter().filter(|claim| claim.text.starts_with(statement));
        let claim = found.next().unwrap_or_else(|| panic!("no claim `{statement}`"));
        assert!(claim.theorem && found.next().is_none());
        (claim.holds, claim.text)
    }

    const JOINT: &str = "joint reduces at least as much as C-lip";

    #[test]
    fn a_theorem_is_about_every_trial() {
        // Better in the mean, worse in the second trial.
        let rows = |second: f64| {
            let first = [row("a", 0, "base", 10.0), row("a", 0, "c-lip", 9.0), row("a", 0, "joint", 5.0)];
            let second = [row("a", 1, "base", 10.0), row("a", 1, "c-lip", 8.0), row("a", 1, "joint", second)];
            [first, second].concat()
        };
        let holds = "joint reduces at least as much as C-lip in every trial: the least difference is 1.00 points (a from ADMM at λ_L 0.01)";
        assert_eq!(of(&rows(7.9), 1e-8, JOINT), (Some(true), holds.to_owned()));
        let (holds, text) = of(&rows(8.1), 1e-8, JOINT);
        assert!(holds == Some(false) && text.contains("is -1.00 points"), "{text}");
        assert_eq!(of(&rows(8.1), 0.011, JOINT).0, Some(true), "a gap of a hundredth allows for a hundredth");
        assert_eq!(of(&rows(10.5), 1e-8, "joint is never worse").0, Some(false));
    }

    #[test]
    fn what_failed_decides_nothing() {
        // Neither a set without C-lip, whose NaN may have either sign, nor other trials of the methods: 7 and 5 over both trials
        // of `b` against 6 over one of them would say that joint is worse.
        for nan in [f64::NAN, -f64::NAN] {
            let mut rows = vec![row("a", 0, "base", 10.0), row("a", 0, "c-lip", nan), row("a", 0, "joint", 5.0)];
            rows.extend([row("b", 0, "base", 10.0), row("b", 0, "c-lip", 6.0), row("b", 0, "joint", 5.0)]);
            rows.extend([row("b", 1, "base", 10.0), row("b", 1, "c-lip", nan), row("b", 1, "joint", 9.0)]);
            let (holds, text) = of(&rows, 1e-8, JOINT);
            assert_eq!(holds, Some(true));
            assert!(text.ends_with(
                "is 10.00 points (b from ADMM at λ_L 0.01); 2 of 3 trials, in which something failed, are left out"
            ));
            rows.truncate(3);
            let (holds, text) = of(&rows, 1e-8, JOINT);
            assert_eq!(holds, None);
            assert!(text.ends_with("in every trial: something failed in every one of 1 trials"), "{text}");
            assert_eq!(of(&rows, 1e-8, "C-lip is never worse than its start").0, None);
        }
    }

    #[test]
    fn c_l2_is_held_to_its_own_objective() {
        let rows = [row("a", 0, "base", 1.0), row("a", 0, "c-l2", 2.0)];
        assert!(claims(&rows, 1e-8).is_empty());
        let rows = rows.map(|row| Row { lipschitz_price: 0.0, decay: 0.05, ..row });
        let (holds, text) = of(&rows, 1e-8, "C-l2 is never worse");
        assert!(holds == Some(false) && text.contains("at λ_w 0.05"), "{text}");
    }

    #[test]
    fn twice_is_over_the_trials_of_both() {
        // C-lip takes off 1 in the trial that it has; joint 2 there and nothing in the other.
        let rows = [
            row("a", 0, "base", 10.0),
            row("a", 0, "c-lip", 9.0),
            row("a", 0, "joint", 8.0),
            row("a", 1, "base", 10.0),
            row("a", 1, "c-lip", f64::NAN),
            row("a", 1, "joint", 10.0),
        ];
        let text = "from ADMM at λ_L 0.01, joint reduces at least twice as much as C-lip on 1 of 1 sets";
        assert!(claims(&rows, 1e-8).iter().any(|claim| claim.text == text && !claim.theorem));
    }
}
