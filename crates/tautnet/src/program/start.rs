//! A perfectly centred start from the given network.
//!
//! The linear matrix inequality is strictly feasible for large L. With `slack = E(L) − Σ_i ζ_i ζ_iᵀ/(2ℓ_i) ≻ 0`, in
//! which a linear part stands too, give every clique and the coupling the same share of it:
//! `U_i = ζ_i ζ_iᵀ/(2ℓ_i) + slack/(m+1)`, so `E − ΣU_i = slack/(m+1)`. The dual point, μ times the inverse of each matrix, is then on the
//! central path *and* feasible for every `U_i`, because all separators have the same inverse; the price of L fixes μ.
//! The relu cones take the network's own pre-activations, lifted where they are too small, and `z = μ/s`. Only loss
//! gradients and lifted rows are infeasible at the start.

use super::{inequality::Inequality, training::TrainingProgram};
use faer::{Mat, Side, linalg::solvers::DenseSolveCore};
use tautnet_cone::{Cone, Linear, Program, Start, cone::svec, vector::dot};

/// How far above the least feasible `L` the start lies.
const ROOM: f64 = 2.0;
/// A unit's length is at least this part of the one at which the barrier of its listed cell balances the price.
const SHORT: f64 = 0.1;
/// A slack of a listed cell is at least this part of the unit's mean.
const SUNK: f64 = 1e-4;
/// How much larger than the price of L asks the first complementarity is: room to reduce the loss's gradient.
const LARGER: f64 = 3.0;

/// The network from which a program starts, in its coordinates.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// z̄ of the units, e × m.
    pub z: Mat<f64>,
    /// The linear part, d; zeros where there is none.
    pub linear: Vec<f64>,
}

/// The start for a program from the given network; `None` where that is degenerate (no weights), and for a worst case: there the
/// variables of the rows start better by least squares.
///
/// `floor` is the least that counts as the size of the slopes, of ℓ and of the first complementarity; 0 for a first
/// attempt.
pub(crate) fn starting_point(program: &TrainingProgram, given: &Given, floor: f64) -> Option<Start> {
    if program.terms.worst.is_some() {
        return None;
    }
    let layout = &program.layout;
    let (d, m) = (layout.d, layout.m);
    let lengths: Vec<f64> =
        (0..m).map(|i| (0..d).map(|a| given.z[(a, i)] * given.z[(a, i)]).sum::<f64>().sqrt()).collect();
    let typical = (lengths.iter().sum::<f64>() / m as f64).max(floor);
    if !(typical.is_normal()) {
        return None;
    }
    let bounded = match &program.terms.inequality {
        Some(inequality) => Some(Bounded::new(program, inequality, given, floor)?),
        None => None,
    };
    let x = variables(program, bounded.as_ref(), given, typical);
    let mut s = vec![0.0; program.constant().len()];
    program.apply(&x, &mut s);
    s.iter_mut().zip(program.constant()).for_each(|(s, b)| *s += b);
    // Relu cones: lift what is under a tenth of the unit's mean pre-activation.
    let cells = program.terms.cells.as_ref().map_or(0..0, |cells| cells.range());
    for part in s[cells].chunks_mut(layout.n.max(1)) {
        let mean = part.iter().map(|s| s.abs()).sum::<f64>() / part.len() as f64;
        let floor = (0.1 * mean).max(typical);
        part.iter_mut().for_each(|s| *s = s.max(floor));
    }
    let mu = complementarity(program, bounded.as_ref(), &s, floor);
    let z = multipliers(program, bounded.as_ref(), &s, mu)?;
    Some(Start { x, s, z })
}

