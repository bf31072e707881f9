//! The charts: from the facts to a [`Scene`], and nothing else.
//!
//! Before the polish is hollow, after it is filled; found is a full line and proved a dashed one. Colour says the same
//! once more, so that nobody depends on it.

use super::axes::{Frame, RIGHT, SMALL, Scale, bound, number};
use super::font;
use super::scene::{Anchor, Ink, Scene};
use tautnet::attack::RadiusReport;
use tautnet::choose::{AtSize, Errors};
use tautnet::polish::Progress;
use tautnet::{Loss, Norm, Scaler, select};

/// The place where a chart is to be shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Canvas {
    /// The width in pixels.
    pub width: f64,
    /// Whether the title is drawn; a page has it in its own type.
    pub titled: bool,
}

impl Canvas {
    /// A chart in a page that is read on a desk or on paper.
    pub const WIDE: Canvas = Canvas { width: 760.0, titled: false };
    /// A chart in a page that is read on a telephone.
    pub const NARROW: Canvas = Canvas { width: 350.0, titled: false };
    /// A chart in a file of its own.
    pub const FILE: Canvas = Canvas { width: 760.0, titled: true };
}

/// The units of the numbers of a chart.
#[derive(Debug, Clone, Copy)]
pub struct Units<'a> {
    /// The name of the target.
    pub target: &'a str,
    /// The scaler between the network's units and the user's.
    pub scaler: &'a Scaler,
    /// The norm in which changes of the inputs are measured.
    pub norm: Norm,
    /// What a wrong prediction costs.
    pub loss: &'a Loss,
}

impl Units<'_> {
    /// The norm, in words.
    pub fn norm_name(&self) -> &'static str {
        match self.norm {
            Norm::One => "1-norm",
            Norm::Two => "2-norm",
            Norm::Infinity => "largest change",
        }
    }

    /// What the errors are: of a class the loss, which has no units.
    pub(super) fn told(&self) -> String {
        match self.loss.is_margin() {
            true => self.loss.mean_name(),
            false => format!("{}, in units of {}", self.root_name(), self.target),
        }
    }

    /// A mean loss in the units of the target: its root, where the loss is measured in their square.
    pub fn root(&self, mean: f64) -> f64 {
        self.scaler.root_to_user(self.loss, mean)
    }

    /// What the root of the mean loss is called.
    pub fn root_name(&self) -> String {
        // A root mean square is that of an error.
        let error = if self.loss.is_squared() { " error" } else { "" };
        format!("{}{error}", self.loss.root_name())
    }

    /// Upper and lower bounds on the root of the mean loss.
    pub fn root_bound(&self, mean: f64, upper: bool) -> f64 {
        let Self { scaler, loss, .. } = self;
        if upper { scaler.root_to_user_above(loss, mean) } else { scaler.root_to_user_below(loss, mean) }
    }

    /// What the norm is of: the inputs, in the network's units.
    pub fn inputs(&self) -> &'static str {
        if self.standardized() { "standardized inputs" } else { "the inputs" }
    }

    /// Whether the network's units are not the user's.
    pub fn standardized(&self) -> bool {
        *self.scaler != Scaler::identity(self.scaler.input_mean.len())
    }
}

/// The error of one network against the radius of the attack.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// What the network is called.
    pub name: &'a str,
    /// The colour: that of a network before or after the polish.
    pub ink: Ink,
    /// The errors found and their ceilings, with the radii in increasing order.
    pub reports: &'a [RadiusReport],
}

/// Bounds on the Lipschitz constant of one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ladder {
    /// The largest gradient found: the constant is at least this.
    pub found: f64,
    /// What its certificate proves: the constant is at most this.
    pub proved: f64,
    /// The two ends between which a search has the constant, and whether it ended; none where there was no search.
    pub exact: Option<(f64, f64, bool)>,
    /// The bound by the sum over the units.
    pub sum: f64,
    /// The bound by the product of the layers' norms.
    pub product: f64,
}

