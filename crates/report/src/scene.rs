//! A chart as a list of shapes: what is drawn, where and in which role. [`svg`](super::svg) and [`raster`](super::raster) say how.
//!
//! Coordinates are in pixels of a page, the origin at the upper left. Nothing here has a colour: an [`Ink`] is a role,
//! and a page shows it in light and in dark.

use super::font;

/// What a shape stands for, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Titles and numbers.
    Text,
    /// Axis labels, and lines for reference.
    Faint,
    /// Lines behind the data.
    Grid,
    /// Facts about the network before the polish.
    Before,
    /// Facts about the network after it.
    After,
    /// A third series, where more than two are compared.
    Third,
    /// A fourth one.
    Fourth,
    /// A fifth one.
    Fifth,
    /// A sixth one.
    Sixth,
    /// What is under the drawing.
    Background,
}

impl Ink {
    /// Every role.
    pub const ALL: [Ink; 10] = [
        Ink::Text,
        Ink::Faint,
        Ink::Grid,
        Ink::Before,
        Ink::After,
        Ink::Third,
        Ink::Fourth,
        Ink::Fifth,
        Ink::Sixth,
        Ink::Background,
    ];

    /// A word for style sheets.
    pub fn name(self) -> &'static str {
        match self {
            Ink::Text => "text",
            Ink::Faint => "faint",
            Ink::Grid => "grid",
            Ink::Before => "before",
            Ink::After => "after",
            Ink::Third => "third",
            Ink::Fourth => "fourth",
            Ink::Fifth => "fifth",
            Ink::Sixth => "sixth",
            Ink::Background => "background",
        }
    }

    /// Red, green and blue on white paper.
    pub fn light(self) -> [u8; 3] {
        match self {
            Ink::Text => [0x1b, 0x1f, 0x24],
            Ink::Faint => [0x57, 0x60, 0x6a],
            Ink::Grid => [0xe1, 0xe5, 0xea],
            Ink::Before => [0xb5, 0x54, 0x00],
            Ink::After => [0x0a, 0x5f, 0xbf],
            Ink::Third => [0x1f, 0x7a, 0x3d],
            Ink::Fourth => [0x8a, 0x3a, 0xb9],
            Ink::Fifth => [0xc2, 0x25, 0x5c],
            Ink::Sixth => [0x6e, 0x60, 0x00],
            Ink::Background => [0xff, 0xff, 0xff],
        }
    }

    /// Red, green and blue in the dark.
    pub fn dark(self) -> [u8; 3] {
        match self {
            Ink::Text => [0xe6, 0xe9, 0xed],
            Ink::Faint => [0xa3, 0xac, 0xb7],
            Ink::Grid => [0x30, 0x38, 0x41],
            Ink::Before => [0xf2, 0xa2, 0x57],
            Ink::After => [0x74, 0xb4, 0xff],
            Ink::Third => [0x6f, 0xd0, 0x8c],
            Ink::Fourth => [0xd0, 0xa2, 0xf7],
            Ink::Fifth => [0xff, 0x8f, 0xb1],
            Ink::Sixth => [0xd8, 0xc8, 0x5a],
            Ink::Background => [0x15, 0x19, 0x1e],
        }
    }
}

/// How opaque an [`Shape::Area`] is.
pub const AREA_OPACITY: f64 = 0.16;

/// Which end of a text is at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centered there.
    Middle,
    /// It ends there.
    End,
}

/// One stroke, surface or word.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Straight lines from point to point.
    Line {
        /// Where.
        points: Vec<(f64, f64)>,
        /// Role.
        ink: Ink,
        /// Thickness.
        width: f64,
        /// Whether it is dashed.
        dashed: bool,
    },
    /// A surface inside a closed line, through which what is behind it shows.
    Area {
        /// Where.
        points: Vec<(f64, f64)>,
        /// Role.
        ink: Ink,
    },
    /// A dot.
    Dot {
        /// Where.
        center: (f64, f64),
        /// Radius.
        radius: f64,
        /// Role.
        ink: Ink,
        /// Filled with its ink, or with the background.
        filled: bool,
    },
    /// Words on one line; the point is on the base line.
    Text {
        /// Where.
        at: (f64, f64),
        /// What.
        text: String,
        /// Height of the type.
        size: f64,
        /// Which end is at the point.
        anchor: Anchor,
        /// Role.
        ink: Ink,
        /// Whether it is bold.
        bold: bool,
    },
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// What it is called.
    pub title: String,
    /// What it shows, for those who do not see it.
    pub description: String,
    /// From back to front.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// An empty one.
    pub fn new(width: f64, title: impl Into<String>, description: impl Into<String>) -> Self {
        Self { width, height: 0.0, title: title.into(), description: description.into(), shapes: Vec::new() }
    }

    /// Draw a line.
    pub fn line(&mut self, points: Vec<(f64, f64)>, ink: Ink, width: f64, dashed: bool) {
        self.shapes.push(Shape::Line { points, ink, width, dashed });
    }

    /// Draw a surface.
    pub fn area(&mut self, points: Vec<(f64, f64)>, ink: Ink) {
        self.shapes.push(Shape::Area { points, ink });
    }

    /// Draw a dot.
    pub fn dot(&mut self, center: (f64, f64), radius: f64, ink: Ink, filled: bool) {
        self.shapes.push(Shape::Dot { center, radius, ink, filled });
    }

    /// Write.
    pub fn text(&mut self, at: (f64, f64), text: impl Into<String>, size: f64, anchor: Anchor, ink: Ink) {
        self.shapes.push(Shape::Text { at, text: text.into(), size, anchor, ink, bold: false });
    }

    /// Write, in lines no longer than `width`; returns how many lines there are.
    pub fn paragraph(&mut self, at: (f64, f64), text: &str, size: f64, width: f64, ink: Ink, bold: bool) -> usize {
        let lines = font::wrapped(text, size, width);
        for (k, line) in lines.iter().enumerate() {
            let at = (at.0, at.1 + k as f64 * size * 1.35);
            self.shapes.push(Shape::Text { at, text: line.clone(), size, anchor: Anchor::Start, ink, bold });
        }
        lines.len()
    }
}
