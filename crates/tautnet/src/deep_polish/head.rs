//! The last two layers at once, where they are a shallow network of relu units with one output on the features of the rest.
//!
//! The features φ(x) change by at most U_φ times what x changes, U_φ being the product of the norms of the layers before. So the program (J) on the features with
//! the price λ U_φ, or the limit divided by U_φ, has a bound of the whole network in its objective.

use super::bounds::Bounds;
use super::passes::{Rows, given};
use super::settings::Settings;
use crate::error::Result;
use crate::network::Layer;
use crate::polish::{self, Method};
use crate::{Activation, Dataset, Network, Norm};
use std::ops::ControlFlow;

/// Whether it can be done for a network and settings.
pub(super) fn is_for(network: &Network, settings: &Settings) -> bool {
    let layers = network.layers();
    let [.., hidden, last] = layers else { return false };
    let relu = hidden.activation().is_relu() && last.units() == 1;
    settings.head && relu && settings.radius == 0.0 && settings.norm != Norm::One
}

/// The network whose last two layers are those of (J) on the features; `None` where there is nothing new.
pub(super) fn head(
    network: &Network,
    data: &Dataset,
    (rows, bounds): (&Rows, &Bounds),
    settings: &Settings,
    go_on: &mut (dyn FnMut() -> ControlFlow<()> + Send),
) -> Result<Option<Network>> {
    let (mut layers, _) = network.clone().into_parts();
    let last = layers.pop().expect("a network has a layer");
    let hidden = layers.pop().expect("checked in `is_for`");
    let before: f64 = bounds.layers[..layers.len()].iter().product::<f64>()
        * layers.iter().map(|layer| layer.activation().lipschitz(settings.norm)).product::<f64>();
    if !(before > 0.0 && before.is_finite()) {
        return Ok(None);
    }
    let features = given(network, layers.len(), rows).transpose().to_owned();
    let features = Dataset::new(features, data.y.clone(), data.weights.clone())?;
    let (units, bias) = (hidden.units(), hidden.bias().iter().chain(last.bias()).any(|bias| *bias != 0.0));
    let shallow = Network::new(vec![hidden, last], None)?.shallow("the polish of the last layers")?;
    let asked = polish::Settings {
        loss: settings.loss.clone(),
        lipschitz_price: settings.lipschitz_price * before,
        max_lipschitz: settings.most.map(|most| most / before),
        norm: settings.norm,
        decay: 0.0,
        output_bias: bias,
        tol: settings.tolerance.min(1e-6),
        ..polish::Settings::of(Method::JOINT)
    };
    let Ok(polished) = polish::polish(&shallow, &features, &asked, &mut |_| go_on()) else { return Ok(None) };
    if polished.network == shallow {
        return Ok(None);
    }
    let (found, _) = Network::from(polished.network).into_parts();
    let [of_hidden, of_last] = &found[..] else { return Ok(None) };
    // As many units as there were: those that (J) left behind are on nowhere.
    let kept = of_hidden.units();
    if kept > units {
        return Ok(None);
    }
    let inputs = of_hidden.inputs();
    let w = faer::Mat::from_fn(units, inputs, |i, k| if i < kept { of_hidden.weights()[(i, k)] } else { 0.0 });
    let b = (0..units).map(|i| if i < kept { of_hidden.bias()[i] } else { 0.0 }).collect();
    let v = faer::Mat::from_fn(1, units, |_, i| if i < kept { of_last.weights()[(0, i)] } else { 0.0 });
    layers.push(Layer::new(w, b, Activation::relu()));
    layers.push(Layer::new(v, of_last.bias().to_vec(), Activation::identity()));
    Ok(Network::new(layers, None).ok())
}
