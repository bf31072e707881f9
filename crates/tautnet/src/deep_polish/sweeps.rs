//! The whole polish: sweeps over the layers, each step kept only where the objective, computed anew, is less.

use super::bounds::Bounds;
use super::head;
use super::newton::{self, Found};
use super::passes::{Held, Rows, given, mean_cost, through, weights, with_weights};
use super::program::{Point, Program};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::network::Layer;
use crate::{Activation, Dataset, Network};
use faer::Mat;
use serde::Serialize;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// The objective of a network and its parts, computed from its weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// The loss, and the bound times its price.
    pub objective: f64,
    /// The mean loss: where there is a radius, that of the worst case by the bound.
    pub loss: f64,
    /// The mean loss of the rows as they are.
    pub clean: f64,
    /// The bound on the Lipschitz constant of all outputs together that has the price: proved.
    pub bound: f64,
}

/// What a step was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The last layer was scaled so that the bound keeps its limit.
    Limit,
    /// The last two layers at once.
    Head,
    /// One layer.
    Layer,
}

impl What {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            What::Limit => "limit",
            What::Head => "head",
            What::Layer => "layer",
        }
    }
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// Of which sweep, counted from 1; 0 before the first.
    pub sweep: usize,
    /// The layer, counted from 1; of two layers the first.
    pub layer: usize,
    /// What it was about.
    pub what: What,
    /// The objective before.
    pub before: f64,
    /// The objective after: the same where nothing was gained.
    pub after: f64,
    /// How much of the way to the optimum of the last program was taken; 0 where it gained nothing.
    pub share: f64,
    /// Whether the program was solved to its gap.
    pub solved: bool,
    /// Products with the matrix of second derivatives that it took.
    pub products: usize,
}

/// What is told on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// A step is being taken: of which sweep, on which layer, and the objective so far.
    At {
        /// Counted from 1.
        sweep: usize,
        /// Counted from 1.
        layer: usize,
        /// What the polish began with and where it is.
        objective: (f64, f64),
    },
    /// A step was taken.
    Done(Step),
}

/// Hears of the progress, and may end it with the best so far.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The last sweep gained little.
    Done,
    /// All sweeps were made.
    Rounds,
    /// It was told to end.
    Stopped,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Polished {
    /// The network: the given one where nothing is better.
    pub network: Network,
    /// Of the network given.
    pub before: Score,
    /// Of the result.
    pub after: Score,
    /// All steps.
    pub steps: Vec<Step>,
    /// Sweeps that were begun.
    pub sweeps: usize,
    /// How it ended.
    pub ending: Ending,
}

/// The objective of a network on rows, computed anew.
pub fn score(network: &Network, data: &Dataset, settings: &Settings) -> Result<Score> {
    let classes = settings.check_on(network, data)?;
    let rows = Rows::of(data, classes, &settings.loss);
    Ok(scored(network, data, &rows, settings)?.0)
}

fn scored(network: &Network, data: &Dataset, rows: &Rows, settings: &Settings) -> Result<(Score, Bounds)> {
    let bounds = Bounds::of(network, settings)?;
    let count = network.outputs();
    let predicted = network.predict_row_by_row(data.x.as_ref());
    let outputs = Mat::from_fn(count, data.rows(), |j, r| predicted[r * count + j]);
    let loss = mean_cost(rows, &outputs, &bounds.moves(network, settings));
    let clean = if settings.radius > 0.0 { mean_cost(rows, &outputs, &vec![0.0; count * count]) } else { loss };
    let bound = bounds.bound;
    let objective = loss + if settings.lipschitz_price > 0.0 { settings.lipschitz_price * bound } else { 0.0 };
    Ok((Score { objective, loss, clean, bound }, bounds))
}

/// A limit is kept up to this.
fn keeps(bound: f64, settings: &Settings) -> bool {
    settings.most.is_none_or(|most| bound <= most)
}

