//! Projected ascent with restarts and exact line search.
//!
//! For one row and one ball: maximize the loss of r(Δ) = f(x + Δ) − y over ‖Δ‖ ≤ ε. The two signs of r are searched
//! apart: on each side the loss grows with |r|.
//! For each sign s,
//!
//! 1. from the row itself, from the best point of the next smaller ball moved to this ball's boundary, and from random
//!    points: `steps` steps Δ ← P(Δ + α_t u), u the steepest direction of s·r, α_t falling linearly from ε to ε/steps;
//!    the best point passed is kept;
//! 2. from the best of all: exact maximization along chords of the ball, towards the point of the ball that is best for
//!    the present gradient (Frank and Wolfe's), until that no longer helps.
//!
//! The better sign's point is then taken through more such rounds, with the axes as further directions. r is piecewise
//! linear on a line, so a line search needs no step length: see [`super::local::best_on_line`].
//!
//! A sign whose ceiling (units at their own best, and the Lipschitz bound) is below what is found already is skipped.
//! When no unit is undecided on the ball, the first steepest step is the exact answer and nothing else is done.

use super::local::{Evaluate, Local, Prepared, Rates, best_on_line, folded_value};
use super::settings::Settings;
use crate::Norm;
use crate::ball::{chord, project, pull, random_point, steepest};
use crate::vector::arch;
use faer::traits::pulp::Arch;
use rand_pcg::Pcg64;
use tautnet_cone::Stop;

/// The search of one row over growing balls; keeps its scratch and the best points between balls.
pub(crate) struct Search {
    arch: Arch,
    norm: Norm,
    local: Local,
    /// Best point of the last ball for each sign, and the last radius.
    known: [Option<Vec<f64>>; 2],
    last_radius: f64,
    pre: Vec<f64>,
    rates: Vec<f64>,
    zeros: Vec<f64>,
    breaks: Vec<(f64, f64)>,
    gradient: Vec<f64>,
    direction: Vec<f64>,
}

/// A point and the value of `sign · r` there.
#[derive(Clone)]
struct Point {
    delta: Vec<f64>,
    value: f64,
}

impl Search {
    pub fn new(norm: Norm, d: usize) -> Self {
        Self {
            arch: arch(),
            norm,
            local: Local::default(),
            known: [None, None],
            last_radius: 0.0,
            pre: Vec::new(),
            rates: Vec::new(),
            zeros: Vec::new(),
            breaks: Vec::new(),
            gradient: vec![0.0; d],
            direction: vec![0.0; d],
        }
    }

    /// Begin with another row.
    pub fn reset(&mut self) {
        self.known = [None, None];
        self.last_radius = 0.0;
    }

    /// The worst point found in the ball of this radius, which is not below that of the last call for the same row.
    /// `at` is the row with its pre-activations, `harm` the only sign of the residual that costs, where there is one.
    pub fn worst(
        &mut self,
        prepared: &Prepared<'_>,
        at: (&[f64], &[f64]),
        (y, harm): (f64, Option<f64>),
        radius: f64,
        settings: &Settings,
        random: &mut Pcg64,
    ) -> Vec<f64> {
        self.local.load(prepared, at, y, radius);
        let centre = self.residual(&vec![0.0; prepared.d]);
        let slope = radius * self.norm.dual().of(self.local.folded_gradient());
        let first = harm.unwrap_or(if centre < 0.0 { -1.0 } else { 1.0 });
        let mut worst = Point { delta: vec![0.0; prepared.d], value: first * centre };
        let mut winner = first;
        // A residual on its own side, in the measure by which the two sides are compared.
        let height = |sign: f64, value: f64| match harm {
            // Then there is nothing to compare.
            None if value > 0.0 => settings.loss.height(sign * value),
            _ => value,
        };
        let mut highest = height(first, first * centre);
        for sign in [first, -first] {
            if harm == Some(-sign) {
                continue;
            }
            let ceiling = self.local.ceiling(sign, slope);
            let ceiling = ceiling.min(sign * centre + radius * settings.lipschitz_upper_bound);
            if height(sign, ceiling) <= highest {
                continue;
            }
            let found = self.ascend(sign, centre, radius, settings, random);
            if height(sign, found.value) > highest {
                worst.clone_from(&found);
                (winner, highest) = (sign, height(sign, found.value));
            }
            self.known[usize::from(sign < 0.0)] = Some(found.delta);
        }
        if self.local.undecided > 0 {
            self.refine(winner, radius, settings.refinements, true, &mut worst);
            self.known[usize::from(winner < 0.0)] = Some(worst.delta.clone());
        }
        self.last_radius = radius;
        worst.delta
    }

    /// The best points of the last ball, of each sign that was searched.
    pub fn known(&self) -> impl Iterator<Item = &[f64]> {
        self.known.iter().flatten().map(Vec::as_slice)
    }

