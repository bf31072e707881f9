//! From a table to numbers: which columns are inputs, which is the target, and what their words mean.
//!
//! An [`Encoder`] is learned from one table and applied to any other: input columns are found by name, in whatever
//! order the file has them, and a column of words becomes one 0/1 column a level, `name=level`.

use crate::class::{class_number, either};
use crate::column::canonical;
use crate::dates::AskedDate;
use crate::pattern;
use crate::preparation::{Missing, Preparation};
use crate::source::Wanted;
use crate::table::{Column, Table, Values};
use crate::target::{Task, check_one_column, check_targets_asked, check_varies, classes, no_inputs};
use faer::Mat;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use tautnet::Loss;
use tautnet::dataset::Dataset;
use tautnet::error::{Error, Result};
use tautnet::printable::{list, shown};
use tautnet::tolerance;

/// The inputs and the target of a table, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// What is done with a table before: missing values and dates.
    #[serde(default, skip_serializing_if = "Preparation::is_nothing")]
    pub preparation: Preparation,
    /// The input columns, in the order in which the network sees them.
    pub inputs: Vec<Input>,
    /// The name of the target column, the first one where there are several.
    pub target: String,
    /// The names of further target columns, all of numbers: a network has an output for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_targets: Vec<String>,
    /// The classes of a target that is one. Of two the first stands for −1 and the second for 1; of several each for its place, from 0.
    /// `None` for a target of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
}

/// One input column of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The name of the column.
    pub name: String,
    /// The levels of a column of words; `None` for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<String>>,
    /// Whether its values are exact where nothing else is said: dates, and what tells that a value is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
}

/// Which columns of a table are used, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct ColumnChoice<'a> {
    /// What the target is taken for.
    pub task: Task,
    /// The targets; the last column where none is named.
    pub targets: &'a [&'a str],
    /// The inputs, by names or patterns with `*` and `?`; all columns where none is named.
    pub keep: &'a [String],
    /// Columns that are left out, by names or patterns.
    pub drop: &'a [String],
    /// What is done with missing values.
    pub missing: Missing,
    /// What is made of dates.
    pub dates: &'a [AskedDate],
}

/// The columns of a table that a choice means.
pub(crate) struct Chosen<'t> {
    /// The targets; none where no column is left that could be one.
    pub(crate) targets: Vec<&'t Column>,
    /// The inputs, in the order of the table.
    pub(crate) inputs: Vec<&'t Column>,
    /// What is left out by name or by pattern.
    pub(crate) dropped: HashSet<&'t str>,
}

impl ColumnChoice<'_> {
    /// The columns that are meant.
    pub(crate) fn of<'t>(&self, table: &'t Table) -> Result<Chosen<'t>> {
        let dropped = pattern::columns(table, self.drop)?;
        let kept = (!self.keep.is_empty()).then(|| pattern::columns(table, self.keep)).transpose()?;
        let stays = |column: &&Column| !dropped.contains(&*column.name);
        let targets = match self.targets {
            [] => table.columns().iter().rfind(stays).into_iter().collect(),
            names => names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?,
        };
        let is_input = |column: &&Column| {
            let name = &*column.name;
            stays(column)
                && !targets.iter().any(|target| target.name == name)
                && kept.as_ref().is_none_or(|kept| kept.contains(name))
        };
        let inputs = table.columns().iter().filter(is_input).collect();
        Ok(Chosen { targets, inputs, dropped })
    }
}

/// What to do with a word that the encoder has not learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownLevels {
    /// Refuse the table, naming the word and its place.
    #[default]
    Refuse,
    /// Encode it as all zeros.
    Ignore,
}

impl Encoder {
    /// Learn the columns of `table`: the target is the named column (by default the last one), the inputs are all
    /// others but those in `leave_out`. Every column used must be usable, the target numeric and not constant.
    pub fn fit(table: &Table, target: Option<&str>, leave_out: &[String]) -> Result<Self> {
        Self::fit_for(Task::Regress, table, target, leave_out)
    }

    /// The same for a task: the target may be a class.
    pub fn fit_for(task: Task, table: &Table, target: Option<&str>, leave_out: &[String]) -> Result<Self> {
        Self::fit_targets(task, table, target.as_slice(), leave_out)
    }

