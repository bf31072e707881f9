//! Where everything stands in the vector of variables. Where inequalities stand, each [term](super::term) knows of its
//! own.

use faer::MatRef;
use std::ops::Range;
use tautnet_cone::cone::svec_length;

/// Positions of the variables:
///
/// ```text
/// unit i: [ z̄_i (d + 1) ][ ℓ_i ][ u_i ]   i = 1..m      (each part where it is free)
/// [ L ][ π (d) ][ a (d) ][ c, or c_o of several outputs ]   shared scalars
/// [ svec U_i ]  i = 1..m                            clique separators, order d + 1
/// [ ξ⁺_t ][ ξ⁻_t ]  t = 1..targets                   exits of the loss (each part where it is free)
/// [ u_k ][ p_k ][ gradients ][ t_ik ][ sizes ]      what belongs to a worst case within a tolerance
/// ```
///
/// Where inputs have a tolerance, a unit has the variables of its [reach](super::reach) after z̄_i.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub n: usize,
    pub d: usize,
    pub m: usize,
    /// Z is free (and the data's rows are present).
    pub weights: bool,
    /// The linear matrix inequality is present.
    pub lmi: bool,
    /// Its multipliers ℓ are free.
    pub multipliers: bool,
    /// `u_i ≥ ‖z̄_i‖` is present.
    pub decay: bool,
    /// `diag(π)` in place of `L·I`.
    pub infinity: bool,
    /// A linear part is free.
    pub linear: bool,
    /// Output biases that are free: none, one, or one an output of several.
    pub biases: usize,
    /// The loss's exits, where it has any.
    pub exits: Exits,
    /// Variables of a unit that tell how far its sum moves within a tolerance.
    pub reach: usize,
    /// The variables of a worst case, where that is the loss.
    pub worst: Worst,
}

/// How many variables a worst case has beside those of the units.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Worst {
    /// Groups of rows, each with the size u_k of its worst residual.
    pub groups: usize,
    /// Whether the loss of a large residual is left to an exit p_k.
    pub exits: bool,
    /// Variables for the size of the gradient's effect, of all rows.
    pub gradient: usize,
    /// Variables t_ik: 0 where every unit keeps its label within the tolerance.
    pub leave: usize,
    /// Sizes of the units' weights, where no unit's own variable stands for them.
    pub sizes: usize,
}

impl Worst {
    fn variables(&self) -> usize {
        self.groups * (1 + usize::from(self.exits)) + self.gradient + self.leave + self.sizes
    }
}

/// How many targets have exits, and which: [`Form`](crate::loss::Form).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Exits {
    /// 0 for a loss that is quadratic.
    pub targets: usize,
    /// The loss is a quadratic between its exits: ξ⁺ and ξ⁻ are both free. Else the residual is ξ⁺ − ξ⁻, and ξ⁺ alone
    /// is.
    pub quadratic: bool,
}

impl Exits {
    /// How many variables there are.
    pub fn variables(&self) -> usize {
        if self.quadratic { 2 * self.targets } else { self.targets }
    }
    /// How many inequalities: one for each ξ⁺ and one for each ξ⁻.
    pub fn rows(&self) -> usize {
        2 * self.targets
    }
}

