//! Results as they come in: a CSV file to which every finished trial is added at once, and from which a run that was ended
//! goes on.
//!
//! The lines of a trial are written in one piece and forced to the disk. Whatever ends the program, what is read again is whole
//! trials: a line that was cut short, and a trial of which lines are missing, count as not there.

use super::task::{Task, Trials};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use tautnet::error::{Error, Result};
use tautnet::limits::Limits;
use tautnet_tables::atomic::{self, Existing};
use tautnet_tables::limited::read_file;

/// The file of a run, and what it holds.
#[derive(Debug)]
pub struct Journal<'a, P: Trials> {
    plan: &'a P,
    path: PathBuf,
    file: File,
    settings: String,
    done: BTreeMap<Task, Vec<P::Row>>,
}

impl<'a, P: Trials> Journal<'a, P> {
    /// Open the file of a run, or begin one. Rows that other settings made are refused, or dropped where `existing` says so.
    pub fn open(path: &Path, plan: &'a P, settings: &str, existing: Existing) -> Result<Self> {
        let mut done: BTreeMap<Task, Vec<P::Row>> = BTreeMap::new();
        let source = path.display().to_string();
        let text = match path.exists() {
            true => String::from_utf8(read_file(path, &source, &Limits::default())?)
                .map_err(|error| Error::new(format!("{source} is not UTF-8 text ({error})"), "give another folder"))?,
            false => String::new(),
        };
        match plan.read_csv(&source, &text).and_then(|rows| own_rows(&source, rows, settings)) {
            Ok(rows) => {
                for row in rows {
                    let Some(place) = plan.place(&row) else { continue };
                    let rows = done.entry(place.0).or_default();
                    if rows.iter().all(|other| plan.place(other) != Some(place)) {
                        rows.push(row);
                    }
                }
            }
            Err(error) if existing == Existing::Refuse => return Err(error),
            Err(_) => {}
        }
        done.retain(|task, rows| rows.len() == plan.rows_of(*task));
        // What was left out above must not stand between whole lines.
        let kept: Vec<P::Row> = done.values().flatten().cloned().collect();
        let whole = plan.to_csv(&kept, settings, true);
        if whole != text {
            atomic::write(path, whole.as_bytes(), Existing::Replace)?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(|error| unusable(path, &error))?;
        Ok(Self { plan, path: path.into(), file, settings: settings.into(), done })
    }

    /// Whether a trial is there already.
    pub fn has(&self, task: Task) -> bool {
        self.done.contains_key(&task)
    }

    /// Add a finished trial.
    pub fn append(&mut self, task: Task, rows: Vec<P::Row>) -> Result<()> {
        let lines = self.plan.to_csv(&rows, &self.settings, false);
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| unusable(&self.path, &error))?;
        self.done.insert(task, rows);
        Ok(())
    }

    /// Put the lines in the order of the plan, which is that of no clock.
    pub fn close(self) -> Result<Vec<P::Row>> {
        let mut rows: Vec<P::Row> = self.done.into_values().flatten().collect();
        self.plan.sort(&mut rows);
        let text = self.plan.to_csv(&rows, &self.settings, true);
        atomic::write(&self.path, text.as_bytes(), Existing::Replace)?;
        Ok(rows)
    }
}

/// The rows, if all were made with these settings.
fn own_rows<R>(source: &str, rows: Vec<(String, R)>, settings: &str) -> Result<Vec<R>> {
    match rows.iter().find(|(made_with, _)| made_with != settings) {
        Some((made_with, _)) => Err(Error::new(
            format!("{source} holds rows of other settings: {made_with} where these are {settings}"),
            "give another folder with --out, or --force to begin anew",
        )),
        None => Ok(rows.into_iter().map(|(_, row)| row).collect()),
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        format!("{} cannot be used: {error}", path.display()),
        "check the folder, its permissions and the room on the disk",
    )
}
