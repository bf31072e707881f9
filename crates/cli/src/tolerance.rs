//! What flags and a file say of the inputs' tolerances.

use crate::limits;
use crate::recipe::RecipeArguments;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tautnet::error::{Error, Result};
use tautnet::tolerance::{Asked, Entry, Shape};
use tautnet_tables::limited::read_file;

/// Tolerances in a file.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Tolerance")]
pub struct TolerancesArguments {
    /// Read tolerances from this TOML file: a line `COLUMN = AMOUNT` for each column; `--tolerance` has the last word
    ///
    /// An amount is a number in the units of the column, or a text as in `--tolerance`: `temp = 0.5`, `"flow in" = "2%"`. A line `shape = "ball"` or
    /// `shape = "box"` is the shape.
    #[arg(long, value_name = "FILE")]
    pub tolerances: Option<PathBuf>,
}

impl TolerancesArguments {
    /// What the file says.
    pub fn of_file(&self) -> Result<Said> {
        self.tolerances.as_deref().map_or(Ok(Said::default()), read)
    }

    /// What the file and the flags say together, the flags last.
    pub fn said<C>(&self, flags: &RecipeArguments<C>) -> Result<Said> {
        let mut said = self.of_file()?;
        let asked = &flags.asked.tolerance;
        if flags.said("tolerance") {
            said.entries.get_or_insert_default().extend(asked.entries.iter().cloned());
        }
        if flags.said("tolerance_shape") {
            said.shape = Some(asked.shape);
        }
        Ok(said)
    }
}

/// Amounts and a shape, each where it was said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Said {
    entries: Option<Vec<Entry>>,
    shape: Option<Shape>,
}

impl Said {
    /// Whether nothing was said.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What holds: what was said, and for the rest what is `known`. A shape of nothing is refused.
    pub fn over(&self, known: Asked) -> Result<Asked> {
        let asked =
            Asked { entries: self.entries.clone().unwrap_or(known.entries), shape: self.shape.unwrap_or(known.shape) };
        if asked.is_empty() && self.shape.is_some() {
            return Err(Error::new(
                format!("the shape `{}` was asked for, but there is no tolerance", asked.shape),
                "give one with --tolerance, such as --tolerance 0.1sd",
            ));
        }
        Ok(asked)
    }
}

/// What was asked of the inputs, for programs: the entries and the shape.
pub fn json(asked: &Asked) -> (Value, Value) {
    (asked.entries.iter().map(Entry::to_string).collect(), json!(asked.shape))
}

/// Read a file of tolerances.
fn read(path: &Path) -> Result<Said> {
    let source = path.display().to_string();
    let bytes = read_file(path, &source, limits::now())?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Error::new(format!("{source} is not UTF-8 text ({error})"), "save the file as UTF-8"))?;
    parse(&source, &text)
}

/// Read the text of such a file; `source` is what messages call it.
fn parse(source: &str, text: &str) -> Result<Said> {
    const HINT: &str = "write a line for each column, such as temp = 0.5 or \"flow in\" = \"2%\"";
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let what = error.message().lines().collect::<Vec<_>>().join(" ");
        Error::new(format!("{source}: line {line}: {what}"), HINT)
    })?;
    let mut said = Said { entries: Some(Vec::new()), shape: None };
    for (column, value) in table {
        let amount = match value {
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::String(text) => text,
            other => {
                let what = other.type_str();
                return Err(Error::new(
                    format!("{source}: `{column}` is a value of the type {what}, not a number or a text"),
                    format!("{HINT}; a name with dots in it needs quotes"),
                ));
            }
        };
        // No amount is written like a shape, so that a column may be called `shape` all the same.
        match amount.parse() {
            Ok(shape) if column == "shape" => said.shape = Some(shape),
            _ => {
                let amount = amount
                    .parse()
                    .map_err(|error: Error| Error::new(format!("{source}: `{column}`: {}", error.what), error.hint))?;
                said.entries.get_or_insert_default().push(Entry { column: Some(column), amount });
            }
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_a_line_for_each_column() {
        let said = parse(
            "t.toml",
            "# mine\n\"temp\" = \"0.5\"\npressure = \"2%\"\n\"a = b\" = 3\nx = 1e-7\nshape = \"ball\"\n",
        )
        .unwrap();
        let asked = said.over(Asked::default()).unwrap();
        let mut lines: Vec<String> = asked.entries.iter().map(Entry::to_string).collect();
        lines.sort();
        assert_eq!(lines, ["a = b=3", "pressure=2%", "temp=0.5", "x=0.0000001"]);
        assert_eq!(asked.shape, Shape::Ball);
        // A column that is called so.
        let said = parse("t.toml", "shape = 0.5").unwrap();
        assert_eq!((said.shape, said.entries.unwrap()[0].to_string()), (None, "shape=0.5".into()));
    }

    #[test]
    fn what_is_no_such_file_is_refused_by_line_or_column() {
        for (text, what) in [
            ("temp = 1\ntemp = 2", "t.toml: line 2: duplicate key"),
            ("temp 0.5", "t.toml: line 1: "),
            ("[temp]\na = 1", "t.toml: `temp` is a value of the type table"),
            ("temp = true", "`temp` is a value of the type boolean"),
            ("temp = -1", "t.toml: `temp`: the tolerance `-1` is negative"),
            ("temp = nan", "is no amount"),
            ("kind = \"any\"", "t.toml: `kind`: the tolerance `any` of words is not built yet"),
            ("shape = \"egg\"", "t.toml: `shape`: the tolerance `egg` is no amount"),
        ] {
            let error = parse("t.toml", text).unwrap_err();
            assert!(error.what.contains(what) && !error.hint.is_empty(), "{text}: {error:?}");
        }
    }

    #[test]
    fn what_is_said_stands_over_what_is_known() {
        let known = Asked { entries: vec!["0.1sd".parse().unwrap()], shape: Shape::Ball };
        let nothing = Said::default();
        assert!(nothing.is_nothing() && nothing.over(known.clone()).unwrap() == known);
        let amounts = Said { entries: Some(vec!["a=1".parse().unwrap()]), shape: None };
        assert_eq!(
            amounts.over(known.clone()).unwrap(),
            Asked { entries: amounts.entries.clone().unwrap(), ..known.clone() }
        );
        let shape = Said { entries: None, shape: Some(Shape::Box) };
        assert_eq!(shape.over(known.clone()).unwrap(), Asked { shape: Shape::Box, ..known });
        assert!(shape.over(Asked::default()).unwrap_err().what.contains("there is no tolerance"));
    }
}
