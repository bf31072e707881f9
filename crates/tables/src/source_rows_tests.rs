//! Rows of files answer as the same rows in memory do, wherever they are kept.

use super::*;
use crate::Task;
use crate::table::ReadOptions;
use proptest::prelude::*;
use tautnet::Scaler;
use tautnet::limits::Limits;
use tautnet::shards::{Asked, Held, Question, Shards, Share};

fn options() -> ReadOptions {
    ReadOptions { header: Some(true), delimiter: Some(b','), limits: Limits::default() }
}

/// Files of these lengths with two columns of numbers, one of words and a target; every `gap`-th number is missing.
fn write_parts(folder: &Path, lengths: &[usize], gap: usize) {
    let mut k = 0;
    for (part, length) in lengths.iter().enumerate() {
        let mut text = String::from("a,word,b,y\n");
        for _ in 0..*length {
            let b = if k % gap == gap - 1 { "NA".into() } else { format!("{}", (k * 7 % 23) as f64 / 4.0) };
            text += &format!(
                "{},{},{b},{}\n",
                (k * 5 % 17) as f64 - 3.5,
                ["p", "q", "r"][k * k % 3],
                (k % 11) as f64 * 0.3
            );
            k += 1;
        }
        std::fs::write(folder.join(format!("part-{part:02}.csv")), text).unwrap();
    }
}

fn least(width: usize, rows: u64) -> Budget {
    let row = 8 * (width as u64 + 1);
    Budget { memory: BESIDE + row * rows * 8, threads: 1, folder: None }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn rows_answer_alike_from_files_from_memory_and_from_a_temporary_file(
        lengths in prop::collection::vec(0usize..40, 1..5),
        gap in 2usize..50,
        at_once in 1usize..30,
    ) {
        prop_assume!(lengths.iter().sum::<usize>() > 12);
        let folder = tempfile::tempdir().unwrap();
        write_parts(folder.path(), &lengths, gap);
        let source = Source::open(&folder.path().join("part-*.csv"), &options()).unwrap();
        let table = source.table().unwrap();
        let choice = ColumnChoice { missing: Missing::Drop, ..ColumnChoice::default() };
        let (encoder, survey) = choose(&source, &choice, &mut |_| ()).unwrap();
        prop_assert_eq!(&encoder, &Encoder::choose(&table, &choice).unwrap());
        let survey = survey.with_rows_at_once(at_once);
        let refuse = UnknownLevels::Refuse;
        let whole = encoder.dataset(&table, refuse).unwrap();
        // What blocks of the table come to.
        let shards = (0..table.rows()).step_by(at_once).enumerate().filter_map(|(number, first)| {
            let part = table.slice(first..table.rows().min(first + at_once));
            let data = Arc::new(encoder.dataset_of_some(&part, refuse).unwrap()?);
            Some(Shard { number: number as u64, first: first as u64, data })
        });
        let mut held = Held::of_shards(encoder.width(), shards.collect());
        let question = Question {
            share: Share { seed: 1, held_out: 0.25 },
            scaler: Scaler::identity(encoder.width()),
            shards: None,
            asked: vec![Asked::Look { sample: 5, of: 1.0 }],
        };
        let expected = held.ask(&question).unwrap().unwrap();
        prop_assert_eq!((expected.pieces[0].sums[0] + expected.pieces[0].sums[1]) as usize, whole.rows());
        let roomy = Budget { memory: 1 << 40, threads: 2, folder: None };
        for (budget, kept) in [(roomy, "memory"), (least(encoder.width(), survey.rows()), "file")] {
            let mut heard = 0;
            let watch = |_: usize, read: Read| heard += read.rows;
            let use_of = if kept == "file" { Use::InParts } else { Use::AllAtOnce };
            let mut rows =
                SourceRows::new(&source, &survey, (&encoder, refuse), (&budget, use_of), Box::new(watch)).unwrap();
            // Some shards, before the rows are kept and after that.
            let some: Vec<u64> = (0..Refeed::shards(&rows)).filter(|number| number % 3 != 1).collect();
            let some = Question { shards: Some(some), ..question.clone() };
            let of_some = held.ask(&some).unwrap().map(|answer| answer.numbers());
            prop_assert_eq!(rows.ask(&some).unwrap().map(|answer| answer.numbers()), of_some.clone());
            for _ in 0..3 {
                prop_assert_eq!(rows.ask(&question).unwrap().unwrap().numbers(), expected.numbers());
                prop_assert_eq!(rows.ask(&some).unwrap().map(|answer| answer.numbers()), of_some.clone());
            }
            let place = match rows.place {
                Place::Memory(_) => "memory",
                Place::File(_) => "file",
                Place::Source => "source",
            };
            prop_assert_eq!(place, kept);
            drop(rows);
            prop_assert!(heard > 0);
        }
    }
}

