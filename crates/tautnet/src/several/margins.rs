//! Margins between the classes of a network, and what its outputs say.

use crate::error::{Error, Result};
use crate::outward::{Sum, add_down, mul_up, two_sum};
use crate::shallow::Parts;
use crate::tolerance::Tolerance;
use crate::{Dataset, Loss, Shallow};
use faer::{Mat, MatRef};

/// The number of the class that a target is.
pub(crate) fn number(y: f64) -> usize {
    y as usize
}

/// Refuse a loss that is not for classes, and targets that are no class of a network with several outputs.
pub(crate) fn check(network: &Shallow, data: &Dataset, loss: &Loss) -> Result<()> {
    let classes = network.outputs();
    if !loss.is_margin() {
        return Err(Error::new(
            format!("the loss `{loss}` is for numbers, but the network has an output for each of {classes} classes"),
            "take a loss of the margin: logistic, hinge or squared-hinge; or give as many targets as outputs",
        ));
    }
    if network.inputs() != data.columns() {
        return Err(Error::new(
            format!("the network has {} inputs, and the data {} columns", network.inputs(), data.columns()),
            "give the columns that the network was trained on",
        ));
    }
    match data.y.iter().position(|y| !(0..classes).any(|class| class as f64 == *y)) {
        None => Ok(()),
        Some(k) => Err(Error::new(
            format!("the target in row {} is {}, which is no class of {classes}", k + 1, data.y[k]),
            format!("give the number of a class, 0 to {}", classes - 1),
        )),
    }
}

/// Refuse targets of which a network has not one output each.
pub(crate) fn check_targets(network: &Shallow, data: &Dataset) -> Result<()> {
    let (outputs, targets) = (network.outputs(), data.targets());
    if outputs != targets || network.inputs() != data.columns() {
        return Err(Error::new(
            format!(
                "the network has {} inputs and {outputs} outputs, and the data {} columns and {targets} targets",
                network.inputs(),
                data.columns()
            ),
            "give the columns that the network was trained on, and one target an output",
        ));
    }
    Ok(())
}

/// The margin of class `y` over class `j`: f_y − f_j, whose weights are rounded.
pub fn margin(network: &Shallow, y: usize, j: usize) -> Result<Shallow> {
    network.clone().edited(|parts| {
        let Parts { v, c, a, .. } = parts;
        let difference = |of: &Mat<f64>| Mat::from_fn(of.nrows(), 1, |i, _| of[(i, y)] - of[(i, j)]);
        (*v, *c, *a) = (difference(v), vec![c[y] - c[j]], a.as_ref().map(difference));
    })
}

/// How large each input is within the tolerance of rows at most.
pub(crate) fn largest_inputs(x: MatRef<'_, f64>, tolerance: &Tolerance) -> Vec<f64> {
    let within = |k: usize, a: usize| mul_up(2.0, x[(k, a)].abs().max(tolerance.size(k, a)));
    (0..x.ncols()).map(|a| (0..x.nrows()).map(|k| within(k, a)).fold(0.0, f64::max)).collect()
}

/// A network that is not above the margin of class `y` over class `j` where no input is larger than these: the margin with its weights
/// rounded, less what the rounding can come to.
pub(crate) fn margin_at_most(network: &Shallow, pair: (usize, usize), largest: &[f64]) -> Result<Shallow> {
    let (rounded, off) = margin_and_error(network, pair, largest)?;
    let c = add_down(rounded.c(), -off);
    Ok(rounded.with_c(c))
}

/// The margin with its weights rounded, and how far it can be from the margin itself where no input is larger than these.
pub(super) fn margin_and_error(network: &Shallow, (y, j): (usize, usize), largest: &[f64]) -> Result<(Shallow, f64)> {
    let rounded = margin(network, y, j)?;
    let parts = network.clone().into_parts();
    let error = |of: &Mat<f64>, i: usize| two_sum(of[(i, y)], -of[(i, j)]).1.abs();
    let mut off = Sum::default();
    for i in 0..parts.w.nrows() {
        let error = error(&parts.v, i);
        off.add(mul_up(error, parts.b[i].abs()));
        (0..largest.len()).for_each(|a| off.add(mul_up(mul_up(error, parts.w[(i, a)].abs()), largest[a])));
    }
    if let Some(linear) = &parts.a {
        (0..largest.len()).for_each(|a| off.add(mul_up(error(linear, a), largest[a])));
    }
    off.add(two_sum(parts.c[y], -parts.c[j]).1.abs());
    Ok((rounded, off.interval().high))
}

