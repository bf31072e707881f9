//! Files that prove the worst cases of rows: a search for trees whose leaves the verifier can check by one sum.
//!
//! At a leaf the verifier's bound is convex in the multipliers of its path. They are found by steps along the subgradient, whose length
//! is that which would reach the largest value found; what they come to is computed by the verifier's own code, so that every multiplier proves something
//! and better ones prove more. Leaves are cut at the unit that the bound is furthest off about.

use super::verification::RowByRow;
use crate::Shallow;
use crate::error::{Error, Result};
use crate::tolerance::{self, Tolerance};
use faer::MatRef;
use rayon::prelude::*;
use tautnet_cone::Stop;
use tautnet_verify::evidence::Near;
use tautnet_verify::{Node, Refusal, Row, Shape, VerifiedWorstCases, Weights, WorstCases};

/// Steps in the multipliers of each leaf.
const STEPS: usize = 200;

/// After so many steps without a better bound they go on from the best one, half as long.
const PATIENCE: usize = 8;

/// A leaf is good enough where its bound is within this part of the interval's size of what is found.
const CLOSE: f64 = 1e-6;

/// Prove the worst cases of rows: `x` and the tolerance are in the units of the network. At most `nodes` leaves are cut at each end of
/// each row; fewer where work is told to stop.
///
/// ```
/// use tautnet::{Shallow, certify, tolerance::{Shape, Tolerance}};
/// // f(x) = 2 relu(x) around 0 ± 0.5.
/// let network = Shallow::new(faer::mat![[1.0]], vec![0.0], vec![2.0], 0.0)?;
/// let tolerance = Tolerance::same(Shape::Box, &[0.5])?;
/// let file = certify::worst_cases(&network, faer::mat![[0.0]].as_ref(), &tolerance, 100)?;
/// let proved = certify::verify_worst_cases(&file.to_bytes(), &network)?;
/// let row = &proved.worst_cases().rows[0];
/// assert!(row.lower <= 0.0 && row.lower > -1e-6 && row.upper >= 1.0 && row.upper < 1.0 + 1e-6);
/// # Ok::<(), tautnet::Error>(())
/// ```
pub fn worst_cases(network: &Shallow, x: MatRef<'_, f64>, tolerance: &Tolerance, nodes: usize) -> Result<WorstCases> {
    let (n, d) = (x.nrows(), network.inputs());
    if x.ncols() != d || tolerance.columns() != d || !(tolerance.is_same() || tolerance.sizes().nrows() == n) {
        return Err(Error::new(
            format!(
                "the network has {d} inputs, the rows {}, and the tolerance {} columns and {} rows for {n}",
                x.ncols(),
                tolerance.columns(),
                tolerance.sizes().nrows()
            ),
            "give the tolerance of these very columns and rows",
        ));
    }
    let shape = match tolerance.shape() {
        tolerance::Shape::Box => Shape::Box,
        tolerance::Shape::Ball => Shape::Ball,
    };
    let (rows, stop) = (RowByRow::of(network), Stop::here());
    let weights = rows.weights();
    let row = |k: usize| {
        let (x, tolerance): (Vec<f64>, Vec<f64>) = (0..d).map(|j| (x[(k, j)], tolerance.size(k, j))).unzip();
        let end = |sign: f64| Search::new(&weights, &x, &tolerance, shape, sign).run(nodes, &stop);
        let ((upper, above), (lower, below)) = (end(1.0), end(-1.0));
        Row { x, tolerance, lower: -lower, upper, below, above }
    };
    let of_rows: Vec<Row> = (0..n).into_par_iter().map(row).collect();
    if let Some(k) = of_rows.iter().position(|row| !row.lower.is_finite() || !row.upper.is_finite()) {
        return Err(Error::new(
            format!("the worst case of row {} overflows", k + 1),
            "give weights and tolerances of moderate size",
        ));
    }
    Ok(WorstCases::new(&weights, shape, of_rows))
}

