//! Damaged files of every format: a message, or a result; never a crash, and no more memory than is told.
//!
//! The damaged files are read in processes of their own, whose address space is limited: what asks for too much, or overflows the
//! stack, ends the process and is found by its absence from the report.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use tautnet::Norm;
use tautnet::certify::{ExactSearch, ExactSettings, Region, verify, verify_chain, verify_class_margins};
use tautnet_adversarial::effort::Effort;
use tautnet_adversarial::files::{IMAGES, Kind, LABELS, Seed, TABLE, chain, damaged, model, network, packed, seeds};
use tautnet_adversarial::ledger::Ledger;
use tautnet_adversarial::networks::Draw;
use tautnet_adversarial::number::Ratio;
use tautnet_adversarial::truth::{Exact, Length};
use tautnet_furniture::{Folder, Ran, tautnet};
use tautnet_models::{Format, Options, SearchFile, parse, to_bytes};
use tautnet_tables::dates::AskedDate;
use tautnet_tables::describe::describe;
use tautnet_tables::{ColumnChoice, Encoder, Missing, ReadOptions, Table, Task, UnknownLevels};

/// Kilobytes of address space that a reader of small files may use. Threads and the allocator reserve most of it.
const ADDRESSES: usize = 4 << 20;

/// Bytes of memory that reading one file of at most 256 KiB may add.
const MEMORY: usize = 256 << 20;

/// Files that one process reads.
const BATCH: usize = 250;

/// The environment variable by which a process is told which files are its own: `FIRST:COUNT`.
const OWN: &str = "TAUTNET_ADVERSARIAL_BATCH";

/// Pairs of inputs whose outputs are compared with what is claimed of a network of several layers.
const POINTS: [[[f64; 3]; 2]; 4] = [
    [[0.5, 0.5, 0.5], [2.0, 0.0, -5.0]],
    [[9.0, -9.0, 9.0], [8.0, -9.0, 9.0]],
    [[-1.0, 8.0, 0.0], [-1.0, 8.5, 0.25]],
    [[-3.0, 0.0, 7.0], [-3.0, 0.0, 6.0]],
];

/// The damaged file of this number.
fn case(seeds: &[Seed], number: usize, effort: &Effort) -> (Kind, Vec<u8>) {
    let mut draw = Draw::new(effort.seed.wrapping_mul(1 << 32).wrapping_add(number as u64));
    // Formats take turns, and files of a format among each other.
    let mut kinds: Vec<Kind> = seeds.iter().map(|seed| seed.kind).filter(|kind| *kind != Kind::Experiment).collect();
    kinds.sort();
    kinds.dedup();
    let kind = kinds[number % kinds.len()];
    let own: Vec<&Seed> = seeds.iter().filter(|seed| seed.kind == kind).collect();
    (kind, damaged(own[draw.int(0, own.len() - 1)], &mut draw))
}

