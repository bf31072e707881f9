//! Targets that are one of two classes, from the table to predictions.

use crate::run::Folder;
use serde_json::Value;

/// Two classes with a bent border, and a few rows on the wrong side of it; the words are given.
fn rows(low: &str, high: &str) -> String {
    let row = |k: usize| {
        let (a, b) = ((k as f64 * 0.73).sin() * 2.0, (k as f64 * 1.37).cos() * 2.0);
        let above = b > 0.5 * a * a - 1.0;
        let class = if above != (k % 19 == 7) { high } else { low };
        format!("{a:.6},{b:.6},{class}\n")
    };
    format!("a,b,state\n{}", (0..90).map(row).collect::<String>())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The whole way: train, predict, attack, certify, verify.
#[test]
fn a_class_is_learned_told_and_proved() {
    let folder = Folder::new();
    folder.write("data.csv", rows("broken or bad", "fine"));
    let run = "train data.csv --tolerance 0.1 --hidden 8 --decay 0.003 --test 0.3";
    let text = folder.tautnet(&format!("{run} --quiet --out m.json --report r.html --plot bounds=b.svg")).out;
    for part in [
        "target `state`, taken for a class: `broken or bad` or `fine`",
        "the class of `state` is right, whatever the input error, in at least ",
        "right in at least, proved  an attack left right  without input error",
        "always the most frequent class ",
        "Verdict: ",
        "moves the margin by at most, per unit",
        "predicted `broken or bad`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = folder.tautnet(&format!("{run} --quiet --json")).json();
    assert_eq!(json["classes"], serde_json::json!(["broken or bad", "fine"]));
    assert_eq!(json["settings"]["loss"], "logistic");
    let accuracy = &json["held_out"]["result"]["accuracy"];
    let counts = json["held_out"]["confusion"].as_array().unwrap();
    let count = |a: usize, b: usize| number(&counts[a][b]);
    let share = (count(0, 0) + count(1, 1)) / 27.0;
    assert!(
        (share - number(&accuracy["clean"])).abs() < 1e-12
            && (count(0, 1) + count(1, 0) - 27.0 * (1.0 - share)).abs() < 1e-9
    );
    // Of a class no number is off.
    assert!(json["held_out"]["typical"].is_null());
    let constant = number(&json["held_out"]["constant"]["accuracy"]["clean"]);
    let share = |class: usize| (count(class, 0) + count(class, 1)) / 27.0;
    assert!((0..2).any(|class| (constant - share(class)).abs() < 1e-12), "{constant}");
    let [clean, found, proved] = ["clean", "found", "proved"].map(|key| number(&accuracy[key]));
    assert!(proved <= found && found <= clean && clean > 0.8 && proved > 0.6, "{accuracy}");
    let page = folder.read("r.html");
    assert!(page.contains("The class of “state” is right in") && !page.contains("id=\"fit\""));

    // Every prediction is a class; it is said how likely, and whether an input error can change it.
    let text = folder.tautnet("predict m.json data.csv").out;
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("prediction,probability,lower,upper,certain"));
    let json = folder.tautnet("predict m.json data.csv --json").json();
    let (mut right, mut unsure) = (0, 0);
    let data = folder.read("data.csv");
    for (k, (line, row)) in lines.zip(data.lines().skip(1)).enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let [likely, lower, upper] = [1, 2, 3].map(|j| fields[j].parse::<f64>().unwrap());
        assert!((0.5..=1.0).contains(&likely) && lower <= likely && likely <= upper, "{line}");
        assert_eq!(fields[4] == "yes", lower > 0.5, "{line}");
        assert_eq!((&json["predictions"][k], &json["certain"][k]), (&fields[0].into(), &(fields[4] == "yes").into()));
        assert!(number(&json["margins"][k]).signum() == if fields[0] == "fine" { 1.0 } else { -1.0 });
        right += usize::from(row.ends_with(fields[0]));
        unsure += usize::from(fields[4] == "no");
    }
    assert!(right > 75 && (1..45).contains(&unsure), "{right} right, {unsure} not certain");
    // The classes go along in an ONNX file, and the network in it is the same one.
    folder.tautnet("export m.json --out m.onnx");
    assert_eq!(folder.tautnet("predict m.onnx data.csv --json").json()["margins"], json["margins"]);
    // The tolerance 0 has no intervals.
    let text = folder.tautnet("predict m.json data.csv --tolerance 0").out;
    assert!(text.starts_with("prediction,probability\n") && text.lines().count() == 91, "{text}");

    let within = folder.tautnet("predict m.json data.csv --radius 0.01 --json").json();
    assert!(number(&within["reach"]) > 0.0 && within["certain"].is_array() && within["norm"] == "2", "{within}");

    let sizes = folder.tautnet("attack m.json data.csv --json").json()["sizes"].clone();
    let accuracies = sizes.as_array().unwrap().iter().map(|size| &size["accuracy"]);
    let [found, proved] =
        ["found", "proved"].map(|key| accuracies.clone().map(|a| number(&a[key])).collect::<Vec<_>>());
    assert!(found.windows(2).all(|pair| pair[0] >= pair[1]) && proved.iter().zip(&found).all(|(p, f)| p <= f));
    assert!((found[0] - right as f64 / 90.0).abs() < 1e-9, "{found:?} {right}");
    assert!(folder.tautnet("attack m.json data.csv").out.contains("`state` right, found"));
    assert_eq!(folder.tautnet("verify m.json m.json").code, Some(0));

    // The convex programs take it from there.
    let polished =
        folder.tautnet("polish m.json data.csv --tolerance 0.1 --rounds 2 --json --quiet --out p.json").json();
    let bounds = [&polished["before"], &polished].map(|side| number(&side["worst_case"]["bound"]));
    assert!(number(&polished["objective"]) <= number(&polished["before"]["objective"]) && bounds[1].is_finite());
    assert!(folder.tautnet("predict p.json data.csv").out.contains("fine"));
}

