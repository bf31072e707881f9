//! Files that say which rows keep their class while their inputs are changed within a radius, and prove it.
//!
//! For a network with an output for each class, a row x with the label y and a radius ε in the norm p, `f_y − f_j` changes by at most `K_yj ε`, the
//! trivial bound of that pair of outputs ([`trivial_bound`](super::trivial_bound)). The file holds for each row `min_j (f_y − f_j)(x) − K_yj ε`, rounded down,
//! and the norms of the layers; the verifier proves both.

use super::chain::norms_of_layers;
use super::layered::Layered;
use crate::error::{Error, Result};
use crate::{Network, Norm};
use faer::MatRef;
use tautnet_cone::Stop;
use tautnet_verify::evidence::Units;
use tautnet_verify::{ClassMargins, MarginsAsked, Refusal, Scaler, VerifiedMargins};

/// The margins of rows (in the units of the network) with their labels, within a radius. With scales, changes of the network's inputs are multiplied by
/// them before they are measured: those of a scaler make it the radius in the user's units. Where it is time to stop ([`Stop::here`]) it ends with
/// the rows so far.
pub fn class_margins(
    network: &Network,
    (rows, labels): (MatRef<'_, f64>, &[usize]),
    (norm, radius): (Norm, f64),
    scales: Option<&[f64]>,
) -> Result<ClassMargins> {
    if rows.nrows() != labels.len() || rows.ncols() != network.inputs() {
        return Err(Error::new(
            format!(
                "there are {} rows of {} columns with {} labels for a network of {} inputs",
                rows.nrows(),
                rows.ncols(),
                labels.len(),
                network.inputs()
            ),
            "give the data the network was trained on, and every row its label",
        ));
    }
    if !(radius >= 0.0 && radius.is_finite()) {
        return Err(Error::new(format!("the radius is {radius}"), "give a finite number that is at least 0"));
    }
    let inputs: Vec<Vec<f64>> = (0..rows.nrows()).map(|k| (0..rows.ncols()).map(|j| rows[(k, j)]).collect()).collect();
    Layered::of(network).told(|chain| {
        chain.check()?;
        let units = match scales {
            None => Units::standardized(chain.inputs),
            Some(scales) => Units::of_user(
                &Scaler { x_mean: vec![0.0; scales.len()], x_scale: scales.to_vec(), y_mean: 0.0, y_scale: 1.0 },
                chain.inputs,
            )?,
        };
        let layers = norms_of_layers(chain, norm, &units);
        let asked = MarginsAsked { norm: norm.into(), radius, x_scale: scales.map(<[f64]>::to_vec), layers };
        let stop = Stop::here();
        let rows = inputs.iter().map(Vec::as_slice).zip(labels.iter().copied());
        Ok(ClassMargins::new(chain, asked, rows, &|| !stop.asked())?)
    })
}

/// Prove what a file says of rows of this network, or refuse. Never panics, whatever the bytes.
pub fn verify_class_margins(bytes: &[u8], network: &Network) -> std::result::Result<VerifiedMargins, Refusal> {
    Layered::of(network).told(|chain| tautnet_verify::verify_class_margins(bytes, chain))
}

#[cfg(test)]
#[path = "class_margins_tests.rs"]
mod tests;
