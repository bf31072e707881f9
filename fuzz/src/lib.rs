//! What the targets share.

use tautnet::Shallow;

/// The network whose certificates and searches are among the seeds (`network` in `tests/adversarial/src/files.rs`).
pub fn network() -> Shallow {
    let w = faer::mat![[1.0, -1.0, 0.25], [0.5, 2.0, -1.5], [-1.0, 0.3, 0.0], [0.7, 0.1, 1.0]];
    Shallow::new(w, vec![0.1, -1.0, 0.2, 0.0], vec![1.0, -2.0, 0.5, 1.25], 0.5).expect("it is one")
}