/// Prove what a file of worst cases claims of the rows of this network, or refuse. Never panics, whatever the bytes.
pub fn verify_worst_cases(bytes: &[u8], network: &Shallow) -> std::result::Result<VerifiedWorstCases, Refusal> {
    tautnet_verify::verify_worst_cases(bytes, &RowByRow::of(network).weights())
}

/// The search for the tree of one end of one row. Everything here is in ordinary arithmetic but for the bounds of `near`.
struct Search {
    near: Near,
    shape: Shape,
    constant: f64,
    slope: Vec<f64>,
    units: Vec<Unit>,
}

/// An affine function of u, and the output weight of the unit that it belongs to.
struct Unit {
    v: f64,
    h: f64,
    slope: Vec<f64>,
    /// How far h can move.
    reach: f64,
}

/// A node of the tree that is being made.
enum Grown {
    Cut { unit: usize, off: usize, on: usize },
    Leaf(Leaf),
}

#[derive(Clone)]
struct Leaf {
    path: Vec<(usize, bool)>,
    multipliers: Vec<f64>,
    bound: f64,
    /// The unit at which to cut; none where that gains nothing.
    cut: Option<usize>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Search {
    fn new(network: &Weights<'_>, x: &[f64], tolerance: &[f64], shape: Shape, sign: f64) -> Self {
        let scaled = |row: &[f64]| row.iter().zip(tolerance).map(|(w, size)| w * size).collect::<Vec<_>>();
        let unit = |i: usize| {
            let row = &network.w[i * network.inputs..(i + 1) * network.inputs];
            let slope = scaled(row);
            Unit { v: sign * network.v[i], h: network.b[i] + dot(row, x), reach: length(shape, &slope), slope }
        };
        let a: Vec<f64> = network.a.map_or(vec![0.0; network.inputs], |a| a.iter().map(|a| sign * a).collect());
        Self {
            near: Near::new(network, x, tolerance, shape, sign),
            shape,
            constant: sign * network.c + dot(&a, x),
            slope: scaled(&a),
            units: (0..network.units).map(unit).collect(),
        }
    }

    /// The bound that the leaves of the tree prove, and the tree.
    fn run(&self, nodes: usize, stop: &Stop) -> (f64, Vec<Node>) {
        let mut found = self.value(&vec![0.0; self.slope.len()]);
        let root = self.leaf(Vec::new(), Vec::new(), &mut found);
        let scale = (root.bound - found).abs();
        let mut grown = vec![Grown::Leaf(root)];
        for _ in 0..nodes {
            // The leaf with the largest bound decides.
            let leaves = grown.iter().enumerate().filter_map(|(at, node)| match node {
                Grown::Leaf(leaf) => Some((at, leaf)),
                Grown::Cut { .. } => None,
            });
            let Some((at, leaf)) = leaves.max_by(|(_, a), (_, b)| a.bound.total_cmp(&b.bound)) else { break };
            let Some(unit) = leaf.cut.filter(|_| leaf.bound > found + CLOSE * scale && !stop.asked()) else { break };
            let leaf = leaf.clone();
            let [off, on] = [false, true].map(|on| {
                let path = leaf.path.iter().copied().chain([(unit, on)]).collect();
                let start = leaf.multipliers.iter().copied().chain([0.0]).collect();
                grown.push(Grown::Leaf(self.leaf(path, start, &mut found)));
                grown.len() - 1
            });
            grown[at] = Grown::Cut { unit, off, on };
        }
        let (mut tree, mut bound, mut next) = (Vec::new(), f64::NEG_INFINITY, vec![0]);
        while let Some(at) = next.pop() {
            match &grown[at] {
                Grown::Cut { unit, off, on } => {
                    tree.push(Node::Cut(*unit));
                    next.extend([*on, *off]);
                }
                Grown::Leaf(leaf) => {
                    bound = bound.max(leaf.bound);
                    tree.push(Node::Leaf(leaf.multipliers.clone()));
                }
            }
        }
        (bound, tree)
    }

    /// The leaf with the best multipliers that are found from `start`; `found` is the largest value of the function that is known.
    fn leaf(&self, path: Vec<(usize, bool)>, start: Vec<f64>, found: &mut f64) -> Leaf {
        // All but the multipliers.
        let (mut constant, mut slope) = (self.constant, self.slope.clone());
        for (i, unit) in self.units.iter().enumerate() {
            let (factor, less) = match path.iter().find(|(other, _)| *other == i) {
                Some((_, on)) => (if *on { unit.v } else { 0.0 }, 0.0),
                None => unit.relaxed(),
            };
            constant += factor * (unit.h - less);
            slope.iter_mut().zip(&unit.slope).for_each(|(sum, slope)| *sum += factor * slope);
        }
        let signed = |(unit, on): &(usize, bool)| (&self.units[*unit], if *on { 1.0 } else { -1.0 });
        let at = |multipliers: &[f64]| {
            let (mut value, mut sum) = (constant, slope.clone());
            for ((unit, side), multiplier) in path.iter().map(signed).zip(multipliers) {
                value += side * multiplier * unit.h;
                sum.iter_mut().zip(&unit.slope).for_each(|(sum, slope)| *sum += side * multiplier * slope);
            }
            (value + length(self.shape, &sum), self.furthest(&sum))
        };
        let (mut multipliers, mut best) = (start.clone(), (f64::INFINITY, start, Vec::new()));
        let (mut pace, mut waited) = (1.0, 0);
        let mut direction = vec![0.0; path.len()];
        for _ in 0..STEPS {
            let (value, u) = at(&multipliers);
            *found = found.max(self.value(&u));
            if value < best.0 {
                best = (value, multipliers.clone(), u.clone());
                waited = 0;
            } else {
                waited += 1;
            }
            if waited > PATIENCE {
                (multipliers, pace, waited) = (best.1.clone(), 0.5 * pace, 0);
                direction.fill(0.0);
                continue;
            }
            let gradient: Vec<f64> =
                path.iter().map(signed).map(|(unit, side)| side * (unit.h + dot(&unit.slope, &u))).collect();
            // A part of the last direction, where both are at an obtuse angle: across a fold subgradients alone go to and fro.
            let (along, length) = (dot(&gradient, &direction), dot(&direction, &direction));
            let kept = if along < 0.0 { -1.5 * along / length } else { 0.0 };
            direction.iter_mut().zip(&gradient).for_each(|(d, g)| *d = kept * *d + g);
            let step = pace * (value - *found) / dot(&direction, &direction);
            if !(step > 0.0 && step.is_finite()) {
                break;
            }
            multipliers.iter_mut().zip(&direction).for_each(|(m, d)| *m = (*m - step * d).max(0.0));
        }
        let (_, multipliers, u) = best;
        // How far the relaxation is off at u; where it is off nowhere, how far it can be.
        let off = |(i, unit): (usize, &Unit)| {
            let h = unit.h + dot(&unit.slope, &u);
            let (factor, less) = unit.relaxed();
            let room = unit.v.abs() * (unit.reach - unit.h.abs()).max(0.0);
            if path.iter().any(|(other, _)| *other == i) {
                return (0.0, i);
            }
            (factor * (h - less) - unit.v * h.max(0.0) + 1e-3 * room, i)
        };
        let worst = self.units.iter().enumerate().map(off).max_by(|a, b| a.0.total_cmp(&b.0));
        let bound = self.near.bound(&path, &multipliers);
        Leaf { path, multipliers, bound, cut: worst.filter(|(off, _)| *off > 0.0).map(|(_, unit)| unit) }
    }

    fn value(&self, u: &[f64]) -> f64 {
        let unit = |unit: &Unit| unit.v * (unit.h + dot(&unit.slope, u)).max(0.0);
        self.constant + dot(&self.slope, u) + self.units.iter().map(unit).sum::<f64>()
    }

    /// The point of the ball that is furthest along a slope.
    fn furthest(&self, slope: &[f64]) -> Vec<f64> {
        let length = length(self.shape, slope);
        let one = |s: &f64| match self.shape {
            _ if *s == 0.0 => 0.0,
            Shape::Box => s.signum(),
            Shape::Ball => s / length,
        };
        slope.iter().map(one).collect()
    }
}

impl Unit {
    /// As the verifier relaxes a unit that is not on the path: `factor · (h − less)`.
    fn relaxed(&self) -> (f64, f64) {
        let (low, high) = (self.h - self.reach, self.h + self.reach);
        if high <= 0.0 {
            (0.0, 0.0)
        } else if low >= 0.0 {
            (self.v, 0.0)
        } else if self.v > 0.0 {
            (self.v * high / (high - low), low)
        } else {
            (if high > -low { self.v } else { 0.0 }, 0.0)
        }
    }
}

/// The dual norm of a slope.
fn length(shape: Shape, slope: &[f64]) -> f64 {
    match shape {
        Shape::Box => slope.iter().map(|s| s.abs()).sum(),
        Shape::Ball => dot(slope, slope).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::tests::{random_network, random_network_with_linear_part};
    use crate::certify::{enclose, interval_within};
    use faer::Mat;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What is issued is proved, holds what the other search finds, and is close to what that proves.
        #[test]
        fn worst_cases_are_proved_and_sharp(
            m in 1usize..12, d in 1usize..4, seed in any::<u64>(), ball in any::<bool>(),
            sizes in prop::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.001..0.8f64], 6),
        ) {
            let network = if seed % 2 == 0 { random_network(m, d, seed) } else { random_network_with_linear_part(m, d, seed) };
            let shape = if ball { tolerance::Shape::Ball } else { tolerance::Shape::Box };
            let tolerance = Tolerance::of_rows(shape, Mat::from_fn(2, d, |k, j| sizes[k * d + j])).unwrap();
            let x = Mat::from_fn(2, d, |k, j| (seed as f64 + (2 * k + j) as f64).sin());
            for nodes in [0, 1, 300] {
                let file = worst_cases(&network, x.as_ref(), &tolerance, nodes).unwrap();
                let proved = verify_worst_cases(&file.to_bytes(), &network).unwrap();
                prop_assert_eq!(proved.worst_cases(), &file);
                for (k, row) in file.rows.iter().enumerate() {
                    let known = interval_within(&network, &row.x, k, &tolerance, 5000).unwrap();
                    prop_assert!(row.lower <= known.lowest_found && known.highest_found <= row.upper, "{row:?} {known:?}");
                    let value = enclose(&network, &row.x);
                    prop_assert!(row.lower <= value.low && value.high <= row.upper);
                    let size = crate::certify::path_norm(&network, crate::Norm::Infinity);
                    if nodes == 300 {
                        let off = (row.upper - known.upper).max(known.lower - row.lower);
                        prop_assert!(off <= 0.02 * size * sizes.iter().fold(0.0_f64, |a, b| a.max(*b)) + 1e-9, "{off} {row:?} {known:?}");
                    }
                }
            }
        }
    }

    fn issued() -> (Shallow, Value) {
        let network = random_network(6, 2, 5);
        let tolerance = Tolerance::same(tolerance::Shape::Box, &[0.9, 0.7]).unwrap();
        let file = worst_cases(&network, faer::mat![[0.3, -0.2], [0.0, 0.1]].as_ref(), &tolerance, 50).unwrap();
        (network, serde_json::from_slice(&file.to_bytes()).unwrap())
    }

    #[test]
    fn every_kind_of_tampering_is_refused() {
        let (network, file) = issued();
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut file = file.clone();
            change(&mut file);
            verify_worst_cases(file.to_string().as_bytes(), &network).unwrap_err()
        };
        assert!(verify_worst_cases(file.to_string().as_bytes(), &network).is_ok());
        let number = |value: &Value| value.as_f64().unwrap();
        let tree = file["rows"][0]["above"].as_array().unwrap().clone();
        assert!(tree.len() > 2, "the row has a tree");
        let closer = |value: &mut Value, factor: f64| {
            *value = json!(number(value) - factor * 1e-9 * (1.0 + number(value).abs()))
        };
        for refusal in [
            refused(&|file| closer(&mut file["rows"][0]["upper"], 1.0)),
            refused(&|file| closer(&mut file["rows"][1]["lower"], -1.0)),
            refused(&|file| file["rows"][0]["tolerance"][0] = json!(0.95)),
            refused(&|file| file["rows"][0]["x"][1] = json!(2.5)),
            refused(&|file| file["rows"][0]["above"] = json!([[]])),
            refused(&|file| {
                let (above, below) = (file["rows"][0]["above"].clone(), file["rows"][0]["below"].clone());
                (file["rows"][0]["above"], file["rows"][0]["below"]) = (below, above);
            }),
        ] {
            assert!(matches!(refusal, Refusal::NotProved(_)), "{refusal:?}");
        }
        for (change, why) in [
            (json!([]), "too few leaves"),
            (json!([0, []]), "not one number"),
            (json!([0, [0.0]]), "too few leaves"),
            (json!([0, [0.0], [0.0], []]), "goes on"),
            (json!([0, [-1.0], [0.0]]), "at least 0"),
            (json!([0, 0, [0.0, 0.0], [0.0, 0.0], [0.0]]), "twice at one"),
            (json!([6, [0.0], [0.0]]), "not there"),
        ] {
            let refusal = refused(&|file| file["rows"][1]["above"] = change.clone());
            assert!(
                matches!(&refusal, Refusal::Malformed(what) if what.contains(why) && what.starts_with("row 2: ")),
                "{refusal:?}"
            );
        }
        assert!(matches!(refused(&|file| file["rows"][0]["tolerance"][0] = json!(-0.5)), Refusal::Malformed(_)));
        assert!(matches!(refused(&|file| file["rows"][0]["x"] = json!([1.0])), Refusal::Malformed(_)));
        assert!(matches!(refused(&|file| file["network"] = json!("0")), Refusal::WrongNetwork(_)));
        assert!(matches!(refused(&|file| file["version"] = json!(2)), Refusal::Unsupported(_)));
        assert!(matches!(refused(&|file| file["more"] = json!(2)), Refusal::Unreadable(_)));
        assert!(matches!(verify_worst_cases(b"{", &network).unwrap_err(), Refusal::Unreadable(_)));
        let c = network.c();
        let other = network.with_c(c + 0.5);
        assert!(matches!(
            verify_worst_cases(file.to_string().as_bytes(), &other).unwrap_err(),
            Refusal::WrongNetwork(_)
        ));
    }

    /// A ball is smaller than its box, and a box in the file of a ball is not proved by its trees.
    #[test]
    fn the_shape_counts() {
        let network = random_network(6, 2, 5);
        let of = |shape| {
            let tolerance = Tolerance::same(shape, &[0.9, 0.7]).unwrap();
            worst_cases(&network, faer::mat![[0.3, -0.2]].as_ref(), &tolerance, 200).unwrap()
        };
        let (ball, wide) = (of(tolerance::Shape::Ball), of(tolerance::Shape::Box));
        assert!(ball.rows[0].upper < wide.rows[0].upper);
        let forged = WorstCases { shape: Shape::Box, ..ball };
        assert!(matches!(verify_worst_cases(&forged.to_bytes(), &network).unwrap_err(), Refusal::NotProved(_)));
    }
}