impl Ladder {
    /// The rungs from below: name, whether it is an upper bound, value.
    pub fn rungs(&self) -> Vec<(&'static str, bool, f64)> {
        let mut rungs = vec![("largest gradient found", false, self.found)];
        if let Some((_, upper, ended)) = self.exact {
            rungs.push((if ended { "exact constant" } else { "branch and bound" }, true, upper));
        }
        rungs.extend([
            ("LipSDP, proved", true, self.proved),
            ("sum over units", true, self.sum),
            ("product of norms", true, self.product),
        ]);
        rungs
    }

    /// The ends between which the constant is, by all that is known.
    pub fn ends(&self) -> (f64, f64) {
        let (lower, upper, _) = self.exact.unwrap_or((0.0, f64::INFINITY, false));
        (self.found.max(lower), self.proved.min(upper))
    }
}

/// A sample beside a word of the legend.
#[derive(Clone, Copy)]
pub(super) enum Sample {
    Line { dashed: bool },
    Dotted { filled: bool },
    Dot { filled: bool },
    Area,
}

/// Start a chart: its title and its legend. Returns the height that they take.
pub(super) fn head(scene: &mut Scene, canvas: &Canvas, legend: &[(Sample, Ink, &str)]) -> f64 {
    let room = |sample: &Sample| if matches!(sample, Sample::Dot { .. }) { 10.0 } else { 26.0 };
    let mut y = 6.0;
    if canvas.titled {
        let lines = scene.paragraph((16.0, 28.0), &scene.title.clone(), 17.0, canvas.width - 32.0, Ink::Text, true);
        y = 14.0 + 23.0 * lines as f64;
    }
    let left = if canvas.titled { 16.0 } else { 2.0 };
    let mut x = left;
    y += 14.0;
    for (sample, ink, name) in legend {
        let name = font::shortened(name, SMALL, canvas.width - left - room(sample) - 16.0);
        let width = room(sample) + 6.0 + font::width(&name, SMALL);
        if x > left && x + width > canvas.width - 2.0 {
            x = left;
            y += 19.0;
        }
        let (from, to, middle) = ((x, y - 4.0), (x + room(sample), y - 4.0), (x + 0.5 * room(sample), y - 4.0));
        match sample {
            Sample::Line { dashed } => scene.line(vec![from, to], *ink, 2.0, *dashed),
            Sample::Dotted { filled } => {
                scene.line(vec![from, to], *ink, 2.0, false);
                scene.dot(middle, 3.5, *ink, *filled);
            }
            Sample::Dot { filled } => scene.dot(middle, 3.5, *ink, *filled),
            Sample::Area => {
                scene.area(vec![(from.0, y - 10.0), (to.0, y - 10.0), (to.0, y + 2.0), (from.0, y + 2.0)], *ink);
            }
        }
        scene.text((x + room(sample) + 6.0, y), name, SMALL, Anchor::Start, Ink::Text);
        x += width + 18.0;
    }
    if legend.is_empty() { y - 14.0 } else { y + 8.0 }
}

/// A frame below `top`, as wide as the canvas allows.
fn frame(canvas: &Canvas, top: f64, height: f64, x: Scale, y: Scale) -> Frame {
    let edge = if canvas.titled { 16.0 } else { 2.0 };
    let left = edge + Frame::margin(&y, height);
    Frame { left, top: top + 26.0, width: canvas.width - left - edge - RIGHT, height, x, y }
}

/// Two frames one above the other have the same sides.
fn aligned(frames: &mut [Frame]) {
    let left = frames.iter().map(|frame| frame.left).fold(0.0, f64::max);
    for frame in frames {
        frame.width -= left - frame.left;
        frame.left = left;
    }
}

pub(super) fn plot_height(canvas: &Canvas) -> f64 {
    if canvas.width > 500.0 { 290.0 } else { 230.0 }
}

