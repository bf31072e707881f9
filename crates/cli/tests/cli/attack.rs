//! `tautnet attack`: what is found is never above the ceiling.

use crate::model::MODEL;
use crate::run::Folder;
use serde_json::Value;

const PLAIN: &str = r#"{"w": [[1, -1], [0.5, 2], [-1, 0.3]], "b": [0.1, -1, 0.2], "v": [1, -2, 0.5], "c": 0.5}"#;

fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write("model.json", MODEL);
    folder.write("data.csv", "kind,a,y\nB,1.5,10\nA,2.5,30\nA,3,20\nB,0,12\n");
    folder.write("plain.json", PLAIN);
    folder.write("plain.csv", "a,b,y\n1,2,3\n2,1,4\n0,5,2\n-1,0.5,0\n");
    folder
}

#[test]
fn found_is_at_most_proved_at_every_radius_in_both_norms() {
    let folder = prepared();
    for flags in ["", "--norm inf", "--norm inf --method fast-gradient", "--threads 2 --seed 4 --restarts 0"] {
        for names in ["model.json data.csv", "plain.json plain.csv", "plain.json plain.csv --no-standardize"] {
            let result = folder.tautnet(&format!("attack {names} --radius 0:1:0.1 {flags} --json")).json();
            let radii = result["radii"].as_array().unwrap();
            let column = |key: &str| radii.iter().map(|r| r[key].as_f64().unwrap()).collect::<Vec<_>>();
            let (radius, found, ceiling) = (column("radius"), column("found"), column("ceiling"));
            assert_eq!(radius, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]);
            assert!((found[0] - ceiling[0]).abs() <= 1e-12 * found[0]);
            for k in 0..radius.len() {
                assert!(found[k] <= ceiling[k], "{names} {flags}: {result:#}");
                let proved = radii[k]["proved"].as_f64().unwrap();
                assert!(found[k] <= proved && proved <= ceiling[k], "{names} {flags}: {result:#}");
                assert!(k == 0 || (found[k] >= found[k - 1] && ceiling[k] > ceiling[k - 1]), "{result:#}");
            }
        }
    }
}

#[test]
fn people_get_a_table_and_machines_the_same_for_any_number_of_threads() {
    let folder = prepared();
    let ran = folder.tautnet("attack model.json data.csv --radius 0.5,0.1");
    for part in ["radius", "error found", "ceiling by the bound", "`y` off by, found"] {
        assert!(ran.code == Some(0) && ran.out.contains(part), "{part} in {ran:?}");
    }
    assert_eq!(ran.out.lines().count(), 3);
    let run = |threads: u8| -> Value {
        folder.tautnet(&format!("attack plain.json plain.csv --threads {threads} --json")).json()
    };
    assert_eq!(run(1), run(2));
}

/// The bound is that of the model's own certificate where it is in the norm of the attack.
#[test]
fn the_ceiling_is_that_of_the_certificate() {
    let folder = prepared();
    assert_eq!(
        folder.tautnet("polish model.json data.csv --lipschitz-price 1e-4 --norm inf --out m.json").code,
        Some(0)
    );
    let stored: Value = serde_json::from_str(&folder.read("m.json")).unwrap();
    let own = folder.tautnet("attack m.json data.csv --json").json();
    assert_eq!((&own["norm"], &own["lipschitz"]), (&"inf".into(), &stored["certificate"]["standardized"]["bound"]));
    let other = folder.tautnet("attack m.json data.csv --norm 2 --json").json();
    assert!(other["norm"] == "2" && other["lipschitz"] != own["lipschitz"], "{other:#}");
}

#[test]
fn bad_radii_and_starts_that_no_one_uses_are_refused() {
    let folder = prepared();
    for (radii, why) in [
        ("0:1", "write FIRST:LAST:STEP"),
        ("0:1:0", "STEP must be above zero"),
        ("1:0:0.1", "FIRST must not be above LAST"),
        ("0:1:1e-7", "more than 10000 numbers"),
        ("-1,2", "it must not be negative"),
        ("wide", "it must be a number"),
    ] {
        let ran = folder.tautnet(&format!("attack model.json data.csv --radius {radii}"));
        assert!(ran.code == Some(2) && ran.err.contains(why) && ran.err.contains("hint: "), "{ran:?}");
    }
    let ran = folder.tautnet("attack model.json data.csv --method fast-gradient --restarts 2");
    let why = "error: the attack `fast-gradient` was given 2 random starts, which it does not use\nhint: ";
    assert!(ran.code == Some(2) && ran.err.starts_with(why), "{ran:?}");
}
