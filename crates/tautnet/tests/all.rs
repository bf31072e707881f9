//! One binary of all tests that see the library from outside: a file for each subject, and what several of them share in folders.

mod alternating;
mod cases;
mod chain_cases;
mod chain_constants;
mod chains;
mod degeneracies;
mod degenerate;
mod degenerate_fits;
mod endings;
mod invariants;
mod known_answers;
mod known_deep_optima;
mod known_optima;
mod objectives;
mod proofs;
mod random;
mod robust;
mod stopping;
mod uses;
mod walk;
