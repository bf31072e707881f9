//! The worst loss of each row within its tolerance, of a network with one output a class: that of its worst margin.

use super::each_row::{self, Row};
use super::settings::Settings;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::outward::{Interval, enclose};
use crate::rows::Rows;
use crate::several::{margin_at_most, number};
use crate::shallow::Shallow;
use crate::tolerance::Tolerance;

/// Attack the margins of every row's class over all others. What is found is evaluated by the outputs themselves; what is proved is
/// proved of a network below the margin.
pub(super) fn rows(network: &Shallow, data: &Dataset, tolerance: &Tolerance, settings: &Settings) -> Result<Vec<Row>> {
    let (n, classes, loss) = (data.rows(), network.outputs(), &settings.loss);
    if !loss.is_margin() {
        return Err(Error::new(
            format!("the loss `{loss}` is for numbers, but the network has an output for each of {classes} classes"),
            "take a loss of the margin: logistic, hinge or squared-hinge",
        ));
    }
    if let Some(k) = data.y.iter().position(|y| !(0..classes).any(|class| class as f64 == *y)) {
        return Err(Error::new(
            format!("the target in row {k} is {}, which is no class of {classes}", data.y[k]),
            format!("give the number of a class, 0 to {}", classes - 1),
        ));
    }
    let outputs: Vec<Shallow> = (0..classes).map(|j| network.output(j)).collect();
    let mut all: Vec<Row> =
        (0..n).map(|_| Row { found: [0.0; 2], proved: 0.0, closed: true, points: Vec::new() }).collect();
    for y in 0..classes {
        let of_class: Vec<usize> = (0..n).filter(|&k| number(data.y[k]) == y).collect();
        if of_class.is_empty() {
            continue;
        }
        let (mut rows, within) = (Rows::of(data).pick(&of_class), tolerance.select(&of_class));
        rows.y.fill(1.0);
        for j in (0..classes).filter(|&j| j != y) {
            let below = margin_at_most(network, (y, j), rows.x.as_ref(), &within)?;
            let each = each_row::rows(&below, &rows, &within, settings, true)?;
            for ((r, row), &k) in each.into_iter().enumerate().zip(&of_class) {
                let itself: Vec<f64> = rows.x.row(r).iter().copied().collect();
                let least = |x: &Vec<f64>| {
                    let [of_y, of_j] = [y, j].map(|class| enclose(&outputs[class], x));
                    let low = crate::outward::add_down(of_y.low, -of_j.high);
                    loss.least(Interval { low, high: crate::outward::add_up(of_y.high, -of_j.low) }, 1.0)
                };
                let found = row.points.iter().chain([&itself]).map(least).fold(0.0, f64::max);
                let worst = &mut all[k];
                worst.found.iter_mut().for_each(|known| *known = known.max(found));
                worst.proved = worst.proved.max(row.proved);
                worst.closed &= row.closed;
            }
        }
    }
    Ok(all)
}
