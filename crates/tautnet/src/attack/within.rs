//! The error found within a tolerance: the search of balls, in coordinates in which the tolerance of a row is a unit ball.
//!
//! With `x + τ∘u`, a box is `‖u‖_∞ ≤ 1` and an ellipsoid `‖u‖_2 ≤ 1`; an input that is exact has τ = 0 and does not move. What
//! counts is the network itself at a point that lies within the tolerance for certain. On demand, branch and bound over each
//! row's tolerance ([`interval_within`](crate::certify::interval_within)) closes in on the worst case from both sides.

use super::each_row::Row;
use super::proved::WorstCase;
use super::settings::Settings;
use super::{each_row, several};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::outward::{Sum, div_down, div_up, mul_down, mul_up};
use crate::shallow::Shallow;
use crate::tolerance::Tolerance;
use serde::Serialize;

/// Found and proved worst-case losses within a tolerance, as (weighted) means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithinReport {
    /// The loss at the worst points found, rounded down: no more than the worst case.
    pub found: f64,
    /// What is proved row by row, rounded up, where branch and bound was asked for.
    pub worst_case: Option<WorstCase>,
    /// The shares of the rows whose class is right, where the loss is one of the margin.
    pub right: Option<Right>,
}

/// Shares of the rows whose class a network gets right, by their weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Right {
    /// Wherever an attack looked within the tolerance: at least so many of the others can be wrong.
    pub found: f64,
    /// Everywhere within the tolerance, proved; 0 where branch and bound was not asked for.
    pub proved: f64,
}

/// Attack every row within its tolerance. Where a row has several targets, its loss is the sum of the worst losses of all outputs, each at its
/// own worst point. The bound in the settings is not used. [`Stop::here`](crate::Stop::here) ends the search; both sides stay
/// valid, and the rows that are left have what interval arithmetic proves.
///
/// ```
/// use tautnet::{Dataset, Shallow, attack, tolerance::{Shape, Tolerance}};
/// // f(x) = 2 relu(x), and x is known to ±0.5.
/// let network = Shallow::new(faer::mat![[1.0]], vec![0.0], vec![2.0], 0.0)?;
/// let data = Dataset::new(faer::mat![[1.0], [-1.0]], vec![2.0, 0.0], None)?;
/// let tolerance = Tolerance::same(Shape::Box, &[0.5])?;
/// let settings = attack::Settings { nodes: 100, ..attack::Settings::new(f64::INFINITY) };
/// let report = attack::within(&network, &data, &tolerance, &settings)?;
/// let proved = report.worst_case.unwrap();
/// // The first row moves f by 1, the second by nothing.
/// assert!(report.found <= 0.5 && 0.5 <= proved.proved && proved.proved - report.found < 1e-12);
/// assert_eq!(proved.closed_rows, 2);
/// # Ok::<(), tautnet::Error>(())
/// ```
pub fn within(network: &Shallow, data: &Dataset, tolerance: &Tolerance, settings: &Settings) -> Result<WithinReport> {
    within_each(&[(network, data, tolerance)], settings)
}

/// The same of several networks, each on rows of its own: the mean over all rows.
pub fn within_each(cases: &[(&Shallow, &Dataset, &Tolerance)], settings: &Settings) -> Result<WithinReport> {
    let (mut found, mut proved, mut total) = ([Sum::default(), Sum::default()], Sum::default(), Sum::default());
    let (mut closed_rows, mut right) = (0, [0.0; 2]);
    for (network, data, tolerance) in cases {
        for (k, row) in rows(network, data, tolerance, settings, false)?.into_iter().enumerate() {
            let weight = data.weights.as_ref().map_or(1.0, |weights| weights[k]);
            total.add(weight);
            closed_rows += usize::from(row.closed);
            if weight > 0.0 {
                // A class is right where the margin is above 0.
                let wrong = settings.loss.value(0.0, if network.outputs() > 1 { 1.0 } else { data.y[k] });
                right[0] += if row.found[1] < wrong { weight } else { 0.0 };
                right[1] += if row.proved < wrong { weight } else { 0.0 };
                found.iter_mut().zip(row.found).for_each(|(sum, found)| sum.add(mul_down(weight, found).max(0.0)));
                proved.add(mul_up(weight, row.proved));
            }
        }
    }
    let total = total.interval();
    let proved = div_up(proved.interval().high, total.low);
    // Both are found. That more is found in a row need not raise a mean that is rounded down.
    let found = found.map(|sum| div_down(sum.interval().low.max(0.0), total.high));
    Ok(WithinReport {
        found: found.into_iter().fold(0.0, f64::max),
        worst_case: (settings.nodes > 0).then_some(WorstCase { proved, closed_rows }),
        right: settings.loss.is_margin().then(|| {
            let [found, proved] = right.map(|right| right / total.high);
            Right { found, proved }
        }),
    })
}

