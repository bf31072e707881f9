//! The exact Lipschitz constant of a small chain of units of two lines, by branch and bound over the answers of its units.
//!
//! Where every question of every layer is answered the Jacobian is a constant matrix, so the constant is the largest norm of these over the answers that
//! go together. A node has answers to all questions of some layers, to some of the next one, the *frontier*, and to none after it. It is
//!
//! - *tightened*: an open question of the frontier whose other answer is proved to go with no input (`chain_cells.rs`) is answered, and where
//!   none is left the next layer becomes the frontier. Inputs that are met on the way are kept: they spare questions, and each is tried for the lower bound;
//! - *bounded*: by the Jacobian with the slopes that are open between the two they can have (`chain_parts.rs`); where few are open, by all combinations;
//! - *branched* on the open question of the frontier that weighs most, the node with the largest bound first.
//!
//! Nodes that are proved to hold no input are left out; where nothing can be proved they keep their bounds. So the upper bound is one whenever the search
//! is stopped, and whether or not emptiness was decided.

use super::cell::{Attainability, Cells};
use super::chain_cells::{Asked, HalfSpaces, Questions, first_forms, form_of, next_forms};
use super::chain_parts::{Best, ChainEnclosure, ChainParts, ChainSearchSettings, FEW, ROUNDING};
use super::directional::Of;
use super::exact::{ExactObserver, ExactProgress};
use super::open_nodes::{Node, OpenNodes};
use super::region::Region;
use super::slope_range::{is_linear, is_of_lines, side};
use super::{ball_matrix::Balls, jacobian_search::JacobianFound};
use crate::error::{Error, Result};
use crate::outward::Interval;
use crate::random::normal;
use crate::{Network, Norm};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use tautnet_cone::Stop;

/// Most inputs that a node hands down.
const KEPT: usize = 16;
/// Inputs that are tried at first.
const FIRST: usize = 32;

type Points = Vec<Vec<f64>>;

/// Why there is no exact constant of a network, where that is so.
pub fn no_chain_exact(network: &Network) -> Option<String> {
    let smooth = network.layers().iter().find(|layer| !is_of_lines(layer.activation()))?;
    Some(format!(
        "the slopes of `{}` change smoothly, so that no finite number of answers tells them",
        smooth.activation()
    ))
}

/// Encloses the constant over a region, or over all of space. `start` is where the search for the lower bound begins, and `known` is an upper bound on the constant. It
/// ends where the gap is reached, at the largest number of nodes, where the observer breaks, or where it is time to stop
/// ([`Stop::here`]). Refuses units whose slopes change smoothly ([`no_chain_exact`]).
pub fn chain_exact(
    network: &Network,
    (region, norm, of): (&Region, Norm, Of),
    start: Option<&JacobianFound>,
    known: f64,
    settings: &ChainSearchSettings,
    observer: &mut ExactObserver<'_>,
) -> Result<ChainEnclosure> {
    let parts = ChainParts::new(network, norm, of, known, settings)?;
    if let Some(reason) = no_chain_exact(network) {
        return Err(Error::new(
            format!("the exact constant was asked for, and {reason}"),
            "ask for a bound over a box or a ball, which there is for every activation",
        ));
    }
    let d = network.inputs();
    region.check(d)?;
    if let Some(start) = start.filter(|start| start.point.len() != d) {
        return Err(Error::new(
            format!("the starting input has {} entries but the network has {d} inputs", start.point.len()),
            "give one entry per input",
        ));
    }
    let questions = Questions::of(parts.hidden());
    let mut search = Search {
        asked: asked(&parts, &questions),
        region,
        best: Best::nothing(region.frame(d).0),
        parts: &parts,
        questions: &questions,
        open: OpenNodes::new(),
        given_up: 0.0,
        undecided: Vec::new(),
        explored: 0,
        gap: settings.relative_gap.max(ROUNDING),
        stop: Stop::here(),
    };
    let points = search.first_inputs(start, settings.seed);
    search.run(points, known, settings.nodes, observer);
    let progress = search.progress(known);
    let threshold = search.threshold();
    let undecided = search.undecided.iter().filter(|&&bound| bound > threshold).count();
    Ok(search.best.enclosure(progress, undecided, settings.relative_gap.max(ROUNDING)))
}

