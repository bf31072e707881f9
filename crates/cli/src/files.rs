//! The files of a command: as arguments, whatever text the system allows, and checked before any work is done: no two of
//! them may be one file.

use crate::output;
use clap::builder::{OsStringValueParser, TypedValueParser, ValueParser};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use tautnet::error::{Error, Result};
use tautnet_report::Chart;
use tautnet_tables::atomic::{self, Existing};
use tautnet_tables::source::{self, Source};

/// What a command reads and what it writes.
#[derive(Default)]
pub struct Files<'a> {
    read: Vec<PathBuf>,
    written: Vec<(&'a Path, Existing)>,
}

impl<'a> Files<'a> {
    /// It reads this file.
    pub fn reads(mut self, path: &Path) -> Self {
        self.read.push(path.to_owned());
        self
    }

    /// It reads this file, where one is given.
    pub fn reads_if(mut self, path: Option<&PathBuf>) -> Self {
        self.read.extend(path.cloned());
        self
    }

    /// It reads what DATA names, which may be a file.
    pub fn reads_data(mut self, data: Option<&OsString>) -> Self {
        let file = |data| file_of(data).or_else(|| images_of(data).map(|(file, _)| file)).map(Path::to_owned);
        self.read.extend(data.and_then(|data| file(data)));
        // A pattern, or a folder: what it means is told where it is opened.
        let several = data.map(Path::new).filter(|path| *path != Path::new("-") && Source::is_for(path));
        self.read.extend(several.and_then(|path| source::files(path).ok()).into_iter().flatten());
        self
    }

    /// It writes these files.
    pub fn writes(mut self, paths: impl IntoIterator<Item = &'a PathBuf>, existing: Existing) -> Self {
        self.written.extend(paths.into_iter().map(|path| (path.as_path(), existing)));
        self
    }

    /// Refuse files that could not be written, one file for two results, and a result in the place of what is read.
    pub fn check(&self) -> Result<()> {
        for (k, (path, existing)) in self.written.iter().enumerate() {
            if self.written[..k].iter().any(|(other, _)| atomic::same_file(other, path)) {
                return Err(Error::new(
                    format!("{} is given for two results", path.display()),
                    "give each result a file of its own",
                ));
            }
            atomic::check(path, *existing)?;
            if self.read.iter().any(|read| atomic::same_file(read, path)) {
                return Err(Error::new(
                    format!("{} is read and written", path.display()),
                    "give the result a file of its own",
                ));
            }
        }
        Ok(())
    }
}

/// A name and a value that were given as NAME=VALUE, where the value may be any text that the system allows.
pub fn name_and_value(text: &OsStr) -> Option<(&str, &OsStr)> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let bytes = text.as_bytes();
        let at = bytes.iter().position(|byte| *byte == b'=')?;
        Some((std::str::from_utf8(&bytes[..at]).ok()?, OsStr::from_bytes(&bytes[at + 1..])))
    }
    #[cfg(not(unix))]
    {
        text.to_str()?.split_once('=').map(|(name, value)| (name, OsStr::new(value)))
    }
}

/// A chart and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlotFile {
    /// Which one; `None` for the first that there is.
    pub chart: Option<Chart>,
    /// The file.
    pub path: PathBuf,
    /// PNG, else SVG.
    pub png: bool,
}

/// Where test rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum TestRows {
    /// A random part of DATA.
    Fraction(f64),
    /// Another table.
    File(OsString),
}

/// The file that DATA names, if it is one.
pub fn file_of(data: &OsStr) -> Option<&Path> {
    Some(Path::new(data)).filter(|path| data != "-" && path.exists())
}

/// The file of images that DATA names, and which of them, if it is both: `FILE:3,8`.
pub fn images_of(data: &OsStr) -> Option<(&Path, &str)> {
    let (file, choice) = data.to_str()?.rsplit_once(':')?;
    Some((Path::new(file), choice)).filter(|(file, _)| file.is_file())
}

/// For the charts and their files.
pub fn plot_parser() -> ValueParser {
    ValueParser::new(OsStringValueParser::new().try_map(plot))
}

/// For the file of a chart.
pub fn plot_file_parser() -> ValueParser {
    ValueParser::new(OsStringValueParser::new().try_map(|file| plot_file(&file)))
}

/// `CHART=FILE`, or a file alone for the first chart that there is.
fn plot(text: OsString) -> std::result::Result<PlotFile, String> {
    match name_and_value(&text) {
        Some((name, file)) if !name.contains(['/', '\\', '.']) => {
            let chart = name.parse().map_err(|error: Error| format!("{error}; {}", output::hint(&error)))?;
            plot_file(file).map(|plot| PlotFile { chart: Some(chart), ..plot })
        }
        _ => plot_file(&text),
    }
}

/// A file for a chart, whose name says the format.
fn plot_file(file: &OsStr) -> std::result::Result<PlotFile, String> {
    let path = PathBuf::from(file);
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("svg") => Ok(PlotFile { chart: None, path, png: false }),
        Some("png") => Ok(PlotFile { chart: None, path, png: true }),
        _ => Err("the name of the file must end in .svg or .png".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_have_a_chart_and_a_format() {
        for (text, chart, png) in [
            ("a.svg", None, false),
            ("bounds=a.PNG", Some(Chart::Bounds), true),
            ("fit=out/b=c.svg", Some(Chart::Fit), false),
            ("./x=y.svg", None, false),
        ] {
            let plot = plot(text.into()).unwrap();
            assert_eq!((plot.chart, plot.png), (chart, png), "{text}");
        }
        for text in ["", "a", "a.pdf", "fit=", "fitt=a.svg", "fit=a.jpg"] {
            assert!(plot(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_ends_at_the_first_equals_sign() {
        assert_eq!(name_and_value(OsStr::new("a=b=c")), Some(("a", OsStr::new("b=c"))));
        assert_eq!(name_and_value(OsStr::new("abc")), None);
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let text = OsStr::from_bytes(b"fit=\xff.svg");
            assert_eq!(name_and_value(text), Some(("fit", OsStr::from_bytes(b"\xff.svg"))));
        }
    }
}
