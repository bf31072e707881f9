//! The red-team suite: everything here tries to make tautnet say something false, crash, hang or leave half a file.
//!
//! | test | what is tried |
//! |---|---|
//! | `bounds` | every bound, interval and attack of random networks, against their true values in exact arithmetic |
//! | `printed` | the bounds in the tables of the command line, as they are printed |
//! | `mutations` | damaged files of every format, and how much memory reading them takes |
//! | `limits` | time limits, over all commands |
//! | `signals` | interrupts at random moments while files are written |
//!
//! The truth comes from [`number`] (fractions without rounding), [`arrangement`] (every cell and vertex of the hyperplanes at
//! which units switch) and [`truth`]. They share nothing with the library: no linear algebra, no tolerance, no search.
//!
//! Everything is seeded. [`effort::Effort`] says how much is tried: the short form is part of `./test`, the long one takes about an hour.

pub mod arrangement;
pub mod effort;
pub mod files;
pub mod ledger;
pub mod networks;
pub mod number;
pub mod truth;
