//! The nonnegative orthant: everything is elementwise, `H = diag(z/s)`, and long vectors are walked in parallel.

use crate::vector::CHUNK;
use rayon::prelude::*;

pub(super) fn margin(v: &[f64]) -> f64 {
    v.par_chunks(CHUNK).map(|v| v.iter().fold(f64::INFINITY, |m, &a| m.min(a))).reduce(|| f64::INFINITY, f64::min)
}

pub(super) fn scale(h: &mut [f64], s: &[f64], z: &[f64]) -> bool {
    h.par_chunks_mut(CHUNK)
        .zip(s.par_chunks(CHUNK))
        .zip(z.par_chunks(CHUNK))
        .map(|((h, s), z)| {
            let mut inside = true;
            for ((h, &s), &z) in h.iter_mut().zip(s).zip(z) {
                inside &= s > 0.0 && z > 0.0;
                *h = z / s;
            }
            inside
        })
        .reduce(|| true, |a, b| a & b)
}

pub(super) fn apply(h: &[f64], v: &[f64], out: &mut [f64]) {
    out.par_chunks_mut(CHUNK).zip(h.par_chunks(CHUNK)).zip(v.par_chunks(CHUNK)).for_each(|((out, h), v)| {
        for ((out, &h), &v) in out.iter_mut().zip(h).zip(v) {
            *out = h * v;
        }
    });
}

pub(super) fn length_squared(h: &[f64], v: &[f64]) -> f64 {
    let partial: Vec<f64> = h
        .par_chunks(CHUNK)
        .zip(v.par_chunks(CHUNK))
        .map(|(h, v)| h.iter().zip(v).map(|(h, v)| h * v * v).sum())
        .collect();
    partial.iter().sum()
}

/// `(s z + ds dz − ν) / z`.
pub(super) fn corrector([s, z]: [&[f64]; 2], [ds, dz]: [&[f64]; 2], nu: f64, out: &mut [f64]) {
    out.par_chunks_mut(CHUNK)
        .zip(s.par_chunks(CHUNK).zip(z.par_chunks(CHUNK)))
        .zip(ds.par_chunks(CHUNK).zip(dz.par_chunks(CHUNK)))
        .for_each(|((out, (s, z)), (ds, dz))| {
            for k in 0..out.len() {
                out[k] = s[k] + (ds[k] * dz[k] - nu) / z[k];
            }
        });
}

/// The projection of the products at the trial point, `t / z` subtracted.
pub(super) fn recentre(point: [&[f64]; 2], direction: [&[f64]; 2], step: f64, bounds: [f64; 2], out: &mut [f64]) {
    let ([s, z], [ds, dz]) = (point, direction);
    out.par_chunks_mut(CHUNK)
        .zip(s.par_chunks(CHUNK).zip(z.par_chunks(CHUNK)))
        .zip(ds.par_chunks(CHUNK).zip(dz.par_chunks(CHUNK)))
        .for_each(|((out, (s, z)), (ds, dz))| {
            for k in 0..out.len() {
                let product = (s[k] + step * ds[k]) * (z[k] + step * dz[k]);
                out[k] -= super::centring::towards(product, bounds) / z[k];
            }
        });
}

pub(super) fn longest_step([s, z]: [&[f64]; 2], [ds, dz]: [&[f64]; 2]) -> f64 {
    let one = |v: &[f64], dv: &[f64]| {
        // The largest of −dv/v is the reciprocal of the step: one division, no branch.
        let worst = v
            .par_chunks(CHUNK)
            .zip(dv.par_chunks(CHUNK))
            .map(|(v, dv)| v.iter().zip(dv).fold(0.0f64, |m, (&v, &dv)| m.max(-dv / v)))
            .reduce(|| 0.0, f64::max);
        if worst > 0.0 { 1.0 / worst } else { f64::INFINITY }
    };
    one(s, ds).min(one(z, dz))
}
