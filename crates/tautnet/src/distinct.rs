//! Rows with the same inputs, as one row.

use crate::Dataset;
use std::collections::{HashMap, hash_map::Entry};

/// Rows with the same inputs are one point: their cones are the same, and for the squared error so is their loss, up to a constant:
/// `Σ w (f − y)² = W (f − ȳ)² + spread`.
#[derive(Debug, Clone)]
pub struct Distinct {
    /// The first row of each group.
    pub rows: Vec<usize>,
    /// Which group each row is in.
    pub group: Vec<usize>,
    /// The weighted mean of each group's targets.
    pub y: Vec<f64>,
    /// The sum of each group's weights.
    pub weight: Vec<f64>,
    /// The part of the loss that no network can avoid: equal rows with different targets.
    pub spread: f64,
}

impl Distinct {
    /// The groups of the rows, with these targets and weights in the place of their own.
    pub fn of(data: &Dataset, y: &[f64], weight: &[f64]) -> Self {
        let mut place: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for k in 0..data.rows() {
            // −0 and 0 are the same input.
            let bits = (0..data.columns()).map(|j| (data.x[(k, j)] + 0.0).to_bits()).collect();
            match place.entry(bits) {
                Entry::Occupied(group) => groups[*group.get()].push(k),
                Entry::Vacant(free) => {
                    free.insert(groups.len());
                    groups.push(vec![k]);
                }
            }
        }
        let total = |group: &[usize]| group.iter().map(|&k| weight[k]).sum::<f64>();
        let mean = |group: &[usize]| match total(group) {
            w if w > 0.0 => group.iter().map(|&k| weight[k] * y[k]).sum::<f64>() / w,
            _ => y[group[0]],
        };
        let means: Vec<f64> = groups.iter().map(|group| mean(group)).collect();
        let away = |(group, mean): (&Vec<usize>, &f64)| -> f64 {
            group.iter().map(|&k| weight[k] * (y[k] - mean).powi(2)).sum()
        };
        let mut group_of = vec![0; data.rows()];
        groups.iter().enumerate().for_each(|(g, group)| group.iter().for_each(|&k| group_of[k] = g));
        Self {
            rows: groups.iter().map(|group| group[0]).collect(),
            group: group_of,
            weight: groups.iter().map(|group| total(group)).collect(),
            spread: groups.iter().zip(&means).map(away).sum(),
            y: means,
        }
    }
}
