//! Axes: from numbers to places on the page, with ticks that people read easily.
//!
//! ```text
//! linear   t(v) = (v − low)/(high − low)           ticks at multiples of 1, 2, 2.5 or 5 times a power of ten
//! log      t(v) = log(v/low)/log(high/low)         ticks at powers of ten, and at 2 and 5 times them where there is room
//! ```

use super::font;
use super::scene::{Anchor, Ink, Scene};
use tautnet::shown::shortened;

/// The height of the letters on axes.
pub const SMALL: f64 = 12.0;

/// Room that half of the last number of a lower axis takes beyond the frame.
pub const RIGHT: f64 = 14.0;

/// A scale: it takes values to the interval from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    /// A linear scale from `low` to `high`. A range that is empty is widened.
    pub fn linear(low: f64, high: f64) -> Self {
        let pad = if high > low { 0.0 } else { 0.5 * low.abs().max(1.0) };
        Self { low: low - pad, high: high + pad, log: false }
    }

    /// A linear scale from zero to a little above the largest of the values.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let largest = values.into_iter().filter(|v| v.is_finite()).fold(0.0, f64::max);
        if largest > 0.0 { Self::linear(0.0, 1.05 * largest) } else { Self::linear(0.0, 1.0) }
    }

    /// A linear scale of all the values with a margin; it begins at zero where that is not far.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extremes(values);
        if low >= 0.0 && low < 0.6 * high {
            return Self::from_zero([high]);
        }
        let margin = 0.06 * (high - low);
        Self::linear(low - margin, high + margin)
    }

    /// A logarithmic scale of all the positive values with a margin.
    pub fn logarithmic(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extremes(values.into_iter().filter(|value| *value > 0.0));
        let (low, high) = if low > 0.0 { (low, high) } else { (0.1, 1.0) };
        let margin = (0.06 * (high / low).ln()).max(0.1).exp();
        Self { low: low / margin, high: high * margin, log: true }
    }

    /// A logarithmic scale from one positive number to a larger one.
    pub fn between_powers(low: f64, high: f64) -> Self {
        Self { low, high, log: true }
    }

    /// The place of a value: 0 at the low end, 1 at the high one.
    pub fn place(&self, value: f64) -> f64 {
        if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Values to mark, and how they are written: about `count` of them, at most twice as many.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let count = count.max(2);
        if self.log { self.powers(count) } else { self.multiples(count) }
    }

    /// Whole numbers to mark.
    pub fn whole_ticks(&self) -> Vec<(f64, String)> {
        let whole = |ticks: &Vec<(f64, String)>| ticks.iter().all(|(value, _)| (value - value.round()).abs() < 1e-6);
        let ticks = (1..=8).rev().map(|count| self.multiples(count)).find(whole);
        ticks.unwrap_or_default().into_iter().map(|(value, _)| (value, number(value.round()))).collect()
    }

    fn multiples(&self, count: usize) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / count as f64;
        let power = raw.log10().floor();
        let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|m| m * 10f64.powf(power) >= 0.999 * raw);
        let factor = factor.unwrap_or(10.0);
        let step = factor * 10f64.powf(power);
        let (first, last) = ((self.low / step - 1e-9).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
        let values: Vec<f64> = (first..=last).map(|k| k as f64 * step).collect();
        let largest = values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        let finer = if factor == 2.5 { 1.0 } else { 0.0 };
        let decimals = (finer - (step.log10() + 1e-9).floor()).max(0.0) as usize;
        let plain = largest < 999_999.5 && decimals <= 5;
        // One power of ten for all, so that they can be compared at a glance.
        let exponent = if largest > 0.0 { largest.log10().floor() } else { 0.0 };
        let digits = (finer + exponent - (step.log10() + 1e-9).floor()).max(0.0) as usize;
        let write = |value: f64| match plain {
            true => signed(&format!("{value:.decimals$}")),
            false if value == 0.0 => "0".into(),
            false => {
                let digits = format!("{:.digits$}", value / 10f64.powf(exponent));
                format!("{}·10{}", signed(&digits), raised(&exponent.to_string()))
            }
        };
        values.into_iter().map(|value| (value, write(value))).collect()
    }

    fn powers(&self, count: usize) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let inside = |value: &f64| (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(value);
        let marks = |factors: &[f64]| -> Vec<f64> {
            (first..=last).flat_map(|k| factors.iter().map(move |m| m * 10f64.powi(k))).filter(inside).collect()
        };
        let mut values = marks(&[1.0]);
        if values.len() > count {
            let every = |stride: i32| -> Vec<f64> {
                values.iter().copied().filter(|v| (v.log10().round() as i32).rem_euclid(stride) == 0).collect()
            };
            let stride = values.len().div_ceil(count) as i32;
            values = (1..=stride).rev().map(every).find(|some| some.len() >= 2).unwrap_or_default();
        } else if values.len() < 3 {
            values = [&[1.0, 3.0][..], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]]
                .map(marks)
                .into_iter()
                .find(|values| values.len() >= 3)
                .unwrap_or(values);
        }
        if values.len() < 2 {
            let plain = Scale { log: false, ..*self };
            let positive = |count: usize| plain.multiples(count).into_iter().filter(|(v, _)| *v > 0.0).collect();
            let choices = (count.min(4)..=8).map(positive);
            return choices.reduce(|some: Vec<_>, more| if some.len() < 2 { more } else { some }).unwrap_or_default();
        }
        values.into_iter().map(|value| (value, number(value))).collect()
    }
}

