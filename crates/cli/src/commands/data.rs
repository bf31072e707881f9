//! `tautnet data list|show|describe|fetch`: data sets by name, and what tables hold.

use crate::arguments::duration;
use crate::arguments::{ColumnArguments, FileArguments, FolderArguments, TaskArguments};
#[cfg(feature = "fetch")]
use crate::limits;
use crate::{folders, input, output};
use clap::Subcommand;
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
#[cfg(feature = "fetch")]
use std::time::Duration;
use tautnet::error::Result;
use tautnet::printable;
use tautnet::recipe::{Front, told};
use tautnet_tables::describe::{Described, Kind, Role, describe};
use tautnet_tables::public_data::{self, SETS};
use tautnet_tables::{Encoder, Missing, Values, mnist};

/// Data sets by name, and what a table holds: list, show, describe, fetch
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
    /// Say what every column of a table is taken for, and what `train` would do with it
    Describe(DescribeArguments),
    /// Fetch public data sets from where they are published, checked and kept for later
    #[cfg(feature = "fetch")]
    Fetch(FetchArguments),
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::List { folder, json } => list(folder, *json),
        Action::Show { data, file, json } => show(data, file, *json),
        Action::Describe(arguments) => describe_table(arguments),
        #[cfg(feature = "fetch")]
        Action::Fetch(arguments) => fetch(arguments),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Name, rows, title and place of every set.
fn list(folder: &FolderArguments, as_json: bool) -> Result<()> {
    let rastrigin = ("rastrigin", 1500, "drawn; rastrigin:n=1500,d=2,seed=0 to choose", Some("built in".to_owned()));
    let breast = ("breast", 569, "breast tissue, benign or malignant", Some("built in".to_owned()));
    let iris = ("iris", 150, "flowers of three kinds", Some("built in".to_owned()));
    let sets = SETS.iter().map(|set| {
        let place = match folders::find(folder, set.name) {
            _ if set.name == "machine" => Some("built in".to_owned()),
            Some(path) => Some(path.display().to_string()),
            None => None,
        };
        (set.name, set.rows, set.title, place)
    });
    let images = mnist::PARTS.map(|(name, file, rows)| {
        let place = folders::find_mnist(folder, file).map(|path| path.display().to_string());
        (name, rows, mnist::TITLE, place)
    });
    let all: Vec<_> = [rastrigin, breast, iris].into_iter().chain(sets).chain(images).collect();
    if as_json {
        let entry = |(name, rows, title, place): &(&str, usize, &str, Option<String>)| json!({"name": name, "rows": rows, "title": title, "place": place});
        return output::print_json(&json!({"sets": all.iter().map(entry).collect::<Vec<_>>()}));
    }
    for (name, rows, title, place) in &all {
        let place = place.clone().unwrap_or_else(|| format!("not here; `tautnet data fetch {name}`"));
        output::print(&format!("{name}\n    {title}\n    {rows} rows; {}\n", printable::line(&place)))?;
    }
    output::print(&format!("licence of the public sets: {}; of MNIST: {}\n", public_data::LICENCE, mnist::LICENCE))
}

