//! What the outputs of a row cost, where each may be wrong by as much as its bound allows: the true cost, and a smooth one with its slopes and curvatures.
//!
//! ```text
//! classes     log Σ_j exp( f_j + m_yj ) − f_y             m_yj = r · (bound of f_y − f_j), m_yy = 0
//! a number    the larger of φ(f + m) and φ(f − m)         m = r · (bound of f)
//! ```
//!
//! All are convex in f and m, and grow with m. Smooth ones differ by at most `soft`: a loss with a corner is replaced by a parabola around it, and the larger of
//! two numbers by the logarithm of a sum of exponentials.

use crate::Loss;

/// What is learned.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// The class of every row, of so many.
    Classes(Vec<usize>, usize),
    /// A number of every row, and what missing it costs.
    Numbers(Vec<f64>, Loss),
}

/// What is added to slopes where a row is visited.
pub(super) struct Slopes<'a> {
    /// In the outputs: overwritten.
    pub outputs: &'a mut [f64],
    /// In m, of all rows: added to.
    pub moves: &'a mut [f64],
}

/// A loss of one number, smooth: its value, slope and curvature.
fn smooth(loss: &Loss, f: f64, y: f64, soft: f64) -> [f64; 3] {
    let Some(form) = loss.form(y) else { return [loss.value(f, y), loss.slope(f, y), loss.curvature(f, y)] };
    let exits = [form.above, form.below];
    let steepest = exits.iter().flatten().fold(0.0, |most: f64, price| most.max(*price));
    let eta = form.quadratic.unwrap_or(steepest * steepest / (4.0 * soft)).min(1e12);
    let r = f - y;
    let (exit, way) = if r >= 0.0 { (form.above, 1.0) } else { (form.below, -1.0) };
    match exit {
        Some(price) if r.abs() > price / (2.0 * eta) => {
            [price * r.abs() - price * price / (4.0 * eta), way * price, 0.0]
        }
        _ => [eta * r * r, 2.0 * eta * r, 2.0 * eta],
    }
}

/// The two ends of a number, the share that each has in the larger, and how much the larger bends between them.
struct Ends {
    high: [f64; 3],
    low: [f64; 3],
    share: f64,
    bend: f64,
    value: f64,
}

fn ends(loss: &Loss, f: f64, y: f64, m: f64, soft: f64) -> Ends {
    let (high, low) = (smooth(loss, f + m, y, soft), smooth(loss, f - m, y, soft));
    if loss.is_margin() || m == 0.0 {
        // Which end is the worse one is known of a margin; without a radius both are one.
        let share = if loss.is_margin() { f64::from(u8::from(y < 0.0)) } else { 0.5 };
        let value = share * high[0] + (1.0 - share) * low[0];
        return Ends { high, low, share, bend: 0.0, value };
    }
    let gap = (high[0] - low[0]) / soft;
    let share = 1.0 / (1.0 + (-gap).exp());
    // log((exp a + exp b)/2), which is exact where both are one.
    let value = high[0].max(low[0]) + soft * ((-gap.abs()).exp().ln_1p() - std::f64::consts::LN_2);
    Ends { high, low, share, bend: share * (1.0 - share) / soft, value }
}

/// The shares of the classes in the cross-entropy of a row, into `shares`; the cross-entropy.
fn entropy(y: usize, outputs: &[f64], moves: &[f64], shares: &mut [f64]) -> f64 {
    let of_y = &moves[y * outputs.len()..][..outputs.len()];
    let mut largest = f64::NEG_INFINITY;
    for ((share, f), m) in shares.iter_mut().zip(outputs).zip(of_y) {
        *share = f + m;
        largest = largest.max(*share);
    }
    let mut all = 0.0;
    for share in shares.iter_mut() {
        *share = (*share - largest).exp();
        all += *share;
    }
    shares.iter_mut().for_each(|share| *share /= all);
    all.ln() + largest - outputs[y]
}

impl Target {
    /// How many outputs it takes.
    pub fn outputs(&self) -> usize {
        match self {
            Target::Classes(_, count) => *count,
            Target::Numbers(..) => 1,
        }
    }

    /// How many numbers m there are: one for each pair of classes, in both orders.
    pub fn moves(&self) -> usize {
        self.outputs() * self.outputs()
    }

    /// Whether the cost has corners where there is no radius.
    pub fn has_corners(&self) -> bool {
        let Target::Numbers(numbers, loss) = self else { return false };
        let y = numbers.first().copied().unwrap_or(0.0);
        loss.form(y).is_some_and(|form| form.quadratic.is_none())
    }

    /// The true cost of row k.
    pub fn value(&self, k: usize, outputs: &[f64], moves: &[f64]) -> f64 {
        match self {
            Target::Classes(classes, count) => entropy(classes[k], outputs, moves, &mut vec![0.0; *count]),
            Target::Numbers(numbers, loss) => {
                let (f, y, m) = (outputs[0], numbers[k], moves[0]);
                let (high, low) = (loss.value(f + m, y), loss.value(f - m, y));
                if low > high || low.is_nan() { low } else { high }
            }
        }
    }

    /// The smooth cost of row k, which counts `share`, and its slopes.
    pub fn slopes(&self, k: usize, (outputs, moves): (&[f64], &[f64]), soft: f64, share: f64, to: Slopes<'_>) -> f64 {
        match self {
            Target::Classes(classes, count) => {
                let y = classes[k];
                let value = entropy(y, outputs, moves, to.outputs);
                for (j, slope) in to.outputs.iter_mut().enumerate() {
                    *slope *= share;
                    if j != y {
                        to.moves[y * count + j] += *slope;
                    }
                }
                to.outputs[y] -= share;
                share * value
            }
            Target::Numbers(numbers, loss) => {
                let ends = ends(loss, outputs[0], numbers[k], moves[0], soft);
                let (high, low) = (ends.share * ends.high[1], (1.0 - ends.share) * ends.low[1]);
                to.outputs[0] = share * (high + low);
                to.moves[0] += share * (high - low);
                share * ends.value
            }
        }
    }

    /// What the matrix of second derivatives of the smooth cost of row k makes of a change of the outputs and of m.
    pub fn bend(
        &self,
        k: usize,
        (outputs, moves): (&[f64], &[f64]),
        (of_outputs, of_moves): (&[f64], &[f64]),
        (soft, share): (f64, f64),
        to: Slopes<'_>,
    ) {
        match self {
            Target::Classes(classes, count) => {
                let y = classes[k];
                entropy(y, outputs, moves, to.outputs);
                let change = |j: usize| of_outputs[j] + of_moves[y * count + j];
                let mean: f64 = (0..*count).map(|j| to.outputs[j] * change(j)).sum();
                for j in 0..*count {
                    to.outputs[j] *= share * (change(j) - mean);
                    if j != y {
                        to.moves[y * count + j] += to.outputs[j];
                    }
                }
            }
            Target::Numbers(numbers, loss) => {
                let Ends { high, low, share: part, bend, .. } = ends(loss, outputs[0], numbers[k], moves[0], soft);
                let (df, dm) = (of_outputs[0], of_moves[0]);
                let apart = bend * ((high[1] - low[1]) * df + (high[1] + low[1]) * dm);
                let (up, down) = (part * high[2] * (df + dm), (1.0 - part) * low[2] * (df - dm));
                to.outputs[0] = share * (up + down + apart * (high[1] - low[1]));
                to.moves[0] += share * (up - down + apart * (high[1] + low[1]));
            }
        }
    }
}
