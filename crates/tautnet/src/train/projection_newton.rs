//! The linear algebra of one iteration of [`super::projection`]: the Nesterov–Todd scaling of Γ and Ω, and the Newton
//! equation in scaled coordinates,
//!
//! ```text
//! dΓ̃ + Σ_i ( R̃_i dΓ̃ ũ_iũ_iᵀ + ũ_iũ_iᵀ dΓ̃ R̃_i ) + dρ·Ẽ = right-hand side,      ⟨Ẽ, dΓ̃⟩ = what tr Γ_dd lacks (where ρ is free).
//! ```
//!
//! With `J = Σ_i vec(R̃_i) vec(ũ_iũ_iᵀ)ᵀ` over lower triangles, one product of two matrices, its entry for the unit
//! matrices (a,b) and (c,d) of the symmetric matrices is, but for factors √2 of off-diagonal places,
//! `J⁺[ac,bd] + J⁺[ad,bc]`, `J⁺ = J + Jᵀ`. Up to [`DIRECT`] unknowns it is factored; beyond, conjugate gradients
//! with its diagonal apply it as the formula says, for its factor would cost (d/70)⁶ seconds.

use crate::dense;
use faer::Mat;

/// Unknowns up to which the equation is factored.
const DIRECT: usize = 1600;
/// Relative residual of conjugate gradients, and their most iterations.
const CONJUGATE: (f64, usize) = (1e-10, 500);

/// Γ = QΛ̃Qᵀ, Ω = Q⁻ᵀΛ̃Q⁻¹.
pub(super) struct Scaling {
    g: Mat<f64>,
    inverse: Mat<f64>,
    pub lambda: Vec<f64>,
    pub x: Mat<f64>,
    pub s: Mat<f64>,
}

impl Scaling {
    pub fn of(x: &Mat<f64>, s: &Mat<f64>) -> Option<Self> {
        Self::from_roots(root(x.clone())?, root(s.clone())?)
    }

    /// From the Cholesky factors X of Γ and S of Ω: with the singular values `SᵀX = U′Λ̃V′ᵀ`, `Q = X V′ Λ̃^{-½}` and
    /// `Q⁻¹ = Λ̃^{-½} U′ᵀ Sᵀ`.
    fn from_roots(x: Mat<f64>, s: Mat<f64>) -> Option<Self> {
        let q = x.nrows();
        let (left, lambda, right) = dense::singular_vectors(&dense::multiply(s.transpose(), x.as_ref()))?;
        if !lambda.iter().all(|a| *a > 0.0 && a.is_finite()) {
            return None;
        }
        let mut g = dense::multiply(x.as_ref(), right.as_ref());
        let mut inverse = dense::multiply(left.transpose(), s.transpose());
        for a in 0..q {
            let by = 1.0 / lambda[a].sqrt();
            for b in 0..q {
                g[(b, a)] *= by;
                inverse[(a, b)] *= by;
            }
        }
        let square = |l: &Mat<f64>| symmetric(dense::gram_of_rows(l.as_ref()));
        Some(Self { g, inverse, lambda, x: square(&x), s: square(&s) })
    }

    /// QᵀAQ: how a matrix A looks beside Ω.
    pub fn dual(&self, a: &Mat<f64>) -> Mat<f64> {
        let half = dense::multiply(self.g.transpose(), a.as_ref());
        symmetric(dense::multiply(half.as_ref(), self.g.as_ref()))
    }

    /// The scaling at Γ + t dΓ and Ω + t dΩ, directions in scaled coordinates. The roots are moved, not the matrices:
    /// their small eigenvalues keep their digits.
    pub fn moved(&self, length: f64, dx: &Mat<f64>, ds: &Mat<f64>) -> Option<Self> {
        let at = |direction: &Mat<f64>| {
            let q = self.lambda.len();
            let place = |a: usize, b: usize| if a == b { self.lambda[a] } else { 0.0 };
            root(Mat::from_fn(q, q, |a, b| place(a, b) + length * direction[(a, b)]))
        };
        let x = dense::multiply(self.g.as_ref(), at(dx)?.as_ref());
        let s = dense::multiply(self.inverse.transpose(), at(ds)?.as_ref());
        Self::from_roots(x, s)
    }

    /// The largest t with Λ̃ + t·A ⪰ 0.
    pub fn longest(&self, a: &Mat<f64>) -> f64 {
        let q = self.lambda.len();
        let negated = Mat::from_fn(q, q, |i, j| -a[(i, j)] / (self.lambda[i] * self.lambda[j]).sqrt());
        match dense::largest_eigenvalue(&negated) {
            Some(value) if value <= 0.0 => f64::INFINITY,
            Some(value) => 1.0 / value,
            None => 0.0,
        }
    }
}