impl Layout {
    pub fn e(&self) -> usize {
        self.d + 1
    }
    /// Order of the separators.
    pub fn separator(&self) -> usize {
        self.d + 1
    }
    /// Length of one separator as `svec`.
    pub fn pairs(&self) -> usize {
        svec_length(self.separator())
    }
    /// Length of z̄_i where it is a variable.
    pub fn z_len(&self) -> usize {
        if self.weights { self.e() } else { 0 }
    }
    /// Variables of one unit (without its separator).
    pub fn width(&self) -> usize {
        self.z_len() + self.reach + usize::from(self.lmi && self.multipliers) + usize::from(self.decay)
    }
    pub fn unit(&self, i: usize) -> usize {
        i * self.width()
    }
    /// The z̄ part of a vector of variables, e × m.
    pub fn weights_of<'a>(&self, x: &'a [f64]) -> MatRef<'a, f64> {
        MatRef::from_column_major_slice_with_stride(&x[..self.shared()], self.e(), self.m, self.width())
    }
    /// Offset of ℓ within a unit, if it is a variable.
    pub fn ell(&self) -> Option<usize> {
        (self.lmi && self.multipliers).then(|| self.z_len() + self.reach)
    }
    /// Position of u_i, where lengths are variables.
    pub fn length(&self, i: usize) -> usize {
        self.unit(i) + self.width() - 1
    }
    pub fn shared(&self) -> usize {
        self.m * self.width()
    }
    pub fn shared_len(&self) -> usize {
        usize::from(self.lmi) + self.p_len() + self.linear_len() + self.biases
    }
    pub fn linear_len(&self) -> usize {
        if self.linear { self.d } else { 0 }
    }
    /// Where the linear part stands, if it is a variable.
    pub fn linear_part(&self) -> Option<Range<usize>> {
        let first = self.shared() + usize::from(self.lmi) + self.p_len();
        self.linear.then(|| first..first + self.d)
    }
    /// Position of L, where it is a variable.
    pub fn bound(&self) -> usize {
        self.shared()
    }
    pub fn p_len(&self) -> usize {
        if self.lmi && self.infinity { self.d } else { 0 }
    }
    pub fn p(&self) -> usize {
        self.shared() + 1
    }
    /// Positions of the output biases.
    pub fn output_biases(&self) -> Range<usize> {
        let end = self.shared() + self.shared_len();
        end - self.biases..end
    }
    /// Position of the output bias, where there is one output.
    pub fn output_bias(&self) -> Option<usize> {
        self.output_biases().next()
    }
    /// Variables without the separators: those of the reduced normal matrix.
    pub fn reduced(&self) -> usize {
        self.shared() + self.shared_len()
    }
    pub fn separators(&self) -> usize {
        self.reduced()
    }
    /// Position of the exits.
    pub fn exits(&self) -> usize {
        self.reduced() + if self.lmi { self.m * self.pairs() } else { 0 }
    }
    /// Position of the sizes u_k of the residuals.
    pub fn worst(&self) -> usize {
        self.exits() + self.exits.variables()
    }
    /// Position of the exits p_k.
    pub fn worst_exits(&self) -> usize {
        self.worst() + self.worst.groups
    }
    /// Position of the variables of the gradients.
    pub fn gradients(&self) -> usize {
        self.worst_exits() + if self.worst.exits { self.worst.groups } else { 0 }
    }
    /// Position of t_ik, unit by unit.
    pub fn leave(&self) -> usize {
        self.gradients() + self.worst.gradient
    }
    /// Position of the sizes of the units' weights.
    pub fn sizes(&self) -> usize {
        self.leave() + self.worst.leave
    }
    pub fn variables(&self) -> usize {
        self.worst() + self.worst.variables()
    }

    pub fn clique_len(&self) -> usize {
        svec_length(self.d + 2)
    }
    /// Inequalities of a program with all that the layout may have, about.
    fn most_rows(&self) -> usize {
        let (cells, lengths) = (self.n * self.m, if self.decay { self.m * (self.e() + 1) } else { 0 });
        let inequality = if self.lmi { self.m * self.clique_len() + self.pairs() + self.p_len() + 2 } else { 0 };
        let worst = 2 * (self.worst.variables() + self.worst.sizes) + self.worst.leave;
        cells + lengths + inequality + self.exits.rows() + worst
    }

    /// About how much memory a solve takes, in bytes: the matrices of the normal equations, and the vectors of an
    /// iterate.
    ///
    /// `dense` is the route by the reduced matrix, `hessians` how many copies of the loss's Hessian there are.
    pub fn bytes(&self, dense: bool, hessians: usize) -> f64 {
        let (pairs, reduced, width) = (self.pairs() as f64, self.reduced() as f64, self.width() as f64);
        let (m, lmi) = (self.m as f64, f64::from(u8::from(self.lmi)));
        let hessian = hessians as f64 * ((self.m * self.e() + self.linear_len()) as f64 + 1.0).powi(2);
        let route = match dense {
            true => reduced * (reduced + lmi * pairs),
            false => {
                let rank = if self.weights { self.n as f64 } else { 0.0 } + lmi * pairs;
                rank * (rank + 16.0 * width) + lmi * pairs * pairs
            }
        };
        let blocks = m * width * width + lmi * (pairs * pairs + m * pairs * (width + 2.0));
        // s, z and their directions, the corrector, the residuals and the best point so far.
        let vectors = 14.0 * (self.most_rows() as f64 + self.variables() as f64);
        8.0 * (hessian + route + blocks + vectors)
    }
}
