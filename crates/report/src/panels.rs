//! Many methods on many data sets: one panel for each data set, starting network and price, all with the same methods.
//!
//! In every panel the error under attack against the radius: the median over the trials as a line, what is between the
//! quartiles as a surface behind it or, where many surfaces would hide each other, as an upright stroke at each radius, the series
//! side by side. The panels of a data set share their upright axis.

use super::axes::{Frame, RIGHT, SMALL, Scale};
use super::chart::{Canvas, Sample, head, plot_height};
use super::font;
use super::scene::{Anchor, Ink, Scene};
use tautnet::shown;
use tautnet_study::experiment::{Band, Row, Spread, arms, method};

/// What a grid of panels is about, beside its numbers.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// The title.
    pub title: &'a str,
    /// What the lower axis measures.
    pub radius: &'a str,
    /// What the upright axis measures.
    pub error: &'a str,
}

/// More series than this are drawn with strokes.
const SURFACES: usize = 3;

/// How far apart the strokes of neighbouring series are.
const APART: f64 = 2.4;

/// About so many lines behind a panel.
const LEVELS: usize = 5;

const INKS: [Ink; 6] = [Ink::Before, Ink::After, Ink::Third, Ink::Fourth, Ink::Fifth, Ink::Sixth];

/// Colour of a series, and whether its dots are filled: the first is hollow, as everything before a polish; after six the colours
/// come again with the other dots.
fn style(series: usize) -> (Ink, bool) {
    let first = series.is_multiple_of(INKS.len());
    (INKS[series % INKS.len()], first == (series >= INKS.len()))
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    names.for_each(|name| {
        if !all.contains(&name) {
            all.push(name)
        }
    });
    all
}

/// The panels: a row for each data set, a column for each starting network and price, in the order in which they come.
pub fn panels(bands: &[Band], radii: &[f64], words: &Words<'_>, canvas: &Canvas) -> Scene {
    let sets = distinct(bands.iter().map(|band| band.data.as_str()));
    let arms = arms(bands);
    let methods = distinct(bands.iter().map(|band| band.method.as_str()));
    let describe = |band: &Band| {
        let last = band.attacked.last().filter(|spread| spread.median.is_finite());
        let last = last.map_or("none".into(), |spread| shown::at_least(spread.median));
        let arm = arms.iter().find(|(first, _)| first.same_arm(band)).map_or("", |(_, title)| title);
        format!("{}, {arm}, {}: {last}", band.data, method_title(&band.method))
    };
    let at = radii.last().map_or(String::new(), |radius| format!(" at radius {}", super::axes::number(*radius)));
    let facts: Vec<String> = bands.iter().map(describe).collect();
    let description = format!("{}. Medians{at}: {}.", words.error, facts.join("; "));
    let mut scene = Scene::new(canvas.width, words.title, description);
    let titles: Vec<&str> = methods.iter().map(|name| method_title(name)).collect();
    let sample = |(k, title): (usize, &&'static str)| {
        let (ink, filled) = style(k);
        (Sample::Dotted { filled }, ink, *title)
    };
    let mut legend: Vec<(Sample, Ink, &str)> = titles.iter().enumerate().map(sample).collect();
    let strokes = methods.len() > SURFACES;
    let sample = if strokes { Sample::Line { dashed: false } } else { Sample::Area };
    legend.push((sample, Ink::Faint, if strokes { "upright: between the quartiles" } else { "between the quartiles" }));
    let mut top = head(&mut scene, canvas, &legend);
    let edge = if canvas.titled { 16.0 } else { 2.0 };
    let lines = scene.paragraph((edge, top + 12.0), words.error, SMALL, canvas.width - 2.0 * edge, Ink::Text, false);
    top += 4.0 + 1.35 * SMALL * lines as f64;

    // As many columns as there is room for; on a telephone one.
    let columns = arms.len().min(((canvas.width / 200.0) as usize).max(1));
    let height = if columns == 1 { 0.8 * plot_height(canvas) } else { 160.0 };
    let scales: Vec<Scale> = sets.iter().map(|set| upright(bands, set)).collect();
    let margin = scales.iter().map(|y| Frame::margin_of(y, LEVELS)).fold(0.0, f64::max);
    let gap = 28.0;
    let room = canvas.width - 2.0 * edge - margin - RIGHT - gap * (columns - 1) as f64;
    let width = room / columns as f64;
    let (first, last) = (radii.first().copied().unwrap_or(0.0), radii.last().copied().unwrap_or(1.0));
    // Strokes beside the first and the last radius stay inside.
    let aside = if strokes { 0.05 * (last - first) } else { 0.0 };
    let x = Scale::linear(first - aside, last + aside);
    let mut bottom = top;
    for (set, y) in sets.iter().zip(&scales) {
        for (position, (first, title)) in arms.iter().enumerate() {
            let column = position % columns;
            if column == 0 {
                top = bottom + 28.0;
            }
            let left = edge + margin + (width + gap) * column as f64;
            let frame = Frame { left, top, width, height, x, y: *y };
            frame.draw_levels(&mut scene, LEVELS, column == 0);
            frame.draw_x(&mut scene, "", None);
            scene.text((left, top - 8.0), panel_title(set, title, width), SMALL, Anchor::Start, Ink::Text);
            let own = |name: &str| {
                let same = |band: &&Band| (&*band.data, &*band.method) == (*set, name) && band.same_arm(first);
                bands.iter().find(same)
            };
            draw(&mut scene, &frame, radii, methods.iter().map(|name| own(name)), strokes);
            bottom = frame.bottom() + 24.0;
        }
    }
    for line in font::wrapped(words.radius, SMALL, canvas.width - 2.0 * edge) {
        bottom += 16.0;
        scene.text((0.5 * canvas.width, bottom), line, SMALL, Anchor::Middle, Ink::Text);
    }
    scene.height = bottom + 10.0;
    scene
}

