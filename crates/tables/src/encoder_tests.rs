//! What is learned of tables, and what is refused.

use super::*;
use crate::class::check_learned;
use crate::describe::{Oddity, oddity};
use crate::table::ReadOptions;

fn table(text: &str) -> Table {
    Table::from_reader("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

const SERVO: &str = "motor,gain,y\nB,1,2\nA,3,4\nC,5,7\n";

#[test]
fn words_become_one_column_a_level_and_columns_are_found_by_name() {
    let encoder = Encoder::fit(&table(SERVO), None, &[]).unwrap();
    assert_eq!(encoder.names(), ["motor=A", "motor=B", "motor=C", "gain"]);
    let data = encoder.dataset(&table(SERVO), UnknownLevels::Refuse).unwrap();
    assert_eq!(data.y, [2.0, 4.0, 7.0]);
    let shuffled = "y,extra,gain,motor\n2,9,1,B\n4,9,3,A\n7,9,5,C\n";
    assert_eq!(encoder.dataset(&table(shuffled), UnknownLevels::Refuse).unwrap(), data);
    for k in 0..3 {
        assert_eq!((0..3).map(|j| data.x[(k, j)]).sum::<f64>(), 1.0, "one-hot columns of a row sum to one");
    }
}

#[test]
fn an_unknown_level_is_named_or_all_zero() {
    let encoder = Encoder::fit(&table(SERVO), None, &[]).unwrap();
    let new = table("motor,gain,y\nA,1,2\nZ,3,4\n");
    let error = encoder.encode(&new, UnknownLevels::Refuse).unwrap_err();
    assert_eq!(error.what, "t.csv: row 2, column `motor` is `Z`, a level that was not learned");
    let x = encoder.encode(&new, UnknownLevels::Ignore).unwrap();
    assert_eq!((0..4).map(|j| x[(1, j)]).collect::<Vec<_>>(), [0.0, 0.0, 0.0, 3.0]);
}

#[test]
fn codes_that_look_like_numbers_keep_their_levels() {
    let encoder = Encoder::fit(&table("code,y\n01,1\nA,2\nB,3\n"), None, &[]).unwrap();
    let x = encoder.encode(&table("code,y\n1.0,1\n01,2\n"), UnknownLevels::Refuse).unwrap();
    assert_eq!((x[(0, 0)], x[(1, 0)]), (1.0, 1.0));
}

#[test]
fn several_classes_are_their_places() {
    let fit = |task, text: &str| Encoder::fit_for(task, &table(text), None, &[]).unwrap();
    for (task, text, classes) in [
        (Task::Auto, "a,y\n1,r\n2,p\n3,q\n4,r\n", ["p", "q", "r"]),
        (Task::Classify, "a,y\n1,10\n2,2\n3,7\n4,10\n", ["2", "7", "10"]),
        (Task::Classify, "a,y\n1,r\n2,7\n3,q\n4,r\n", ["7", "q", "r"]),
    ] {
        let encoder = fit(task, text);
        assert_eq!(
            (encoder.classes.as_ref().unwrap(), encoder.several()),
            (&classes.map(str::to_owned).to_vec(), Some(3))
        );
        let y = encoder.targets(&table(text)).unwrap();
        assert_eq!(y, [2.0, 0.0, 1.0, 2.0]);
        assert_eq!(encoder.class_of(1.0), Some(classes[1]));
        assert!(
            encoder.check_outputs(3).is_ok() && encoder.check_outputs(1).is_err() && encoder.check_classes().is_ok()
        );
        assert_eq!(check_learned(encoder.classes.as_ref().unwrap(), &y, 1), Ok(None));
        for broken in [vec![], vec!["p".to_owned()], ["p", "q", "p"].map(str::to_owned).to_vec()] {
            assert!(Encoder { classes: Some(broken), ..encoder.clone() }.check_classes().is_err());
        }
    }
    let many: String = (0..101).map(|k| format!("{k},w{k}\n")).collect();
    let error = Encoder::fit_for(Task::Auto, &table(&format!("a,y\n{many}")), None, &[]).unwrap_err();
    assert_eq!(error.what, "t.csv: the target column `y` has more than 100 classes: `w0`, `w1`, `w10`, …");
}

#[test]
fn two_words_or_the_numbers_0_and_1_are_classes() {
    let fit = |task, text: &str| Encoder::fit_for(task, &table(text), None, &[]);
    for (text, classes) in [
        ("a,y\n1,ill\n2,well\n3,ill\n", ["ill", "well"]),
        ("a,y\n1,1\n2,0\n3,1\n", ["0", "1"]),
        ("a,y\n1,1.0\n2,-1\n3,1\n", ["-1", "1"]),
    ] {
        let encoder = fit(Task::Auto, text).unwrap();
        assert_eq!(encoder.classes.as_ref().unwrap(), &classes.map(str::to_owned));
        let y = encoder.targets(&table(text)).unwrap();
        assert!(y[0] == y[2] && y[0] == -y[1] && y[0].abs() == 1.0);
        for (k, f) in y.iter().enumerate() {
            assert_eq!(encoder.class_of(0.3 * f), Some(classes[if y[k] > 0.0 { 1 } else { 0 }]));
        }
    }
    assert_eq!(fit(Task::Auto, "a,y\n1,1\n2,2\n").unwrap().classes, None);
    assert_eq!(fit(Task::Regress, "a,y\n1,1\n2,0\n").unwrap().classes, None);
    assert!(fit(Task::Classify, "a,y\n1,1\n2,2\n").unwrap().classes.is_some());
    for (task, text, what) in [
        (Task::Auto, "a,y\n1,p\n2,7\n", "t.csv: the target column `y` has numbers and words: `7` and `p`"),
        (Task::Auto, "a,y\n1,p\n2,p\n", "t.csv: the target column `y` has only one class: `p`"),
    ] {
        assert_eq!(fit(task, text).unwrap_err().what, what);
    }
    let encoder = fit(Task::Auto, "a,y\n1,p\n2,q\n").unwrap();
    let error = encoder.targets(&table("a,y\n1,p\n2,s\n")).unwrap_err();
    assert_eq!(error.what, "t.csv: row 2, column `y` is `s`, a class that was not learned");
    assert_eq!(error.hint, "the classes are `p`, `q`; mend the row, or leave it out");
    let classes = encoder.classes.unwrap();
    let missing = check_learned(&classes, &[1.0, 1.0], 5).unwrap_err();
    assert_eq!(missing.what, "none of the 2 rows to learn from is of the class `p`");
    let few = check_learned(&classes, &[1.0, -1.0, -1.0], 2).unwrap().unwrap();
    assert!(few.starts_with("only 1 of the 3 rows to learn from is of the class `q`, fewer than the 2 parts"), "{few}");
    assert_eq!(check_learned(&classes, &[1.0, -1.0, -1.0], 1), Ok(None));
}

#[test]
fn columns_of_0_and_1_for_one_class_are_not_inputs_and_target_at_once() {
    let fit = |text: &str, leave_out: &[&str]| {
        Encoder::fit_for(Task::Auto, &table(text), None, &leave_out.iter().map(|&name| name.into()).collect::<Vec<_>>())
    };
    let two = "a,y_no,y_yes\n1,1,0\n2,0,1\n3,1,0\n";
    let error = fit(two, &[]).unwrap_err();
    let what =
        "t.csv: in every row exactly one of the columns `y_yes`, `y_no` is 1: they are one class, and tell the target";
    assert_eq!(error.what, what);
    assert!(error.hint.contains("leave out all of them but `y_yes`"), "{error:?}");
    assert!(fit(two, &["y_no"]).is_ok());
    // The column `odd` is of 0 and 1, too, and has nothing to do with it.
    let three = "y_r,odd,y_s,none,y_t\n1,1,0,0,0\n0,0,1,0,0\n0,1,0,0,1\n0,0,0,0,1\n";
    assert!(fit(three, &[]).unwrap_err().what.contains("columns `y_t`, `y_s`, `y_r` is 1"));
    assert!(fit(three, &["y_s"]).is_ok());
    assert!(Encoder::fit(&table(two), None, &[]).is_ok(), "a target of numbers");
}

#[test]
fn bad_columns_are_refused_when_used_and_only_then() {
    for (text, target, what) in [
        ("a,y\n1,x\n2,z\n", None, "t.csv: the target column `y` holds words (`x` in row 1)"),
        ("a,y\n1,3\n2,3\n", None, "t.csv: the target column `y` is 3 in every row"),
        ("y\n1\n2\n", None, "t.csv has no input column beside the target"),
        ("a,y\n1,2\n", Some("z"), "t.csv has no column `z`"),
        ("a,b,y\n1,2,3\n1,,4\n1,5,5\n", None, "t.csv: row 2 (line 3), column `b` is missing"),
    ] {
        assert_eq!(Encoder::fit(&table(text), target, &[]).unwrap_err().what, what);
    }
    let hole = table("a,b,y\n1,2,3\n1,,4\n1,5,5\n");
    let encoder = Encoder::fit(&hole, None, &["b".into()]).unwrap();
    assert_eq!(encoder.names(), ["a"]);
    assert_eq!(oddity(hole.column("a").unwrap()), Some(Oddity::Constant));
    let words = table("a,y\nq,3\n");
    assert!(encoder.encode(&words, UnknownLevels::Refuse).unwrap_err().what.contains("where a number was learned"));
}

#[test]
fn several_targets_are_numbers_each_named_once() {
    let text = "a,price,word,weight\n1,10,x,0.5\n2,20,y,0.25\n3,25,x,0.75\n";
    let fit = |targets: &[&str], drop: &[&str], task| {
        let drop: Vec<String> = drop.iter().map(|name| (*name).to_owned()).collect();
        Encoder::fit_targets(task, &table(text), targets, &drop)
    };
    let encoder = fit(&["weight", "price"], &[], Task::Auto).unwrap();
    assert_eq!(
        (encoder.names(), encoder.target_names()),
        (vec!["a".into(), "word=x".into(), "word=y".into()], vec!["weight", "price"])
    );
    assert_eq!((encoder.outputs(), encoder.several(), &encoder.classes), (2, None, &None));
    let data = encoder.dataset(&table(text), UnknownLevels::Refuse).unwrap();
    assert_eq!((data.y, data.others), (vec![0.5, 0.25, 0.75], vec![vec![10.0, 20.0, 25.0]]));
    encoder.check_outputs(2).unwrap();
    assert!(encoder.check_outputs(1).unwrap_err().what.contains("`weight` is one of 2 targets"));
    assert!(encoder.check_one_target("this").unwrap_err().what.contains("there are 2: `weight`, `price`"));
    for (targets, drop, task, what) in [
        (&["price", "price"][..], &[][..], Task::Auto, "the target `price` is named twice"),
        (&["price", "weight"], &[], Task::Classify, "2 targets are to be classes"),
        (&["price", "height"], &[], Task::Auto, "t.csv has no column `height`"),
        (&["price", "word"], &[], Task::Auto, "t.csv: the target column `word` holds words (`x` in row 1)"),
        (&["price", "weight"], &["weight"], Task::Auto, "the target `weight` is to be left out"),
        (&["a", "price", "weight"], &["word"], Task::Auto, "t.csv has no input column beside the target"),
    ] {
        assert_eq!(fit(targets, drop, task).unwrap_err().what, what);
    }
    let error = |text: &str| Encoder::fit_targets(Task::Auto, &table(text), &["y", "z"], &[]).unwrap_err().what;
    assert_eq!(error("a,y,z\n1,2,3\n2,3,3\n"), "t.csv: the target column `z` is 3 in every row");
    assert!(error("a,y,z\n1,2,3\n2,3,\n").contains("column `z` is missing"));
}

const MESSY: &str = "id,when,temp,kind,pressure,y\n1,2024-01-05,1,a,,2\n2,2024-01-07,,b,5,3\n3,,3,,7,4\n4,2024-02-05,9,a,9,\n5,2024-03-01,4,a,8,6\n";

fn choose(table: &Table, missing: Missing, dates: &[&str], drop: &[&str]) -> Result<Encoder> {
    let dates: Vec<AskedDate> = dates.iter().map(|date| date.parse().unwrap()).collect();
    let drop: Vec<String> = drop.iter().map(|name| name.to_string()).collect();
    Encoder::choose(table, &ColumnChoice { missing, dates: &dates, drop: &drop, ..ColumnChoice::default() })
}

#[test]
fn missing_values_are_told_of_all_columns_at_once() {
    let error = choose(&table(MESSY), Missing::Refuse, &["when=days"], &["id"]).unwrap_err();
    assert_eq!(
        error.what,
        "t.csv: values are missing in 4 columns (in brackets in how many rows): `when` (1), `temp` (1), `kind` (1), `pressure` (1); \
         the first: t.csv: row 3 (line 4), column `when` is missing"
    );
    assert!(error.hint.contains("⟨missing=drop⟩, median or indicator"), "{error:?}");
    // A missing target alone is told as it was.
    let error = choose(&table("a,y\n1,2\n2,\n3,4\n"), Missing::Refuse, &[], &[]).unwrap_err();
    assert_eq!(error.what, "t.csv: row 2 (line 3), column `y` is missing");
}

#[test]
fn rows_without_a_value_are_left_out_where_that_is_chosen() {
    let messy = table(MESSY);
    let encoder = choose(&messy, Missing::Drop, &["when=days"], &["id"]).unwrap();
    assert_eq!(encoder.given(), ["when", "temp", "kind", "pressure"]);
    assert_eq!(encoder.complete(&messy).unwrap().rows(), 1);
    let encoder = choose(&messy, Missing::Drop, &[], &["id", "when", "p*"]).unwrap();
    let data = encoder.dataset(&messy, UnknownLevels::Refuse).unwrap();
    assert_eq!(data.y, [2.0, 6.0]);
    // What is to be predicted needs its values.
    assert!(encoder.encode(&messy, UnknownLevels::Refuse).unwrap_err().what.contains("column `temp` is missing"));
    let none = table("a,b,y\n,1,1\n2,,2\n");
    assert!(choose(&none, Missing::Drop, &[], &[]).unwrap_err().what.contains("every row misses a value"));
}

#[test]
fn medians_and_most_frequent_words_stand_for_what_is_missing() {
    let messy = table(MESSY);
    let encoder = choose(&messy, Missing::Median, &["when=days"], &["id"]).unwrap();
    assert_eq!(encoder.names(), ["when.days", "temp", "kind=a", "kind=b", "pressure"]);
    let data = encoder.dataset(&messy, UnknownLevels::Refuse).unwrap();
    assert_eq!(data.y, [2.0, 3.0, 4.0, 6.0], "a row without a target is left out");
    let x = encoder.encode(&messy, UnknownLevels::Refuse).unwrap();
    assert_eq!((x[(1, 1)], x[(2, 2)], x[(2, 3)], x[(0, 4)]), (3.5, 1.0, 0.0, 7.5));
    let day = |k: usize| x[(k, 0)];
    // The median of four dates: in the middle between the second and the third.
    assert_eq!(day(2), (day(1) + day(3)) / 2.0);
    // Learned medians stand in other tables, and where the column had no gap in this one.
    let new = table("when,temp,kind,pressure\n2024-01-05,,,\n");
    let x = encoder.encode(&new, UnknownLevels::Refuse).unwrap();
    assert_eq!((x[(0, 1)], x[(0, 2)], x[(0, 4)]), (3.5, 1.0, 7.5));
}

#[test]
fn an_indicator_tells_where_there_was_no_value() {
    let messy = table(MESSY);
    let encoder = choose(&messy, Missing::Indicator, &["when=parts"], &["id"]).unwrap();
    let names = "when.month when.day when.weekday when.hour when=missing temp temp=missing kind=a kind=b kind=missing pressure pressure=missing";
    let names: Vec<&str> = names.split(' ').filter(|name| *name != "when.hour").collect();
    assert_eq!(encoder.names(), names);
    assert_eq!(encoder.given(), ["when", "temp", "kind", "pressure"]);
    let x = encoder.encode(&messy, UnknownLevels::Refuse).unwrap();
    let column = |name: &str| encoder.names().iter().position(|other| other == name).unwrap();
    for (name, row) in [("when=missing", 2), ("temp=missing", 1), ("kind=missing", 2), ("pressure=missing", 0)] {
        let ones: Vec<usize> = (0..5).filter(|&k| x[(k, column(name))] == 1.0).collect();
        assert_eq!(ones, [row], "{name}");
    }
    // Dates and indicators are exact where nothing else is said.
    let numeric: Vec<&str> = encoder
        .inputs
        .iter()
        .zip(encoder.tolerated())
        .filter(|(_, one)| one.numeric)
        .map(|(input, _)| &*input.name)
        .collect();
    assert_eq!(numeric, ["temp", "pressure"]);
    let text = serde_json_of(&encoder);
    assert!(text.contains("indicator"), "{text}");
}

/// What is kept of an encoder, as text.
fn serde_json_of(encoder: &Encoder) -> String {
    format!("{:?}", encoder.preparation).to_lowercase()
}

#[test]
fn dates_are_taken_apart_as_it_was_asked() {
    let text = "when,y\n03/04/2024,1\n05/04/2024,2\n07/04/2024 12:00,3\n";
    let error = choose(&table(text), Missing::Refuse, &["when=days"], &[]).unwrap_err();
    assert_eq!(error.what, "t.csv: the dates of column `when`, such as `03/04/2024`, may be `dmy`, `mdy`");
    let days = |asked: &str| {
        let encoder = choose(&table(text), Missing::Refuse, &[asked], &[]).unwrap();
        let x = encoder.encode(&table(text), UnknownLevels::Refuse).unwrap();
        (encoder.names(), x[(1, 0)] - x[(0, 0)], x[(2, 0)] - x[(1, 0)])
    };
    assert_eq!(days("when=days,dmy"), (vec!["when.days".to_owned()], 2.0, 2.5));
    assert_eq!(days("when=days,mdy").1, 61.0);
    let parts = choose(&table(text), Missing::Refuse, &["when=parts,dmy"], &[]).unwrap();
    assert_eq!(parts.names(), ["when.day", "when.weekday", "when.hour"], "what is the same in every row tells nothing");
    // Later tables need not tell the order.
    assert!(parts.encode(&table("when\n25/12/2024\n"), UnknownLevels::Refuse).is_ok());
    let wrong = parts.encode(&table("when\n12/25/2024\n"), UnknownLevels::Refuse).unwrap_err();
    assert_eq!(wrong.what, "t.csv: column `when` does not hold dates in the order dmy");
    for (dates, what) in [
        (&["y=days"][..], "`y` is no input"),
        (&["no=days"], "has no column `no`"),
        (&["when=days,ymd"], "are not in the order ymd"),
        (&[], "holds dates, such as"),
    ] {
        let error = choose(&table(text), Missing::Refuse, dates, &[]).unwrap_err();
        assert!(error.what.contains(what), "{error:?}");
    }
    let error =
        choose(&table("a,b,y\n1,2024-01-01,2\n2,2024-01-01,3\n"), Missing::Refuse, &["a=days"], &["b"]).unwrap_err();
    assert_eq!(error.what, "t.csv: column `a` holds no dates");
    let error =
        choose(&table("a,b,y\n1,2024-01-01,2\n2,2024-01-01,3\n"), Missing::Refuse, &["b=days"], &[]).unwrap_err();
    assert!(error.what.contains("the same in every row"), "{error:?}");
}

#[test]
fn columns_are_kept_and_left_out_by_pattern() {
    let table = table("id,temp_1,temp_2,flow,y\n1,2,3,4,5\n2,3,5,4,6\n");
    let names = |keep: &[&str], drop: &[&str]| {
        let [keep, drop] = [keep, drop].map(|names| names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
        Encoder::choose(&table, &ColumnChoice { keep: &keep, drop: &drop, ..ColumnChoice::default() })
            .map(|encoder| encoder.names())
    };
    assert_eq!(names(&["temp_*"], &[]).unwrap(), ["temp_1", "temp_2"]);
    assert_eq!(names(&["temp_?", "flow"], &["*_2"]).unwrap(), ["temp_1", "flow"]);
    assert_eq!(names(&[], &["i?", "f*"]).unwrap(), ["temp_1", "temp_2"]);
    assert_eq!(names(&[], &["x*"]).unwrap_err().what, "t.csv has no column like `x*`");
    assert!(names(&["nothing"], &[]).unwrap_err().what.contains("has no column `nothing`"));
    assert!(names(&["y"], &[]).unwrap_err().what.contains("no input column"));
}

#[test]
fn a_preparation_that_was_changed_is_refused() {
    let good = choose(&table(MESSY), Missing::Indicator, &["when=parts"], &["id"]).unwrap();
    assert!(good.check_preparation().is_ok());
    let refused = |change: &dyn Fn(&mut Encoder), what: &str| {
        let mut encoder = good.clone();
        change(&mut encoder);
        let error = encoder.check_preparation().unwrap_err();
        assert!(error.what.contains(what), "{error:?}");
    };
    refused(&|encoder| encoder.preparation.dates[0].parts.clear(), "the dates of `when` are no inputs");
    refused(&|encoder| encoder.preparation.dates[0].column = "day".into(), "the dates of `day` are no inputs");
    refused(&|encoder| encoder.preparation.fills[1].number = Some(f64::NAN), "of `temp` is no value");
    refused(&|encoder| encoder.preparation.fills[1].number = None, "of `temp` is no value");
    refused(&|encoder| encoder.preparation.fills[1].column = "other".into(), "`other` is no input");
    refused(&|encoder| encoder.inputs.retain(|input| input.name != "temp=missing"), "`temp` is no input");
}
