//! Certificates of networks with any number of layers: accepted as issued, refused after every kind of damage.

use tautnet_verify::Refusal;

#[test]
fn what_is_issued_is_accepted_and_what_was_tampered_with_is_refused() {
    let (mut issued, mut refused) = (0, 0);
    for case in crate::chain_cases::cases(7, 150) {
        assert_eq!(case.accepted(), case.tampering.is_none(), "{:?}", case.tampering);
        *if case.tampering.is_none() { &mut issued } else { &mut refused } += 1;
    }
    assert!(issued == 150 && refused > 1500, "{issued} {refused}");
}

/// Whatever the bytes, the answer is a refusal and not a panic.
#[test]
fn damaged_bytes_are_refused() {
    let case = crate::chain_cases::cases(8, 1).next().unwrap();
    for length in 0..case.bytes.len() - 2 {
        let refused = tautnet::certify::verify_chain(&case.bytes[..length], &case.network);
        assert!(matches!(refused, Err(Refusal::Unreadable(_))), "{length}: {refused:?}");
    }
    for data in ["[]", "null", "{}", "{\"format\": 1}", "\u{feff}{}"] {
        let refused = tautnet::certify::verify_chain(data.as_bytes(), &case.network);
        assert!(matches!(refused, Err(Refusal::Unreadable(_))), "{data}: {refused:?}");
    }
}
