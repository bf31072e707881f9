//! From a table to numbers: which columns are inputs, which is the target, and what their words mean.
//!
//! An [`Encoder`] is learned from one table and applied to any other: input columns are found by name, in whatever
//! order the file has them, and a column of words becomes one 0/1 column a level, `name=level`.

use crate::class::{class_number, either};
use crate::column::canonical;
use crate::table::{Column, Table, Values};
use faer::Mat;
use serde::{Deserialize, Serialize};
use tautnet::Loss;
use tautnet::dataset::Dataset;
use tautnet::error::{Error, Result};
use tautnet::printable::{list, shown};
use tautnet::tolerance;

/// The inputs and the target of a table, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// The input columns, in the order in which the network sees them.
    pub inputs: Vec<Input>,
    /// The name of the target column.
    pub target: String,
    /// The classes of a target that is one. Of two the first stands for −1 and the second for 1; of several each for its place, from 0.
    /// `None` for a target of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
}

/// What the target of a table is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Task {
    /// Words, or the numbers 0 and 1 or −1 and 1, are classes; other numbers are numbers.
    #[default]
    Auto,
    /// Classes, whatever they are written as.
    Classify,
    /// A number.
    Regress,
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
        for name in leave_out {
            table.column(name)?;
        }
        let kept = |name: &str| !leave_out.iter().any(|other| other == name);
        let target = match target {
            Some(name) if !kept(name) => {
                return Err(Error::new(format!("the target `{name}` is to be left out"), "keep the target column"));
            }
            Some(name) => table.column(name)?,
            None => table.columns().iter().rfind(|c| kept(&c.name)).ok_or_else(|| no_inputs(table))?,
        };
        let mut inputs = Vec::new();
        for column in table.columns().iter().filter(|c| c.name != target.name && kept(&c.name)) {
            let levels = match column.values()? {
                Values::Numbers(_) => None,
                Values::Words { levels, .. } => Some(levels.clone()),
            };
            inputs.push(Input { name: column.name.clone(), levels });
        }
        if inputs.is_empty() {
            return Err(no_inputs(table));
        }
        let classes = classes(task, table.source(), target)?;
        if classes.is_some() {
            check_one_column(table, target, &inputs)?;
        }
        let encoder = Self { inputs, target: target.name.clone(), classes };
        encoder.check_targets(table.source(), &encoder.targets(table)?)?;
        Ok(encoder)
    }

    /// The encoder of columns that are all numbers.
    pub fn of_numbers(names: impl IntoIterator<Item = String>, target: impl Into<String>) -> Self {
        let inputs = names.into_iter().map(|name| Input { name, levels: None }).collect();
        Self { inputs, target: target.into(), classes: None }
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
        if outputs == self.several().unwrap_or(1) {
            return Ok(());
        }
        let has = match &self.classes {
            None => "is taken for a number".to_owned(),
            Some(classes) => format!("has {} classes", classes.len()),
        };
        let outputs = if outputs == 1 { "one output".to_owned() } else { format!("{outputs} outputs") };
        Err(Error::new(
            format!("the network has {outputs}, and the target `{}` {has}", shown(&self.target)),
            "a network of several classes has one output a class, in the order of their names; one of two classes or of a number has one output",
        ))
    }

    /// Refuse targets from which nothing can be learned.
    pub fn check_targets(&self, source: &str, y: &[f64]) -> Result<()> {
        if y.len() > 1 && y.iter().all(|value| *value == y[0]) {
            return Err(Error::new(
                format!("{source}: the target column `{}` is {} in every row", self.target, y[0]),
                "name the column to predict as the target; there is nothing to learn in a constant",
            ));
        }
        Ok(())
    }

    /// Number of input columns of the network: one a number, one a level.
    pub fn width(&self) -> usize {
        self.inputs.iter().map(|input| input.levels.as_ref().map_or(1, Vec::len)).sum()
    }

    /// The inputs as tolerances see them: by name, with the columns that a network has for each.
    pub fn tolerated(&self) -> Vec<tolerance::Input<'_>> {
        let input = |input: &'_ Input| (input.levels.is_none(), input.levels.as_ref().map_or(1, Vec::len));
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
        let mut x = Mat::zeros(table.rows(), self.width());
        let mut first = 0;
        for input in &self.inputs {
            let column = table.column(&input.name)?;
            match (&input.levels, column.values()?) {
                (None, Values::Numbers(numbers)) => {
                    numbers.iter().enumerate().for_each(|(k, number)| x[(k, first)] = *number);
                }
                (None, Values::Words { levels, codes }) => {
                    let (source, name, word) = (table.source(), &input.name, shown(&levels[codes[0] as usize]));
                    return Err(Error::new(
                        format!("{source}: row 1, column `{name}` is `{word}` where a number was learned"),
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
        match column.values()? {
            Values::Numbers(numbers) => Ok(numbers.clone()),
            Values::Words { levels, codes } => Err(Error::new(
                format!(
                    "{}: the target column `{}` holds words (`{}` in row 1)",
                    table.source(),
                    self.target,
                    shown(&levels[codes[0] as usize])
                ),
                format!(
                    "the target must be a number; name another column: {}",
                    list(table.columns().iter().map(|c| c.name.as_str()).filter(|name| *name != self.target))
                ),
            )),
        }
    }

    /// Inputs and target of a table.
    pub fn dataset(&self, table: &Table, unknown: UnknownLevels) -> Result<Dataset> {
        Dataset::new(self.encode(table, unknown)?, self.targets(table)?, None)
    }

    /// Names of the input columns of `table` that say the same in every row: harmless, and of no use.
    pub fn constant_inputs(&self, table: &Table) -> Vec<String> {
        let constant = |input: &&Input| table.column(&input.name).is_ok_and(Column::is_constant);
        self.inputs.iter().filter(constant).map(|input| input.name.clone()).collect()
    }
}

/// The classes of a target column, where it is taken for a class.
fn classes(task: Task, source: &str, column: &Column) -> Result<Option<Vec<String>>> {
    let (found, usual): (Vec<String>, bool) = match column.values()? {
        _ if task == Task::Regress => return Ok(None),
        Values::Words { levels, .. } => (levels.clone(), true),
        Values::Numbers(numbers) => {
            let mut distinct: Vec<f64> = Vec::new();
            for number in numbers {
                // So many are too many already.
                if distinct.len() <= MOST_CLASSES && !distinct.contains(number) {
                    distinct.push(*number);
                }
            }
            distinct.sort_by(f64::total_cmp);
            let usual = distinct == [0.0, 1.0] || distinct == [-1.0, 1.0];
            (distinct.into_iter().map(canonical).collect(), usual)
        }
    };
    if task == Task::Auto && !usual {
        return Ok(None);
    }
    let number = found.iter().find(|class| class.parse::<f64>().is_ok());
    let word = found.iter().find(|class| class.parse::<f64>().is_err());
    if let (Some(number), Some(word), Task::Auto) = (number, word, task) {
        return Err(Error::new(
            format!(
                "{source}: the target column `{}` has numbers and words: `{}` and `{}`",
                column.name,
                shown(number),
                shown(word)
            ),
            "mend the rows; where they are classes as they stand, say --task classify",
        ));
    }
    if (2..=MOST_CLASSES).contains(&found.len()) {
        return Ok(Some(found));
    }
    let many = if found.len() > 2 { format!("more than {MOST_CLASSES} classes") } else { "only one class".into() };
    let words = list(found.iter().take(3).map(String::as_str));
    let others = if found.len() > 3 { ", …" } else { "" };
    Err(Error::new(
        format!("{source}: the target column `{}` has {many}: {words}{others}", column.name),
        "name a column of a few classes, or of numbers, as the target; each class needs rows to learn from",
    ))
}

/// A target of more classes is hardly one.
const MOST_CLASSES: usize = 100;

fn no_inputs(table: &Table) -> Error {
    Error::new(
        format!("{} has no input column beside the target", table.source()),
        "at least one input column and one target column are needed; is the delimiter right?",
    )
}

/// Refuse a target that is one of several columns of 0 and 1 for one class, the others being inputs: they say what it is.
fn check_one_column(table: &Table, target: &Column, inputs: &[Input]) -> Result<()> {
    fn zeros_and_ones(column: &Column) -> Option<&[f64]> {
        match column.values() {
            Ok(Values::Numbers(numbers)) => numbers.iter().all(|one| *one == 0.0 || *one == 1.0).then_some(numbers),
            _ => None,
        }
    }
    let Some(mut sum) = zeros_and_ones(target).map(<[f64]>::to_vec) else { return Ok(()) };
    let at = table.columns().iter().position(|column| column.name == target.name).unwrap_or_default();
    let (before, after) = table.columns().split_at(at);
    let is_input = |column: &&Column| inputs.iter().any(|input| input.name == column.name);
    let mut names = vec![target.name.as_str()];
    // Those next to the target first.
    for column in before.iter().rev().chain(after).filter(is_input) {
        let Some(numbers) = zeros_and_ones(column).filter(|numbers| numbers.contains(&1.0)) else { continue };
        if numbers.iter().zip(&sum).any(|(one, sum)| one + sum > 1.0) {
            continue;
        }
        sum.iter_mut().zip(numbers).for_each(|(sum, one)| *sum += one);
        names.push(&column.name);
        if sum.iter().all(|sum| *sum == 1.0) {
            return Err(Error::new(
                format!(
                    "{}: in every row exactly one of the columns {} is 1: they are one class, and tell the target",
                    table.source(),
                    list(names.into_iter())
                ),
                format!(
                    "make one column of words of them, to be the target; or leave out all of them but `{}`, which asks whether it is that one",
                    target.name
                ),
            ));
        }
    }
    Ok(())
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
        Err(Error::new(
            format!(
                "{}: row {}, column `{}` is `{}`, a {one} that was not learned",
                table.source(),
                k + 1,
                column.name,
                shown(word)
            ),
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
mod tests {
    use super::*;
    use crate::class::check_learned;
    use crate::table::ReadOptions;

    fn table(text: &str) -> Table {
        Table::from_reader("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
    }

    const SERVO: &str = "motor,gain,y\nB,1,2\nA,3,4\nC,5,7\n";

    #[test]
    fn words_become_one_column_a_level_and_columns_are_found_by_name() {
        let encoder = Encoder::fit(&table(SERVO), None, &[]).unwrap();
        assert_eq!(encoder.names(), ["motor=A", "motor=B", "motor=C", "gain"]);
        let data = encoder.dataset(&table(SERVO), UnknownLevels::Refuse).unwrap();
        assert_eq!(data.y, [2.0, 4.0, 7.0]);
        let shuffled = "y,extra,gain,motor\n2,9,1,B\n4,9,3,A\n7,9,5,C\n";
        assert_eq!(encoder.dataset(&table(shuffled), UnknownLevels::Refuse).unwrap(), data);
        for k in 0..3 {
            assert_eq!((0..3).map(|j| data.x[(k, j)]).sum::<f64>(), 1.0, "one-hot columns of a row sum to one");
        }
    }

    #[test]
    fn an_unknown_level_is_named_or_all_zero() {
        let encoder = Encoder::fit(&table(SERVO), None, &[]).unwrap();
        let new = table("motor,gain,y\nA,1,2\nZ,3,4\n");
        let error = encoder.encode(&new, UnknownLevels::Refuse).unwrap_err();
        assert_eq!(error.what, "t.csv: row 2, column `motor` is `Z`, a level that was not learned");
        let x = encoder.encode(&new, UnknownLevels::Ignore).unwrap();
        assert_eq!((0..4).map(|j| x[(1, j)]).collect::<Vec<_>>(), [0.0, 0.0, 0.0, 3.0]);
    }

    #[test]
    fn codes_that_look_like_numbers_keep_their_levels() {
        let encoder = Encoder::fit(&table("code,y\n01,1\nA,2\nB,3\n"), None, &[]).unwrap();
        let x = encoder.encode(&table("code,y\n1.0,1\n01,2\n"), UnknownLevels::Refuse).unwrap();
        assert_eq!((x[(0, 0)], x[(1, 0)]), (1.0, 1.0));
    }

    #[test]
    fn several_classes_are_their_places() {
        let fit = |task, text: &str| Encoder::fit_for(task, &table(text), None, &[]).unwrap();
        for (task, text, classes) in [
            (Task::Auto, "a,y\n1,r\n2,p\n3,q\n4,r\n", ["p", "q", "r"]),
            (Task::Classify, "a,y\n1,10\n2,2\n3,7\n4,10\n", ["2", "7", "10"]),
            (Task::Classify, "a,y\n1,r\n2,7\n3,q\n4,r\n", ["7", "q", "r"]),
        ] {
            let encoder = fit(task, text);
            assert_eq!(
                (encoder.classes.as_ref().unwrap(), encoder.several()),
                (&classes.map(str::to_owned).to_vec(), Some(3))
            );
            let y = encoder.targets(&table(text)).unwrap();
            assert_eq!(y, [2.0, 0.0, 1.0, 2.0]);
            assert_eq!(encoder.class_of(1.0), Some(classes[1]));
            assert!(
                encoder.check_outputs(3).is_ok()
                    && encoder.check_outputs(1).is_err()
                    && encoder.check_classes().is_ok()
            );
            assert_eq!(check_learned(encoder.classes.as_ref().unwrap(), &y, 1), Ok(None));
            for broken in [vec![], vec!["p".to_owned()], ["p", "q", "p"].map(str::to_owned).to_vec()] {
                assert!(Encoder { classes: Some(broken), ..encoder.clone() }.check_classes().is_err());
            }
        }
        let many: String = (0..101).map(|k| format!("{k},w{k}\n")).collect();
        let error = Encoder::fit_for(Task::Auto, &table(&format!("a,y\n{many}")), None, &[]).unwrap_err();
        assert_eq!(error.what, "t.csv: the target column `y` has more than 100 classes: `w0`, `w1`, `w10`, …");
    }

    #[test]
    fn two_words_or_the_numbers_0_and_1_are_classes() {
        let fit = |task, text: &str| Encoder::fit_for(task, &table(text), None, &[]);
        for (text, classes) in [
            ("a,y\n1,ill\n2,well\n3,ill\n", ["ill", "well"]),
            ("a,y\n1,1\n2,0\n3,1\n", ["0", "1"]),
            ("a,y\n1,1.0\n2,-1\n3,1\n", ["-1", "1"]),
        ] {
            let encoder = fit(Task::Auto, text).unwrap();
            assert_eq!(encoder.classes.as_ref().unwrap(), &classes.map(str::to_owned));
            let y = encoder.targets(&table(text)).unwrap();
            assert!(y[0] == y[2] && y[0] == -y[1] && y[0].abs() == 1.0);
            for (k, f) in y.iter().enumerate() {
                assert_eq!(encoder.class_of(0.3 * f), Some(classes[if y[k] > 0.0 { 1 } else { 0 }]));
            }
        }
        assert_eq!(fit(Task::Auto, "a,y\n1,1\n2,2\n").unwrap().classes, None);
        assert_eq!(fit(Task::Regress, "a,y\n1,1\n2,0\n").unwrap().classes, None);
        assert!(fit(Task::Classify, "a,y\n1,1\n2,2\n").unwrap().classes.is_some());
        for (task, text, what) in [
            (Task::Auto, "a,y\n1,p\n2,7\n", "t.csv: the target column `y` has numbers and words: `7` and `p`"),
            (Task::Auto, "a,y\n1,p\n2,p\n", "t.csv: the target column `y` has only one class: `p`"),
        ] {
            assert_eq!(fit(task, text).unwrap_err().what, what);
        }
        let encoder = fit(Task::Auto, "a,y\n1,p\n2,q\n").unwrap();
        let error = encoder.targets(&table("a,y\n1,p\n2,s\n")).unwrap_err();
        assert_eq!(error.what, "t.csv: row 2, column `y` is `s`, a class that was not learned");
        assert_eq!(error.hint, "the classes are `p`, `q`; mend the row, or leave it out");
        let classes = encoder.classes.unwrap();
        let missing = check_learned(&classes, &[1.0, 1.0], 5).unwrap_err();
        assert_eq!(missing.what, "none of the 2 rows to learn from is of the class `p`");
        let few = check_learned(&classes, &[1.0, -1.0, -1.0], 2).unwrap().unwrap();
        assert!(
            few.starts_with("only 1 of the 3 rows to learn from is of the class `q`, fewer than the 2 parts"),
            "{few}"
        );
        assert_eq!(check_learned(&classes, &[1.0, -1.0, -1.0], 1), Ok(None));
    }

    #[test]
    fn columns_of_0_and_1_for_one_class_are_not_inputs_and_target_at_once() {
        let fit = |text: &str, leave_out: &[&str]| {
            Encoder::fit_for(
                Task::Auto,
                &table(text),
                None,
                &leave_out.iter().map(|&name| name.into()).collect::<Vec<_>>(),
            )
        };
        let two = "a,y_no,y_yes\n1,1,0\n2,0,1\n3,1,0\n";
        let error = fit(two, &[]).unwrap_err();
        let what = "t.csv: in every row exactly one of the columns `y_yes`, `y_no` is 1: they are one class, and tell the target";
        assert_eq!(error.what, what);
        assert!(error.hint.contains("leave out all of them but `y_yes`"), "{error:?}");
        assert!(fit(two, &["y_no"]).is_ok());
        // The column `odd` is of 0 and 1, too, and has nothing to do with it.
        let three = "y_r,odd,y_s,none,y_t\n1,1,0,0,0\n0,0,1,0,0\n0,1,0,0,1\n0,0,0,0,1\n";
        assert!(fit(three, &[]).unwrap_err().what.contains("columns `y_t`, `y_s`, `y_r` is 1"));
        assert!(fit(three, &["y_s"]).is_ok());
        assert!(Encoder::fit(&table(two), None, &[]).is_ok(), "a target of numbers");
    }

    #[test]
    fn bad_columns_are_refused_when_used_and_only_then() {
        for (text, target, what) in [
            ("a,y\n1,x\n2,z\n", None, "t.csv: the target column `y` holds words (`x` in row 1)"),
            ("a,y\n1,3\n2,3\n", None, "t.csv: the target column `y` is 3 in every row"),
            ("y\n1\n2\n", None, "t.csv has no input column beside the target"),
            ("a,y\n1,2\n", Some("z"), "t.csv has no column `z`"),
            ("a,b,y\n1,2,3\n1,,4\n1,5,5\n", None, "t.csv: row 2 (line 3), column `b` is missing"),
        ] {
            assert_eq!(Encoder::fit(&table(text), target, &[]).unwrap_err().what, what);
        }
        let hole = table("a,b,y\n1,2,3\n1,,4\n1,5,5\n");
        let encoder = Encoder::fit(&hole, None, &["b".into()]).unwrap();
        assert_eq!(encoder.names(), ["a"]);
        assert_eq!(encoder.constant_inputs(&hole), ["a"]);
        let words = table("a,y\nq,3\n");
        assert!(encoder.encode(&words, UnknownLevels::Refuse).unwrap_err().what.contains("where a number was learned"));
    }
}
