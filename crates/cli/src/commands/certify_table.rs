//! The bounds that `tautnet certify` shows, from below and from above.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tautnet::certify::{self, Certificate, GradientSearchSettings, Region, prove};
use tautnet::error::Result;
use tautnet::{Dataset, Network, Norm, Scaler};

/// One line of the table.
pub struct Bound {
    /// What it is.
    pub name: &'static str,
    /// Whether the Lipschitz constant is at most (`true`) or at least this.
    pub upper: bool,
    /// The bound.
    pub value: f64,
    /// Time it took.
    pub time: Duration,
}

/// Every bound at hand, lower ones first, and the certificate of the best. `data` are in the network's units.
pub fn certify_table(
    network: &Network,
    norm: Norm,
    scaler: Option<&Scaler>,
    data: Option<&Dataset>,
    seed: u64,
    observer: &mut dyn FnMut(f64) -> ControlFlow<()>,
) -> Result<(Vec<Bound>, Certificate)> {
    let timed = |name, upper, bound: &dyn Fn() -> f64| {
        let started = Instant::now();
        let value = bound();
        Bound { name, upper, value, time: started.elapsed() }
    };
    let points = data.map(|data| data.x.as_ref());
    let started = Instant::now();
    let certificate = prove(network, norm, scaler, observer)?;
    let proved =
        Bound { name: "LipSDP, proved", upper: true, value: certificate.standardized.bound, time: started.elapsed() };
    let search = GradientSearchSettings { seed, ..GradientSearchSettings::default() };
    let found = certify::largest_gradient_found(network, &Region::Everywhere, norm, points, &search)?;
    let bounds = vec![
        timed("largest gradient found", false, &|| found.as_ref().map_or(0.0, |found| found.value)),
        proved,
        timed("sum over units", true, &|| certify::path_norm(network, norm)),
        timed("product of norms", true, &|| certify::norm_product(network, norm)),
    ];
    Ok((bounds, certificate))
}