/// Of networks with one output, with one a class, or with one a target.
fn rows(
    network: &Shallow,
    data: &Dataset,
    tolerance: &Tolerance,
    settings: &Settings,
    points: bool,
) -> Result<Vec<Row>> {
    match network.outputs() {
        1 if data.targets() == 1 => {
            settings.loss.check_targets(&data.y)?;
            each_row::rows(network, data, tolerance, settings, points)
        }
        // The check of classes says what is wrong where it is neither.
        _ if settings.loss.is_margin() || data.targets() == 1 => {
            several::of_classes(network, data, tolerance, settings)
        }
        _ => several::of_targets(network, data, tolerance, settings),
    }
}

/// The loss found within the tolerance of each row, without branch and bound: a lower bound of its worst case.
pub fn found_within(network: &Shallow, data: &Dataset, tolerance: &Tolerance, settings: &Settings) -> Result<Vec<f64>> {
    let settings = Settings { nodes: 0, ..settings.clone() };
    Ok(rows(network, data, tolerance, &settings, false)?.into_iter().map(|row| row.found[0]).collect())
}

/// The worst points found within the tolerance of each row, at most one for either sign of the residual. A sign that cannot have
/// the worst has none.
pub(crate) fn points_within(
    network: &Shallow,
    data: &Dataset,
    tolerance: &Tolerance,
    settings: &Settings,
) -> Result<Vec<Vec<Vec<f64>>>> {
    Ok(rows(network, data, tolerance, settings, true)?.into_iter().map(|row| row.points).collect())
}

/// What reports of parts of the rows come to together, each with the weight of its rows: what is found rounded down, what is proved rounded up.
pub fn joined(parts: &[(f64, WithinReport)]) -> Option<WithinReport> {
    let (_, first) = parts.first()?;
    // Sums of so many numbers, none of them negative, a product each and a division are off by so many roundings at most.
    let off = (2.0 * parts.len() as f64 + 4.0) * f64::EPSILON;
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    let mean =
        |of: &dyn Fn(&WithinReport) -> f64| parts.iter().map(|(weight, part)| weight * of(part)).sum::<f64>() / total;
    let worst_case = first.worst_case.map(|_| WorstCase {
        proved: mean(&|part| part.worst_case.map_or(f64::INFINITY, |worst_case| worst_case.proved)) * (1.0 + off),
        closed_rows: parts.iter().filter_map(|(_, part)| Some(part.worst_case?.closed_rows)).sum(),
    });
    let right = first.right.map(|_| Right {
        found: (mean(&|part| part.right.map_or(1.0, |right| right.found)) * (1.0 + off)).min(1.0),
        proved: mean(&|part| part.right.map_or(0.0, |right| right.proved)) * (1.0 - off),
    });
    Some(WithinReport { found: mean(&|part| part.found) * (1.0 - off), worst_case, right })
}

