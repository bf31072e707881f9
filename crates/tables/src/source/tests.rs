use super::*;
use crate::table::{Column, Content, Values};
use proptest::prelude::*;
use std::io::Write;
use tautnet::limits::Limits;

/// Fields of every kind, so that columns are numbers, numbers with separators, dates, words, and what cannot be used.
const POOLS: [&[&str]; 9] = [
    &["1", "2.5", "-3", "1e3", "-0"],
    &["1", "2.5", "NA", "7"],
    &["1,234", "12", "5,678", "1,234,567"],
    &["3,25", "2", "-0,5", ""],
    &["1,234", "2", "5,678"],
    &["2024-01-05", "2024-02-05", "?"],
    &["03/04/2024", "05/04/2024", "25/04/2024"],
    &["a", "b", "1", "NA", "2,5"],
    &["1", "2", "x", "inf", "9007199254740993"],
];

fn column() -> impl Strategy<Value = Vec<&'static str>> {
    (0..POOLS.len()).prop_flat_map(|pool| prop::collection::vec(prop::sample::select(POOLS[pool].to_vec()), 60))
}

/// A folder with the rows in files of these lengths, and one with all of them.
fn write_parts(folder: &Path, columns: &[Vec<&str>], lengths: &[usize], pack: bool) {
    let header = (0..columns.len()).map(|j| format!("c{j}")).collect::<Vec<_>>().join(";") + "\n";
    let line = |k: usize| columns.iter().map(|column| column[k]).collect::<Vec<_>>().join(";") + "\n";
    let mut at = 0;
    for (number, length) in lengths.iter().enumerate() {
        let text = header.clone() + &(at..at + length).map(line).collect::<String>();
        at += length;
        let path = folder.join(format!("part-{number:02}.csv"));
        if pack {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            std::fs::write(path, encoder.finish().unwrap()).unwrap();
        } else {
            std::fs::write(path, text).unwrap();
        }
    }
    std::fs::write(folder.join("whole.csv"), header + &(0..at).map(line).collect::<String>()).unwrap();
}

fn options() -> ReadOptions {
    ReadOptions { header: Some(true), delimiter: Some(b';'), limits: Limits::default() }
}

fn any(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), numbers: false, whole: false }
}

/// What stands in every row, in words; what cannot be used, with the reason.
fn told(column: &Column, rows: usize) -> std::result::Result<Vec<String>, Error> {
    let missing = |k: &usize| column.missing().contains(k);
    let content = column.content.as_ref().map_err(Error::clone)?;
    let told = |k: usize| match content {
        _ if missing(&k) => "missing".to_owned(),
        Content::Values(Values::Numbers(numbers)) => format!("{:?}", numbers[k].to_bits()),
        Content::Values(Values::Words { levels, codes }) => levels[codes[k] as usize].clone(),
        Content::Dates { readings, first, .. } => {
            let one = |(order, seconds): &(crate::dates::Order, Vec<f64>)| format!("{}:{}", order.name(), seconds[k]);
            format!("{first} {}", readings.iter().map(one).collect::<Vec<_>>().join(" "))
        }
    };
    Ok((0..rows).map(told).collect())
}