fn extremes(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// A number for people, to four significant digits.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    if is_scientific(value) {
        return scientific(value);
    }
    let exponent = value.abs().log10().floor();
    let decimals = (3.0 - exponent).max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    signed(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text })
}

/// Whether a number is written with a power of ten.
fn is_scientific(value: f64) -> bool {
    value != 0.0 && value.is_finite() && !(-3.0..6.0).contains(&value.abs().log10().floor())
}

/// A number for people, to two significant digits.
pub fn rough(value: f64) -> String {
    number(format!("{value:.1e}").parse().expect("a number was written"))
}

/// A bound for people, to four significant digits, three beside a power of ten: an upper one is rounded up and a lower one
/// down, so that it stays one.
pub fn bound(value: f64, upper: bool) -> String {
    let short = shortened(value, 4, upper);
    number(if is_scientific(short) { shortened(value, 3, upper) } else { short })
}

/// 2.5·10⁻⁸.
fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let text = format!("{value:.2e}");
    let (digits, exponent) = text.split_once('e').expect("it was written with an exponent");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let raised = raised(exponent);
    match digits {
        "1" => format!("10{raised}"),
        _ => format!("{}·10{raised}", signed(digits)),
    }
}

/// The digits of an exponent, raised.
fn raised(exponent: &str) -> String {
    let digit = |character| match character {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32('⁴' as u32 + digit as u32 - '4' as u32).unwrap_or(digit),
    };
    exponent.chars().map(digit).collect()
}

/// With a minus sign in place of a hyphen.
fn signed(text: &str) -> String {
    text.replace('-', "−")
}

/// A rectangle with a scale along either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// The left edge.
    pub left: f64,
    /// The upper edge.
    pub top: f64,
    /// The width.
    pub width: f64,
    /// The height.
    pub height: f64,
    /// The scale along the lower edge.
    pub x: Scale,
    /// The scale along the left edge, upwards.
    pub y: Scale,
}