/// A sentence's first letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Error found, and its ceiling, against attack radius.
pub fn attack(curves: &[Curve<'_>], units: &Units<'_>, canvas: &Canvas) -> Scene {
    let series = |curve: &Curve<'_>| {
        let point = |report: &RadiusReport| (report.radius, report.found, report.ceiling);
        (name_of(curve.name, curves.len()), curve.ink, curve.reports.iter().map(point).collect())
    };
    let title = format!("attack radius ({} of {})", units.norm_name(), units.inputs());
    let words = Words {
        ticks: None,
        title: "Error under attack",
        proved: "ceiling",
        at: "at radius",
        against: "attack radius",
        below: &title,
    };
    from_both_sides(&curves.iter().map(series).collect::<Vec<_>>(), None, &words, units, canvas)
}

/// Found and proved error against the size of the tolerance, of two networks.
pub fn tolerance(sizes: &[AtSize], names: [&str; 2], units: &Units<'_>, canvas: &Canvas) -> Scene {
    let series = |name: &str, ink: Ink, of: &dyn Fn(&AtSize) -> &Errors| {
        let point = |at: &AtSize| (at.size, of(at).found, of(at).proved);
        (name_of(name, 2), ink, sizes.iter().map(point).collect())
    };
    let both = [series(names[0], Ink::Before, &|at| &at.start), series(names[1], Ink::After, &|at| &at.result)];
    let words = Words {
        ticks: Some(sizes.iter().map(|at| at.size).collect()),
        title: "Worst-case error against the size of the tolerance",
        proved: "proved",
        at: "at the tolerance times",
        against: "the size of the tolerance",
        below: "how wrong the inputs are: the tolerance times this",
    };
    from_both_sides(&both, Some((1.0, "the tolerance")), &words, units, canvas)
}

/// What a chart of errors from both sides says.
struct Words<'a> {
    /// Places to write below; those of the scale where there are none.
    ticks: Option<Vec<f64>>,
    title: &'a str,
    proved: &'a str,
    at: &'a str,
    against: &'a str,
    below: &'a str,
}

/// A name before what is said of a network; none where there is but one.
fn name_of(name: &str, networks: usize) -> String {
    if networks > 1 { format!("{name}: ") } else { String::new() }
}

/// The place, and the mean loss there: found and proved.
type Point = (f64, f64, f64);

/// Errors found and proved, with the true ones in the band between; `mark` is a place to point at.
fn from_both_sides(
    series: &[(String, Ink, Vec<Point>)],
    mark: Option<(f64, &str)>,
    words: &Words<'_>,
    units: &Units<'_>,
    canvas: &Canvas,
) -> Scene {
    let told = |(name, _, points): &(String, Ink, Vec<Point>)| {
        let marked = |mark: f64| points.iter().find(|point| point.0 == mark);
        let &(x, found, proved) = mark.map_or(points.last(), |(mark, _)| marked(mark))?;
        let write = |loss: f64, upper: bool| bound(units.root_bound(loss, upper), upper);
        let (found, proved) = (write(found, false), write(proved, true));
        Some(format!("{name}{} {}: found {found}, {} {proved}", words.at, number(x), words.proved))
    };
    let facts: Vec<String> = series.iter().filter_map(told).collect();
    let description =
        format!("{} of {} against {}. {}.", capital(&units.root_name()), units.target, words.against, facts.join("; "));
    let mut scene = Scene::new(canvas.width, words.title, description);
    let names: Vec<(Ink, String, String)> =
        series.iter().map(|(name, ink, _)| (*ink, format!("{name}found"), format!("{name}{}", words.proved))).collect();
    let legend: Vec<(Sample, Ink, &str)> = names
        .iter()
        .flat_map(|(ink, found, proved)| {
            let filled = *ink == Ink::After;
            [(Sample::Dotted { filled }, *ink, found.as_str()), (Sample::Line { dashed: true }, *ink, proved)]
        })
        .collect();
    let top = head(&mut scene, canvas, &legend);

    let points = || series.iter().flat_map(|(_, _, points)| points);
    let places = || points().map(|point| point.0);
    let x = Scale::linear(places().fold(f64::INFINITY, f64::min), places().fold(0.0, f64::max));
    let y = Scale::from_zero(points().flat_map(|point| [point.1, point.2]).map(|error| units.root(error)));
    let frame = frame(canvas, top, plot_height(canvas), x, y);
    frame.draw_y(&mut scene, &units.told());
    let ticks = words.ticks.as_ref();
    let ticks = ticks.map(|places| places.iter().map(|place| (*place, number(*place))).collect());
    let below = frame.draw_x(&mut scene, words.below, ticks);
    if let Some((place, label)) = mark {
        let (x, _) = frame.at(place, 0.0);
        scene.line(vec![(x, frame.top), (x, frame.bottom())], Ink::Faint, 1.0, true);
        let (at, anchor) = beside(x, label, frame.left + frame.width);
        scene.text((at, frame.bottom() - 8.0), label, SMALL, anchor, Ink::Faint);
    }
    let line = |points: &[Point], value: &dyn Fn(&Point) -> f64| -> Vec<(f64, f64)> {
        let finite = points.iter().filter(|point| value(point).is_finite());
        finite.map(|point| frame.at(point.0, units.root(value(point)))).collect()
    };
    let lines: Vec<_> = series
        .iter()
        .map(|(_, ink, points)| (*ink, line(points, &|point| point.1), line(points, &|point| point.2)))
        .collect();
    for (ink, found, proved) in lines.iter().filter(|(_, found, proved)| found.len() == proved.len()) {
        scene.area(found.iter().chain(proved.iter().rev()).copied().collect(), *ink);
    }
    for (ink, found, proved) in lines {
        scene.line(proved, ink, 2.0, true);
        scene.line(found.clone(), ink, 2.0, false);
        found.into_iter().for_each(|center| scene.dot(center, 3.5, ink, ink == Ink::After));
    }
    scene.height = frame.bottom() + below;
    scene
}

