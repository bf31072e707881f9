//! What is run trial by trial: tasks, and the rows that each ends in.

use tautnet::error::Result;

/// One trial of one arm on one data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Task {
    /// Position in [`super::Plan::data`].
    pub data: usize,
    /// Position in [`super::Plan::arms`].
    pub arm: usize,
    /// Number of the trial, from 0.
    pub trial: u64,
}

/// Every trial of every arm on every data set, the first trials first.
pub(crate) fn tasks(data: usize, arms: usize, trials: u64) -> Vec<Task> {
    let of_trial = |trial| (0..data).flat_map(move |data| (0..arms).map(move |arm| Task { data, arm, trial }));
    (0..trials).flat_map(of_trial).collect()
}

/// What is run trial by trial, and what its rows are in a file.
pub trait Trials {
    /// What a trial says of one network.
    type Row: Clone;

    /// All tasks, in the order in which they are run.
    fn tasks(&self) -> Vec<Task>;

    /// Number of rows that a task ends in.
    fn rows_of(&self, task: Task) -> usize;

    /// The task that a row belongs to, and its place among the rows of the task, if it is one of the plan's.
    fn place(&self, row: &Self::Row) -> Option<(Task, usize)>;

    /// Rows as lines, each with the fingerprint of the settings, below a header or without.
    fn to_csv(&self, rows: &[Self::Row], settings: &str, header: bool) -> String;

    /// The rows of a file that `source` names, each with the fingerprint of its settings. A last line that was cut short is left out.
    fn read_csv(&self, source: &str, text: &str) -> Result<Vec<(String, Self::Row)>>;

    /// Rows in the order of the plan (data sets, arms, trials, methods), whatever the order in which they came.
    fn sort(&self, rows: &mut [Self::Row]) {
        rows.sort_by_key(|row| self.place(row));
    }
}
