//! Lower bounds on the error under attack, by search, beside the upper bounds that a certificate gives.
//!
//! ```text
//! mean_k ω_k loss(f(x_k + Δ_k), y_k)   ≤   mean_k ω_k max_{‖Δ‖ ≤ ε} loss(f(x_k + Δ), y_k)   ≤   mean_k ω_k max_{|r| ≤ ε L} loss(f(x_k) + r, y_k)
//!           found                                                                              proved
//! ```
//!
//! for any [loss](crate::loss) and any bound L on the Lipschitz constant of f in the norm of Δ. A *row* is the doubles
//! of x_k and y_k exactly as the data set holds them (for standardized data, after standardizing); f is the function of
//! real numbers that the stored weights define; and what is found is f at a point within the radius, minus its
//! rounding, while what is proved is rounded up. So `found ≤ proved` holds without any tolerance. It is checked
//! for every row, radius and call: a violation means that L is no such bound, and is an error. On demand, branch and
//! bound over each row's ball ([`sample_interval`]) closes in on the middle from both sides.

mod each_row;
mod fast_gradient;
pub(crate) mod local;
mod projected_ascent;
mod proved;
mod settings;
mod several;
mod within;

pub use fast_gradient::{fast_gradient, fast_gradient_towards};
pub use proved::WorstCase;
pub use settings::{Method, RADII, RESTARTS, SIZES, STEPS, Settings};
pub(crate) use within::points_within;
pub use within::{WithinReport, found_within, joined, within, within_each, within_multiples};

use crate::ball::placed;
use crate::certify::sample_interval;
use crate::outward::{Sum, div_down, div_up, enclose, mul_down, mul_up};
use crate::range::RADIUS;
use crate::{Dataset, Error, Norm, Shallow, error::Result};
use local::Prepared;
use projected_ascent::Search;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use tautnet_cone::Stop;

/// Found and proved error at one radius, as (weighted) mean losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RadiusReport {
    /// The radius ε: the largest change of a row, measured in the norm.
    pub radius: f64,
    /// The error at the worst points found, rounded down: a lower bound of the error under attack.
    pub found: f64,
    /// The error that no attack exceeds, proved from the bound L alone and rounded up.
    pub ceiling: f64,
    /// What is proved row by row, where branch and bound was asked for.
    pub worst_case: Option<WorstCase>,
}

impl RadiusReport {
    /// The smallest error that is proved to be out of reach.
    pub fn row_by_row(&self) -> f64 {
        self.worst_case.map_or(self.ceiling, |worst_case| worst_case.proved)
    }
}

/// The loss of one row at one radius.
struct Worst {
    found: f64,
    ceiling: f64,
    proved: f64,
    closed: bool,
}

