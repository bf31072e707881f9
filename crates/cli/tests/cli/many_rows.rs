//! Tables of so many rows that branch and bound makes only some intervals smaller, and searches that end at their counts.

use crate::run::Folder;
use serde_json::Value;
use std::fmt::Write;

fn numbers(json: &Value, name: &str) -> Vec<f64> {
    json[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Of many rows the widest intervals are refined, and it is said; all hold what is found for a few of them.
#[test]
fn of_many_rows_the_widest_are_refined() {
    let folder = Folder::new();
    // 200,000,000 / ((units + 50) × inputs) nodes in all: fewer than two for each of so many rows.
    let (inputs, mut text) = (8, String::new());
    let names: Vec<String> = (0..inputs).map(|k| format!("x{k}")).collect();
    let _ = writeln!(text, "{},y", names.join(","));
    let value = |row: usize, k: usize| (f64::from((7 * row + 13 * k * k + row * k) as u32 % 101) / 50.0) - 1.0;
    for row in 0..80 {
        let x: Vec<f64> = (0..inputs).map(|k| value(row, k)).collect();
        let y = x[0].max(0.0) + x[1] * x[2] + 0.1 * x[3];
        let cells: Vec<String> = x.iter().chain([&y]).map(f64::to_string).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    folder.write("few.csv", &text);
    let (head, body) = text.split_once('\n').unwrap();
    folder.write("many.csv", format!("{head}\n{}", body.repeat(1500)));
    let train =
        "train few.csv --target y --start random --hidden 100 --lipschitz-price 0.1 --tol 1e-2 --out m.json --quiet";
    let ran = folder.tautnet(train);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for asked in ["--radius 0.1", "--tolerance 0.05sd"] {
        let few = folder.tautnet(&format!("predict m.json few.csv {asked} --json"));
        assert!(!few.err.contains("refined"), "{few:?}");
        let few = few.json();
        assert_eq!(few["refined"], 80);
        let many = folder.tautnet(&format!("predict m.json many.csv {asked} --json"));
        assert!(many.err.contains("--nodes 20 refines all"), "{}", many.err);
        let told = many.err.split("note: of 120000 intervals the ").nth(1).and_then(|rest| rest.split(' ').next());
        let widest: u64 = told.unwrap().parse().unwrap();
        let many = many.json();
        let refined = many["refined"].as_u64().unwrap();
        assert!(widest > 0 && widest < 5000 && refined <= widest, "{refined} of {widest}");
        let ends = |json: &Value| (numbers(json, "lower"), numbers(json, "predictions"), numbers(json, "upper"));
        let ((low, f, high), (wide_low, wide_f, wide_high)) = (ends(&few), ends(&many));
        for k in 0..120_000 {
            let row = k % 80;
            assert_eq!(f[row], wide_f[k]);
            assert!(wide_low[k] <= f[row] && f[row] <= wide_high[k]);
            // Those of the small table have more than 20 nodes each, and no fewer prove more, but for rounding.
            let size = 1e-9 * (1.0 + f[row].abs());
            assert!(wide_low[k] <= low[row] + size && high[row] <= wide_high[k] + size, "{asked}, row {k}");
        }
        let again = folder.tautnet(&format!("predict m.json many.csv {asked} --json")).json();
        assert_eq!(many, again);
    }
}

/// The proofs come first, and the search for gradients is told in counts, which a flag changes.
#[test]
fn a_search_for_gradients_ends_at_its_evaluations() {
    let folder = Folder::new();
    let entry = |i: usize, k: usize| (f64::from((31 * i + 17 * k + i * k) as u32 % 23) - 11.0) / 7.0;
    let w: Vec<Vec<f64>> = (0..40).map(|i| (0..5).map(|k| entry(i, k)).collect()).collect();
    let b: Vec<f64> = (0..40).map(|i| entry(i, 9)).collect();
    let v: Vec<f64> = (0..40).map(|i| entry(i, 12) / 6.0).collect();
    folder.write("n.json", serde_json::json!({"w": w, "b": b, "v": v, "c": 0.0}).to_string());
    let usual = folder.tautnet("certify n.json --norm 2 --json").json();
    let few = folder.tautnet("certify n.json --norm 2 --evaluations 40 --json").json();
    let of = |json: &Value, key: &str| json["bounds"][0][key].clone();
    assert_eq!(of(&usual, "name"), "largest gradient found");
    assert_eq!((&usual["lipschitz"], &few["lipschitz"]), (&few["lipschitz"], &usual["lipschitz"]));
    assert!(of(&few, "value").as_f64() <= of(&usual, "value").as_f64());
    assert!(of(&few, "value").as_f64() <= few["lipschitz"].as_f64());
    let (took, most) = (of(&few, "search"), of(&usual, "search"));
    assert_eq!(took["most_evaluations"], 40);
    assert!(took["evaluations"].as_u64() < most["evaluations"].as_u64(), "{took} {most}");
    assert!(most["evaluations"].as_u64() < most["most_evaluations"].as_u64(), "{most}");
    let shown = folder.tautnet("certify n.json --norm 2 --evaluations 40");
    assert!(shown.err.contains("ended after its 40 evaluations; --evaluations 160 looks further"), "{}", shown.err);
    assert!(!folder.tautnet("certify n.json --norm 2").err.contains("evaluations"));
    let refused = folder.tautnet("certify n.json --evaluations 0");
    assert!(refused.code == Some(2) && refused.err.contains("--evaluations"), "{refused:?}");
    folder.write(
        "deep.json",
        r#"{"format": "tautnet network", "version": 2, "layers": [
            {"weights": [[1, -1]], "bias": [0], "activation": "tanh"},
            {"weights": [[2]], "bias": [0], "activation": "identity"}]}"#,
    );
    let refused = folder.tautnet("certify deep.json --evaluations 10");
    assert!(refused.code != Some(0) && refused.err.contains("--evaluations"), "{refused:?}");
}