    /// The same for any number of targets, each its own column; several are numbers.
    pub fn fit_targets(task: Task, table: &Table, targets: &[&str], leave_out: &[String]) -> Result<Self> {
        Self::choose(table, &ColumnChoice { task, targets, drop: leave_out, ..ColumnChoice::default() })
    }

    /// The same, with all that can be said of columns.
    pub fn choose(table: &Table, choice: &ColumnChoice<'_>) -> Result<Self> {
        let ColumnChoice { task, targets, missing, .. } = *choice;
        check_targets_asked(task, targets)?;
        let Chosen { targets: found, inputs: columns, dropped } = choice.of(table)?;
        if let Some(name) = targets.iter().find(|name| dropped.contains(**name)) {
            return Err(Error::new(format!("the target `{name}` is to be left out"), "keep the target column"));
        }
        let (target, others) = found.split_first().ok_or_else(|| no_inputs(table))?;
        if columns.is_empty() {
            return Err(no_inputs(table));
        }
        if let Some(column) = columns.iter().find(|column| column.is_all_different()) {
            return Err(Error::new(
                format!("{}: column `{}` has another word in every row", table.source(), shown(&column.name)),
                "it names the rows: leave the column out",
            ));
        }
        let preparation = Preparation::fit(table, &columns, missing, choice.dates)?;
        let mut encoder = Self {
            preparation,
            inputs: Vec::new(),
            target: target.name.clone(),
            other_targets: others.iter().map(|other| other.name.clone()).collect(),
            classes: None,
        };
        let table = complete(table, &encoder, columns.iter().map(|column| &*column.name))?;
        let table = encoder.preparation.apply(&table)?;
        let chosen: HashSet<&str> = columns.iter().map(|column| &*column.name).collect();
        for column in table.columns() {
            let origin = encoder.preparation.origin(&column.name);
            let indicates = encoder.preparation.is_indicator(&column.name);
            if indicates || chosen.contains(origin.unwrap_or(&column.name)) {
                let levels = match column.values()? {
                    Values::Numbers(_) => None,
                    Values::Words { levels, .. } => Some(levels.clone()),
                };
                let exact = indicates || origin.is_some();
                encoder.inputs.push(Input { name: column.name.clone(), levels, exact });
            }
        }
        let task = if others.is_empty() { task } else { Task::Regress };
        let target = table.column(&encoder.target)?;
        encoder.classes = classes(task, table.source(), target)?;
        if encoder.classes.is_some() {
            check_one_column(&table, target, &encoder.inputs.iter().map(|input| &*input.name).collect::<Vec<_>>())?;
        }
        encoder.check_targets(table.source(), &encoder.targets(&table)?)?;
        for (name, y) in encoder.other_targets.iter().zip(encoder.others(&table)?) {
            check_varies(table.source(), name, &y)?;
        }
        Ok(encoder)
    }

    /// The names of the columns of a file that the inputs are made of, in their order.
    pub fn given(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for input in self.inputs.iter().filter(|input| !(input.exact && self.preparation.is_indicator(&input.name))) {
            let name = self.preparation.origin(&input.name).unwrap_or(&input.name);
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The columns of a file that the inputs are made of, for a [`Source`](crate::source::Source).
    pub fn wanted(&self) -> Vec<Wanted> {
        let learned = |name: &str| self.inputs.iter().find(|input| input.name == name);
        let fills = |name: &str| self.preparation.fills.iter().any(|fill| fill.column == name);
        let is_date = |name: &str| self.preparation.dates.iter().any(|date| date.column == name);
        let of = |name: &str| Wanted {
            name: name.to_owned(),
            numbers: learned(name).is_some_and(|input| input.levels.is_none()) && !is_date(name),
            whole: !fills(name),
        };
        self.given().into_iter().map(of).collect()
    }

    /// The table without the rows that cannot be learned from or measured on: those without a target and, where that was chosen, those
    /// without some other value. Where missing values are to be refused nothing is left out.
    pub fn complete<'a>(&self, table: &'a Table) -> Result<Cow<'a, Table>> {
        complete(table, self, self.given().into_iter())
    }

