//! `average`: the mean of a few networks, each trained from weights of its own.
//!
//! The mean of three networks of m/3 units is a network of m units: their hidden units side by side, output weights and affine
//! parts divided by three. What one descent learned of the noise the others did not, so that the mean is smoother than each.

use super::gradient_descent::Descent;
use super::outcome::{Ending, Observer, Progress, Trained};
use super::start::{Common, Start, Starter};
use crate::shallow::Parts;
use crate::{Dataset, Shallow, error::Result};
use faer::Mat;
use std::ops::ControlFlow;

/// The settings of the start `average`. Range: networks ≥ 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Average {
    /// How each of the networks is trained.
    pub descent: Descent,
    /// How many networks there are; no more than there are units.
    pub networks: usize,
}

impl Default for Average {
    fn default() -> Self {
        Self { descent: Descent::default(), networks: 3 }
    }
}

impl Starter for Average {
    fn name(&self) -> &'static str {
        "average"
    }

    fn help(&self) -> &'static str {
        "the mean of three networks of a third of the units, each by gradient descent from a seed of its own"
    }

    fn by(&self) -> &'static str {
        "taking the mean of three networks, each by gradient descent"
    }

    fn priced(&self, decay: f64) -> Option<Start> {
        let dearer = || Self { descent: Descent { decay, ..self.descent.clone() }, ..self.clone() };
        (decay > self.descent.decay).then(|| dearer().into())
    }

    fn train(&self, data: &Dataset, common: &Common, observer: &mut Observer<'_>) -> Result<Trained> {
        train(data, common, self, observer)
    }
}

/// Train the networks one after the other, and take their mean. Of one that was not begun when the observer broke, the units are 0.
pub fn train(data: &Dataset, common: &Common, average: &Average, observer: &mut Observer<'_>) -> Result<Trained> {
    let count = average.networks.clamp(1, common.units.max(1));
    let (mut members, mut trace, mut ending) = (Vec::new(), Vec::<Progress>::new(), Ending::Plateau);
    for member in 0..count {
        // As even as it goes, the first ones one larger.
        let units = common.units / count + usize::from(member < common.units % count);
        let own = Common {
            units,
            seed: common.seed.wrapping_mul(count as u64).wrapping_add(member as u64),
            ..common.clone()
        };
        let before = trace.last().map_or(0, |progress| progress.epoch);
        let mut stopped = false;
        let trained = super::gradient_descent::train(data, &own, &average.descent, &mut |progress| {
            let verdict = observer(&Progress { epoch: before + progress.epoch, ..*progress });
            stopped |= verdict == ControlFlow::Break(());
            verdict
        })?;
        trace.extend(trained.trace.iter().map(|own| Progress { epoch: before + own.epoch, ..*own }));
        members.push(trained.network);
        if stopped || trained.ending == Ending::Observer {
            ending = Ending::Observer;
            break;
        }
        if trained.ending == Ending::Limit {
            ending = Ending::Limit;
        }
    }
    let network = mean(&members, common.units)?;
    let loss = common.loss.mean(&network, data);
    Ok(Trained { network, trace, ending, loss })
}

/// The mean of networks of the same inputs: their units side by side.
pub fn mean_of(members: &[Shallow]) -> Result<Shallow> {
    mean(members, members.iter().map(Shallow::units).sum())
}

/// The mean of networks of the same inputs, with so many units.
fn mean(members: &[Shallow], units: usize) -> Result<Shallow> {
    let share = 1.0 / members.len() as f64;
    let parts: Vec<Parts> = members.iter().map(|member| member.clone().into_parts()).collect();
    let rows: Vec<(&Parts, usize)> = parts.iter().flat_map(|n| (0..n.b.len()).map(move |i| (n, i))).collect();
    let (d, outputs) = (members[0].inputs(), members[0].outputs());
    let linear = parts.iter().any(|member| member.a.is_some());
    let of_input =
        |k: usize, j: usize| parts.iter().map(|n| n.a.as_ref().map_or(0.0, |a| a[(k, j)])).sum::<f64>() * share;
    Shallow::from_parts(Parts {
        w: Mat::from_fn(units, d, |r, k| rows.get(r).map_or(0.0, |(n, i)| n.w[(*i, k)])),
        b: (0..units).map(|r| rows.get(r).map_or(0.0, |(n, i)| n.b[*i])).collect(),
        v: Mat::from_fn(units, outputs, |r, j| rows.get(r).map_or(0.0, |(n, i)| share * n.v[(*i, j)])),
        c: (0..outputs).map(|j| parts.iter().map(|n| n.c[j]).sum::<f64>() * share).collect(),
        a: linear.then(|| Mat::from_fn(d, outputs, of_input)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Settings, tests::toy, train};

    #[test]
    fn it_is_the_mean_of_its_members() {
        let data = toy(80, 2, 4);
        let descent = Descent { epochs: 30, ..Descent::default() };
        for (units, linear_part) in [(2, false), (11, true)] {
            let average = Average { descent: descent.clone(), networks: 3 };
            let settings = Settings { start: average.into(), units, linear_part, seed: 5, ..Settings::default() };
            let trained = train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!((trained.network.units(), trained.network.a().is_some()), (units, linear_part));
            let count = units.min(3);
            let member = |i: usize| {
                let units = units / count + usize::from(i < units % count);
                let seed = 5 * count as u64 + i as u64;
                let own = Settings { start: descent.clone().into(), units, seed, ..settings.clone() };
                train(&data, &own, &mut |_| ControlFlow::Continue(())).unwrap().network
            };
            let members: Vec<Shallow> = (0..count).map(member).collect();
            for x in [[0.3, -0.7], [1.2, 0.1], [-1.0, 1.0]] {
                let expected = members.iter().map(|n| n.value(&x)).sum::<f64>() / count as f64;
                assert!((trained.network.value(&x) - expected).abs() < 1e-12);
            }
            assert!(trained.trace.windows(2).all(|pair| pair[0].epoch < pair[1].epoch));
        }
    }

    #[test]
    fn it_learns_and_ends_early() {
        let data = toy(150, 2, 7);
        let settings = Settings { start: Average::default().into(), units: 45, ..Settings::default() };
        let trained = train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(trained.loss < 0.1, "{}", trained.loss);
        let mut heard = 0;
        let stopped = train(&data, &settings, &mut |_| {
            heard += 1;
            if heard == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let stopped = stopped.unwrap();
        assert_eq!((stopped.ending, stopped.trace.len(), stopped.network.units()), (Ending::Observer, 2, 45));
    }
}
