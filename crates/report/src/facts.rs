//! The facts that a report is made of, and the chart of each kind of them.

use super::behaviour::{self, Dependence};
use super::causes::{Cause, causes};
use super::chart::{self, Canvas, Curve, Ladder, Units};
use super::scene::{Ink, Scene};
use tautnet::attack::RadiusReport;
use tautnet::certify::{GradientSearchSettings, Region, largest_gradient_found, norm_product, path_norm};
use tautnet::choose::{AtSize, Choice};
use tautnet::error::{Error, Result};
use tautnet::polish::{self, Polished};
use tautnet::{Dataset, Loss, Norm, Scaler, Shallow, select};

/// A chart of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    /// Error against the size of the tolerance, found and proved.
    Tolerance,
    /// How much of the worst case each input causes.
    Causes,
    /// Error against attack radius, found, and its ceiling.
    Attack,
    /// Every bound on the Lipschitz constant.
    Bounds,
    /// Predicted against true.
    Fit,
    /// Predicted minus true.
    Residuals,
    /// What the prediction does as one input moves.
    Dependence,
    /// Errors and bound along the prices λ.
    Path,
    /// Objective and duality gap of every iteration.
    Convergence,
}

impl Chart {
    /// Every chart, in the order of the page.
    pub const ALL: [Chart; 9] = [
        Chart::Tolerance,
        Chart::Causes,
        Chart::Attack,
        Chart::Bounds,
        Chart::Fit,
        Chart::Residuals,
        Chart::Dependence,
        Chart::Path,
        Chart::Convergence,
    ];

    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Chart::Tolerance => "tolerance",
            Chart::Causes => "causes",
            Chart::Attack => "attack",
            Chart::Bounds => "bounds",
            Chart::Fit => "fit",
            Chart::Residuals => "residuals",
            Chart::Dependence => "dependence",
            Chart::Path => "path",
            Chart::Convergence => "convergence",
        }
    }
}

impl std::str::FromStr for Chart {
    type Err = Error;

    /// The chart of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|chart| chart.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::new(format!("there is no chart called `{name}`"), format!("choose one of: {names}"))
        })
    }
}

/// The facts about one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The bounds on its Lipschitz constant, in its own units; none of a network with an output for each of several classes.
    pub ladder: Option<Ladder>,
    /// The error under attack on the rows shown, where they were attacked within radii.
    pub attack: Vec<RadiusReport>,
    /// The mean loss on the rows learned from.
    pub learned: f64,
    /// The mean loss on the rows held out, if there are any.
    pub held_out: Option<f64>,
    /// Predictions for the rows shown, in the user's units; none of classes.
    pub predicted: Vec<f64>,
}

/// The rows that a report speaks of, in the network's units.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The rows that were learned from.
    pub learned: &'a Dataset,
    /// The rows held out, if there are any.
    pub held_out: Option<&'a Dataset>,
    /// The rows that are attacked and predicted: those of one of the two, or a part of them.
    pub shown: &'a Dataset,
    /// What these rows are called in a text, such as "the 42 rows held out".
    pub name: &'a str,
}

impl Side {
    /// Gather the facts. `proved` is the bound of the network's certificate, where it has one, `attack` the errors found under it;
    /// `loss` is what a wrong prediction costs.
    pub fn of(
        network: &Shallow,
        proved: Option<f64>,
        attack: Vec<RadiusReport>,
        rows: &Rows<'_>,
        (norm, loss): (Norm, &Loss),
        scaler: &Scaler,
        seed: u64,
    ) -> Result<Self> {
        let x = rows.shown.x.as_ref();
        let ladder = |proved: f64| -> Result<Ladder> {
            let search = GradientSearchSettings { seed, ..GradientSearchSettings::scaled_to(network) };
            let found = largest_gradient_found(network, &Region::Everywhere, norm, Some(x), &search)?;
            Ok(Ladder {
                // Nothing is found of a network whose gradient is 0 everywhere it was looked for.
                found: found.map_or(0.0, |found| found.value),
                proved,
                exact: None,
                sum: path_norm(network, norm),
                product: norm_product(network, norm),
            })
        };
        let predicted = if loss.is_margin() { Vec::new() } else { network.predict(x) };
        Ok(Self {
            ladder: proved.map(ladder).transpose()?,
            attack,
            learned: loss.mean(network, rows.learned),
            held_out: rows.held_out.map(|rows| loss.mean(network, rows)),
            predicted: predicted.into_iter().map(|value| scaler.target_to_user(value)).collect(),
        })
    }
}