/// The class that outputs say: the first of the largest.
pub fn class(outputs: &[f64]) -> usize {
    (0..outputs.len()).fold(0, |best, j| if outputs[j] > outputs[best] { j } else { best })
}

/// The classes of rows.
pub fn classes_of(network: &Shallow, x: MatRef<'_, f64>) -> Vec<usize> {
    let row = |k: usize| x.row(k).iter().copied().collect::<Vec<f64>>();
    (0..x.nrows()).map(|k| class(&network.outputs_of(&row(k)))).collect()
}

/// The probability of every class that outputs say.
pub fn probabilities(outputs: &[f64]) -> Vec<f64> {
    let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = outputs.iter().map(|f| (f - largest).exp()).collect();
    let all: f64 = parts.iter().sum();
    parts.iter().map(|part| part / all).collect()
}

/// f divided by a number.
pub fn divided(network: &Shallow, by: f64) -> Result<Shallow> {
    network.clone().times(1.0 / by).edited(|parts| parts.c.iter_mut().for_each(|c| *c /= by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outward::enclose;
    use crate::tolerance::Shape;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    /// A network with outputs of very different sizes.
    fn network(m: usize, d: usize, c: usize, random: &mut Pcg64) -> Shallow {
        let mut number = |range: f64| random.random_range(-1.0..1.0) * 10f64.powf(random.random_range(-range..=range));
        Shallow::from_parts(Parts {
            w: Mat::from_fn(m, d, |_, _| number(1.0)),
            b: (0..m).map(|_| number(1.0)).collect(),
            v: Mat::from_fn(m, c, |_, _| number(6.0)),
            c: (0..c).map(|_| number(6.0)).collect(),
            a: Some(Mat::from_fn(d, c, |_, _| number(6.0))),
        })
        .unwrap()
    }

    proptest! {
        /// What is proved of the network below a margin holds of the margin itself: it is below at every point within the tolerance.
        #[test]
        fn a_margin_at_most_is_below_the_margin(m in 1usize..8, d in 1usize..4, seed in any::<u64>()) {
            let mut random = Pcg64::seed_from_u64(seed);
            let network = network(m, d, 3, &mut random);
            let x = Mat::from_fn(4, d, |_, _| random.random_range(-3.0..3.0));
            let tolerance = Tolerance::same(Shape::Box, &vec![0.5; d]).unwrap();
            for (y, j) in [(0, 1), (2, 0)] {
                let below = margin_at_most(&network, (y, j), &largest_inputs(x.as_ref(), &tolerance)).unwrap();
                for k in 0..4 {
                    let moved: Vec<f64> = (0..d).map(|a| x[(k, a)] + random.random_range(-0.5..0.5)).collect();
                    let [of_y, of_j, of_margin] = [&network.output(y), &network.output(j), &below].map(|one| enclose(one, &moved));
                    prop_assert!(of_margin.low <= of_y.high - of_j.low);
                    let size = of_y.high.abs().max(of_j.high.abs()).max(1e-3);
                    prop_assert!(of_margin.low >= of_y.low - of_j.high - 1e-8 * (1e7 + size));
                }
            }
        }
    }

    #[test]
    fn the_class_is_that_of_the_largest_output() {
        assert_eq!(class(&[0.0, 2.0, 1.0]), 1);
        assert_eq!(class(&[1.0, 1.0]), 0);
        let told = probabilities(&[1000.0, 1000.0, -1000.0]);
        assert_eq!(told, [0.5, 0.5, 0.0]);
    }
}
