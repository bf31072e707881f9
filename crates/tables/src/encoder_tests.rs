//! What is learned of tables, and what is refused.

use super::*;
use crate::class::check_learned;
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
    assert_eq!(encoder.constant_inputs(&hole), ["a"]);
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