/// What each column of a table holds.
fn show(data: &OsStr, file: &FileArguments, as_json: bool) -> Result<()> {
    let table = input::open(data, file)?.table;
    let mut rows = vec![vec!["column".to_owned(), "kind".into(), "values".into()]];
    let mut entries = Vec::new();
    for column in table.columns() {
        let (kind, values, entry) = match column.values() {
            Err(flaw) => ("unusable", flaw.what.clone(), json!({"error": flaw.what, "hint": output::hint(&flaw)})),
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
    if data.to_str().is_some_and(|data| mnist::find(data).is_ok_and(|named| named.is_some())) {
        output::print(&format!("{}\nlicence: {}\n", mnist::TITLE, mnist::LICENCE))?;
    }
    let source = printable::line(table.source());
    output::print(&format!("{source}: {} rows, {} columns\n", table.rows(), table.columns().len()))?;
    output::print(&output::list(&rows))
}

#[derive(Debug, clap::Args)]
struct DescribeArguments {
    /// A file, or the name of a data set
    data: OsString,

    #[command(flatten)]
    file: FileArguments,

    #[command(flatten)]
    columns: ColumnArguments,

    #[command(flatten)]
    task: TaskArguments,

    /// Print one JSON object on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// What every column is taken for, what would be done with it, and a command that would do.
fn describe_table(arguments: &DescribeArguments) -> Result<()> {
    let opened = input::open(&arguments.data, &arguments.file)?;
    let (table, columns) = (&opened.table, &arguments.columns);
    let targets = opened.targets_of(columns);
    let drop = opened.dropped(columns, &targets);
    let choice = input::choice(columns, arguments.task.task(), &targets, &drop);
    let described = describe(table, &choice)?;
    let dates_of = |column: &Described| columns.date.iter().any(|date| date.column == column.name);
    let missing = described.iter().any(|column| column.missing > 0 && column.role != Role::LeftOut);
    let mut flags: Vec<String> =
        described.iter().filter(|column| !dates_of(column)).filter_map(Described::flag).collect();
    if missing && columns.missing.is_none() {
        flags.push("--missing median".into());
    }
    // What is refused is so whatever is said of the other columns.
    let refused = Encoder::choose(table, &choice).err();
    table.notes().iter().for_each(|note| output::note(note));
    table.columns().iter().filter_map(|column| column.note()).for_each(output::note);
    if arguments.json {
        let columns: Vec<_> =
            described.iter().map(|column| described_in_json(column, choice.missing, dates_of(column))).collect();
        return output::print_json(&json!({
            "source": table.source(),
            "rows": table.rows(),
            "columns": columns,
            "advice": flags,
            "refused": refused.map(|error| json!({"error": error.what, "hint": output::hint(&error)})),
        }));
    }
    let mut rows = vec![["column", "kind", "values", "missing", "what is done with it"].map(String::from).to_vec()];
    for column in &described {
        let (kind, values) = in_words(&column.kind);
        let missing = if column.missing == 0 { "-".into() } else { column.missing.to_string() };
        let what = column.in_words(choice.missing, dates_of(column));
        rows.push(vec![printable::shown(&column.name), kind.into(), values, missing, what]);
    }
    let source = printable::line(table.source());
    output::print(&format!("{source}: {} rows, {} columns\n\n", table.rows(), table.columns().len()))?;
    output::print(&output::list(&rows))?;
    let data = arguments.data.display().to_string();
    let data = printable::line(&data);
    match refused {
        None if flags.is_empty() => output::print(&format!("\n`tautnet train {data}` takes this table as it is.\n")),
        None => output::print(&format!(
            "\nThis table is taken as it is; better: tautnet train {data} {}\n",
            flags.join(" ")
        )),
        Some(error) if flags.is_empty() => {
            output::print(&format!("\nThis table is refused: {}\n{}\n", error.what, output::hint(&error)))
        }
        Some(_) => {
            output::print(&format!("\nThis table is refused as it is; try: tautnet train {data} {}\n", flags.join(" ")))
        }
    }
}

/// The kind of a column and its values, for people.
fn in_words(kind: &Kind) -> (&'static str, String) {
    const SHOWN: usize = 4;
    const WIDTH: usize = 40;
    match kind {
        Kind::Numbers { least, largest } => {
            ("numbers", format!("{} to {}", output::number(*least), output::number(*largest)))
        }
        Kind::Words { levels } => {
            let mut shown: Vec<String> = levels.iter().take(SHOWN).map(|level| printable::shown(level)).collect();
            while shown.len() > 1 && shown.iter().map(|word| word.chars().count() + 2).sum::<usize>() > WIDTH {
                shown.pop();
            }
            let more = levels.len() - shown.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            ("words", shown.join(", ") + &more)
        }
        Kind::Dates { first, orders, .. } => {
            ("dates", format!("such as {} ({})", printable::shown(first), orders.join(" or ")))
        }
        Kind::Unusable { what, .. } => ("unusable", what.clone()),
    }
}

/// A column, described.
fn described_in_json(column: &Described, missing: Missing, asked_of_dates: bool) -> Value {
    let (kind, _) = in_words(&column.kind);
    let mut entry = match &column.kind {
        Kind::Numbers { least, largest } => json!({"least": least, "largest": largest}),
        Kind::Words { levels } => json!({"levels": levels}),
        Kind::Dates { earliest, latest, orders, .. } => {
            json!({"earliest": earliest, "latest": latest, "orders": orders})
        }
        Kind::Unusable { what, hint } => json!({"error": what, "hint": told(hint, Front::CommandLine)}),
    };
    let role = match column.role {
        Role::Input => "input",
        Role::Target => "target",
        Role::Class => "class",
        Role::LeftOut => "left-out",
    };
    entry["name"] = json!(column.name);
    entry["kind"] = json!(kind);
    entry["missing"] = json!(column.missing);
    entry["role"] = json!(role);
    entry["what"] = json!(column.in_words(missing, asked_of_dates));
    entry["flag"] = json!(column.flag());
    entry
}

#[cfg(feature = "fetch")]
#[derive(Debug, clap::Args)]
struct FetchArguments {
    /// Names of data sets
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    #[command(flatten)]
    folder: FolderArguments,

    #[arg(
        long,
        value_name = "URL",
        help = format!("Take the files from a mirror [default: {}, for MNIST {}]", public_data::ARCHIVE, mnist::ADDRESS),
        help_heading = "Data"
    )]
    from: Option<String>,

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

/// A file to fetch.
#[cfg(feature = "fetch")]
enum Wanted {
    /// The CSV file of a set.
    Set(&'static public_data::PublicSet),
    /// A file of MNIST.
    Mnist(&'static str),
}

#[cfg(feature = "fetch")]
impl Wanted {
    /// What a name stands for.
    fn of(name: &str) -> Option<Vec<Self>> {
        match mnist::PARTS.iter().any(|(part, ..)| *part == name) {
            true => Some(mnist::FILES.iter().map(|(file, _)| Self::Mnist(file)).collect()),
            false => public_data::find(name).map(|set| vec![Self::Set(set)]),
        }
    }

    /// Its path in the folder of data sets.
    fn path(&self) -> String {
        match self {
            Self::Set(set) => format!("{}.csv", set.name),
            Self::Mnist(file) => format!("mnist/{file}.gz"),
        }
    }

    /// Where it is published: the folder, and the path in it.
    fn origin(&self) -> (&'static str, String) {
        match self {
            Self::Set(set) => (public_data::ARCHIVE, set.archive.to_owned()),
            Self::Mnist(file) => (mnist::ADDRESS, format!("{file}.gz")),
        }
    }

    /// What is kept of what was fetched, checked.
    fn made_of(&self, fetched: Vec<u8>) -> Result<Vec<u8>> {
        match self {
            Self::Set(set) => set.csv_from_archive_within(&fetched, limits::now()).map(String::into_bytes),
            Self::Mnist(_) => self.check(&fetched).map(|()| fetched),
        }
    }

    /// Refuse a file that is not the known one.
    fn check(&self, kept: &[u8]) -> Result<()> {
        match self {
            Self::Set(set) => set.check(kept),
            Self::Mnist(file) => mnist::check(file, kept, limits::now()),
        }
    }
}

#[cfg(feature = "fetch")]
fn fetch(arguments: &FetchArguments) -> Result<()> {
    use tautnet::error::Error;
    use tautnet_tables::atomic::{self, Existing};
    use tautnet_tables::limited::read_file;

    let known = || [&SETS.iter().map(|set| set.name).collect::<Vec<_>>()[..], &["mnist"]].concat().join(", ");
    let files: Vec<Vec<Wanted>> = arguments
        .names
        .iter()
        .map(|name| {
            let hint = || format!("the public sets are {}", known());
            Wanted::of(name).ok_or_else(|| Error::new(format!("there is no public data set `{name}`"), hint()))
        })
        .collect::<Result<_>>()?;
    let folder = folders::data(&arguments.folder)?;
    for wanted in files.iter().flatten() {
        let path = folder.join(wanted.path());
        let parent = path.parent().unwrap_or(&folder);
        let make = |e| Error::new(format!("{} could not be made: {e}", parent.display()), "give another --data-dir");
        std::fs::create_dir_all(parent).map_err(make)?;
        let name = path.display().to_string();
        let there = path.exists().then(|| read_file(&path, &name, limits::now()));
        if !arguments.force && there.is_some_and(|bytes| bytes.is_ok_and(|bytes| wanted.check(&bytes).is_ok())) {
            output::print(&format!("{} (already there)\n", printable::line(&name)))?;
            continue;
        }
        atomic::check(&path, Existing::Replace)?;
        let (address, file) = wanted.origin();
        let part = parent.join(format!(".{}.part", file.replace('/', "-")));
        let url = format!("{}/{file}", arguments.from.as_deref().unwrap_or(address).trim_end_matches('/'));
        crate::download::fetch(&url, &part, arguments.time_limit, arguments.quiet)?;
        let fetched = read_file(&part, &part.display().to_string(), limits::now());
        let kept = fetched.and_then(|fetched| wanted.made_of(fetched));
        // Whole or wrong, what was fetched has done its work: a wrong one must not be gone on with.
        let _ = std::fs::remove_file(&part);
        atomic::write(&path, &kept?, Existing::Replace)?;
        output::print(&format!("{}\n", printable::line(&name)))?;
    }
    Ok(())
}
