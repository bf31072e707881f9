//! From a network to a certificate: LipSDP in each system of units, and the file that proves its result.

use super::issue::{Approximation, issue};
use super::lipsdp::lipsdp;
use super::lipsdp_bound::GapObserver;
use crate::error::Result;
use crate::{Norm, Shallow, scaling};
use faer::Mat;
use tautnet_cone::Stop;
use tautnet_verify::{Certificate, Scaler};

/// A certificate of the network, and of the model in the scaler's units where there is a scaler.
///
/// The multipliers are those of LipSDP, solved once for the network and once more in the user's units, where the
/// inputs' scales differ and other multipliers are best. The observer hears the relative gap of every iteration;
/// `Break`, or [`Stop::here`], ends the solve at hand, and the certificate then proves what the multipliers so far allow, which is never
/// more than the sum over the units. The 1-norm needs no solver.
pub fn prove(
    network: &Shallow,
    norm: Norm,
    scaler: Option<&scaling::Scaler>,
    observer: &mut GapObserver<'_>,
) -> Result<Certificate> {
    if let Some(scaler) = scaler {
        scaler.check(network.inputs())?;
    }
    let mut solve = |network: &Shallow| -> Result<Option<Approximation>> {
        if norm == Norm::One {
            return Ok(None);
        }
        let bound = lipsdp(network, norm, observer)?;
        Ok(Some(Approximation { multipliers: bound.multipliers, input_weights: bound.p }))
    };
    let standardized = solve(network)?;
    let raw = match scaler {
        Some(scaler) if scaler.input_scale.iter().any(|scale| *scale != scaler.input_scale[0]) => {
            scaled(network, scaler).map_or(Ok(None), |network| solve(&network))?
        }
        // With one scale for all inputs the multipliers of the network are the best in the user's units too.
        _ => None,
    };
    // What was found is proved however late it is.
    let late = Stop::here().late();
    late.during(|| issue(network, norm, standardized.as_ref(), scaler.map(Scaler::from).as_ref(), raw.as_ref()))
}

/// The weights `w_ik / s_k`, `y v_i` and `y a_k / s_k`, whose multipliers the raw claim wants; `None` if they are out of range.
fn scaled(network: &Shallow, scaler: &scaling::Scaler) -> Option<Shallow> {
    let w = Mat::from_fn(network.units(), network.inputs(), |i, k| network.w()[(i, k)] / scaler.input_scale[k]);
    let v = network.v().iter().map(|v| scaler.target_scale * v).collect();
    let linear = |(a, scale): (&f64, &f64)| scaler.target_scale * a / scale;
    let a = network.a().map(|a| a.iter().zip(&scaler.input_scale).map(linear).collect());
    Shallow::with_linear(w, network.b().to_vec(), v, network.c(), a).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::verify;
    use crate::random::normal;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;
    use std::ops::ControlFlow;

    fn random(units: usize, inputs: usize, seed: u64) -> (Shallow, scaling::Scaler) {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut draw = || normal(&mut random);
        let w = Mat::from_fn(units, inputs, |_, _| draw());
        let b = (0..units).map(|_| draw()).collect();
        let v = (0..units).map(|_| draw()).collect();
        let network = Shallow::new(w, b, v, draw()).unwrap();
        let mut scaler = scaling::Scaler::identity(inputs);
        scaler.input_scale.iter_mut().for_each(|scale| *scale = 10f64.powf(draw()));
        scaler.input_mean.iter_mut().for_each(|mean| *mean = draw());
        scaler.target_scale = 10f64.powf(draw());
        (network, scaler)
    }

    /// In the user's units the bound is LipSDP's of the network in those units, which is found by another route here.
    #[test]
    fn both_claims_are_lipsdp_in_their_units() {
        let go_on = &mut |_| ControlFlow::Continue(());
        for seed in 0..6 {
            let (network, scaler) = random(12, 3, seed);
            for norm in [Norm::Two, Norm::Infinity] {
                let certificate = prove(&network, norm, Some(&scaler), go_on).unwrap();
                verify(&certificate.to_json(), &network).unwrap();
                let user = scaler.network_to_user(&network).unwrap();
                for (claim, network) in [(&certificate.standardized, &network), (&certificate.raw.unwrap(), &user)] {
                    let best = lipsdp(network, norm, go_on).unwrap().lipschitz_upper_bound;
                    assert!((claim.bound - best).abs() < 1e-5 * best, "seed {seed}, {norm:?}: {claim:?} and {best}");
                }
            }
        }
    }

    #[test]
    fn a_solve_that_is_stopped_at_once_still_gives_a_proof() {
        let (network, scaler) = random(20, 4, 1);
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let certificate = prove(&network, norm, Some(&scaler), &mut |_| ControlFlow::Break(())).unwrap();
            assert!(certificate.standardized.bound <= crate::certify::path_norm(&network, norm) * (1.0 + 1e-9));
            verify(&certificate.to_json(), &network).unwrap();
        }
    }
}
