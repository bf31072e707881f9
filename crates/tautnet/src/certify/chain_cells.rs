//! Which answers to the questions of a chain's units go together.
//!
//! Where all questions of the layers before are answered, the sums of a layer are affine in the inputs: a row of slopes and an offset, each known up to a radius, the
//! *forms* of the layer. So an answer `σ h(x) > 0` is a half-space, and whether some input gives all answers is the question of [`super::cell`], whose algorithm proposes
//! an input or a combination `Σ α_i h_i`, σ_i α_i > 0, that is below 0 or vanishes. The combination is verified here, for all forms within the radii:
//!
//! - in a bounded region, by its largest value there;
//! - in all of space, by showing that factors `1 + t_i`, `|t_i| < ½`, make its slopes vanish exactly and leave its offset at most 0. With G the matrix of the rows
//!   `α_i g_i`, as computed, E the radii, and r the sum of its rows, some t has `‖t‖₂ ≤ (‖r‖ + ‖Σ E‖) / (s − ‖E‖_F)`, s being the least singular value of G;
//! - where the slopes lie in fewer dimensions than there are inputs G has no full rank. The same is tried with the sums of some layer in the place of the inputs: what holds
//!   for any sums holds for those of an input;
//! - where nothing was rounded, by the proofs of [`super::exact_emptiness`].

use super::ball_matrix::Balls;
use super::cell::{Attainability, Cells, Member, Origin};
use super::chain_parts::ChainParts;
use super::region::Region;
use super::slope_range::{side, through};
use crate::dense::{self, EPSILON};
use crate::network::Layer;
use crate::outward::two_sum;
use crate::{Norm, Shallow};
use faer::Mat;

/// Where the questions of each layer begin in the list of all.
#[derive(Debug, Clone)]
pub(super) struct Questions {
    starts: Vec<usize>,
}

impl Questions {
    pub fn of(layers: &[Layer]) -> Self {
        let mut starts = vec![0];
        for layer in layers {
            starts.push(starts[starts.len() - 1] + super::slope_range::questions(layer));
        }
        Self { starts }
    }

    pub fn count(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    pub fn of_layer(&self, layer: usize) -> std::ops::Range<usize> {
        self.starts[layer]..self.starts[layer + 1]
    }
}

/// The sums of a layer, or the variables of a level, with their offsets in the last column.
pub(super) fn first_forms(parts: &ChainParts<'_>) -> Balls {
    let layer = &parts.hidden()[0];
    let (w, b, d) = (layer.weights(), layer.bias(), layer.inputs());
    Balls::exact(Mat::from_fn(layer.units(), d + 1, |i, k| if k < d { w[(i, k)] } else { b[i] }))
}

/// The forms of the next layer, all questions of this one being answered.
pub(super) fn next_forms(parts: &ChainParts<'_>, layer: usize, signs: &[i8], forms: &Balls) -> Balls {
    let ranges: Vec<_> = signs.iter().map(|&sign| side(sign)).collect();
    let handed = through(&parts.hidden()[layer], &ranges, forms);
    let next = parts.weights[layer + 1].times(&handed);
    let (bias, d) = (parts.hidden()[layer + 1].bias(), forms.columns() - 1);
    next.plus(&Balls::exact(Mat::from_fn(next.rows(), d + 1, |i, k| if k < d { 0.0 } else { bias[i] })))
}

/// The form of a question: of a sum, or of the difference of two.
pub(super) fn form_of(layer: &Layer, forms: &Balls, i: usize) -> Form {
    let half = layer.units() / 2;
    let one = |k: usize| match layer.activation().unit() {
        Some(_) => (forms.middle[(i, k)], forms.radius[(i, k)]),
        None => {
            let (apart, rest) = two_sum(forms.middle[(i, k)], -forms.middle[(half + i, k)]);
            let radius = forms.radius[(i, k)] + forms.radius[(half + i, k)] + rest.abs();
            (apart, radius * (1.0 + 4.0 * EPSILON))
        }
    };
    let (middle, radius) = (0..forms.columns()).map(one).unzip();
    Form { middle, radius }
}

/// Slopes and an offset, each up to a radius.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub middle: Vec<f64>,
    pub radius: Vec<f64>,
}

impl Form {
    /// Whether it is the same at all inputs.
    pub fn is_constant(&self) -> bool {
        let d = self.middle.len() - 1;
        (0..d).all(|k| self.middle[k] == 0.0 && self.radius[k] == 0.0)
    }

    /// The sign of a constant one, where it is known; of 0 itself, −1.
    pub fn constant_sign(&self) -> Option<i8> {
        let (offset, radius) = (self.middle[self.middle.len() - 1], self.radius[self.middle.len() - 1]);
        match (offset > radius, offset < -radius || offset == 0.0 && radius == 0.0) {
            (true, _) => Some(1),
            (_, true) => Some(-1),
            _ => None,
        }
    }

