//! From names on the command line to networks and data.

use crate::arguments::{ColumnArguments, FileArguments, FolderArguments, MeetingArguments};
use crate::files::TestRows;
use crate::files::{file_of, images_of};
use crate::limits;
use crate::recipe::TestArguments;
use crate::{folders, output};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::tolerance::{Asked, Tolerance};
use tautnet::{Dataset, Loss, Network, Scaler, Shallow, printable, split};
use tautnet_models::Stored;
use tautnet_tables::describe::{Oddity, oddity};
use tautnet_tables::idx::{self, Choice, Images};
use tautnet_tables::source::Source;
use tautnet_tables::{ColumnChoice, Encoder, Missing, Table, Task, UnknownLevels, builtin, mnist, public_data};

/// A model or a network in a file.
pub fn stored(path: &Path) -> Result<Stored> {
    let read = Stored::read_within(path, limits::now())?;
    read.note.iter().for_each(|note| output::note(note));
    Ok(read.stored)
}

/// The network, for what takes one output, or one for each of several classes or targets; a plain network may have as many as it likes.
pub fn of_outputs(stored: &Stored, asked: &str) -> Result<Shallow> {
    match stored {
        Stored::Network(network) => network.shallow(asked),
        Stored::Model(model) => model.network.with_outputs(asked, model.columns.outputs()),
    }
}

/// What a wrong prediction costs where nothing is said: what the model was made by. Several outputs of a plain network are classes, unless
/// several targets were named.
pub fn loss_of(stored: &Stored, network: &Shallow, columns: &ColumnArguments) -> Result<Loss> {
    match stored {
        Stored::Network(_) if network.outputs() > 1 && !columns.several() => "logistic".parse(),
        _ => stored.loss(),
    }
}

/// A table and what is known of its columns without being told.
pub struct Opened {
    /// The table.
    pub table: Table,
    /// Its targets, the usual one first, where the set is a known one.
    targets: Vec<&'static str>,
    /// It has images, and their labels for the target.
    images: bool,
}

/// What DATA names: a file, some images of one, `-` for standard input, a built-in set, or a set in the folder of data sets.
pub fn open(data: &OsStr, arguments: &FileArguments) -> Result<Opened> {
    let options = arguments.options();
    let unknown = |table| Opened { table, targets: Vec::new(), images: false };
    let images = |table| Opened { images: true, ..unknown(table) };
    if data == "-" {
        return Table::from_reader("standard input", std::io::stdin().lock(), &options).map(unknown);
    }
    if let Some(path) = file_of(data) {
        let opened = unknown(Table::read(path, &options)?);
        return Ok(Opened { images: path.is_file() && idx::is_idx(path), ..opened });
    }
    if let Some((path, choice)) = images_of(data) {
        let name = data.display().to_string();
        return Images::new(path).table(&name, &Choice::parse(choice, &name)?, limits::now()).map(images);
    }
    // Names are text; what is none can only be a file that is not there.
    let Some(data) = data.to_str() else { return Table::read(Path::new(data), &options).map(unknown) };
    if let Some(table) = builtin::table_within(data, limits::now())? {
        return Ok(unknown(table));
    }
    let set = public_data::find(data);
    if let Some(path) = folders::find(&arguments.folder, set.map_or(data, |set| set.name)) {
        let targets = set.map_or(Vec::new(), |set| [&[set.target()], set.other_targets].concat());
        return Ok(Opened { targets, ..unknown(Table::read(&path, &options)?) });
    }
    let absent = |name: &str| {
        let hint = format!("fetch it with `tautnet data fetch {name}`");
        Err(Error::new(format!("the data set `{name}` is not on this machine"), hint))
    };
    if let Some(named) = mnist::find(data)? {
        return match folders::find_mnist(&arguments.folder, named.file) {
            Some(path) => named.table(data, &path, limits::now()).map(images),
            None => absent("mnist"),
        };
    }
    match set {
        Some(set) => absent(set.name),
        // The plain message for a file that is not there says what the system said.
        None if data.contains(['/', '\\', '.']) => Table::read(Path::new(data), &options).map(unknown),
        None => Err(Error::new(
            format!("there is no file and no data set `{data}`"),
            "give the path of a table, or a name that `tautnet data list` shows",
        )),
    }
}

