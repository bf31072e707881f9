//! Networks in other units.

use faer::Mat;
use tautnet::activation::Activation;
use tautnet::error::Result;
use tautnet::network::{Layer, Network};
use tautnet::scaling::Scaler;

/// The network from the user's inputs to the user's target, from one in standardized units: the scaler is multiplied into the
/// first layer, the last one and the linear part.
pub(crate) fn network_to_user(scaler: &Scaler, network: &Network) -> Result<Network> {
    let d = network.inputs();
    scaler.check(d)?;
    // A matrix on standardized inputs, as a factor times one on the user's, and what it makes of the means.
    let on_inputs = |matrix: &Mat<f64>, factor: &dyn Fn(usize) -> f64| {
        let matrix = Mat::from_fn(matrix.nrows(), d, |i, k| factor(i) * matrix[(i, k)] / scaler.input_scale[k]);
        let of_means = |i: usize| (0..d).map(|k| matrix[(i, k)] * scaler.input_mean[k]).sum::<f64>();
        let of_means: Vec<f64> = (0..matrix.nrows()).map(of_means).collect();
        (matrix, of_means)
    };
    let (mut layers, linear) = network.clone().into_parts();
    let first = layers.remove(0);
    let (weights, of_means) = on_inputs(first.weights(), &|_| 1.0);
    let bias = first.bias().iter().zip(of_means).map(|(b, means)| b - means).collect();
    layers.insert(0, Layer::new(weights, bias, first.activation().clone()));
    let scale = |output: usize| scaler.target(output).1;
    let linear = linear.as_ref().map(|linear| on_inputs(linear, &scale));
    if let Some(last) = layers.pop() {
        let scaled = |matrix: &Mat<f64>| Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, k| scale(i) * matrix[(i, k)]);
        let to_user = |(output, c): (usize, &f64)| {
            let (mean, scale) = scaler.target(output);
            mean + scale * c
        };
        let mut bias: Vec<f64> = last.bias().iter().enumerate().map(to_user).collect();
        if let Some((_, of_means)) = &linear {
            bias.iter_mut().zip(of_means).for_each(|(c, means)| *c -= means);
        }
        layers.push(Layer::new(scaled(last.weights()), bias, Activation::identity()));
        return Network::new(layers, linear.map(|(matrix, _)| matrix));
    }
    unreachable!("a network has a layer");
}