/// The start inside listed cells, from weights in the middle of them: on the central path but for the loss's gradient, with as much
/// complementarity as there is objective. What is not inside is lifted. `None` where the given network is degenerate.
pub(crate) fn central_start(program: &TrainingProgram, given: &Given) -> Option<Start> {
    let (layout, lengths, listed) = (&program.layout, program.terms.lengths.as_ref()?, program.terms.listed.as_ref()?);
    let typical = (0..layout.m).map(|i| given.z.col(i).norm_l2()).sum::<f64>() / layout.m as f64;
    if !typical.is_normal() {
        return None;
    }
    let turned = &lengths.turn * &given.z;
    let mut long: Vec<f64> = (0..layout.m).map(|i| turned.col(i).norm_l2()).collect();
    let mut x = variables(program, None, given, typical);
    (0..layout.m).for_each(|i| x[layout.length(i)] = long[i]);
    let curved = program.curved(&x, &mut vec![0.0; x.len()]);
    let objective = curved.value + dot(program.linear(), &x) + program.offset();
    let mu = (objective / program.constant().len() as f64).max(f64::MIN_POSITIVE);
    for (i, list) in listed.lists.iter().enumerate() {
        // The barrier of a unit that is far too short would push harder than any price.
        let least = SHORT * mu * list.len() as f64 / lengths.price;
        if long[i] > 0.0 && long[i] < least {
            let z = &mut x[layout.unit(i)..][..layout.e()];
            z.iter_mut().for_each(|z| *z *= least / long[i]);
            long[i] = least;
        }
        // The length's own multiplier is then its price.
        let half = 0.5 * mu / lengths.price;
        x[layout.length(i)] = half + half.hypot(long[i]);
    }
    let mut s = vec![0.0; program.constant().len()];
    program.apply(&x, &mut s);
    s.iter_mut().zip(program.constant()).for_each(|(s, b)| *s += b);
    let mut at = 0;
    for list in listed.lists.iter() {
        let part = &mut s[listed.range()][at..at + list.len()];
        at += list.len();
        let mean = part.iter().map(|s| s.abs()).sum::<f64>() / part.len().max(1) as f64;
        let floor = if mean > 0.0 { SUNK * mean } else { SUNK * typical };
        part.iter_mut().for_each(|s| *s = s.max(floor));
    }
    let z = multipliers(program, None, &s, mu)?;
    Some(Start { x, s, z })
}

/// The given network inside the matrix inequality: every clique and the coupling with the same slack.
struct Bounded {
    z: Mat<f64>,
    linear: Vec<f64>,
    ell: Vec<f64>,
    /// `D / (m + 1)`.
    slack: Mat<f64>,
    bound: f64,
    /// E = L·diag(weights).
    weights: Vec<f64>,
    /// The complementarity that the price of L asks for.
    mu: f64,
}

