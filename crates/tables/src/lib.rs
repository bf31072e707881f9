//! Reads files with columns into numbers.
//!
//! A [`Table`] is read from CSV (plain or gzip), Parquet or files of images ([`idx`]) by [`Table::read`]. An [`Encoder`] learns
//! which of its columns are inputs and which is the target, and makes a [`Dataset`](tautnet::Dataset) of this table and of
//! others. [`builtin`] has tables that need no file, [`public_data`] and [`mnist`] those that can be fetched. What a reader may
//! hold is limited by [`Limits`](tautnet::Limits).
//!
//! Rows that no memory holds are read in blocks: [`source`].
//!
//! What is found for them is written as it comes: [`results`].
//!
//! [`limited`] and [`atomic`] are for files of every kind: read up to the limits, and written whole or not at all.

pub mod atomic;
pub mod builtin;
mod cells;
mod class;
mod column;
mod csv;
pub mod dates;
pub mod describe;
mod encoder;
pub mod idx;
pub mod limited;
mod line_numbers;
pub mod mnist;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "parquet")]
mod parquet_guard;
#[cfg(feature = "parquet")]
mod parquet_rows;
#[cfg(feature = "parquet")]
mod parquet_write;
mod pattern;
mod preparation;
pub mod public_data;
mod read;
mod readings;
pub mod results;
pub mod source;
pub mod source_rows;
mod table;
mod target;
mod zip_archive;

pub use class::{check_learned, class_number, either};
pub use column::{Cell, is_rounded};
pub use encoder::{ColumnChoice, Encoder, Input, UnknownLevels};
pub use preparation::{DateColumn, Fill, Missing, Preparation};
pub use table::{Column, ReadOptions, Table, Values};
pub use target::Task;

/// The examples of the file that a registry shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