/// [`within`] for multiples of a tolerance, which do not decrease: what is found within one of them is within the next, too, and what is
/// proved of one holds for those before it.
pub fn within_multiples(
    network: &Shallow,
    data: &Dataset,
    tolerance: &Tolerance,
    multiples: &[f64],
    settings: &Settings,
) -> Result<Vec<WithinReport>> {
    let of = |multiple: &f64| within(network, data, &tolerance.times(*multiple), settings);
    let mut reports = multiples.iter().map(of).collect::<Result<Vec<_>>>()?;
    let (mut found, mut right) = (0.0_f64, 1.0_f64);
    for report in &mut reports {
        found = found.max(report.found);
        report.found = found;
        if let Some(known) = &mut report.right {
            right = right.min(known.found);
            known.found = right;
        }
    }
    let mut proved = 0.0_f64;
    for known in reports.iter_mut().rev().filter_map(|report| report.right.as_mut()) {
        proved = proved.max(known.proved);
        known.proved = proved;
    }
    let mut proved = f64::INFINITY;
    for worst_case in reports.iter_mut().rev().filter_map(|report| report.worst_case.as_mut()) {
        proved = proved.min(worst_case.proved);
        worst_case.proved = proved;
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::super::{each_row::placed, settings::Method, tests::network};
    use super::*;
    use crate::norm::Norm;
    use crate::patterns::Patterns;
    use crate::tolerance::Shape;
    use crate::train::tests::toy;
    use crate::unit::{Affine, Unit};
    use crate::worst_case::Within;
    use faer::Mat;
    use proptest::prelude::*;
    use tautnet_cone::Stop;

    fn settings() -> Settings {
        Settings::new(f64::INFINITY)
    }

    #[test]
    fn parts_of_the_rows_come_to_what_all_of_them_do() {
        let (network, data) = (network(6, 2, 3), toy(40, 2, 3));
        let tolerance = Tolerance::same(Shape::Box, &[0.3, 0.1]).unwrap();
        let settings = Settings { nodes: 500, ..settings() };
        let whole = within(&network, &data, &tolerance, &settings).unwrap();
        let part = |rows: Vec<usize>| {
            let some = crate::rows::Rows::of(&data).pick(&rows);
            (rows.len() as f64, within(&network, &some, &tolerance, &settings).unwrap())
        };
        let parts = [part((0..7).collect()), part((7..30).collect()), part((30..40).collect())];
        let found = joined(&parts).unwrap();
        let (one, other) = (whole.worst_case.unwrap(), found.worst_case.unwrap());
        assert_eq!(one.closed_rows, other.closed_rows);
        for (one, other) in [(whole.found, found.found), (other.proved, one.proved)] {
            assert!(other <= one && (one - other).abs() < 1e-12 * one, "{one} {other}");
        }
        assert_eq!(joined(&[]), None);
    }

    proptest! {
        /// A tolerance that is the same everywhere is a ball of that radius, whatever the unit of a column is.
        #[test]
        fn a_ball_is_a_ball(m in 1usize..20, d in 1usize..5, n in 1usize..6, seed in any::<u64>(), radius in 0.05..1.0f64) {
            let (network, data) = (network(m, d, seed), toy(n, d, seed));
            for (shape, norm) in [(Shape::Ball, Norm::Two), (Shape::Box, Norm::Infinity)] {
                let tolerance = Tolerance::same(shape, &vec![radius; d]).unwrap();
                let found = within(&network, &data, &tolerance, &settings()).unwrap().found;
                // Branch and bound knows the worst case. What is found is no more, and in one dimension no less.
                let exact = Settings { nodes: 20_000, ..settings() };
                let known = super::super::attack(&network, &data, norm, &[radius], &exact).unwrap()[0].worst_case.unwrap();
                let clean = crate::Loss::default().mean(&network, &data);
                prop_assert!(clean * (1.0 - 1e-12) <= found && found <= known.proved * (1.0 + 1e-12));
                if d == 1 && known.closed_rows == n {
                    prop_assert!(found >= known.proved * (1.0 - 1e-4), "{} {} {}", shape, found, known.proved);
                }
                // A row of its own for every row is the same.
                let rows = Tolerance::of_rows(shape, Mat::from_fn(n, d, |_, _| radius)).unwrap();
                prop_assert_eq!(within(&network, &data, &rows, &settings()).unwrap().found, found);
                // Nothing moves where everything is exact.
                let exact = within(&network, &data, &Tolerance::same(shape, &vec![0.0; d]).unwrap(), &settings()).unwrap().found;
                prop_assert!((exact - clean).abs() <= 1e-12 * clean);
            }
        }

        #[test]
        fn points_are_within_the_tolerance(
            x in prop::collection::vec(-1e9..1e9f64, 3), u in prop::collection::vec(-1.0..1.0f64, 3),
            sizes in prop::collection::vec(prop_oneof![Just(0.0), 1e-12..1.0f64], 3),
        ) {
            let length = u.iter().map(|u| u * u).sum::<f64>().sqrt();
            let on_sphere: Vec<f64> = u.iter().map(|u| u / length).collect();
            for (shape, u) in [(Shape::Box, &u), (Shape::Ball, &on_sphere)] {
                let point = placed(shape, &sizes, &x, u);
                let mut parts = 0.0;
                for j in 0..3 {
                    let moved = (point[j] - x[j]).abs();
                    prop_assert!(moved <= sizes[j]);
                    parts += if sizes[j] > 0.0 { (moved / sizes[j]).powi(2) } else { 0.0 };
                }
                prop_assert!(shape == Shape::Box || parts <= 1.0 + 1e-12);
            }
        }
    }

    proptest! {
        /// What is attacked is at most what is exact, and that at most what labels bound.
        #[test]
        fn attacked_exact_and_bounded_come_in_this_order(
            m in 1usize..15, d in 1usize..4, n in 1usize..6, seed in any::<u64>(),
            size in prop::collection::vec(prop_oneof![1 => Just(0.0), 4 => 0.01..0.7f64], 24),
        ) {
            let (network, mut data) = (network(m, d, seed), toy(n, d, seed));
            if seed % 3 == 0 {
                data.weights = Some((0..n).map(|k| k as f64).chain([1.0]).skip(1).collect());
            }
            for shape in Shape::ALL {
                let tolerance = Tolerance::of_rows(shape, Mat::from_fn(n, d, |k, j| size[k * d + j])).unwrap();
                let attacked = within(&network, &data, &tolerance, &settings()).unwrap();
                prop_assert!(attacked.worst_case.is_none());
                let of = |nodes| within(&network, &data, &tolerance, &Settings { nodes, ..settings() }).unwrap();
                let (one, exact) = (of(1), of(5000));
                let [one_proved, proved] = [one, exact].map(|report| report.worst_case.unwrap());
                prop_assert_eq!(proved.closed_rows, n);
                prop_assert!(attacked.found <= exact.found && exact.found <= proved.proved);
                prop_assert!(proved.proved <= one_proved.proved && one.found <= one_proved.proved);
                prop_assert!(proved.proved - exact.found <= 1e-5 * (1.0 + exact.found), "{exact:?}");
                let units: Vec<Unit> = Unit::of(&network).into_iter().map(|(_, unit)| unit).collect();
                let labels = Patterns::signed(&network, data.x.as_ref());
                let bounds = Within { units: &units, affine: &Affine::of(&network), tolerance: &tolerance };
                let (bound, _) = bounds.bound(&data, &settings().loss, [&labels, &labels]);
                prop_assert!(exact.found <= bound * (1.0 + 1e-12), "{exact:?} {bound}");
            }
        }
    }

    /// One step finds something, and the search no less; of a class it goes to the other one, however sure the network is.
    #[test]
    fn the_fast_gradient_method_is_weaker_than_the_search() {
        let (network, mut data) = (network(15, 3, 2), toy(40, 3, 2));
        for loss in ["squared", "logistic"] {
            let loss: crate::Loss = loss.parse().unwrap();
            if loss.is_margin() {
                // Every row has its right class, so that all steps lead towards 0.
                data.y = network.predict(data.x.as_ref()).iter().map(|f| f.signum()).collect();
            }
            for shape in Shape::ALL {
                let tolerance = Tolerance::same(shape, &[0.3, 0.0, 0.2]).unwrap();
                let found = |method| {
                    within(&network, &data, &tolerance, &Settings { method, loss: loss.clone(), ..settings() }).unwrap()
                };
                let [fast, search] = [Method::FastGradient, Method::ProjectedAscent].map(found);
                let clean = loss.mean(&network, &data);
                assert!(1.05 * clean < fast.found && fast.found < search.found, "{loss} {shape} {fast:?} {search:?}");
                if let (Some(fast), Some(search)) = (fast.right, search.right) {
                    assert!(search.found <= fast.found && fast.found < 1.0, "{fast:?} {search:?}");
                }
            }
        }
    }

    #[test]
    fn a_larger_multiple_has_no_less() {
        let (network, data) = (network(15, 3, 2), toy(20, 3, 2));
        for shape in Shape::ALL {
            let tolerance = Tolerance::same(shape, &[0.3, 0.0, 0.2]).unwrap();
            // So few nodes and starts that what is found and what is proved leave room.
            let few = Settings { nodes: 2, restarts: 0, steps: 1, refinements: 0, ..settings() };
            let multiples = [0.0, 0.5, 1.0, 1.5, 2.0];
            let reports = within_multiples(&network, &data, &tolerance, &multiples, &few).unwrap();
            let clean = crate::Loss::default().mean(&network, &data);
            assert!((reports[0].found - clean).abs() < 1e-9 && reports[0].worst_case.unwrap().closed_rows == 20);
            for (k, (multiple, report)) in multiples.iter().zip(&reports).enumerate() {
                let proved = report.worst_case.unwrap().proved;
                let alone = within(&network, &data, &tolerance.times(*multiple), &few).unwrap();
                assert!(
                    alone.found <= report.found && report.found <= proved && proved <= alone.worst_case.unwrap().proved
                );
                if let Some(next) = reports.get(k + 1) {
                    assert!(report.found <= next.found && proved <= next.worst_case.unwrap().proved);
                }
            }
        }
    }

    /// Where there is no time, interval arithmetic still bounds the worst case.
    #[test]
    fn stopped_at_once_both_sides_are_valid() {
        let (network, data) = (network(20, 3, 1), toy(30, 3, 1));
        let tolerance = Tolerance::same(Shape::Box, &[0.2; 3]).unwrap();
        let settings = Settings { nodes: 2000, ..settings() };
        let stopped = Stop::when(|| true).during(|| within(&network, &data, &tolerance, &settings)).unwrap();
        let whole = within(&network, &data, &tolerance, &settings).unwrap();
        let [early, late] = [stopped, whole].map(|report| report.worst_case.unwrap());
        assert!(stopped.found < whole.found && whole.found <= late.proved && late.proved < early.proved);
        assert!(early.proved.is_finite() && early.closed_rows < 30 && late.closed_rows == 30);
    }
}