/// Sweep over the layers. Never worse on the objective computed anew; where there is a limit, the result keeps it. [`Stop::here`], or the observer, ends it with the
/// best so far.
pub fn polish(network: &Network, data: &Dataset, settings: &Settings, observe: &mut Observer<'_>) -> Result<Polished> {
    // Inside the pool of threads, so that its many short loops need no handing over.
    let stop = Stop::here();
    rayon::join(|| stop.during(|| polish_here(network, data, settings, observe)), || ()).0
}

fn polish_here(network: &Network, data: &Dataset, settings: &Settings, observe: &mut Observer<'_>) -> Result<Polished> {
    let classes = settings.check_on(network, data)?;
    let rows = Rows::of(data, classes, &settings.loss);
    let (before, bounds) = scored(network, data, &rows, settings)?;
    if !before.objective.is_finite() {
        return Err(Error::new(
            format!("the objective of the network is {}", before.objective),
            "give a network whose outputs on the rows are numbers",
        ));
    }
    let biases = network.layers().iter().any(|layer| layer.bias().iter().any(|bias| *bias != 0.0));
    let mut run = Run {
        data,
        rows,
        settings,
        biases,
        first: before.objective,
        network: network.clone(),
        score: before,
        bounds,
        damping: vec![0.0; network.layers().len()],
        steps: Vec::new(),
        heads: true,
        stop: Stop::here(),
        over: false,
        observe,
    };
    run.keep_limit()?;
    let (mut sweeps, mut ending) = (0, Ending::Rounds);
    while sweeps < settings.rounds && !run.is_over() {
        sweeps += 1;
        let start = run.score.objective;
        for l in (0..network.layers().len()).rev() {
            if run.is_over() {
                break;
            }
            run.layer(sweeps, l)?;
            let here = l + 2 == network.layers().len() && run.heads && head::is_for(&run.network, settings);
            if here && !run.is_over() {
                run.head(sweeps, l)?;
            }
        }
        let gained = start - run.score.objective > settings.gain * start.abs();
        if !gained {
            ending = Ending::Done;
            break;
        }
    }
    if run.is_over() {
        ending = Ending::Stopped;
    }
    let Run { network, score, steps, .. } = run;
    Ok(Polished { network, before, after: score, steps, sweeps, ending })
}

struct Run<'a, 'b> {
    data: &'a Dataset,
    rows: Rows,
    settings: &'a Settings,
    biases: bool,
    first: f64,
    network: Network,
    score: Score,
    bounds: Bounds,
    /// How much the sums of each layer are held near to what they are.
    damping: Vec<f64>,
    steps: Vec<Step>,
    /// Whether the last two layers at once have gained something whenever they were tried.
    heads: bool,
    stop: Stop,
    over: bool,
    observe: &'a mut Observer<'b>,
}

/// The best point of the way to the optimum.
struct Best {
    share: f64,
    objective: f64,
    w: Mat<f64>,
}

/// Shares of the way that are tried, from all of it on.
const HALVINGS: usize = 12;
/// Times that a layer is tried, each time with its sums held nearer.
const ATTEMPTS: usize = 4;
/// From this share of the way on a step is not tried again.
const ENOUGH: f64 = 0.3;

impl Run<'_, '_> {
    fn is_over(&self) -> bool {
        self.over || self.stop.asked()
    }

    fn told(&mut self, progress: &Progress) -> ControlFlow<()> {
        let verdict = (self.observe)(progress);
        self.over |= verdict.is_break();
        verdict
    }

    fn done(&mut self, step: Step) {
        self.steps.push(step);
        // Whether to go on is asked before the next step.
        let _ = self.told(&Progress::Done(step));
    }

