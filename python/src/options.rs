//! What the user asks for, by name: the library's recipe, read by the library's own rules.

use crate::errors::{OrRaise, refused};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList};
use tautnet::Recipe;
use tautnet::recipe::{Command, Field, Kind, Value};

/// The recipe of a dictionary, whose names are those of the settings; `None` says nothing.
pub fn recipe(given: &Bound<'_, PyDict>) -> PyResult<Recipe> {
    let mut recipe = Recipe::default();
    for (name, value) in given {
        let name: String = name.extract()?;
        let value = match Recipe::field(&name) {
            Some(field) => read(field, &value)?,
            None => Value::Nothing,
        };
        recipe.set(&name, &value).or_raise()?;
    }
    Ok(recipe)
}

/// Whether the dictionary says something of a setting.
pub fn said(given: &Bound<'_, PyDict>, name: &str) -> PyResult<bool> {
    Ok(given.get_item(name)?.is_some_and(|value| !value.is_none()))
}

/// A value of the setting's type.
fn read(field: &Field, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_none() {
        return Ok(Value::Nothing);
    }
    let read = match field.kind {
        Kind::Count(..) => value.extract().map(Value::Count),
        // In Python a truth is a number, too.
        Kind::Number(_) if value.is_instance_of::<PyBool>() => Ok(Value::Switch(true)),
        Kind::Number(_) => value.extract().map(Value::Number),
        Kind::Word(_) | Kind::WordWithNumber(_) => value.extract().map(Value::Word),
        Kind::Switch(_) => value.is_truthy().map(Value::Switch),
    };
    read.or_else(|_| {
        let shown = value.repr().map_or_else(|_| "?".into(), |shown| shown.to_string());
        let error = field.refused(&shown);
        Err(refused(error.what, error.hint))
    })
}

/// The settings of a command as the library has them: dictionaries with `name`, `values`, `default`, `default_in_words` and
/// `help`.
#[pyfunction]
pub fn settings(py: Python<'_>, command: &str) -> PyResult<Py<PyList>> {
    let Some(command) = Command::ALL.into_iter().find(|known| known.name() == command) else {
        let names = Command::ALL.map(Command::name).join(", ");
        return Err(refused(format!("there is no command `{command}`"), format!("choose one of: {names}")));
    };
    let list = PyList::empty(py);
    for field in Recipe::fields(command) {
        let told = PyDict::new(py);
        told.set_item("name", field.name)?;
        told.set_item("values", field.kind.in_words())?;
        match field.default_value(command) {
            Value::Nothing if field.auto.contains(&command) => told.set_item("default", "auto")?,
            Value::Nothing => told.set_item("default", py.None())?,
            Value::Count(value) => told.set_item("default", value)?,
            Value::Number(value) => told.set_item("default", value)?,
            Value::Word(value) => told.set_item("default", value)?,
            Value::Switch(value) => told.set_item("default", value)?,
        }
        told.set_item("default_in_words", field.default_in_words(command))?;
        told.set_item("help", field.help)?;
        list.append(told)?;
    }
    Ok(list.unbind())
}
