//! The norm that is dual to that of the perturbations, and its proximal step.

use tautnet::Norm;

/// The largest δ·v over ‖δ‖ ≤ 1.
pub(super) fn dual(norm: Norm, v: &[f64]) -> f64 {
    norm.dual().of(v)
}

/// `argmin over x of t‖x‖ + ½‖x − v‖²` with the dual norm in the place of v: what is taken away is the nearest point of the ball of radius t.
pub(super) fn shrink(norm: Norm, t: f64, v: &mut [f64]) {
    match norm {
        Norm::Infinity => v.iter_mut().for_each(|v| *v -= v.clamp(-t, t)),
        Norm::Two => {
            let size = norm.of(v);
            let keep = if size > t { 1.0 - t / size } else { 0.0 };
            v.iter_mut().for_each(|v| *v *= keep);
        }
        Norm::One => {
            let level = level(t, v);
            v.iter_mut().for_each(|v| *v = v.clamp(-level, level));
        }
    }
}

/// The dual norm of what [`shrink`] leaves.
pub(super) fn left(norm: Norm, t: f64, v: &[f64]) -> f64 {
    match norm {
        Norm::Infinity => v.iter().map(|v| (v.abs() - t).max(0.0)).sum(),
        Norm::Two => (norm.of(v) - t).max(0.0),
        Norm::One => level(t, v),
    }
}

/// The level above which the entries come to t, 0 where all of them are less.
fn level(t: f64, v: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = v.iter().map(|v| v.abs()).collect();
    sizes.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut total, mut level) = (0.0, 0.0);
    for (count, size) in sizes.iter().enumerate() {
        total += size;
        let next = (total - t) / (count + 1) as f64;
        if *size >= next {
            level = next;
        }
    }
    level.max(0.0)
}
