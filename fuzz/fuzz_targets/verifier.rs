//! The verifier: whatever the bytes, no certificate is accepted whose bound a gradient exceeds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet::Norm;
use tautnet::certify::verify;

fuzz_target!(|bytes: &[u8]| {
    let network = tautnet_fuzz::network();
    if let Ok(verified) = verify(bytes, &network) {
        let certificate = verified.certificate();
        for x in [[0.5, 0.5, 0.5], [2.0, 0.0, -5.0], [9.0, -9.0, 9.0], [-1.0, 8.0, 0.0], [-3.0, 0.0, 7.0]] {
            let found = Norm::from(certificate.norm).dual().of(&network.gradient(&x));
            assert!(found <= certificate.standardized.bound * (1.0 + 1e-12), "{certificate:?}");
        }
    }
});
