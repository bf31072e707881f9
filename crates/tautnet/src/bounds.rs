//! Bounds on the Lipschitz constant that need no solver.
//!
//! ```text
//! largest gradient found  ≤  Lipschitz constant  ≤  sum over units,  product of norms
//! ```

use crate::train::weights::normal;
use crate::{Network, Norm};
use faer::MatRef;
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Σ_i |v_i| ‖w_i‖, the norm of `w_i` being the dual of that of the inputs: every unit as steep as it can be, all at
/// once.
pub fn sum_of_units(network: &Network, norm: Norm) -> f64 {
    let mut row = vec![0.0; network.inputs()];
    (0..network.units())
        .map(|i| {
            (0..row.len()).for_each(|k| row[k] = network.w[(i, k)]);
            network.v[i].abs() * norm.dual().of(&row)
        })
        .sum()
}

/// The product of the layers' operator norms: ‖v‖₂ ‖W‖₂ for the 2-norm, ‖v‖₁ max_i ‖w_i‖₁ for the infinity norm and
/// ‖v‖_∞ max_k Σ_i |w_ik| for the 1-norm.
pub fn norm_product(network: &Network, norm: Norm) -> f64 {
    let (m, d) = (network.units(), network.inputs());
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    match norm {
        Norm::Two => {
            let values = network.w.singular_values().map_or(f64::INFINITY, |values| values[0]);
            // What the rounding of a singular value may lose, generously.
            let spectral = values * (1.0 + 8.0 * (m + d) as f64 * f64::EPSILON);
            if values == 0.0 { 0.0 } else { Norm::Two.of(&network.v) * spectral }
        }
        Norm::Infinity => {
            let row = |i: usize| (0..d).map(|k| network.w[(i, k)].abs()).sum();
            Norm::One.of(&network.v) * largest(&mut (0..m).map(row))
        }
        Norm::One => {
            let column = |k: usize| (0..m).map(|i| network.w[(i, k)].abs()).sum();
            Norm::Infinity.of(&network.v) * largest(&mut (0..d).map(column))
        }
    }
}

/// The largest gradient, in the dual of `norm`, at the given points and at random ones: a lower bound.
///
/// A third of the random points lies around the origin as standardized data do, the others farther out. Points at which a unit's
/// pre-activation is zero up to rounding are left out, for no cell need have the gradient that the formula gives there.
pub fn largest_gradient(network: &Network, norm: Norm, points: Option<MatRef<'_, f64>>, seed: u64) -> f64 {
    const RANDOM: usize = 3000;
    let d = network.inputs();
    let inside = |x: &[f64]| {
        (0..network.units()).all(|i| {
            let size = network.b[i].abs() + (0..d).map(|k| (network.w[(i, k)] * x[k]).abs()).sum::<f64>();
            let constant = network.v[i] == 0.0 || (0..d).all(|k| network.w[(i, k)] == 0.0);
            constant || network.pre_activation(i, x).abs() > 4.0 * (d + 2) as f64 * f64::EPSILON * size
        })
    };
    let gradient = |x: &[f64]| if inside(x) { norm.dual().of(&network.gradient(x)) } else { 0.0 };
    let mut largest = 0.0f64;
    if let Some(points) = points {
        for k in 0..points.nrows() {
            largest = largest.max(gradient(&points.row(k).iter().copied().collect::<Vec<_>>()));
        }
    }
    let mut random = Pcg64::seed_from_u64(seed);
    for k in 0..RANDOM {
        let scale = [1.0, 3.0, 30.0][k % 3];
        let x: Vec<f64> = (0..d).map(|_| scale * normal(&mut random)).collect();
        largest = largest.max(gradient(&x));
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::lipsdp;
    use crate::train::tests::toy;
    use faer::Mat;
    use std::ops::ControlFlow;

    #[test]
    fn the_bounds_are_in_order() {
        for seed in 0..10 {
            let mut random = Pcg64::seed_from_u64(seed);
            let w = Mat::from_fn(9, 3, |_, _| normal(&mut random));
            let mut vector = || (0..9).map(|_| normal(&mut random)).collect::<Vec<_>>();
            let network = Network::new(w, vector(), vector(), 0.0).unwrap();
            let data = toy(30, 3, seed);
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let found = largest_gradient(&network, norm, Some(data.x.as_ref()), seed);
                assert!(found >= largest_gradient(&network, norm, None, seed) && found > 0.0);
                let sum = sum_of_units(&network, norm);
                for upper in [sum, norm_product(&network, norm)] {
                    assert!(found <= upper * (1.0 + 1e-12), "{norm:?}: {found} {upper}");
                }
                if norm != Norm::One {
                    let sdp = lipsdp(&network, norm, &mut |_| ControlFlow::Continue(())).unwrap();
                    let sdp = sdp.lipschitz_upper_bound;
                    let product = norm_product(&network, norm);
                    assert!(found <= sdp * (1.0 + 1e-12), "{norm:?}: {found} {sdp}");
                    assert!(sdp * (1.0 - 1e-7) <= sum.min(product), "{norm:?}: {sdp} {sum} {product}");
                }
            }
        }
    }

    /// One unit is as steep as its weights: all bounds are attained.
    #[test]
    fn one_unit_attains_every_bound() {
        let network = Network::new(faer::mat![[3.0, -4.0]], vec![0.1], vec![-2.0], 0.0).unwrap();
        for (norm, value) in [(Norm::Two, 10.0), (Norm::Infinity, 14.0), (Norm::One, 8.0)] {
            for bound in
                [sum_of_units(&network, norm), norm_product(&network, norm), largest_gradient(&network, norm, None, 0)]
            {
                assert!((bound - value).abs() < 1e-12 * value, "{norm:?}: {bound}");
            }
        }
    }

    /// At x = 0 both hidden units are off by the formula, in no neighbourhood of it are both.
    #[test]
    fn a_gradient_on_a_boundary_does_not_count() {
        let network =
            Network::new(faer::mat![[1.0], [1.0], [-1.0]], vec![1e6, 0.0, 0.0], vec![1.0, -1.0, 1.0], 0.0).unwrap();
        assert_eq!(network.gradient(&[0.0]), [1.0]);
        assert_eq!(largest_gradient(&network, Norm::Two, Some(faer::mat![[0.0]].as_ref()), 0), 0.0);
    }
}