/// The Cholesky factor, zero above its diagonal.
fn root(mut a: Mat<f64>) -> Option<Mat<f64>> {
    if !dense::cholesky(&mut a) {
        return None;
    }
    (0..a.ncols()).for_each(|b| (0..b).for_each(|c| a[(c, b)] = 0.0));
    Some(a)
}

/// A direction: of Γ and Ω in scaled coordinates, and of ρ.
pub(super) struct Direction {
    pub x: Mat<f64>,
    pub s: Mat<f64>,
    pub square: f64,
}

/// The Newton equation at one point.
pub(super) struct Newton {
    places: Places,
    equation: Equation,
    /// Ẽ, what the equation makes of it, and what tr Γ_dd lacks; where ρ is free.
    free: Option<(Vec<f64>, Vec<f64>, f64)>,
}

enum Equation {
    /// A Cholesky factor.
    Factored(Mat<f64>),
    /// R̃_i, ũ_i and the diagonal.
    Applied(Vec<Mat<f64>>, Mat<f64>, Vec<f64>),
}

impl Newton {
    pub fn new(scaling: &Scaling, u: &Mat<f64>, factors: &[Mat<f64>], missing: Option<f64>) -> Option<Self> {
        let q = scaling.lambda.len();
        let places = Places::new(q);
        let inverse = |factor: &Mat<f64>| {
            let mut half = scaling.g.clone();
            dense::solve_lower(factor.as_ref(), half.as_mut());
            dense::gram(half.as_ref())
        };
        let scaled = dense::multiply(scaling.g.transpose(), u.as_ref());
        let equation = if places.len() <= DIRECT {
            Equation::factored(&places, factors.iter().map(inverse), &scaled)?
        } else {
            Equation::applied(&places, factors.iter().map(|factor| symmetric(inverse(factor))).collect(), scaled)
        };
        let mut newton = Self { places, equation, free: None };
        newton.free = missing.map(|missing| {
            // Ẽ = QᵀQ without the last row of Q.
            let place = |a: usize, b: usize| (0..q - 1).map(|k| scaling.g[(k, a)] * scaling.g[(k, b)]).sum();
            let e = newton.places.vector(&Mat::from_fn(q, q, place));
            let solved = newton.solve(&e);
            (e, solved, missing)
        });
        Some(newton)
    }

    /// The direction for `dΓ̃ + dΩ̃ = aim` and `keep` of the infeasibilities less.
    pub fn step(&self, aim: &Mat<f64>, infeasible: &Mat<f64>, keep: f64) -> Direction {
        let right = self.places.vector(&(aim + keep * infeasible));
        let mut x = self.solve(&right);
        let mut square = 0.0;
        if let Some((e, solved, missing)) = &self.free {
            square = (dot(e, &x) - keep * missing) / dot(e, solved);
            x.iter_mut().zip(solved).for_each(|(x, s)| *x -= square * s);
        }
        let x = self.places.matrix(&x);
        let s = aim - &x;
        Direction { x, s, square }
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        match &self.equation {
            Equation::Factored(factor) => {
                let mut x = Mat::from_fn(right.len(), 1, |a, _| right[a]);
                dense::solve_lower(factor.as_ref(), x.as_mut());
                dense::solve_lower_transposed(factor.as_ref(), x.as_mut());
                x.col_as_slice(0).to_vec()
            }
            Equation::Applied(r, u, diagonal) => conjugate_gradients(|v| apply(&self.places, r, u, v), diagonal, right),
        }
    }
}

impl Equation {
    fn factored(places: &Places, r: impl Iterator<Item = Mat<f64>>, u: &Mat<f64>) -> Option<Self> {
        let (count, m) = (places.len(), u.ncols());
        let mut inverses = Mat::zeros(count, m);
        for (i, r) in r.enumerate() {
            places.pairs.iter().enumerate().for_each(|(n, &(a, b))| inverses[(n, i)] = r[(a, b)]);
        }
        let products = Mat::from_fn(count, m, |n, i| {
            let (a, b) = places.pairs[n];
            u[(a, i)] * u[(b, i)]
        });
        let k = dense::multiply(inverses.as_ref(), products.transpose());
        let hat = |a: usize, b: usize, c: usize, d: usize| {
            let (first, second) = (places.at(a, b), places.at(c, d));
            k[(first, second)] + k[(second, first)]
        };
        let mut matrix = Mat::zeros(count, count);
        for column in 0..count {
            let (c, d) = places.pairs[column];
            for row in column..count {
                let (a, b) = places.pairs[row];
                let factor = places.half(a, b) * places.half(c, d);
                matrix[(row, column)] = factor * (hat(a, c, b, d) + hat(a, d, b, c));
            }
            matrix[(column, column)] += 1.0;
        }
        // Where rounding makes it indefinite a ridge helps; the step is checked by what it does to the residuals.
        let mut ridge = 0.0;
        while ridge < 1e-6 {
            let mut factor = matrix.clone();
            (0..count).for_each(|n| factor[(n, n)] *= 1.0 + ridge);
            if dense::cholesky(&mut factor) {
                return Some(Self::Factored(factor));
            }
            ridge = if ridge == 0.0 { 1e-15 } else { 100.0 * ridge };
        }
        None
    }

