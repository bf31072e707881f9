//! What `compare` and `reproduce` say of trials, in the same words.

use crate::output;
use crate::progress::seconds;
use serde_json::{Value, json};
use std::time::Duration;
use tautnet_study::claims::NONE;
use tautnet_study::experiment::{Band, Row, Spread, prices_in_words};

/// Over how many trials the medians are: fewer than planned after an interrupt, and where methods failed. Those that failed in
/// every trial have no median.
pub fn trials(bands: &[Band]) -> String {
    let counts = || bands.iter().map(|band| band.trials).filter(|count| *count > 0);
    match (counts().min().unwrap_or(0), counts().max().unwrap_or(0)) {
        (1, 1) => "1 trial".to_owned(),
        (least, most) if least == most => format!("{most} trials"),
        (least, most) => format!("{least} to {most} trials"),
    }
}

/// What is added to a cell in which failures are left out.
pub fn failed(count: usize) -> String {
    if count > 0 { format!(" ({count} failed)") } else { String::new() }
}

/// What a method took.
pub fn time(span: f64) -> String {
    if span.is_nan() { NONE.to_owned() } else { seconds(Duration::from_secs_f64(span.max(0.0))) }
}

/// Say on standard error why trials failed.
pub fn note_failures(rows: &[Row]) {
    rows.iter().filter(|row| row.failed()).for_each(|row| output::note(&failure(row)));
}

fn failure(row: &Row) -> String {
    let Row { data, trial, base, method, ending, .. } = row;
    format!(
        "{data}, trial {trial}, from {base} at {}, {method}: {ending}",
        prices_in_words(row.lipschitz_price, row.decay)
    )
}

/// Medians and quartiles of one method.
pub fn band_json(band: &Band) -> Value {
    let spread = |spread: &Spread| json!({"lower_quartile": spread.lower, "median": spread.median, "upper_quartile": spread.upper});
    let mut facts = json!({
        "base": band.base,
        "method": band.method,
        "trials": band.trials,
        "failed": band.failed,
        "objective": spread(&band.objective),
        "loss": spread(&band.loss),
        "lipschitz": spread(&band.bound),
        "test_error": spread(&band.clean),
        "test_error_under_attack": band.attacked.iter().map(spread).collect::<Vec<_>>(),
        "score": band.score(),
        "seconds": spread(&band.seconds),
    });
    if !band.right.is_empty() {
        let right = |[clean, found, proved]: &[Spread; 3]| json!({"clean": spread(clean), "found": spread(found), "proved": spread(proved)});
        facts["accuracy"] = band.right.iter().map(right).collect();
    }
    facts
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use tautnet_furniture::trial_csv;
    use tautnet_study::experiment::{bands, rows_from_csv};

    /// A row from ADMM at λ_L 0.01; NaN is a failure.
    pub fn row(data: &str, trial: u64, method: &str, objective: f64) -> Row {
        let text = trial_csv(data, trial, method, objective);
        rows_from_csv("trials", &text, &[0.0]).unwrap().remove(0).1
    }

    #[test]
    fn medians_are_over_the_trials_that_count() {
        let rows = [row("a", 0, "base", 1.0), row("a", 0, "joint", 0.5), row("a", 0, "c-lip", f64::NAN)];
        assert_eq!(trials(&bands(&rows)), "1 trial");
        let more = [&rows[..], &[row("a", 1, "base", 1.0), row("a", 2, "base", 1.0)]].concat();
        assert_eq!(trials(&bands(&more)), "1 to 3 trials");
        assert_eq!(trials(&bands(&more[3..])), "2 trials");
        assert_eq!(trials(&bands(&rows[2..])), "0 trials");
        let lost = bands(&rows).pop().unwrap();
        assert_eq!((failed(lost.failed), time(lost.seconds.median)), (" (1 failed)".to_owned(), NONE.to_owned()));
        assert_eq!((failed(0), time(0.25)), (String::new(), "250 ms".to_owned()));
        assert_eq!(failure(&rows[2]), "a, trial 0, from admm at λ_L 0.01, c-lip: failed: no room");
    }
}
