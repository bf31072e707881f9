//! The most that any reader of this command takes.

use std::sync::OnceLock;
use tautnet::error::Result;
use tautnet::limits::{Limit, Limits};

static LIMITS: OnceLock<Limits> = OnceLock::new();

/// The most that any reader of this command takes: the usual limits, and those that were asked for.
pub fn now() -> &'static Limits {
    LIMITS.get_or_init(Limits::default)
}

/// What `--limit` asks for; before anything is read.
pub fn set(asked: &[(Limit, u64)]) -> Result<()> {
    let limits = asked.iter().try_fold(Limits::default(), |limits, (limit, most)| limits.with(*limit, *most))?;
    LIMITS.get_or_init(|| limits);
    Ok(())
}
