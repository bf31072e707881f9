//! What the rows say: means over the trials, theorems, which hold in every row or else this program has a mistake, and counts.

use super::networks::NETWORKS;
use super::row::{Half, Row};
use crate::claims::Claim;

/// Means over the trials of one method on one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// A row of the method, which says which it is.
    pub row: Row,
    /// Trials that did not fail, and those that did.
    pub trials: usize,
    /// Those that failed.
    pub failed: usize,
}

/// Means of all numbers over the trials, in the order of the first rows. Those of what failed are left out.
pub fn means(rows: &[Row], half: Half) -> Vec<Mean> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows.iter().filter(|row| row.half == half) {
        let key = |row: &Row| (row.data.clone(), row.method.clone(), row.effort.clone());
        match groups.iter_mut().find(|group| key(group[0]) == key(row)) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups.into_iter().map(mean).collect()
}

fn mean(group: Vec<&Row>) -> Mean {
    let counted: Vec<&&Row> = group.iter().filter(|row| !row.failed()).collect();
    let of = |value: fn(&Row) -> f64| counted.iter().map(|row| value(row)).sum::<f64>() / counted.len() as f64;
    let row = Row {
        objective: of(|row| row.objective),
        lower_bound: of(|row| row.lower_bound),
        units: of(|row| row.units as f64).round() as usize,
        clean: of(|row| row.clean),
        fgsm: of(|row| row.fgsm),
        pgd: of(|row| row.pgd),
        proved: of(|row| row.proved),
        seconds: of(|row| row.seconds),
        ..group[0].clone()
    };
    Mean { row, trials: counted.len(), failed: group.len() - counted.len() }
}

/// Rounding, relative to an objective.
const SLACK: f64 = 1e-6;

/// What the rows say.
pub fn claims(rows: &[Row]) -> Vec<Claim> {
    let networks = rows.iter().filter(|row| row.half == Half::Networks && !row.proved.is_nan());
    let ordered = |row: &Row| row.proved <= row.pgd && row.pgd <= row.fgsm && row.fgsm <= row.clean;
    let below = |row: &Row| row.lower_bound <= row.objective * (1.0 + SLACK);
    // A program of other weights bounds nothing of (6).
    let optima = rows.iter().filter(|row| row.half == Half::Solvers && row.method == "admm");
    let of_the_same = |row: &Row| {
        let same = |other: &&Row| other.method == "interior" && (&other.data, other.trial) == (&row.data, row.trial);
        let worst = rows.iter().filter(same).map(|other| other.objective).fold(f64::INFINITY, f64::min);
        (worst < f64::INFINITY).then_some(row.lower_bound <= worst * (1.0 + SLACK))
    };
    let mut claims = vec![
        theorem(
            "the share proved right is never above what PGD leaves right, that never above what FGSM does, that never above what is right without an attack",
            networks.map(ordered).collect(),
        ),
        theorem(
            "no lower bound is above the objective of its robust program",
            rows.iter().filter(|row| row.half == Half::Networks && !row.lower_bound.is_nan()).map(below).collect(),
        ),
        theorem(
            "no lower bound of ADMM is above what the interior-point method reaches",
            optima.filter_map(of_the_same).collect(),
        ),
    ];
    claims.extend(best(rows));
    claims
}

fn theorem(text: &str, held: Vec<bool>) -> Claim {
    let (all, holding) = (held.len(), held.iter().filter(|held| **held).count());
    let holds = if all == 0 { None } else { Some(holding == all) };
    Claim { text: format!("{text}: in {holding} of {all} rows"), holds, theorem: true }
}

/// On how many sets each method has the largest mean share proved right.
fn best(rows: &[Row]) -> Vec<Claim> {
    let means = means(rows, Half::Networks);
    let mut sets: Vec<&str> = means.iter().map(|mean| mean.row.data.as_str()).collect();
    sets.dedup();
    let most = |data: &str| {
        let own = means.iter().filter(|mean| mean.row.data == data).map(|mean| mean.row.proved);
        own.fold(f64::NEG_INFINITY, f64::max)
    };
    let wins = |name: &str| {
        let own = means.iter().filter(|mean| mean.row.method == name);
        own.filter(|mean| mean.row.proved == most(&mean.row.data)).count()
    };
    let claim = |(name, _): &(&str, &str)| Claim {
        text: format!("{name} has the largest mean share proved right on {} of {} sets", wins(name), sets.len()),
        holds: Some(true),
        theorem: false,
    };
    NETWORKS.iter().map(claim).collect()
}