/// One axis for all that is known of a data set.
fn upright(bands: &[Band], set: &str) -> Scale {
    let of_set = bands.iter().filter(|band| band.data == set);
    Scale::around(of_set.flat_map(|band| &band.attacked).flat_map(|spread| [spread.lower, spread.median, spread.upper]))
}

/// The series of one panel, what is between the quartiles behind all lines.
fn draw<'a>(
    scene: &mut Scene,
    frame: &Frame,
    radii: &[f64],
    series: impl ExactSizeIterator<Item = Option<&'a Band>> + Clone,
    strokes: bool,
) {
    let count = series.len();
    let aside = |k: usize| if strokes { APART * (k as f64 - 0.5 * (count - 1) as f64) } else { 0.0 };
    let places = |k: usize, band: &Band, value: &dyn Fn(&Spread) -> f64| -> Vec<(f64, f64)> {
        let known = radii.iter().zip(&band.attacked).filter(|(_, spread)| spread.median.is_finite());
        known.map(|(radius, spread)| frame.at(*radius, value(spread))).map(|(x, y)| (x + aside(k), y)).collect()
    };
    let known = || series.clone().enumerate().filter_map(|(k, band)| band.map(|band| (k, band)));
    for (k, band) in known() {
        let (ink, _) = style(k);
        let upper = places(k, band, &|spread| spread.upper);
        let lower = places(k, band, &|spread| spread.lower);
        if strokes {
            upper.into_iter().zip(lower).for_each(|(upper, lower)| scene.line(vec![upper, lower], ink, 1.0, false));
        } else {
            scene.area(upper.into_iter().chain(lower.into_iter().rev()).collect(), ink);
        }
    }
    for (k, band) in known() {
        let (ink, filled) = style(k);
        let median = places(k, band, &|spread| spread.median);
        scene.line(median.clone(), ink, 1.6, false);
        median.into_iter().for_each(|center| scene.dot(center, 2.4, ink, filled));
    }
}

/// The data set and the arm; where there is no room for both, the name of the set is cut short.
fn panel_title(set: &str, arm: &str, width: f64) -> String {
    let from = format!(", from {arm}");
    let set = font::shortened(set, SMALL, width - font::width(&from, SMALL));
    font::shortened(format!("{set}{from}").trim_start_matches(", "), SMALL, width)
}

/// What a method is called in figures.
fn method_title(name: &str) -> &'static str {
    if name == Row::BASE { "starting network" } else { method(name).map_or("unknown", |method| method.title) }
}
