//! The limits of every reader, for the whole process.

use crate::errors::OrRaise;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::RwLock;
use tautnet::limits::{Limit, Limits};

static LIMITS: RwLock<Option<Limits>> = RwLock::new(None);

/// The limits that hold now.
pub fn now() -> Limits {
    LIMITS.read().ok().and_then(|limits| *limits).unwrap_or_default()
}

/// Set limits on what is read and made; those that are not named stay as they are.
///
/// `bytes` is of a file and of what it unpacks to, `rows` and `columns` of a table, `cells` rows times columns, numbers of a
/// network or values in a JSON text, `nesting` lists in lists. They hold for the whole process.
#[pyfunction]
#[pyo3(signature = (*, bytes=None, rows=None, columns=None, cells=None, nesting=None))]
pub fn set_limits(
    bytes: Option<u64>,
    rows: Option<u64>,
    columns: Option<u64>,
    cells: Option<u64>,
    nesting: Option<u64>,
) -> PyResult<()> {
    let asked = Limit::ALL.into_iter().zip([bytes, rows, columns, cells, nesting]);
    let asked = asked.filter_map(|(limit, most)| Some((limit, most?)));
    let limits = { asked }.try_fold(now(), |limits, (limit, most)| limits.with(limit, most)).or_raise()?;
    if let Ok(mut held) = LIMITS.write() {
        *held = Some(limits);
    }
    Ok(())
}

/// The limits that hold now, by name.
#[pyfunction]
pub fn get_limits(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let (limits, named) = (now(), PyDict::new(py));
    Limit::ALL.into_iter().try_for_each(|limit| named.set_item(limit.name(), limits.get(limit)))?;
    Ok(named)
}
