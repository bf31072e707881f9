//! What needs no network: the best constant, and a linear model by ridge regression. A network is worth having where it is better.

use crate::dense::{eigenvectors, gram, multiply};
use crate::rows::Rows;
use crate::shallow::Parts;
use crate::{Dataset, Loss, Shallow};
use faer::Mat;

/// Prices of the weights that the linear model tries, in parts of the mean eigenvalue of the Gram matrix: powers of ten from the first
/// to the second, in steps of a half.
const PRICES: (f64, f64) = (-6.0, 2.0);

/// From so many operations on, the linear model learns from rows at equal distances.
const OPERATIONS: f64 = 1e11;

/// Rows that are left out in one product of matrices.
const BLOCK: usize = 4096;

/// Networks that are the same for all inputs, or linear in them.
#[derive(Debug, Clone)]
pub(super) struct Baselines {
    /// The best constant of the rows: the mean, where errors are squared. Of classes it is the most frequent one.
    pub constant: Shallow,
    /// Least squares with a price of the weights, chosen by the errors of rows that are left out one by one. Of classes, one for each.
    pub linear: Shallow,
}

impl Baselines {
    /// Learn from rows; `classes` where the targets are numbers of several classes. `None` where it is time to stop, or numbers are too large.
    pub fn of(data: &Dataset, classes: Option<usize>, loss: &Loss) -> Option<Self> {
        let (n, d) = (data.rows(), data.columns());
        let most = ((OPERATIONS / (d * d) as f64) as usize).max(1);
        let few: Vec<usize> = (0..n.min(most)).map(|k| k * n / n.min(most)).collect();
        let some = (few.len() < n).then(|| Rows::of(data).pick(&few));
        let targets = targets(some.as_ref().unwrap_or(data), classes);
        let linear = ridge(some.as_ref().unwrap_or(data), &targets)?;
        let constant = match classes {
            Some(count) => frequencies(data, count),
            None => (0..data.targets()).map(|k| loss.best_constant(&data.of_target(k))).collect(),
        };
        let outputs = constant.len();
        Some(Self { constant: affine(Mat::zeros(d, outputs), constant)?, linear: affine(linear.0, linear.1)? })
    }
}

/// `c + a·x` as a network: its one unit does nothing.
fn affine(a: Mat<f64>, c: Vec<f64>) -> Option<Shallow> {
    let (d, outputs) = (a.nrows(), a.ncols());
    Shallow::from_parts(Parts { w: Mat::zeros(1, d), b: vec![0.0], v: Mat::zeros(1, outputs), c, a: Some(a) }).ok()
}

/// Of each class the logarithm of its share of the rows, as if there were one row more of it.
fn frequencies(data: &Dataset, classes: usize) -> Vec<f64> {
    let mut counts = vec![1.0; classes];
    for (k, y) in data.y.iter().enumerate() {
        counts[crate::several::number(*y)] += data.weights.as_ref().map_or(1.0, |weights| weights[k]);
    }
    let all: f64 = counts.iter().sum();
    counts.into_iter().map(|count| (count / all).ln()).collect()
}

/// What the linear model is to predict: the targets, or of several classes 1 for that of the row and 0 for the others.
fn targets(data: &Dataset, classes: Option<usize>) -> Mat<f64> {
    match classes {
        Some(count) => Mat::from_fn(data.rows(), count, |k, j| f64::from(crate::several::number(data.y[k]) == j)),
        None => Mat::from_fn(data.rows(), data.targets(), |k, j| data.target(j)[k]),
    }
}

