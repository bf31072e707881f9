//! One binary: identities of every cone, random programs against Clarabel, witnesses, outcomes.
mod agreement;
mod identities;
mod outcomes;
mod random;
