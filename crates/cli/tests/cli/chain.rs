//! Bounds, certificates and margins of networks with several hidden layers.

use crate::run::Folder;

/// A network with two hidden layers and three outputs, one with one output and a linear part, and rows of three classes.
fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write(
        "three.json",
        r#"{"format": "tautnet network", "version": 2, "layers": [
            {"weights": [[1, -1], [0.5, 2], [0, 1]], "bias": [0, -1, 0.5], "activation": "abs"},
            {"weights": [[1, -2, 0.5], [0.25, 1, -1]], "bias": [0.5, 0], "activation": "crelu"},
            {"weights": [[1, 2, 0, 1], [3, -1, 1, 0], [0, 0.5, -2, 1]], "bias": [0, 1, 0], "activation": "identity"}]}"#,
    );
    folder.write(
        "one.json",
        r#"{"format": "tautnet network", "version": 2, "layers": [
            {"weights": [[1, -1], [0.5, 2]], "bias": [0, -1], "activation": "sincos"},
            {"weights": [[1, -2, 0.5, 1]], "bias": [0.5], "activation": "tanh"},
            {"weights": [[2]], "bias": [0], "activation": "identity"}], "linear": [[0.5, 1]]}"#,
    );
    let row =
        |k: i32| format!("{},{},{}\n", f64::from(k % 7) - 3.0, f64::from(k % 5) - 2.0, ["p", "q", "r"][k as usize % 3]);
    folder.write("data.csv", format!("a,b,class\n{}", (0..30).map(row).collect::<String>()));
    folder
}

#[test]
fn what_is_found_and_what_is_proved_is_told_in_every_norm() {
    let folder = prepared();
    for (name, outputs) in [("three", 3), ("one", 1)] {
        let result = folder.tautnet(&format!("certify {name}.json --json --quiet")).json();
        for part in result["norms"].as_array().unwrap() {
            let [found, proved] = [&part["found"], &part["trivial_bound"]].map(|value| value.as_f64().unwrap());
            assert!(0.0 < found && found <= proved, "{part:#}");
            assert_eq!(part["tightness"].as_f64().unwrap(), proved / found);
            assert_eq!(part["layers"].as_array().unwrap().len(), 3);
            assert_eq!(part["outputs"].as_array().unwrap().len(), outputs);
            assert_eq!(part["linear"].is_null(), name == "three");
        }
        assert_eq!(result["norm"], "2");
        assert_eq!(result["norms"].as_array().unwrap().len(), 3);
        let shown = folder.tautnet(&format!("certify {name}.json --norm inf"));
        assert_eq!(shown.code, Some(0), "{shown:?}");
        for text in ["largest Jacobian found", "product of norms, proved", "proved over found", "layer 1, ", "norm inf"]
        {
            assert!(shown.out.contains(text), "{text}: {shown:?}");
        }
        assert_eq!(shown.out.contains("`output1` and `output3`"), name == "three", "{shown:?}");
        assert_eq!(shown.out.contains("linear part"), name == "one", "{shown:?}");
    }
}