impl Bounded {
    fn new(program: &TrainingProgram, inequality: &Inequality, given: &Given, floor: f64) -> Option<Self> {
        let layout = &program.layout;
        let (d, e, m, q) = (layout.d, layout.e(), layout.m, layout.separator());
        let priced = program.terms.bound.as_ref()?;
        let Given { mut z, mut linear } = given.clone();
        let own = |k: usize| (0..m).map(|i| z[(k, i)].abs()).sum::<f64>() + linear[k].abs();
        let row = |k: usize| own(k) / priced.metric[k].sqrt();
        let total: f64 = (0..d).map(row).sum::<f64>().max(f64::MIN_POSITIVE);
        let weights: Vec<f64> = (0..q)
            .map(|k| match k {
                k if k == d => 1.0,
                k if layout.infinity => priced.metric[k] * (0.4 * row(k) / total + 0.4 / d as f64),
                k => priced.metric[k],
            })
            .collect();
        // ℓ balances z against its own entry of c in the metric of E.
        let size = |i: usize| (0..d).map(|k| z[(k, i)] * z[(k, i)] / weights[k]).sum::<f64>().sqrt();
        let sizes: Vec<f64> = (0..m).map(size).collect();
        let mean = sizes.iter().sum::<f64>() / m as f64;
        let mut ell: Vec<f64> = (0..m)
            .map(|i| match layout.ell() {
                Some(_) => sizes[i].max(0.3 * mean).max(floor),
                None => 0.5 * program.constant()[inequality.clique_rows(layout, i).end - 1],
            })
            .collect();
        if layout.ell().is_none() {
            // Balanced units have ℓ = size, so one with a smaller held ℓ must be smaller.
            z = Mat::from_fn(e, m, |a, i| if sizes[i] > ell[i] { z[(a, i)] * (ell[i] / sizes[i]) } else { z[(a, i)] });
        }
        let least = |z: &Mat<f64>, linear: &[f64], ell: &[f64]| -> Option<(Mat<f64>, f64)> {
            // With −a in E's last row and column.
            let mut c = Mat::<f64>::zeros(q, q);
            for (k, a) in linear.iter().enumerate() {
                (c[(k, d)], c[(d, k)]) = (*a, *a);
            }
            for i in 0..m {
                let entry = |a: usize| if a < d { z[(a, i)] } else { program.sign[i] * ell[i] };
                for b in 0..q {
                    for a in 0..q {
                        c[(a, b)] += entry(a) * entry(b) / (2.0 * ell[i]);
                    }
                }
            }
            let scaled = Mat::from_fn(q, q, |a, b| c[(a, b)] / (weights[a] * weights[b]).sqrt());
            let largest = *scaled.self_adjoint_eigenvalues(Side::Lower).ok()?.last()?;
            largest.is_normal().then_some((c, largest))
        };
        let (mut c, mut bound) = least(&z, &linear, &ell)?;
        if let Some(limit) = priced.limit {
            // Start at half the limit: everything is homogeneous in (Z, ℓ, L).
            let shrink = (limit / (2.0 * ROOM * bound)).min(1.0);
            if layout.ell().is_some() {
                z = Mat::from_fn(e, m, |a, i| shrink * z[(a, i)]);
                ell.iter_mut().chain(&mut linear).for_each(|l| *l *= shrink);
                (c, bound) = least(&z, &linear, &ell)?;
            }
        }
        let bound = ROOM * bound;
        let slack = Mat::from_fn(q, q, |a, b| {
            let e = if a == b { bound * weights[a] } else { 0.0 };
            (e - c[(a, b)]) / (m + 1) as f64
        });
        // The price of L: tr(E' X) = price with X = μ slack⁻¹ (at λL² the price is 2λL).
        let inverse = slack.llt(Side::Lower).ok()?.inverse();
        let trace: f64 = (0..q).map(|k| weights[k] * inverse[(k, k)]).sum();
        let price = priced.linear + priced.square * bound;
        Some(Self { z, linear, ell, slack, bound, weights, mu: price / trace })
    }

    /// `ζ_i`.
    fn entry(&self, program: &TrainingProgram, i: usize, a: usize) -> f64 {
        if a < program.layout.d { self.z[(a, i)] } else { program.sign[i] * self.ell[i] }
    }

    /// L, p, the separators and ℓ.
    fn write(&self, program: &TrainingProgram, x: &mut [f64]) {
        let layout = &program.layout;
        let q = layout.separator();
        x[layout.bound()] = self.bound;
        if layout.infinity {
            (0..layout.d).for_each(|k| x[layout.p() + k] = self.bound * self.weights[k]);
        }
        for i in 0..layout.m {
            let entry = |a: usize| self.entry(program, i, a);
            let u = Mat::from_fn(q, q, |a, b| self.slack[(a, b)] + entry(a) * entry(b) / (2.0 * self.ell[i]));
            svec(u.as_ref(), &mut x[layout.separators() + i * layout.pairs()..][..layout.pairs()]);
            if let Some(l) = layout.ell() {
                x[layout.unit(i) + l] = self.ell[i];
            }
        }
    }

    /// The multipliers `μ S⁻¹` of the cliques and of the coupling.
    fn multipliers(&self, program: &TrainingProgram, inequality: &Inequality, mu: f64, dual: &mut [f64]) -> Option<()> {
        let layout = &program.layout;
        let q = layout.separator();
        let inverse = self.slack.llt(Side::Lower).ok()?.inverse();
        for i in 0..layout.m {
            // S_i⁻¹ = [ D⁻¹  −D⁻¹c/2ℓ ; ·  1/2ℓ + cᵀD⁻¹c/4ℓ² ] with D the common slack.
            let ell = self.ell[i];
            let c = Mat::from_fn(q, 1, |a, _| self.entry(program, i, a));
            let side = &inverse * &c;
            let corner = 1.0 / (2.0 * ell) + (c.transpose() * &side)[(0, 0)] / (4.0 * ell * ell);
            let full = Mat::from_fn(q + 1, q + 1, |a, b| {
                mu * match (a < q, b < q) {
                    (true, true) => inverse[(a, b)],
                    (false, false) => corner,
                    (true, false) => -side[(a, 0)] / (2.0 * ell),
                    (false, true) => -side[(b, 0)] / (2.0 * ell),
                }
            });
            svec(full.as_ref(), &mut dual[inequality.clique_rows(layout, i)]);
        }
        let top = Mat::from_fn(q, q, |a, b| mu * inverse[(a, b)]);
        svec(top.as_ref(), &mut dual[inequality.coupling_rows(layout)]);
        Some(())
    }
}

