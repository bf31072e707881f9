//! The network that a certificate is about, as plain numbers, and its fingerprint.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The weights of `f(x) = c + a·x + Σ_i v_i relu(w_i·x + b_i)`.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// The number m of hidden units.
    pub units: usize,
    /// The number d of inputs.
    pub inputs: usize,
    /// The hidden weights, m × d, row by row.
    pub w: &'a [f64],
    /// The m hidden biases.
    pub b: &'a [f64],
    /// The m output weights.
    pub v: &'a [f64],
    /// The output bias.
    pub c: f64,
    /// The d weights of the linear part, where there is one.
    pub a: Option<&'a [f64]>,
}

impl Weights<'_> {
    /// `w_ik`, the weight of input k in unit i.
    pub(crate) fn w(&self, unit: usize, input: usize) -> f64 {
        self.w[unit * self.inputs + input]
    }

    /// `a_k`, 0 where there is no linear part.
    pub(crate) fn a(&self, input: usize) -> f64 {
        self.a.map_or(0.0, |a| a[input])
    }

    /// Whether f does not depend on the input but for units that are constant: no entry of the linear part is other than 0.
    pub(crate) fn has_no_linear_part(&self) -> bool {
        self.a.is_none_or(|a| a.iter().all(|&a| a == 0.0))
    }
}

/// A network with any number of layers, as plain numbers.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a> {
    /// The number d of inputs.
    pub inputs: usize,
    /// The layers, first to last. The last one's activation is the identity.
    pub layers: &'a [LayerWeights<'a>],
    /// The linear part, row by row, one row an output.
    pub linear: Option<&'a [f64]>,
}

/// The fingerprint of version 1, for networks without a linear part: SHA-256, in hexadecimal, of the text `tautnet network 1` and
/// a line feed, m and d as 64-bit integers, then W row by row, b, v, c as IEEE doubles, all little-endian. `None` where there is
/// a linear part.
pub fn fingerprint_1(network: &Weights<'_>) -> Option<String> {
    if network.a.is_some() {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(b"tautnet network 1\n");
    for length in [network.units, network.inputs] {
        hash.update((length as u64).to_le_bytes());
    }
    for value in network.w.iter().chain(network.b).chain(network.v).chain([&network.c]) {
        hash.update(value.to_le_bytes());
    }
    Some(hexadecimal(&hash.finalize()))
}

/// SHA-256, in hexadecimal, of the network's shape and exact doubles: [`fingerprint_of_layers`] of its two layers.
pub fn fingerprint(network: &Weights<'_>) -> String {
    let hidden = LayerWeights { outputs: network.units, weights: network.w, bias: network.b, activation: "relu" };
    let output =
        LayerWeights { outputs: 1, weights: network.v, bias: std::slice::from_ref(&network.c), activation: "identity" };
    fingerprint_of_layers(&[hidden, output], network.a)
}

/// One layer as plain numbers.
#[derive(Debug, Clone, Copy)]
pub struct LayerWeights<'a> {
    /// Number of rows of the weights, which is that of the biases.
    pub outputs: usize,
    /// The weights, row by row.
    pub weights: &'a [f64],
    /// The biases.
    pub bias: &'a [f64],
    /// The name of what is applied to the layer's sums.
    pub activation: &'a str,
}

/// The fingerprint of version 2, of any chain of layers and its linear part (row by row, one row an output): SHA-256, in
/// hexadecimal, of the text `tautnet network 2` and a line feed, the number of layers; of each layer the numbers of rows and columns,
/// the weights row by row, the biases, the length of the activation's name in bytes and the name; then 0, or 1 and the linear
/// part. Integers have 64 bits, numbers are IEEE doubles, all little-endian.
pub fn fingerprint_of_layers(layers: &[LayerWeights<'_>], linear: Option<&[f64]>) -> String {
    let mut hash = Sha256::new();
    let integer = |hash: &mut Sha256, value: usize| hash.update((value as u64).to_le_bytes());
    let numbers = |hash: &mut Sha256, values: &[f64]| values.iter().for_each(|value| hash.update(value.to_le_bytes()));
    hash.update(b"tautnet network 2\n");
    integer(&mut hash, layers.len());
    for layer in layers {
        integer(&mut hash, layer.outputs);
        integer(&mut hash, layer.weights.len() / layer.outputs.max(1));
        numbers(&mut hash, layer.weights);
        numbers(&mut hash, layer.bias);
        integer(&mut hash, layer.activation.len());
        hash.update(layer.activation.as_bytes());
    }
    integer(&mut hash, usize::from(linear.is_some()));
    numbers(&mut hash, linear.unwrap_or_default());
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
