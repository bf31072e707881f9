//! The proximal step of one row.
//!
//! With the multipliers a⁺ and a⁻ of U_k − y_k and y_k − Lo_k held, everything else of the step is in closed form: h moves along
//! the slope of f, pairs (h, u) towards t = 0 by at most their price, and G is shrunk. What is left are one or two numbers. Of a loss of the margin only one of
//! the two is not 0. Else their difference is the root of U_k − y_k = y_k − Lo_k, or at an end; their sum a fits the loss, a ∈ ω ∂loss(w(a)) with w(a) the
//! larger of both, which falls with a. It is found by proximal steps on the loss with secants of w in its place, within a bracket.

use super::problem::Problem;
use crate::admm::iteration::nearest;

/// Multipliers are found to this part of ω.
const EXACT: f64 = 1e-11;

/// The penalties of a row's outputs; c has that of the products.
#[derive(Clone, Copy)]
pub(super) struct Penalties {
    pub products: f64,
    pub reaches: f64,
    pub slopes: f64,
}

/// The outputs of row k: where the step begins.
pub(super) struct Row<'a> {
    pub problem: &'a Problem,
    pub k: usize,
    pub h: &'a mut [f64],
    pub u: &'a mut [f64],
    pub g: &'a mut [f64],
    pub c: &'a mut f64,
    pub penalties: Penalties,
}

impl Row<'_> {
    /// Take the step; `sides` are a⁺ and a⁻, those of the last one at first.
    pub fn step(&mut self, sides: &mut [f64; 2]) {
        let omega = self.problem.plain.omega[self.k];
        let start = sides[0] + sides[1];
        *sides = if omega > 0.0 { self.multipliers(omega, start) } else { [0.0; 2] };
        let b = sides[0] - sides[1];
        let penalties = self.penalties;
        for (i, (&on, &sign)) in self.problem.row(self.k).iter().zip(&self.problem.plain.signs).enumerate() {
            let sigma = if on { 1.0 } else { -1.0 };
            let pair = self.pair(i, on, sign, sides);
            self.h[i] -= if on { b * sign / penalties.products } else { 0.0 } - sigma * pair.price / penalties.products;
            self.u[i] -= pair.price / penalties.reaches;
        }
        self.problem.shrink_slope((sides[0] + sides[1]) / penalties.slopes, self.g);
        *self.c -= b / penalties.products;
    }

    /// a⁺ and a⁻.
    fn multipliers(&self, omega: f64, start: f64) -> [f64; 2] {
        let (problem, y) = (self.problem, self.problem.plain.y[self.k]);
        let side = problem.side(self.k);
        let s = side.unwrap_or(1.0);
        let slope = |w: f64| if side.is_none() && w < 0.0 { 0.0 } else { s * problem.loss.slope(y + s * w, y) };
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut a = start;
        let mut sides = self.split(a, side);
        let mut w = self.height(a, &sides);
        // The secant's first guess: all weight on the products.
        let mut fall = self.problem.m() as f64 / self.penalties.products;
        for step in 0..100 {
            if a < omega * slope(w) {
                low = a
            } else {
                high = a
            }
            let aim = w + fall * a;
            let t = s * (nearest(&problem.loss, y + s * aim, y, 1.0 / (omega * fall)) - y);
            let mut next = ((aim - t) / fall).max(0.0);
            // A step out of the bracket, or every few where the secants do not settle, halves it.
            if !(low..=high).contains(&next) || (step % 8 == 7 && high.is_finite()) {
                next = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * low + omega };
            }
            let change = next - a;
            if change.abs() <= EXACT * omega {
                break;
            }
            let next_sides = self.split(next, side);
            let next_w = self.height(next, &next_sides);
            if (w - next_w) / change > 0.0 {
                fall = (w - next_w) / change;
            }
            (a, sides, w) = (next, next_sides, next_w);
        }
        sides
    }

    /// Of the sum a, the parts of both sides.
    fn split(&self, a: f64, side: Option<f64>) -> [f64; 2] {
        let parts = |b: f64| [0.5 * (a + b), 0.5 * (a - b)];
        let steeper = |b: f64| {
            let (up, down) = self.sides(&parts(b));
            up - down
        };
        match side {
            Some(side) => parts(side * a),
            None if steeper(a) >= 0.0 => parts(a),
            None if steeper(-a) <= 0.0 => parts(-a),
            None => {
                let (mut low, mut high) = (-a, a);
                while high - low > EXACT * a {
                    let middle = 0.5 * (low + high);
                    if steeper(middle) >= 0.0 { low = middle } else { high = middle }
                }
                parts(0.5 * (low + high))
            }
        }
    }

    /// w(a).
    fn height(&self, a: f64, sides: &[f64; 2]) -> f64 {
        let (up, down) = self.sides(sides);
        let reach = self.problem.reach_left(a / self.penalties.slopes, self.g);
        reach + self.problem.side(self.k).map_or(up.max(down), |side| if side > 0.0 { up } else { down })
    }

    /// U_k − y_k and y_k − Lo_k without what G_k adds to both.
    fn sides(&self, sides: &[f64; 2]) -> (f64, f64) {
        let b = sides[0] - sides[1];
        let mut lin = -self.problem.plain.y[self.k];
        if self.problem.plain.free_bias {
            lin += *self.c - b / self.penalties.products;
        }
        let mut leaves = [0.0; 2];
        for (i, (&on, &sign)) in self.problem.row(self.k).iter().zip(&self.problem.plain.signs).enumerate() {
            let pair = self.pair(i, on, sign, sides);
            lin += if on { sign * (pair.h + pair.price / self.penalties.products) } else { 0.0 };
            leaves[usize::from(sign < 0.0)] += pair.leaves;
        }
        (lin + leaves[0], leaves[1] - lin)
    }

    /// The step of a unit in this row.
    fn pair(&self, i: usize, on: bool, sign: f64, sides: &[f64; 2]) -> Pair {
        let penalties = self.penalties;
        let (sigma, slope) = if on { (1.0, sign * (sides[0] - sides[1])) } else { (-1.0, 0.0) };
        let h = self.h[i] - slope / penalties.products;
        let short = self.u[i] - sigma * h;
        let both = 1.0 / penalties.products + 1.0 / penalties.reaches;
        let most = if self.problem.hard { f64::INFINITY } else { sides[usize::from(sign < 0.0)] };
        let price = (short / both).clamp(0.0, most);
        Pair { h, price, leaves: if self.problem.hard { 0.0 } else { (short - price * both).max(0.0) } }
    }
}

/// h without its price, the price of t, and t.
struct Pair {
    h: f64,
    price: f64,
    leaves: f64,
}