    /// The rows that [`complete`](Self::complete) keeps, where it does not keep all.
    pub fn whole_rows(&self, table: &Table) -> Result<Option<Vec<usize>>> {
        whole_rows(table, self, self.given().into_iter())
    }

    /// The encoder of columns that are all numbers.
    pub fn of_numbers(names: impl IntoIterator<Item = String>, target: impl Into<String>) -> Self {
        let inputs = names.into_iter().map(|name| Input { name, levels: None, exact: false }).collect();
        Self {
            preparation: Preparation::default(),
            inputs,
            target: target.into(),
            other_targets: Vec::new(),
            classes: None,
        }
    }

    /// The class of a prediction, where the target is one: by the sign where there are two, by its number where there are several.
    pub fn class_of(&self, f: f64) -> Option<&str> {
        let classes = self.classes.as_ref()?;
        let place = if classes.len() > 2 { f as usize } else { usize::from(f > 0.0) };
        classes.get(place).map(String::as_str)
    }

    /// How many classes there are, where there are more than two: a network has an output for each.
    pub fn several(&self) -> Option<usize> {
        self.classes.as_ref().map(Vec::len).filter(|count| *count > 2)
    }

    /// The names of all targets.
    pub fn target_names(&self) -> Vec<&str> {
        std::iter::once(&self.target).chain(&self.other_targets).map(String::as_str).collect()
    }

    /// How many outputs a network has: one a class where there are more than two, else one a target.
    pub fn outputs(&self) -> usize {
        self.several().unwrap_or(1 + self.other_targets.len())
    }

    /// Refuse rows of another number of targets.
    pub fn check_outputs_of(&self, targets: usize) -> Result<()> {
        let names = self.target_names();
        if targets == names.len() {
            return Ok(());
        }
        Err(Error::new(
            format!("the rows have {targets} targets where {} are due: {}", names.len(), list(names.into_iter())),
            "give these targets, in this order",
        ))
    }