    fn is_exact(&self) -> bool {
        self.radius.iter().all(|radius| *radius == 0.0)
    }

    fn is_finite(&self) -> bool {
        self.middle.iter().chain(&self.radius).all(|a| a.is_finite())
    }
}

/// A question that has a half-space.
pub(super) struct Asked {
    pub layer: usize,
    /// Its place among those of the layer.
    pub at: usize,
    /// Its place among all.
    pub number: usize,
    pub form: Form,
}

/// The questions of the layers up to one, as half-spaces.
pub(super) struct HalfSpaces<'a> {
    pub parts: &'a ChainParts<'a>,
    pub questions: &'a Questions,
    pub region: &'a Region,
    pub asked: Vec<Asked>,
    /// The last layer that has forms.
    pub layer: usize,
}

impl HalfSpaces<'_> {
    /// A network whose units have these sums, for the algorithm that proposes.
    pub fn proposals(&self) -> Option<Shallow> {
        let d = self.parts.network.inputs();
        let form = |r: usize| &self.asked[r].form;
        if !(0..self.asked.len()).all(|r| form(r).is_finite()) {
            return None;
        }
        let w = Mat::from_fn(self.asked.len(), d, |r, k| form(r).middle[k]);
        let b = (0..self.asked.len()).map(|r| form(r).middle[d]).collect();
        Shallow::new(w, b, vec![1.0; self.asked.len()], 0.0).ok()
    }

    /// Whether some input gives the answers; 0 stands for none. `signs` are those of all questions, `answers` those of the half-spaces.
    pub fn decide(&self, cells: &Cells<'_>, signs: &[i8], answers: &[i8], centered: bool) -> Attainability {
        let ask = |widening: f64| {
            cells.separate(answers, None, widening, centered, &mut |members, weights| {
                self.proves_empty(cells, signs, answers, (members, weights))
            })
        };
        let answer = ask(1e-9);
        let outside = match &answer {
            Attainability::Attainable(point) => !self.region.contains(&cells.input(point)),
            Attainability::Undecided => true,
            Attainability::Unattainable => false,
        };
        if outside && *self.region != Region::Everywhere { ask(0.0) } else { answer }
    }

    fn proves_empty(&self, cells: &Cells<'_>, signs: &[i8], answers: &[i8], found: (&[Member], &[f64])) -> bool {
        let (members, weights) = found;
        let of_unit = |(member, weight): (&Member, &f64)| match member.origin {
            Origin::Unit(r) if *weight > 0.0 => Some((r, *weight * f64::from(answers[r]) * cells.normalization(r))),
            _ => None,
        };
        let support: Vec<(usize, f64)> = members.iter().zip(weights).filter_map(of_unit).collect();
        let support: Vec<(usize, f64)> = support.into_iter().filter(|(_, a)| *a != 0.0 && a.is_finite()).collect();
        if support.is_empty() {
            return false;
        }
        let form = |r: usize| &self.asked[r].form;
        if support.iter().all(|&(r, _)| form(r).is_exact()) && cells.proves_empty(answers, members, weights) {
            return true;
        }
        let combination: Vec<(f64, &Form)> = support.iter().map(|&(r, a)| (a, form(r))).collect();
        if self.is_below_zero(&combination) || vanishes(&combination) {
            return true;
        }
        let least = support.iter().map(|&(r, _)| self.asked[r].layer).min().unwrap_or(0);
        (0..=least).any(|level| self.vanishes_from(level, signs, &support))
    }

    /// Whether the combination is below 0 in all of a bounded region.
    fn is_below_zero(&self, combination: &[(f64, &Form)]) -> bool {
        if *self.region == Region::Everywhere {
            return false;
        }
        let d = self.parts.network.inputs();
        let (center, half) = self.region.frame(d);
        let rounding = (combination.len() + 4) as f64 * EPSILON;
        let (mut u, mut slack) = (vec![0.0; d + 1], 0.0);
        for (k, u) in u.iter_mut().enumerate() {
            let extent = if k < d { center[k].abs() + half[k] } else { 1.0 };
            let (mut size, mut off) = (0.0, 0.0);
            for (a, form) in combination {
                *u += a * form.middle[k];
                size += (a * form.middle[k]).abs();
                off += a.abs() * form.radius[k];
            }
            slack += (rounding * size + off) * extent;
        }
        let slack = slack * (1.0 + (d + combination.len() + 8) as f64 * EPSILON);
        let underflow = 2.0 * self.region.underflow(d, combination.len());
        self.region.largest_value(&u[..d], u[d]) + slack + underflow < 0.0
    }

    /// Whether it vanishes with the sums of a layer in the place of the inputs.
    fn vanishes_from(&self, level: usize, signs: &[i8], support: &[(usize, f64)]) -> bool {
        let layers = self.parts.hidden();
        let units = layers[level].units();
        let mut forms = Balls::exact(Mat::from_fn(units, units + 1, |i, k| f64::from(u8::from(i == k))));
        let mut of_support: Vec<Option<Form>> = vec![None; support.len()];
        for layer in level..=self.layer {
            for (place, &(r, _)) in of_support.iter_mut().zip(support) {
                if self.asked[r].layer == layer {
                    *place = Some(form_of(&layers[layer], &forms, self.asked[r].at));
                }
            }
            if layer < self.layer {
                forms = next_forms(self.parts, layer, &signs[self.questions.of_layer(layer)], &forms);
            }
        }
        let combination: Option<Vec<(f64, &Form)>> =
            support.iter().zip(&of_support).map(|(&(_, a), form)| Some((a, form.as_ref()?))).collect();
        combination.is_some_and(|combination| vanishes(&combination))
    }
}

