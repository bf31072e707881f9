//! How predictions go with their inputs and with the truth: what each input does on average, and how far predictions are off.

use super::axes::{Frame, RIGHT, SMALL, Scale, number};
use super::chart::{Canvas, Sample, Units, head, plot_height};
use super::font;
use super::scene::{Anchor, Ink, Scene};
use tautnet::{Dataset, Scaler, Shallow};

/// A place of an input, and there the predictions of all rows: their mean and the quarters of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The input, in its own units.
    pub at: f64,
    /// The mean of the predictions.
    pub mean: f64,
    /// A quarter of them is below.
    pub lower: f64,
    /// A quarter of them is above.
    pub upper: f64,
}

/// What predictions do when one input is moved and the others stay as they are: the partial dependence on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependence {
    /// The input.
    pub name: String,
    /// From its least to its largest value.
    pub places: Vec<Place>,
    /// Nine values that cut the rows into tenths.
    pub tenths: Vec<f64>,
}

impl Dependence {
    /// How far the mean goes.
    fn range(&self) -> f64 {
        let means = || self.places.iter().map(|place| place.mean);
        means().fold(f64::NEG_INFINITY, f64::max) - means().fold(f64::INFINITY, f64::min)
    }
}

/// The panels of the chart.
const PANELS: usize = 6;
/// Inputs that are looked at: those that the network weighs most.
const LOOKED_AT: usize = 12;
/// Places of each.
const PLACES: usize = 25;
/// Multiplications that it may take, about.
const PRODUCTS: usize = 1_000_000_000;
/// Rows that are moved at the least.
const FEWEST_ROWS: usize = 20;

/// The partial dependence on those of the columns, which have numbers, on which the predictions of these rows depend most.
pub fn dependence(
    network: &Shallow,
    rows: &Dataset,
    columns: &[usize],
    names: &[String],
    scaler: &Scaler,
    classes: bool,
) -> Vec<Dependence> {
    let Some((v, a)) = (network.outputs() == 1).then(|| (network.v(), network.a())) else { return Vec::new() };
    let weight = |j: usize| {
        let units: f64 = (0..network.units()).map(|i| (v[i] * network.w()[(i, j)]).abs()).sum();
        units + a.map_or(0.0, |a| a[j].abs())
    };
    let mut heaviest: Vec<(f64, usize)> = columns.iter().map(|&j| (weight(j), j)).collect();
    heaviest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    heaviest.truncate(LOOKED_AT);
    let each = heaviest.len().max(1) * PLACES * network.units() * network.inputs();
    let most = (PRODUCTS / each).max(FEWEST_ROWS).min(rows.rows());
    let some: Vec<usize> = (0..most).map(|k| k * rows.rows() / most).collect();
    let target = |value: f64| if classes { value } else { scaler.target_to_user(value) };
    let of = |&(_, column): &(f64, usize)| {
        let user = |value: f64| scaler.input_mean[column] + scaler.input_scale[column] * value;
        let mut values: Vec<f64> = (0..rows.rows()).map(|k| rows.x[(k, column)]).collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        if low >= high {
            return None;
        }
        let mut x = rows.select(&some).x;
        let place = |step: usize| {
            let at = low + (high - low) * step as f64 / (PLACES - 1) as f64;
            (0..most).for_each(|k| x[(k, column)] = at);
            let mut predicted = network.predict(x.as_ref());
            predicted.sort_by(f64::total_cmp);
            let mean = predicted.iter().sum::<f64>() / most as f64;
            let quarter = |share: f64| predicted[((most - 1) as f64 * share).round() as usize];
            Place { at: user(at), mean: target(mean), lower: target(quarter(0.25)), upper: target(quarter(0.75)) }
        };
        let places = (0..PLACES).map(place).collect();
        let tenths = (1..10).map(|k| user(values[k * (values.len() - 1) / 10])).collect();
        Some(Dependence { name: names[column].clone(), places, tenths })
    };
    let mut all: Vec<Dependence> = heaviest.iter().filter_map(of).collect();
    all.sort_by(|a, b| b.range().total_cmp(&a.range()));
    all.truncate(PANELS);
    all
}

/// The title of the chart of what each input does.
pub(super) const DEPENDENCE: &str = "What the prediction does as one input moves";