impl Frame {
    /// Where a point is on the page.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + self.x.place(x) * self.width, self.top + (1.0 - self.y.place(y)) * self.height)
    }

    /// The lower edge.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Room that the numbers of an upright axis take.
    pub fn margin(y: &Scale, height: f64) -> f64 {
        Self::margin_of(y, levels(height))
    }

    /// The same for about `count` numbers.
    pub fn margin_of(y: &Scale, count: usize) -> f64 {
        let widest = y.ticks(count).iter().map(|(_, label)| font::width(label, SMALL)).fold(0.0, f64::max);
        widest + 10.0
    }

    /// Grid of the upright axis with about `count` lines, and their numbers where they are wanted.
    pub fn draw_levels(&self, scene: &mut Scene, count: usize, numbers: bool) {
        for (value, label) in self.y.ticks(count) {
            let (_, y) = self.at(0.0, value);
            scene.line(vec![(self.left, y), (self.left + self.width, y)], Ink::Grid, 1.0, false);
            if numbers {
                scene.text((self.left - 7.0, y + 0.36 * SMALL), label, SMALL, Anchor::End, Ink::Faint);
            }
        }
    }

    /// Grid and numbers of the upright axis, and its title above it.
    pub fn draw_y(&self, scene: &mut Scene, title: &str) {
        self.draw_levels(scene, levels(self.height), true);
        // As far from the left side of the drawing as the frame is from its right side.
        let begin = scene.width - (self.left + self.width) - RIGHT;
        let title = font::shortened(title, SMALL, scene.width - begin);
        scene.text((begin, self.top - 12.0), title, SMALL, Anchor::Start, Ink::Text);
    }

    /// Grid and numbers of the lower axis, and its title below it, if it has one; `ticks` in place of those of the scale.
    /// Returns the room that this takes below the frame.
    pub fn draw_x(&self, scene: &mut Scene, title: &str, ticks: Option<Vec<(f64, String)>>) -> f64 {
        let ticks = ticks.unwrap_or_else(|| self.fitting_ticks());
        let mut free = f64::NEG_INFINITY;
        for (value, label) in ticks {
            let (x, _) = self.at(value, 0.0);
            scene.line(vec![(x, self.top), (x, self.bottom())], Ink::Grid, 1.0, false);
            let half = 0.5 * font::width(&label, SMALL);
            if half > 0.0 && x - half > free && x >= half && x + half <= scene.width {
                scene.text((x, self.bottom() + 17.0), label, SMALL, Anchor::Middle, Ink::Faint);
                free = x + half + 6.0;
            }
        }
        let ends = [(self.left, self.bottom()), (self.left + self.width, self.bottom())];
        scene.line(ends.to_vec(), Ink::Faint, 1.0, false);
        let lines = font::wrapped(title, SMALL, scene.width);
        for (k, line) in lines.iter().enumerate() {
            // Under the middle of the frame, as far as the drawing reaches.
            let half = 0.5 * font::width(line, SMALL).min(scene.width);
            let middle = (self.left + 0.5 * self.width).clamp(half, scene.width - half);
            let line = font::shortened(line, SMALL, scene.width);
            scene.text((middle, self.bottom() + 37.0 + 16.0 * k as f64), line, SMALL, Anchor::Middle, Ink::Text);
        }
        34.0 + 16.0 * lines.len() as f64
    }

    /// As many ticks as their numbers have room for side by side.
    fn fitting_ticks(&self) -> Vec<(f64, String)> {
        let fits = |ticks: &[(f64, String)]| {
            let widest = ticks.iter().map(|(_, label)| font::width(label, SMALL)).fold(0.0, f64::max);
            ticks.len() as f64 * (widest + 14.0) <= self.width
        };
        (2..=8).rev().map(|count| self.x.ticks(count)).find(|ticks| fits(ticks)).unwrap_or_else(|| self.x.ticks(2))
    }
}