/// Rows of DATA: in memory, or in files that are read in blocks.
pub enum Data {
    /// A table.
    Held(Table),
    /// Files.
    Read(Source),
}

/// What DATA names, of which no more is held than a block where it is in files: a file, files by a pattern, or a folder of Parquet files.
pub fn data(data: &OsStr, arguments: &FileArguments) -> Result<Data> {
    let path = Path::new(data);
    // What is no ordinary file, such as a pipe, cannot be read twice.
    let file = file_of(data).is_some_and(|path| path.is_file() && !idx::is_idx(path));
    if file || (data != "-" && Source::is_for(path)) {
        return Source::open(path, &arguments.options()).map(Data::Read);
    }
    open(data, arguments).map(|opened| Data::Held(opened.table))
}

impl Data {
    /// All rows in memory, up to the limits.
    pub fn whole(self) -> Result<Table> {
        match self {
            Self::Held(table) => Ok(table),
            Self::Read(source) => source.table(),
        }
    }
}

/// Whether DATA is the name of a known set that is not on this machine.
pub fn is_absent(data: &str, folder: &FolderArguments) -> bool {
    if file_of(data.as_ref()).is_some() {
        return false;
    }
    let table = public_data::find(data).is_some_and(|set| folders::find(folder, set.name).is_none());
    table || matches!(mnist::find(data), Ok(Some(named)) if folders::find_mnist(folder, named.file).is_none())
}

impl Opened {
    /// Whether it has images.
    pub fn are_images(&self) -> bool {
        self.images
    }

    /// The columns to use: those asked for, and what is known of a known set.
    pub fn columns(&self, arguments: &ColumnArguments, task: Task) -> Result<Encoder> {
        let targets = self.targets_of(arguments);
        let drop = self.dropped(arguments, &targets);
        let columns = Encoder::choose(&self.table, &choice(arguments, task, &targets, &drop));
        if let Ok(columns) = &columns {
            let what = "these columns count the rows; if they only name them, leave them out with --drop";
            note_columns_like(what, &oddities(columns, &self.table), |odd| odd == Oddity::Counts);
        }
        match columns {
            Err(error) if self.images && targets.is_empty() => {
                Err(Error::new(error.what, "choose labels behind a colon, as in `mnist:3,8`, and enough rows for each"))
            }
            columns => columns,
        }
    }

    /// The targets: those asked for, or the usual one of a known set; none where it is the last column.
    pub fn targets_of<'a>(&self, arguments: &'a ColumnArguments) -> Vec<&'a str> {
        let mut targets = self.named(&arguments.target);
        if targets.is_empty() {
            targets.extend(self.targets.first());
        }
        targets
    }

    /// What is left out: the columns asked for, and the other targets of a known set.
    pub fn dropped(&self, arguments: &ColumnArguments, targets: &[&str]) -> Vec<String> {
        let others = self.targets.iter().filter(|other| !targets.contains(other)).map(|other| other.to_string());
        arguments.drop.iter().cloned().chain(others).collect()
    }

    fn named<'a>(&self, texts: &'a [String]) -> Vec<&'a str> {
        named(texts, |name| self.table.columns().iter().any(|column| column.name == name))
    }
}

/// The columns that are named: a text is one column where one is called so, else names between commas.
pub fn named<'a>(texts: &'a [String], is_column: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let names = |text: &'a String| match is_column(text) {
        true => vec![text.as_str()],
        false => text.split(',').map(str::trim).collect(),
    };
    texts.iter().flat_map(names).collect()
}

/// Which columns are used, for the library.
pub fn choice<'a>(
    arguments: &'a ColumnArguments,
    task: Task,
    targets: &'a [&'a str],
    drop: &'a [String],
) -> ColumnChoice<'a> {
    let ColumnArguments { keep, date, .. } = arguments;
    ColumnChoice { task, targets, keep, drop, missing: arguments.missing(), dates: date }
}