/// Every bound on the Lipschitz constant, from below and from above.
pub fn bounds(ladders: &[(&str, Ink, &Ladder)], units: &Units<'_>, canvas: &Canvas) -> Scene {
    const LINE: f64 = 19.0;
    let fact = |(name, _, ladder): &(&str, Ink, &Ladder)| {
        let (lower, upper) = ladder.ends();
        format!("{name}: between {} and {}", bound(lower, false), bound(upper, true))
    };
    let facts: Vec<String> = ladders.iter().map(fact).collect();
    let description = format!("Bounds on the Lipschitz constant. {}.", facts.join("; "));
    let mut scene = Scene::new(canvas.width, "Bounds on the Lipschitz constant", description);
    let mut legend: Vec<(Sample, Ink, &str)> = Vec::new();
    if ladders.len() > 1 {
        legend.extend(ladders.iter().map(|(name, ink, _)| (Sample::Dot { filled: *ink == Ink::After }, *ink, *name)));
    }
    let &(last_name, last_ink, last) = ladders.last().expect("there is a network");
    let of = if ladders.len() > 1 { format!("{last_name}, ") } else { String::new() };
    let inside = format!("{of}the constant is in here");
    legend.push((Sample::Area, last_ink, &inside));
    let top = head(&mut scene, canvas, &legend);

    let values = || ladders.iter().flat_map(|(_, _, ladder)| ladder.rungs()).map(|(_, _, value)| value);
    let positive = || values().filter(|value| *value > 0.0 && value.is_finite());
    let (least, most) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
    let edge = if canvas.titled { 16.0 } else { 2.0 };
    let (left, width) = (edge + 8.0, canvas.width - 2.0 * edge - 20.0);
    let write = |value: f64, upper: bool| format!("{} {}", if upper { '≤' } else { '≥' }, bound(value, upper));
    // Room for a number to the right of the last dot.
    let texts = ladders.iter().flat_map(|(_, _, ladder)| ladder.rungs());
    let widest = texts.map(|(_, upper, value)| font::width(&write(value, upper), SMALL)).fold(0.0, f64::max);
    let stretch = width / (width - widest - 12.0);
    let logarithmic = most > 6.0 * least;
    let x = if logarithmic {
        let low = 0.7 * least;
        Scale::between_powers(low, low * (most / low).powf(stretch))
    } else {
        Scale::linear(0.0, if most > 0.0 { stretch * most } else { 1.0 })
    };
    let group = 20.0 + LINE * ladders.len() as f64 + 8.0;
    let rungs = last.rungs();
    let frame =
        Frame { left, top: top + 8.0, width, height: rungs.len() as f64 * group, x, y: Scale::linear(0.0, 1.0) };
    let kind = if logarithmic { ", logarithmic axis" } else { "" };
    let title = format!("Lipschitz constant ({} of {}{kind})", units.norm_name(), units.inputs());
    let below = frame.draw_x(&mut scene, &title, None);
    // What is infinite is where the largest finite value would be.
    let across = |value: f64| {
        let far = if value.is_finite() { left + width } else { left + width / stretch };
        // Not by `clamp`: a label wider than the chart would turn the ends over.
        if value > 0.0 { frame.at(value, 0.0).0.min(far).max(left) } else { left }
    };
    // An area that is nothing wide is seen all the same.
    const THIN: f64 = 2.0;
    let (from, to) = (across(last.ends().0), across(last.ends().1));
    let to = to.max(from + THIN);
    scene.area(vec![(from, frame.top), (to, frame.top), (to, frame.bottom()), (from, frame.bottom())], last_ink);
    for (rung, (name, upper, _)) in rungs.into_iter().enumerate() {
        let top = frame.top + group * rung as f64;
        let kind = if upper { "upper bound" } else { "lower bound" };
        scene.text((left + 4.0, top + 15.0), format!("{name} ({kind})"), SMALL, Anchor::Start, Ink::Text);
        for (row, (_, ink, ladder)) in ladders.iter().enumerate() {
            let Some((_, _, value)) = ladder.rungs().into_iter().find(|(other, _, _)| *other == name) else { continue };
            let (x, y) = (across(value), top + 20.0 + LINE * (row as f64 + 0.5));
            scene.line(vec![(left, y), (x, y)], *ink, 2.0, false);
            scene.dot((x, y), 4.5, *ink, *ink == Ink::After);
            scene.text((x + 10.0, y + 0.36 * SMALL), write(value, upper), SMALL, Anchor::Start, Ink::Text);
        }
    }
    scene.height = frame.bottom() + below;
    scene
}

