//! What the outputs of rows cost, where every output may be wrong by as much as its bound allows.
//!
//! For classes, with K_yj the bound on how fast f_y − f_j can change and r the radius,
//!
//! ```text
//! ℓ_k = log Σ_j exp( f_j + r K_yj ) − f_y                    K_yy = 0
//! ```
//!
//! is the cross-entropy of the worst margins: no change of the inputs by at most r can cost the row more. With the loss φ of a margin (`hinge`,
//! `squared-hinge`) in the place of the logarithm it is the multi-margin loss, the mean of φ(f_y − f_j − r K_yj) over j ≠ y. For numbers with the loss φ it is
//! the larger of φ(e ± r K), e = f − y; of several targets, each of which has an output, it is the sum of these.

use super::norms::sign;
use crate::{Loss, Norm};
use faer::MatRef;

/// What is learned.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target<'a> {
    /// The class of every row, of so many, and what a margin costs where that is not the cross-entropy.
    Classes(Vec<usize>, usize, Option<&'a Loss>),
    /// The numbers of every row, one row after the other, of so many targets, and what missing one costs.
    Numbers(Vec<f32>, usize, &'a Loss),
}

impl Target<'_> {
    pub fn outputs(&self) -> usize {
        match self {
            Target::Classes(_, count, _) => *count,
            Target::Numbers(_, count, _) => *count,
        }
    }
}

/// What may be lost at a distance of 1 in each of the last layer's norms: κ_yj = ‖V_y − V_j‖_q, classes × classes, or ‖V_j‖_q of each target.
pub(super) fn steepness(last: MatRef<'_, f32>, norm: Norm, classes: bool) -> Vec<f32> {
    let count = last.nrows();
    let of = |row: &mut dyn Iterator<Item = f32>| match norm {
        Norm::Two => row.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt() as f32,
        Norm::Infinity => row.map(f32::abs).sum(),
        Norm::One => row.fold(0.0_f32, |largest, x| largest.max(x.abs())),
    };
    if !classes {
        return (0..count).map(|j| of(&mut (0..last.ncols()).map(|k| last[(j, k)]))).collect();
    }
    let mut all = vec![0.0; count * count];
    for y in 0..count {
        for j in 0..y {
            let size = of(&mut (0..last.ncols()).map(|k| last[(y, k)] - last[(j, k)]));
            (all[y * count + j], all[j * count + y]) = (size, size);
        }
    }
    all
}

/// Add to the slopes in V what `of_steepness`, the slopes of the cost in κ, makes of them.
pub(super) fn add_slopes(
    last: MatRef<'_, f32>,
    norm: Norm,
    (steepness, of_steepness): (&[f32], &[f32]),
    mut slopes: faer::MatMut<'_, f32>,
) {
    let (count, width) = (last.nrows(), last.ncols());
    // The slope of a dual norm at a row.
    let direction = |row: &[f32], size: f32| -> Vec<f32> {
        match norm {
            Norm::Two => row.iter().map(|x| x / size).collect(),
            Norm::Infinity => row.iter().map(|x| sign(*x)).collect(),
            Norm::One => {
                let close: Vec<bool> = row.iter().map(|x| x.abs() >= 0.99 * size).collect();
                let share = 1.0 / close.iter().filter(|close| **close).count().max(1) as f32;
                row.iter().zip(close).map(|(x, close)| if close { share * sign(*x) } else { 0.0 }).collect()
            }
        }
    };
    // There are two classes or more, and so more pairs of them than classes.
    if steepness.len() == count {
        for (j, (size, slope)) in steepness.iter().zip(of_steepness).enumerate().filter(|(_, (size, _))| **size > 0.0) {
            let row: Vec<f32> = (0..width).map(|k| last[(j, k)]).collect();
            for (k, direction) in direction(&row, *size).into_iter().enumerate() {
                slopes[(j, k)] += slope * direction;
            }
        }
        return;
    }
    for y in 0..count {
        for j in 0..y {
            let (size, slope) = (steepness[y * count + j], of_steepness[y * count + j] + of_steepness[j * count + y]);
            if size > 0.0 && slope != 0.0 {
                let row: Vec<f32> = (0..width).map(|k| last[(y, k)] - last[(j, k)]).collect();
                for (k, direction) in direction(&row, size).into_iter().enumerate() {
                    slopes[(y, k)] += slope * direction;
                    slopes[(j, k)] -= slope * direction;
                }
            }
        }
    }
}

/// What rows cost together, and its slopes in the bounds.
#[derive(Debug, Clone, Default)]
pub(super) struct Cost {
    pub loss: f64,
    /// The slopes in the bounds times r: as many as there are bounds.
    pub of_bounds: Vec<f64>,
}

impl Cost {
    pub fn zeros(bounds: usize) -> Self {
        Self { of_bounds: vec![0.0; bounds], ..Self::default() }
    }

    pub fn add(&mut self, other: &Self) {
        self.loss += other.loss;
        self.of_bounds.iter_mut().zip(&other.of_bounds).for_each(|(sum, one)| *sum += one);
    }
}

/// The cost of a row of these outputs, and its slopes in them. `moves` are the bounds times r, and `share` what the row counts.
pub(super) fn of_row(
    target: &Target<'_>,
    k: usize,
    (outputs, moves, share): (&[f32], &[f32], f32),
    slopes: &mut [f32],
    cost: &mut Cost,
) {
    match target {
        Target::Classes(classes, count, Some(loss)) => {
            let y = classes[k];
            let part = f64::from(share) / (*count - 1) as f64;
            slopes.fill(0.0);
            for j in (0..*count).filter(|j| *j != y) {
                let margin = f64::from(outputs[y] - outputs[j] - moves[y * count + j]);
                let slope = part * loss.slope(margin, 1.0);
                cost.loss += part * loss.value(margin, 1.0);
                cost.of_bounds[y * count + j] -= slope;
                slopes[y] += slope as f32;
                slopes[j] -= slope as f32;
            }
        }
        Target::Classes(classes, count, None) => {
            let y = classes[k];
            let of_y = &moves[y * count..][..*count];
            let mut largest = f32::NEG_INFINITY;
            for j in 0..*count {
                slopes[j] = outputs[j] + of_y[j];
                largest = largest.max(slopes[j]);
            }
            let mut all = 0.0;
            for slope in slopes.iter_mut() {
                *slope = (*slope - largest).exp();
                all += *slope;
            }
            cost.loss += f64::from(share) * f64::from(all.ln() + largest - outputs[y]);
            for (j, slope) in slopes.iter_mut().enumerate() {
                *slope *= share / all;
                if j != y {
                    cost.of_bounds[y * count + j] += f64::from(*slope);
                }
            }
            slopes[y] -= share;
        }
        Target::Numbers(numbers, count, loss) => {
            for j in 0..*count {
                let (f, y, size) = (f64::from(outputs[j]), f64::from(numbers[k * count + j]), f64::from(moves[j]));
                let (above, below) = (loss.value(f + size, y), loss.value(f - size, y));
                let (worst, at, way) = if above >= below { (above, f + size, 1.0) } else { (below, f - size, -1.0) };
                let slope = f64::from(share) * loss.slope(at, y);
                cost.loss += f64::from(share) * worst;
                cost.of_bounds[j] += way * slope;
                slopes[j] = slope as f32;
            }
        }
    }
}
