//! The Python extension `tautnet._tautnet`: translates, calls the library, translates back.
//!
//! There is no mathematics here. Arrays and columns become a [`tautnet::Dataset`] ([`columns`]), a solve runs on a thread
//! of its own while the caller's thread lets Python run and listens for Ctrl-C ([`watch`]), and an error of the library
//! becomes the exception `tautnet.TautnetError` with the same two lines ([`errors`]). What people use is in the package's
//! Python files; what they need from here is private and may change.

mod asked_within;
mod bounds;
mod certificate;
mod columns;
mod deep;
mod errors;
mod files;
mod fitting;
mod limits;
mod model;
mod network;
mod options;
mod polishing;
mod scores;
mod shards;
mod targets;
mod tolerance;
mod watch;

use pyo3::prelude::*;

/// Built from Rust; use the package `tautnet`.
#[pymodule]
mod _tautnet {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::bounds::{attack_network, certify_network, shown, verify};
    #[pymodule_export]
    use crate::certificate::{Certificate, ChainCertificate, ClassMargins};
    #[pymodule_export]
    use crate::deep::{certify_chain, fit, is_chain};
    #[pymodule_export]
    use crate::fitting::{calibrated, lipschitz_path};
    #[pymodule_export]
    use crate::limits::{get_limits, set_limits};
    #[pymodule_export]
    use crate::model::{Model, read, read_certificate};
    #[pymodule_export]
    use crate::network::Network;
    #[pymodule_export]
    use crate::options::settings;
    #[pymodule_export]
    use crate::polishing::{has_layers_polished, polish};
    #[pymodule_export]
    use crate::shards::{finish, fit_far, merge, rows_in_shard, shards_asked, visit};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