    /// Scale the last layer until the bound keeps its limit.
    fn keep_limit(&mut self) -> Result<()> {
        let Some(most) = self.settings.most else { return Ok(()) };
        let before = self.score.objective;
        if keeps(self.score.bound, self.settings) {
            return Ok(());
        }
        for _ in 0..5 {
            let scale = most / self.score.bound * (1.0 - 1e-9);
            let (mut layers, linear) = self.network.clone().into_parts();
            let last = layers.pop().expect("a network has a layer");
            let w = Mat::from_fn(last.units(), last.inputs(), |j, k| scale * last.weights()[(j, k)]);
            layers.push(Layer::new(w, last.bias().to_vec(), Activation::identity()));
            self.network = Network::new(layers, linear)?;
            (self.score, self.bounds) = scored(&self.network, self.data, &self.rows, self.settings)?;
            if keeps(self.score.bound, self.settings) {
                break;
            }
        }
        if !keeps(self.score.bound, self.settings) {
            return Err(Error::new(
                format!("the bound of the network is {} and cannot be scaled to the limit {most}", self.score.bound),
                "give a larger limit",
            ));
        }
        let (layer, after) = (self.network.layers().len(), self.score.objective);
        self.done(Step { sweep: 0, layer, what: What::Limit, before, after, share: 1.0, solved: true, products: 0 });
        Ok(())
    }

    /// Take a network where its objective, computed anew, is less.
    fn accept(&mut self, network: Network) -> Result<bool> {
        let (score, bounds) = self.stop.late().during(|| scored(&network, self.data, &self.rows, self.settings))?;
        let better = score.objective < self.score.objective && keeps(score.bound, self.settings);
        if better {
            (self.network, self.score, self.bounds) = (network, score, bounds);
        }
        Ok(better)
    }

    fn head(&mut self, sweep: usize, l: usize) -> Result<()> {
        let before = self.score.objective;
        let at = Progress::At { sweep, layer: l + 1, objective: (self.first, before) };
        if self.told(&at).is_break() {
            return Ok(());
        }
        let (mut over, observe) = (self.over, &mut *self.observe);
        let mut go_on = || {
            let verdict = observe(&at);
            over |= verdict.is_break();
            verdict
        };
        let found = head::head(&self.network, self.data, (&self.rows, &self.bounds), self.settings, &mut go_on)?;
        self.over = over;
        let share = match found {
            Some(network) => f64::from(u8::from(self.accept(network)?)),
            None => 0.0,
        };
        self.heads = share > 0.0;
        let after = self.score.objective;
        self.done(Step { sweep, layer: l + 1, what: What::Head, before, after, share, solved: !over, products: 0 });
        Ok(())
    }

    fn layer(&mut self, sweep: usize, l: usize) -> Result<()> {
        let before = self.score.objective;
        let at = Progress::At { sweep, layer: l + 1, objective: (self.first, before) };
        let (mut share, mut solved, mut products) = (0.0, false, 0);
        for _ in 0..ATTEMPTS {
            if self.told(&at).is_break() || self.is_over() {
                break;
            }
            share = 0.0;
            let Some((best, found)) = self.try_layer(l, &at)? else { break };
            solved = found.solved;
            products += found.products;
            if let Some(best) = best {
                let (mut layers, linear) = self.network.clone().into_parts();
                layers[l] = with_weights(&layers[l], &best.w, self.biases);
                if self.accept(Network::new(layers, linear)?)? {
                    share = best.share;
                }
            }
            // Where patterns change on the way, the sums are held nearer the next time, and the other way round.
            let usual = self.usual_damping(l);
            if share >= 0.9 {
                self.damping[l] = if self.damping[l] > 1e-6 * usual { 0.2 * self.damping[l] } else { 0.0 };
            }
            if share >= ENOUGH {
                break;
            }
            self.damping[l] = ((ENOUGH / share).clamp(10.0, 100.0) * self.damping[l]).max(usual);
        }
        let after = self.score.objective;
        self.done(Step { sweep, layer: l + 1, what: What::Layer, before, after, share, solved, products });
        Ok(())
    }