/// All rows of a pass over the wanted columns, and what is said of gaps.
fn passed(source: &Source, survey: &Survey) -> (Vec<Vec<String>>, Vec<Option<Error>>) {
    let mut blocks = source.blocks(survey);
    let (mut all, mut gaps) = (vec![Vec::new(); survey.verdicts.len()], vec![None; survey.verdicts.len()]);
    while let Some(block) = blocks.next().unwrap() {
        assert!(block.table.rows() <= survey.rows_at_once());
        for (j, column) in block.table.columns().iter().enumerate() {
            all[j].extend(told(column, block.table.rows()).unwrap());
            gaps[j] = gaps[j].take().or(column.values().err());
        }
    }
    assert_eq!(blocks.read().rows, survey.rows());
    assert_eq!(blocks.read().bytes, blocks.read().of);
    (all, gaps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever the files and the blocks, a column is what it is in one table of all rows; where it cannot be used the reason is the same.
    #[test]
    fn blocks_are_the_rows_of_the_whole_table(
        columns in prop::collection::vec(column(), 1..4), cuts in prop::collection::vec(0..20_usize, 1..4), at_once in 1..30_usize,
        pack in prop::bool::ANY,
    ) {
        let folder = tempfile::tempdir().unwrap();
        prop_assume!(cuts.iter().sum::<usize>() > 0);
        write_parts(folder.path(), &columns, &cuts, pack);
        // A line without a field is blank, and no row of a single column.
        let whole = Table::read(&folder.path().join("whole.csv"), &options());
        // What looks like a row of units is looked for in the first file alone.
        prop_assume!(whole.as_ref().is_ok_and(|whole| whole.notes().is_empty()));
        let whole = whole.unwrap();
        let rows = whole.rows();
        let one = Source::open(&folder.path().join("whole.csv"), &options()).unwrap();
        let many = Source::open(&folder.path().join("part-*.csv"), &options()).unwrap();
        prop_assert_eq!(many.files().len(), cuts.len());
        for column in whole.columns() {
            let expected = told(column, rows);
            for source in [&one, &many] {
                let survey = source.survey(&[any(&column.name)], &mut |_| {}).map(|survey| survey.with_rows_at_once(at_once));
                match (&expected, survey) {
                    (Ok(expected), Ok(survey)) => {
                        prop_assert_eq!(survey.rows(), rows as u64);
                        let (all, gaps) = passed(source, &survey);
                        prop_assert_eq!(&all[0], expected);
                        prop_assert_eq!(&passed(source, &survey).0[0], expected, "read again");
                        if std::ptr::eq(source, &one) {
                            prop_assert_eq!(survey.notes().next(), column.note());
                            if column.known().is_ok() {
                                prop_assert_eq!(&gaps[0], &column.values().err());
                            }
                        }
                    }
                    (Err(expected), Err(error)) if std::ptr::eq(source, &one) => prop_assert_eq!(&error, expected),
                    (Err(_), Err(_)) => {}
                    (expected, survey) => prop_assert!(false, "{expected:?} {:?}", survey.map(|_| ())),
                }
            }
            let table = many.table().unwrap();
            prop_assert_eq!(told(table.column(&column.name).unwrap(), rows).ok(), expected.ok());
        }
    }
}

#[test]
fn what_is_no_value_is_told_with_its_file_and_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let numbers = |name: &str| Wanted { name: name.to_owned(), numbers: true, whole: true };
    let good: String = "a,b\n".to_owned() + &"1,2\n".repeat(9);
    for (bad, what) in [
        ("1,x\n1,2\n1,2\n", "p2.csv: row 8 (line 9), column `b` is `x` where most values are numbers"),
        ("1,\n1,2\n1,\n", "p2.csv: row 8 (line 9), column `b` is missing, as is 1 more of the column"),
        ("1,inf\n1,2\n", "p2.csv: row 8 (line 9), column `b` is `inf`, which is not a finite number"),
        ("1\n", "p2.csv: row 8 (line 9) has 1 field where 2 are due"),
        ("1,\u{e9}\n", "p2.csv: row 8 (line 9), column `b` is `\u{e9}` where most values are numbers"),
    ] {
        std::fs::write(at("p1.csv"), &good).unwrap();
        std::fs::write(at("p2.csv"), "a,b\n".to_owned() + &"1,2\n".repeat(7) + bad).unwrap();
        std::fs::write(at("p3.csv"), "b,a\n1,2\n").unwrap();
        let source = Source::open(&at("p*.csv"), &ReadOptions::default()).unwrap();
        let error = source.survey(&[numbers("a"), numbers("b")], &mut |_| {}).unwrap_err();
        assert!(error.what.ends_with(what), "{error:?}");
        assert!(source.survey(&[numbers("a")], &mut |_| {}).is_ok() || bad == "1\n");
    }
    std::fs::write(at("p2.csv"), "a,b\n").unwrap();
    let source = Source::open(&at("p*.csv"), &ReadOptions::default()).unwrap();
    assert_eq!(source.survey(&[numbers("b")], &mut |_| {}).unwrap().rows(), 10);
    assert!(source.survey(&[any("B")], &mut |_| {}).unwrap_err().hint.contains("did you mean `b`?"));
    for (text, what) in [
        ("a,c\n1,2\n", "p2.csv has no column `b`, and "),
        ("a,b,c\n1,2,3\n", "p2.csv has a column `c`, and "),
        ("1,2\n3,4\n", "p2.csv has no column `a`, and "),
        ("a,a\n3,4\n", "p2.csv: columns 1 and 2 are both named `a`"),
        ("", "p2.csv is empty"),
        ("\n\n", "p2.csv is empty"),
    ] {
        std::fs::write(at("p2.csv"), text).unwrap();
        let error = Source::open(&at("p*.csv"), &ReadOptions::default()).unwrap_err();
        assert!(error.what.contains(what), "{text:?}: {error:?}");
    }
    for name in ["p1.csv", "p2.csv", "p3.csv"] {
        std::fs::write(at(name), "a,b\n").unwrap();
    }
    let source = Source::open(&at("p*.csv"), &ReadOptions::default()).unwrap();
    assert!(source.survey(&[any("a")], &mut |_| {}).unwrap_err().what.ends_with("p*.csv has a header but no rows"));
}