    /// Both stages, for one sign.
    fn ascend(&mut self, sign: f64, centre: f64, radius: f64, settings: &Settings, random: &mut Pcg64) -> Point {
        let d = self.local.d;
        let mut best = Point { delta: vec![0.0; d], value: sign * centre };
        if self.local.undecided == 0 {
            steepest(self.norm, self.local.folded_gradient(), &mut self.direction);
            let mut delta: Vec<f64> = self.direction.iter().map(|u| sign * radius * u).collect();
            pull(self.norm, radius, &mut delta);
            let value = sign * self.residual(&delta);
            return if value > best.value { Point { delta, value } } else { best };
        }
        let mut start = vec![0.0; d];
        self.climb(sign, radius, settings.steps, &start, &mut best);
        if let Some(known) = self.known[usize::from(sign < 0.0)].take() {
            let value = sign * self.residual(&known);
            let grown = radius / self.last_radius;
            if grown > 1.0 && grown.is_finite() {
                start.iter_mut().zip(&known).for_each(|(s, k)| *s = grown * k);
                pull(self.norm, radius, &mut start);
                self.climb(sign, radius, settings.steps, &start, &mut best);
            }
            if value > best.value {
                best = Point { delta: known, value };
            }
        }
        let stop = Stop::here();
        for _ in 0..settings.restarts {
            if stop.asked() {
                break;
            }
            random_point(self.norm, radius, &mut start, random);
            self.climb(sign, radius, settings.steps, &start, &mut best);
        }
        // In one dimension a chord is the whole ball, and the search of it exact.
        self.refine(sign, radius, settings.refinements, d == 1, &mut best);
        best
    }

    /// Projected steps from `start`, keeping the best point passed.
    fn climb(&mut self, sign: f64, radius: f64, steps: usize, start: &[f64], best: &mut Point) {
        let mut delta = start.to_vec();
        let stop = Stop::here();
        for step in 0..=steps {
            let value = sign * self.differentiate(&delta);
            if value > best.value {
                best.value = value;
                best.delta.copy_from_slice(&delta);
            }
            if step == steps || stop.asked() {
                break;
            }
            steepest(self.norm, &self.gradient, &mut self.direction);
            let length = sign * radius * (1.0 - step as f64 / steps as f64);
            delta.iter_mut().zip(&self.direction).for_each(|(a, u)| *a += length * u);
            project(self.norm, radius, &mut delta);
        }
    }

    /// Exact line searches until none of a round helps; along the axes too, where asked.
    fn refine(&mut self, sign: f64, radius: f64, rounds: usize, axes: bool, best: &mut Point) {
        let d = self.local.d;
        let mut along = vec![0.0; d];
        let stop = Stop::here();
        for _ in 0..rounds {
            if stop.asked() {
                break;
            }
            let before = best.value;
            self.differentiate(&best.delta);
            steepest(self.norm, &self.gradient, &mut self.direction);
            along.iter_mut().zip(&self.direction).zip(&best.delta).for_each(|((s, u), a)| *s = sign * radius * u - a);
            self.search_line(sign, radius, &along, best);
            if axes && best.value <= before + 1e-9 * before.abs() {
                for k in 0..d {
                    if stop.asked() {
                        break;
                    }
                    along.fill(0.0);
                    along[k] = 1.0;
                    self.search_line(sign, radius, &along, best);
                }
            }
            if best.value <= before + 1e-9 * before.abs() {
                break;
            }
        }
    }

    /// Move `best` to the maximum on its chord along `s`, if that is better.
    fn search_line(&mut self, sign: f64, radius: f64, s: &[f64], best: &mut Point) {
        let range = chord(self.norm, radius, &best.delta, s);
        if range.0 == range.1 {
            return;
        }
        self.residual(&best.delta);
        let Self { arch, local, pre, rates, zeros, breaks, .. } = self;
        let slope = arch.dispatch(Rates { local, s, zeros, rates });
        let folded = (folded_value(local, &best.delta), slope);
        let (t, value) = best_on_line(local, sign, folded, pre, rates, range, breaks);
        if value > best.value {
            let mut delta: Vec<f64> = best.delta.iter().zip(s).map(|(a, s)| a + t * s).collect();
            pull(self.norm, radius, &mut delta);
            let value = sign * self.residual(&delta);
            if value > best.value {
                *best = Point { delta, value };
            }
        }
    }

    /// r(Δ); pre-activations are left in `pre`.
    fn residual(&mut self, delta: &[f64]) -> f64 {
        self.arch.dispatch(Evaluate { local: &self.local, delta, pre: &mut self.pre, gradient: None })
    }

    /// r(Δ); its gradient is left in `gradient`.
    fn differentiate(&mut self, delta: &[f64]) -> f64 {
        let gradient = Some(&mut self.gradient[..]);
        self.arch.dispatch(Evaluate { local: &self.local, delta, pre: &mut self.pre, gradient })
    }
}