/// What is known of the errors within a tolerance of the inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Within {
    /// The rows that these errors are of, such as "the 42 rows held out".
    pub rows: String,
    /// The errors with the tolerance smaller and larger, smallest first, as mean losses in the network's units; those at the
    /// rows alone where every input is exact.
    pub sizes: Vec<AtSize>,
    /// The inputs, where it is known what each of them causes.
    pub inputs: Vec<Cause>,
    /// For each of the rows shown, what is proved that the prediction of the result cannot leave within the tolerance, in the
    /// user's units; none where it was not asked for, and none of classes.
    pub intervals: Vec<(f64, f64)>,
}

impl Within {
    /// Whether every input is exact: then there is nothing that could be smaller or larger.
    pub(super) fn is_exact(&self) -> bool {
        self.sizes.len() == 1
    }

    /// The errors at the tolerance itself.
    pub(super) fn at_tolerance(&self) -> Option<&AtSize> {
        self.sizes.iter().find(|at| at.size == 1.0)
    }
}

/// The result beside what is simpler, on rows that none of these learned from.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The titles, and a line for each: what it is and its errors, in words.
    pub lines: Vec<Vec<String>>,
    /// Whether the result is worth having, in a sentence.
    pub verdict: String,
}

/// Where the network before the polish came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// It was trained here, by the start of that name.
    Trained(&'a str),
    /// It was given in a file.
    Given(&'a str),
}

/// How to make the same again.
#[derive(Debug, Clone, PartialEq)]
pub struct Reproduce {
    /// The command line.
    pub command: String,
    /// The version of the program.
    pub version: String,
    /// Every setting with its value.
    pub settings: Vec<(String, String)>,
}

/// Everything that a page shows.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// What the user calls the data.
    pub source: &'a str,
    /// The input columns, as the network sees them.
    pub inputs: Vec<String>,
    /// The target column.
    pub target: &'a str,
    /// The scaler between the network's units and the user's.
    pub scaler: &'a Scaler,
    /// The rows.
    pub rows: Rows<'a>,
    /// The number of hidden units.
    pub units: usize,
    /// Where the first network came from.
    pub origin: Origin<'a>,
    /// The polish as asked for, with the price that was used.
    pub settings: polish::Settings,
    /// The polish; `None` when the time ended before it.
    pub polished: Option<&'a Polished>,
    /// Why the work was ended early, if the clock or the user did it.
    pub stopped: Option<&'a str>,
    /// How the price was chosen.
    pub path: Option<&'a select::Path>,
    /// How the network was chosen for its tolerance, without a price and in place of a polish.
    pub choice: Option<&'a Choice>,
    /// The errors within the tolerance, where there is one.
    pub within: Option<Within>,
    /// The network before the polish, or that of ordinary training.
    pub before: Side,
    /// The network after it, or the one that was chosen.
    pub after: Side,
    /// The result beside what is simpler, where that was looked at.
    pub comparison: Option<Comparison>,
    /// What the second network's predictions do as one input moves.
    pub dependence: Vec<Dependence>,
    /// How far one unit of each input column can move the target, proved, in the user's units; none of several classes.
    pub sensitivities: Vec<f64>,
    /// How to make it again.
    pub reproduce: Reproduce,
}