#[test]
fn a_row_of_units_is_left_out_of_every_file_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let rows = || {
        let source = Source::open(&folder.path().join("*.csv"), &ReadOptions::default()).unwrap();
        let rows = source.survey(&[any("t")], &mut |_| {}).map(|survey| survey.rows());
        (rows, source.notes().len())
    };
    write("1.csv", "t,k\nC,-\n1,a\n2,b\n");
    write("2.csv", "t,k\nC,-\n1,a\n");
    write("3.csv", "t,k\n3,a\n");
    assert_eq!(rows(), (Ok(4), 2));
    // A row of a later file that only looks like units is a row.
    write("1.csv", "t,k\n1,a\n2,b\n");
    write("2.csv", "t,k\nNA,a\n1,a\n2,a\n");
    assert_eq!(rows(), (Ok(6), 0));
}

#[test]
fn a_file_that_changes_between_two_passes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    for (text, what) in [
        ("a,b\n1,2\n", "has another number of rows"),
        ("a,b\n1,2\n3,4\n5,6\n", "has another number of rows"),
        ("a,b\nx,2\n3,4\n", "is not what it was when it was read first"),
    ] {
        std::fs::write(&path, "a,b\n1,2\n3,4\n").unwrap();
        let source = Source::open(&path, &ReadOptions::default()).unwrap();
        let survey = source.survey(&[any("a")], &mut |_| {}).unwrap();
        std::fs::write(&path, text).unwrap();
        let mut blocks = source.blocks(&survey);
        let ended = loop {
            match blocks.next() {
                Ok(Some(block)) => match block.table.columns()[0].values() {
                    Ok(_) => continue,
                    Err(error) => break error,
                },
                Ok(None) => panic!("{text:?}"),
                Err(error) => break error,
            }
        };
        assert!(ended.what.contains(what), "{ended:?}");
    }
}

#[test]
fn a_packed_file_that_is_cut_short_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write_parts(folder.path(), &[vec!["1"; 4000], vec!["2.25"; 4000]], &[2000, 2000], true);
    let path = folder.path().join("part-01.csv");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let told = Source::open(&folder.path().join("part-*.csv"), &options())
        .and_then(|source| source.survey(&[any("c0")], &mut |_| {}).map(|_| ()));
    let error = told.unwrap_err();
    assert!(error.what.contains("part-01.csv could not be read") && error.hint.contains("cut short"), "{error:?}");
}

#[test]
fn what_is_held_of_a_row_has_limits_and_rows_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "a;b\n".to_owned() + &"1;2\n".repeat(300_000)).unwrap();
    let small = Limits { rows: 10, cells: 10, bytes: 300_000, ..Limits::default() };
    let open = |limits| Source::open(&path, &ReadOptions { limits, ..options() });
    let source = open(small).unwrap();
    assert_eq!(source.survey(&[any("a")], &mut |_| {}).unwrap().rows(), 300_000);
    std::fs::write(&path, "a;b\n1;\"".to_owned() + &"1;2\n".repeat(300_000)).unwrap();
    let error = open(small).and_then(|source| source.survey(&[any("a")], &mut |_| {}).map(|_| ())).unwrap_err();
    assert!(error.what.contains("a row of ") && error.what.contains("more than 300000 bytes"), "{error:?}");
}