/// Reads it by the library; a property that does not hold panics too.
fn read(kind: Kind, bytes: &[u8], folder: &Path) {
    match kind {
        Kind::Table | Kind::Packed | Kind::Parquet => {
            let path = folder.join("table");
            std::fs::write(&path, bytes).expect("a temporary file can be written");
            let Ok(table) = Table::read(&path, &ReadOptions::default()) else { return };
            // As it is, and with whatever can be said of missing values and dates.
            let dates = table.columns().iter().filter(|column| column.known().is_err()).flat_map(|column| {
                ["parts", "days,dmy"].map(|form| format!("{}={form}", column.name).parse::<AskedDate>().ok())
            });
            let dates: Vec<AskedDate> = dates.flatten().collect();
            for dates in [&[], &dates[..dates.len().min(1)], &dates[dates.len().min(1)..dates.len().min(2)]] {
                for (_, missing) in Missing::ALL {
                    let choice = ColumnChoice { task: Task::Regress, missing, dates, ..ColumnChoice::default() };
                    let Ok(encoder) = Encoder::choose(&table, &choice) else { continue };
                    encoder.check_preparation().expect("what was learned is good");
                    let whole = encoder.complete(&table).expect("it was complete when it was learned");
                    let x = encoder.encode(&whole, UnknownLevels::Refuse).expect("its own table fits an encoder");
                    assert_eq!((x.nrows(), x.ncols()), (whole.rows(), encoder.width()));
                    let data = encoder.dataset(&table, UnknownLevels::Refuse).expect("and is a data set");
                    assert_eq!(data.rows(), whole.rows());
                }
            }
            let _ = describe(&table, &ColumnChoice::default());
        }
        Kind::Json | Kind::Onnx | Kind::Safetensors => {
            let format = match kind {
                Kind::Json => Format::Json,
                Kind::Onnx => Format::Onnx,
                _ => Format::Safetensors,
            };
            if let Ok(stored) = parse(bytes, format, "file")
                && let Ok(written) = to_bytes(&stored, Format::Json, &Options::default())
            {
                assert_eq!(
                    parse(&written, Format::Json, "written").as_ref(),
                    Ok(&stored),
                    "what is read can be written"
                );
            }
        }
        Kind::Certificate => {
            let network = network();
            if let Ok(verified) = verify(bytes, &network) {
                // What is accepted is true.
                let claim = verified.certificate();
                let gradients = Exact::of(&network).gradients(&Region::Everywhere).expect("space has cells");
                let truth = Length::longest(&gradients, &vec![Ratio::of(1.0); 3], claim.norm.into());
                assert!(truth.is_at_most(claim.standardized.bound), "accepted though false: {claim:?}");
            }
        }
        Kind::Chain => {
            let network = chain();
            if let Ok(verified) = verify_chain(bytes, &network) {
                // No difference of outputs shows a claim to be false.
                let claim = verified.certificate();
                for [x, y] in POINTS {
                    let [fx, fy] = [x, y].map(|x| network.values(&x));
                    let apart: Vec<f64> = fx.iter().zip(&fy).map(|(x, y)| x - y).collect();
                    let step: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
                    let norm = Norm::from(claim.norm);
                    let most = norm.of(&step) * (1.0 + 1e-9);
                    assert!(norm.of(&apart) <= claim.standardized.bound * most, "accepted though false: {claim:?}");
                    for (apart, bound) in apart.iter().zip(&claim.standardized.outputs) {
                        assert!(apart.abs() <= bound * most, "accepted though false: {claim:?}");
                    }
                    for proof in claim.standardized.lipsdp.iter().flatten() {
                        let moved = match (proof.output, proof.minus) {
                            (Some(j), None) => apart[j].abs(),
                            (Some(j), Some(k)) => (apart[j] - apart[k]).abs(),
                            _ => norm.of(&apart),
                        };
                        assert!(moved <= proof.bound * most, "accepted though false: {claim:?}");
                    }
                }
            }
        }
        Kind::Margins => {
            let network = chain();
            if let Ok(verified) = verify_class_margins(bytes, &network) {
                for row in &verified.class_margins().rows {
                    let values = network.values(&row.x);
                    let size = values.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
                    let others = (0..3).filter(|&j| j != row.label);
                    let margin = others.map(|j| values[row.label] - values[j]).fold(f64::INFINITY, f64::min);
                    // Where a value overflows here, nothing can be compared.
                    let known = margin.is_finite();
                    assert!(!known || row.margin <= margin + 1e-9 * size, "accepted though false: {row:?}");
                }
            }
        }
        Kind::Search => {
            let network = network();
            let Ok(file) = SearchFile::parse(bytes, "file") else { return };
            if let Ok(Some(state)) = file.of(&network, &Region::Everywhere, Norm::Two) {
                let settings = ExactSettings { nodes: 5, ..ExactSettings::default() };
                if let Ok(mut search) = ExactSearch::resume(&network, &Region::Everywhere, Norm::Two, state, &settings)
                {
                    search.run(&mut |_| ControlFlow::Continue(()));
                }
            }
        }
        Kind::Trials => {
            drop(tautnet_study::experiment::rows_from_csv("file", &String::from_utf8_lossy(bytes), &[0.0, 0.1]))
        }
        Kind::Archive => {
            for set in tautnet_tables::public_data::SETS {
                let _ = set.csv_from_archive(bytes);
            }
        }
        Kind::Images => {
            let [images, labels] = ["images-idx3", "labels-idx1"].map(|name| folder.join(name));
            let write =
                |path: &Path, bytes: &[u8]| std::fs::write(path, bytes).expect("a temporary file can be written");
            for (images_bytes, labels_bytes) in [(bytes, LABELS), (IMAGES, bytes)] {
                write(&images, images_bytes);
                write(&labels, labels_bytes);
                if let Ok(table) = Table::read(&images, &ReadOptions::default())
                    && let Ok(encoder) = Encoder::fit_for(Task::Auto, &table, None, &[])
                {
                    let x = encoder.encode(&table, UnknownLevels::Refuse).expect("its own table fits an encoder");
                    let pixels = (0..table.rows()).flat_map(|k| (0..x.ncols()).map(move |j| (k, j)));
                    assert!(pixels.into_iter().all(|place| (0.0..=1.0).contains(&x[place])));
                    assert_eq!(encoder.targets(&table).map(|y| y.len()), Ok(table.rows()));
                }
            }
        }
        Kind::Experiment => unreachable!("only the program reads experiments"),
    }
}

