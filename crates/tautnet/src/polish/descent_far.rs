//! Descent on the worst case over rows that are not in memory together: Adam on some shards a step, in an order that is drawn anew every time all
//! of them have had their turn, at a rate that falls to zero along half a cosine.
//!
//! The loss is that at the worst points that a few steps of an attack find: its slope is that of the worst case there. The bound of the worst
//! case jumps where a row crosses the kink of a unit, and over many rows such jumps add up to what its gradient does not see: descent on it was
//! tried, and raised the error that is found by more than it lowered the bound.
//!
//! How many shards a step has depends on how many there are at all, and on nothing else: a step has few where there are few, and a hundredth of
//! them where there are many. At the end a pass over all rows tells the worst case of the network given, of the last one, and of a mean in which
//! later ones count more (Shamir and Zhang, arXiv:1212.1824); the best of the three is the result, so that it is never worse than what was given.

use super::descent::{Adam, falling};
use super::far::{Bounded, Far, mean};
use crate::error::{Error, Result};
use crate::random::shuffle;
use crate::shards::{Asked, Layers, Question, odd};
use crate::tolerance::ByColumn;
use crate::{Loss, Shallow};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// First rate, relative to the root mean square of the weights.
const RATE: f64 = 0.02;
/// Steps at least.
const STEPS: usize = 256;
/// Steps in which all shards have had their turn, at most.
const TURN: u64 = 128;
/// How much more later points count in the mean.
const LATER: f64 = 3.0;

/// A descent over all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Descended {
    /// The best network.
    pub network: Shallow,
    /// Of the network given.
    pub before: Bounded,
    /// Of the best one.
    pub after: Bounded,
    /// Steps.
    pub steps: usize,
    /// How often all rows were gone through.
    pub passes: usize,
}

/// Hears how many steps of how many are done; `Break` ends the descent.
pub type Steps<'a> = dyn FnMut(usize, usize) -> ControlFlow<()> + 'a;

/// Lower the worst case over all rows, without an output bias where there is to be none. `None` where it was time to end before.
pub fn descend_far(
    network: &Shallow,
    far: &mut Far<'_>,
    (loss, within): (&Loss, &ByColumn),
    (output_bias, seed): (bool, u64),
    observer: &mut Steps<'_>,
) -> Result<Option<Descended>> {
    let (inputs, all) = (network.inputs(), far.shards.shards());
    if inputs != far.shards.inputs() {
        return Err(Error::new(
            format!("the network has {inputs} inputs and the rows have {}", far.shards.inputs()),
            "give the columns the network was trained on, in that order",
        ));
    }
    let start = Layers::signed(network);
    let (loss, tolerance) = (loss.to_string(), within.clone());
    let mut point = start.numbers();
    let rate = RATE * (start.z.iter().map(|z| z * z).sum::<f64>() / start.z.len().max(1) as f64).sqrt();
    let together = all.div_ceil(TURN).max(1) as usize;
    let turn = (all as usize).div_ceil(together).max(1);
    let steps = STEPS.div_ceil(turn) * turn;
    let (mut adam, mut middle, mut taken) = (Adam::new(point.len()), point.clone(), 0u32);
    let mut random = Pcg64::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..all as usize).collect();
    for step in 0..steps {
        if observer(step, steps).is_break() {
            break;
        }
        let place = step % turn;
        if place == 0 {
            shuffle(&mut order, &mut random);
        }
        let mut some: Vec<u64> = order[place * together..].iter().take(together).map(|number| *number as u64).collect();
        some.sort_unstable();
        let slope =
            Asked::Slope { network: start.with_numbers(&point), loss: loss.clone(), tolerance: tolerance.clone() };
        let question =
            Question { share: far.share, scaler: far.scaler.clone(), shards: Some(some), asked: vec![slope] };
        let Some(answer) = far.shards.ask(&question)? else { break };
        let Some(sums) = answer.pieces.first().map(|piece| &piece.sums) else { return Err(odd()) };
        if sums.len() != point.len() + 2 {
            return Err(odd());
        }
        // Shards may have no row to learn from. Past what numbers can hold the last point is no candidate.
        if sums[0] > 0.0 {
            let mut slope: Vec<f64> = sums[2..].iter().map(|sum| sum / sums[0]).collect();
            if let Some(last) = slope.last_mut().filter(|_| !output_bias) {
                *last = 0.0;
            }
            adam.step(&mut point, &slope, rate * falling(step, steps));
        }
        taken += 1;
        let share = (LATER + 1.0) / (f64::from(taken) + LATER);
        middle.iter_mut().zip(&point).for_each(|(mean, now)| *mean += share * (now - *mean));
    }
    let mut networks = vec![start.clone()];
    let finite = |numbers: &&Vec<f64>| numbers.iter().all(|number| number.is_finite());
    networks.extend([&point, &middle].into_iter().filter(finite).map(|numbers| start.with_numbers(numbers)));
    let asked = vec![
        Asked::Worst { networks: networks.clone(), loss: loss.clone(), tolerance },
        Asked::Errors { networks: networks.clone(), loss },
    ];
    let question = Question { share: far.share, scaler: far.scaler.clone(), shards: None, asked };
    // Where the descent was ended, what came of it is known all the same.
    let Some(answer) = Stop::here().late().during(|| far.shards.ask(&question))? else { return Ok(None) };
    let [worst, clean] = &answer.pieces[..] else { return Err(odd()) };
    let bounded = |which: usize| Bounded {
        clean: mean(clean, which),
        found: mean(worst, 2 * which),
        bound: mean(worst, 2 * which + 1),
    };
    let better = |best: usize, which: usize| {
        if bounded(which).found.learned < bounded(best).found.learned { which } else { best }
    };
    let best = (1..networks.len()).fold(0, better);
    Ok(Some(Descended {
        network: if best == 0 { network.clone() } else { networks[best].network(inputs)? },
        before: bounded(0),
        after: bounded(best),
        steps: taken as usize,
        passes: 1 + (taken as usize).div_ceil(turn),
    }))
}
