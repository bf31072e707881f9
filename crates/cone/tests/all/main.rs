//! One binary: identities of every cone, random programs against Clarabel, curved objectives, witnesses, outcomes.
mod agreement;
mod curved;
mod identities;
mod outcomes;
mod random;