/// Numbers that are classes, losses of the margin, and the objective with a price.
#[test]
fn the_numbers_0_and_1_are_classes_unless_they_are_said_to_be_numbers() {
    let folder = Folder::new();
    folder.write("data.csv", rows("0", "1"));
    let run = "train data.csv --hidden 6 --decay 0.01 --test 0.3 --quiet";
    assert!(folder.tautnet(run).out.contains("taken for a class: `0` or `1`"));
    let json = folder.tautnet(&format!("{run} --task regress --json")).json();
    assert!(json["classes"].is_null() && json["held_out"]["result"]["accuracy"].is_null());
    for loss in ["hinge", "squared-hinge", "logistic"] {
        let json =
            folder.tautnet(&format!("{run} --loss {loss} --lipschitz-price 0.01 --json --out m.json --force")).json();
        assert!(number(&json["objective"]) <= number(&json["before"]["objective"]), "{loss}: {json:#}");
        assert!(number(&json["duality_gap"]) < 1e-4, "{loss}: {json:#}");
        let header = folder.tautnet("predict m.json data.csv").out.lines().next().unwrap_or_default().to_owned();
        assert_eq!(header, if loss == "logistic" { "prediction,probability" } else { "prediction" });
    }
    let text = folder.tautnet(&format!("{run} --lipschitz-price 0.01")).out;
    assert!(text.contains("`state` right, rows held out") && !text.contains("off by"), "{text}");
}