/// How many lines an upright axis has room for.
fn levels(height: f64) -> usize {
    ((height / 38.0) as usize).clamp(2, 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ticks_are_few_in_order_inside_and_told_apart(low in -1e4..1e4f64, span in 1e-6..1e8f64, count in 2usize..9) {
            let scale = Scale::linear(low, low + span);
            let ticks = scale.ticks(count);
            prop_assert!(ticks.len() <= count + 1 && !ticks.is_empty(), "{ticks:?}");
            prop_assert!(ticks.iter().all(|(v, _)| (-1e-6..=1.000001).contains(&scale.place(*v))));
            prop_assert!(ticks.windows(2).all(|pair| pair[0].0 < pair[1].0));
            if span > 1e-3 * low.abs() {
                prop_assert!(ticks.windows(2).all(|pair| pair[0].1 != pair[1].1), "{ticks:?}");
            }
        }

        #[test]
        fn logarithmic_ticks_too(low in -9.0..6.0f64, decades in 0.0..12.0f64, count in 3usize..9) {
            let (low, high) = (10f64.powf(low), 10f64.powf(low + decades));
            let scale = Scale::logarithmic([low, high]);
            let ticks = scale.ticks(count);
            prop_assert!((2..=2 * count + 2).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            prop_assert!(ticks.iter().all(|(v, _)| (-1e-6..=1.000001).contains(&scale.place(*v))), "{ticks:?}");
            prop_assert!(ticks.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1), "{ticks:?}");
            prop_assert!((scale.place(low) - (1.0 - scale.place(high))).abs() < 1e-6, "the same margin on either side");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        /// What is read back is on the side on which the bound is.
        #[test]
        fn bounds_are_written_outward(mantissa in 1.0..10.0f64, exponent in -300..300i32) {
            let value: f64 = format!("{mantissa}e{exponent}").parse().unwrap();
            let plain = |c: char| match c {
                '⁻' => '-',
                '⁰' => '0',
                '¹' => '1',
                '²' => '2',
                '³' => '3',
                '⁴'..='⁹' => char::from(b'4' + (c as u32 - '⁴' as u32) as u8),
                c => c,
            };
            let read = |text: String| -> f64 {
                let text = if text.starts_with("10") && !text.contains('·') && text.chars().any(|c| plain(c) != c) {
                    format!("1·{text}")
                } else {
                    text
                };
                text.replace("·10", "e").chars().map(plain).collect::<String>().parse().unwrap()
            };
            let (below, above) = (read(bound(value, false)), read(bound(value, true)));
            prop_assert!(below <= value && value <= above, "{value}: {below} {above}");
            prop_assert!(above - below <= 0.0101 * value);
        }
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (-3.0, "−3"),
            (12345.678, "12346"),
            (0.001, "0.001"),
            (1e-8, "10⁻⁸"),
            (2.5e7, "2.5·10⁷"),
            (f64::INFINITY, "∞"),
        ] {
            assert_eq!(number(value), text);
        }
        for (value, upper, text) in
            [(1.09001, true, "1.091"), (1.09099, false, "1.09"), (0.5, true, "0.5"), (123456.0, true, "123500")]
        {
            assert_eq!(bound(value, upper), text);
        }
        let labels = |scale: Scale, count| scale.ticks(count).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(Scale::linear(0.0, 0.5), 5), ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(labels(Scale::linear(0.0, 950.0), 4), ["0", "250", "500", "750"]);
        assert_eq!(labels(Scale::linear(0.0, 1.3e7), 3), ["0", "0.5·10⁷", "1.0·10⁷"]);
        let whole =
            |most| Scale::linear(0.0, most).whole_ticks().into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(
            (whole(17.0), whole(1.0)),
            (["0", "5", "10", "15"].map(String::from).to_vec(), vec!["0".into(), "1".into()])
        );
        assert_eq!(labels(Scale::linear(0.0, 1.0), 4), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(labels(Scale::logarithmic([1e-8, 1.0]), 5), ["10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1"]);
    }

    #[test]
    fn scales_of_nothing_and_of_one_value_still_have_a_width() {
        for scale in [
            Scale::from_zero([]),
            Scale::around([2.0]),
            Scale::around([0.0, 0.0]),
            Scale::logarithmic([]),
            Scale::logarithmic([5.0]),
            Scale::around([f64::NAN, f64::INFINITY]),
        ] {
            assert!(scale.high > scale.low && scale.ticks(4).len() >= 2, "{scale:?} {:?}", scale.ticks(4));
        }
    }
}