/// The variables of the start.
fn variables(program: &TrainingProgram, bounded: Option<&Bounded>, given: &Given, typical: f64) -> Vec<f64> {
    let layout = &program.layout;
    let mut x = vec![0.0; layout.variables()];
    let (z, linear) = bounded.map_or((&given.z, &given.linear), |bounded| (&bounded.z, &bounded.linear));
    if let Some(bounded) = bounded {
        bounded.write(program, &mut x);
    }
    if let Some(at) = layout.linear_part() {
        x[at].copy_from_slice(linear);
    }
    if layout.weights {
        for i in 0..layout.m {
            (0..layout.e()).for_each(|a| x[layout.unit(i) + a] = z[(a, i)]);
        }
        if let Some(lengths) = &program.terms.lengths {
            for i in 0..layout.m {
                let turned = &lengths.turn * z.col(i);
                x[layout.length(i)] = 1.5 * turned.norm_l2() + 1e-2 * typical;
            }
        }
    }
    if let Some(loss) = &program.terms.loss {
        loss.start(layout, &mut x);
    }
    x
}

/// The first complementarity: the least that the prices ask for; without prices (a hard limit, or the loss alone) the
/// loss is what is spread over the cones.
fn complementarity(program: &TrainingProgram, bounded: Option<&Bounded>, s: &[f64], floor: f64) -> f64 {
    let (layout, mut mu) = (&program.layout, bounded.map_or(0.0, |bounded| bounded.mu));
    // The price of a unit's length asks for μ = price (u² − ‖turn z̄‖²)/u, as that of L does.
    if let Some(lengths) = &program.terms.lengths {
        let asked = |i: usize| {
            let cone = &s[lengths.rows_of(layout, i)];
            lengths.price * hyperbolic(cone) / cone[0]
        };
        mu = mu.max((0..layout.m).map(asked).sum::<f64>() / layout.m as f64);
    }
    mu = (LARGER * mu).max(floor);
    if mu > 0.0 { mu } else { program.offset().max(1e-3) / s.len().max(1) as f64 }
}

/// `μ s⁻¹` in every cone; `None` where a slack is not inside its own.
fn multipliers(program: &TrainingProgram, bounded: Option<&Bounded>, s: &[f64], mu: f64) -> Option<Vec<f64>> {
    let mut dual = vec![0.0; s.len()];
    let mut row = 0;
    for cone in program.cones() {
        let rows = row..row + cone.length();
        row = rows.end;
        let (slack, dual) = (&s[rows.clone()], &mut dual[rows]);
        match cone {
            Cone::Nonnegative(_) if slack.iter().any(|&s| s <= 0.0) => return None,
            Cone::Nonnegative(_) => dual.iter_mut().zip(slack).for_each(|(z, s)| *z = mu / s),
            Cone::SecondOrder(_) => {
                let hyperbolic = hyperbolic(slack);
                if hyperbolic <= 0.0 {
                    return None;
                }
                for (k, (z, s)) in dual.iter_mut().zip(slack).enumerate() {
                    *z = mu / hyperbolic * if k == 0 { *s } else { -s };
                }
            }
            // Those of the inequality, below.
            Cone::Semidefinite(_) => {}
        }
    }
    if let Some((inequality, bounded)) = program.terms.inequality.as_ref().zip(bounded) {
        bounded.multipliers(program, inequality, mu, &mut dual)?;
    }
    Some(dual)
}

/// `u² − ‖t‖²` of `(u, t)`.
fn hyperbolic(cone: &[f64]) -> f64 {
    cone[0].powi(2) - cone[1..].iter().map(|a| a * a).sum::<f64>()
}
