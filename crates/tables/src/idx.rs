//! Images with labels, in the idx files in which MNIST is published, plain or gzip.
//!
//! One file has the images, another one their labels, one byte each. A table of them has a row an image: the columns
//! `pixel_0`, `pixel_1`, …, line by line, from 0 (byte 0) to 1 (byte 255), and behind them the label, as a word. Images
//! that are not chosen are passed over as they are read, and take no room.

use crate::limited::{Capped, start_of, unreadable};
use crate::table::{Column, Table, Values};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};

const DAMAGED: &str = "the file is damaged or cut short; fetch or copy it again";

/// Which images are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Those with these labels; where none is given, all.
    labels: Vec<u8>,
    /// Of them the first so many.
    rows: Option<usize>,
}

impl Choice {
    /// From a text such as `3,8` or `3,8,n=600`; `name` is the whole that messages show.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let mut choice = Self::default();
        for part in text.split(',') {
            let new = match part.strip_prefix("n=") {
                Some(rows) => {
                    let rows = rows.parse().ok().filter(|&rows: &usize| rows > 0);
                    rows.is_some_and(|rows| choice.rows.replace(rows).is_none())
                }
                None => part.parse().is_ok_and(|label| {
                    choice.labels.push(label);
                    choice.labels.iter().filter(|&&other| other == label).count() == 1
                }),
            };
            if !new {
                return Err(Error::new(
                    format!("`{part}` in `{name}` is not understood"),
                    "behind the colon name the labels to keep, each once, and n, at least 1, for the first rows of them: \
                     `3,8` or `3,8,n=600`",
                ));
            }
        }
        Ok(choice)
    }

    /// The places of the images that are kept, and the labels that they may have.
    fn of(&self, labels: &[u8], name: &str) -> Result<(Vec<usize>, Vec<u8>)> {
        let there: Vec<u8> = (0..=u8::MAX).filter(|label| labels.contains(label)).collect();
        let written = |labels: &[u8]| labels.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        if let Some(missing) = self.labels.iter().find(|label| !there.contains(label)) {
            return Err(Error::new(
                format!("{name}: no image has the label {missing}"),
                format!("the labels are {}", written(&there)),
            ));
        }
        let classes = if self.labels.is_empty() { there } else { self.labels.clone() };
        let mut kept: Vec<usize> = (0..labels.len()).filter(|&k| classes.contains(&labels[k])).collect();
        if let Some(rows) = self.rows {
            if rows > kept.len() {
                return Err(Error::new(
                    format!("{name}: {rows} rows are asked for, but {} images have a label chosen", kept.len()),
                    format!("give n={} or less, or leave n out", kept.len()),
                ));
            }
            kept.truncate(rows);
        }
        Ok((kept, classes))
    }
}

/// A file of images, and how its labels are called.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    /// The file; that of the labels is found beside it.
    pub path: &'a Path,
    /// The column of the labels.
    pub target: &'a str,
    /// The largest label that there can be.
    pub largest: u8,
}

impl<'a> Images<'a> {
    /// A file of whatever images.
    pub fn new(path: &'a Path) -> Self {
        Self { path, target: "label", largest: u8::MAX }
    }

    /// The images chosen, as a table; `name` is what messages call it.
    pub fn table(&self, name: &str, choice: &Choice, limits: &Limits) -> Result<Table> {
        let labels_path = labels_of(self.path)?;
        let (images_name, labels_name) = (self.path.display().to_string(), labels_path.display().to_string());
        let mut file = open(self.path, &images_name, limits)?;
        let [count, height, width] = header(&mut file, &images_name, "images")?;
        let labels = self.labels(open(&labels_path, &labels_name, limits)?, &labels_name)?;
        if labels.len() != count {
            return Err(Error::new(
                format!("{images_name} has {count} images, but {labels_name} has {} labels", labels.len()),
                "give files that belong together",
            ));
        }
        if height == 0 || width == 0 {
            return Err(Error::new(format!("{images_name} has images of {height} by {width} pixels"), DAMAGED));
        }
        let pixels = height.saturating_mul(width);
        let (kept, classes) = choice.of(&labels, name)?;
        let columns = (pixels as u64).saturating_add(1);
        limits.check(Limit::Rows, name, kept.len() as u64)?;
        limits.check(Limit::Columns, name, columns)?;
        limits.check_cells(name, kept.len() as u64, columns)?;

        let (mut image, mut bytes) = (vec![0; pixels], Vec::new());
        let mut next = kept.iter().peekable();
        for k in 0..count {
            fill(&mut file, &mut image, &images_name, || format!("in image {} of {count}", k + 1))?;
            if next.next_if(|&&place| place == k).is_some() {
                bytes.extend_from_slice(&image);
            }
        }
        at_end(file, &images_name)?;
        let pixel = |k: usize| bytes.iter().skip(k).step_by(pixels).map(|&byte| f64::from(byte) / 255.0).collect();
        let mut columns: Vec<Column> =
            (0..pixels).map(|k| Column::new(format!("pixel_{k}"), Values::Numbers(pixel(k)))).collect();
        let mut levels: Vec<String> = classes.iter().map(u8::to_string).collect();
        levels.sort();
        let code = |place: &usize| {
            let word = labels[*place].to_string();
            levels.iter().position(|level| *level == word).map_or(0, |code| code as u32)
        };
        let codes = kept.iter().map(code).collect();
        columns.push(Column::new(self.target, Values::Words { levels, codes }));
        Table::new(name, columns)
    }