/// A panel for each input, all with the same upright axis.
pub fn panels(inputs: &[Dependence], moved: &str, canvas: &Canvas) -> Scene {
    let fact = |input: &Dependence| {
        let (first, last) = (input.places.first(), input.places.last());
        let (Some(first), Some(last)) = (first, last) else { return input.name.clone() };
        let numbers = [first.mean, last.mean, first.at, last.at].map(number);
        format!("{}: from {} to {} between {} and {}", input.name, numbers[0], numbers[1], numbers[2], numbers[3])
    };
    let facts: Vec<String> = inputs.iter().map(fact).collect();
    let description = format!("The mean of {moved} over the rows while one input moves. {}.", facts.join("; "));
    let mut scene = Scene::new(canvas.width, DEPENDENCE, description);
    let legend = [
        (Sample::Line { dashed: false }, Ink::After, "mean over the rows"),
        (Sample::Area, Ink::After, "half of the rows"),
        (Sample::Line { dashed: false }, Ink::Faint, "short marks: tenths of the rows"),
    ];
    let mut top = head(&mut scene, canvas, &legend);
    let edge = if canvas.titled { 16.0 } else { 2.0 };
    let title = font::shortened(&format!("predicted {moved}"), SMALL, canvas.width - 2.0 * edge);
    scene.text((edge, top + 12.0), title, SMALL, Anchor::Start, Ink::Text);
    top += 16.0;
    let y = Scale::around(
        inputs.iter().flat_map(|input| &input.places).flat_map(|place| [place.lower, place.mean, place.upper]),
    );
    const LEVELS: usize = 4;
    let columns = inputs.len().min(((canvas.width / 230.0) as usize).max(1));
    let height = if columns == 1 { 0.6 * plot_height(canvas) } else { 150.0 };
    let (margin, gap) = (Frame::margin_of(&y, LEVELS), 30.0);
    let room = canvas.width - 2.0 * edge - margin - RIGHT - gap * (columns - 1) as f64;
    let width = room / columns as f64;
    let mut bottom = top;
    for (position, input) in inputs.iter().enumerate() {
        let column = position % columns;
        if column == 0 {
            top = bottom + 28.0;
        }
        let x = Scale::linear(input.places[0].at, input.places[input.places.len() - 1].at);
        let frame = Frame { left: edge + margin + (width + gap) * column as f64, top, width, height, x, y };
        frame.draw_levels(&mut scene, LEVELS, column == 0);
        // A number stays nearer to its own panel than to the next one.
        let near = |(value, label): &(f64, String)| {
            let (middle, half) = (frame.at(*value, 0.0).0, 0.5 * font::width(label, SMALL));
            middle - half >= frame.left - 0.4 * gap && middle + half <= frame.left + width + 0.4 * gap
        };
        frame.draw_x(&mut scene, "", Some(x.ticks(3).into_iter().filter(near).collect()));
        let name = font::shortened(&input.name, SMALL, width);
        scene.text((frame.left, top - 8.0), name, SMALL, Anchor::Start, Ink::Text);
        let line = |value: &dyn Fn(&Place) -> f64| -> Vec<(f64, f64)> {
            input.places.iter().map(|place| frame.at(place.at, value(place))).collect()
        };
        let band = line(&|place| place.lower).into_iter().chain(line(&|place| place.upper).into_iter().rev());
        scene.area(band.collect(), Ink::After);
        scene.line(line(&|place| place.mean), Ink::After, 2.0, false);
        for tenth in &input.tenths {
            let (x, _) = frame.at(*tenth, 0.0);
            scene.line(vec![(x, frame.bottom()), (x, frame.bottom() - 6.0)], Ink::Faint, 1.0, false);
        }
        bottom = frame.bottom() + 24.0;
    }
    scene.height = bottom + 4.0;
    scene
}

/// How far predictions are off against what they say, in the units of the target; `intervals` hold the predictions of the result within
/// the tolerance, if there are any.
pub fn residuals(
    truth: &[f64],
    (name, predicted): (&str, &[f64]),
    intervals: &[(f64, f64)],
    units: &Units<'_>,
    canvas: &Canvas,
) -> Scene {
    let residuals: Vec<f64> = predicted.iter().zip(truth).map(|(predicted, truth)| predicted - truth).collect();
    let mut sorted: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    sorted.sort_by(f64::total_cmp);
    let share =
        |part: f64| sorted.get(((part * sorted.len() as f64).ceil() as usize).max(1) - 1).copied().unwrap_or(0.0);
    let (half, most) = (share(0.5), share(0.9));
    let description = format!(
        "Predicted minus true {} of {} rows against the prediction; half of the rows are off by at most {}, nine of ten by at most {}.",
        units.target,
        truth.len(),
        number(half),
        number(most)
    );
    let mut scene = Scene::new(canvas.width, "How far predictions are off", description);
    let inside = format!("nine of ten rows: off by at most {}", number(most));
    let mut legend = vec![(Sample::Dot { filled: true }, Ink::After, name)];
    if !intervals.is_empty() {
        legend.push((Sample::Line { dashed: false }, Ink::After, "upright: proved within the tolerance"));
    }
    legend.push((Sample::Line { dashed: true }, Ink::Faint, inside.as_str()));
    let top = head(&mut scene, canvas, &legend);
    let ends: Vec<(f64, f64)> =
        intervals.iter().zip(truth).map(|((lower, upper), truth)| (lower - truth, upper - truth)).collect();
    let reach = ends.iter().flat_map(|(lower, upper)| [*lower, *upper]).filter(|end| end.is_finite());
    let y = Scale::around(residuals.iter().copied().chain(reach).chain([0.0, most, -most]));
    let x = Scale::around(predicted.iter().copied());
    let edge = if canvas.titled { 16.0 } else { 2.0 };
    let height = plot_height(canvas);
    let left = edge + Frame::margin(&y, height);
    let frame = Frame { left, top: top + 26.0, width: canvas.width - left - edge - RIGHT, height, x, y };
    frame.draw_y(&mut scene, &format!("predicted minus true {}", units.target));
    let below = frame.draw_x(&mut scene, &format!("predicted {}", units.target), None);
    let mut level = |value: f64, dashed: bool| {
        let (_, y) = frame.at(0.0, value);
        scene.line(vec![(frame.left, y), (frame.left + frame.width, y)], Ink::Faint, 1.5, dashed);
    };
    level(0.0, false);
    level(most, true);
    level(-most, true);
    for (predicted, (lower, upper)) in
        predicted.iter().zip(&ends).filter(|(_, (lower, upper))| (upper - lower).is_finite())
    {
        scene.line(vec![frame.at(*predicted, *lower), frame.at(*predicted, *upper)], Ink::After, 1.0, false);
    }
    for (predicted, residual) in predicted.iter().zip(&residuals) {
        scene.dot(frame.at(*predicted, *residual), 2.8, Ink::After, true);
    }
    scene.height = frame.bottom() + below;
    scene
}
