//! Whole files of every format, and ways to damage them.

use crate::networks::Draw;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::ops::ControlFlow;
use tautnet::certify::{
    ChainLipsdpSettings, ExactSearch, ExactSettings, Of, Region, chain_certificate, class_margins, prove,
    with_chain_lipsdp,
};
use tautnet::network::Layer;
use tautnet::{Activation, Network, Norm, Scaler, Shallow};
use tautnet_models::{Format, Model, Options, SearchFile, Stored, to_bytes};
use tautnet_tables::{Encoder, Fill, Input, Missing, Preparation};

/// What a file is, and so by what it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// CSV.
    Table,
    /// gzip of CSV.
    Packed,
    /// Parquet.
    Parquet,
    /// A network or a model as JSON.
    Json,
    /// ONNX.
    Onnx,
    /// safetensors.
    Safetensors,
    /// A certificate.
    Certificate,
    /// A certificate of a network of several layers.
    Chain,
    /// A file of class margins.
    Margins,
    /// A stopped search.
    Search,
    /// An experiment.
    Experiment,
    /// The rows of an experiment.
    Trials,
    /// An archive of a public data set.
    Archive,
    /// Images or their labels in the idx form, plain or gzip.
    Images,
}

impl Kind {
    /// The end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Table | Kind::Trials => "csv",
            Kind::Packed => "csv.gz",
            Kind::Parquet => "parquet",
            Kind::Json | Kind::Certificate | Kind::Chain | Kind::Margins | Kind::Search => "json",
            Kind::Onnx => "onnx",
            Kind::Safetensors => "safetensors",
            Kind::Experiment => "toml",
            Kind::Archive => "zip",
            // The labels are beside it.
            Kind::Images => "images-idx3-ubyte",
        }
    }

    /// For counts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Table => "damaged CSV",
            Kind::Packed => "damaged gzip",
            Kind::Parquet => "damaged Parquet",
            Kind::Json => "damaged JSON",
            Kind::Onnx => "damaged ONNX",
            Kind::Safetensors => "damaged safetensors",
            Kind::Certificate => "damaged certificate",
            Kind::Chain => "damaged certificate of layers",
            Kind::Margins => "damaged class margins",
            Kind::Search => "damaged search",
            Kind::Experiment => "damaged experiment",
            Kind::Trials => "damaged rows of trials",
            Kind::Archive => "damaged archive",
            Kind::Images => "damaged images",
        }
    }

    fn is_text(self) -> bool {
        !matches!(self, Kind::Packed | Kind::Parquet | Kind::Onnx | Kind::Safetensors | Kind::Archive | Kind::Images)
    }
}