    /// Refuse several targets; `asked` says what is for one.
    pub fn check_one_target(&self, asked: &str) -> Result<()> {
        if self.other_targets.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            format!(
                "{asked} is for one target, and there are {}: {}",
                self.outputs(),
                list(self.target_names().into_iter())
            ),
            "name one target; ⟨several_targets⟩",
        ))
    }

    /// Refuse a loss that the target does not go with.
    pub fn check_loss(&self, loss: &Loss) -> Result<()> {
        let target = shown(&self.target);
        match (&self.classes, loss.is_margin()) {
            (Some(classes), false) => Err(Error::new(
                format!(
                    "the loss `{loss}` is for numbers, but the target `{target}` is taken for a class, {}",
                    either(classes)
                ),
                "take a loss of the margin: logistic, hinge or squared-hinge; or have the target taken for a number",
            )),
            (None, true) => Err(Error::new(
                format!("the loss `{loss}` is for classes, but the target `{target}` is taken for a number"),
                "take another loss, such as squared; numbers are classes where that is said",
            )),
            _ => Ok(()),
        }
    }

    /// Refuse a preparation that goes with other inputs.
    pub fn check_preparation(&self) -> Result<()> {
        self.preparation.check(&self.inputs.iter().map(|input| &*input.name).collect())
    }

    /// Refuse classes that cannot be told apart.
    pub fn check_classes(&self) -> Result<()> {
        let Some(classes) = &self.classes else { return Ok(()) };
        let twice = classes.iter().enumerate().find(|(k, class)| classes[..*k].contains(class));
        let what = match twice {
            Some((_, class)) => format!("has the class `{}` twice", shown(class)),
            None if classes.len() < 2 => format!("has {} classes", classes.len()),
            None => return Ok(()),
        };
        Err(Error::new(
            format!("the target `{}` {what}", shown(&self.target)),
            "a target that is a class has two or more, each by its own name",
        ))
    }

    /// Refuse a network whose outputs are not what the target asks for.
    pub fn check_outputs(&self, outputs: usize) -> Result<()> {
        if outputs == self.outputs() {
            return Ok(());
        }
        let has = match &self.classes {
            None if self.other_targets.is_empty() => "is taken for a number".to_owned(),
            None => format!("is one of {} targets", self.outputs()),
            Some(classes) => format!("has {} classes", classes.len()),
        };
        let outputs = if outputs == 1 { "one output".to_owned() } else { format!("{outputs} outputs") };
        Err(Error::new(
            format!("the network has {outputs}, and the target `{}` {has}", shown(&self.target)),
            "a network of several classes has one output a class, in the order of their names; one of two classes or of a number has one output, and one of several targets has one output a target: \
             ⟨targets⟩",
        ))
    }

    /// Refuse targets from which nothing can be learned.
    pub fn check_targets(&self, source: &str, y: &[f64]) -> Result<()> {
        check_varies(source, &self.target, y)
    }

    /// Number of input columns of the network: one a number, one a level.
    pub fn width(&self) -> usize {
        self.inputs.iter().map(|input| input.levels.as_ref().map_or(1, Vec::len)).sum()
    }

    /// The inputs as tolerances see them: by name, with the columns that a network has for each.
    pub fn tolerated(&self) -> Vec<tolerance::Input<'_>> {
        let numeric = |input: &Input| input.levels.is_none() && !input.exact;
        let input = |input: &'_ Input| (numeric(input), input.levels.as_ref().map_or(1, Vec::len));
        let of = |one| {
            let (numeric, width) = input(one);
            tolerance::Input { name: &one.name, numeric, width }
        };
        self.inputs.iter().map(of).collect()
    }

    /// Names of the network's inputs: `name` or `name=level`.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.width());
        for input in &self.inputs {
            match &input.levels {
                None => names.push(input.name.clone()),
                Some(levels) => names.extend(levels.iter().map(|level| format!("{}={level}", input.name))),
            }
        }
        names
    }

    /// The inputs of a table, n × width.
    pub fn encode(&self, table: &Table, unknown: UnknownLevels) -> Result<Mat<f64>> {
        let table = &*self.preparation.apply(table)?;
        let mut x = Mat::zeros(table.rows(), self.width());
        let mut first = 0;
        for input in &self.inputs {
            let column = table.column(&input.name)?;
            match (&input.levels, column.values()?) {
                (None, Values::Numbers(numbers)) => {
                    numbers.iter().enumerate().for_each(|(k, number)| x[(k, first)] = *number);
                }
                (None, Values::Words { levels, codes }) => {
                    let ((source, row), name) = (table.origin(0), &input.name);
                    let word = shown(&levels[codes[0] as usize]);
                    return Err(Error::new(
                        format!("{source}: row {row}, column `{name}` is `{word}` where a number was learned"),
                        "give the column as numbers",
                    ));
                }
                (Some(known), values) => {
                    for (k, level) in
                        level_of_rows(table, column, values, known, Some(unknown))?.into_iter().enumerate()
                    {
                        if let Some(level) = level {
                            x[(k, first + level)] = 1.0;
                        }
                    }
                }
            }
            first += input.levels.as_ref().map_or(1, Vec::len);
        }
        Ok(x)
    }

    /// The target of a table; −1 and 1 for two classes, and their numbers for several.
    pub fn targets(&self, table: &Table) -> Result<Vec<f64>> {
        let column = table.column(&self.target)?;
        if let Some(classes) = &self.classes {
            let known = level_of_rows(table, column, column.values()?, classes, None)?;
            return Ok(known.into_iter().flatten().map(|place| class_number(place, classes.len())).collect());
        }
        self.numbers_of(table, column)
    }

    /// The further targets of a table.
    pub fn others(&self, table: &Table) -> Result<Vec<Vec<f64>>> {
        self.other_targets.iter().map(|name| self.numbers_of(table, table.column(name)?)).collect()
    }

    fn numbers_of(&self, table: &Table, target: &Column) -> Result<Vec<f64>> {
        let (levels, codes) = match target.values()? {
            Values::Numbers(numbers) => return Ok(numbers.clone()),
            Values::Words { levels, codes } => (levels, codes),
        };
        let named = self.target_names();
        let unnamed = table.columns().iter().map(|c| c.name.as_str()).filter(|name| !named.contains(name));
        Err(Error::new(
            format!(
                "{}: the target column `{}` holds words (`{}` in row 1)",
                table.source(),
                target.name,
                shown(&levels[codes[0] as usize])
            ),
            format!("the target must be a number; name another column: {}", list(unnamed)),
        ))
    }

    /// The same of a part of a table; `None` where every row of it misses a value.
    pub fn dataset_of_some(&self, table: &Table, unknown: UnknownLevels) -> Result<Option<Dataset>> {
        match whole(table, self, self.given().into_iter())? {
            Some(rows) if rows.is_empty() => Ok(None),
            _ => self.dataset(table, unknown).map(Some),
        }
    }

    /// Inputs and targets of a table.
    pub fn dataset(&self, table: &Table, unknown: UnknownLevels) -> Result<Dataset> {
        let table = &*self.complete(table)?;
        Dataset::new(self.encode(table, unknown)?, self.targets(table)?, None)?.with_others(self.others(table)?)
    }
}

