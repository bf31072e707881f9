//! The convex programs (J), (12), (6) and the LipSDP bound (2), as one conic program of terms.
//!
//! ```text
//! minimize    Σ_t weight_t loss(f_t − y_t) + λ_L L (or λ_L L²) + λ_w Σ_i u_i + ridge·Σ b_i²
//! subject to  σ_ik x̄_k·z̄_i ≥ 0                                     f = Φ z + X a + c      cells, loss_term
//!             ‖turn z̄_i‖ ≤ u_i                                                                lengths
//!             Ξ(z, a, ℓ, L, π) ⪰ 0,  L ≤ L_max,  π ≥ 0,  Σ π_k / κ_k² ≤ L                     inequality, bound
//! ```

use super::{
    bound::Bound,
    cells::Cells,
    inequality::Inequality,
    layout::Layout,
    lengths::Lengths,
    listed::Listed,
    loss_term::{Gathered, LossTerm, Targets},
    reach::Reach,
    rows::Rows,
    term::{Own, Place, Term},
    worst_case::WorstCase,
};
use faer::{Mat, MatRef};
use std::sync::Arc;
use tautnet_cone::{Cone, Curved, Linear, Program, vector::dot};

/// A conic program in conditioned coordinates.
pub(crate) struct TrainingProgram {
    pub layout: Layout,
    /// `s_i`.
    pub sign: Vec<f64>,
    pub terms: Terms,
    linear: Vec<f64>,
    constant: Vec<f64>,
    offset: f64,
    /// Loss that no network can reach.
    spread: f64,
    cones: Vec<Cone>,
}

/// The terms of a program, each where the layout asks for it.
#[derive(Clone)]
pub(crate) struct Terms {
    pub cells: Option<Cells>,
    /// The cells with lists of points, in the place of all.
    pub listed: Option<Listed>,
    pub bound: Option<Bound>,
    pub lengths: Option<Lengths>,
    pub inequality: Option<Inequality>,
    /// The loss, of all points.
    pub loss: Option<LossTerm>,
    /// How far the units' sums move within a tolerance.
    pub reach: Option<Reach>,
    /// The worst case within a tolerance, in the place of the cells and of the loss.
    pub worst: Option<WorstCase>,
}

/// The terms that are there, in the order of their inequalities; `$some` borrows them, mutably or not.
macro_rules! in_order {
    ($terms:expr, $some:ident) => {{
        let Terms { cells, listed, bound, lengths, inequality, loss, reach, worst } = $terms;
        let first = [$some(cells), $some(listed), $some(bound), $some(lengths), $some(inequality), $some(loss)];
        first.into_iter().chain([$some(reach), $some(worst)]).flatten()
    }};
}

impl Terms {
    pub fn each(&self) -> impl Iterator<Item = &dyn Term> {
        fn some<T: Term>(term: &Option<T>) -> Option<&dyn Term> {
            term.as_ref().map(|term| term as &dyn Term)
        }
        in_order!(self, some)
    }