#[test]
fn certificates_are_written_proved_and_refused_after_damage() {
    let folder = prepared();
    for (name, norm) in [("three", "2"), ("three", "1"), ("one", "inf"), ("one", "1")] {
        let ran =
            folder.tautnet(&format!("certify {name}.json --norm {norm} --certificate proof.json --force --quiet"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let ran = folder.tautnet(&format!("verify proof.json {name}.json"));
        assert!(
            ran.code == Some(0) && ran.out.starts_with("proved: the network's outputs change by at most"),
            "{ran:?}"
        );
        let json = folder.tautnet(&format!("verify proof.json {name}.json --json")).json();
        assert_eq!(json["proved"], true);
        let bound = json["standardized"]["lipschitz"].as_f64().unwrap();
        let text = folder.read("proof.json");
        let number = format!("{bound:?}");
        assert!(text.contains(&number), "{text}");
        folder.write(
            "less.json",
            text.replacen(&format!("\"bound\": {number}"), &format!("\"bound\": {:?}", 0.999 * bound), 1),
        );
        let ran = folder.tautnet(&format!("verify less.json {name}.json"));
        assert!(ran.code == Some(1) && ran.err.contains("not proved"), "{ran:?}");
        let other = if name == "one" { "three" } else { "one" };
        let ran = folder.tautnet(&format!("verify proof.json {other}.json"));
        assert!(ran.code == Some(1) && ran.err.contains("fingerprint"), "{ran:?}");
        folder.write("cut.json", &text[..text.len() / 2]);
        assert_eq!(folder.tautnet(&format!("verify cut.json {name}.json")).code, Some(2));
    }
}

#[test]
fn rows_that_keep_their_class_are_counted_and_proved() {
    let folder = prepared();
    let command = "certify three.json data.csv --target class --no-standardize --margins margins.json --force";
    let mut before = 31;
    for radius in ["0", "0.001", "0.1", "100"] {
        let result = folder.tautnet(&format!("{command} --radius {radius} --norm 2 --json --quiet")).json();
        let told = &result["margins"];
        let count = |key: &str| told[key].as_u64().unwrap();
        assert!(count("rows") == 30 && count("proved_right") <= count("right"), "{told:#}");
        assert!(count("proved_right") <= before && (radius != "100" || count("proved_right") == 0), "{told:#}");
        assert!(radius != "0" || count("proved_right") == count("right"));
        before = count("proved_right");
        let proved = folder.tautnet("verify margins.json three.json --json").json();
        assert_eq!(proved["proved_right"], told["proved_right"]);
        assert_eq!(proved["right"], told["right"]);
    }
    let ran = folder.tautnet("verify margins.json three.json");
    assert!(ran.code == Some(0) && ran.out.starts_with("proved: 0 of 30 rows keep their class"), "{ran:?}");
    let text = folder.read("margins.json");
    folder.write("less.json", text.replacen("\"radius\":100.0", "\"radius\":101.0", 1));
    let ran = folder.tautnet("verify less.json three.json");
    assert!(ran.code == Some(1) && ran.err.contains("row 1: its margin is shown to be"), "{ran:?}");
}

#[test]
fn what_does_not_go_together_is_one_error() {
    let folder = prepared();
    for option in ["--exact --resume s.json", "--worst-cases w.json", "--plot p.svg"] {
        let ran = folder.tautnet(&format!("certify three.json data.csv --target class {option}"));
        let name = option.split(' ').find(|word| word.starts_with("--") && *word != "--exact").unwrap();
        assert!(
            ran.code == Some(2) && ran.err.contains(&format!("`{name}` is for one hidden layer of relu units")),
            "{ran:?}"
        );
    }
    for (arguments, told) in [
        ("three.json --margins m.json --radius 1", "<DATA>"),
        ("three.json data.csv --margins m.json", "--radius"),
        ("three.json data.csv --radius 1", "--margins"),
        ("three.json data.csv --margins m.json --radius=-1", "below 0"),
        ("three.json data.csv --margins m.json --radius nan", "finite"),
        ("one.json data.csv --target b --margins m.json --radius 1", "2 inputs"),
    ] {
        let ran = folder.tautnet(&format!("certify {arguments}"));
        assert!(ran.code == Some(2) && ran.err.contains(told), "{arguments}: {ran:?}");
    }
    // A target of numbers has no classes.
    folder.write("numbers.csv", "a,b,y\n1,2,0.5\n2,3,0.25\n0,1,2\n4,4,1\n");
    let ran = folder.tautnet("certify one.json numbers.csv --margins m.json --radius 1");
    assert!(ran.code == Some(2) && ran.err.contains("`--margins` is for an output for each class"), "{ran:?}");
    assert!(!folder.path().join("m.json").exists());
}

/// Both searches, in every norm, between what is found and what is proved without them.
#[test]
fn exact_and_local_constants_stand_in_the_ladder() {
    let folder = prepared();
    for region in ["--box -1:1", "--ball 0.5", "--box 3:4"] {
        let result = folder.tautnet(&format!("certify three.json --exact {region} --json --quiet")).json();
        for part in result["norms"].as_array().unwrap() {
            let number = |value: &serde_json::Value| value.as_f64().unwrap();
            let ladder = &part["ladder"];
            let [found, proved, product] = ["found", "proved", "norm_product"].map(|key| number(&ladder[key]));
            let exact = number(&ladder["exact"][1]);
            assert!(number(&ladder["exact"][0]) <= exact && proved <= product, "{ladder:#}");
            assert!(number(&part["found"]) <= found && found <= exact && exact <= product, "{part:#}");
            if part["norm"] == "2" {
                assert!(exact <= number(&ladder["lipsdp"]) && ladder["lipsdp"].as_f64() <= ladder["greedy"].as_f64());
            }
            for (key, bound) in [("exact", product), ("local", exact)] {
                let told = &part[key];
                assert!(
                    number(&told["lower"]) <= number(&told["upper"]) && number(&told["upper"]) <= bound * (1.0 + 1e-6)
                );
                assert!(told["closed"] == true && number(&told["gap"]) < 1e-5, "{told:#}");
                assert_eq!((told["pairs"].as_array().unwrap().len(), &told["in_certificate"]), (3, &false.into()));
                for (pair, proved) in told["pairs"].as_array().unwrap().iter().zip(part["pairs"].as_array().unwrap()) {
                    assert!(number(&pair["upper"]) <= number(proved), "{pair:#}");
                }
            }
        }
        let shown = folder.tautnet(&format!("certify three.json --exact {region} --norm 2"));
        let place = if region.starts_with("--ball") { "in the ball" } else { "in the box" };
        for text in ["exact, at least", "exact, at most", &format!("{place}, at most"), "  exact  "] {
            assert!(shown.code == Some(0) && shown.out.contains(text), "{text}: {shown:?}");
        }
        assert!(shown.err.contains("is proved by this program"), "{shown:?}");
    }
    // Smooth slopes have bounds over a region too; without one that is given it is the box of the data.
    let told = folder.tautnet("certify one.json --box -1:1 --norm inf --json --quiet").json();
    assert!(told["local"]["upper"].as_f64().unwrap() < told["trivial_bound"].as_f64().unwrap(), "{told:#}");
    let shown = folder.tautnet("certify three.json data.csv --target class --norm 1 --no-standardize");
    assert!(shown.code == Some(0) && shown.out.contains("in the data's box, at most"), "{shown:?}");
    // Within a time that is too short, what is proved without a search is told.
    let short = folder.tautnet("certify three.json --exact --box -1:1 --time-limit 0.001s --json --quiet").json();
    let ladder = &short["ladder"];
    assert!(ladder["exact"][1].as_f64().unwrap() <= ladder["norm_product"].as_f64().unwrap(), "{ladder:#}");
}

#[test]
fn an_exact_constant_that_there_is_not_is_refused() {
    let folder = prepared();
    for (arguments, told) in [
        ("one.json --exact", "the slopes of `sincos` change smoothly"),
        ("three.json --box 1:0", "1:0"),
        ("three.json --box nan:1", "nan:1"),
        ("three.json --box -inf:1", "-inf:1"),
        ("three.json --ball=-1", "-1"),
        ("three.json --ball nan", "nan"),
        ("three.json --box 0:1 --ball 1", "--ball"),
    ] {
        let ran = folder.tautnet(&format!("certify {arguments}"));
        assert!(ran.code == Some(2) && ran.out.is_empty() && ran.err.contains(told), "{arguments}: {ran:?}");
    }
}
