//! What an experiment found, beside what the paper found: for people, as Markdown and as JSON.

use crate::experiment_file::Experiment;
use crate::output;
use crate::progress::seconds;
use serde_json::{Value, json};
use std::time::Duration;
use tautnet::experiment::{Band, Reduction, Row, Spread, base, method, winner};

const TABLE: &str = include_str!("../../../../experiments/expected/table-1.csv");
const FIGURE: &str = include_str!("../../../../experiments/expected/figure-1.csv");

/// A statement about the numbers.
pub struct Claim {
    text: String,
    holds: bool,
    /// Whether it can fail only by a mistake in this program.
    theorem: bool,
}

/// Tables, and what they say.
pub struct Finding {
    /// Each with its heading; the first row names the columns.
    tables: Vec<(String, Vec<Vec<String>>)>,
    claims: Vec<Claim>,
    /// Trials done, of how many.
    trials: (usize, usize),
    facts: Value,
}

/// A difference in % below this is rounding.
const SLACK: f64 = 1e-4;

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

fn price(row: &Reduction) -> String {
    if row.decay > 0.0 { format!("λ_w {}", row.decay) } else { format!("λ_L {}", row.lipschitz) }
}

fn base_title(name: &str) -> &str {
    base(name).map_or(name, |base| base.title)
}

fn method_title(name: &str) -> &str {
    if name == Row::BASE { "start" } else { method(name).map_or(name, |method| method.title) }
}

fn percent(value: f64) -> String {
    // No minus before a zero.
    format!("{:.2}", value + 0.0).replace("-0.00", "0.00")
}

fn three(values: [f64; 3]) -> String {
    values.map(percent).join(" / ")
}

/// Table 1.
pub fn table(reductions: &[Reduction], trials: (usize, usize)) -> Finding {
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
            let failed = if row.failed > 0 { format!(" ({} failed)", row.failed) } else { String::new() };
            lines.push(vec![
                row.data.clone(),
                price(row),
                method_title(&row.method).to_owned(),
                three(ours),
                theirs.map_or("–".into(), three),
                difference.map_or("–".into(), three),
                percent(row.least),
                format!("{}{failed}", row.trials),
                seconds(Duration::from_secs_f64(row.seconds.max(0.0))),
            ]);
        }
        let objective = if decay { "weight decay" } else { "Lipschitz price" };
        tables.push((format!("From {}, {objective}: objective, % below the start's", base_title(base)), lines));
    }
    let facts = json!({ "reductions": reductions.iter().map(reduction_json).collect::<Vec<_>>() });
    let claims = table_claims(reductions);
    Finding { tables, claims, trials, facts }
}

