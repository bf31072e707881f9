//! The recipe: everything that a user may ask of a fit or of a polish, once, and the one reading of it.
//!
//! [`Recipe::FIELDS`] says of every setting its name, type, range, default, what it is in a sentence, and which commands have
//! it. Flags of the command line, parameters of Python, records in model files and the reference documentation are made of
//! these lines. [`Recipe::resolve`] turns what was said into a [`Plan`]: what holds where nothing was said is decided there,
//! and what does not go together is refused there, by name, by the [requirements](crate::requirement) that methods, starts,
//! losses and norms declare.

mod deep;
mod field;
mod fields;
mod front;
mod interval;
mod judge;
mod layers;
mod plan;
mod rounds;
mod run;
mod search;
mod settings;
mod starts;
mod stored;
mod table;
mod text;

pub use deep::{Deep, METHOD, SHARED};
pub use field::{Command, Field, Kind, Value, Word};
pub use front::{Front, WAYS, Way, is_known, mentioned, told, without};
pub use interval::Interval;
pub use judge::Judge;
pub use layers::{Layers, OF_LAYERS};
pub use plan::{Plan, Record, USUAL};
pub use rounds::Rounds;
pub use run::Run;
pub use search::Search;
pub use settings::Recipe;
pub use starts::Starts;
pub use table::Table;
pub use text::reference;

#[cfg(test)]
mod tests;