#[cfg(feature = "parquet")]
mod parquet_files {
    use super::*;
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    /// Row groups of these lengths: numbers with gaps, words, integers.
    fn write(path: &Path, groups: &[usize], first: usize) {
        let schema = "message m { optional double a; required binary w (UTF8); required int64 i; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer =
            SerializedFileWriter::new(std::fs::File::create(path).unwrap(), schema, Default::default()).unwrap();
        let mut at = first;
        for &length in groups {
            let rows = at..at + length;
            at += length;
            let mut group = writer.next_row_group().unwrap();
            let levels: Vec<i16> = rows.clone().map(|k| i16::from(k % 5 != 0)).collect();
            let a: Vec<f64> = rows.clone().filter(|k| k % 5 != 0).map(|k| k as f64 / 3.0).collect();
            let words: Vec<ByteArray> = rows.clone().map(|k| ByteArray::from(["x", "y", "2"][k % 3])).collect();
            let integers: Vec<i64> = rows.map(|k| k as i64).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<DoubleType>().write_batch(&a, Some(&levels), None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&words, None, None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(&integers, None, None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
    }

    #[test]
    fn blocks_cross_row_groups_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("parts")).unwrap();
        write(&at("whole.parquet"), &[47], 0);
        write(&at("parts/a.parquet"), &[7, 1, 12], 0);
        write(&at("parts/b.parquet"), &[0], 20);
        write(&at("parts/c.parquet"), &[3, 24], 20);
        let whole = Table::read(&at("whole.parquet"), &ReadOptions::default()).unwrap();
        let source = Source::open(&at("parts"), &ReadOptions::default()).unwrap();
        for at_once in [1, 4, 20, 47, 100] {
            let wanted: Vec<Wanted> = ["i", "a", "w"].map(any).into();
            let survey = source.survey(&wanted, &mut |_| {}).unwrap().with_rows_at_once(at_once);
            let (all, _) = passed(&source, &survey);
            for (all, wanted) in all.iter().zip(&wanted) {
                assert_eq!(*all, told(whole.column(&wanted.name).unwrap(), 47).unwrap());
            }
        }
        let wanted = Wanted { name: "a".into(), numbers: true, whole: true };
        let error = source.survey(&[wanted], &mut |_| {}).unwrap_err();
        assert!(error.what.contains("a.parquet: row 1, column `a` is missing, as are 9 more"), "{error:?}");
        // Another type in a later file, and files that are cut short.
        let schema = Arc::new(
            parse_message_type("message m { required int64 w; required double a; required int64 i; }").unwrap(),
        );
        let file = std::fs::File::create(at("parts/d.parquet")).unwrap();
        SerializedFileWriter::new(file, schema, Default::default()).unwrap().close().unwrap();
        let error = Source::open(&at("parts"), &ReadOptions::default()).unwrap_err();
        assert!(error.what.contains("d.parquet: column `w` holds numbers, and in "), "{error:?}");
        let good = std::fs::read(at("parts/c.parquet")).unwrap();
        for cut in 0..good.len() {
            std::fs::write(at("parts/d.parquet"), &good[..cut]).unwrap();
            let error = Source::open(&at("parts"), &ReadOptions::default()).unwrap_err();
            assert!(error.what.contains("d.parquet"), "{cut}: {error:?}");
        }
    }

    /// Whatever is damaged, there is an answer: the rows, or a message.
    #[test]
    fn no_damage_makes_it_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path, &[5, 6], 0);
        let good = std::fs::read(&path).unwrap();
        let mut bytes = good.clone();
        let answer = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let source = Source::open(&path, &ReadOptions::default())?;
            let survey = source.survey(&["i", "a", "w"].map(any), &mut |_| {})?.with_rows_at_once(4);
            let mut blocks = source.blocks(&survey);
            while blocks.next()?.is_some() {}
            Ok::<u64, Error>(survey.rows())
        };
        for at in 0..good.len() {
            bytes[at] ^= 0x80;
            let _ = answer(&bytes);
            let end = good.len().min(at + 8);
            bytes[at..end].fill(0xff);
            let _ = answer(&bytes);
            bytes[at..end].copy_from_slice(&good[at..end]);
        }
        assert_eq!(answer(&bytes), Ok(11));
    }
}