/// A whole file.
#[derive(Debug, Clone)]
pub struct Seed {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The network that the certificate and the search among the seeds are about.
pub fn network() -> Shallow {
    let w = faer::mat![[1.0, -1.0, 0.25], [0.5, 2.0, -1.5], [-1.0, 0.3, 0.0], [0.7, 0.1, 1.0]];
    Shallow::new(w, vec![0.1, -1.0, 0.2, 0.0], vec![1.0, -2.0, 0.5, 1.25], 0.5).expect("it is one")
}

/// A model of that network over a table with words.
pub fn model() -> Model {
    let scaler = Scaler {
        input_mean: vec![0.0, 0.0, 1.5],
        input_scale: vec![1.0, 0.5, 2.0],
        target_mean: 10.0,
        target_scale: 3.0,
        constant_inputs: Vec::new(),
        other_target_means: Vec::new(),
        other_target_scales: Vec::new(),
    };
    let kind = Input { name: "kind".into(), levels: Some(vec!["blue".into(), "red".into()]), exact: false };
    Model {
        certificate: Some(certificate(Some(&scaler))),
        columns: Encoder {
            preparation: Preparation {
                missing: Missing::Median,
                dates: Vec::new(),
                fills: vec![fill("kind", None, Some("red")), fill("size", Some(1.5), None)],
            },
            inputs: vec![kind, Input { name: "size".into(), levels: None, exact: false }],
            target: "y".into(),
            other_targets: Vec::new(),
            classes: None,
        },
        scaler,
        settings: serde_json::json!({"method": "joint", "seed": 0}),
        objective: serde_json::json!({"after": 0.5}),
        network: network().into(),
        calibration: None,
    }
}

fn fill(column: &str, number: Option<f64>, word: Option<&str>) -> Fill {
    Fill { column: column.into(), number, word: word.map(String::from), indicator: false }
}

fn certificate(scaler: Option<&Scaler>) -> tautnet_verify::Certificate {
    prove(&network(), Norm::Infinity, scaler, &mut |_| ControlFlow::Continue(())).expect("it has a certificate")
}

/// The network of several layers and classes that the certificates of layers and the margins among the seeds are about.
pub fn chain() -> Network {
    let bias = |n: usize| (0..n).map(|i| 0.25 * i as f64 - 0.5).collect::<Vec<_>>();
    let activation = |name: &str| name.parse::<Activation>().expect("it is one");
    let layers = vec![
        Layer::new(faer::mat![[1.0, -1.0, 0.25], [0.5, 2.0, -1.5]], bias(2), activation("abs")),
        Layer::new(faer::mat![[-1.0, 0.3], [0.7, 1.0]], bias(2), activation("crelu")),
        Layer::new(
            faer::mat![[1.0, -2.0, 0.5, 1.25], [0.0, 1.0, 1.0, -1.0], [2.0, 0.5, -0.5, 0.0]],
            bias(3),
            Activation::identity(),
        ),
    ];
    Network::new(layers, Some(faer::mat![[0.5, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, -1.0]])).expect("it is one")
}

/// Margins of three rows of that network.
fn margins(radius: f64, scales: Option<&[f64]>) -> tautnet_verify::ClassMargins {
    let rows = faer::mat![[0.5, -1.0, 2.0], [3.0, 0.0, -1.0], [-0.25, 0.75, 0.0]];
    class_margins(&chain(), (rows.as_ref(), &[0, 1, 2]), (Norm::Two, radius), scales).expect("they fit")
}

/// A table that fits the model.
pub const TABLE: &str = "kind,size,y\nred,1.5,10\nblue,2.5,30.25\nred,3e0,-20\nblue,0,12\n\"red\",-1e-3,7\n";

/// Three images of two by two pixels.
pub const IMAGES: &[u8] = b"\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02\x00\xff\x10\x20\x01\x02\x03\x04\xff\x00\x00\xff";

/// Their labels.
pub const LABELS: &[u8] = b"\0\0\x08\x01\0\0\0\x03\x08\x03\x08";

/// A search that was stopped after two nodes.
pub fn search() -> SearchFile {
    let network = network();
    let settings = ExactSettings { nodes: 2, relative_gap: 0.0, ..ExactSettings::default() };
    let mut search = ExactSearch::new(&network, &Region::Everywhere, Norm::Two, None, &settings).expect("it can start");
    search.run(&mut |_| ControlFlow::Continue(()));
    let mut file = SearchFile::default();
    file.put(search.state());
    file
}

/// Packed as gzip.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes any bytes")
}

/// An archive with one stored member.
fn archive(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut checksum = flate2::Crc::new();
    checksum.update(contents);
    let little = |value: usize, width: usize| value.to_le_bytes()[..width].to_vec();
    let size = contents.len();
    // Version, flags, method, time and date are 0.
    let common = [vec![0; 8], checksum.sum().to_le_bytes().to_vec(), little(size, 4), little(size, 4)].concat();
    let mut bytes = [b"PK\x03\x04\0\0".to_vec(), common.clone(), little(name.len(), 2), vec![0; 2]].concat();
    bytes.extend([name.as_bytes(), contents].concat());
    let start = bytes.len();
    bytes.extend([b"PK\x01\x02\0\0\0\0".to_vec(), common, little(name.len(), 2), vec![0; 12 + 4]].concat());
    bytes.extend(name.as_bytes());
    let directory = bytes.len() - start;
    bytes.extend(
        [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec(), little(directory, 4), little(start, 4), vec![0; 2]].concat(),
    );
    bytes
}

