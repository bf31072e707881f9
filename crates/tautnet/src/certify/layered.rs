//! What the verifier is told of a network with any number of layers: its weights as plain numbers, row by row.

use crate::Network;
use faer::MatRef;
use tautnet_verify::{Chain, LayerWeights};

/// The numbers of a network in the order in which the verifier takes them.
pub(super) struct Layered<'a> {
    network: &'a Network,
    weights: Vec<Vec<f64>>,
    activations: Vec<String>,
    linear: Option<Vec<f64>>,
}

impl<'a> Layered<'a> {
    pub fn of(network: &'a Network) -> Self {
        Self {
            network,
            weights: network.layers().iter().map(|layer| row_by_row(layer.weights().as_ref())).collect(),
            activations: network.layers().iter().map(|layer| layer.activation().name()).collect(),
            linear: network.linear().map(|linear| row_by_row(linear.as_ref())),
        }
    }

    fn layers(&self) -> Vec<LayerWeights<'_>> {
        let numbers = self.weights.iter().zip(&self.activations);
        self.network
            .layers()
            .iter()
            .zip(numbers)
            .map(|(layer, (weights, activation))| LayerWeights {
                outputs: layer.units(),
                weights,
                bias: layer.bias(),
                activation,
            })
            .collect()
    }

    /// Speak of the network as the verifier knows it.
    pub fn told<T>(&self, speak: impl FnOnce(&Chain<'_>) -> T) -> T {
        let layers = self.layers();
        speak(&Chain { inputs: self.network.inputs(), layers: &layers, linear: self.linear.as_deref() })
    }
}

/// The entries of a matrix, row by row.
pub(super) fn row_by_row(matrix: MatRef<'_, f64>) -> Vec<f64> {
    (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |k| matrix[(i, k)])).collect()
}