fn reduction_json(row: &Reduction) -> Value {
    json!({
        "data": row.data,
        "base": row.base,
        "method": row.method,
        "lipschitz": row.lipschitz,
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

/// The methods that are at least as good as another, by theorem, weakest first.
const ORDER: [(&str, &str); 2] = [("joint", "c-lip"), ("walk", "joint")];

/// Never worse than the start, by theorem.
const NEVER_WORSE: [&str; 4] = ["c-l2", "c-lip", "joint", "walk"];

fn table_claims(reductions: &[Reduction]) -> Vec<Claim> {
    let mut claims = Vec::new();
    let of = |name: &'static str| reductions.iter().filter(move |row| row.method == name && row.trials > 0);
    let place = |row: &Reduction| format!("{} from {} at {}", row.data, base_title(&row.base), price(row));
    for name in NEVER_WORSE {
        let Some(worst) = of(name).min_by(|a, b| a.least.total_cmp(&b.least)) else { continue };
        let text = format!(
            "{} is never worse than its start: the least reduction of any trial is {} % ({})",
            method_title(name),
            percent(worst.least),
            place(worst)
        );
        claims.push(Claim { text, holds: worst.least >= -SLACK, theorem: true });
    }
    let other = |row: &Reduction, name: &str| {
        let same = |other: &&Reduction| {
            other.method == name
                && (&other.data, &other.base) == (&row.data, &row.base)
                && (other.lipschitz, other.decay) == (row.lipschitz, row.decay)
        };
        reductions.iter().find(same).cloned()
    };
    for (better, weaker) in ORDER {
        let pairs: Vec<(&Reduction, f64)> =
            of(better).filter_map(|row| other(row, weaker).map(|weak| (row, row.mean - weak.mean))).collect();
        let Some((row, least)) = pairs.iter().min_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        let text = format!(
            "{} reduces at least as much as {} on every set and price: the least difference of the means is {} points ({})",
            method_title(better),
            method_title(weaker),
            percent(*least),
            place(row)
        );
        claims.push(Claim { text, holds: *least >= -SLACK, theorem: true });
    }
    for name in ["joint", "walk"] {
        let pairs: Vec<(&Reduction, Reduction)> =
            of(name).filter_map(|row| other(row, "c-lip").map(|weak| (row, weak))).collect();
        let mut arms: Vec<(&str, f64)> = Vec::new();
        for (row, _) in &pairs {
            if !arms.contains(&(&row.base, row.lipschitz)) {
                arms.push((&row.base, row.lipschitz));
            }
        }
        for (base, price) in arms {
            let own = || pairs.iter().filter(|(row, _)| (&*row.base, row.lipschitz) == (base, price));
            let twice = own().filter(|(row, weak)| row.mean >= 2.0 * weak.mean).count();
            let text = format!(
                "from {} at λ_L {price}, {} reduces at least twice as much as C-lip on {twice} of {} sets",
                base_title(base),
                method_title(name),
                own().count()
            );
            claims.push(Claim { text, holds: 5 * twice >= 4 * own().count(), theorem: false });
        }
    }
    claims
}

/// Figure 1.
pub fn figure(experiment: &Experiment, bands: &[Band], trials: (usize, usize)) -> Finding {
    let mut panels: Vec<(&str, &str)> = Vec::new();
    let mut methods: Vec<&str> = Vec::new();
    for band in bands {
        if !panels.contains(&(&band.data, &band.base)) {
            panels.push((&band.data, &band.base));
        }
        if !methods.contains(&band.method.as_str()) {
            methods.push(&band.method);
        }
    }
    let mut head = vec!["data".to_owned(), "from".to_owned()];
    head.extend(methods.iter().map(|name| method_title(name).to_owned()));
    head.extend(["best of the paper's".to_owned(), "best of all".to_owned(), "paper".to_owned()]);
    let mut lines = vec![head];
    let mut wins: Vec<(&str, [usize; 2])> = methods.iter().map(|name| (*name, [0; 2])).collect();
    let mut panels_json = Vec::new();
    for (data, base) in &panels {
        let own: Vec<&Band> = bands.iter().filter(|band| (&*band.data, &*band.base) == (*data, *base)).collect();
        let theirs: Vec<&Band> =
            own.iter().copied().filter(|band| [Row::BASE, "admm", "c-lip"].contains(&&*band.method)).collect();
        let winners = [winner(&theirs), winner(&own)].map(|band| band.map(|band| band.method.as_str()));
        for (name, counts) in &mut wins {
            (0..2).for_each(|k| counts[k] += usize::from(winners[k] == Some(*name)));
        }
        let paper = records(FIGURE).find(|record| (record[0], record[1]) == (*data, *base)).map(|record| record[2]);
        let mut line = vec![(*data).to_owned(), base_title(base).to_owned()];
        line.extend(methods.iter().map(|name| {
            own.iter().find(|band| band.method == *name).map_or("–".into(), |band| output::number(band.score()))
        }));
        line.extend(winners.map(|name| name.map_or("–".into(), |name| method_title(name).to_owned())));
        line.push(paper.map_or("not C-lip alone".into(), |name| method_title(name).to_owned()));
        lines.push(line);
        panels_json.push(json!({
            "data": data,
            "base": base,
            "best_of_the_papers": winners[0],
            "best": winners[1],
            "paper": paper,
            "methods": own.iter().map(|band| band_json(band)).collect::<Vec<_>>(),
        }));
    }
    let claims = wins
        .iter()
        .filter(|(name, _)| *name != Row::BASE)
        .map(|(name, counts)| Claim {
            text: format!(
                "{} has the lowest median in {} of {} panels among all methods{}",
                method_title(name),
                counts[1],
                panels.len(),
                if *name == "c-lip" {
                    format!("; among the paper's, in {} (the paper: {} of 15)", counts[0], records(FIGURE).count())
                } else {
                    String::new()
                }
            ),
            holds: true,
            theorem: false,
        })
        .collect();
    let heading =
        "Median over the radii of the median error under attack; the lowest wins (– where two are equal)".to_owned();
    let facts = json!({ "radii": experiment.plan.settings.radii, "panels": panels_json });
    Finding { tables: vec![(heading, lines)], claims, trials, facts }
}

/// Medians and quartiles of one method.
pub fn band_json(band: &Band) -> Value {
    let spread = |spread: &Spread| json!({"lower_quartile": spread.lower, "median": spread.median, "upper_quartile": spread.upper});
    json!({
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
    })
}

impl Finding {
    /// Whether nothing that is proved was contradicted.
    pub fn theorems_hold(&self) -> bool {
        self.claims.iter().all(|claim| claim.holds || !claim.theorem)
    }

    /// For people.
    pub fn text(&self) -> String {
        let tables = self.tables.iter().map(|(heading, lines)| format!("{heading}\n{}\n", output::table(lines)));
        let claims = self.claims.iter().map(|claim| format!("{} {}\n", verdict(claim), claim.text));
        tables.chain(claims).collect()
    }

    /// For documents.
    pub fn markdown(&self, heading: &str, experiment: &Experiment) -> String {
        let (done, of) = self.trials;
        let mut text = format!("# {}\n\n{heading}; {done} of {of} trials.\n", experiment.title);
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
        experiment.choices.iter().for_each(|line| {
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
        (true, true) => "holds:",
        (false, true) => "FAILS:",
        (_, false) => "found:",
    }
}