/// A line of this process's status, in bytes.
fn memory(name: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
}

/// The work of one process: a line for each file that it has read, with the bytes that it took.
#[test]
fn batch() {
    let Ok(own) = std::env::var(OWN) else { return };
    let (first, count) = own.split_once(':').expect("FIRST:COUNT");
    let (first, count): (usize, usize) = (first.parse().expect("a number"), count.parse().expect("a number"));
    let (effort, seeds, folder) = (Effort::asked(), seeds(), Folder::default());
    std::panic::set_hook(Box::new(|_| {})); // told below, with the number of the file
    for number in first..first + count {
        let (kind, bytes) = case(&seeds, number, &effort);
        // Forget the highest memory so far, where the system allows it: then it is that of this file alone.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let before = memory("VmRSS").unwrap_or(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| read(kind, &bytes, folder.path())));
        let taken = memory("VmHWM").unwrap_or(0).saturating_sub(before);
        let how = match outcome {
            Ok(()) => "ended".to_owned(),
            Err(cause) => {
                let text = cause.downcast_ref::<String>().cloned();
                let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| text.to_string()));
                format!("panicked: {}", text.unwrap_or_default().replace('\n', " "))
            }
        };
        println!("read {number} {taken} {how}");
        let _ = std::io::stdout().flush();
    }
}

/// Bytes for messages: as text where they are.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes.iter().take(400) {
        match byte {
            b' '..=b'~' => text.push(*byte as char),
            other => write!(text, "\\x{other:02x}").expect("text takes text"),
        }
    }
    format!("{} bytes: {text}", bytes.len())
}

/// Keeps a file that did harm, for whoever repairs it.
fn kept(kind: Kind, number: usize, bytes: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("harmful-{number}.{}", kind.extension()));
    match std::fs::write(&path, bytes) {
        Ok(()) => path.display().to_string(),
        Err(error) => error.to_string(),
    }
}

/// Runs a command in a limited address space.
#[cfg(unix)]
fn limited(folder: &Folder, kilobytes: usize, program: &Path) -> Command {
    let mut command = folder.command(Path::new("sh"));
    command
        .args(["-c", &format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"")])
        .arg(program)
        .env("RAYON_NUM_THREADS", "2");
    command
}

