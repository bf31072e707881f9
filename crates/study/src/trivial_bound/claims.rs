//! What the rows say: means over the trials, theorems, which hold in every row or else this program has a mistake, and counts.

use super::row::Row;
use super::settings::Method;
use crate::claims::Claim;

/// Means over the trials of one method with one map in one norm.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// A row with the means, which says which it is.
    pub row: Row,
    /// The mean of U in units of the largest Jacobian found.
    pub ratio: f64,
    /// Trials that did not fail, and those that did.
    pub trials: usize,
    /// Those that failed.
    pub failed: usize,
}

/// Means of all numbers over the trials of networks that were trained, in the order of the first rows. Those of what failed are left out.
pub fn means(rows: &[Row]) -> Vec<Mean> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows.iter().filter(|row| !row.is_example()) {
        let key = |row: &Row| [&row.data, &row.method, &row.map, &row.norm].map(String::clone);
        match groups.iter_mut().find(|group| key(group[0]) == key(row)) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups.into_iter().map(mean).collect()
}

fn mean(group: Vec<&Row>) -> Mean {
    let counted: Vec<&&Row> = group.iter().filter(|row| !row.failed()).collect();
    let of = |value: &dyn Fn(&Row) -> f64| counted.iter().map(|row| value(row)).sum::<f64>() / counted.len() as f64;
    let first = counted.first().map_or(group[0], |row| **row);
    let proved = (0..first.radii.len()).map(|k| of(&|row| row.proved[k])).collect();
    let row = Row {
        clean: of(&|row| row.clean),
        bound: of(&|row| row.bound),
        found: of(&|row| row.found),
        proved,
        seconds: of(&|row| row.seconds),
        ..first.clone()
    };
    Mean { row, ratio: of(&Row::ratio), trials: counted.len(), failed: group.len() - counted.len() }
}

/// The largest U, in units of the largest Jacobian found, that the paper calls tight.
const TIGHT: f64 = 1.1;

/// What the rows say.
pub fn claims(rows: &[Row]) -> Vec<Claim> {
    let measured = || rows.iter().filter(|row| !row.found.is_nan());
    let examples = || measured().filter(|row| row.is_example());
    let falls = |row: &Row| row.proved.iter().try_fold(row.clean, |above, share| (above >= *share).then_some(*share));
    let mut claims = vec![
        theorem("no Jacobian that was found is above U", measured().map(|row| row.found <= row.bound).collect()),
        theorem(
            "the constant of an example is between the largest Jacobian found and U",
            examples().map(|row| row.found <= row.exact && row.exact <= row.bound).collect(),
        ),
        theorem(
            "the share proved right never grows with the radius, and is never above what is right as it is",
            measured().filter(|row| !row.is_example()).map(|row| falls(row).is_some()).collect(),
        ),
    ];
    for method in Method::ALL {
        let own: Vec<&Row> = measured().filter(|row| row.method == method.name()).collect();
        let tight = |relu: bool| {
            let of: Vec<bool> =
                own.iter().filter(|row| (row.map == "relu") == relu).map(|row| row.ratio() <= TIGHT).collect();
            (of.iter().filter(|tight| **tight).count(), of.len())
        };
        let ((others, of_others), (relu, of_relu)) = (tight(false), tight(true));
        if !own.is_empty() {
            let text = format!(
                "{}: U is at most {TIGHT} of the largest Jacobian found in {relu} of {of_relu} rows with relu and in {others} of {of_others} with another map",
                method.name()
            );
            claims.push(Claim { text, holds: Some(true), theorem: false });
        }
    }
    claims
}

fn theorem(text: &str, held: Vec<bool>) -> Claim {
    let (all, holding) = (held.len(), held.iter().filter(|held| **held).count());
    let holds = if all == 0 { None } else { Some(holding == all) };
    Claim { text: format!("{text}: in {holding} of {all} rows"), holds, theorem: true }
}
