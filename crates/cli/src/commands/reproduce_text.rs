//! What an experiment found, beside what the paper found: for people, as Markdown and as JSON.

use super::trial_text::{band_json, failed, time};
use crate::output;
use serde_json::{Value, json};
use std::process::ExitCode;
use tautnet_study::claims::{Claim, NONE, claims, percent};
use tautnet_study::experiment::{
    Band, Reduction, Row, arms, base_title, method_title, prices_in_words, reductions, winner,
};
use tautnet_study::experiment_file::Experiment;

const TABLE: &str = include_str!("../../experiments/expected/table-1.csv");
const FIGURE: &str = include_str!("../../experiments/expected/figure-1.csv");

/// Tables, and what they say.
pub struct Finding {
    /// Each with its heading; the first row names the columns.
    pub tables: Vec<(String, Vec<Vec<String>>)>,
    /// What the rows show.
    pub claims: Vec<Claim>,
    /// Trials done, of how many.
    pub trials: (usize, usize),
    /// For programs.
    pub facts: Value,
}

/// The lines of a CSV file that is part of the program, without its header.
fn records(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().skip(1).map(|line| line.split(',').collect())
}

/// The paper's least, largest and mean reduction. Its Lipschitz columns start from ADMM, its others from SGD.
fn expected_reduction(row: &Reduction) -> Option<[f64; 3]> {
    let from = if row.decay > 0.0 { "sgd" } else { "admm" };
    let record = records(TABLE).find(|record| (record[0], record[1]) == (&*row.data, &*row.method))?;
    let number = |k: usize| record[k].parse().expect("the program's own numbers are numbers");
    (row.base == from).then(|| [number(2), number(3), number(4)])
}

fn title(name: &str) -> &str {
    method_title(name, "start")
}

fn three(values: [f64; 3]) -> String {
    if values.iter().all(|value| value.is_nan()) { NONE.to_owned() } else { values.map(percent).join(" / ") }
}

/// Table 1; `tolerance` is the relative gap to which the programs were solved.
pub fn table(rows: &[Row], tolerance: f64, trials: (usize, usize)) -> Finding {
    let reductions = &reductions(rows);
    let head =
        ["data", "price", "method", "ours: min / max / mean", "paper", "difference", "least", "trials", "seconds"];
    let mut bases: Vec<(&str, bool)> = Vec::new();
    for row in reductions {
        if !bases.contains(&(&row.base, row.decay > 0.0)) {
            bases.push((&row.base, row.decay > 0.0));
        }
    }
    let mut tables = Vec::new();
    for (base, decay) in bases {
        let mut lines = vec![head.map(str::to_owned).to_vec()];
        for row in reductions.iter().filter(|row| (&*row.base, row.decay > 0.0) == (base, decay)) {
            let ours = [row.min, row.max, row.mean];
            let theirs = expected_reduction(row);
            let difference = theirs.map(|theirs| [0, 1, 2].map(|k| ours[k] - theirs[k]));
            lines.push(vec![
                row.data.clone(),
                prices_in_words(row.lipschitz_price, row.decay),
                title(&row.method).to_owned(),
                three(ours),
                theirs.map_or(NONE.into(), three),
                difference.map_or(NONE.into(), three),
                percent(row.least),
                format!("{}{}", row.trials, failed(row.failed)),
                time(row.seconds),
            ]);
        }
        let objective = if decay { "weight decay" } else { "Lipschitz price" };
        tables.push((format!("From {}, {objective}: objective, % below the start's", base_title(base)), lines));
    }
    let facts = json!({ "reductions": reductions.iter().map(reduction_json).collect::<Vec<_>>() });
    Finding { tables, claims: claims(rows, tolerance), trials, facts }
}

fn reduction_json(row: &Reduction) -> Value {
    json!({
        "data": row.data,
        "base": row.base,
        "method": row.method,
        "lipschitz_price": row.lipschitz_price,
        "decay": row.decay,
        "trials": row.trials,
        "failed": row.failed,
        "min": row.min,
        "max": row.max,
        "mean": row.mean,
        "least": row.least,
        "seconds": row.seconds,
        "paper": expected_reduction(row),
    })
}

/// Who wins a panel in the paper: `None` where the paper has no such panel, nobody where it is not C-lip alone.
fn expected_winner(panel: &Band) -> Option<Option<&'static str>> {
    let record = records(FIGURE).find(|record| (record[0], record[1]) == (&*panel.data, &*panel.base))?;
    Some(Some(record[2]).filter(|name| !name.is_empty()))
}