#[cfg(unix)]
#[test]
fn damaged_files_are_read_or_refused() {
    if std::env::var(OWN).is_ok() {
        return;
    }
    let effort = Effort::asked();
    let cases = effort.count(2200, 20_000);
    let seeds = seeds();
    let own = std::env::current_exe().expect("a test knows its file");
    let mut ledger = Ledger::default();
    let (mut next, mut peak) = (0, (0, 0));
    while next < cases {
        let count = BATCH.min(cases - next);
        let folder = Folder::default();
        let mut command = limited(&folder, ADDRESSES, &own);
        command.args(["batch", "--exact", "--nocapture", "--test-threads=1"]).env(OWN, format!("{next}:{count}"));
        let ran = Ran::of(&mut command);
        let mut seen = 0;
        // The test's own name may stand before the first line.
        for line in ran.out.lines().filter_map(|line| line.find("read ").map(|at| &line[at + 5..])) {
            let mut fields = line.splitn(3, ' ');
            let mut field = || fields.next().unwrap_or_default();
            let (Ok(number), Ok(taken), how) = (field().parse::<usize>(), field().parse::<usize>(), field()) else {
                continue;
            };
            let (kind, bytes) = case(&seeds, number, &effort);
            let story = |what: &str| {
                format!("file {number}: {what}; {}; it is in {}", shown(&bytes), kept(kind, number, &bytes))
            };
            ledger.check(kind.name(), how == "ended", || story(how));
            ledger.check("memory", taken <= MEMORY, || story(&format!("{taken} bytes of memory")));
            peak = peak.max((taken, number));
            seen += 1;
        }
        if seen < count {
            let (kind, bytes) = case(&seeds, next + seen, &effort);
            let end = ran.err.lines().last().unwrap_or_default().to_owned();
            ledger.check(kind.name(), false, || {
                format!("file {} ended the process: {end}; {}", next + seen, shown(&bytes))
            });
            seen += 1;
        }
        next += seen;
    }
    println!("most memory for one file: {} KiB (file {})", peak.0 / 1024, peak.1);
    ledger.settle(&format!("{cases} damaged files, read by the library"));
}

/// The same by the program: exit status 0, 1 or 2, and two lines that say why.
#[cfg(unix)]
#[test]
fn the_program_refuses_what_is_damaged() {
    if std::env::var(OWN).is_ok() {
        return;
    }
    let effort = Effort::asked();
    let cases = effort.count(60, 1500);
    let seeds = seeds();
    let mut ledger = Ledger::default();
    let folder = Folder::default();
    let program = tautnet();
    folder.write("data.csv", TABLE);
    folder.write("model.json", model().to_json().expect("it can be written"));
    folder.write(
        "network.json",
        to_bytes(&tautnet_models::Stored::Network(network().into()), Format::Json, &Options::default())
            .expect("it can be written"),
    );
    folder.write(
        "chain.json",
        to_bytes(&tautnet_models::Stored::Network(chain()), Format::Json, &Options::default())
            .expect("it can be written"),
    );
    for number in 0..cases {
        let mut draw = Draw::new(effort.seed.wrapping_mul(1 << 32).wrapping_add(1 << 31 | number as u64));
        let seed = &seeds[number % seeds.len()];
        let bytes = damaged(seed, &mut draw);
        let name = format!("damaged.{}", seed.kind.extension());
        folder.write(&name, &bytes);
        let arguments = match seed.kind {
            Kind::Images => {
                folder.write("damaged.labels-idx1-ubyte", LABELS);
                draw.of(&["data show FILE", "train FILE --lipschitz-price 0.1 --hidden 2 --quiet"])
            }
            Kind::Table | Kind::Packed | Kind::Parquet => {
                draw.of(&["data show FILE", "predict model.json FILE", "attack model.json FILE --radius 0.1"])
            }
            Kind::Json | Kind::Onnx | Kind::Safetensors => draw.of(&[
                "certify FILE --time-limit 1 --quiet",
                "predict FILE data.csv",
                "polish FILE data.csv --time-limit 1 --quiet",
                "export FILE --out out.json --force",
            ]),
            Kind::Certificate => "verify FILE network.json",
            Kind::Chain | Kind::Margins => "verify FILE chain.json",
            Kind::Search => "certify network.json --exact --resume FILE --time-limit 1 --quiet",
            Kind::Experiment => {
                "reproduce figure-1 --tier smoke --experiment FILE --out results --force --time-limit 1 --quiet"
            }
            // Only the library's own folders hold these.
            Kind::Trials | Kind::Archive => continue,
        };
        let arguments = arguments.replace("FILE", &name);
        let ran = Ran::of(limited(&folder, ADDRESSES, &program).args(arguments.split_whitespace()));
        let fine = matches!(ran.code, Some(0..=2)) && !ran.err.contains("panicked");
        let refused = ran.code != Some(2) || (ran.err.contains("error: ") && ran.err.contains("hint: "));
        let raw = ran
            .err
            .chars()
            .chain(ran.out.chars())
            .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'));
        let story = |what: &str| {
            let end: Vec<&str> = ran.err.lines().rev().take(3).collect();
            format!("number {number}: `tautnet {arguments}` {what}: {:?} {end:?}; {}", ran.code, shown(&bytes))
        };
        ledger.check("exit status of the program", fine, || story("crashed"));
        ledger.check("error and hint", refused, || story("does not say why"));
        ledger.check("no control characters", !raw, || story("lets control characters through"));
    }
    ledger.settle(&format!("{cases} damaged files, given to the program"));
}