/// The rows that can be learned from or measured on; says how many cannot.
pub fn complete<'a>(encoder: &Encoder, table: &'a Table) -> Result<Cow<'a, Table>> {
    let complete = encoder.complete(table)?;
    if let Some(count) = table.rows().checked_sub(complete.rows()).filter(|count| *count > 0) {
        let why = match encoder.preparation.missing {
            Missing::Drop => "a value is missing in them",
            _ => "their target is missing",
        };
        output::note(&format!("{}: {count} of {} rows are left out: {why}", table.source(), table.rows()));
    }
    Ok(complete)
}

/// Say once a column what was not kept of its values, for those columns that are used.
pub fn note_columns(encoder: &Encoder, table: &Table) {
    table.notes().iter().for_each(|note| output::note(note));
    note_columns_of(encoder.given().into_iter().chain(encoder.target_names()), table);
}

/// The same for columns of these names.
pub fn note_columns_of<'a>(names: impl IntoIterator<Item = &'a str>, table: &Table) {
    names.into_iter().filter_map(|name| table.column(name).ok()?.note()).for_each(output::note);
}

/// The inputs that are odd, and what is odd about each.
fn oddities<'a>(encoder: &'a Encoder, table: &Table) -> Vec<(&'a str, Oddity)> {
    let odd = |name| Some((name, oddity(table.column(name).ok()?)?));
    encoder.given().into_iter().filter_map(odd).collect()
}

/// Say of which of them it is so.
fn note_columns_like(what: &str, odd: &[(&str, Oddity)], like: impl Fn(Oddity) -> bool) {
    let names: Vec<String> = odd.iter().filter(|(_, odd)| like(*odd)).map(|(name, _)| name.to_string()).collect();
    if !names.is_empty() {
        output::note(&format!("{what}: {}", names_of(&names)));
    }
}

/// Say which inputs tell nothing, or little.
fn note_oddities(encoder: &Encoder, table: &Table) {
    let odd = oddities(encoder, table);
    let what = "these columns are the same in every row, and tell nothing about the target";
    note_columns_like(what, &odd, |odd| odd == Oddity::Constant);
    let what = "these columns are the same in nearly every row, and tell little";
    note_columns_like(what, &odd, |odd| matches!(odd, Oddity::NearlyConstant(_)));
}

