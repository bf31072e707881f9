//! What the tests of several crates need.
//!
//! It depends on no crate of this workspace, so that every one of them can use it. (A crate's own tests would otherwise
//! meet its types twice.)

mod process;
pub mod schema;

pub use process::{Folder, Ran, tautnet};

use faer::Mat;
use rand::{RngExt, SeedableRng};

/// Rows to learn from: a smooth function of uniform points in [−1.5, 1.5]^d with a little noise.
pub fn toy(n: usize, d: usize, seed: u64) -> (Mat<f64>, Vec<f64>) {
    let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
    let mut x = Mat::zeros(n, d);
    let mut y = vec![0.0; n];
    for k in 0..n {
        for j in 0..d {
            x[(k, j)] = 3.0 * random.random::<f64>() - 1.5;
            y[k] += (1.0 + j as f64) * (2.0 * x[(k, j)]).sin() / d as f64;
        }
        y[k] += 0.1 * (random.random::<f64>() - 0.5);
    }
    (x, y)
}

/// A file of one trial with one row, as `compare` and `reproduce` write it: from ADMM at λ_L 0.01, attacked at radius 0. An
/// objective that is NaN is a failure.
pub fn trial_csv(data: &str, trial: u64, method: &str, objective: f64) -> String {
    let ending = if objective.is_nan() { "failed: no room" } else { "solved" };
    format!(
        "settings,data,trial,base,method,lipschitz_price,decay,objective,loss,bound,weights,units,clean,attacked 0,seconds,ending\n\
         ,{data},{trial},admm,{method},0.01,0,{objective},{objective},1,1,3,{objective},{objective},0.25,{ending}\n"
    )
}
