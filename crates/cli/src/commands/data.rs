//! `tautnet data list|show|fetch`: data sets by name.

use crate::arguments::duration;
use crate::arguments::{FileArguments, FolderArguments};
#[cfg(feature = "fetch")]
use crate::limits;
use crate::{folders, input, output};
use clap::Subcommand;
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
#[cfg(feature = "fetch")]
use std::time::Duration;
use tautnet::error::Result;
use tautnet::printable;
use tautnet_tables::{
    Values,
    public_data::{self, SETS},
};

/// Data sets that have a name: list, show, fetch
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every data set with a name, and where it is
    List {
        #[command(flatten)]
        folder: FolderArguments,

        /// Print one JSON object on standard output
        #[arg(long, help_heading = "Output")]
        json: bool,
    },
    /// Show the columns of a table
    Show {
        /// A file, or the name of a data set
        data: OsString,

        #[command(flatten)]
        file: FileArguments,

        /// Print one JSON object on standard output
        #[arg(long, help_heading = "Output")]
        json: bool,
    },
    /// Fetch public data sets from their official archive, checked and kept for later
    #[cfg(feature = "fetch")]
    Fetch(FetchArguments),
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::List { folder, json } => list(folder, *json),
        Action::Show { data, file, json } => show(data, file, *json),
        #[cfg(feature = "fetch")]
        Action::Fetch(arguments) => fetch(arguments),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Name, rows, title and place of every set.
fn list(folder: &FolderArguments, as_json: bool) -> Result<()> {
    let rastrigin = ("rastrigin", 1500, "drawn; rastrigin:n=1500,d=2,seed=0 to choose", Some("built in".to_owned()));
    let breast = ("breast", 569, "breast tissue, benign or malignant", Some("built in".to_owned()));
    let sets = SETS.iter().map(|set| {
        let place = match folders::find(folder, set.name) {
            _ if set.name == "machine" => Some("built in".to_owned()),
            Some(path) => Some(path.display().to_string()),
            None => None,
        };
        (set.name, set.rows, set.title, place)
    });
    let all: Vec<_> = [rastrigin, breast].into_iter().chain(sets).collect();
    if as_json {
        let entry = |(name, rows, title, place): &(&str, usize, &str, Option<String>)| json!({"name": name, "rows": rows, "title": title, "place": place});
        return output::print_json(&json!({"sets": all.iter().map(entry).collect::<Vec<_>>()}));
    }
    for (name, rows, title, place) in &all {
        let place = place.clone().unwrap_or_else(|| format!("not here; `tautnet data fetch {name}`"));
        output::print(&format!("{name}\n    {title}\n    {rows} rows; {}\n", printable::line(&place)))?;
    }
    output::print(&format!("licence of the public sets: {}\n", public_data::LICENCE))
}

/// What each column of a table holds.
fn show(data: &OsStr, file: &FileArguments, as_json: bool) -> Result<()> {
    let table = input::open(data, file)?.table;
    let mut rows = vec![vec!["column".to_owned(), "kind".into(), "values".into()]];
    let mut entries = Vec::new();
    for column in table.columns() {
        let (kind, values, entry) = match column.values() {
            Err(flaw) => ("unusable", flaw.what.clone(), json!({"error": flaw.what, "hint": flaw.hint})),
            Ok(Values::Words { levels, .. }) => ("words", levels.join(" "), json!({"levels": levels})),
            Ok(Values::Numbers(_)) => {
                let (low, high) = column.range().expect("a usable column of numbers has a range");
                let text = format!("{} to {}", output::number(low), output::number(high));
                ("numbers", text, json!({"least": low, "largest": high}))
            }
        };
        if let Some(note) = column.note() {
            output::note(note);
        }
        let mut entry = entry;
        entry["name"] = json!(column.name);
        entry["kind"] = json!(kind);
        entries.push(entry);
        rows.push(vec![column.name.clone(), kind.into(), values]);
    }
    if as_json {
        return output::print_json(&json!({"source": table.source(), "rows": table.rows(), "columns": entries}));
    }
    if let Some(set) = data.to_str().and_then(public_data::find) {
        output::print(&format!("{}\nlicence: {}\n", set.title, public_data::LICENCE))?;
    }
    let source = printable::line(table.source());
    output::print(&format!("{source}: {} rows, {} columns\n", table.rows(), table.columns().len()))?;
    output::print(&output::list(&rows))
}

#[cfg(feature = "fetch")]
#[derive(Debug, clap::Args)]
struct FetchArguments {
    /// Names of data sets
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    #[command(flatten)]
    folder: FolderArguments,

    /// Take the archives from a mirror
    #[arg(long, value_name = "URL", default_value = public_data::ARCHIVE, help_heading = "Data")]
    from: String,

    /// Give up on a set after this long: `30`, `30s`, `5m`, `2h`
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration,
        default_value = "1h",
        allow_negative_numbers = true,
        help_heading = "Limits"
    )]
    time_limit: Duration,

    /// Fetch again what is there
    #[arg(long, help_heading = "Output")]
    force: bool,

    /// Show no progress
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

#[cfg(feature = "fetch")]
fn fetch(arguments: &FetchArguments) -> Result<()> {
    use tautnet::error::Error;
    use tautnet_tables::atomic::{self, Existing};
    use tautnet_tables::limited::read_file;

    let known = || SETS.iter().map(|set| set.name).collect::<Vec<_>>().join(", ");
    let sets: Vec<_> = arguments
        .names
        .iter()
        .map(|name| {
            let hint = || format!("the public sets are {}", known());
            public_data::find(name).ok_or_else(|| Error::new(format!("there is no public data set `{name}`"), hint()))
        })
        .collect::<Result<_>>()?;
    let folder = folders::data(&arguments.folder)?;
    let make = |e| Error::new(format!("{} could not be made: {e}", folder.display()), "give another --data-dir");
    std::fs::create_dir_all(&folder).map_err(make)?;
    for set in sets {
        let path = folder.join(format!("{}.csv", set.name));
        let name = path.display().to_string();
        let there = path.exists().then(|| read_file(&path, &name, limits::now()));
        if !arguments.force && there.is_some_and(|csv| csv.is_ok_and(|csv| set.check(&csv).is_ok())) {
            output::print(&format!("{} (already there)\n", printable::line(&name)))?;
            continue;
        }
        atomic::check(&path, Existing::Replace)?;
        let part = folder.join(format!(".{}.part", set.archive.replace('/', "-")));
        let url = format!("{}/{}", arguments.from.trim_end_matches('/'), set.archive);
        crate::download::fetch(&url, &part, arguments.time_limit, arguments.quiet)?;
        let archive = read_file(&part, &part.display().to_string(), limits::now());
        let csv = archive.and_then(|archive| set.csv_from_archive_within(&archive, limits::now()));
        // Whole or wrong, what was fetched has done its work: a wrong one must not be gone on with.
        let _ = std::fs::remove_file(&part);
        atomic::write(&path, csv?.as_bytes(), Existing::Replace)?;
        output::print(&format!("{}\n", printable::line(&name)))?;
    }
    Ok(())
}
