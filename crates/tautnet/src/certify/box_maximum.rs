//! The maximum of a linear function over a cell of a box, by the dual simplex method.
//!
//! With z ∈ [−1, 1]^d the box's own coordinates, maximize c·z where s = A z + a ≥ 0: a row for every unit that the cell fixes, of which
//! there are as many as branch and bound has gone down. A *dictionary* writes the basic ones among z and s, and the objective, by the others, each of which
//! stands at a bound of its own:
//!
//! ```text
//!     basic = β + T·nonbasic,        c·z = γ + ρ·nonbasic
//! ```
//!
//! At first s is basic and every z_k at the end that c_k asks for, which no change of a single z_k improves on. Every step takes the basic variable that is
//! furthest beyond its bounds to the nearer of them, and moves nonbasic ones in the order in which that costs least: a z_k across the box while
//! that is not enough, and then one becomes basic. So −ρ of the rows, the *multipliers*, are never negative, and prove a bound at any time.
//! Where all that can move is not enough, the row itself proves that the cell is empty.
//!
//! Nothing here is relied on: what comes out is a point, which is judged where it lies, and multipliers, with which the bound is formed afresh.

/// Basic variables beyond their bounds by less than this are within.
const BEYOND: f64 = 1e-12;
/// Smaller entries of a dictionary are taken for rounding.
const SMALL: f64 = 1e-11;

/// What was found.
pub(super) enum Found {
    /// A point of the box, and the multipliers of the rows.
    Maximum(Vec<f64>, Vec<f64>),
    /// Multipliers with which the sum of the rows is below 0 in all of the box.
    Empty(Vec<f64>),
}

/// `c·z` is to be large where every row `A_r·z + a_r`, its last entry being `a_r`, is at least 0.
pub(super) fn maximize(c: &[f64], rows: &[Vec<f64>]) -> Option<Found> {
    let mut dictionary = Dictionary::new(c, rows);
    for _ in 0..20 * (rows.len() + 2) {
        let Some((row, direction)) = dictionary.furthest() else { return Some(dictionary.maximum()) };
        if !dictionary.step(row, direction) {
            return Some(Found::Empty(dictionary.empty(row, direction)));
        }
    }
    None
}

/// A variable: z_k, or s_r after them.
type Variable = usize;

struct Dictionary {
    inputs: usize,
    /// The variables that are written by the others, and those others with where each stands.
    basic: Vec<Variable>,
    nonbasic: Vec<(Variable, f64)>,
    /// A row for each basic variable: T, and β last.
    rows: Vec<Vec<f64>>,
    /// ρ.
    costs: Vec<f64>,
}

impl Dictionary {
    fn new(c: &[f64], rows: &[Vec<f64>]) -> Self {
        let d = c.len();
        Self {
            inputs: d,
            basic: (d..d + rows.len()).collect(),
            nonbasic: c.iter().enumerate().map(|(k, c)| (k, if *c < 0.0 { -1.0 } else { 1.0 })).collect(),
            rows: rows.to_vec(),
            costs: c.to_vec(),
        }
    }

    fn value(&self, row: usize) -> f64 {
        let entries = &self.rows[row];
        self.nonbasic.iter().zip(entries).map(|((_, at), t)| at * t).sum::<f64>() + entries[self.inputs]
    }

    /// The bounds of a variable.
    fn bounds(&self, variable: Variable) -> (f64, f64) {
        if variable < self.inputs { (-1.0, 1.0) } else { (0.0, f64::INFINITY) }
    }

    /// The row of the basic variable that is furthest beyond its bounds, and whether it must grow (1) or fall (−1).
    fn furthest(&self) -> Option<(usize, f64)> {
        let beyond = |row: usize| {
            let (value, (low, high)) = (self.value(row), self.bounds(self.basic[row]));
            if value < low { (low - value, row, 1.0) } else { (value - high, row, -1.0) }
        };
        let furthest = (0..self.basic.len()).map(beyond).max_by(|a, b| a.0.total_cmp(&b.0));
        furthest.filter(|(by, ..)| *by > BEYOND).map(|(_, row, direction)| (row, direction))
    }