/// A table without the rows that cannot be learned from, whose inputs are made of the columns of these names.
fn complete<'a, 'b>(
    table: &'a Table,
    encoder: &'b Encoder,
    inputs: impl Iterator<Item = &'b str>,
) -> Result<Cow<'a, Table>> {
    Ok(match whole_rows(table, encoder, inputs)? {
        Some(rows) => Cow::Owned(table.select(&rows)),
        None => Cow::Borrowed(table),
    })
}

/// The rows that can be learned from, where not all can.
fn whole_rows<'b>(
    table: &Table,
    encoder: &'b Encoder,
    inputs: impl Iterator<Item = &'b str>,
) -> Result<Option<Vec<usize>>> {
    let rows = whole(table, encoder, inputs)?;
    if rows.as_ref().is_some_and(Vec::is_empty) {
        return Err(Error::new(
            format!("{}: every row misses a value", table.source()),
            "leave out the columns in which most values are missing, or fill the values",
        ));
    }
    Ok(rows.filter(|rows| rows.len() < table.rows()))
}

/// The rows that miss no value, where it is asked for.
fn whole<'b>(table: &Table, encoder: &'b Encoder, inputs: impl Iterator<Item = &'b str>) -> Result<Option<Vec<usize>>> {
    let asked = encoder.preparation.missing;
    if asked == Missing::Refuse {
        return Ok(None);
    }
    let mut whole = vec![true; table.rows()];
    let inputs = inputs.filter(|_| asked == Missing::Drop);
    for name in inputs.chain(encoder.target_names()) {
        table.column(name)?.missing().iter().for_each(|&k| whole[k] = false);
    }
    Ok(Some((0..table.rows()).filter(|&k| whole[k]).collect()))
}

/// For every row the index of its word among the known levels; those of the target are classes, which nothing is done about where one is
/// not known.
fn level_of_rows(
    table: &Table,
    column: &Column,
    values: &Values,
    known: &[String],
    unknown: Option<UnknownLevels>,
) -> Result<Vec<Option<usize>>> {
    let find = |word: &str| known.iter().position(|level| level == word);
    let check = |k: usize, word: &str, level: Option<usize>| {
        if level.is_some() || unknown == Some(UnknownLevels::Ignore) {
            return Ok(level);
        }
        let (one, all, then) = match unknown {
            None => ("class", "classes", "leave it out"),
            Some(_) => ("level", "levels", "have unknown levels ignored"),
        };
        let (source, row) = table.origin(k);
        Err(Error::new(
            format!("{source}: row {row}, column `{}` is `{}`, a {one} that was not learned", column.name, shown(word)),
            format!("the {all} are {}; mend the row, or {then}", list(known.iter().map(String::as_str))),
        ))
    };
    match values {
        Values::Words { levels, codes } => {
            let translation: Vec<Option<usize>> = levels.iter().map(|word| find(word)).collect();
            let rows = codes.iter().enumerate();
            rows.map(|(k, &code)| check(k, &levels[code as usize], translation[code as usize])).collect()
        }
        Values::Numbers(numbers) => {
            let rows = numbers.iter().enumerate();
            rows.map(|(k, number)| (k, canonical(*number))).map(|(k, word)| check(k, &word, find(&word))).collect()
        }
    }
}

#[cfg(test)]
#[path = "encoder_tests.rs"]
mod tests;
