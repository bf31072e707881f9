//! What was checked and what did not hold.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Counts by name, and the shortest faults of each.
#[derive(Debug, Default)]
pub struct Ledger {
    counts: BTreeMap<&'static str, Count>,
}

#[derive(Debug, Default)]
struct Count {
    checked: usize,
    violated: usize,
    faults: Vec<String>,
}

impl Count {
    /// Short stories are about small networks.
    fn keep_the_shortest(&mut self) {
        self.faults.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        self.faults.truncate(TOLD);
    }
}

/// Most faults of a name that are told.
const TOLD: usize = 3;

impl Ledger {
    /// One thing was checked; `fault` describes it where it does not hold.
    pub fn check(&mut self, name: &'static str, holds: bool, fault: impl FnOnce() -> String) {
        let count = self.counts.entry(name).or_default();
        count.checked += 1;
        if !holds {
            count.violated += 1;
            count.faults.push(fault());
            count.keep_the_shortest();
        }
    }

    /// Something happened that is worth counting.
    pub fn count(&mut self, name: &'static str) {
        self.check(name, true, String::new);
    }

    /// Both.
    pub fn merge(mut self, other: Self) -> Self {
        for (name, theirs) in other.counts {
            let ours = self.counts.entry(name).or_default();
            ours.checked += theirs.checked;
            ours.violated += theirs.violated;
            ours.faults.extend(theirs.faults);
            ours.keep_the_shortest();
        }
        self
    }

    /// How many things were checked.
    pub fn checked(&self) -> usize {
        self.counts.values().map(|count| count.checked).sum()
    }

    /// How many of this name.
    pub fn checked_as(&self, name: &str) -> usize {
        self.counts.get(name).map_or(0, |count| count.checked)
    }

    /// A line a name.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (name, count) in &self.counts {
            let _ = writeln!(text, "{:>8} checked {:>6} violated  {name}", count.checked, count.violated);
        }
        let violated: usize = self.counts.values().map(|count| count.violated).sum();
        let _ = writeln!(text, "{:>8} checked {violated:>6} violated  in all", self.checked());
        text
    }

    /// Prints the counts; panics with the faults if there are any.
    pub fn settle(&self, title: &str) {
        println!("{title}\n{}", self.table());
        let faults: Vec<String> = self
            .counts
            .iter()
            .flat_map(|(name, count)| count.faults.iter().map(move |fault| format!("{name}: {fault}")))
            .collect();
        assert!(faults.is_empty(), "{title}\n{}\n{}", self.table(), faults.join("\n"));
    }
}
