//! A [`Scene`] as SVG: on its own, or inside a page whose style sheet gives the inks their colours.

use super::scene::{AREA_OPACITY, Anchor, Ink, Scene, Shape};
use std::fmt::Write;

/// Text with the characters replaced that mean something else in XML and HTML; control characters and turns of the
/// direction of writing are left out.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            command if tautnet::printable::is_command(command) => {}
            other => safe.push(other),
        }
    }
    safe
}

/// The rules that give every ink its colour.
pub fn colours(colour: impl Fn(Ink) -> [u8; 3]) -> String {
    let mut rules = String::new();
    for ink in Ink::ALL {
        let ([r, g, b], name) = (colour(ink), ink.name());
        let _ =
            write!(rules, ".{name}-line{{stroke:#{r:02x}{g:02x}{b:02x}}}.{name}-fill{{fill:#{r:02x}{g:02x}{b:02x}}}");
    }
    rules
}

/// A file of its own: black on white, its colours within.
pub fn document(scene: &Scene) -> String {
    let style = format!(
        "<style>text{{font-family:\"DejaVu Sans\",Verdana,sans-serif}}{}</style>\
         <rect class=\"background-fill\" width=\"100%\" height=\"100%\"/>\n",
        colours(Ink::light)
    );
    let (width, height) = (short(scene.width), short(scene.height));
    let size = format!("xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\"");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", element(scene, "chart", &size, &style))
}

/// A part of a page. `id` names its title and description there.
pub fn inline(scene: &Scene, id: &str, class: &str) -> String {
    element(scene, id, &format!("class=\"{class}\""), "")
}

fn element(scene: &Scene, id: &str, attributes: &str, style: &str) -> String {
    let mut svg = format!(
        "<svg {attributes} viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title {id}-description\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-description\">{}</desc>\n{style}",
        short(scene.width),
        short(scene.height),
        escaped(&scene.title),
        escaped(&scene.description),
    );
    scene.shapes.iter().for_each(|shape| write_shape(&mut svg, shape));
    svg.push_str("</svg>\n");
    svg
}

fn write_shape(svg: &mut String, shape: &Shape) {
    let list = |points: &[(f64, f64)]| {
        points.iter().map(|(x, y)| format!("{},{}", short(*x), short(*y))).collect::<Vec<_>>().join(" ")
    };
    let _ = match shape {
        Shape::Line { points, ink, width, dashed } => writeln!(
            svg,
            "<polyline class=\"{}-line\" fill=\"none\" stroke-width=\"{}\" stroke-linejoin=\"round\"{} points=\"{}\"/>",
            ink.name(),
            short(*width),
            if *dashed { " stroke-dasharray=\"6 4\"" } else { "" },
            list(points)
        ),
        Shape::Area { points, ink } => writeln!(
            svg,
            "<polygon class=\"{}-fill\" fill-opacity=\"{AREA_OPACITY}\" points=\"{}\"/>",
            ink.name(),
            list(points)
        ),
        Shape::Dot { center: (x, y), radius, ink, filled } => writeln!(
            svg,
            "<circle class=\"{0}-line {1}-fill\" stroke-width=\"1.4\" cx=\"{2}\" cy=\"{3}\" r=\"{4}\"/>",
            ink.name(),
            if *filled { ink.name() } else { Ink::Background.name() },
            short(*x),
            short(*y),
            short(*radius)
        ),
        Shape::Text { at: (x, y), text, size, anchor, ink, bold } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            writeln!(
                svg,
                "<text class=\"{}-fill\" x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{anchor}\"{}>{}</text>",
                ink.name(),
                short(*x),
                short(*y),
                short(*size),
                if *bold { " font-weight=\"bold\"" } else { "" },
                escaped(text)
            )
        }
    };
}

/// A coordinate to a hundredth of a pixel, without needless zeros.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_tables_cannot_break_out_of_the_text() {
        let mut scene = Scene::new(100.0, "a < b & \"c\"", "d");
        scene.height = 50.0;
        scene.text((1.0, 2.0), "</text><script>alert('x')</script>\u{1}", 12.0, Anchor::Start, Ink::Text);
        for svg in [document(&scene), inline(&scene, "chart", "wide")] {
            assert!(!svg.contains("<script") && svg.contains("&lt;/text&gt;&lt;script&gt;"), "{svg}");
            assert!(svg.contains("<title id=\"chart-title\">a &lt; b &amp; &quot;c&quot;</title>"), "{svg}");
            assert!(!svg.contains('\u{1}'));
        }
    }

    #[test]
    fn coordinates_are_short() {
        for (value, text) in [(1.0, "1"), (0.125, "0.13"), (-0.001, "0"), (10.5, "10.5"), (100.0, "100")] {
            let rounded = short(value);
            assert!(rounded == text || (value == 0.125 && rounded == "0.12"), "{rounded}");
        }
    }
}