    /// The terms with variables of their own.
    pub fn own(&self) -> impl Iterator<Item = &dyn Own> {
        let reach = self.reach.as_ref().map(|term| term as &dyn Own);
        [reach, self.worst.as_ref().map(|term| term as &dyn Own)].into_iter().flatten()
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut dyn Term> {
        fn some<T: Term>(term: &mut Option<T>) -> Option<&mut dyn Term> {
            term.as_mut().map(|term| term as &mut dyn Term)
        }
        in_order!(self, some)
    }
}

/// What a [`TrainingProgram`] is made of.
pub(crate) struct Parts {
    pub layout: Layout,
    pub rows: Option<Rows>,
    pub targets: Option<Targets>,
    /// The loss of rows that are elsewhere, in the place of that of these rows.
    pub gathered: Option<Gathered>,
    /// Loss that no network can reach: of rows with the same inputs and different targets.
    pub spread: f64,
    /// The points' inputs as a linear part sees them, where there is one.
    pub linear: Option<Mat<f64>>,
    pub sign: Vec<f64>,
    /// `κ_k²`.
    pub metric: Vec<f64>,
    /// e × e: takes `z̄` to the coordinates in which its length is penalized.
    pub turn: Mat<f64>,
    /// λ of `L` (or of `L²`), already in the objective's units.
    pub lipschitz: f64,
    pub squared: bool,
    pub decay: f64,
    pub max_lipschitz: Option<f64>,
    pub ridge: Vec<f64>,
    /// `z_i` (d × m) where Z is held.
    pub held_z: Option<Mat<f64>>,
    /// The linear part where it is held with Z.
    pub held_linear: Option<Vec<f64>>,
    /// `ℓ` where it is held.
    pub held_ell: Option<Vec<f64>>,
    pub reach: Option<Reach>,
    pub worst: Option<WorstCase>,
}

impl TrainingProgram {
    /// Put the terms together that the layout asks for.
    pub fn new(parts: Parts) -> Self {
        let Parts { layout, rows, targets, spread, sign, metric, turn, lipschitz, squared, ridge, .. } = parts;
        let place = Place::default();
        let (rows, metric): (_, Arc<[f64]>) = (rows.map(Arc::new), metric.into());
        let gathered = parts.gathered;
        let loss = |(rows, targets): (Arc<Rows>, Targets)| LossTerm {
            rows: if gathered.is_some() { Arc::new(rows.select(&[])) } else { rows },
            targets: Arc::new(targets),
            linear: parts.linear.map(Arc::new),
            hessian: gathered.as_ref().map(|gathered| Arc::clone(&gathered.hessian)),
            gathered,
            place,
        };
        let (linear, square) = if squared { (0.0, 2.0 * lipschitz) } else { (lipschitz, 0.0) };
        let (held_z, held_linear, held_ell) = (parts.held_z, parts.held_linear, parts.held_ell);
        let limit = parts.max_lipschitz;
        let terms = Terms {
            loss: rows.clone().zip(targets).map(loss),
            cells: rows.map(|rows| Cells { rows, ridge, place }),
            listed: None,
            reach: parts.reach,
            worst: parts.worst,
            bound: layout.lmi.then(|| Bound { metric: metric.clone(), linear, square, limit, place }),
            lengths: layout.decay.then(|| Lengths { turn, price: parts.decay, place }),
            inequality: layout.lmi.then(|| Inequality {
                sign: sign.clone(),
                metric,
                held_z,
                held_linear,
                held_ell,
                place,
            }),
        };
        Self::of(layout, sign, terms, spread)
    }

    /// Every term is told where it stands, and writes its constant parts.
    fn of(layout: Layout, sign: Vec<f64>, mut terms: Terms, spread: f64) -> Self {
        let (mut cones, mut row) = (Vec::new(), 0);
        for term in terms.each_mut() {
            term.place(Place { row, cone: cones.len() });
            let own = term.cones(&layout);
            row += own.iter().map(|cone| cone.length()).sum::<usize>();
            cones.extend(own);
        }
        let (mut linear, mut constant, mut offset) = (vec![0.0; layout.variables()], vec![0.0; row], spread);
        for term in terms.each() {
            offset += term.objective(&layout, &mut linear);
            term.constant(&layout, &mut constant);
        }
        Self { layout, sign, terms, linear, constant, offset, spread, cones }
    }

    /// Store the loss's Hessian, where it is constant: worth it when the factor is dense anyway.
    pub fn store_hessian(&mut self) {
        if let Some(loss) = self.terms.loss.as_mut().filter(|_| self.layout.exits.targets == 0) {
            let root: Vec<f64> = loss.curvature(&[]).into_iter().map(f64::sqrt).collect();
            loss.hessian = Some(Arc::new(loss.hessian_at(&root)));
        }
    }