/// Attack every row at every radius; reports come in the order of `radii`.
///
/// Points found at a smaller radius are used again at larger ones, so `found` does not fall as the radius grows. Where
/// [`Stop::here`] says that it is time to end, the rows that are left are not searched any more: both sides stay valid.
///
/// ```
/// use tautnet::{Dataset, Shallow, Norm, attack};
/// // f(x) = 2 relu(x), proved with L = 2.
/// let network = Shallow::new(faer::mat![[1.0]], vec![0.0], vec![2.0], 0.0)?;
/// let data = Dataset::new(faer::mat![[1.0], [-1.0]], vec![2.0, 0.0], None)?;
/// let reports = attack::attack(&network, &data, Norm::Two, &[0.0, 0.5], &attack::Settings::new(2.0))?;
/// assert_eq!(reports[0].found, 0.0);
/// assert!((reports[1].found - 0.5).abs() < 1e-12);   // the first row moves f by 1, the second by nothing
/// assert!((reports[1].ceiling - 1.0).abs() < 1e-12);
/// # Ok::<(), tautnet::Error>(())
/// ```
pub fn attack(
    network: &Shallow,
    data: &Dataset,
    norm: Norm,
    radii: &[f64],
    settings: &Settings,
) -> Result<Vec<RadiusReport>> {
    check(network, data, radii, settings)?;
    let mut ascending: Vec<usize> = (0..radii.len()).collect();
    ascending.sort_by(|&a, &b| radii[a].total_cmp(&radii[b]));
    let prepared = Prepared::new(network, norm);

    let stop = Stop::here();
    let loss = &settings.loss;
    // The losses of each row, by radius ascending.
    let rows: Vec<Vec<Worst>> = (0..data.rows())
        .into_par_iter()
        .map_init(
            || (Search::new(norm, data.columns()), Vec::new()),
            |(search, h), k| {
                let x: Vec<f64> = (0..data.columns()).map(|j| data.x[(k, j)]).collect();
                prepared.pre_activations(&x, h);
                let clean = enclose(network, &x);
                // One stream of random numbers a row: no row depends on another.
                let mut random = Pcg64::new(settings.seed.into(), k as u128);
                search.reset();
                let mut found = loss.least(clean, data.y[k]);
                let mut attack_one = |radius: f64| {
                    if radius > 0.0 && !stop.asked() {
                        let delta = match settings.method {
                            Method::FastGradient => match loss.harm(data.y[k]) {
                                Some(sign) => fast_gradient_towards(network, &x, sign, norm, radius),
                                None => fast_gradient(network, &x, data.y[k], norm, radius),
                            },
                            Method::ProjectedAscent => stop.during(|| {
                                search.worst(
                                    &prepared,
                                    (&x, h),
                                    (data.y[k], loss.harm(data.y[k])),
                                    radius,
                                    settings,
                                    &mut random,
                                )
                            }),
                        };
                        // What counts is the network itself at the point itself.
                        let point = placed(norm, radius, &x, &delta);
                        found = found.max(loss.least(enclose(network, &point), data.y[k]));
                    }
                    let bound = settings.lipschitz_upper_bound;
                    let reach = if radius > 0.0 { mul_up(radius, bound) } else { 0.0 };
                    let ceiling = loss.worst(clean, reach, data.y[k]);
                    let mut worst = Worst { found, ceiling, proved: ceiling, closed: radius == 0.0 };
                    if settings.nodes > 0 && radius > 0.0 && !stop.asked() {
                        let interval =
                            stop.during(|| sample_interval(network, &x, norm, radius, bound, settings.nodes))?;
                        found =
                            interval.met().map(|side| loss.least(side, data.y[k])).into_iter().fold(found, f64::max);
                        let proved = loss.worst(interval.proved(), 0.0, data.y[k]);
                        worst = Worst { found, proved: proved.min(ceiling), closed: interval.closed, ..worst };
                    }
                    Ok(worst)
                };
                ascending.iter().map(|&index| attack_one(radii[index])).collect()
            },
        )
        .collect::<Result<_>>()?;

    let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
    let mut total = Sum::default();
    (0..data.rows()).for_each(|k| total.add(weight(k)));
    let total = total.interval();
    let report = |position: usize, radius: f64| -> Result<RadiusReport> {
        let (mut found, mut ceiling, mut proved) = (Sum::default(), Sum::default(), Sum::default());
        let mut closed_rows = 0;
        for (k, row) in rows.iter().enumerate() {
            let worst = &row[position];
            if worst.found > worst.proved {
                return Err(Error::new(
                    format!(
                        "in row {k} an attack of radius {radius} found the loss {}, above the proved {}: \
                         {} is no Lipschitz bound of this network in this norm",
                        worst.found, worst.proved, settings.lipschitz_upper_bound
                    ),
                    "certify this very network in the norm of the attack and give that bound",
                ));
            }
            closed_rows += usize::from(worst.closed);
            let weight = weight(k);
            if weight > 0.0 {
                found.add(mul_down(weight, worst.found).max(0.0));
                ceiling.add(mul_up(weight, worst.ceiling));
                proved.add(mul_up(weight, worst.proved));
            }
        }
        let mean_up = |sum: Sum| div_up(sum.interval().high, total.low);
        Ok(RadiusReport {
            radius,
            found: div_down(found.interval().low.max(0.0), total.high).max(0.0),
            ceiling: mean_up(ceiling),
            worst_case: (settings.nodes > 0).then(|| WorstCase { proved: mean_up(proved), closed_rows }),
        })
    };
    let mut reports = vec![None; radii.len()];
    for (position, &index) in ascending.iter().enumerate() {
        reports[index] = Some(report(position, radii[index])?);
    }
    Ok(reports.into_iter().flatten().collect())
}