impl Report<'_> {
    /// One chart; `None` for one that there are no facts for.
    pub fn chart(&self, chart: Chart, canvas: &Canvas) -> Option<Scene> {
        let (before, after) = self.sides();
        let units = self.measures();
        let sides = [(before, Ink::Before, &self.before), (after, Ink::After, &self.after)];
        Some(match chart {
            Chart::Tolerance => {
                let within = self.within.as_ref().filter(|within| within.sizes.len() > 1)?;
                chart::tolerance(&within.sizes, [before, after], &units, canvas)
            }
            Chart::Causes => {
                let within = self.within.as_ref().filter(|within| !within.inputs.is_empty())?;
                causes(&within.inputs, canvas)
            }
            Chart::Attack if self.after.attack.is_empty() => return None,
            Chart::Attack => {
                let curves = sides.map(|(name, ink, side)| Curve { name, ink, reports: &side.attack });
                chart::attack(&curves, &units, canvas)
            }
            Chart::Bounds => {
                let [old, new] = sides.map(|(name, ink, side)| side.ladder.as_ref().map(|ladder| (name, ink, ladder)));
                chart::bounds(&[old?, new?], &units, canvas)
            }
            // The output for a class is no guess at −1 or 1.
            Chart::Fit if self.settings.loss.is_margin() => return None,
            Chart::Fit => {
                let (truth, intervals) =
                    (self.truth(), self.within.as_ref().map_or(&[][..], |within| &within.intervals));
                let sides = sides.map(|(name, ink, side)| (name, ink, &side.predicted[..]));
                // Two networks and intervals are too much for one drawing.
                let sides = if intervals.is_empty() { &sides[..] } else { &sides[1..] };
                chart::fit(&truth, sides, intervals, &units, canvas)
            }
            Chart::Residuals if self.settings.loss.is_margin() => return None,
            Chart::Residuals => {
                let intervals = self.within.as_ref().map_or(&[][..], |within| &within.intervals);
                let of = (after, &self.after.predicted[..]);
                behaviour::residuals(&self.truth(), of, intervals, &units, canvas)
            }
            Chart::Dependence if self.dependence.is_empty() => return None,
            Chart::Dependence => behaviour::panels(&self.dependence, self.moved(), canvas),
            Chart::Path => chart::path(self.path.filter(|path| !path.steps.is_empty())?, &units, canvas),
            Chart::Convergence => {
                let polished = self.polished.filter(|polished| !polished.trace.is_empty())?;
                let tolerance = self.settings.tol;
                chart::convergence(&polished.trace, polished.before.objective, tolerance, canvas)
            }
        })
    }

    /// The chart that says most.
    pub fn first(&self) -> Chart {
        match &self.within {
            Some(within) if within.is_exact() && !self.settings.loss.is_margin() => Chart::Fit,
            Some(within) if within.is_exact() && self.after.ladder.is_some() => Chart::Bounds,
            Some(_) => Chart::Tolerance,
            None => Chart::Attack,
        }
    }

    /// What an input moves: the target, or of a class the network's output, whose sign decides.
    pub(super) fn moved(&self) -> &str {
        if self.settings.loss.is_margin() { "the margin" } else { self.target }
    }

    /// Whether there is a tolerance, and every input is exact by it.
    pub(super) fn is_exact(&self) -> bool {
        self.within.as_ref().is_some_and(Within::is_exact)
    }

    /// What the two networks are called.
    pub(super) fn sides(&self) -> (&'static str, &'static str) {
        if self.choice.is_some() { ("ordinary training", "the result") } else { ("before polish", "after polish") }
    }

    /// What the second one is called in a sentence.
    pub(super) fn result(&self) -> &'static str {
        if self.choice.is_some() { "result" } else { "polished network" }
    }

    pub(super) fn measures(&self) -> Units<'_> {
        Units { target: self.target, scaler: self.scaler, norm: self.settings.norm, loss: &self.settings.loss }
    }

    /// Targets of the rows shown, in the user's units.
    fn truth(&self) -> Vec<f64> {
        self.rows.shown.y.iter().map(|y| self.scaler.target_to_user(*y)).collect()
    }
}
