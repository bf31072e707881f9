//! How wide words are, and their outlines: DejaVu Sans, a subset of which is part of the program.
//!
//! A chart is laid out by these widths wherever it is shown. The typefaces that browsers choose are narrower, so that
//! what fits here fits there.

use std::sync::OnceLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

static BYTES: &[u8] = include_bytes!("data/dejavu-sans-subset.ttf");

fn face() -> &'static Face<'static> {
    static FACE: OnceLock<Face<'static>> = OnceLock::new();
    FACE.get_or_init(|| Face::parse(BYTES, 0).expect("the font is part of the program"))
}

/// The glyph of a character; an empty box for one that the font does not have.
fn glyph(character: char) -> GlyphId {
    face().glyph_index(character).unwrap_or(GlyphId(0))
}

fn advance(glyph: GlyphId) -> f64 {
    f64::from(face().glyph_hor_advance(glyph).unwrap_or(0)) / f64::from(face().units_per_em())
}

/// Width of a text of the given size.
pub fn width(text: &str, size: f64) -> f64 {
    size * text.chars().map(|character| advance(glyph(character))).sum::<f64>()
}

/// Draw the outlines of a text of size 1 whose base line starts at the origin, y upwards: `place` is told the offset of
/// every glyph before its outline comes.
pub(super) fn outline<B: OutlineBuilder>(text: &str, builder: &mut B, mut place: impl FnMut(&mut B, f64, f64)) {
    let mut x = 0.0;
    let unit = 1.0 / f64::from(face().units_per_em());
    for character in text.chars() {
        let glyph = glyph(character);
        place(builder, x, unit);
        face().outline_glyph(glyph, builder);
        x += advance(glyph);
    }
}

/// The text in lines no wider than `width`, broken at spaces; a word that is wider has a line of its own.
pub fn wrapped(text: &str, size: f64, width_limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(" ", size) + width(word, size) <= width_limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The text, cut short with an ellipsis where it is wider than `width`.
pub fn shortened(text: &str, size: f64, width_limit: f64) -> String {
    if width(text, size) <= width_limit {
        return text.to_owned();
    }
    // What does not fit without the ellipsis does not fit with it; names can be very long.
    let mut so_far = 0.0;
    let fits = |character: &char| {
        so_far += size * advance(glyph(*character));
        so_far <= width_limit
    };
    let mut kept: Vec<char> = text.chars().take_while(fits).collect();
    kept.push(' ');
    while kept.pop().is_some() {
        let shorter: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if width(&shorter, size) <= width_limit {
            return shorter;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_charts_use_is_in_the_font() {
        for character in "λε‖·−≤≥→×²³⁻⁰¹⁴⁵⁶⁷⁸⁹√∞Åéüß`—…АЯя0aZ%".chars()
        {
            assert_ne!(glyph(character), GlyphId(0), "{character}");
        }
        assert_eq!(glyph('表'), GlyphId(0));
        assert!(width("表", 10.0) > 0.0);
    }

    #[test]
    fn words_are_measured_wrapped_and_cut() {
        assert!((width("mm", 10.0) - 2.0 * width("m", 10.0)).abs() < 1e-12);
        assert_eq!(width("a", 20.0), 2.0 * width("a", 10.0));
        let lines = wrapped("the quick brown fox jumps", 10.0, 70.0);
        assert!(lines.len() > 1 && lines.iter().all(|line| width(line, 10.0) <= 70.0), "{lines:?}");
        assert_eq!(lines.join(" "), "the quick brown fox jumps");
        let cut = shortened("a very long name of a column", 10.0, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 10.0) <= 60.0 && cut.starts_with("a ve"), "{cut}");
        assert_eq!(shortened("short", 10.0, 60.0), "short");
        assert_eq!(shortened(&"a very long name of a column ".repeat(100_000), 10.0, 60.0), cut);
        assert_eq!((shortened("mmm", 10.0, 0.0), shortened("mm  mm", 10.0, 35.0)), (String::new(), "mm…".into()));
    }
}
