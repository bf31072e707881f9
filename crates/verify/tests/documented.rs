//! The certificate in the documentation, about the network relu(x) − relu(x − 1), and what a change to it brings.

use tautnet_verify::{Refusal, Weights, fingerprint, fingerprint_1, verify};

const PAIR: Weights<'static> =
    Weights { units: 2, inputs: 1, w: &[1.0, 1.0], b: &[0.0, -1.0], v: &[1.0, -1.0], c: 0.0, a: None };

fn documented() -> &'static str {
    let text = include_str!("../../../docs/certificate-format.md");
    text.split("```json").nth(1).and_then(|rest| rest.split("```").next()).expect("there is an example")
}

#[test]
fn the_documented_certificate_is_proved() {
    let proof = verify(documented().as_bytes(), &PAIR).unwrap();
    assert_eq!(proof.certificate().network, fingerprint(&PAIR));
    assert!(proof.certificate().standardized.bound >= 1.0, "the network has the slope 1");
    assert_eq!(verify(&proof.certificate().to_json(), &PAIR), Ok(proof));
}

#[test]
fn what_is_not_proved_is_refused() {
    let mut lower = verify(documented().as_bytes(), &PAIR).unwrap().certificate().clone();
    lower.standardized.bound = 0.999;
    assert!(matches!(verify(&lower.to_json(), &PAIR), Err(Refusal::NotProved(_))));
    let other = Weights { c: 1.0, ..PAIR };
    assert!(matches!(verify(documented().as_bytes(), &other), Err(Refusal::WrongNetwork(_))));
    for wrong in [
        Weights { w: &[1.0], ..PAIR },
        Weights { b: &[], ..PAIR },
        Weights { v: &[1.0], ..PAIR },
        Weights { units: 0, w: &[], b: &[], v: &[], ..PAIR },
        Weights { units: usize::MAX, ..PAIR },
        Weights { c: f64::NAN, ..PAIR },
        Weights { a: Some(&[]), ..PAIR },
        Weights { a: Some(&[f64::INFINITY]), ..PAIR },
    ] {
        assert!(matches!(verify(documented().as_bytes(), &wrong), Err(Refusal::WrongNetwork(_))), "{wrong:?}");
    }
    let repeated = documented().replacen('{', "{\"version\": 1,", 1);
    let deep = "[".repeat(100_000);
    for text in [repeated.as_str(), deep.as_str(), "", "{}"] {
        let refusal = verify(text.as_bytes(), &PAIR).unwrap_err();
        assert!(matches!(refusal, Refusal::Unreadable(_)), "{refusal}");
        assert!(refusal.to_string().starts_with("the certificate cannot be read: "));
    }
}

/// The same certificate as it was written before there were linear parts.
const VERSION_1: &str = include_str!("files/version-1.cert");

#[test]
fn version_1_is_read_for_ever() {
    let proof = verify(VERSION_1.as_bytes(), &PAIR).unwrap();
    assert_eq!((proof.certificate().version, Some(proof.certificate().network.clone())), (1, fingerprint_1(&PAIR)));
    // It is about networks without a linear part, be it 0; and the fingerprints are not interchanged.
    let zero = Weights { a: Some(&[0.0]), ..PAIR };
    assert!(matches!(verify(VERSION_1.as_bytes(), &zero), Err(Refusal::WrongNetwork(_))));
    for text in [VERSION_1.replacen("\"version\": 1", "\"version\": 2", 1), documented().replacen(": 2,", ": 1,", 1)] {
        assert!(matches!(verify(text.as_bytes(), &PAIR), Err(Refusal::WrongNetwork(_))), "{text}");
    }
    let later = documented().replacen("\"version\": 2", "\"version\": 3", 1);
    assert!(matches!(verify(later.as_bytes(), &PAIR), Err(Refusal::Unsupported(_))));
}