/// Errors and bound of every price that was tried.
pub fn path(path: &select::Path, units: &Units<'_>, canvas: &Canvas) -> Scene {
    let chosen = path.price().map_or("none".into(), number);
    let description = format!(
        "{} on rows held out, with and without attack, and the Lipschitz bound, for {} prices; chosen: {chosen}.",
        capital(&units.loss.mean_name()),
        path.steps.len()
    );
    let mut scene = Scene::new(canvas.width, "Choosing the price λ", description);
    let legend = [
        (Sample::Dotted { filled: true }, Ink::After, "under attack, mean over the radii"),
        (Sample::Dotted { filled: false }, Ink::After, "without attack"),
        (Sample::Line { dashed: true }, Ink::Before, "before polish, under attack"),
    ];
    let top = head(&mut scene, canvas, &legend);
    let steps: Vec<(f64, &select::Judgement)> =
        path.steps.iter().filter_map(|step| step.price.map(|price| (price, step))).collect();
    let x = Scale::logarithmic(steps.iter().map(|(price, _)| *price));
    let errors = steps.iter().flat_map(|(_, step)| [step.clean, step.attacked]).chain([path.start.attacked]);
    let bounds = steps.iter().map(|(_, step)| step.lipschitz).chain([path.start.lipschitz]);
    let height = 0.62 * plot_height(canvas);
    let upper = frame(canvas, top, height, x, Scale::from_zero(errors));
    let lower = frame(canvas, upper.bottom() + 22.0, height, x, Scale::from_zero(bounds));
    let mut frames = [upper, lower];
    aligned(&mut frames);
    let [upper, lower] = frames;
    let ticks: Vec<(f64, String)> = steps.iter().rev().map(|(price, _)| (*price, number(*price))).collect();
    upper.draw_y(
        &mut scene,
        &format!(
            "{} ({})",
            units.loss.mean_name(),
            if units.standardized() { "standardized".into() } else { units.loss.units("units of the data") }
        ),
    );
    upper.draw_x(&mut scene, "", Some(ticks.iter().map(|(price, _)| (*price, String::new())).collect()));
    lower.draw_y(&mut scene, &format!("Lipschitz bound ({} of {})", units.norm_name(), units.inputs()));
    let below = lower.draw_x(&mut scene, "price λ of the Lipschitz bound (logarithmic axis)", Some(ticks));
    if let Some(price) = path.price() {
        let (x, _) = upper.at(price, 0.0);
        let label = format!("chosen: λ = {}", number(price));
        for frame in [upper, lower] {
            scene.line(vec![(x, frame.top), (x, frame.bottom())], Ink::Faint, 1.0, true);
        }
        let (at, anchor) = beside(x, &label, upper.left + upper.width);
        scene.text((at, upper.bottom() + 17.0), label, SMALL, anchor, Ink::Text);
    }
    for (frame, value) in [(upper, path.start.attacked), (lower, path.start.lipschitz)] {
        let (_, y) = frame.at(1.0, value);
        scene.line(vec![(frame.left, y), (frame.left + frame.width, y)], Ink::Before, 2.0, true);
    }
    let series = |frame: &Frame, value: &dyn Fn(&select::Judgement) -> f64| -> Vec<(f64, f64)> {
        steps.iter().map(|(price, step)| frame.at(*price, value(step))).collect()
    };
    let mut draw = |points: Vec<(f64, f64)>, filled: bool| {
        scene.line(points.clone(), Ink::After, 2.0, false);
        points.into_iter().for_each(|center| scene.dot(center, 3.5, Ink::After, filled));
    };
    draw(series(&upper, &|step| step.clean), false);
    draw(series(&upper, &|step| step.attacked), true);
    draw(series(&lower, &|step| step.lipschitz), true);
    scene.height = lower.bottom() + below;
    scene
}

