//! What the targets share.

use tautnet::network::Layer;
use tautnet::{Activation, Network, Shallow};

/// The network whose certificates and searches are among the seeds (`network` in `tests/adversarial/src/files.rs`).
pub fn network() -> Shallow {
    let w = faer::mat![[1.0, -1.0, 0.25], [0.5, 2.0, -1.5], [-1.0, 0.3, 0.0], [0.7, 0.1, 1.0]];
    Shallow::new(w, vec![0.1, -1.0, 0.2, 0.0], vec![1.0, -2.0, 0.5, 1.25], 0.5).expect("it is one")
}

/// The network of several layers whose certificates and margins are among the seeds (`chain` in `tests/adversarial/src/files.rs`).
pub fn chain() -> Network {
    let bias = |n: usize| (0..n).map(|i| 0.25 * i as f64 - 0.5).collect::<Vec<_>>();
    let activation = |name: &str| name.parse::<Activation>().expect("it is one");
    let layers = vec![
        Layer::new(faer::mat![[1.0, -1.0, 0.25], [0.5, 2.0, -1.5]], bias(2), activation("abs")),
        Layer::new(faer::mat![[-1.0, 0.3], [0.7, 1.0]], bias(2), activation("crelu")),
        Layer::new(
            faer::mat![[1.0, -2.0, 0.5, 1.25], [0.0, 1.0, 1.0, -1.0], [2.0, 0.5, -0.5, 0.0]],
            bias(3),
            Activation::identity(),
        ),
    ];
    Network::new(layers, Some(faer::mat![[0.5, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, -1.0]])).expect("it is one")
}