    fn applied(places: &Places, r: Vec<Mat<f64>>, u: Mat<f64>) -> Self {
        let entry = |&(a, b): &(usize, usize)| {
            let one = |i: usize| {
                let (ua, ub) = (u[(a, i)], u[(b, i)]);
                r[i][(a, a)] * ub * ub + r[i][(b, b)] * ua * ua + 2.0 * r[i][(a, b)] * ua * ub
            };
            1.0 + places.half(a, b).powi(2) * (0..u.ncols()).map(one).sum::<f64>()
        };
        let diagonal = places.pairs.iter().map(entry).collect();
        Self::Applied(r, u, diagonal)
    }
}

/// dΓ̃ + Σ_i ( R̃_i dΓ̃ũ_i ũ_iᵀ + ũ_i (R̃_i dΓ̃ũ_i)ᵀ ).
fn apply(places: &Places, r: &[Mat<f64>], u: &Mat<f64>, v: &[f64]) -> Vec<f64> {
    let matrix = places.matrix(v);
    let images = dense::multiply(matrix.as_ref(), u.as_ref());
    let mut solved = Mat::zeros(u.nrows(), u.ncols());
    for (i, r) in r.iter().enumerate() {
        let image = images.as_ref().subcols(i, 1);
        solved.as_mut().subcols_mut(i, 1).copy_from(dense::multiply(r.as_ref(), image));
    }
    let product = dense::multiply(solved.as_ref(), u.transpose());
    places.vector(&(&matrix + &product + product.transpose()))
}

fn conjugate_gradients(apply: impl Fn(&[f64]) -> Vec<f64>, diagonal: &[f64], right: &[f64]) -> Vec<f64> {
    let mut x = vec![0.0; right.len()];
    let mut residual = right.to_vec();
    let mut z: Vec<f64> = residual.iter().zip(diagonal).map(|(r, d)| r / d).collect();
    let mut direction = z.clone();
    let mut size = dot(&residual, &z);
    let enough = CONJUGATE.0.powi(2) * size;
    for _ in 0..CONJUGATE.1 {
        if size <= enough {
            break;
        }
        let image = apply(&direction);
        let length = size / dot(&direction, &image);
        for n in 0..x.len() {
            x[n] += length * direction[n];
            residual[n] -= length * image[n];
            z[n] = residual[n] / diagonal[n];
        }
        let next = dot(&residual, &z);
        direction.iter_mut().zip(&z).for_each(|(p, z)| *p = z + next / size * *p);
        size = next;
    }
    x
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Symmetric matrices as vectors: lower triangle by columns, off-diagonal entries times √2.
struct Places {
    pairs: Vec<(usize, usize)>,
    order: usize,
}

impl Places {
    fn new(order: usize) -> Self {
        Self { pairs: (0..order).flat_map(|b| (b..order).map(move |a| (a, b))).collect(), order }
    }

    fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Where the entry (a, b) = (b, a) stands.
    fn at(&self, a: usize, b: usize) -> usize {
        let (a, b) = if a >= b { (a, b) } else { (b, a) };
        b * self.order - b * (b + 1) / 2 + a
    }

    /// 1 off the diagonal, √½ on it.
    fn half(&self, a: usize, b: usize) -> f64 {
        if a == b { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 }
    }

    fn vector(&self, matrix: &Mat<f64>) -> Vec<f64> {
        self.pairs.iter().map(|&(a, b)| std::f64::consts::SQRT_2 * self.half(a, b) * matrix[(a, b)]).collect()
    }

    fn matrix(&self, vector: &[f64]) -> Mat<f64> {
        let entry = |a: usize, b: usize| vector[self.at(a, b)] / (std::f64::consts::SQRT_2 * self.half(a, b));
        Mat::from_fn(self.order, self.order, entry)
    }
}

/// The matrix whose lower triangle is given.
pub(super) fn symmetric(mut lower: Mat<f64>) -> Mat<f64> {
    for b in 0..lower.ncols() {
        for a in 0..b {
            lower[(a, b)] = lower[(b, a)];
        }
    }
    lower
}
