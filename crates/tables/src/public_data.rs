//! Public data sets by name: where they are published, and how the published file becomes a plain CSV.
//!
//! The archives pack their files anew from time to time, so a checksum of the download would say nothing about the
//! data. What is checked is the result: the columns in our order, numbers in their shortest decimal form, words
//! trimmed, one header. These bytes are the same wherever the numbers are.

use crate::zip_archive;
use sha2::{Digest, Sha256};
use tautnet::error::{Error, Result};
use tautnet::limits::Limits;

/// The address of the archive.
pub const ARCHIVE: &str = "https://archive.ics.uci.edu/static/public";

/// A public data set that can be fetched.
#[derive(Debug, PartialEq, Eq)]
pub struct PublicSet {
    /// The name of the set, which is that of its CSV file.
    pub name: &'static str,
    /// What the set is, in a few words.
    pub title: &'static str,
    /// The number of rows.
    pub rows: usize,
    /// Column names; the last one is the target.
    pub columns: &'static [&'static str],
    /// Columns that are targets too, and no inputs.
    pub other_targets: &'static [&'static str],
    /// The path of its zip archive, below [`ARCHIVE`].
    pub archive: &'static str,
    /// SHA-256 of the CSV file, in hexadecimal.
    pub sha256: &'static str,
    layout: Layout,
}

/// How the published file is laid out.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    member: &'static str,
    /// `' '` is any run of white space.
    delimiter: char,
    /// Lines before the data.
    skip: usize,
    /// For each of our columns, which published field it is.
    fields: &'static [usize],
}

/// The licence of every set.
pub const LICENCE: &str = "CC BY 4.0, UCI Machine Learning Repository";

const WINE: &[&str] = &[
    "fixed_acidity",
    "volatile_acidity",
    "citric_acid",
    "residual_sugar",
    "chlorides",
    "free_sulfur_dioxide",
    "total_sulfur_dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
    "target",
];

/// Every set, by name.
pub const SETS: &[PublicSet] = &[
    PublicSet {
        name: "abalone",
        title: "rings of abalone shells (Abalone)",
        rows: 4177,
        columns: &[
            "sex",
            "length",
            "diameter",
            "height",
            "whole_weight",
            "shucked_weight",
            "viscera_weight",
            "shell_weight",
            "target",
        ],
        other_targets: &[],
        archive: "1/abalone.zip",
        sha256: "dd6df40bb81354b36f4a898c34f31de9b450dbf1d1243e690dbafc3b3df856b0",
        layout: Layout { member: "abalone.data", delimiter: ',', skip: 0, fields: &[0, 1, 2, 3, 4, 5, 6, 7, 8] },
    },
    PublicSet {
        name: "machine",
        title: "relative performance of computers (Computer Hardware); built in",
        rows: 209,
        columns: &["MYCT", "MMIN", "MMAX", "CACH", "CHMIN", "CHMAX", "target"],
        other_targets: &[],
        archive: "29/computer+hardware.zip",
        sha256: "5dea3d6a6b6f8dca9dd47c70510e61466c47b6ee3eba02d3852de75da10b07f1",
        layout: Layout { member: "machine.data", delimiter: ',', skip: 0, fields: &[2, 3, 4, 5, 6, 7, 8] },
    },
    PublicSet {
        name: "protein",
        title: "deviation of protein structures (Physicochemical Properties of Protein Tertiary Structure)",
        rows: 45730,
        columns: &["F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "target"],
        other_targets: &[],
        archive: "265/physicochemical+properties+of+protein+tertiary+structure.zip",
        sha256: "14c5fa967ca0df99746241cdab4e36ea93050420cfefe1c9eb8f28fa6b362738",
        layout: Layout { member: "CASP.csv", delimiter: ',', skip: 1, fields: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 0] },
    },
    PublicSet {
        name: "servo",
        title: "rise time of a servomechanism (Servo)",
        rows: 167,
        columns: &["motor", "screw", "pgain", "vgain", "target"],
        other_targets: &[],
        archive: "87/servo.zip",
        sha256: "660459b8842b2aec765a74c63edcc534ac63fb7411c62bdd773b5cf4f4ec9e88",
        layout: Layout { member: "servo.data", delimiter: ',', skip: 0, fields: &[0, 1, 2, 3, 4] },
    },
    PublicSet {
        name: "solar_flare",
        title: "solar flares of class C in the next 24 hours, of M and X as other targets (Solar Flare, second file)",
        rows: 1066,
        columns: &[
            "zurich_class",
            "largest_spot_size",
            "spot_distribution",
            "activity",
            "evolution",
            "prev_24h_activity",
            "historically_complex",
            "became_complex",
            "area",
            "largest_spot_area",
            "target_c",
            "target_m",
            "target_x",
        ],
        other_targets: &["target_m", "target_x"],
        archive: "89/solar+flare.zip",
        sha256: "830502c7a40afae3c9b53d41f83619d244304329d211f9a7063ee8b5a401799f",
        layout: Layout {
            member: "flare.data2",
            delimiter: ' ',
            skip: 1,
            fields: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        },
    },
    PublicSet {
        name: "wine_quality_red",
        title: "quality of red wines (Wine Quality)",
        rows: 1599,
        columns: WINE,
        other_targets: &[],
        archive: "186/wine+quality.zip",
        sha256: "e0633ad75a12cf66420a74a95dbae5b3c92f5beb87c3a64e88389102faff50f2",
        layout: Layout {
            member: "winequality-red.csv",
            delimiter: ';',
            skip: 1,
            fields: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        },
    },
    PublicSet {
        name: "wine_quality_white",
        title: "quality of white wines (Wine Quality)",
        rows: 4898,
        columns: WINE,
        other_targets: &[],
        archive: "186/wine+quality.zip",
        sha256: "9497e3de74a5a70191bf1391e78b8c57d85a429a6d3d5d18b8c3b3a4259050a5",
        layout: Layout {
            member: "winequality-white.csv",
            delimiter: ';',
            skip: 1,
            fields: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        },
    },
];