/// Files of every format.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |kind: Kind, bytes: &[u8]| seeds.push(Seed { kind, bytes: bytes.to_vec() });
    let tables = [
        TABLE.to_owned(),
        TABLE.replace('\n', "\r\n"),
        TABLE.replace(',', ";"),
        "1,2\n3,4\n5,6\n".to_owned(),
        "when,t,k,y\n2024-01-05,1.5,a,1\n,NA,,2\n2024-02-06T10:00Z,3,b,\n2024-02-07,4,a,5\n".to_owned(),
        "when;t;f;y\n;bar;;\n03.04.2024;1,5;1.200,5;1\n05.06.2024;;7,25;2\n07.08.2024;2,5;8;4\n".to_owned(),
        "\u{feff}a\tb\n\"x \"\"y\"\"\"\t1\n\"line\nbreak\"\t2\n".to_owned(),
    ];
    for table in &tables {
        add(Kind::Table, table.as_bytes());
        add(Kind::Packed, &packed(table.as_bytes()));
    }
    for bytes in [
        &include_bytes!("../seeds/none.parquet")[..],
        include_bytes!("../seeds/snappy.parquet"),
        include_bytes!("../seeds/zstd.parquet"),
        include_bytes!("../seeds/gzip.parquet"),
        include_bytes!("../seeds/plain.parquet"),
        include_bytes!("../seeds/gaps.parquet"),
    ] {
        add(Kind::Parquet, bytes);
    }
    for stored in [Stored::Network(network().into()), Stored::Model(Box::new(model()))] {
        for (kind, format) in
            [(Kind::Json, Format::Json), (Kind::Onnx, Format::Onnx), (Kind::Safetensors, Format::Safetensors)]
        {
            add(kind, &to_bytes(&stored, format, &Options::default()).expect("it can be written"));
        }
    }
    add(Kind::Certificate, &certificate(None).to_json());
    add(Kind::Certificate, &certificate(Some(&model().scaler)).to_json());
    for (norm, scaler) in [(Norm::Two, None), (Norm::One, Some(&model().scaler))] {
        add(Kind::Chain, &chain_certificate(&chain(), norm, scaler).expect("it has a certificate").to_bytes());
    }
    let plain = chain_certificate(&chain(), Norm::Two, None).expect("it has a certificate");
    let parts = [Of::All, Of::Output(1), Of::Pair(0, 2)];
    let (proved, _) = with_chain_lipsdp(&chain(), plain, &parts, &ChainLipsdpSettings::default(), &mut |_| ())
        .expect("the norm is 2 and there are such outputs");
    add(Kind::Chain, &proved.to_bytes());
    add(Kind::Margins, &margins(0.125, None).to_bytes());
    add(Kind::Margins, &margins(0.5, Some(&[1.0, 2.0, 0.5])).to_bytes());
    add(Kind::Search, &search().to_json());
    for text in [include_str!("../../../experiments/figure-1.toml"), include_str!("../../../experiments/table-1.toml")]
    {
        add(Kind::Experiment, text.as_bytes());
    }
    let set = tautnet_tables::public_data::find("servo").expect("it is listed");
    add(Kind::Archive, &archive("servo.data", b"E,E,5,4,0.28125095\nB,D,6,5,0.5062525\n"));
    add(Kind::Archive, &archive(set.name, &[0; 50]));
    for bytes in [IMAGES, LABELS] {
        add(Kind::Images, bytes);
        add(Kind::Images, &packed(bytes));
    }
    add(Kind::Trials, tautnet_study::experiment::rows_to_csv(&[], "0123", Some(&[0.0, 0.1])).as_bytes());
    seeds
}

/// What stands at the head of files, and words that mean something in them.
const MAGIC: [&[u8]; 16] = [
    b"PAR1",
    b"\x1f\x8b\x08\x00",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"{\"format\":",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\0",
    b"null",
    b"NaN",
    b"1e309",
    b"-1e-400",
    b"99999999999999999999",
    b"\x1b[2J",
    b"\"",
    b"[",
];

/// Numbers that length fields should not hold.
const LENGTHS: [u64; 10] =
    [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX, 1 << 40];