#[test]
fn bad_classes_are_refused() {
    let folder = Folder::new();
    folder.write("two.csv", rows("no", "yes"));
    folder.write("one.csv", rows("yes", "yes"));
    folder.write("numbers.csv", rows("1", "2"));
    folder.write("new.csv", "a,b,state\n1,2,maybe\n0,1,yes\n");
    folder.write("hole.csv", rows("0", "1").replacen(",1\n", ",NaN\n", 1));
    folder.write("mixed.csv", rows("0", "yes").replacen(",yes\n", ",1\n", 5).replacen(",0\n", ",no\n", 5));
    let one_hot = |row: &str| match row.rsplit_once(',') {
        Some((inputs, "no")) => format!("{inputs},1,0\n"),
        Some((inputs, _)) => format!("{inputs},0,1\n"),
        None => String::new(),
    };
    let columns = rows("no", "yes").lines().skip(1).map(one_hot).collect::<String>();
    folder.write("hot.csv", format!("a,b,state_no,state_yes\n{columns}"));
    folder.write("single.csv", format!("{}1,2,no\n", rows("yes", "yes")));
    folder.tautnet("train two.csv --lipschitz-price 0.1 --hidden 3 --quiet --out m.json");
    for (command, err) in [
        ("train one.csv", "one.csv: the target column `state` has only one class: `yes`"),
        (
            "train two.csv --loss squared",
            "the loss `squared` is for numbers, but the target `state` is taken for a class, `no` or `yes`",
        ),
        (
            "train numbers.csv --loss hinge",
            "the loss `hinge` is for classes, but the target `state` is taken for a number",
        ),
        ("train two.csv --task regress", "two.csv: the target column `state` holds words"),
        ("train two.csv --target b --balanced --drop state", "classes are to be balanced, but the target `b`"),
        ("attack m.json new.csv", "new.csv: row 1, column `state` is `maybe`, a class that was not learned"),
        ("train two.csv --test new.csv", "new.csv: row 1, column `state` is `maybe`, a class that was not learned"),
        ("certify m.json new.csv", "new.csv: row 1, column `state` is `maybe`, a class that was not learned"),
        ("polish m.json new.csv", "new.csv: row 1, column `state` is `maybe`, a class that was not learned"),
        ("train hole.csv", "hole.csv: row 1 (line 2), column `state` is missing (`NaN`)"),
        ("train mixed.csv", "mixed.csv: the target column `state` has numbers and words: `0` and `no`"),
        (
            "train hot.csv",
            "hot.csv: in every row exactly one of the columns `state_yes`, `state_no` is 1: they are one class, and tell the target",
        ),
        ("train single.csv --test 0.5 --seed 6", "none of the 45 rows to learn from is of the class `no`"),
        ("train two.csv --target b --balanced", "classes are to be balanced, but the target `b` is taken for a number"),
        ("compare one.csv --trials 1", "one.csv: the target column `state` has only one class: `yes`"),
        ("compare two.csv --trials 1 --loss squared", "the loss `squared` is for numbers"),
        ("compare two.csv --trials 1 --task regress", "the target column `state` holds words"),
        (
            "compare two.csv --trials 1 --start sgd --method c-lip",
            "the method `c-lip` has no steps for losses of the margin, and the loss `logistic` was asked for",
        ),
        ("attack m.json two.csv --loss squared", "the loss `squared` is for numbers"),
        ("polish m.json two.csv --loss squared", "the loss `squared` is for numbers"),
        (
            "predict m.json two.csv --coverage 0.9",
            "a coverage is about numbers, but the target `state` of this model is a class",
        ),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains(err) && ran.out.is_empty(), "{command}: {ran:?}");
        assert!(ran.err.contains("\nhint: "), "{command}: {ran:?}");
    }
    let few = folder.tautnet("train single.csv --tolerance 0.1 --hidden 3 --decay 0.01 --quiet");
    assert!(
        few.code == Some(0) && few.err.starts_with("note: only 1 of the 91 rows to learn from is of the class `no`"),
        "{few:?}"
    );
    assert!(
        folder
            .tautnet("train hot.csv --drop state_no --lipschitz-price 0.1 --hidden 3 --quiet")
            .out
            .contains("`0` or `1`")
    );
    // Class 1 is a margin above 0, whatever the numbers are.
    assert!(
        folder
            .tautnet("train numbers.csv --task classify --lipschitz-price 0.1 --hidden 3 --quiet")
            .out
            .contains("`1` or `2`")
    );
}

/// A rare class is found where each counts the same, and it is said that it does.
#[test]
fn classes_can_count_the_same() {
    let folder = Folder::new();
    // Each in its place, but for a strip where one row of ten is `bad`.
    let row = |k: usize| {
        let a = (k as f64 * 0.73).sin();
        let class = if a > 0.5 && k.is_multiple_of(3) { "bad" } else { "good" };
        format!("{a:.6},{:.6},{class}\n", (k as f64 * 1.37).cos())
    };
    folder.write("data.csv", format!("a,b,state\n{}", (0..120).map(row).collect::<String>()));
    for way in ["--tolerance 0.05 --decay 0.003", "--lipschitz-price 0.001"] {
        let run = format!("train data.csv --hidden 6 --test 0.3 --quiet {way}");
        let [plain, balanced] = ["", "--balanced"].map(|flag| folder.tautnet(&format!("{run} {flag} --json")).json());
        assert_eq!((&plain["balanced"], &balanced["balanced"]), (&false.into(), &true.into()));
        let text = folder.tautnet(&format!("{run} --balanced")).out;
        assert!(
            text.contains("Each class counts the same: a row of `bad` ")
                && !folder.tautnet(&run).out.contains("counts"),
            "{text}"
        );
        if way.starts_with("--tolerance") {
            let count = |json: &Value, a: usize, b: usize| number(&json["held_out"]["confusion"][a][b]);
            let rows = |json: &Value| [0, 1].map(|a| count(json, a, 0) + count(json, a, 1));
            let [bad, good] = rows(&balanced);
            assert_eq!((rows(&plain), bad + good), ([bad, good], 36.0), "rows, however often they count");
            assert!(count(&balanced, 0, 0) > count(&plain, 0, 0), "{balanced:#}");
            let clean = number(&balanced["held_out"]["result"]["accuracy"]["clean"]);
            let shares = (count(&balanced, 0, 0) / bad + count(&balanced, 1, 1) / good) / 2.0;
            assert!((clean - shares).abs() < 1e-9, "{clean} {shares}");
        }
    }
}

