//! The same proof in integers, for numbers with few digits.
//!
//! Hyperplanes that meet in a common point, or touch a box in a corner, leave cells that are empty by no margin at all; no rounded
//! computation can tell. When the weights involved are short binary fractions, as in networks written by hand, the
//! combination is found and checked exactly: after scaling each generator by a power of two, its coefficients are
//! integers, and one elimination with overflow checks gives the null vector.

use super::cell::{Cells, Member, Origin};
use super::region::Region;
use super::slope_sum::trailing_exponent;
use crate::Norm;

/// Integers up to this many bits enter the elimination.
const BITS: i32 = 40;

impl Cells<'_> {
    /// Whether exactly one combination of the members vanishes, with weights all of one sign; false when the numbers are
    /// too long to tell.
    pub(super) fn proves_empty_exactly(&self, signs: &[i8], members: &[Member]) -> bool {
        let Some(columns) = members.iter().map(|member| self.integers(signs, member)).collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        // At least one generator must be a unit's: the region itself is not empty.
        members.iter().any(|member| member.origin != Origin::Wall)
            && null_vector(&columns).is_some_and(|v| v.iter().all(|a| *a > 0) || v.iter().all(|a| *a < 0))
    }

    /// The generator (n, offset) of `n·x + offset > 0` in the network's own coordinates, times a power of two.
    fn integers(&self, signs: &[i8], member: &Member) -> Option<Vec<i128>> {
        let d = self.center.len();
        let terms: Vec<Vec<f64>> = match member.origin {
            Origin::Objective => return None,
            Origin::Unit(r) => {
                let (i, sign) = (self.units[r], f64::from(signs[r]));
                let row = (0..d).map(|k| vec![sign * self.network.w()[(i, k)]]);
                row.chain(std::iter::once(vec![sign * self.network.b()[i]])).collect()
            }
            Origin::Wall => {
                let direction: Vec<f64> =
                    member.vector[..d].iter().map(|a| if *a == 0.0 { 0.0 } else { a.signum() }).collect();
                let offset = match self.region {
                    Region::Everywhere => vec![1.0],
                    Region::Ball { norm: Norm::Two, .. } => return None,
                    Region::Ball { center, radius, .. } => {
                        let shift = direction.iter().zip(center).map(|(s, c)| -s * c);
                        shift.chain(std::iter::once(*radius)).collect()
                    }
                    Region::Box { lower, upper } => {
                        let k = direction.iter().position(|s| *s != 0.0)?;
                        vec![if direction[k] < 0.0 { upper[k] } else { -lower[k] }]
                    }
                };
                direction.into_iter().map(|s| vec![s]).chain(std::iter::once(offset)).collect()
            }
        };
        let values = || terms.iter().flatten().copied().filter(|a| *a != 0.0);
        let lowest = values().map(trailing_exponent).min()?;
        let scale = |a: f64| -> Option<i128> {
            let shift = trailing_exponent(a) - lowest;
            let mantissa = a / exact_power(trailing_exponent(a))?;
            (shift + (mantissa.abs().log2() as i32) < BITS).then_some((mantissa as i128) << shift)
        };
        terms
            .iter()
            .map(|sum| sum.iter().map(|a| if *a == 0.0 { Some(0) } else { scale(*a) }).sum::<Option<i128>>())
            .collect()
    }
}

fn exact_power(exponent: i32) -> Option<f64> {
    (-1000..=1000).contains(&exponent).then(|| f64::from(exponent).exp2())
}

/// The null vector of the matrix with the given columns, if its null space has dimension one and nothing overflows.
fn null_vector(columns: &[Vec<i128>]) -> Option<Vec<i128>> {
    let (rows, n) = (columns[0].len(), columns.len());
    let mut a: Vec<Vec<i128>> = (0..rows).map(|i| columns.iter().map(|column| column[i]).collect()).collect();
    let mut pivots: Vec<(usize, usize)> = Vec::new();
    let mut rank = 0;
    for j in 0..n {
        let Some(p) = (rank..rows).find(|&i| a[i][j] != 0) else { continue };
        a.swap(rank, p);
        for i in (0..rows).filter(|&i| i != rank) {
            if a[i][j] != 0 {
                let (mine, theirs) = (a[rank][j], a[i][j]);
                for k in 0..n {
                    a[i][k] = a[i][k].checked_mul(mine)?.checked_sub(a[rank][k].checked_mul(theirs)?)?;
                }
                let divisor = a[i].iter().fold(0_i128, |g, x| greatest_common_divisor(g, *x));
                if divisor > 1 {
                    a[i].iter_mut().for_each(|x| *x /= divisor);
                }
            }
        }
        pivots.push((rank, j));
        rank += 1;
    }
    if rank + 1 != n {
        return None;
    }
    let free = (0..n).find(|j| pivots.iter().all(|(_, pivot)| pivot != j))?;
    // a[i][pivot] x_pivot + a[i][free] x_free = 0 for all i: take x_free as the common multiple of the pivots.
    let mut x = vec![0_i128; n];
    let mut multiple = 1_i128;
    for &(i, j) in &pivots {
        let pivot = a[i][j].checked_abs()?;
        multiple = (multiple / greatest_common_divisor(multiple, pivot)).checked_mul(pivot)?;
    }
    x[free] = multiple;
    for &(i, j) in &pivots {
        x[j] = a[i][free].checked_neg()?.checked_mul(multiple / a[i][j])?;
    }
    Some(x)
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_vectors_are_exact() {
        let columns = [vec![3, 0, 1], vec![0, 5, 1], vec![-6, -5, -3]];
        let v = null_vector(&columns).unwrap();
        assert!((0..3).all(|i| columns.iter().zip(&v).map(|(c, a)| c[i] * a).sum::<i128>() == 0));
        assert!(v.iter().all(|a| *a > 0));
        assert_eq!(null_vector(&[vec![1, 0], vec![0, 1]]), None);
        assert_eq!(null_vector(&[vec![1], vec![2], vec![3]]), None);
        assert_eq!(null_vector(&[vec![i128::MAX, 3], vec![5, i128::MAX], vec![1, 1]]), None);
    }
}
