//! Identities that every loss must satisfy, on random predictions and targets.

use super::*;
use crate::outward::Interval;
use proptest::prelude::*;

/// Every entry at its usual parameter and at others.
fn losses() -> Vec<Loss> {
    let more = ["huber:0.01", "huber:3", "quantile:0.1", "quantile:0.99"];
    ALL.iter().map(Entry::example).chain(more.map(str::to_owned)).map(|name| name.parse().unwrap()).collect()
}

/// The least of `η (r − ξ⁺ + ξ⁻)² + α⁺ ξ⁺ + α⁻ ξ⁻`, where the form has one, by going through all corners of a fine
/// grid.
fn by_form(form: Form, r: f64) -> f64 {
    let steps = 20_000;
    let core =
        |rest: f64| form.quadratic.map_or(if rest.abs() < 1e-12 { 0.0 } else { f64::INFINITY }, |q| q * rest * rest);
    // Only one of p and n is ever positive, and neither is larger than |r|.
    let exit = |price: Option<f64>, sign: f64| {
        price.map_or(f64::INFINITY, |price| {
            let at = |k: usize| r.abs() * k as f64 / steps as f64;
            (0..=steps).map(|k| core(r - sign * at(k)) + price * at(k)).fold(f64::INFINITY, f64::min)
        })
    };
    core(r).min(if r > 0.0 { exit(form.above, 1.0) } else { exit(form.below, -1.0) })
}

proptest! {
    #[test]
    fn identities(f in -4.0f64..4.0, other in -4.0f64..4.0, y in -4.0f64..4.0, share in 0.0f64..1.0) {
        for loss in losses() {
            let (value, slope) = (loss.value(f, y), loss.slope(f, y));
            prop_assert!(value >= 0.0 && (loss.form(y).is_none() || loss.value(y, y) == 0.0));
            // Convex, and the slope is a subgradient.
            let between = share * f + (1.0 - share) * other;
            prop_assert!(loss.value(between, y) <= share * value + (1.0 - share) * loss.value(other, y) + 1e-12);
            prop_assert!(loss.value(other, y) >= value + slope * (other - f) - 1e-12);
            // Fenchel and Young, with equality at the slope.
            prop_assert!((value + loss.conjugate(slope, y) - slope * f).abs() < 1e-12);
            prop_assert!(loss.value(other, y) + loss.conjugate(slope, y) >= slope * other - 1e-12);
            // Away from kinks the curvature is the slope's derivative.
            let step = 1e-6;
            if (loss.curvature(f - step, y) - loss.curvature(f + step, y)).abs() < 1e-9 && (f - y).abs() > 2.0 * step {
                let difference = (loss.slope(f + step, y) - loss.slope(f - step, y)) / (2.0 * step);
                prop_assert!((difference - loss.curvature(f, y)).abs() < 1e-6 * (1.0 + y.abs().powi(-3)), "{loss} {difference}");
            }
            // The form is the loss.
            if let Some(form) = loss.form(y) {
                let form = by_form(form, f - y);
                prop_assert!((form - value).abs() < 1e-6, "{loss}: {form} {value}");
            }
            // Losses of the margin cost on one side only.
            if let Some(harm) = loss.harm(y) {
                let step = f + harm * share;
                prop_assert!(loss.value(step, y) >= value, "{loss}");
            }
            // A change of the target's unit.
            let unit = 3.0;
            let scaled = loss.rescaled(unit).value(unit * f, unit * y);
            prop_assert!((scaled - unit.powi(loss.degree()) * value).abs() < 1e-12 * (1.0 + scaled));
            // Asked for by its own name it is the same.
            prop_assert_eq!(loss.name().parse::<Loss>().unwrap(), loss.clone());
        }
    }

    /// Bounds over an interval hold at every point of it, and are close for a short one.
    #[test]
    fn bounds_over_an_interval(low in -3.0f64..3.0, width in 0.0f64..2.0, y in -3.0f64..3.0, share in 0.0f64..=1.0) {
        let interval = Interval { low, high: low + width };
        let f = (low + share * width).clamp(low, low + width);
        for loss in losses() {
            let value = loss.value(f, y);
            prop_assert!(loss.least(interval, y) <= value * (1.0 + 1e-15) + 1e-300, "{loss}");
            prop_assert!(loss.worst(interval, 0.0, y) >= value * (1.0 - 1e-15), "{loss}");
            let point = Interval { low: f, high: f };
            prop_assert!(loss.worst(point, 0.0, y) - loss.least(point, y) <= 1e-14 * (1.0 + value), "{loss}");
        }
    }
}

#[test]
fn an_interval_that_is_all_of_the_line_has_no_worst() {
    for loss in losses() {
        for interval in [
            Interval { low: f64::NEG_INFINITY, high: f64::INFINITY },
            Interval { low: f64::NAN, high: f64::NAN },
            Interval { low: 0.0, high: f64::INFINITY },
        ] {
            if loss.is_margin() && interval.low == 0.0 {
                // The class 1 has nothing to fear there.
                assert_eq!(loss.worst(interval, 0.0, -1.0), f64::INFINITY, "{loss}");
                assert!((0.69..=1.0).contains(&loss.worst(interval, 0.0, 1.0)) && loss.least(interval, 1.0) < 1e-300);
                continue;
            }
            assert_eq!(loss.worst(interval, 0.0, 1.0), f64::INFINITY, "{loss} {interval:?}");
            assert_eq!(loss.least(interval, 1.0), 0.0);
        }
    }
}

#[test]
fn names_are_read_and_what_is_wrong_is_told() {
    assert_eq!("huber".parse::<Loss>().unwrap().name(), "huber:0.5");
    assert_eq!(" quantile:0.9".trim().parse::<Loss>().unwrap().name(), "quantile:0.9");
    assert!(Loss::default().is_squared() && "squared".parse::<Loss>().unwrap().is_squared());
    for (text, what, hint) in [
        ("cubic", "no loss `cubic`", "choose one of: squared, "),
        ("huber:-1", "huber:-1", "positive"),
        ("huber:x", "`x` is not a number", "huber:0.5"),
        ("quantile:1", "quantile:1", "below 1"),
        ("quantile:NaN", "NaN", "below 1"),
        ("squared:2", "the number 2", "without a number"),
    ] {
        let error = text.parse::<Loss>().unwrap_err();
        assert!(error.what.contains(what) && error.hint.contains(hint), "{text}: {error:?}");
    }
}

#[test]
fn weights_count_as_repeated_rows() {
    let network = Shallow::new(faer::Mat::full(1, 1, 2.0), vec![-1.0], vec![1.5], 0.5).unwrap();
    let data = |x: &[f64], weights| {
        Dataset::new(faer::Mat::from_fn(x.len(), 1, |k, _| x[k]), x.iter().map(|x| x * x).collect(), weights).unwrap()
    };
    for loss in losses() {
        let weighted = loss.mean(&network, &data(&[0.0, 1.0, 3.0], Some(vec![1.0, 0.0, 2.0])));
        let repeated = loss.mean(&network, &data(&[0.0, 3.0, 3.0], None));
        assert!((weighted - repeated).abs() < 1e-14, "{loss}");
    }
}