/// Damages a file, once or a few times.
pub fn damaged(seed: &Seed, draw: &mut Draw) -> Vec<u8> {
    // A packed file is damaged inside or outside.
    if seed.kind == Kind::Packed && draw.once_in(2) {
        let inner = Seed { kind: Kind::Table, bytes: TABLE.into() };
        return packed(&damaged(&inner, draw));
    }
    let mut bytes = seed.bytes.clone();
    for _ in 0..draw.of(&[1, 1, 1, 2, 4]) {
        damage(&mut bytes, seed.kind, draw);
    }
    bytes
}

/// Most bytes of a damaged file.
const MOST: usize = 1 << 18;

fn damage(bytes: &mut Vec<u8>, kind: Kind, draw: &mut Draw) {
    if bytes.is_empty() {
        bytes.push(draw.byte());
    }
    let at = draw.int(0, bytes.len() - 1);
    let length = draw.of(&[1, 2, 4, 16, 64]).min(bytes.len() - at);
    let range = at..at + length;
    match draw.int(0, 11) {
        0 => bytes[at] ^= 1 << draw.int(0, 7),
        1 => bytes[at] = draw.byte(),
        2 => bytes.truncate(at),
        3 => {
            bytes.drain(range);
        }
        4 => {
            let piece = bytes[range].to_vec();
            let to = draw.int(0, bytes.len());
            bytes.splice(to..to, piece);
        }
        5 => {
            let times = draw.of(&[2, 20, 1000]).min(MOST / length);
            let piece = bytes[range.clone()].repeat(times);
            bytes.splice(range, piece);
        }
        6 => {
            bytes.splice(at..at, draw.of(&MAGIC).iter().copied());
        }
        7 => {
            let (value, width) = (draw.of(&LENGTHS), draw.of(&[1, 2, 4, 8]));
            let value = value.to_le_bytes();
            let end = (at + width).min(bytes.len());
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
        8 => {
            let other = draw.int(0, bytes.len() - 1);
            bytes.swap(at, other);
        }
        9 => {
            let opening: &[u8] = draw.of(&[b"[" as &[u8], b"{\"a\":", b"\x0a\x7f", b"\"", b",", b"\n"]);
            let piece = opening.repeat(draw.of(&[10, 200, 20_000]).min(MOST / opening.len()));
            bytes.splice(at..at, piece);
        }
        _ if kind.is_text() => another_number(bytes, at, draw),
        _ => (0..8).for_each(|_| {
            let at = draw.int(0, bytes.len() - 1);
            bytes[at] ^= 1 << draw.int(0, 7);
        }),
    }
    bytes.truncate(MOST);
}

/// A number of a text becomes another one.
fn another_number(bytes: &mut Vec<u8>, near: usize, draw: &mut Draw) {
    let digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = (near..bytes.len()).find(|&k| digit(&bytes[k])) else { return };
    let end = (start..bytes.len()).find(|&k| !digit(&bytes[k])).unwrap_or(bytes.len());
    let number = draw.of(&["0", "-1", "1e308", "1e-320", "4294967296", "9007199254740993", "1000000000000", "7"]);
    bytes.splice(start..end, number.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read_before_they_are_damaged() {
        for seed in seeds() {
            let bytes = &seed.bytes;
            match seed.kind {
                Kind::Json => drop(tautnet_models::parse(bytes, Format::Json, "seed").unwrap()),
                Kind::Onnx => drop(tautnet_models::parse(bytes, Format::Onnx, "seed").unwrap()),
                Kind::Safetensors => drop(tautnet_models::parse(bytes, Format::Safetensors, "seed").unwrap()),
                Kind::Certificate => drop(tautnet::certify::verify(bytes, &network()).unwrap()),
                Kind::Chain => drop(tautnet::certify::verify_chain(bytes, &chain()).unwrap()),
                Kind::Margins => drop(tautnet::certify::verify_class_margins(bytes, &chain()).unwrap()),
                Kind::Search => assert!(SearchFile::parse(bytes, "seed").unwrap() != SearchFile::default()),
                _ => {}
            }
        }
        let set = tautnet_tables::public_data::find("servo").unwrap();
        let complaint = set.csv_from_archive(&archive("servo.data", b"E,E,5,4,0.28\n")).unwrap_err();
        assert!(!complaint.what.contains("damaged"), "{complaint:?}"); // it is another one, but an archive
    }
}