/// The set of this name; `solar`, `wine_red` and `wine_white` are short for theirs, and `-` does for `_`.
pub fn find(name: &str) -> Option<&'static PublicSet> {
    let name = name.replace('-', "_");
    let name = match name.as_str() {
        "solar" => "solar_flare",
        "wine_red" => "wine_quality_red",
        "wine_white" => "wine_quality_white",
        name => name,
    };
    SETS.iter().find(|set| set.name == name)
}

impl PublicSet {
    /// The target: the last column that is not another target.
    pub fn target(&self) -> &'static str {
        let own = |column: &&&str| !self.other_targets.contains(column);
        self.columns.iter().rfind(own).expect("every set has a target")
    }

    /// The CSV file from the bytes of the published archive, checked.
    pub fn csv_from_archive(&self, archive: &[u8]) -> Result<String> {
        self.csv_from_archive_within(archive, &Limits::default())
    }

    /// The same, but no more is read than the limits allow.
    pub fn csv_from_archive_within(&self, archive: &[u8], limits: &Limits) -> Result<String> {
        let text = zip_archive::member(archive, self.layout.member, limits)?;
        let csv = self.csv_from_text(&String::from_utf8_lossy(&text))?;
        self.check(csv.as_bytes())?;
        Ok(csv)
    }

    /// Refuse a CSV file that is not the known one.
    pub fn check(&self, csv: &[u8]) -> Result<()> {
        let sum = hexadecimal(&Sha256::digest(csv));
        if sum == self.sha256 {
            return Ok(());
        }
        Err(Error::new(
            format!("the data of `{}` have SHA-256 {sum} where {} is due", self.name, self.sha256),
            "the download is damaged or the archive has changed its numbers; fetch it again",
        ))
    }

    fn csv_from_text(&self, text: &str) -> Result<String> {
        let layout = &self.layout;
        let mut csv = self.columns.join(",");
        csv.push('\n');
        for (k, line) in text.lines().enumerate().skip(layout.skip).filter(|(_, line)| !line.trim().is_empty()) {
            let fields: Vec<&str> = match layout.delimiter {
                ' ' => line.split_whitespace().collect(),
                delimiter => line.split(delimiter).map(str::trim).collect(),
            };
            let mut row = Vec::with_capacity(layout.fields.len());
            for &field in layout.fields {
                let field = fields.get(field).ok_or_else(|| {
                    Error::new(
                        format!("{}: line {} has {} fields", layout.member, k + 1, fields.len()),
                        "the archive has changed the file; unpack it yourself, and give the table by its path",
                    )
                })?;
                row.push(field.parse::<f64>().map_or_else(|_| (*field).to_owned(), |number| number.to_string()));
            }
            csv.push_str(&row.join(","));
            csv.push('\n');
        }
        Ok(csv)
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_layouts_become_plain_tables() {
        for (name, text, second_line) in [
            ("servo", "E,E,5,4,0.28125095\n", "E,E,5,4,0.28125095"),
            ("machine", "adviser,32/60,125,256,6000,256,16,128,198,199\n\n", "125,256,6000,256,16,128,198"),
            ("solar", "*** a remark\nH A X 1 3 1 1 1 1 1 0 0 0 \n", "H,A,X,1,3,1,1,1,1,1,0,0,0"),
            (
                "wine-red",
                "\"fixed acidity\";…\n7.4;0.70;0;1.9;.076;11;34;.9978;3.51;.56;9.4;5\r\n",
                "7.4,0.7,0,1.9,0.076,11,34,0.9978,3.51,0.56,9.4,5",
            ),
            ("protein", "RMSD,F1\n17.284,1,2,3,4,1.8e6,6,7,8,9\n", "1,2,3,4,1800000,6,7,8,9,17.284"),
        ] {
            let set = find(name).unwrap();
            let csv = set.csv_from_text(text).unwrap();
            assert_eq!(csv.lines().collect::<Vec<_>>(), [set.columns.join(",").as_str(), second_line]);
            assert!(set.check(csv.as_bytes()).is_err(), "one row is not the set");
        }
        assert!(find("servo").unwrap().csv_from_text("E,E\n").is_err());
    }

    #[test]
    fn the_archive_of_a_set_gives_its_checked_table() {
        // The published layout, rebuilt around the rows that are compiled in.
        let rows = include_str!("data/machine.csv").lines().skip(1);
        let published: String = rows.map(|row| format!("vendor,model,{row},0\n")).collect();
        let set = find("machine").unwrap();
        let archive = zip_archive::tests::archive(&[("machine.data", published.as_bytes()), ("Index", b"")]);
        assert_eq!(set.csv_from_archive(&archive).unwrap(), include_str!("data/machine.csv"));
        let other = published.replace("6000", "6001");
        let archive = zip_archive::tests::archive(&[("machine.data", other.as_bytes())]);
        assert!(set.csv_from_archive(&archive).unwrap_err().what.contains("have SHA-256"));
    }

    #[test]
    fn the_catalogue_is_sorted_and_consistent() {
        assert!(SETS.is_sorted_by_key(|set| set.name));
        for set in SETS {
            assert_eq!(set.columns.len(), set.layout.fields.len(), "{}", set.name);
            assert!(set.other_targets.iter().all(|target| set.columns.contains(target)));
            assert_eq!(set.sha256.len(), 64);
        }
        assert_eq!(find("solar").unwrap().target(), "target_c");
        assert_eq!(find("boston"), None);
    }
}