/// To which side of an upright line a word goes.
fn beside(x: f64, label: &str, right: f64) -> (f64, Anchor) {
    if x + 8.0 + font::width(label, SMALL) <= right { (x + 6.0, Anchor::Start) } else { (x - 6.0, Anchor::End) }
}

/// Objective and duality gap of every iteration; `before` is the objective of the network that was given.
pub fn convergence(trace: &[Progress], before: f64, tolerance: f64, canvas: &Canvas) -> Scene {
    let gaps: Vec<(f64, f64)> = trace
        .iter()
        .enumerate()
        .filter(|(_, progress)| progress.gap.is_finite() && progress.gap > 0.0)
        .map(|(k, progress)| (k as f64, progress.gap))
        .collect();
    let reached = gaps.last().map_or("no gap".into(), |(_, gap)| format!("gap {}", number(*gap)));
    let objective = trace.last().map_or(before, |last| last.objective);
    let description = format!("{} iterations, to objective {} and {reached}.", trace.len(), number(objective));
    let mut scene = Scene::new(canvas.width, "Convergence of the polish", description);
    let wanted = format!("gap asked for, {}", number(tolerance));
    let legend = [
        (Sample::Dotted { filled: true }, Ink::After, "this iteration"),
        (Sample::Line { dashed: true }, Ink::Before, "objective before polish"),
        (Sample::Line { dashed: true }, Ink::Faint, wanted.as_str()),
    ];
    let top = head(&mut scene, canvas, &legend[..if gaps.is_empty() { 2 } else { 3 }]);
    let objectives =
        || trace.iter().map(|progress| progress.objective).chain([before]).filter(|value| value.is_finite());
    let (least, most) = (objectives().fold(f64::INFINITY, f64::min), objectives().fold(0.0, f64::max));
    let x = Scale::linear(0.0, (trace.len().max(2) - 1) as f64);
    let logarithmic = least > 0.0 && most > 20.0 * least;
    let y = if logarithmic { Scale::logarithmic(objectives()) } else { Scale::around(objectives()) };
    let height = 0.62 * plot_height(canvas);
    let upper = frame(canvas, top, height, x, y);
    let gap = Scale::logarithmic(gaps.iter().map(|(_, gap)| *gap).chain([tolerance]));
    let lower = frame(canvas, upper.bottom() + 22.0, height, x, gap);
    let mut frames = vec![upper, lower];
    if gaps.is_empty() {
        frames.pop();
    }
    aligned(&mut frames);

    let upper = frames[0];
    let title = if logarithmic { "objective (logarithmic axis)" } else { "objective" };
    upper.draw_y(&mut scene, title);
    let iteration = "iteration of the solver";
    let mut below = upper.draw_x(&mut scene, if gaps.is_empty() { iteration } else { "" }, Some(x.whole_ticks()));
    let (_, level) = upper.at(0.0, before);
    scene.line(vec![(upper.left, level), (upper.left + upper.width, level)], Ink::Before, 2.0, true);
    let finite = trace.iter().enumerate().filter(|(_, progress)| progress.objective.is_finite());
    let mut series = vec![finite.map(|(k, progress)| upper.at(k as f64, progress.objective)).collect::<Vec<_>>()];
    if let Some(lower) = frames.get(1) {
        lower.draw_y(&mut scene, "relative duality gap (logarithmic axis)");
        below = lower.draw_x(&mut scene, iteration, Some(x.whole_ticks()));
        let (_, level) = lower.at(0.0, tolerance);
        scene.line(vec![(lower.left, level), (lower.left + lower.width, level)], Ink::Faint, 2.0, true);
        series.push(gaps.iter().map(|(k, gap)| lower.at(*k, *gap)).collect());
    }
    for points in series {
        scene.line(points.clone(), Ink::After, 2.0, false);
        let radius = if points.len() > 60 { 1.5 } else { 3.0 };
        points.into_iter().for_each(|center| scene.dot(center, radius, Ink::After, true));
    }
    scene.height = frames.last().expect("there is one").bottom() + below;
    scene
}