#[test]
fn a_pass_that_was_ended_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    write_parts(folder.path(), &[60], 100);
    let source = Source::open(&folder.path().join("part-*.csv"), &options()).unwrap();
    let (encoder, survey) = choose(&source, &ColumnChoice::default(), &mut |_| ()).unwrap();
    let survey = survey.with_rows_at_once(7);
    let budget = least(encoder.width(), survey.rows());
    let (columns, budget) = ((&encoder, UnknownLevels::Refuse), (&budget, Use::AllAtOnce));
    let mut rows = SourceRows::new(&source, &survey, columns, budget, Box::new(|_, _| ())).unwrap();
    let question = Question {
        share: Share::default(),
        scaler: Scaler::identity(encoder.width()),
        shards: None,
        asked: vec![Asked::Look { sample: 5, of: 1.0 }],
    };
    let stopped = tautnet::Stop::when(|| true).during(|| rows.ask(&question));
    assert_eq!(stopped.unwrap(), None);
    let answer = rows.ask(&question).unwrap().unwrap();
    assert_eq!(answer.pieces[0].sums[0], 60.0);
    assert_eq!(rows.ask(&question).unwrap().unwrap().numbers(), answer.numbers());
}

#[test]
fn what_cannot_be_done_is_refused_before_much_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write_parts(folder.path(), &[30, 30], 20);
    let source = Source::open(&folder.path().join("part-*.csv"), &options()).unwrap();
    let refused = |choice: ColumnChoice<'_>| choose(&source, &choice, &mut |_| ()).unwrap_err();
    let missing = refused(ColumnChoice::default());
    assert!(missing.what.contains("part-00.csv: row 20") && missing.what.contains("`b` is missing"), "{missing:?}");
    assert!(refused(ColumnChoice { missing: Missing::Median, ..Default::default() }).what.contains("median"));
    let classes = ColumnChoice { targets: &["a"], task: Task::Classify, missing: Missing::Drop, ..Default::default() };
    assert!(refused(classes).what.contains("more than two classes need all rows in memory"));
    let several = ColumnChoice { targets: &["a", "y"], missing: Missing::Drop, ..Default::default() };
    assert!(refused(several).what.contains("is for one target"));
    let choice = ColumnChoice { missing: Missing::Drop, ..Default::default() };
    let (encoder, survey) = choose(&source, &choice, &mut |_| ()).unwrap();
    let asked = |budget: Budget| {
        let watch = Box::new(|_: usize, _: Read| ());
        let columns = (&encoder, UnknownLevels::Refuse);
        SourceRows::new(&source, &survey, columns, (&budget, Use::AllAtOnce), watch).map(drop)
    };
    let little = Budget { memory: 1 << 20, threads: 2, folder: None };
    assert!(asked(little).unwrap_err().what.contains("1 MiB of memory are not enough"));
    let nowhere = Budget { folder: Some("/no/such/folder".into()), ..least(encoder.width(), survey.rows()) };
    let error = asked(nowhere).unwrap_err();
    assert!(error.what.contains("/no/such/folder") && error.hint.contains("⟨cache⟩"), "{error:?}");
}

/// A file that takes no byte more, as on a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_a_pass_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    write_parts(folder.path(), &[60], 100);
    let source = Source::open(&folder.path().join("part-*.csv"), &options()).unwrap();
    let (encoder, survey) = choose(&source, &ColumnChoice::default(), &mut |_| ()).unwrap();
    let budget = least(encoder.width(), survey.rows());
    let (columns, budget) = ((&encoder, UnknownLevels::Refuse), (&budget, Use::AllAtOnce));
    let mut rows = SourceRows::new(&source, &survey, columns, budget, Box::new(|_, _| ())).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let file = BufWriter::with_capacity(16, full);
    rows.keeping = Keeping::File(Kept { file, at: Vec::new(), bytes: 0 });
    let question = Question {
        share: Share::default(),
        scaler: Scaler::identity(encoder.width()),
        shards: None,
        asked: vec![Asked::Look { sample: 5, of: 1.0 }],
    };
    let error = rows.ask(&question).unwrap_err();
    assert!(error.what.contains("cannot be kept in a temporary file") && error.hint.contains("⟨cache⟩"), "{error:?}");
}