    /// The least damping that is ever tried: a hundredth of what outputs gain from sums.
    fn usual_damping(&self, l: usize) -> f64 {
        let later = &self.network.layers()[l + 1..];
        let gain: f64 = later.iter().map(|layer| layer.weights().squared_norm_l2() / layer.inputs() as f64).product();
        0.01 * gain.max(1e-12)
    }

    /// Solve the program of a layer, and look for the best point on the way. `None` where nothing can be done.
    fn try_layer(&mut self, l: usize, told: &Progress) -> Result<Option<(Option<Best>, Found)>> {
        let settings = self.settings;
        let Some(of_layer) = self.bounds.of_layer(&self.network, l, settings) else { return Ok(None) };
        let held = Held::new(&self.network, l, &self.rows, self.biases)?;
        let layer = self.network.layers()[l].clone();
        let start = weights(&layer, self.biases);
        let moments = held.moments(&self.rows.shares);
        let most = settings.most.map(|most| most / of_layer.bound);
        let program = Program {
            rows: &self.rows,
            held: &held,
            layer: &of_layer,
            inputs: layer.inputs(),
            norm: settings.norm,
            price: settings.lipschitz_price * of_layer.bound,
            most,
            damping: self.damping[l],
            start: &start,
            moments: &moments,
        };
        let Some(point) = inside(&program, &start) else { return Ok(None) };
        let (mut over, observe) = (self.over, &mut *self.observe);
        let found = newton::solve(&program, point, (settings.tolerance, settings.products), &mut |_| {
            let verdict = observe(told);
            over |= verdict.is_break();
            verdict
        });
        self.over = over;
        let Some(found) = found else { return Ok(None) };
        // The segment to the end, by the true objective.
        let later = &self.network.layers()[l + 1..];
        let plain = given(&self.network, l, &self.rows);
        let mut best: Option<Best> = None;
        let mut share = 1.0;
        for _ in 0..HALVINGS {
            let end = &found.point.w;
            let w = Mat::from_fn(start.nrows(), start.ncols(), |i, k| {
                start[(i, k)] + share * (end[(i, k)] - start[(i, k)])
            });
            let moved = with_weights(&layer, &w, self.biases);
            let bounds = self.bounds.with_layer(l, moved.weights(), &of_layer, settings);
            let mut layers = vec![moved];
            layers.extend_from_slice(later);
            let outputs = through(&layers, plain.as_ref());
            let all = Network::new(layers, None)?;
            let moves = bounds.moves(&all, settings);
            let loss = mean_cost(&self.rows, &outputs, &moves);
            let objective =
                loss + if settings.lipschitz_price > 0.0 { settings.lipschitz_price * bounds.bound } else { 0.0 };
            let least = best.as_ref().map_or(self.score.objective, |best| best.objective);
            if objective < least && keeps(bounds.bound, settings) {
                best = Some(Best { share, objective, w });
            } else if best.is_some() {
                break;
            }
            if self.stop.late().asked() {
                break;
            }
            share *= 0.5;
        }
        Ok(Some((best, found)))
    }
}

/// A point inside of the program, at the weights or near them.
fn inside(program: &Program<'_>, start: &Mat<f64>) -> Option<Point> {
    if !program.has_size() {
        return Some(Point { w: start.to_owned(), size: 1.0 });
    }
    let size = program.layer.ball.size(&program.plain(start));
    if !size.is_finite() {
        return None;
    }
    let least = size.max(1e-9);
    let Some(most) = program.most else { return Some(Point { w: start.to_owned(), size: 1.05 * least }) };
    let scale = (0.97 * most / least).min(1.0);
    let inputs = program.inputs;
    let w = Mat::from_fn(
        start.nrows(),
        start.ncols(),
        |i, k| if k < inputs { scale * start[(i, k)] } else { start[(i, k)] },
    );
    let size = (1.05 * scale * least).min(0.5 * (scale * least + most));
    Some(Point { w, size })
}
