//! The network that a certificate is about, as plain numbers, and its fingerprint.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The weights of `f(x) = c + Σ_i v_i relu(w_i·x + b_i)`.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// Number of hidden units, m.
    pub units: usize,
    /// Number of inputs, d.
    pub inputs: usize,
    /// Hidden weights, row by row: m × d.
    pub w: &'a [f64],
    /// Hidden biases, m.
    pub b: &'a [f64],
    /// Output weights, m.
    pub v: &'a [f64],
    /// Output bias.
    pub c: f64,
}

impl Weights<'_> {
    /// `w_ik`, the weight of input k in unit i.
    pub(crate) fn w(&self, unit: usize, input: usize) -> f64 {
        self.w[unit * self.inputs + input]
    }
}

/// SHA-256, in hexadecimal, of the network's shape and exact doubles: the text `tautnet network 1` and a line feed,
/// m and d as 64-bit integers, then W row by row, b, v, c as IEEE doubles, all little-endian.
pub fn fingerprint(network: &Weights<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"tautnet network 1\n");
    for length in [network.units, network.inputs] {
        hash.update((length as u64).to_le_bytes());
    }
    for value in network.w.iter().chain(network.b).chain(network.v).chain([&network.c]) {
        hash.update(value.to_le_bytes());
    }
    hexadecimal(&hash.finalize())
}

/// SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
