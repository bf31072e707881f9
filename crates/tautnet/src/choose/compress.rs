//! The mean of several networks with fewer units: the same hidden units with other output weights, most of them 0.
//!
//! Output weights are refitted to the mean's own values, at the rows, at points within the tolerance of them and at crosses of
//! two of them. Every weight keeps its sign or is 0, so that this is a problem of nonnegative least squares, which is
//! convex. It is solved by the active-set method of Lawson and Hanson, which begins without units and lets in those that the
//! residual asks for most; it is stopped where there are as many units as there may be.

use crate::dense::{cholesky, gram, solve_lower, solve_lower_transposed};
use crate::error::Result;
use crate::random::normal;
use crate::tolerance::Tolerance;
use crate::unit::{Affine, Unit, from_units};
use crate::{Dataset, Shallow};
use faer::{Mat, unzip, zip};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// About how many points the values are matched at, and the most points for a row.
const POINTS: (usize, usize) = (6000, 9);
/// The ridge of the normal equations: columns may depend on each other.
const RIDGE: f64 = 1e-9;

/// A unit whose values are this part of the largest does nothing.
const NOTHING: f64 = 1e-100;

/// Networks of so many units at most, for every number of `most`, which ascend.
pub(super) fn compressed(
    network: &Shallow,
    data: &Dataset,
    tolerance: &Tolerance,
    seed: u64,
    most: &[usize],
) -> Result<Vec<Shallow>> {
    let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
    let mut fit = Fit::new(network, &units, points(data, tolerance, seed));
    most.iter()
        .map(|&most| {
            fit.let_in(most);
            fit.network(network, &units)
        })
        .collect()
}

/// Points to match values at: each row, and points about it.
fn points(data: &Dataset, tolerance: &Tolerance, seed: u64) -> (Mat<f64>, Vec<f64>) {
    let mut random = Pcg64::seed_from_u64(seed);
    let (n, d) = (data.rows(), data.columns());
    // Of many rows some are enough.
    let stride = (3 * n).div_ceil(POINTS.0).max(1);
    let rows: Vec<usize> = (0..n).step_by(stride).collect();
    let each = (POINTS.0 / rows.len()).clamp(3, POINTS.1);
    let mut x = Mat::zeros(rows.len() * each, d);
    let mut roots = Vec::with_capacity(x.nrows());
    for (r, &k) in rows.iter().enumerate() {
        for copy in 0..each {
            let direction: Vec<f64> = (0..d).map(|_| normal(&mut random)).collect();
            let away = match copy {
                0 => vec![0.0; d],
                _ => tolerance.furthest(k, &direction),
            };
            // Every other one is a cross of the row with another.
            let other = random.random_range(0..n);
            for j in 0..d {
                let from = if copy % 2 == 0 && copy > 0 && random.random::<bool>() { other } else { k };
                x[(r * each + copy, j)] = data.x[(from, j)] + away[j];
            }
            roots.push(data.weights.as_ref().map_or(1.0, |weights| weights[k]).sqrt());
        }
    }
    (x, roots)
}

/// Nonnegative least squares over the units, with weights of any sign for the affine part.
struct Fit {
    /// The normal equations: 1, the inputs where there is a linear part, then the units.
    matrix: Mat<f64>,
    right: Vec<f64>,
    /// The lengths of the columns, which are 1 in the normal equations.
    sizes: Vec<f64>,
    /// How many weights may have any sign.
    free: usize,
    /// The weights that may be other than 0, and all weights.
    taken: Vec<usize>,
    weights: Vec<f64>,
}

