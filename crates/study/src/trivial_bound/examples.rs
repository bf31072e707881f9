//! Three obstructions to a tight trivial bound, each with its cure, in networks of a few units.
//!
//! With σ the map between the layers, L the Lipschitz constant in the norm p and U the product of the norms of the layers (σ has the constant 1 in all that follows):
//!
//! ```text
//! dead units     relu    x ↦ |x| three times over, as relu(h) + relu(−h) each time: of two units one is off wherever the other is on
//!                        W_1 = (1, −1)ᵀ, W_2 = W_3 = (1, −1)ᵀ (1, 1), W_4 = (1, 1)                                     L = 1, U = 8
//!   cure         abs     the same function: W_1 = … = W_4 = 1                                                          U = 1
//!   two outputs  relu    x ↦ (relu(x), relu(−x)): W_1 = (1, −1)ᵀ, W_2 the identity                                     L = 1, U = ‖(1, 1)‖_p
//!   cure         crelu   the same function, one unit: W_1 = 1, W_2 the identity                                        U = 1
//! biases         abs     stairs: f(x) = ½ Σ_{k<8} (−1)^k |x − k|. The slope is the sum of (−1)^k over k < x, 0 or 1: biases put the
//!                        kinks where slopes cancel                                                                     L = 1, U = 4
//!   cure         sine-pair   stairs without a bias, one unit: the first branch of h = 2x, halved: x/2 + sin(2x)/4      L = 1, U = 1
//!   cure         sincos  a wave of any phase without a bias, one unit: 3 sin x + 4 cos x = 5 sin(x + atan(4/3))        L = 5, U = 5 (p = 2)
//! weights        abs     f(x) = (|x_1|, |x_2|) with W_1 = diag(8, 1), W_2 = diag(1/8, 1): each layer is longest where the other is shortest
//!                        L = 1, U = 8
//!   cure         abs     the same function with all singular values equal: W_1 = W_2 = the identity                    U = 1
//! ```
//!
//! Every L is the largest size of a slope, which can be read off: of functions from one number to one number it is the same in every norm, and the
//! Jacobians of the others are diagonal, or have one entry at each input that is not 0, which is ±1.

use faer::Mat;
use tautnet::error::Result;
use tautnet::network::Layer;
use tautnet::{Activation, Network, Norm};

/// What an example is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// U is far above L.
    Obstruction,
    /// U is L.
    Cure,
}

impl Role {
    /// Both of them.
    pub const ALL: [Role; 2] = [Role::Obstruction, Role::Cure];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Role::Obstruction => "obstruction",
            Role::Cure => "cure",
        }
    }
}

/// A network whose Lipschitz constant is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What it is an example of.
    pub obstruction: &'static str,
    /// On which side it is.
    pub role: Role,
    /// The network.
    pub network: Network,
    /// L, in every one of the norms.
    pub exact: f64,
    /// The norms in which it is one.
    pub norms: &'static [Norm],
}

/// A matrix, row by row.
type Rows<'a> = &'a [&'a [f64]];

/// A chain of layers with one map between them; the first layer may have biases.
fn chain(map: &str, bias: &[f64], weights: &[Rows<'_>]) -> Result<Network> {
    let map: Activation = map.parse()?;
    let count = weights.len();
    let layer = |(l, rows): (usize, &Rows<'_>)| {
        let bias = if l == 0 && !bias.is_empty() { bias.to_vec() } else { vec![0.0; rows.len()] };
        let map = if l + 1 == count { Activation::identity() } else { map.clone() };
        Layer::new(Mat::from_fn(rows.len(), rows[0].len(), |i, k| rows[i][k]), bias, map)
    };
    Network::new(weights.iter().enumerate().map(layer).collect(), None)
}

/// All of them, in the order of the table above.
pub fn examples() -> Result<Vec<Example>> {
    const ALL: &[Norm] = &[Norm::Two, Norm::One, Norm::Infinity];
    const STEPS: usize = 8;
    let one: Rows<'_> = &[&[1.0]];
    let identity: Rows<'_> = &[&[1.0, 0.0], &[0.0, 1.0]];
    let (split, again): (Rows<'_>, Rows<'_>) = (&[&[1.0], &[-1.0]], &[&[1.0, 1.0], &[-1.0, -1.0]]);
    let kinks: Vec<f64> = (0..STEPS).map(|k| -(k as f64)).collect();
    let signs: Vec<f64> = (0..STEPS).map(|k| if k % 2 == 0 { 0.5 } else { -0.5 }).collect();
    let (long, short): (Rows<'_>, Rows<'_>) = (&[&[8.0, 0.0], &[0.0, 1.0]], &[&[0.125, 0.0], &[0.0, 1.0]]);
    let example = |obstruction, role, network: Result<Network>, exact, norms| {
        network.map(|network| Example { obstruction, role, network, exact, norms })
    };
    use Role::{Cure, Obstruction};
    let of_all = |name, role, network, exact| example(name, role, network, exact, ALL);
    let [dead, two, biases, weights] = ["dead units", "dead units (two outputs)", "biases", "ill-conditioned weights"];
    [
        of_all(dead, Obstruction, chain("relu", &[], &[split, again, again, &[&[1.0, 1.0]]]), 1.0),
        of_all(dead, Cure, chain("abs", &[], &[one, one, one, one]), 1.0),
        example(two, Obstruction, chain("relu", &[], &[split, identity]), 1.0, &[Norm::Two, Norm::One]),
        example(two, Cure, chain("crelu", &[], &[one, identity]), 1.0, &[Norm::Two, Norm::One]),
        of_all(biases, Obstruction, chain("abs", &kinks, &[&[&[1.0][..]; STEPS], &[&signs]]), 1.0),
        of_all(biases, Cure, chain("sine-pair", &[], &[&[&[2.0]], &[&[0.5, 0.0]]]), 1.0),
        example(biases, Cure, chain("sincos", &[], &[one, &[&[3.0, 4.0]]]), 5.0, &[Norm::Two]),
        of_all(weights, Obstruction, chain("abs", &[], &[long, short]), 1.0),
        of_all(weights, Cure, chain("abs", &[], &[identity, identity]), 1.0),
    ]
    .into_iter()
    .collect()
}
