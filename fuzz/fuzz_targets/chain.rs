//! Certificates of networks with several layers and files of class margins: whatever the bytes, nothing is accepted that outputs show to be false.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet::Norm;
use tautnet::certify::{verify_chain, verify_class_margins};

fuzz_target!(|bytes: &[u8]| {
    let network = tautnet_fuzz::chain();
    if let Ok(verified) = verify_chain(bytes, &network) {
        let certificate = verified.certificate();
        for [x, y] in [[[0.5, 0.5, 0.5], [2.0, 0.0, -5.0]], [[9.0, -9.0, 9.0], [8.0, -9.0, 9.0]]] {
            let (fx, fy) = (network.values(&x), network.values(&y));
            let apart: Vec<f64> = fx.iter().zip(&fy).map(|(x, y)| x - y).collect();
            let step: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x - y).collect();
            let norm = Norm::from(certificate.norm);
            assert!(norm.of(&apart) <= certificate.standardized.bound * norm.of(&step) * (1.0 + 1e-9), "{certificate:?}");
            for proof in certificate.standardized.lipsdp.iter().flatten() {
                let moved = match (proof.output, proof.minus) {
                    (Some(j), None) => apart[j].abs(),
                    (Some(j), Some(k)) => (apart[j] - apart[k]).abs(),
                    _ => norm.of(&apart),
                };
                assert!(moved <= proof.bound * norm.of(&step) * (1.0 + 1e-9), "{certificate:?}");
            }
        }
    }
    if let Ok(verified) = verify_class_margins(bytes, &network) {
        for row in &verified.class_margins().rows {
            let values = network.values(&row.x);
            let size = values.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
            let others = (0..values.len()).filter(|&j| j != row.label);
            let margin = others.map(|j| values[row.label] - values[j]).fold(f64::INFINITY, f64::min);
            assert!(!margin.is_finite() || row.margin <= margin + 1e-9 * size, "{row:?}");
        }
    }
});