/// Small files that claim, or unpack to, far more than they are.
#[cfg(unix)]
#[test]
fn what_claims_to_be_huge_is_refused_in_time() {
    if std::env::var(OWN).is_ok() {
        return;
    }
    let effort = Effort::asked();
    let folder = Folder::default();
    let program = tautnet();
    folder.write("data.csv", TABLE);
    let mut ledger = Ledger::default();
    // Ten megabytes of lines in ten kilobytes, many times over: members of a gzip file are read one after another.
    let member = packed(&b"1,2\n".repeat(2_500_000));
    let columns = effort.count(10_000, 100_000);
    let wide = |cell: &str| (0..columns).map(|k| format!("{cell}{k}")).collect::<Vec<_>>().join(",");
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("bomb.csv.gz", member.repeat(effort.count(60, 300))),
        ("wide.csv", format!("{}\n{}\n", wide("c"), wide("")).into_bytes()),
        ("cell.csv", [b"a,y\n".to_vec(), vec![b'x'; 20_000_000], b",1\nz,2\n".to_vec()].concat()),
        ("deep.json", [vec![b'['; 1_000_000], vec![b']'; 1_000_000]].concat()),
        ("keys.json", format!("{{{}\"w\": 1}}", "\"a\": 0, ".repeat(500_000)).into_bytes()),
        ("head.safetensors", [u64::MAX.to_le_bytes().to_vec(), b"{}".to_vec()].concat()),
        ("nested.onnx", [0x3a, 0xff, 0xff, 0xff, 0xff, 0x07].repeat(10_000)),
    ];
    for (name, bytes) in files {
        folder.write(name, &bytes);
        // With the usual limits (docs/limits.md) a table may take 1 GiB and 40 bytes for each of 10⁸ cells: minutes, and room for them, in
        // the long form alone.
        let lowered = if effort.count(0, 1) == 0 { " --limit bytes=100000000 --limit cells=10000000" } else { "" };
        let (arguments, seconds_allowed) = match name {
            "bomb.csv.gz" => (format!("data show {name}{lowered}"), effort.count(20, 120)),
            name if name.contains("csv") => (format!("data show {name}"), 20),
            name => (format!("certify {name} --time-limit 1 --quiet"), 20),
        };
        let started = std::time::Instant::now();
        let addresses = effort.count(ADDRESSES, 2 * ADDRESSES);
        let ran = Ran::of(limited(&folder, addresses, &program).args(arguments.split_whitespace()));
        let seconds = started.elapsed().as_secs_f64();
        let fine = matches!(ran.code, Some(0..=2)) && !ran.err.contains("panicked");
        let story = || {
            format!(
                "`tautnet {arguments}` on {} bytes: {:?} after {seconds:.1} s {:?}",
                bytes.len(),
                ran.code,
                ran.err.lines().last()
            )
        };
        ledger.check("huge claims are refused or read", fine, story);
        ledger.check("huge claims are answered in time", seconds < seconds_allowed as f64, story);
        println!("{name}: {} bytes, {seconds:.1} s, exit status {:?}", bytes.len(), ran.code);
    }
    ledger.settle("files that claim to be huge");
}
