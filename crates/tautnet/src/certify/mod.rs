//! Upper bounds on the Lipschitz constant, and files that prove them.
//!
//! [`lipsdp`](fn@lipsdp) finds multipliers, [`issue`](fn@issue::issue) turns approximate multipliers into a
//! [`Certificate`] ([`prove`](fn@prove) does both), and [`verify`](fn@verify::verify) accepts a certificate only if its
//! numbers are theorems about the network; it contains no solver.

pub mod certificate;
pub mod issue;
mod lipsdp;
mod prove;
pub mod verify;

pub use certificate::{Certificate, Claim, Scaler};
pub use issue::{Approximation, issue};
pub use lipsdp::{Bound, lipsdp};
pub(crate) use lipsdp::{units_bound, units_lipsdp};
pub use prove::prove;
pub use verify::{Refusal, Verified, verify};