/// Which questions are asked: those of units with a kink and with an effect on the next layer.
fn asked(parts: &ChainParts<'_>, questions: &Questions) -> Vec<bool> {
    let mut asked = vec![true; questions.count()];
    for (l, layer) in parts.hidden().iter().enumerate() {
        let next = parts.network.layers()[l + 1].weights();
        let of_layer = questions.of_layer(l);
        for (i, number) in of_layer.clone().enumerate() {
            let handed_on = (i..layer.outputs()).step_by(of_layer.len());
            let has_effect = handed_on.into_iter().any(|k| next.col_as_slice(k).iter().any(|w| *w != 0.0));
            asked[number] = has_effect && !is_linear(layer.activation());
        }
    }
    asked
}

/// How far a node came.
enum Tightened {
    Empty,
    Open,
    Answered,
}

struct Search<'a> {
    parts: &'a ChainParts<'a>,
    questions: &'a Questions,
    region: &'a Region,
    /// Of every question whether it is asked; the others are answered in any way.
    asked: Vec<bool>,
    best: Best,
    open: OpenNodes<Points>,
    /// The largest bound of a node that was given up.
    given_up: f64,
    /// The bounds of nodes with all answers of which nothing could be shown.
    undecided: Vec<f64>,
    explored: usize,
    gap: f64,
    stop: Stop,
}