/// Figure 1.
pub fn figure(experiment: &Experiment, bands: &[Band], trials: (usize, usize)) -> Finding {
    let mut panels: Vec<&Band> = Vec::new();
    let mut methods: Vec<&str> = Vec::new();
    let same_panel = |a: &Band, b: &Band| a.data == b.data && a.same_arm(b);
    for band in bands {
        if !panels.iter().any(|first| same_panel(first, band)) {
            panels.push(band);
        }
        if !methods.contains(&band.method.as_str()) {
            methods.push(&band.method);
        }
    }
    let mut head = vec!["data".to_owned(), "from".to_owned()];
    head.extend(methods.iter().map(|name| title(name).to_owned()));
    head.extend(["best of the paper's".to_owned(), "best of all".to_owned(), "paper".to_owned()]);
    let mut lines = vec![head];
    let mut wins: Vec<(&str, [usize; 2])> = methods.iter().map(|name| (*name, [0; 2])).collect();
    let mut panels_json = Vec::new();
    let arms = arms(bands);
    for panel in &panels {
        let own: Vec<&Band> = bands.iter().filter(|band| same_panel(panel, band)).collect();
        let theirs: Vec<&Band> =
            own.iter().copied().filter(|band| [Row::BASE, "admm", "c-lip"].contains(&&*band.method)).collect();
        let winners = [winner(&theirs), winner(&own)].map(|band| band.map(|band| band.method.as_str()));
        for (name, counts) in &mut wins {
            (0..2).for_each(|k| counts[k] += usize::from(winners[k] == Some(*name)));
        }
        let paper = expected_winner(panel);
        let from = arms.iter().find(|(first, _)| first.same_arm(panel)).map_or(NONE, |(_, title)| title);
        let mut line = vec![panel.data.clone(), from.to_owned()];
        let score = |band: &&&Band| format!("{}{}", output::number(band.score()), failed(band.failed));
        let cell = |name: &&str| own.iter().find(|band| band.method == *name).as_ref().map_or(NONE.into(), score);
        line.extend(methods.iter().map(cell));
        line.extend(winners.map(|name| name.map_or(NONE, title).to_owned()));
        line.push(paper.map_or(NONE, |name| name.map_or("not C-lip alone", title)).to_owned());
        lines.push(line);
        panels_json.push(json!({
            "data": panel.data,
            "base": panel.base,
            "lipschitz_price": panel.lipschitz_price,
            "decay": panel.decay,
            "best_of_the_papers": winners[0],
            "best": winners[1],
            "paper": paper.flatten(),
            "methods": own.iter().map(|band| band_json(band)).collect::<Vec<_>>(),
        }));
    }
    let claims = wins
        .iter()
        .filter(|(name, _)| *name != Row::BASE)
        .map(|(name, counts)| Claim {
            text: format!(
                "{} has the lowest median in {} of {} panels among all methods{}",
                title(name),
                counts[1],
                panels.len(),
                if *name == "c-lip" {
                    let (alone, of) =
                        (records(FIGURE).filter(|record| !record[2].is_empty()).count(), records(FIGURE).count());
                    format!("; among the paper's, in {} (the paper: {alone} of {of})", counts[0])
                } else {
                    String::new()
                }
            ),
            holds: Some(true),
            theorem: false,
        })
        .collect();
    let heading =
        "Median over the radii of the median error under attack; the lowest wins (– where two are equal)".to_owned();
    let facts = json!({ "radii": experiment.plan.settings.radii, "panels": panels_json });
    Finding { tables: vec![(heading, lines)], claims, trials, facts }
}

impl Finding {
    /// Whether nothing that is proved was contradicted.
    fn theorems_hold(&self) -> bool {
        self.claims.iter().all(|claim| claim.holds != Some(false) || !claim.theorem)
    }

