//! The worst loss of each row within its tolerance, of a network with several outputs: that of its worst margin where they are classes, the sum
//! of the worst losses of all outputs where they are targets.

use super::each_row::{self, Row};
use super::settings::Settings;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::outward::{Interval, add_down, add_up, enclose};
use crate::rows::Rows;
use crate::several::{check, check_targets, largest_inputs, margin_at_most, number};
use crate::shallow::Shallow;
use crate::tolerance::Tolerance;

/// Attack the margins of every row's class over all others. What is found is evaluated by the outputs themselves; what is proved is
/// proved of a network below the margin.
pub(super) fn of_classes(
    network: &Shallow,
    data: &Dataset,
    tolerance: &Tolerance,
    settings: &Settings,
) -> Result<Vec<Row>> {
    let (n, classes, loss) = (data.rows(), network.outputs(), &settings.loss);
    check(network, data, loss)?;
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
        let largest = largest_inputs(rows.x.as_ref(), &within);
        for j in (0..classes).filter(|&j| j != y) {
            let below = margin_at_most(network, (y, j), &largest)?;
            let each = each_row::rows(&below, &rows, &within, settings, true)?;
            for ((r, row), &k) in each.into_iter().enumerate().zip(&of_class) {
                let itself: Vec<f64> = rows.x.row(r).iter().copied().collect();
                let least = |x: &Vec<f64>| {
                    let [of_y, of_j] = [y, j].map(|class| enclose(&outputs[class], x));
                    let low = add_down(of_y.low, -of_j.high);
                    loss.least(Interval { low, high: add_up(of_y.high, -of_j.low) }, 1.0)
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

/// Attack every output for itself, each at its own worst point, and add.
pub(super) fn of_targets(
    network: &Shallow,
    data: &Dataset,
    tolerance: &Tolerance,
    settings: &Settings,
) -> Result<Vec<Row>> {
    check_targets(network, data)?;
    let mut all: Vec<Row> = Vec::new();
    for output in 0..network.outputs() {
        let rows = each_row::rows(&network.output(output), &data.of_target(output), tolerance, settings, false)?;
        if all.is_empty() {
            all = rows;
            continue;
        }
        for (sum, row) in all.iter_mut().zip(rows) {
            sum.found.iter_mut().zip(row.found).for_each(|(sum, found)| *sum = add_down(*sum, found));
            sum.proved = add_up(sum.proved, row.proved);
            sum.closed &= row.closed;
        }
    }
    Ok(all)
}