    fn labels(&self, mut file: impl Read, name: &str) -> Result<Vec<u8>> {
        let [count] = header(&mut file, name, "labels")?;
        let mut labels = Vec::new();
        file.by_ref().take(count as u64).read_to_end(&mut labels).map_err(|error| unreadable(name, &error))?;
        if labels.len() < count {
            return Err(Error::new(
                format!("{name} has {} labels, but says that it has {count}", labels.len()),
                DAMAGED,
            ));
        }
        at_end(file, name)?;
        match labels.iter().position(|label| *label > self.largest) {
            None => Ok(labels),
            Some(k) => Err(Error::new(
                format!("{name}: label {} is {}, but the largest is {}", k + 1, labels[k], self.largest),
                "the file is damaged, or holds other labels than its name says; give such a file by its path",
            )),
        }
    }
}

/// Whether a file that begins so is an idx file of any kind.
pub(crate) fn begins(start: &[u8]) -> bool {
    matches!(start, [0, 0, 8..=14, 1..=255, ..])
}

/// Whether there is such a file, plain or gzip.
pub fn is_idx(path: &Path) -> bool {
    File::open(path).and_then(|file| start_of(&file)).is_ok_and(|start| begins(&start))
}

/// The file of the labels of a file of images: `train-labels-idx1-ubyte` beside `train-images-idx3-ubyte`, either of them gzip
/// or plain.
fn labels_of(images: &Path) -> Result<PathBuf> {
    let name = images.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.strip_suffix(".gz").unwrap_or(&name).replace("images", "labels").replace("idx3", "idx1");
    let beside = [plain.clone(), format!("{plain}.gz")].map(|labels| images.with_file_name(labels));
    // A file that has no `images` in its name would find itself.
    beside.into_iter().find(|labels| labels != images && labels.is_file()).ok_or_else(|| {
        Error::new(
            format!("{}: the file of its labels is not beside it", images.display()),
            "it is named as the images are, with `labels` for `images` and `idx1` for `idx3`: \
             `train-labels-idx1-ubyte` beside `train-images-idx3-ubyte`, each plain or as .gz",
        )
    })
}

/// The bytes of a file, unpacked.
fn open<'a>(path: &Path, name: &'a str, limits: &'a Limits) -> Result<Box<dyn Read + 'a>> {
    let file = File::open(path).map_err(|error| unreadable(name, &error))?;
    let mut file = BufReader::new(Capped::new(file, name, limits));
    let packed = file.fill_buf().map_err(|error| unreadable(name, &error))?.starts_with(&[0x1f, 0x8b]);
    if !packed {
        return Ok(Box::new(file));
    }
    let unpacked = flate2::bufread::MultiGzDecoder::new(file);
    Ok(Box::new(BufReader::new(Capped::new(unpacked, name, limits))))
}

/// The sizes at the head of a file of bytes with N dimensions; `what` they are due to be.
fn header<const N: usize>(file: &mut impl Read, name: &str, what: &str) -> Result<[usize; N]> {
    let mut number = || {
        let mut bytes = [0; 4];
        fill(file, &mut bytes, name, || "in its header".into()).map(|()| bytes)
    };
    let magic = number()?;
    if magic != [0, 0, 8, N as u8] {
        let found = magic.map(|byte| format!("{byte:02x}")).join(" ");
        return Err(Error::new(
            format!("{name} begins with {found}, but an idx file of {what} begins with 00 00 08 {N:02x}"),
            "give the idx file of the images, of one byte a pixel; the file of the labels is found beside it",
        ));
    }
    let mut sizes = [0; N];
    for size in &mut sizes {
        *size = u32::from_be_bytes(number()?) as usize;
    }
    Ok(sizes)
}