/// Whether factors near 1 make the slopes of the combination vanish exactly, for all forms within the radii, and its offset at most 0.
fn vanishes(combination: &[(f64, &Form)]) -> bool {
    let d = combination[0].1.middle.len() - 1;
    if !combination.iter().all(|(a, form)| a.is_finite() && form.is_finite()) {
        return false;
    }
    let occurs = |k: &usize| combination.iter().any(|(_, form)| form.middle[*k] != 0.0 || form.radius[*k] != 0.0);
    let mut columns: Vec<Column> = Vec::new();
    for k in (0..d).filter(occurs) {
        match Column::of(combination, k) {
            Some(column) => columns.push(column),
            None => return false,
        }
    }
    let Some(offsets) = Column::of(combination, d) else { return false };
    let nothing = offsets.size == 0.0 && offsets.error == 0.0;
    if let Some(change) = vanishing_change(&columns) {
        let rounding = (combination.len() + 4) as f64 * EPSILON;
        let most = offsets.sum + (rounding + change) * offsets.size + 2.0 * offsets.error;
        if nothing || most < 0.0 {
            return true;
        }
    }
    columns.push(offsets);
    !nothing && vanishing_change(&columns).is_some()
}

/// The terms of a combination in one input, or of the offsets.
struct Column {
    terms: Vec<f64>,
    sum: f64,
    size: f64,
    /// The sum of the radii of the terms, and of their squares.
    error: f64,
    squares: f64,
}

impl Column {
    /// `None` where a term leaves the range in which errors are relative.
    fn of(combination: &[(f64, &Form)], k: usize) -> Option<Self> {
        let mut column = Self { terms: Vec::new(), sum: 0.0, size: 0.0, error: 0.0, squares: 0.0 };
        for (a, form) in combination {
            let (term, radius) = (a * form.middle[k], a.abs() * form.radius[k]);
            let lost = form.middle[k] != 0.0 && term.abs() < f64::MIN_POSITIVE;
            if lost || !term.is_finite() || !radius.is_finite() {
                return None;
            }
            let radius = if form.radius[k] == 0.0 { 0.0 } else { radius * (1.0 + 4.0 * EPSILON) + f64::MIN_POSITIVE };
            column.terms.push(term);
            column.sum += term;
            column.size += term.abs();
            column.error += radius;
        }
        column.squares = column.error * column.error;
        Some(column)
    }
}

/// If relative changes of the rows, each below ½, make all columns vanish exactly, a bound on the largest.
fn vanishing_change(columns: &[Column]) -> Option<f64> {
    let rows = columns.first()?.terms.len();
    if rows <= columns.len() {
        return None;
    }
    // Columns of about the same size, by powers of two.
    let unit = |column: &Column| {
        if column.size > 0.0 { column.size.log2().floor().clamp(-900.0, 900.0).exp2().recip() } else { 1.0 }
    };
    let scaled = Mat::from_fn(rows, columns.len(), |i, k| columns[k].terms[i] * unit(&columns[k]));
    let least = dense::smallest_gram_eigenvalue_lower_bound(scaled.as_ref())?.sqrt() * (1.0 - 1e-12);
    let errors: f64 = columns.iter().map(|column| column.squares * unit(column).powi(2)).sum();
    let left = least - 1.001 * errors.sqrt();
    let rounding = (rows + 4) as f64 * EPSILON;
    let residual: Vec<f64> = columns
        .iter()
        .map(|column| (column.sum.abs() + rounding * column.size + column.error) * unit(column))
        .collect();
    let change = 1.01 * Norm::Two.of(&residual) / left;
    (left > 0.0 && change < 0.5).then_some(change)
}