    /// The same program with the cells of some points only; the loss stays that of all.
    pub fn restricted(&self, chosen: &[usize]) -> Self {
        let cells = self.terms.cells.as_ref().map(|cells| cells.of_rows(chosen));
        let layout = Layout { n: chosen.len(), ..self.layout.clone() };
        Self::of(layout, self.sign.clone(), Terms { cells, ..self.terms.clone() }, self.spread)
    }

    /// The same program with other terms.
    pub fn with(&self, terms: Terms) -> Self {
        Self::of(self.layout.clone(), self.sign.clone(), terms, self.spread)
    }

    /// Loss that no network can reach.
    pub fn spread(&self) -> f64 {
        self.spread
    }

    /// The z̄ part of a vector of variables, e × m.
    pub fn weights<'a>(&self, x: &'a [f64]) -> MatRef<'a, f64> {
        self.layout.weights_of(x)
    }
}

impl TrainingProgram {
    /// `out = P x`.
    pub fn product(&self, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        self.terms.each().for_each(|term| term.add_product(&self.layout, x, out));
    }
}

impl Program for TrainingProgram {
    fn curved(&self, x: &[f64], gradient: &mut [f64]) -> Curved {
        self.product(x, gradient);
        let half = 0.5 * dot(x, gradient);
        let quadratic = Curved { value: half, below: -half };
        self.terms
            .each()
            .map(|term| term.add_curved(&self.layout, x, gradient))
            .fold(quadratic, |all, part| Curved { value: all.value + part.value, below: all.below + part.below })
    }

    fn curvature(&self, at: &[f64], v: &[f64], out: &mut [f64]) {
        self.product(v, out);
        self.terms.each().for_each(|term| term.add_curvature(&self.layout, at, v, out));
    }

    fn is_quadratic(&self) -> bool {
        self.terms.each().all(Term::is_quadratic)
    }
}

impl Linear for TrainingProgram {
    fn cones(&self) -> &[Cone] {
        &self.cones
    }
    fn linear(&self) -> &[f64] {
        &self.linear
    }
    fn constant(&self) -> &[f64] {
        &self.constant
    }
    fn offset(&self) -> f64 {
        self.offset
    }

    fn lower_bound(&self) -> f64 {
        // Losses, lengths and bounds are not negative.
        self.spread
    }

    fn apply(&self, x: &[f64], out: &mut [f64]) {
        self.terms.each().for_each(|term| term.apply(&self.layout, x, out));
    }

    fn adjoint(&self, z: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        self.terms.each().for_each(|term| term.add_adjoint(&self.layout, z, out));
    }
}

/// The program with ψ as it is curved at a point: what the normal equations there are of. The program itself where ψ is a quadratic.
#[cfg(test)]
pub(crate) struct Near<'a> {
    pub program: &'a TrainingProgram,
    pub at: Vec<f64>,
}

#[cfg(test)]
impl<'a> Near<'a> {
    pub fn nothing(program: &'a TrainingProgram) -> Self {
        Self { program, at: vec![0.0; program.linear.len()] }
    }
}

#[cfg(test)]
impl Linear for Near<'_> {
    fn cones(&self) -> &[Cone] {
        self.program.cones()
    }
    fn linear(&self) -> &[f64] {
        self.program.linear()
    }
    fn constant(&self) -> &[f64] {
        self.program.constant()
    }
    fn offset(&self) -> f64 {
        self.program.offset()
    }
    fn lower_bound(&self) -> f64 {
        self.program.lower_bound()
    }
    fn apply(&self, x: &[f64], out: &mut [f64]) {
        self.program.apply(x, out);
    }
    fn adjoint(&self, z: &[f64], out: &mut [f64]) {
        self.program.adjoint(z, out);
    }
}

#[cfg(test)]
impl tautnet_cone::Quadratic for Near<'_> {
    fn quadratic(&self, x: &[f64], out: &mut [f64]) {
        self.program.curvature(&self.at, x, out);
    }
}
