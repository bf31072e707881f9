//! `tautnet compare`: what its settings leave out.

use crate::run::Folder;
use serde_json::Value;

/// With a linear part the methods that have none are left out, and so are those that are the same as another.
#[test]
fn a_comparison_with_a_linear_part_leaves_out_what_has_none() {
    let folder = Folder::new();
    let compare = "compare machine --hidden 4 --trials 1 --lipschitz-price 0.05 --radius 0";
    let ran = folder.tautnet(&format!("{compare} --linear-part --start sgd"));
    for told in [
        "the method `relu-al` has no linear part, and a linear part was asked for",
        "the method `gated` has no linear part, and a linear part was asked for",
        "the method `admm` has no linear part, and a linear part was asked for",
        "the method `joint-linear` would be the same as `joint`, and a linear part was asked for",
    ] {
        assert!(ran.err.contains(&format!("left out: {told}")), "{ran:?}");
    }
    assert!(ran.code == Some(0) && ran.out.contains("4 hidden units and a linear part"), "{ran:?}");
    assert!(ran.out.contains("walk") && !ran.out.contains("failed"), "{ran:?}");
    let ran = folder.tautnet(&format!("{compare} --linear-part --start admm"));
    assert!(ran.code == Some(2) && ran.err.contains("the starting network `admm` has no linear part"), "{ran:?}");
    let objectives = |asked: &str| -> Vec<Value> {
        let found = folder.tautnet(&format!("{compare} {asked} --json")).json();
        found["methods"].as_array().unwrap().iter().map(|method| method["objective"].clone()).collect()
    };
    let all = objectives("--linear-part --start sgd,pgd --method joint");
    assert_eq!(all, objectives("--start sgd-linear,pgd-linear --method joint-linear"));
    assert_ne!(all, objectives("--start sgd,pgd --method joint"));
}