impl Search<'_> {
    fn threshold(&self) -> f64 {
        self.best.value * (1.0 + 0.9 * self.gap)
    }

    fn progress(&self, known: f64) -> ExactProgress {
        let undecided = self.undecided.iter().copied().fold(0.0, f64::max);
        let open = self.open.largest().unwrap_or(if self.explored == 0 { known } else { 0.0 });
        let upper_bound = open.max(self.given_up).max(undecided).max(self.best.value);
        ExactProgress { lower_bound: self.best.value, upper_bound, explored: self.explored, open: self.open.len() }
    }

    fn first_inputs(&mut self, start: Option<&JacobianFound>, seed: u64) -> Points {
        let (center, half) = self.region.frame(self.parts.network.inputs());
        let mut random = Pcg64::seed_from_u64(seed);
        let mut points: Points = start.iter().map(|start| start.point.clone()).collect();
        points.push(center.clone());
        for at in 0..FIRST {
            let scale = [0.3, 1.0, 3.0, 0.1][at % 4];
            points.push(center.iter().zip(&half).map(|(c, h)| c + scale * h * normal(&mut random)).collect());
        }
        points.retain(|x| self.best.offer(self.parts, self.region, x));
        points
    }

    fn run(&mut self, points: Points, known: f64, nodes: usize, observer: &mut ExactObserver<'_>) {
        if self.stop.asked() {
            return;
        }
        let signs = self.asked.iter().map(|asked| if *asked { 0 } else { -1 }).collect();
        self.examine(signs, points, known);
        while self.explored < nodes && self.open.largest().is_some_and(|bound| bound > self.threshold()) {
            if observer(&self.progress(known)).is_break() || self.stop.asked() {
                return;
            }
            let Some(node) = self.open.pop() else { return };
            for sign in [1_i8, -1] {
                let mut signs = node.signs.clone();
                signs[node.branch] = sign;
                let points = self.on_side(&node, sign);
                self.examine(signs, points, node.bound);
            }
        }
    }

    /// The inputs of a node that give an answer, nearly.
    fn on_side(&self, node: &Node<Points>, sign: i8) -> Points {
        let layer = (0..self.parts.hidden().len()).find(|&l| self.questions.of_layer(l).contains(&node.branch));
        let Some(layer) = layer else { return Vec::new() };
        let at = node.branch - self.questions.of_layer(layer).start;
        let mut forms = first_forms(self.parts);
        for l in 0..layer {
            forms = next_forms(self.parts, l, &node.signs[self.questions.of_layer(l)], &forms);
        }
        let form = form_of(&self.parts.hidden()[layer], &forms, at);
        let answer = |x: &&Vec<f64>| f64::from(sign) * value(&form.middle, x) > 0.0;
        node.payload.iter().filter(answer).cloned().collect()
    }

    /// Tightens and bounds a node and puts it where it belongs.
    fn examine(&mut self, mut signs: Vec<i8>, mut points: Points, inherited: f64) {
        self.explored += 1;
        let layers = self.parts.hidden().len();
        if layers == 0 {
            self.given_up = self.parts.constant().norm_at_most(self.parts.norm).min(inherited);
            return;
        }
        let mut forms = vec![first_forms(self.parts)];
        let mut frontier = 0;
        loop {
            match self.tighten(&mut signs, &mut points, &forms, frontier) {
                Tightened::Empty => return,
                Tightened::Open => break,
                Tightened::Answered => {}
            }
            if frontier + 1 == layers {
                break;
            }
            let next = next_forms(self.parts, frontier, &signs[self.questions.of_layer(frontier)], &forms[frontier]);
            forms.push(next);
            frontier += 1;
        }
        let bound = self.bound(&signs, &forms[frontier], frontier).min(inherited);
        if bound <= self.threshold() {
            self.given_up = self.given_up.max(bound);
            return;
        }
        let open: Vec<usize> = self.questions.of_layer(frontier).filter(|&number| signs[number] == 0).collect();
        if open.is_empty() {
            return self.conclude(&signs, &forms, bound);
        }
        points.truncate(KEPT);
        let branch = self.heaviest(&open, &forms[frontier], frontier);
        self.open.push(Node { bound, signs, branch, number: self.explored, payload: points });
    }

    /// The half-spaces of the questions up to a layer; constant sums of this layer are answered.
    fn half_spaces(&self, signs: &mut [i8], forms: &[Balls], frontier: usize) -> HalfSpaces<'_> {
        let mut asked = Vec::new();
        for (layer, forms) in forms.iter().enumerate().take(frontier + 1) {
            for (at, number) in self.questions.of_layer(layer).enumerate() {
                if !self.asked[number] {
                    continue;
                }
                let form = form_of(&self.parts.hidden()[layer], forms, at);
                let known = form.is_constant().then(|| form.constant_sign()).flatten();
                match known {
                    Some(sign) => signs[number] = sign,
                    None => asked.push(Asked { layer, at, number, form }),
                }
            }
        }
        HalfSpaces { parts: self.parts, questions: self.questions, region: self.region, asked, layer: frontier }
    }

    /// Answers open questions of the frontier that have only one answer.
    fn tighten(&mut self, signs: &mut [i8], points: &mut Points, forms: &[Balls], frontier: usize) -> Tightened {
        let spaces = self.half_spaces(signs, forms, frontier);
        let (mut best, mut empty) = (self.best.clone(), false);
        let is_open = |signs: &[i8]| self.questions.of_layer(frontier).any(|number| signs[number] == 0);
        if is_open(signs)
            && let Some(network) = spaces.proposals()
        {
            let units: Vec<usize> = (0..spaces.asked.len()).collect();
            let cells = Cells::new(&network, &units, self.region);
            for r in 0..units.len() {
                let number = spaces.asked[r].number;
                if signs[number] != 0 || self.stop.asked() {
                    continue;
                }
                let mut possible = [false, false];
                for x in points.iter() {
                    let value = value(&spaces.asked[r].form.middle, x);
                    possible[0] |= value < 0.0;
                    possible[1] |= value > 0.0;
                }
                for (slot, sign) in [(0, -1_i8), (1, 1)] {
                    if possible[slot] {
                        continue;
                    }
                    signs[number] = sign;
                    let answers: Vec<i8> = spaces.asked.iter().map(|asked| signs[asked.number]).collect();
                    possible[slot] = match spaces.decide(&cells, signs, &answers, false) {
                        Attainability::Attainable(point) => {
                            let mut x = cells.input(&point);
                            cells.pull_inside(&mut x);
                            best.offer(self.parts, self.region, &x);
                            points.push(x);
                            true
                        }
                        Attainability::Undecided => true,
                        Attainability::Unattainable => false,
                    };
                }
                signs[number] = match possible {
                    [true, true] => 0,
                    [false, true] => 1,
                    [true, false] => -1,
                    [false, false] => {
                        empty = true;
                        break;
                    }
                };
            }
        }
        let open = is_open(signs);
        self.best = best;
        match (empty, open) {
            (true, _) => Tightened::Empty,
            (_, true) => Tightened::Open,
            _ => Tightened::Answered,
        }
    }

    /// A bound on the Jacobians of a node.
    fn bound(&self, signs: &[i8], forms: &Balls, frontier: usize) -> f64 {
        let parts = self.parts;
        let first = forms.first_columns(parts.network.inputs());
        let ranges = |layer: usize| -> Vec<Interval> {
            signs[self.questions.of_layer(layer)].iter().map(|&sign| side(sign)).collect()
        };
        let (mut bound, mut of_sums) = (f64::INFINITY, first.clone());
        for layer in frontier..parts.hidden().len() {
            let of_layer = ranges(layer);
            bound = bound.min(parts.bound_after(layer, &of_layer, &of_sums));
            if bound <= self.threshold() || self.stop.asked() {
                return bound;
            }
            let handed = super::slope_range::through(&parts.hidden()[layer], &of_layer, &of_sums);
            match parts.weights.get(layer + 1) {
                Some(weights) => of_sums = weights.times(&handed),
                None => bound = bound.min(parts.jacobian(&handed).norm_at_most(parts.norm)),
            }
        }
        let open = (self.questions.of_layer(frontier).start..signs.len()).filter(|&number| signs[number] == 0).count();
        if (1..=FEW).contains(&open) && bound > self.threshold() {
            let all: Vec<Vec<Interval>> = (0..parts.hidden().len()).map(ranges).collect();
            bound = bound.min(parts.largest_answer(&all, &first, frontier));
        }
        bound
    }

    /// The open question whose sum changes most and weighs most in the next layer.
    fn heaviest(&self, open: &[usize], forms: &Balls, frontier: usize) -> usize {
        let (layer, of_layer) = (&self.parts.hidden()[frontier], self.questions.of_layer(frontier));
        let next = self.parts.network.layers()[frontier + 1].weights();
        let d = self.parts.network.inputs();
        let weight = |number: usize| {
            let i = number - of_layer.start;
            let slopes = Norm::Two.of(&form_of(layer, forms, i).middle[..d]);
            let ahead = (i..layer.outputs()).step_by(of_layer.len()).map(|k| Norm::Two.of(next.col_as_slice(k)));
            slopes * ahead.sum::<f64>()
        };
        open.iter().copied().max_by(|&a, &b| weight(a).total_cmp(&weight(b)).then(b.cmp(&a))).unwrap_or(open[0])
    }

    /// A node with all answers: its Jacobian is attained, or nobody knows.
    fn conclude(&mut self, signs: &[i8], forms: &[Balls], bound: f64) {
        let mut own = signs.to_vec();
        let spaces = self.half_spaces(&mut own, forms, forms.len() - 1);
        let answers: Vec<i8> = spaces.asked.iter().map(|asked| signs[asked.number]).collect();
        let mut best = self.best.clone();
        if let Some(network) = spaces.proposals() {
            let units: Vec<usize> = (0..spaces.asked.len()).collect();
            let cells = Cells::new(&network, &units, self.region);
            match spaces.decide(&cells, signs, &answers, true) {
                Attainability::Unattainable => return,
                Attainability::Undecided => {}
                Attainability::Attainable(point) => {
                    let mut x = cells.input(&point);
                    cells.pull_inside(&mut x);
                    best.offer(self.parts, self.region, &x);
                }
            }
        }
        self.best = best;
        if bound <= self.threshold() {
            self.given_up = self.given_up.max(bound);
        } else {
            self.undecided.push(bound);
        }
    }
}

/// The value of a form at an input, nearly.
fn value(form: &[f64], x: &[f64]) -> f64 {
    form.iter().zip(x).map(|(a, x)| a * x).sum::<f64>() + form[x.len()]
}
