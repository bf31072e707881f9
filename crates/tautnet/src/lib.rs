//! Train, polish and *prove* small relu networks.
//!
//! A [`Network`] is `f(x) = c + Σ_i v_i relu(w_i·x + b_i)`. The data flow is
//! table → [`Dataset`] → starting network → [`polish`] → certificate.

pub mod activation;
pub mod atomic;
pub mod attack;
pub mod builtin;
pub mod certify;
pub mod convex;
pub mod dataset;
pub mod encoder;
pub mod error;
#[cfg(test)]
mod exact_numbers;
pub mod experiment;
pub mod fit;
pub mod interchange;
pub mod limits;
mod line_numbers;
pub mod loss;
pub mod metrics;
pub mod model;
pub mod network;
pub mod norm;
mod outward;
#[cfg(feature = "parquet")]
mod parquet_guard;
pub mod polish;
pub mod printable;
mod program;
pub mod public_data;
pub mod report;
pub mod request;
pub mod rivals;
pub mod scaling;
pub mod select;
pub mod shown;
pub mod split;
mod strict_json;
pub mod table;
mod table_column;
mod table_csv;
#[cfg(feature = "parquet")]
mod table_parquet;
pub mod train;
mod zip_archive;

pub use dataset::Dataset;
pub use encoder::{Encoder, UnknownLevels};
pub use error::Error;
pub use limits::Limits;
pub use loss::Loss;
pub use model::Model;
pub use network::Network;
pub use norm::Norm;
pub use request::Request;
pub use scaling::Scaler;
pub use table::Table;
pub use tautnet_cone::{Stage, Stop};