impl Fit {
    fn new(network: &Shallow, units: &[Unit], (x, roots): (Mat<f64>, Vec<f64>)) -> Self {
        let d = network.inputs();
        let free = 1 + network.a().map_or(0, |_| d);
        let value = |r: usize, i: usize| match i {
            0 => 1.0,
            i if i < free => x[(r, i - 1)],
            i => {
                let unit = &units[i - free];
                unit.sign
                    * unit.z.iter().enumerate().map(|(j, z)| z * x[(r, j)]).fold(unit.bias, |sum, z| sum + z).max(0.0)
            }
        };
        let mut columns = Mat::from_fn(x.nrows(), free + units.len(), |r, i| roots[r] * value(r, i));
        let mut sizes: Vec<f64> = columns.col_iter().map(|column| column.norm_l2()).collect();
        // A price can make the weights of a unit so small that a weight of its own would overflow: it does nothing.
        let nothing = NOTHING * sizes.iter().fold(0.0_f64, |a, b| a.max(*b));
        sizes.iter_mut().filter(|size| **size <= nothing).for_each(|size| *size = 0.0);
        for (column, size) in columns.col_iter_mut().zip(&sizes).filter(|(_, size)| **size > 0.0) {
            zip!(column).for_each(|unzip!(entry)| *entry /= size);
        }
        // What is matched is the network itself, the sum of all columns with the weights that it has.
        let own = |i: usize| match i {
            0 => network.c(),
            i if i < free => network.a().map_or(0.0, |a| a[i - 1]),
            _ => 1.0,
        };
        let mut matrix = gram(columns.as_ref());
        let columns = sizes.len();
        for j in 0..columns {
            matrix[(j, j)] += RIDGE;
            for i in 0..j {
                matrix[(i, j)] = matrix[(j, i)];
            }
        }
        let right = (0..columns).map(|i| (0..columns).map(|j| matrix[(i, j)] * sizes[j] * own(j)).sum()).collect();
        Self { matrix, right, sizes, free, taken: (0..free).collect(), weights: vec![0.0; columns] }
    }

    /// Let units in until there are so many, or none would make it better.
    fn let_in(&mut self, most: usize) {
        self.refit();
        loop {
            let count = self.taken.len() - self.free;
            let mut asked: Vec<(f64, usize)> = (self.free..self.weights.len())
                .filter(|i| !self.taken.contains(i) && self.sizes[*i] > 0.0)
                .map(|i| (self.residual(i), i))
                .filter(|(asked, _)| *asked > 0.0)
                .collect();
            asked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let several = (count / 16).max(1).min(most.saturating_sub(count));
            if several == 0 || asked.is_empty() {
                return;
            }
            let before = self.error();
            self.taken.extend(asked.iter().take(several).map(|(_, i)| i));
            if !self.refit() || self.error() >= before {
                return;
            }
        }
    }

    /// The derivative of half the squared error, downward.
    fn residual(&self, i: usize) -> f64 {
        self.right[i] - self.taken.iter().map(|&j| self.matrix[(i, j)] * self.weights[j]).sum::<f64>()
    }

    /// Half the squared error, but for a constant.
    fn error(&self) -> f64 {
        -0.5 * self.taken.iter().map(|&i| self.weights[i] * (self.right[i] + self.residual(i))).sum::<f64>()
    }

    /// The best weights of those that are taken; whoever would have to be negative leaves. False where rounding is in the way.
    fn refit(&mut self) -> bool {
        loop {
            let Some(best) = self.solve() else { return false };
            // How far each can go before it would be negative.
            let room = |i: usize, best: f64| {
                let weight = self.weights[i];
                (i >= self.free && best <= 0.0).then(|| (weight / (weight - best)).max(0.0))
            };
            let rooms: Vec<Option<f64>> = self.taken.iter().zip(&best).map(|(&i, &best)| room(i, best)).collect();
            let least = rooms.iter().flatten().copied().min_by(f64::total_cmp);
            for ((&i, best), room) in self.taken.iter().zip(&best).zip(&rooms) {
                let leaves = room.is_some() && *room == least;
                self.weights[i] =
                    if leaves { 0.0 } else { self.weights[i] + least.unwrap_or(1.0) * (best - self.weights[i]) };
            }
            let mut rooms = rooms.iter();
            self.taken.retain(|_| rooms.next().is_some_and(|room| room.is_none() || *room != least));
            if least.is_none() {
                return true;
            }
        }
    }

    fn solve(&self) -> Option<Vec<f64>> {
        let size = self.taken.len();
        let mut factor = Mat::from_fn(size, size, |i, j| self.matrix[(self.taken[i], self.taken[j])]);
        let mut best = Mat::from_fn(size, 1, |i, _| self.right[self.taken[i]]);
        if !cholesky(&mut factor) {
            return None;
        }
        solve_lower(factor.as_ref(), best.as_mut());
        solve_lower_transposed(factor.as_ref(), best.as_mut());
        Some(best.col_as_slice(0).to_vec())
    }