/// Ridge regression of each target, with a price of its own: coefficients and constants. `None` where no number comes of it.
///
/// With centered rows x_k of weights ω_k, the Gram matrix `Σ ω x xᵀ = V Λ Vᵀ` and `z_k = Vᵀ x_k`, the coefficients at the price λ are
/// `V (Λ + λ)⁻¹ Σ ω z y`, and a row that is left out has the residual `r_k / (1 − h_k)` with
/// `h_k = ω_k (1/Σω + z_kᵀ (Λ + λ)⁻¹ z_k)`.
fn ridge(data: &Dataset, targets: &Mat<f64>) -> Option<(Mat<f64>, Vec<f64>)> {
    let (n, d, outputs) = (data.rows(), data.columns(), targets.ncols());
    let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
    let total: f64 = (0..n).map(weight).sum();
    let mean = |of: &dyn Fn(usize) -> f64| (0..n).map(|k| weight(k) * of(k)).sum::<f64>() / total;
    let center: Vec<f64> = (0..d).map(|j| mean(&|k| data.x[(k, j)])).collect();
    let level: Vec<f64> = (0..outputs).map(|j| mean(&|k| targets[(k, j)])).collect();
    let scaled = Mat::from_fn(n, d, |k, j| weight(k).sqrt() * (data.x[(k, j)] - center[j]));
    let (eigenvalues, v) = eigenvectors(&gram(scaled.as_ref()))?;
    let z = multiply(scaled.as_ref(), v.as_ref());
    let y = Mat::from_fn(n, outputs, |k, j| weight(k).sqrt() * (targets[(k, j)] - level[j]));
    let along = multiply(z.transpose(), y.as_ref());
    let scale = eigenvalues.iter().sum::<f64>() / d as f64;
    let prices: Vec<f64> = match scale > 0.0 {
        true => (0..).map(|k| PRICES.0 + 0.5 * f64::from(k)).take_while(|power| *power <= PRICES.1),
        // All rows are alike: the constant is what is left.
        false => return Some((Mat::zeros(d, outputs), level)),
    }
    .map(|power| scale * 10f64.powf(power))
    .collect();
    // For each price, the errors of the rows of a block: products of matrices, not of numbers one by one.
    let inverse = |i: usize, price: f64| 1.0 / (eigenvalues[i].max(0.0) + price);
    let shares = Mat::from_fn(d, prices.len(), |i, p| inverse(i, prices[p]));
    let fits: Vec<Mat<f64>> =
        prices.iter().map(|price| Mat::from_fn(d, outputs, |i, j| inverse(i, *price) * along[(i, j)])).collect();
    let mut errors = vec![vec![0.0; outputs]; prices.len()];
    for first in (0..n).step_by(BLOCK) {
        let rows = BLOCK.min(n - first);
        let block = z.as_ref().subrows(first, rows);
        let leverages = multiply(Mat::from_fn(rows, d, |k, i| block[(k, i)].powi(2)).as_ref(), shares.as_ref());
        for (p, errors) in errors.iter_mut().enumerate() {
            let fitted = multiply(block, fits[p].as_ref());
            for (j, error) in errors.iter_mut().enumerate() {
                *error += (0..rows)
                    .map(|k| {
                        let leverage = weight(first + k) / total + leverages[(k, p)];
                        ((y[(first + k, j)] - fitted[(k, j)]) / (1.0 - leverage).max(f64::EPSILON)).powi(2)
                    })
                    .sum::<f64>();
            }
        }
    }
    let mut chosen = vec![(f64::INFINITY, prices[0]); outputs];
    for (&price, errors) in prices.iter().zip(errors) {
        for (best, error) in chosen.iter_mut().zip(errors) {
            // Of equals the higher price.
            if error <= best.0 {
                *best = (error, price);
            }
        }
    }
    let shrunk = Mat::from_fn(d, outputs, |i, j| along[(i, j)] / (eigenvalues[i].max(0.0) + chosen[j].1));
    let a = multiply(v.as_ref(), shrunk.as_ref());
    let c = (0..outputs).map(|j| level[j] - (0..d).map(|i| a[(i, j)] * center[i]).sum::<f64>()).collect::<Vec<_>>();
    c.iter().all(|c| c.is_finite()).then_some((a, c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tests::toy;
    use proptest::prelude::*;

    /// Rows of one target with these weights.
    fn weighed(rows: usize, seed: u64, weights: &[f64]) -> Dataset {
        let data = toy(rows, 3, seed);
        Dataset::new(data.x, data.y, Some(weights[..rows].to_vec())).unwrap()
    }

    /// The errors of rows that are left out one by one, by leaving them out one by one.
    fn left_out(data: &Dataset, price: f64) -> f64 {
        let weights = data.weights.as_ref().unwrap();
        (0..data.rows()).map(|row| weights[row] * residual_of(data, row, price).powi(2)).sum()
    }

    /// The residual of a row under least squares of the others, by the normal equations of centered rows.
    fn residual_of(data: &Dataset, row: usize, price: f64) -> f64 {
        let rows: Vec<usize> = (0..data.rows()).filter(|&k| k != row).collect();
        let (a, c) = least_squares(&data.select(&rows), price);
        let predicted: f64 = (0..a.len()).map(|j| a[j] * data.x[(row, j)]).sum();
        data.y[row] - c - predicted
    }

    fn least_squares(data: &Dataset, price: f64) -> (Vec<f64>, f64) {
        let (d, weights) = (data.columns(), data.weights.as_ref().unwrap());
        let all: f64 = weights.iter().sum();
        let mean = |of: &dyn Fn(usize) -> f64| (0..data.rows()).map(|k| weights[k] * of(k)).sum::<f64>() / all;
        let center: Vec<f64> = (0..d).map(|j| mean(&|k| data.x[(k, j)])).collect();
        let level = mean(&|k| data.y[k]);
        let x = |k: usize, j: usize| data.x[(k, j)] - center[j];
        let product = |f: &dyn Fn(usize) -> f64| (0..data.rows()).map(|k| weights[k] * f(k)).sum::<f64>();
        let mut gram = Mat::from_fn(d, d, |i, j| product(&|k| x(k, i) * x(k, j)) + if i == j { price } else { 0.0 });
        let mut a = Mat::from_fn(d, 1, |i, _| product(&|k| x(k, i) * (data.y[k] - level)));
        assert!(crate::dense::cholesky(&mut gram));
        crate::dense::solve_lower(gram.as_ref(), a.as_mut());
        crate::dense::solve_lower_transposed(gram.as_ref(), a.as_mut());
        let a: Vec<f64> = (0..d).map(|j| a[(j, 0)]).collect();
        let c = level - (0..d).map(|j| a[j] * center[j]).sum::<f64>();
        (a, c)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// The coefficients are those of the normal equations at the price that leaves the least errors where rows are left out. Rows of
        /// weight 0 say nothing, and a row of weight 2 is the same row twice, but for being left out once.
        #[test]
        fn the_linear_model_is_that_of_the_normal_equations(
            rows in 6usize..20, seed in 0u64..1000, weights in prop::collection::vec(0.1f64..2.0, 20)
        ) {
            let data = weighed(rows, seed, &weights);
            let made = Baselines::of(&data, None, &Loss::default()).unwrap();
            let a: Vec<f64> = (0..3).map(|j| made.linear.a().unwrap()[j]).collect();
            let centered = {
                let all: f64 = weights[..rows].iter().sum();
                let mean: Vec<f64> = (0..3).map(|j| (0..rows).map(|k| weights[k] * data.x[(k, j)]).sum::<f64>() / all).collect();
                (0..3).map(|j| (0..rows).map(|k| weights[k] * (data.x[(k, j)] - mean[j]).powi(2)).sum::<f64>()).sum::<f64>() / 3.0
            };
            let prices: Vec<f64> = (0..17).map(|k| centered * 10f64.powf(PRICES.0 + 0.5 * f64::from(k))).collect();
            let each: Vec<f64> = prices.iter().map(|&price| left_out(&data, price)).collect();
            let least = each.iter().copied().fold(f64::INFINITY, f64::min);
            let chosen = prices.iter().zip(&each).map(|(&price, error)| (least_squares(&data, price), error)).min_by(|x, y| {
                let far = |(of, _): &((Vec<f64>, f64), &f64)| of.0.iter().zip(&a).map(|(p, q)| (p - q).abs()).fold(0.0, f64::max);
                far(x).total_cmp(&far(y))
            }).unwrap();
            let ((near, c), error) = chosen;
            for (p, q) in near.iter().zip(&a) {
                prop_assert!((p - q).abs() <= 1e-8 * (1.0 + p.abs()), "{near:?} is not {a:?}");
            }
            prop_assert!((c - made.linear.c()).abs() <= 1e-8 * (1.0 + c.abs()));
            prop_assert!(*error <= least * (1.0 + 1e-6), "{error} where {least} is least");
        }
    }

    #[test]
    fn the_constant_is_the_mean_and_of_classes_the_most_frequent_one() {
        let data = weighed(12, 3, &[1.0; 12]);
        let made = Baselines::of(&data, None, &Loss::default()).unwrap();
        let mean = data.y.iter().sum::<f64>() / 12.0;
        assert!((made.constant.value(&[5.0, -1.0, 2.0]) - mean).abs() < 1e-12);
        let y = (0..12).map(|k| f64::from(k % 4 == 0) + f64::from(k == 5)).collect();
        let classes = Dataset::new(data.x.clone(), y, None).unwrap();
        let made = Baselines::of(&classes, Some(3), &"logistic".parse().unwrap()).unwrap();
        assert_eq!(made.constant.outputs(), 3);
        assert!(crate::several::classes_of(&made.constant, data.x.as_ref()).iter().all(|class| *class == 0));
    }

    #[test]
    fn rows_that_are_all_alike_leave_the_constant() {
        let alike = Dataset::new(Mat::full(4, 2, 0.5), vec![1.0, 2.0, 3.0, 6.0], None).unwrap();
        let made = Baselines::of(&alike, None, &Loss::default()).unwrap();
        assert_eq!(made.linear.value(&[9.0, 9.0]), 3.0);
        assert_eq!(made.constant.value(&[9.0, 9.0]), 3.0);
    }
}
