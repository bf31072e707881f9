//! Reads and writes networks and models as files: JSON, ONNX and safetensors.
//!
//! [`read`] and [`write`](fn@write) take the format from the name of the file; [`parse`] and [`to_bytes`] are told it. Arrays
//! of scikit-learn and torch become networks in [`state_dict`].
//!
//! A file holds a plain network or a model: a network with the columns and the units in which it meets a table. In ONNX and
//! safetensors a model's columns, record and certificate are a text in the file's metadata; other programs pass it by.
//!
//! | | JSON | ONNX | safetensors |
//! |---|---|---|---|
//! | weights | shortest decimals | double or float tensors | double or float tensors |
//! | a model's scaler, kept | in the file | as nodes of the graph | in the metadata |
//! | a model's scaler, where nothing else is asked | kept | kept | folded |
//!
//! *Folded* means that the weights are those of the network from the data's own units to the target's: the scaler of such
//! a model changes nothing. A certificate is about weights: it stays with a model whose weights are written bit for bit, and
//! is left out where folding or rounding changed them.
//!
//! A [`SearchFile`] keeps exact searches that were stopped.
//!
//! Everything that is written is read back and compared before it is handed out.

mod around;
mod deep_model;
mod earlier;
mod element;
mod fold;
mod format;
pub mod json;
mod layers;
mod model;
pub mod onnx;
mod onnx_graph;
mod onnx_messages;
mod onnx_names;
mod onnx_steps;
mod onnx_tensor;
mod onnx_write;
mod read;
pub mod safetensors;
mod search_file;
pub mod state_dict;
mod stored;
mod strict_json;
mod values;
mod write;

pub use around::{Around, Part, Refined};
pub use deep_model::{polish_settings, told_of_polish};
pub use format::{Format, Options, Precision, ScalerChoice};
pub use model::{Model, verify, verify_chain};
pub use read::{Read, parse, parse_within, read, read_certificate, read_certificate_within, read_within};
pub use search_file::SearchFile;
pub use stored::Stored;
pub use write::{prepare, to_bytes, told_of_weights, write};

#[cfg(test)]
mod tests;

/// The examples of the file that a registry shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