/// Every method on two classes, by the rows whose class is right.
#[test]
fn a_comparison_of_classes_tells_which_rows_are_right() {
    let folder = Folder::new();
    folder.write("data.csv", rows("0", "1"));
    let run = "compare data.csv --trials 2 --hidden 5 --radius 0,0.2 --start sgd,pgd --method joint";
    let ran = folder.tautnet(&format!("{run} --out rows.csv"));
    for part in ["target `state`, taken for a class: `0` or `1`", "objective: loss + ", "at 0.2, found  proved"] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    let json = folder.tautnet(&format!("{run} --json")).json();
    assert_eq!(json["classes"], serde_json::json!(["0", "1"]));
    let methods = json["methods"].as_array().unwrap();
    assert_eq!(methods.len(), 4);
    for method in methods {
        let share = |radius: usize, which: &str| number(&method["accuracy"][radius][which]["median"]);
        assert!(share(0, "clean") > 0.7 && share(0, "clean") == share(0, "proved"), "{method:#}");
        assert!(share(1, "proved") <= share(1, "found") && share(1, "found") < share(1, "clean"), "{method:#}");
        assert!(share(1, "proved") > 0.5, "{method:#}");
    }
    let text = folder.read("rows.csv");
    let mut lines = text.lines();
    let columns = lines.next().unwrap().split(',').count();
    assert!(text.contains(",ending,right clean 0,right found 0,right proved 0,right clean 0.2,"), "{text}");
    assert!(lines.clone().count() == 8 && lines.all(|line| line.split(',').count() == columns), "{text}");
    // Numbers, where that is said.
    let numbers = folder.tautnet(&format!("{run} --task regress"));
    assert!(
        numbers.code == Some(0) && numbers.out.contains("attacked at 0.2") && !numbers.out.contains('%'),
        "{numbers:?}"
    );
    let left_out = folder.tautnet("compare data.csv --trials 1 --hidden 3 --radius 0 --start sgd");
    assert!(
        left_out.err.contains("left out: the method `c-lip` has no steps for losses of the margin"),
        "{left_out:?}"
    );
    assert!(!left_out.out.contains("failed"), "{left_out:?}");
}

/// Of many inputs a table has the largest; programs are told of all.
#[test]
fn the_largest_of_many_inputs_are_told() {
    let folder = Folder::new();
    // The later an input, the more it says.
    let row = |k: usize| {
        let inputs: Vec<f64> = (0..14).map(|j| (k as f64 * (0.7 + 0.13 * j as f64) + j as f64).sin()).collect();
        let class =
            if inputs.iter().enumerate().map(|(j, x)| (j * j) as f64 * x).sum::<f64>() > 0.0 { "up" } else { "down" };
        let inputs: String = inputs.iter().map(|x| format!("{x:.4},")).collect();
        format!("{inputs}{class}\n")
    };
    let names: String = (0..14).map(|j| format!("x{j},")).collect();
    folder.write("data.csv", format!("{names}state\n{}", (0..80).map(row).collect::<String>()));
    let run = "train data.csv --tolerance 0.1sd --hidden 3 --decay 0.01 --quiet";
    let text = folder.tautnet(&format!("{run} --out m.json")).out;
    let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("input ")).take(14).collect();
    assert_eq!(table[13], "and 2 more; --json tells of all", "{text}");
    let shares: Vec<f64> = table[1..13]
        .iter()
        .map(|line| line.split_once(" %").unwrap().0.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && shares[0] > 5.0, "{text}");
    let text = folder.tautnet("certify m.json --quiet").out;
    assert!(
        text.contains("moves the margin by at most") && text.ends_with("and 2 more; --json tells of all\n"),
        "{text}"
    );
}
