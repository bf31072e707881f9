//! Long vectors: sums are taken over fixed chunks, so results do not depend on the number of threads.

use rayon::prelude::*;

/// Chunk length of every parallel loop; also the length under which loops stay on one thread.
pub const CHUNK: usize = 1 << 15;

/// The product `aᵀb`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let short = |a: &[f64], b: &[f64]| {
        // Eight partial sums: a fixed order that the compiler can keep in vector registers.
        let mut sums = [0.0; 8];
        let (ca, cb) = (a.chunks_exact(8), b.chunks_exact(8));
        let tail: f64 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x * y).sum();
        for (x, y) in ca.zip(cb) {
            for l in 0..8 {
                sums[l] += x[l] * y[l];
            }
        }
        sums.iter().sum::<f64>() + tail
    };
    if a.len() <= CHUNK {
        return short(a, b);
    }
    let partial: Vec<f64> = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(|(a, b)| short(a, b)).collect();
    partial.iter().sum()
}

/// The largest absolute value `‖a‖_∞`.
pub fn largest(a: &[f64]) -> f64 {
    let short = |a: &[f64]| a.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    if a.len() <= CHUNK { short(a) } else { a.par_chunks(CHUNK).map(short).reduce(|| 0.0, f64::max) }
}

/// `out[k] = f(out[k], a[k])`.
pub fn update(out: &mut [f64], a: &[f64], f: impl Fn(f64, f64) -> f64 + Sync) {
    let short = |out: &mut [f64], a: &[f64]| out.iter_mut().zip(a).for_each(|(o, &a)| *o = f(*o, a));
    if out.len() <= CHUNK {
        short(out, a);
    } else {
        out.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).for_each(|(out, a)| short(out, a));
    }
}

/// `out += alpha · a`.
pub fn add(out: &mut [f64], alpha: f64, a: &[f64]) {
    update(out, a, |o, a| o + alpha * a);
}
