//! What the user asks for, by name: the library's recipe, read by the library's own rules.

use crate::errors::{OrRaise, refused};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyTuple};
use tautnet::Recipe;
use tautnet::recipe::{Command, Deep, Field, Interval, Judge, Kind, Layers, Run, Search, Table, Value};

/// The values of a dictionary, whose names are those of the settings; `None` says nothing.
pub fn asked<T: Table>(given: &Bound<'_, PyDict>) -> PyResult<T> {
    let mut asked = T::default();
    for (name, value) in given {
        put(&mut asked, &name.extract::<String>()?, &value)?;
    }
    Ok(asked)
}

/// Set the setting of this name.
pub fn put<T: Table>(asked: &mut T, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let value = T::field(name).map_or(Ok(Value::Nothing), |field| read(field, value))?;
    asked.set(name, &value).or_raise()
}

/// Whether the dictionary says something of a setting.
pub fn said(given: &Bound<'_, PyDict>, name: &str) -> PyResult<bool> {
    Ok(given.get_item(name)?.is_some_and(|value| !value.is_none()))
}

/// A value of the setting's type.
fn read<T: Default>(field: &Field<T>, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_none() {
        return Ok(Value::Nothing);
    }
    let read = match field.kind {
        Kind::Count(..) => value.extract().map(Value::Count),
        // In Python a truth is a number, too.
        Kind::Number(_) | Kind::Seconds if value.is_instance_of::<PyBool>() => Ok(Value::Switch(true)),
        Kind::Number(_) | Kind::Seconds => value.extract().map(Value::Number),
        Kind::Texts(_) => texts(value).map(Value::Texts),
        Kind::Numbers(_) => value.extract().map(Value::Numbers),
        Kind::Word(_) | Kind::WordWithNumber(_) => value.extract().map(Value::Word),
        Kind::Switch(_) => value.is_truthy().map(Value::Switch),
    };
    read.map_err(|_| {
        let shown = value.repr().map_or_else(|_| "?".into(), |shown| shown.to_string());
        let error = field.refused(&shown);
        refused(error.what, error.hint)
    })
}

/// Texts: one, several, or a dictionary whose items are `KEY=VALUE`; numbers are texts, too.
pub fn texts(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let text = |value: &Bound<'_, PyAny>| match value.extract::<f64>() {
        Ok(number) => Ok(number.to_string()),
        Err(_) => value.extract::<String>(),
    };
    if let Ok(items) = value.cast::<PyDict>() {
        return items.iter().map(|(key, value)| Ok(format!("{}={}", text(&key)?, text(&value)?))).collect();
    }
    match text(value) {
        Ok(text) => Ok(vec![text]),
        Err(_) => value.try_iter()?.map(|item| text(&item?)).collect(),
    }
}

/// The settings of a command as the library has them: dictionaries with `name`, `parameter`, `of` ("recipe", "judge", "deep", "layers", "attack", "predict" or "run"), `values`, `default`, `default_in_words` and
/// `help`.
#[pyfunction]
pub fn settings(py: Python<'_>, command: &str) -> PyResult<Py<PyList>> {
    let Some(command) = Command::ALL.into_iter().find(|known| known.name() == command) else {
        let names = Command::ALL.map(Command::name).join(", ");
        return Err(refused(format!("there is no command `{command}`"), format!("choose one of: {names}")));
    };
    let list = PyList::empty(py);
    tell::<Recipe>(&list, command, "recipe")?;
    tell::<Judge>(&list, command, "judge")?;
    tell::<Deep>(&list, command, "deep")?;
    tell::<Layers>(&list, command, "layers")?;
    tell::<Search>(&list, command, "attack")?;
    tell::<Interval>(&list, command, "predict")?;
    tell::<Run>(&list, command, "run")?;
    Ok(list.unbind())
}

/// Append the settings of a table.
fn tell<T: Table>(list: &Bound<'_, PyList>, command: Command, of: &str) -> PyResult<()> {
    let py = list.py();
    for field in T::fields(command) {
        let told = PyDict::new(py);
        told.set_item("name", field.name)?;
        told.set_item("parameter", field.parameter())?;
        told.set_item("of", of)?;
        told.set_item("values", field.kind.in_words_of(command))?;
        match field.default_value(command) {
            Value::Nothing if field.auto.contains(&command) => told.set_item("default", "auto")?,
            Value::Nothing => told.set_item("default", py.None())?,
            Value::Count(value) => told.set_item("default", value)?,
            Value::Number(value) => told.set_item("default", value)?,
            Value::Numbers(values) => told.set_item("default", PyTuple::new(py, values)?)?,
            Value::Texts(texts) => told.set_item("default", PyTuple::new(py, texts)?)?,
            Value::Word(value) => told.set_item("default", value)?,
            Value::Switch(value) => told.set_item("default", value)?,
        }
        told.set_item("default_in_words", field.default_in_words(command))?;
        told.set_item("help", field.help)?;
        list.append(told)?;
    }
    Ok(())
}
