//! `tautnet certify --certificate` and `tautnet verify`: exit status 0 only for a proof.

use crate::model::MODEL;
use crate::run::Folder;
use serde_json::Value;

const PLAIN: &str = r#"{"w": [[1, -1], [0.5, 2], [-1, 0.3]], "b": [0.1, -1, 0.2], "v": [1, -2, 0.5], "c": 0.5}"#;

fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write("model.json", MODEL);
    folder.write("plain.json", PLAIN);
    for (network, certificate) in [("model.json", "model.cert"), ("plain.json", "plain.cert")] {
        let ran = folder.tautnet(&format!("certify {network} --certificate {certificate}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    folder
}

#[test]
fn what_certify_writes_verify_proves() {
    let folder = prepared();
    for norm in ["2", "inf"] {
        for network in ["model.json", "plain.json"] {
            let bounds =
                folder.tautnet(&format!("certify {network} --norm {norm} --certificate c --force --json")).json();
            let proof = folder.tautnet(&format!("verify c {network} --json")).json();
            assert_eq!(proof["proved"], true);
            assert_eq!((&proof["norm"], &proof["standardized"]["lipschitz"]), (&norm.into(), &bounds["lipschitz"]));
            assert_eq!(proof["raw"].is_object(), network == "model.json");
            // Lower bounds are below, and the certificate is the best of the upper ones.
            for bound in bounds["bounds"].as_array().unwrap() {
                let (value, best) = (bound["value"].as_f64().unwrap(), bounds["lipschitz"].as_f64().unwrap());
                let fits = if bound["direction"] == "upper" { value >= best * (1.0 - 1e-9) } else { value <= best };
                assert!(fits, "{bounds:#}");
            }
        }
    }
    let ran = folder.tautnet("verify model.cert model.json");
    assert!(ran.out.contains("by the model's scaler") && ran.code == Some(0), "{ran:?}");
}

#[test]
fn a_claim_that_fails_is_exit_status_one() {
    let folder = prepared();
    let text = folder.read("model.cert");
    let certificate: Value = serde_json::from_str(&text).unwrap();
    let mut changed = certificate.clone();
    changed["standardized"]["bound"] = (0.99 * certificate["standardized"]["bound"].as_f64().unwrap()).into();
    folder.write("lower.cert", changed.to_string());
    let mut changed = certificate.clone();
    changed["scaler"]["y_scale"] = 9.0.into();
    folder.write("units.cert", changed.to_string());
    let mut changed = certificate.clone();
    changed["standardized"]["multipliers"] = vec![1.0].into();
    folder.write("short.cert", changed.to_string());
    for (certificate, network, why) in [
        ("lower.cert", "model.json", "do not show the standardized bound"),
        ("units.cert", "model.json", "the scalers differ"),
        ("short.cert", "model.json", "has 1 multipliers, not 2"),
        ("plain.cert", "model.json", "another fingerprint"),
        ("model.cert", "plain.json", "another fingerprint"),
    ] {
        let ran = folder.tautnet(&format!("verify {certificate} {network}"));
        assert!(ran.code == Some(1) && ran.out.is_empty(), "{ran:?}");
        assert!(ran.err.starts_with(&format!("error: {certificate}: ")) && ran.err.contains(why), "{ran:?}");
        let ran = folder.tautnet(&format!("verify {certificate} {network} --json"));
        assert!(ran.code == Some(1) && serde_json::from_str::<Value>(&ran.out).unwrap()["proved"] == false, "{ran:?}");
    }
}

#[test]
fn what_is_no_certificate_could_not_be_judged() {
    let folder = prepared();
    folder.write("empty", "");
    folder.write("future.cert", folder.read("model.cert").replace("\"version\": 2", "\"version\": 3"));
    for (command, err) in [
        ("verify none model.json", "error: none could not be read: "),
        ("verify empty model.json", "error: empty: the certificate cannot be read: "),
        ("verify plain.json plain.json", "error: plain.json: the certificate cannot be read: "),
        ("verify future.cert model.json", "error: future.cert: the certificate is of another kind: it says "),
        ("verify model.cert none", "error: none could not be read: "),
        ("verify model.json model.json", "error: the model in model.json has no certificate\n"),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.starts_with(err) && ran.err.contains("hint: "), "{command}: {ran:?}");
    }
    let before = folder.contents();
    let ran = folder.tautnet("certify model.json --certificate model.cert");
    assert!(ran.code == Some(2) && ran.err.starts_with("error: model.cert exists already"), "{ran:?}");
    assert_eq!(folder.contents(), before);
}
