//! The second-order cone `v_0 ≥ ‖v_1‖`.
//!
//! With `J = diag(1, −I)`, the normalized pair `s̄ = s/√(sᵀJs)`, `z̄ = z/√(zᵀJz)`, `w = (s̄ + J z̄)/(2γ)`,
//! `γ² = (1 + s̄ᵀz̄)/2` and `η⁴ = sᵀJs / zᵀJz`:
//!
//! ```text
//! W = Wᵀ = η ⎡ w_0   w_1ᵀ                    ⎤      H = W⁻² = η⁻² ( 2 (Jw)(Jw)ᵀ − J )
//!            ⎣ w_1   I + w_1 w_1ᵀ/(1 + w_0)  ⎦
//! ```

/// The scaling of one second-order cone.
#[derive(Debug, Clone)]
pub struct SecondOrderScaling {
    /// The factor `η` of the scaling.
    pub eta: f64,
    /// The vector `w` of the scaling, with `wᵀJw = 1`.
    pub w: Vec<f64>,
    /// `λ = W z = W⁻¹ s`.
    lambda: Vec<f64>,
}

/// `vᵀJv`, computed as a product to keep digits near the boundary.
fn hyperbolic(v: &[f64]) -> f64 {
    let tail = tail_norm(v);
    (v[0] - tail) * (v[0] + tail)
}

fn tail_norm(v: &[f64]) -> f64 {
    v[1..].iter().map(|a| a * a).sum::<f64>().sqrt()
}

pub(super) fn margin(v: &[f64]) -> f64 {
    v[0] - tail_norm(v)
}

impl SecondOrderScaling {
    pub(super) fn identity(n: usize) -> Self {
        let mut unit = vec![0.0; n];
        unit[0] = 1.0;
        Self { eta: 1.0, w: unit.clone(), lambda: unit }
    }

    pub(super) fn update(&mut self, s: &[f64], z: &[f64]) -> bool {
        let (ss, zz) = (hyperbolic(s), hyperbolic(z));
        if !(s[0] > 0.0 && z[0] > 0.0 && ss > 0.0 && zz > 0.0) {
            return false;
        }
        let (rs, rz) = (ss.sqrt(), zz.sqrt());
        let inner: f64 = s.iter().zip(z).map(|(a, b)| (a / rs) * (b / rz)).sum();
        let gamma = (0.5 * (1.0 + inner)).sqrt();
        for k in 0..s.len() {
            let z_bar = if k == 0 { z[k] / rz } else { -z[k] / rz };
            self.w[k] = (s[k] / rs + z_bar) / (2.0 * gamma);
        }
        // Restore wᵀJw = 1 exactly.
        self.w[0] = (1.0 + self.w[1..].iter().map(|a| a * a).sum::<f64>()).sqrt();
        self.eta = (rs / rz).sqrt();
        let lambda = self.forward(z, 1);
        self.lambda = lambda;
        true
    }

    /// `Wᵖ v` through the eigenvectors `(1, ±ŵ)` of `W`, with eigenvalues `η e^{±t}`, `e^t = w_0 + ‖w_1‖`, and `η`
    /// across them: rounding then stays along each eigenvector, which the closed formula does not grant.
    fn power(&self, v: &[f64], p: i32, out: &mut [f64]) {
        let tail = tail_norm(&self.w);
        let inverse = if tail > 0.0 { 1.0 / tail } else { 0.0 };
        let along: f64 = self.w[1..].iter().zip(&v[1..]).map(|(w, v)| w * inverse * v).sum();
        let stretch = self.w[0] + tail;
        let across = self.eta.powi(p);
        let plus = 0.5 * (v[0] + along) * (self.eta * stretch).powi(p);
        let minus = 0.5 * (v[0] - along) * (self.eta / stretch).powi(p);
        out[0] = plus + minus;
        for k in 1..v.len() {
            let w = self.w[k] * inverse;
            out[k] = (plus - minus) * w + across * (v[k] - along * w);
        }
    }

    /// `W v` or `W⁻¹ v`, as a new vector.
    fn forward(&self, v: &[f64], p: i32) -> Vec<f64> {
        let mut out = vec![0.0; v.len()];
        self.power(v, p, &mut out);
        out
    }

    pub(super) fn apply(&self, v: &[f64], out: &mut [f64]) {
        self.power(v, -2, out);
    }

    pub(super) fn length_squared(&self, v: &[f64]) -> f64 {
        self.forward(v, -1).iter().map(|a| a * a).sum()
    }

    pub(super) fn corrector(&self, [ds, dz]: [&[f64]; 2], nu: f64, out: &mut [f64]) {
        let lambda = &self.lambda;
        let mut d = product(lambda, lambda);
        let second = product(&self.forward(ds, -1), &self.forward(dz, 1));
        d.iter_mut().zip(&second).for_each(|(d, s)| *d += s);
        d[0] -= nu;
        out.copy_from_slice(&self.divided(&d));
    }

    /// `Wᵀ(λ \ d)`, by the arrow system `[λ_0 λ_1ᵀ; λ_1 λ_0 I] u = d`.
    fn divided(&self, d: &[f64]) -> Vec<f64> {
        let lambda = &self.lambda;
        let along: f64 = lambda[1..].iter().zip(&d[1..]).map(|(a, b)| a * b).sum();
        let u0 = (lambda[0] * d[0] - along) / hyperbolic(lambda);
        let mut u = vec![u0];
        u.extend((1..d.len()).map(|k| (d[k] - u0 * lambda[k]) / lambda[0]));
        self.forward(&u, 1)
    }

    pub(super) fn recentre(&self, [ds, dz]: [&[f64]; 2], step: f64, bounds: [f64; 2], out: &mut [f64]) {
        let trial = |d: Vec<f64>| -> Vec<f64> { self.lambda.iter().zip(d).map(|(l, d)| l + step * d).collect() };
        let products = product(&trial(self.forward(ds, -1)), &trial(self.forward(dz, 1)));
        let tail = tail_norm(&products);
        let [plus, minus] = [products[0] + tail, products[0] - tail].map(|e| super::centring::towards(e, bounds));
        let mut t = vec![0.5 * (plus + minus)];
        let along = if tail > 0.0 { 0.5 * (plus - minus) / tail } else { 0.0 };
        t.extend(products[1..].iter().map(|p| along * p));
        out.iter_mut().zip(self.divided(&t)).for_each(|(out, t)| *out -= t);
    }
}

/// The Jordan product.
fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut p = vec![a.iter().zip(b).map(|(a, b)| a * b).sum()];
    p.extend((1..a.len()).map(|k| a[0] * b[k] + b[0] * a[k]));
    p
}

pub(super) fn longest_step([s, z]: [&[f64]; 2], [ds, dz]: [&[f64]; 2]) -> f64 {
    one_step(s, ds).min(one_step(z, dz))
}

/// The smallest positive root of `(v + α dv)ᵀ J (v + α dv) = 0`.
fn one_step(v: &[f64], dv: &[f64]) -> f64 {
    let c = hyperbolic(v);
    let b = v[0] * dv[0] - v[1..].iter().zip(&dv[1..]).map(|(a, b)| a * b).sum::<f64>();
    let a = hyperbolic(dv);
    if a >= 0.0 && dv[0] >= 0.0 {
        return f64::INFINITY;
    }
    // Every other direction leaves the cone, so the root is real up to rounding.
    let root = (b * b - a * c).max(0.0).sqrt();
    // c + 2bα + aα² = 0 with c > 0; the stable form of the smallest positive root.
    let denominator = root - b;
    if denominator > 0.0 { c / denominator } else { f64::INFINITY }
}