    /// A weight of the columns as they are.
    fn weight(&self, i: usize) -> f64 {
        if self.sizes[i] > 0.0 { self.weights[i] / self.sizes[i] } else { 0.0 }
    }

    fn network(&self, network: &Shallow, units: &[Unit]) -> Result<Shallow> {
        let scaled: Vec<Unit> = self.taken[self.free..]
            .iter()
            .map(|&i| {
                let (unit, weight) = (&units[i - self.free], self.weight(i));
                Unit { z: unit.z.iter().map(|z| weight * z).collect(), bias: weight * unit.bias, sign: unit.sign }
            })
            .collect();
        let a = network.a().map(|_| (1..self.free).map(|i| self.weight(i)).collect());
        from_units(scaled.iter(), network.inputs(), Affine { c: self.weight(0), a })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;
    use crate::tolerance::Shape;
    use crate::train::average::mean_of;
    use crate::train::tests::toy;
    use crate::train::{Settings, train};
    use std::ops::ControlFlow;

    fn mean(data: &Dataset, linear_part: bool) -> Shallow {
        let one = |seed| {
            let settings = Settings { units: 30, seed, linear_part, ..Settings::default() };
            train(data, &settings, &mut |_| ControlFlow::Continue(())).unwrap().network
        };
        mean_of(&[one(1), one(2), one(3)]).unwrap()
    }

    #[test]
    fn a_unit_with_hardly_any_weight_is_left_out() {
        let data = toy(20, 2, 1);
        let w = Mat::from_fn(3, 2, |i, j| if i == 1 { 1e-161 } else { (i + j) as f64 - 0.5 });
        for tiny in [1e-161, 1e-155, 0.0] {
            let network = Shallow::new(w.clone(), vec![0.3, tiny, 0.2], vec![1.0, 1e-161, -1.0], 0.5).unwrap();
            let tolerance = Tolerance::same(Shape::Ball, &[0.2, 0.2]).unwrap();
            for smaller in compressed(&network, &data, &tolerance, 3, &[1, 3]).unwrap() {
                assert!(smaller.units() <= 2 && smaller.numbers().iter().all(|x| x.is_finite()));
            }
        }
    }

    #[test]
    fn fewer_units_have_nearly_the_same_values() {
        let (data, fresh) = (toy(150, 2, 1), toy(200, 2, 2));
        let tolerance = Tolerance::same(Shape::Ball, &[0.2, 0.2]).unwrap();
        for linear_part in [false, true] {
            let network = mean(&data, linear_part);
            let smaller = compressed(&network, &data, &tolerance, 3, &[0, 10, 40, 80]).unwrap();
            let apart = |other: &Shallow| {
                let values = network.predict(fresh.x.as_ref()).into_iter().zip(other.predict(fresh.x.as_ref()));
                values.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / fresh.rows() as f64
            };
            let apart: Vec<f64> = smaller.iter().map(apart).collect();
            let loss = Loss::default().mean(&network, &fresh);
            assert!(apart[1] < 0.2 * apart[0] && apart[2] < 1e-3 * loss && apart[3] <= apart[2], "{apart:?} {loss}");
            let units: Vec<usize> = smaller.iter().map(Shallow::units).collect();
            assert!(units[1] == 10 && units[2] <= 40 && units[3] <= 80, "{units:?}");
            assert!(smaller.iter().all(|one| one.a().is_some() == linear_part));
        }
    }

    #[test]
    fn the_weights_are_those_of_nonnegative_least_squares() {
        let data = toy(60, 2, 5);
        let network = mean(&data, true);
        let units: Vec<Unit> = Unit::of(&network).into_iter().map(|(_, unit)| unit).collect();
        let mut fit = Fit::new(&network, &units, points(&data, &Tolerance::none(2), 1));
        fit.let_in(12);
        // No weight of a unit is negative, and those that are taken cannot be made better.
        for &i in &fit.taken {
            assert!(i < fit.free || fit.weights[i] > 0.0);
            assert!(fit.residual(i).abs() <= 1e-6, "{}", fit.residual(i));
        }
        // As many units as it likes are the network again.
        fit.let_in(usize::MAX);
        let again = fit.network(&network, &units).unwrap();
        let apart = network.predict(data.x.as_ref()).into_iter().zip(again.predict(data.x.as_ref()));
        let apart = apart.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-2, "{apart}");
    }
}
