//! LipSDP of networks with several layers against the values that an independent solver found.
//!
//! `known_deep_optima.json` is written by `tests/known_optima/deep.py` (CVXPY and a generic conic solver, on a matrix inequality that shares no
//! formulation with this crate).

use faer::Mat;
use serde::Deserialize;
use std::path::Path;
use tautnet::certify::{ChainLipsdpSettings, chain_certificate, verify_chain, with_chain_lipsdp};
use tautnet::network::Layer;
use tautnet::{Network, Norm};

#[derive(Deserialize)]
struct Stored {
    weights: Vec<Vec<f64>>,
    bias: Vec<f64>,
    activation: String,
}

#[derive(Deserialize)]
struct Instance {
    seed: usize,
    layers: Vec<Stored>,
    lipsdp: f64,
}

#[test]
fn lipsdp_of_deep_networks_is_what_another_solver_finds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/known_deep_optima.json");
    let instances: Vec<Instance> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(instances.len() >= 20);
    let mut close = 0;
    for instance in instances {
        let layer = |stored: &Stored| {
            let w = &stored.weights;
            let weights = Mat::from_fn(w.len(), w[0].len(), |i, k| w[i][k]);
            Layer::new(weights, stored.bias.clone(), stored.activation.parse().unwrap())
        };
        let network = Network::new(instance.layers.iter().map(layer).collect(), None).unwrap();
        let plain = chain_certificate(&network, Norm::Two, None).unwrap();
        let settings = ChainLipsdpSettings::default();
        let (certificate, bounds) = with_chain_lipsdp(&network, plain, &[], &settings, &mut |_| ()).unwrap();
        let (best, gap) = (bounds.standardized.best.unwrap().bound, bounds.standardized.gap);
        let off = best / instance.lipsdp - 1.0;
        // Never below the optimum, and above it by no more than is told.
        let seed = instance.seed;
        assert!(off > -1e-7 && off < gap + 1e-7, "seed {seed}: {best} and {}, gap {gap}", instance.lipsdp);
        assert!(off < 3e-6 && gap < 1e-4, "seed {seed}: {best} and {}, gap {gap}", instance.lipsdp);
        close += usize::from(off < 1e-6);
        assert!(verify_chain(&certificate.to_bytes(), &network).is_ok());
    }
    assert!(close >= 20, "{close}");
}