    /// Take the basic variable of a row to the bound that it is beyond; `false` where nothing can.
    fn step(&mut self, row: usize, direction: f64) -> bool {
        let (low, high) = self.bounds(self.basic[row]);
        let target = if direction > 0.0 { low } else { high };
        let mut left = (target - self.value(row)) * direction;
        // What it costs to move a variable away from where it stands, for what that helps.
        let cost = |(j, &(variable, at)): (usize, &(Variable, f64))| {
            let helps = self.rows[row][j] * direction * if variable < self.inputs { -at } else { 1.0 };
            (helps > SMALL).then(|| (self.costs[j].abs() / helps, j))
        };
        let mut order: Vec<(f64, usize)> = self.nonbasic.iter().enumerate().filter_map(cost).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut entering = None;
        for (_, j) in order {
            let (variable, at) = &mut self.nonbasic[j];
            let across = 2.0 * self.rows[row][j].abs();
            if *variable >= self.inputs || across >= left - BEYOND {
                entering = Some(j);
                break;
            }
            left -= across;
            *at = -*at;
        }
        let Some(j) = entering else { return false };
        self.pivot(row, j, target);
        true
    }

    /// The variable of a row becomes nonbasic, at a bound, and the nonbasic one of a column is written by the others in its place.
    fn pivot(&mut self, row: usize, j: usize, at: f64) {
        let mut own = std::mem::take(&mut self.rows[row]);
        let by = own[j];
        own[j] = -1.0;
        own.iter_mut().for_each(|entry| *entry /= -by);
        let put = |entries: &mut [f64]| {
            let factor = std::mem::take(&mut entries[j]);
            if factor != 0.0 {
                entries.iter_mut().zip(&own).for_each(|(entry, own)| *entry += factor * own);
            }
        };
        self.rows.iter_mut().filter(|row| !row.is_empty()).for_each(|row| put(row));
        put(&mut self.costs);
        self.rows[row] = own;
        let (entering, _) = std::mem::replace(&mut self.nonbasic[j], (self.basic[row], at));
        self.basic[row] = entering;
    }

    /// Where the dictionary stands, and the multipliers.
    fn maximum(&self) -> Found {
        let mut point = vec![0.0; self.inputs];
        let mut multipliers = vec![0.0; self.basic.len()];
        for (row, &variable) in self.basic.iter().enumerate() {
            if variable < self.inputs {
                point[variable] = self.value(row).clamp(-1.0, 1.0);
            }
        }
        for (&(variable, at), cost) in self.nonbasic.iter().zip(&self.costs) {
            match variable.checked_sub(self.inputs) {
                None => point[variable] = at,
                Some(r) => multipliers[r] = (-cost).max(0.0),
            }
        }
        Found::Maximum(point, multipliers)
    }

    /// The multipliers of the rows that a row is made of which cannot reach its bound.
    fn empty(&self, row: usize, direction: f64) -> Vec<f64> {
        let mut multipliers = vec![0.0; self.basic.len()];
        for (&(variable, _), t) in self.nonbasic.iter().zip(&self.rows[row]) {
            if let Some(r) = variable.checked_sub(self.inputs) {
                multipliers[r] = (-direction * t).max(0.0);
            }
        }
        if let Some(r) = self.basic[row].checked_sub(self.inputs) {
            multipliers[r] = 1.0;
        }
        multipliers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// The bound that multipliers prove.
    fn bound(c: &[f64], rows: &[Vec<f64>], multipliers: &[f64]) -> f64 {
        let d = c.len();
        let slope = |k: usize| c[k] + rows.iter().zip(multipliers).map(|(row, t)| t * row[k]).sum::<f64>();
        rows.iter().zip(multipliers).map(|(row, t)| t * row[d]).sum::<f64>()
            + (0..d).map(|k| slope(k).abs()).sum::<f64>()
    }

    proptest! {
        /// The point is in the cell and attains what the multipliers prove; or they prove that there is no point.
        #[test]
        fn point_and_multipliers_prove_each_other(d in 1..9usize, q in 0..9usize, numbers in prop::collection::vec(-3..=3i32, 100)) {
            let mut numbers = numbers.into_iter().map(f64::from);
            let c: Vec<f64> = numbers.by_ref().take(d).collect();
            let rows: Vec<Vec<f64>> = (0..q).map(|_| numbers.by_ref().take(d + 1).collect()).collect();
            match maximize(&c, &rows).expect("few steps are enough") {
                Found::Maximum(point, multipliers) => {
                    prop_assert!(point.iter().all(|z| z.abs() <= 1.0) && multipliers.iter().all(|t| *t >= 0.0));
                    prop_assert!(rows.iter().all(|row| dot(row, &point) + row[d] >= -1e-9));
                    prop_assert!((dot(&c, &point) - bound(&c, &rows, &multipliers)).abs() <= 1e-8);
                }
                Found::Empty(multipliers) => {
                    prop_assert!(multipliers.iter().all(|t| *t >= 0.0));
                    prop_assert!(bound(&vec![0.0; d], &rows, &multipliers) < 0.0);
                }
            }
        }
    }
}