/// Names in one line, the first of them where there are many.
fn names_of(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// Data for training, and data held out where that is asked for, drawn by a seed where they are drawn.
pub fn datasets(
    encoder: &Encoder,
    table: &Table,
    unknown: UnknownLevels,
    (arguments, seed): (&TestArguments, u64),
    file: &FileArguments,
) -> Result<(Dataset, Option<Dataset>)> {
    note_oddities(encoder, table);
    note_columns(encoder, table);
    let table = &*complete(encoder, table)?;
    let dataset = |table: &Table| encoder.dataset(table, unknown);
    match &arguments.test {
        None => Ok((dataset(table)?, None)),
        Some(TestRows::File(data)) => {
            let test = open(data, file)?.table;
            Ok((dataset(table)?, Some(dataset(&*complete(encoder, &test)?)?)))
        }
        Some(TestRows::Fraction(fraction)) => {
            let split = split::by_fraction(table.rows(), *fraction, seed)?;
            Ok((dataset(&table.select(&split.train))?, Some(dataset(&table.select(&split.test))?)))
        }
    }
}

/// The data as a network meets them, in the units of the network.
pub struct Problem {
    /// The network, in the units in which it meets the data.
    pub network: Shallow,
    /// Which columns are inputs and target.
    pub columns: Encoder,
    /// From the units of the table to those of the network.
    pub scaler: Scaler,
    /// Rows to learn from.
    pub train: Dataset,
    /// Rows held out, where that was asked for.
    pub test: Option<Dataset>,
    /// What the table is called.
    pub source: String,
}

impl Problem {
    /// Refuse a loss that its target does not go with.
    pub fn check(&self, loss: &Loss) -> Result<()> {
        self.columns.check_loss(loss)
    }

    /// What a tolerance comes to on the rows, in the units of the network. Standard deviations are those of the model, and for a
    /// plain network those of the rows.
    pub fn tolerance(&self, stored: &Stored, asked: &Asked) -> Result<Tolerance> {
        let (scaler, x) = (&self.scaler, self.train.x.as_ref());
        match stored {
            Stored::Model(model) => {
                let user = model.tolerance_on(asked, scaler.inputs_to_user(x).as_ref())?;
                Ok(user.divided(&scaler.input_scale))
            }
            Stored::Network(_) => scaler.tolerance(asked, &self.columns.tolerated(), x, &self.train),
        }
    }
}

/// DATA as a network meets them, in the units of the network.
pub struct Met {
    /// Which columns are used.
    pub columns: Encoder,
    /// The units.
    pub scaler: Scaler,
    /// The rows to learn from.
    pub train: Dataset,
    /// Those that are held out.
    pub test: Option<Dataset>,
    /// What DATA are called.
    pub source: String,
}

/// Bring a network that exists together with DATA. A model brings its columns and its scaler; for a plain network they
/// are those of the rows to learn from, as `loss` takes the target. `network` is what the command takes of what is stored, `path` its file.
pub fn meet(
    stored: &Stored,
    network: Shallow,
    path: &Path,
    data: &OsStr,
    arguments: &MeetingArguments,
    loss: &Loss,
    test: (&TestArguments, u64),
) -> Result<Problem> {
    let Met { columns, scaler, train, test, source } = met(stored, path, data, arguments, loss, test)?;
    let network = match arguments.units.raw_network {
        true => scaler.network_to_standardized(&network)?,
        false => network,
    };
    Ok(Problem { network, columns, scaler, train, test, source })
}

/// The columns and the rows of DATA, for a network with any number of layers.
pub fn rows(
    stored: &Stored,
    path: &Path,
    data: &OsStr,
    arguments: &MeetingArguments,
    loss: &Loss,
) -> Result<(Encoder, Dataset)> {
    let met = met(stored, path, data, arguments, loss, (&TestArguments::default(), 0))?;
    Ok((met.columns, met.train))
}

/// Refuse columns and units beside those of a model.
pub fn check_own_columns(path: &Path, arguments: &MeetingArguments) -> Result<()> {
    if arguments.columns.is_empty() && !arguments.units.no_standardize && !arguments.units.raw_network {
        return Ok(());
    }
    Err(Error::new(
        format!("{} is a model with its own columns and units", path.display()),
        "leave out --target, --drop, --keep, --date, --missing, --no-standardize and --raw-network",
    ))
}

/// Bring what is stored together with DATA.
pub fn met(
    stored: &Stored,
    path: &Path,
    data: &OsStr,
    arguments: &MeetingArguments,
    loss: &Loss,
    test: (&TestArguments, u64),
) -> Result<Met> {
    let opened = open(data, &arguments.file)?;
    // A plain network does not say what its target is.
    let task = if loss.is_margin() { Task::Classify } else { Task::Regress };
    let columns = match stored {
        Stored::Network(_) => opened.columns(&arguments.columns, task)?,
        Stored::Model(model) => {
            check_own_columns(path, arguments)?;
            model.columns.clone()
        }
    };
    check_width(stored.network(), &path.display().to_string(), &columns, &opened.table)?;
    let unknown = arguments.levels.unknown();
    let (train, test) = datasets(&columns, &opened.table, unknown, test, &arguments.file)?;
    let scaler = match stored {
        Stored::Model(model) => model.scaler.clone(),
        Stored::Network(_) if arguments.units.no_standardize => Scaler::identity_of(train.columns(), train.targets()),
        Stored::Network(_) => Scaler::of(&train, loss)?,
    };
    let source = opened.table.source().to_owned();
    let (train, test) = (scaler.standardize(&train), test.map(|test| scaler.standardize(&test)));
    Ok(Met { columns, scaler, train, test, source })
}

/// Refuse a network that does not fit the data.
fn check_width(network: &Network, source: &str, encoder: &Encoder, table: &Table) -> Result<()> {
    let (inputs, columns) = (network.inputs(), encoder.width());
    if inputs == columns {
        return Ok(());
    }
    let mut names = encoder.names();
    if names.len() > 12 {
        names.truncate(12);
        names.push("…".into());
    }
    Err(Error::new(
        format!("the network in {source} has {inputs} inputs, but {} has {columns} input columns", table.source()),
        format!(
            "its inputs are {} and its target is {}; choose with --target and --drop",
            names.join(", "),
            printable::list(encoder.target_names().into_iter())
        ),
    ))
}