/// Read so many bytes; `place` is where the file ends if it has fewer.
fn fill(file: &mut impl Read, bytes: &mut [u8], name: &str, place: impl FnOnce() -> String) -> Result<()> {
    file.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Error::new(format!("{name} ends {}", place()), DAMAGED),
        _ => unreadable(name, &error),
    })
}

fn at_end(mut file: impl Read, name: &str) -> Result<()> {
    match file.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::new(format!("{name} is longer than it says"), DAMAGED)),
        Err(error) => Err(unreadable(name, &error)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;

    /// The bytes of an idx file.
    pub(crate) fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, sizes.len() as u8];
        sizes.iter().for_each(|size| file.extend(size.to_be_bytes()));
        file.extend(bytes);
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    const IMAGES: &str = "some-images-idx3-ubyte";
    const LABELS: &str = "some-labels-idx1-ubyte";

    /// Five images of two pixels.
    fn images() -> Vec<u8> {
        idx(&[5, 1, 2], &[0, 255, 51, 102, 1, 2, 3, 4, 5, 6])
    }

    fn labels() -> Vec<u8> {
        idx(&[5], &[8, 3, 10, 3, 8])
    }

    fn folder(images: &[u8], labels: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(IMAGES), images).unwrap();
        std::fs::write(folder.path().join(LABELS), labels).unwrap();
        folder
    }

    fn read(folder: &tempfile::TempDir, choice: &str, limits: &Limits) -> Result<Table> {
        let path = folder.path().join(IMAGES);
        let choice = if choice.is_empty() { Choice::default() } else { Choice::parse(choice, "s").unwrap() };
        Images { path: &path, target: "digit", largest: 20 }.table("s", &choice, limits)
    }

    fn numbers(table: &Table, column: &str) -> Vec<f64> {
        match table.column(column).unwrap().values().unwrap() {
            Values::Numbers(numbers) => numbers.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn words(table: &Table) -> Vec<&str> {
        match table.columns().last().unwrap().values().unwrap() {
            Values::Words { levels, codes } => codes.iter().map(|code| levels[*code as usize].as_str()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn images_become_rows_and_labels_words() {
        let folder = folder(&images(), &labels());
        let all = read(&folder, "", &Limits::default()).unwrap();
        assert_eq!(
            all.columns().iter().map(|column| column.name.as_str()).collect::<Vec<_>>(),
            ["pixel_0", "pixel_1", "digit"]
        );
        assert_eq!(numbers(&all, "pixel_1"), [1.0, 0.4, 2.0 / 255.0, 4.0 / 255.0, 6.0 / 255.0]);
        assert_eq!(words(&all), ["8", "3", "10", "3", "8"]);
        let two = read(&folder, "8,3,n=3", &Limits::default()).unwrap();
        assert_eq!(numbers(&two, "pixel_0"), [0.0, 0.2, 3.0 / 255.0]);
        assert_eq!(words(&two), ["8", "3", "3"]);
        // The same by the path, and packed.
        let path = folder.path().join(IMAGES);
        let by_path = Table::read(&path, &Default::default()).unwrap();
        assert_eq!((by_path.rows(), by_path.columns()[2].name.as_str()), (5, "label"));
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(folder.path().join(LABELS), folder.path().join(format!("{LABELS}.gz"))).unwrap();
        let packed = folder.path().join(format!("{IMAGES}.gz"));
        std::fs::write(&packed, gzip(&images())).unwrap();
        assert_eq!(Table::read(&packed, &Default::default()).unwrap().columns(), by_path.columns());
        let error = Table::from_reader("s", images().as_slice(), &Default::default()).unwrap_err();
        assert!(error.what.contains("idx file") && error.hint.contains("path"), "{error:?}");
    }

    #[test]
    fn bad_files_are_refused() {
        let (good, right) = (images(), labels());
        let with = |bytes: &[u8], more: &[u8]| [bytes, more].concat();
        for (images, labels, what, hint) in [
            (right.clone(), right.clone(), "begins with 00 00 08 01, but an idx file of images begins", "beside it"),
            (with(&[0, 0, 13, 3], &good[4..]), right.clone(), "begins with 00 00 0d 03", "one byte a pixel"),
            (b"a,b\n1,2\n".to_vec(), right.clone(), "begins with 61 2c 62 0a", "idx file"),
            (good.clone(), good.clone(), "begins with 00 00 08 03, but an idx file of labels begins", "beside it"),
            (good[..19].to_vec(), right.clone(), "ends in image 2 of 5", "damaged or cut short"),
            (good[..9].to_vec(), right.clone(), "ends in its header", "damaged or cut short"),
            (Vec::new(), right.clone(), "ends in its header", "damaged or cut short"),
            (gzip(&good)[..25].to_vec(), right.clone(), "ends in ", "damaged or cut short"),
            (with(&good, &[1]), right.clone(), "is longer than it says", "damaged"),
            (good.clone(), right[..10].to_vec(), "has 2 labels, but says that it has 5", "damaged or cut short"),
            (good.clone(), with(&right, &[1]), "is longer than it says", "damaged"),
            (good.clone(), idx(&[4], &[8, 3, 10, 3]), "has 5 images, but ", "belong together"),
            (good.clone(), idx(&[5], &[8, 3, 10, 21, 8]), "label 4 is 21, but the largest is 20", "by its path"),
            (idx(&[5, 0, 2], &[]), right.clone(), "has images of 0 by 2 pixels", "damaged"),
            (idx(&[0, 1, 2], &[]), idx(&[0], &[]), "no rows", "at least one row"),
            (idx(&[5, u32::MAX, u32::MAX], &[]), right.clone(), "columns, more than the limit", "⟨limit="),
        ] {
            let error = read(&folder(&images, &labels), "", &Limits::default()).unwrap_err();
            assert!(error.what.contains(what) && error.hint.contains(hint), "{what}: {error:?}");
        }
        let folder = folder(&good, &right);
        let error = read(&folder, "3,4", &Limits::default()).unwrap_err();
        assert_eq!(
            (error.what.as_str(), error.hint.as_str()),
            ("s: no image has the label 4", "the labels are 3, 8, 10")
        );
        let error = read(&folder, "3,8,n=5", &Limits::default()).unwrap_err();
        assert_eq!(error.what, "s: 5 rows are asked for, but 4 images have a label chosen");
        assert_eq!(error.hint, "give n=4 or less, or leave n out");
        std::fs::remove_file(folder.path().join(LABELS)).unwrap();
        let error = read(&folder, "", &Limits::default()).unwrap_err();
        assert!(error.what.ends_with("the file of its labels is not beside it"), "{error:?}");
    }

    #[test]
    fn limits_count_what_is_kept() {
        let folder = folder(&images(), &labels());
        let limits = Limits { rows: 2, cells: 6, ..Limits::default() };
        assert_eq!(read(&folder, "3", &limits).unwrap().rows(), 2);
        assert!(read(&folder, "3,8", &limits).unwrap_err().what.contains("s has 4 rows, more than the limit of 2"));
        let limits = Limits { cells: 5, ..limits };
        assert!(read(&folder, "3", &limits).unwrap_err().what.contains("s has 6 cells"));
        let limits = Limits { bytes: 20, ..Limits::default() };
        assert!(read(&folder, "3", &limits).unwrap_err().what.contains("more than 20 bytes"));
        std::fs::write(folder.path().join(IMAGES), gzip(&idx(&[100_000, 1, 1], &[0; 100_000]))).unwrap();
        std::fs::write(folder.path().join(LABELS), gzip(&idx(&[100_000], &[3; 100_000]))).unwrap();
        let limits = Limits { bytes: 50_000, ..Limits::default() };
        assert!(read(&folder, "3", &limits).unwrap_err().what.contains("unpacks to, more than 50000 bytes"));
    }

    #[test]
    fn choices_are_labels_and_a_number_of_rows() {
        assert_eq!(Choice::parse("n=7", "m:n=7").unwrap(), Choice { labels: Vec::new(), rows: Some(7) });
        assert_eq!(Choice::parse("1,255", "m").unwrap(), Choice { labels: vec![1, 255], rows: None });
        for (text, part) in [
            ("", ""),
            ("3,", ""),
            ("3,x", "x"),
            ("3,3", "3"),
            ("256", "256"),
            ("-1", "-1"),
            ("n=0", "n=0"),
            ("n=1,n=2", "n=2"),
        ] {
            let error = Choice::parse(text, "mnist:…").unwrap_err();
            assert_eq!(error.what, format!("`{part}` in `mnist:…` is not understood"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            at in proptest::prelude::any::<[proptest::sample::Index; 2]>(), bytes in proptest::prelude::any::<[u8; 2]>(), cut in 0..30usize,
        ) {
            let (mut images, mut labels) = (images(), labels());
            let places = [at[0].index(images.len()), at[1].index(labels.len())];
            images[places[0]] = bytes[0];
            labels[places[1]] = bytes[1];
            images.truncate(cut.max(4));
            let _ = read(&folder(&images, &labels), "3,8", &Limits::default());
        }
    }
}