    /// Failure where something that is proved was contradicted.
    pub fn exit_code(&self) -> ExitCode {
        if self.theorems_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// For people.
    pub fn text(&self) -> String {
        let tables = self.tables.iter().map(|(heading, lines)| format!("{heading}\n{}\n", output::table(lines)));
        let claims = self.claims.iter().map(|claim| format!("{} {}\n", verdict(claim), claim.text));
        tables.chain(claims).collect()
    }

    /// For documents, with the title and the choices of the experiment.
    pub fn markdown(&self, heading: &str, (title, choices): (&str, &[[String; 3]])) -> String {
        let (done, of) = self.trials;
        let mut text = format!("# {title}\n\n{heading}; {done} of {of} trials.\n");
        for (heading, lines) in &self.tables {
            text.push_str(&format!("\n## {heading}\n\n"));
            for (k, line) in lines.iter().enumerate() {
                text.push_str(&format!("| {} |\n", line.join(" | ")));
                if k == 0 {
                    let rule = |j: usize| if j < 3 { "---" } else { "---:" };
                    text.push_str(&format!("|{}|\n", (0..line.len()).map(rule).collect::<Vec<_>>().join("|")));
                }
            }
        }
        text.push_str("\n## What they say\n\n");
        self.claims.iter().for_each(|claim| text.push_str(&format!("- {} {}\n", verdict(claim), claim.text)));
        text.push_str("\n## What was chosen\n\n| choice | value | why |\n|---|---|---|\n");
        let cell = |word: &String| word.replace('|', "\\|");
        choices.iter().for_each(|line| {
            text.push_str(&format!("| {} |\n", line.iter().map(cell).collect::<Vec<_>>().join(" | ")));
        });
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let mut facts = self.facts.clone();
        let claim = |claim: &Claim| json!({"claim": claim.text, "holds": claim.holds, "theorem": claim.theorem});
        facts["claims"] = self.claims.iter().map(claim).collect();
        facts
    }
}

fn verdict(claim: &Claim) -> &'static str {
    match (claim.holds, claim.theorem) {
        (Some(true), true) => "holds:",
        (Some(false), true) => "FAILS:",
        (None, true) => "not shown:",
        (_, false) => "found:",
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial_text::tests::row;
    use super::*;
    use tautnet_study::experiment::bands;
    use tautnet_study::experiment_file;

    /// The cells of the first table, without its head.
    fn cells(finding: &Finding) -> Vec<Vec<&str>> {
        finding.tables[0].1[1..].iter().map(|line| line.iter().map(String::as_str).collect()).collect()
    }

    fn figure_of(rows: &[Row]) -> Finding {
        let text = include_str!("../../experiments/figure-1.toml");
        figure(&experiment_file::parse("f", text, "smoke").unwrap(), &bands(rows), (1, 1))
    }

    #[test]
    fn what_has_no_number_is_a_dash() {
        let rows = [row("servo", 0, "base", 2.0), row("servo", 0, "c-lip", f64::NAN), row("servo", 0, "joint", 1.0)];
        let found = table(&rows, 1e-8, (1, 1));
        let own = |line: &[&str]| [3, 5, 6, 7, 8].map(|k| line[k].to_owned());
        let [c_lip, joint] = [0, 1].map(|k| own(&cells(&found)[k]));
        assert_eq!(c_lip, ["–", "–", "–", "0 (1 failed)", "–"]);
        assert_eq!(joint, ["50.00 / 50.00 / 50.00", "–", "50.00", "1", "250 ms"]);
        assert!(found.theorems_hold(), "what failed contradicts nothing");
        assert!(found.text().contains("not shown: C-lip is never worse than its start"), "{}", found.text());
        assert!(found.json()["claims"][0]["holds"].is_null());
        let found = figure_of(&rows);
        assert_eq!(cells(&found)[0][2..5], ["2", "– (1 failed)", "1"]);
    }

    #[test]
    fn the_papers_panels_are_told_from_those_that_it_has_not() {
        let rows = ["wine", "rastrigin", "mine"].map(|data| row(data, 0, "c-lip", 1.0));
        let found = figure_of(&rows);
        assert_eq!(cells(&found).iter().map(|line| line[5]).collect::<Vec<_>>(), ["C-lip", "not C-lip alone", "–"]);
        assert!(found.text().contains("in 3 (the paper: 8 of 15)"), "{}", found.text());
    }

    #[test]
    fn a_price_has_panels_of_its_own() {
        let dearer = |method, error| Row { lipschitz_price: 0.1, ..row("wine", 0, method, error) };
        let rows =
            [row("wine", 0, "c-lip", 1.0), row("wine", 0, "joint", 2.0), dearer("c-lip", 4.0), dearer("joint", 3.0)];
        let found = figure_of(&rows);
        let own = |line: &Vec<&str>| [1, 2, 3, 5].map(|k| line[k].to_owned());
        let [first, second] = [0, 1].map(|k| own(&cells(&found)[k]));
        assert_eq!(first, ["ADMM at λ_L 0.01", "1", "2", "C-lip"]);
        assert_eq!(second, ["ADMM at λ_L 0.1", "4", "3", "joint"]);
        assert_eq!((cells(&found).len(), &found.json()["panels"][1]["lipschitz_price"]), (2, &json!(0.1)));
    }
}
