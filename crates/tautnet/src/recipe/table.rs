//! Tables of settings: how one is found by its name and set.

use super::field::{Command, Field, Value};
use crate::error::{Error, Result};

/// Values that a user gives by name. Flags, parameters of Python and the reference documentation are made of the lines of
/// [`FIELDS`](Self::FIELDS).
pub trait Table: Clone + Default + 'static {
    /// Every setting.
    const FIELDS: &'static [Field<Self>];

    /// The settings of a command.
    fn fields(command: Command) -> impl Iterator<Item = &'static Field<Self>> {
        Self::FIELDS.iter().filter(move |field| field.has(command))
    }

    /// The setting that has this name, or had it before.
    fn field(name: &str) -> Option<&'static Field<Self>> {
        Self::FIELDS.iter().find(|field| field.name == name || field.before.contains(&name))
    }

    /// Set the setting of this name. Nothing changes where the value says nothing.
    fn set(&mut self, name: &str, value: &Value) -> Result<()> {
        let Some(field) = Self::field(name) else {
            let names: Vec<&str> = Self::FIELDS.iter().map(|field| field.name).collect();
            return Err(Error::new(
                format!("there is no setting called `{name}`"),
                format!("choose one of: {}", names.join(", ")),
            ));
        };
        field.check(value)?;
        if *value == Value::Nothing { Ok(()) } else { (field.set)(self, value) }
    }
}
