//! A [`Scene`] as a PNG picture: two pixels for one of the scene, on white.

use super::font;
use super::scene::{AREA_OPACITY, Anchor, Ink, Scene, Shape};
use flate2::{Compression, Crc, write::ZlibEncoder};
use std::io::Write;
use tiny_skia::{Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};
use ttf_parser::OutlineBuilder;

/// Pixels of the picture for one of the scene.
const SCALE: f64 = 2.0;

/// The bytes of a PNG file.
pub fn png(scene: &Scene) -> Vec<u8> {
    let size = |length: f64| ((length * SCALE).round() as u32).max(1);
    let mut pixels = Pixmap::new(size(scene.width), size(scene.height)).expect("a chart has a size");
    pixels.fill(colour(Ink::Background, 1.0));
    scene.shapes.iter().for_each(|shape| draw(&mut pixels, shape));
    encode(&pixels)
}

fn colour(ink: Ink, opacity: f64) -> Color {
    let [r, g, b] = ink.light();
    Color::from_rgba8(r, g, b, (255.0 * opacity).round() as u8)
}

fn paint(ink: Ink, opacity: f64) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(colour(ink, opacity));
    paint
}

fn draw(pixels: &mut Pixmap, shape: &Shape) {
    let transform = Transform::from_scale(SCALE as f32, SCALE as f32);
    let fill = |pixels: &mut Pixmap, path: &Path, ink, opacity| {
        pixels.fill_path(path, &paint(ink, opacity), FillRule::Winding, transform, None);
    };
    let stroke = |pixels: &mut Pixmap, path: &Path, ink, width: f64, dashed: bool| {
        let dash = if dashed { StrokeDash::new(vec![6.0, 4.0], 0.0) } else { None };
        let stroke = Stroke {
            width: width as f32,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash,
            ..Stroke::default()
        };
        pixels.stroke_path(path, &paint(ink, 1.0), &stroke, transform, None);
    };
    match shape {
        Shape::Line { points, ink, width, dashed } => {
            if let Some(path) = polygon(points, false) {
                stroke(pixels, &path, *ink, *width, *dashed);
            }
        }
        Shape::Area { points, ink } => {
            if let Some(path) = polygon(points, true) {
                fill(pixels, &path, *ink, AREA_OPACITY);
            }
        }
        Shape::Dot { center: (x, y), radius, ink, filled } => {
            if let Some(path) = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32) {
                fill(pixels, &path, if *filled { *ink } else { Ink::Background }, 1.0);
                stroke(pixels, &path, *ink, 1.4, false);
            }
        }
        Shape::Text { at, text, size, anchor, ink, bold } => {
            let shift = match anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => -0.5 * font::width(text, *size),
                Anchor::End => -font::width(text, *size),
            };
            let mut outline = Outline { path: PathBuilder::new(), x: at.0 + shift, y: at.1, unit: 0.0, offset: 0.0 };
            font::outline(text, &mut outline, |outline, offset, unit| {
                (outline.offset, outline.unit) = (offset * size, unit * size);
            });
            if let Some(path) = outline.path.finish() {
                fill(pixels, &path, *ink, 1.0);
                if *bold {
                    stroke(pixels, &path, *ink, 0.05 * size, false);
                }
            }
        }
    }
}

fn polygon(points: &[(f64, f64)], closed: bool) -> Option<Path> {
    let (first, others) = points.split_first()?;
    let mut path = PathBuilder::new();
    path.move_to(first.0 as f32, first.1 as f32);
    others.iter().for_each(|(x, y)| path.line_to(*x as f32, *y as f32));
    if closed {
        path.close();
    }
    path.finish()
}

/// Turns the outlines of glyphs, y upwards and in the font's units, into a path of the scene.
struct Outline {
    path: PathBuilder,
    x: f64,
    y: f64,
    unit: f64,
    offset: f64,
}