/// Everything the caller may have got wrong.
fn check(network: &Shallow, data: &Dataset, radii: &[f64], settings: &Settings) -> Result<()> {
    if network.inputs() != data.columns() {
        return Err(Error::new(
            format!("the network has {} inputs but the data has {} columns", network.inputs(), data.columns()),
            "attack the network on data with the columns it was trained on",
        ));
    }
    radii.iter().try_for_each(|radius| RADIUS.check("radius", *radius))?;
    let bound = settings.lipschitz_upper_bound;
    if bound.is_nan() || bound < 0.0 {
        return Err(Error::new(
            format!("the Lipschitz bound given to the attack is {bound}"),
            "give the proved bound, or infinity where there is none",
        ));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::random::normal;
    use crate::train::tests::toy;
    use faer::Mat;
    use proptest::prelude::*;
    use rand::SeedableRng;

    const NORMS: [Norm; 3] = [Norm::One, Norm::Two, Norm::Infinity];

    pub(crate) fn network(m: usize, d: usize, seed: u64) -> Shallow {
        let mut random = Pcg64::seed_from_u64(seed);
        let w = Mat::from_fn(m, d, |_, _| normal(&mut random));
        let b = (0..m).map(|_| normal(&mut random)).collect();
        let v = (0..m).map(|_| normal(&mut random)).collect();
        Shallow::new(w, b, v, normal(&mut random)).unwrap()
    }

    /// The crudest bound there is.
    fn crude_bound(network: &Shallow, norm: Norm) -> f64 {
        crate::certify::path_norm(network, norm)
    }

    proptest! {
        #[test]
        fn found_is_below_certified_and_both_grow(m in 1usize..30, d in 1usize..6, n in 1usize..8, seed in any::<u64>()) {
            let (network, data) = (network(m, d, seed), toy(n, d, seed));
            for norm in NORMS {
                for method in [Method::FastGradient, Method::ProjectedAscent] {
                    let settings = Settings { method, ..Settings::new(crude_bound(&network, norm)) };
                    let radii = [0.0, 0.05, 0.3, 0.3, 2.0];
                    let reports = attack(&network, &data, norm, &radii, &settings).unwrap();
                    let clean = crate::Loss::default().mean(&network, &data);
                    prop_assert!((reports[0].found - clean).abs() <= 1e-12 * clean);
                    prop_assert!(reports.iter().all(|report| report.found <= report.ceiling));
                    prop_assert!(reports.windows(2).all(|pair| pair[0].found <= pair[1].found));
                    // The order of the radii is the caller's business.
                    let backwards: Vec<f64> = radii.iter().rev().copied().collect();
                    let mut again = attack(&network, &data, norm, &backwards, &settings).unwrap();
                    again.reverse();
                    prop_assert!((again[4].found - reports[4].found).abs() < 1e-12 * (1.0 + clean));
                }
            }
        }
    }

    /// Branch and bound is between what is found and the ceiling, and where it closes both sides are one.
    #[test]
    fn the_worst_case_of_each_row_is_known_from_both_sides() {
        let (network, data) = (network(12, 3, 8), toy(10, 3, 8));
        for norm in NORMS {
            let plain = Settings::new(crude_bound(&network, norm));
            let settings = Settings { nodes: 5000, ..plain.clone() };
            let radii = [0.0, 0.1, 0.4];
            let without = attack(&network, &data, norm, &radii, &plain).unwrap();
            for (report, without) in attack(&network, &data, norm, &radii, &settings).unwrap().iter().zip(without) {
                let worst = report.worst_case.unwrap();
                assert!(without.worst_case.is_none() && report.found >= without.found);
                assert!(report.found <= worst.proved && worst.proved <= report.ceiling, "{report:?}");
                assert_eq!(worst.closed_rows, 10);
                assert!(worst.proved - report.found <= 1e-5 * (1.0 + report.found), "{norm:?} {report:?}");
            }
        }
    }

    /// In one dimension a chord is the whole ball, so the attack must be exact.
    #[test]
    fn in_one_dimension_nothing_on_a_grid_is_worse() {
        for seed in 0..20 {
            let (network, data) = (network(15, 1, seed), toy(10, 1, seed));
            for radius in [0.1, 0.7] {
                let found =
                    attack(&network, &data, Norm::Two, &[radius], &Settings::new(f64::INFINITY)).unwrap()[0].found;
                let worst = |k: usize| {
                    let at = |t: f64| (network.value(&[data.x[(k, 0)] + t]) - data.y[k]).powi(2);
                    (0..=2000).map(|i| at(radius * (i as f64 / 1000.0 - 1.0))).fold(0.0, f64::max)
                };
                let grid = (0..10).map(worst).sum::<f64>() / 10.0;
                assert!(found >= grid * (1.0 - 1e-12), "seed {seed}: {found} {grid}");
            }
        }
    }

    #[test]
    fn in_two_dimensions_and_with_many_restarts_no_grid_is_worse() {
        for seed in 0..12 {
            let (network, data) = (network(20, 2, seed), toy(6, 2, seed));
            let radius = 0.6;
            for norm in NORMS {
                let settings = Settings { restarts: 100, ..Settings::new(crude_bound(&network, norm)) };
                let found = attack(&network, &data, norm, &[radius], &settings).unwrap()[0].found;
                let side = 100i32;
                let mut grid = 0.0;
                for k in 0..6 {
                    let mut worst = 0.0f64;
                    for i in -side..=side {
                        for j in -side..=side {
                            let mut delta = [i, j].map(|i| radius * f64::from(i) / f64::from(side));
                            crate::ball::project(norm, radius, &mut delta);
                            let point = [data.x[(k, 0)] + delta[0], data.x[(k, 1)] + delta[1]];
                            worst = worst.max((network.value(&point) - data.y[k]).powi(2));
                        }
                    }
                    grid += worst / 6.0;
                }
                assert!(found >= 0.9995 * grid, "seed {seed}, {norm:?}: {found} against {grid}");
            }
        }
    }

    /// Where the network is affine the ceiling is attained.
    #[test]
    fn an_affine_network_is_attacked_exactly() {
        let network = Shallow::new(faer::mat![[3.0, -4.0]], vec![100.0], vec![2.0], -200.0).unwrap();
        let data = toy(20, 2, 1);
        for (norm, bound) in [(Norm::Two, 10.0), (Norm::Infinity, 14.0), (Norm::One, 8.0)] {
            for method in [Method::FastGradient, Method::ProjectedAscent] {
                let settings = Settings { method, ..Settings::new(bound) };
                for report in attack(&network, &data, norm, &[0.1, 1.0], &settings).unwrap() {
                    assert!((report.found - report.ceiling).abs() < 1e-10 * report.found, "{norm:?} {report:?}");
                }
            }
        }
    }

    #[test]
    fn the_strong_attack_beats_the_fast_one() {
        let (network, data) = (network(40, 4, 3), toy(50, 4, 3));
        let found = |method| {
            let settings = Settings { method, ..Settings::new(f64::INFINITY) };
            attack(&network, &data, Norm::Infinity, &[1.0], &settings).unwrap()[0].found
        };
        let gain = found(Method::ProjectedAscent) / found(Method::FastGradient);
        assert!(gain > 1.02, "{gain}");
    }

    #[test]
    fn threads_do_not_change_a_byte() {
        let (network, data) = (network(50, 5, 4), toy(60, 5, 4));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let settings = Settings::new(f64::INFINITY);
            pool.install(|| attack(&network, &data, Norm::Infinity, &[0.1, 0.4], &settings).unwrap())
        };
        assert_eq!(run(1), run(2));
    }

    #[test]
    fn a_bound_that_is_none_is_found_out() {
        let (network, data) = (network(30, 3, 5), toy(20, 3, 5));
        let error = attack(&network, &data, Norm::Two, &[0.2], &Settings::new(0.01)).unwrap_err();
        assert!(error.what.contains("0.01") && error.hint.contains("certify"), "{error:?}");
    }

    #[test]
    fn weights_count_and_wrong_input_is_refused() {
        let network = network(10, 2, 6);
        let mut data = toy(4, 2, 6);
        let mut weights = vec![0.0; 4];
        weights[2] = 3.0;
        data.weights = Some(weights);
        let settings = Settings::new(f64::INFINITY);
        let report = attack(&network, &data, Norm::Two, &[0.0, 0.1], &settings).unwrap();
        let clean = (network.value(&[data.x[(2, 0)], data.x[(2, 1)]]) - data.y[2]).powi(2);
        assert!((report[0].found - clean).abs() < 1e-12 * clean);
        assert_eq!(report[1].ceiling, f64::INFINITY);
        for radius in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(attack(&network, &data, Norm::Two, &[radius], &settings).is_err());
        }
        assert!(attack(&network, &data, Norm::Two, &[0.1], &Settings::new(f64::NAN)).is_err());
        assert!(attack(&network, &toy(4, 3, 1), Norm::Two, &[0.1], &settings).unwrap_err().what.contains('3'));
    }
}