/// Predictions against the truth, both in the units of the target; `intervals` are those of the last network, if there are any.
pub fn fit(
    truth: &[f64],
    predicted: &[(&str, Ink, &[f64])],
    intervals: &[(f64, f64)],
    units: &Units<'_>,
    canvas: &Canvas,
) -> Scene {
    let description =
        format!("Predicted against true {} of {} rows; the diagonal is perfect.", units.target, truth.len());
    let mut scene = Scene::new(canvas.width, "Predicted against true", description);
    let mut legend: Vec<(Sample, Ink, &str)> =
        predicted.iter().map(|(name, ink, _)| (Sample::Dot { filled: *ink == Ink::After }, *ink, *name)).collect();
    if !intervals.is_empty() {
        legend.push((Sample::Line { dashed: false }, Ink::After, "upright: proved within the tolerance"));
    }
    legend.push((Sample::Line { dashed: true }, Ink::Faint, "perfect"));
    let top = head(&mut scene, canvas, &legend);
    let ends = || intervals.iter().flat_map(|(lower, upper)| [*lower, *upper]).filter(|end| end.is_finite());
    let all = || truth.iter().chain(predicted.iter().flat_map(|(_, _, values)| *values)).copied().chain(ends());
    let scale = Scale::around(all());
    let frame = frame(canvas, top, 1.2 * plot_height(canvas), scale, scale);
    frame.draw_y(&mut scene, &format!("predicted {}", units.target));
    let below = frame.draw_x(&mut scene, &format!("true {}", units.target), None);
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    scene.line(vec![frame.at(low, low), frame.at(high, high)], Ink::Faint, 1.5, true);
    for (truth, (lower, upper)) in truth.iter().zip(intervals).filter(|(_, (lower, upper))| (upper - lower).is_finite())
    {
        scene.line(vec![frame.at(*truth, *lower), frame.at(*truth, *upper)], Ink::After, 1.0, false);
    }
    for (_, ink, values) in predicted {
        for (truth, value) in truth.iter().zip(*values) {
            scene.dot(frame.at(*truth, *value), 2.8, *ink, *ink == Ink::After);
        }
    }
    scene.height = frame.bottom() + below;
    scene
}