impl Outline {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (f64::from(x) * self.unit, f64::from(y) * self.unit);
        ((self.x + self.offset + x) as f32, (self.y - y) as f32)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

/// PNG: signature, header, one stream of rows without filters, end. The picture is opaque, so that red, green and blue
/// are all there is.
fn encode(pixels: &Pixmap) -> Vec<u8> {
    let (width, height) = (pixels.width(), pixels.height());
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]); // eight bits a channel, three channels
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in pixels.data().chunks_exact(4 * width as usize) {
        let mut line = vec![0];
        row.chunks_exact(4).for_each(|pixel| line.extend(&pixel[..3]));
        rows.write_all(&line).expect("memory takes what is written to it");
    }
    let rows = rows.finish().expect("memory takes what is written to it");
    // 192 dots an inch, in dots a metre.
    let mut density = Vec::new();
    density.extend(7559u32.to_be_bytes());
    density.extend(7559u32.to_be_bytes());
    density.push(1);

    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in [(b"IHDR", &header), (b"pHYs", &density), (b"IDAT", &rows), (b"IEND", &Vec::new())] {
        let mut check = Crc::new();
        check.update(name);
        check.update(content);
        file.extend((content.len() as u32).to_be_bytes());
        file.extend(name);
        file.extend(content);
        file.extend(check.sum().to_be_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use std::io::Read;

    /// Rows of red, green and blue, read back from the file.
    fn decoded(png: &[u8]) -> (usize, Vec<Vec<u8>>) {
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        let (mut at, mut width, mut data) = (8, 0, Vec::new());
        while at < png.len() {
            let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
            let (name, content) = (&png[at + 4..at + 8], &png[at + 8..at + 8 + length]);
            let mut check = Crc::new();
            check.update(&png[at + 4..at + 8 + length]);
            assert_eq!(png[at + 8 + length..at + 12 + length], check.sum().to_be_bytes());
            match name {
                b"IHDR" => width = u32::from_be_bytes(content[..4].try_into().unwrap()) as usize,
                b"IDAT" => data.extend(content),
                _ => {}
            }
            at += 12 + length;
        }
        let mut bytes = Vec::new();
        ZlibDecoder::new(&data[..]).read_to_end(&mut bytes).unwrap();
        (width, bytes.chunks_exact(1 + 3 * width).map(|row| row[1..].to_vec()).collect())
    }

    #[test]
    fn what_is_drawn_is_in_the_picture_and_text_shows() {
        let mut scene = Scene::new(60.0, "t", "d");
        scene.height = 40.0;
        let blank = decoded(&png(&scene));
        assert_eq!((blank.0, blank.1.len()), (120, 80));
        assert!(blank.1.iter().flatten().all(|channel| *channel == 255));

        scene.dot((10.0, 10.0), 4.0, Ink::After, true);
        scene.line(vec![(0.0, 30.0), (60.0, 30.0)], Ink::Before, 2.0, false);
        scene.text((40.0, 20.0), "λ8", 12.0, Anchor::Middle, Ink::Text);
        let (_, rows) = decoded(&png(&scene));
        let pixel = |x: usize, y: usize| [rows[y][3 * x], rows[y][3 * x + 1], rows[y][3 * x + 2]];
        assert_eq!(pixel(20, 20), Ink::After.light());
        assert_eq!(pixel(60, 60), Ink::Before.light());
        let dark = |range: std::ops::Range<usize>| {
            (20..42).flat_map(|y| range.clone().map(move |x| (x, y))).filter(|(x, y)| pixel(*x, *y)[0] < 100).count()
        };
        let half = (2.0 * font::width("λ8", 12.0) / 2.0) as usize;
        assert!(dark(80 - half..80) > 30 && dark(80..80 + half) > 30, "both letters are there");
        assert_eq!(dark(80 + half + 2..120) + dark(40..80 - half - 2), 0, "and where they are meant to be");
    }
}
