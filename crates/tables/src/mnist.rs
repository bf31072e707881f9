//! MNIST by name: 70 000 handwritten digits of 28 by 28 pixels, in the four idx files in which it is published.
//!
//! `mnist` is the 60 000 that are published to learn from, `mnist-test` the 10 000 to test on. `mnist:3,8` keeps two of the
//! digits, `mnist:3,8,n=600` the first 600 rows of them.

use crate::idx::{Choice, Images};
use crate::limited::read_to_end;
use crate::public_data::hexadecimal;
use sha2::{Digest, Sha256};
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::limits::Limits;

/// The folder of the files on the web.
pub const ADDRESS: &str = "https://ossci-datasets.s3.amazonaws.com/mnist";
/// What the set is, in a few words.
pub const TITLE: &str = "handwritten digits of 28 by 28 pixels (MNIST); mnist:3,8 keeps two of them, mnist:3,8,n=600 the first 600 of these";
/// Its licence.
pub const LICENCE: &str = "CC BY-SA 3.0, Y. LeCun, C. Cortes and C. Burges";
/// The names that it has, the file of the images of each, and how many they are.
pub const PARTS: [(&str, &str, usize); 2] =
    [("mnist", "train-images-idx3-ubyte", 60_000), ("mnist-test", "t10k-images-idx3-ubyte", 10_000)];

/// The files, as they are when unpacked, with their SHA-256 in hexadecimal.
pub const FILES: [(&str, &str); 4] = [
    ("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
];

/// A part of MNIST that a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The file of its images, to be found plain or as .gz.
    pub file: &'static str,
    choice: Choice,
}

/// What the name stands for, if it is one of MNIST's.
pub fn find(name: &str) -> Result<Option<Named>> {
    let (part, choice) = name.split_once(':').map_or((name, None), |(part, choice)| (part, Some(choice)));
    let Some((_, file, _)) = PARTS.iter().find(|(known, ..)| *known == part) else { return Ok(None) };
    let choice = choice.map(|choice| Choice::parse(choice, name)).transpose()?.unwrap_or_default();
    Ok(Some(Named { file, choice }))
}

impl Named {
    /// The table of it, from the file of its images; `name` is what messages call it.
    pub fn table(&self, name: &str, path: &Path, limits: &Limits) -> Result<crate::Table> {
        Images { path, target: "digit", largest: 9 }.table(name, &self.choice, limits)
    }
}

/// Refuse a file, packed with gzip, that is not the known one.
pub fn check(file: &str, packed: &[u8], limits: &Limits) -> Result<()> {
    let due = FILES.iter().find(|(name, _)| *name == file).map_or("", |(_, sum)| sum);
    let sum = hexadecimal(&Sha256::digest(read_to_end(flate2::read::MultiGzDecoder::new(packed), file, limits)?));
    if sum == due {
        return Ok(());
    }
    Err(Error::new(
        format!("{file}.gz unpacks to bytes with SHA-256 {sum} where {due} is due"),
        "the download is damaged or the server has another file; fetch it again, or from a mirror with --from",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_files_and_choices() {
        assert_eq!(find("mnist").unwrap().unwrap().file, "train-images-idx3-ubyte");
        assert_eq!(find("mnist-test:3,8").unwrap().unwrap().file, "t10k-images-idx3-ubyte");
        assert_eq!(find("mnist:1").unwrap().unwrap().choice, Choice::parse("1", "").unwrap());
        assert_eq!(find("mnists").unwrap(), None);
        assert_eq!(find("mnist:x").unwrap_err().what, "`x` in `mnist:x` is not understood");
    }

    /// The real files, where `TAUTNET_DATA` has them.
    #[test]
    fn the_published_files_are_the_known_ones() {
        let Some(folder) = std::env::var_os("TAUTNET_DATA") else {
            eprintln!("skipped: TAUTNET_DATA is not set");
            return;
        };
        let folder = Path::new(&folder).join("mnist");
        if !folder.is_dir() {
            eprintln!("skipped: {} is not here", folder.display());
            return;
        }
        for (file, _) in FILES {
            let packed = std::fs::read(folder.join(format!("{file}.gz"))).unwrap();
            check(file, &packed, &Limits::default()).unwrap();
            assert!(check(file, &packed[..packed.len() / 2], &Limits::default()).is_err());
        }
        for (name, rows) in [("mnist:3,8", 6131 + 5851), ("mnist-test", 10_000), ("mnist:3,8,n=600", 600)] {
            let named = find(name).unwrap().unwrap();
            let path = folder.join(format!("{}.gz", named.file));
            let table = named.table(name, &path, &Limits::default()).unwrap();
            assert_eq!((table.rows(), table.columns().len()), (rows, 785), "{name}");
            assert!(
                table.columns()[..784].iter().all(|c| c.range().is_some_and(|(low, high)| low >= 0.0 && high <= 1.0))
            );
        }
    }
}
