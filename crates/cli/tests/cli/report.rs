//! `--report` and `--plot`: whole files of the right kind, or a message and nothing.

use crate::run::{Folder, TAUTNET};

const NETWORK: &str = r#"{"w": [[1, -1], [0.5, 2], [-1, 0.3]], "b": [0.1, -1, 0.2], "v": [1, -2, 0.5], "c": 0.5}"#;
const TRAIN: &str = "train machine --hidden 8 --start random --quiet";

fn rows(count: u32) -> String {
    (0..count).map(|k| format!("{},{},{}\n", k % 7, (k * k) % 11, k % 5)).collect()
}

#[test]
fn a_report_and_every_chart_come_out_of_one_run() {
    let folder = Folder::new();
    let plots = "--plot a.svg --plot attack=a.png --plot bounds=b.PNG --plot fit=f.svg --plot path=p.svg --plot convergence=c.png";
    let ran = folder.tautnet(&format!("{TRAIN} --test 0.2 --report r.html {plots}"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let page = folder.read("r.html");
    for part in [
        "<!DOCTYPE html>",
        "the 42 rows held out",
        "tautnet train machine --hidden 8",
        "id=\"path\"",
        "id=\"convergence\"",
        "</html>\n",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("src="));
    for name in ["a.svg", "f.svg", "p.svg"] {
        let chart = folder.read(name);
        assert!(chart.starts_with("<?xml") && chart.ends_with("</svg>\n") && chart.contains("<desc"), "{name}");
    }
    for name in ["a.png", "b.PNG", "c.png"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB`\x82"), "{name}");
    }
    // The same run, the same page, with one thread and with two, but for the command that it shows.
    let again = |threads: u8, name: &str| {
        let ran = folder.tautnet(&format!("{TRAIN} --test 0.2 --threads {threads} --report {name}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        folder.read(name).replace(&format!("--threads {threads} --report {name}"), "")
    };
    assert_eq!(again(1, "one.html"), again(2, "two.html"));
}

/// Where inputs have a tolerance the page begins with the worst case, and so does a chart without a name.
#[test]
fn a_report_of_a_tolerance_begins_with_the_worst_case() {
    const QUICK: &str = "train machine --hidden 6 --decay 0.01 --quiet";
    let folder = Folder::new();
    let figures = |page: &str| -> Vec<String> {
        page.split("<figure id=\"").skip(1).map(|part| part.split('"').next().unwrap().to_owned()).collect()
    };
    let plots = "--plot t.svg --plot causes=c.png --plot bounds=b.svg --plot fit=f.svg --plot residuals=e.svg --plot dependence=d.png";
    let ran = folder.tautnet(&format!("{QUICK} --test 0.2 --report r.html {plots} --json"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let page = folder.read("r.html");
    assert_eq!(figures(&page), ["tolerance", "causes", "bounds", "fit", "residuals", "dependence"]);
    for part in ["the 42 rows held out", "id=\"choice\"", "tautnet train machine --hidden 6"] {
        assert!(page.contains(part), "{part}");
    }
    // The page and the JSON tell the same numbers.
    let proved = ran.json()["held_out"]["result"]["user_units"]["proved"].as_f64().unwrap();
    let told = page.split("is off by at most ").nth(1).unwrap().split(' ').next().unwrap();
    assert!((told.parse::<f64>().unwrap() - proved).abs() < 1e-3 * proved, "{told} {proved}");
    assert!(folder.read("t.svg").contains("Worst-case error against the size of the tolerance"));
    assert!(folder.read("f.svg").contains("proved within the tolerance"));
    assert!(folder.read("e.svg").contains("half of the rows are off by at most"));
    assert!(std::fs::read(folder.path().join("d.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(std::fs::read(folder.path().join("c.png")).unwrap().starts_with(b"\x89PNG"));

    // Without rows held out, with one thread and with two: the same page but for the command.
    let again = |threads: u8, name: &str| {
        let ran = folder.tautnet(&format!("{QUICK} --threads {threads} --report {name}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        folder.read(name).replace(&format!("--threads {threads} --report {name}"), "")
    };
    let one = again(1, "one.html");
    assert!(one.contains("rows, each predicted by networks that did not learn from it"));
    assert_eq!(one, again(2, "two.html"));

    for chart in ["attack", "path", "convergence"] {
        let ran = folder.tautnet(&format!("{QUICK} --plot {chart}=x.svg"));
        assert_eq!(ran.code, Some(2));
        let hint = "hint: choose one of: tolerance, causes, bounds, fit, residuals, dependence\n";
        assert!(
            ran.err.starts_with(&format!("error: there is no chart `{chart}` here: ")) && ran.err.ends_with(hint),
            "{ran:?}"
        );
    }
    // With no time there is nothing to judge by, and still a page.
    let ran = folder.tautnet("train machine --time-limit 0 --report late.html --plot late.svg");
    assert!(
        ran.code == Some(0) && ran.err.contains("there is nothing that the chart `tolerance` could show"),
        "{ran:?}"
    );
    assert_eq!(figures(&folder.read("late.html")), ["bounds", "fit", "residuals", "dependence"]);
    assert!(!folder.path().join("late.svg").exists());
}

#[test]
fn a_polish_within_a_tolerance_shows_the_worst_case_first() {
    let folder = Folder::new();
    folder.write("net.json", NETWORK);
    folder.write("data.csv", format!("a,b,y\n{}", rows(30)));
    for (test, name) in [("", "the 30 rows learned from"), ("--test 0.3", "the 9 rows held out")] {
        let run =
            format!("polish net.json data.csv {test} --tolerance 0.1 --quiet --force --report r.html --plot p.svg");
        assert_eq!(folder.tautnet(&run).code, Some(0), "{test}");
        let page = folder.read("r.html");
        assert!(page.find("id=\"tolerance\"").unwrap() < page.find("id=\"attack\"").unwrap());
        assert!(
            page.contains(name) && page.contains("id=\"convergence\"") && !page.contains("id=\"causes\""),
            "{page}"
        );
        // Either chart where none is named: the first there is.
        assert!(folder.read("p.svg").contains("against the size of the tolerance"));
    }
    let ran = folder.tautnet("polish net.json data.csv --tolerance 0.1 --plot causes=x.svg");
    assert!(ran.code == Some(2) && ran.err.contains("only `train` says what each input causes"), "{ran:?}");
    let ran = folder.tautnet("polish net.json data.csv --plot tolerance=x.svg");
    assert!(ran.code == Some(2) && ran.err.contains("no input has a tolerance"), "{ran:?}");
}

#[test]
fn a_plain_network_and_a_model_have_reports_too() {
    let folder = Folder::new();
    folder.write("net.json", NETWORK);
    folder.write("data.csv", format!("a,b,y\n{}", rows(30)));
    for flags in [
        "",
        "--no-standardize",
        "--norm inf",
        "--method alternating",
        "--method weight-decay",
        "--method walk",
        "--time-limit 0",
    ] {
        let run = format!("polish net.json data.csv --quiet --report r.html --plot fit=f.png --force {flags}");
        assert_eq!(folder.tautnet(&run).code, Some(0), "{flags}");
        let page = folder.read("r.html");
        assert!(
            page.contains("The network of 3 hidden units in net.json was polished on 30 rows of data.csv"),
            "{page}"
        );
        assert!(page.contains("id=\"attack\"") && !page.contains("id=\"path\""), "{flags}");
    }
    assert_eq!(folder.tautnet(&format!("{TRAIN} --lipschitz-price 0.1 --out m.json")).code, Some(0));
    let ran = folder.tautnet("polish m.json machine --lipschitz-price 0.2 --out m2.json --report m.html");
    assert!(ran.code == Some(0) && ran.err.contains("note: the report is in m.html"), "{ran:?}");
    let ran = folder.tautnet("attack m2.json machine --radius 0.5,0,0.2 --plot attack.svg");
    assert!(ran.code == Some(0) && folder.read("attack.svg").contains("ceiling"), "{ran:?}");
    for network in ["m2.json", "net.json"] {
        let ran = folder.tautnet(&format!("certify {network} --plot bounds.svg --force"));
        assert!(ran.code == Some(0) && folder.read("bounds.svg").contains("LipSDP, proved"), "{ran:?}");
    }
}

#[test]
fn with_no_time_at_all_there_is_still_a_report() {
    let folder = Folder::new();
    let ran = folder.tautnet(&format!("{TRAIN} --time-limit 0 --report r.html --plot convergence=c.svg"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(folder.read("r.html").contains("time limit reached"));
}

#[test]
fn what_cannot_be_written_is_refused_before_any_work() {
    let folder = Folder::new();
    folder.write("old.html", "old");
    let before = folder.contents();
    for (flags, err) in [
        (
            "--report old.html",
            "error: old.html exists already\nhint: give another name, or replace it with `--force`\n",
        ),
        (
            "--plot none/a.svg",
            "error: none/a.svg could not be written: No such file or directory (os error 2)\nhint: make the folder first\n",
        ),
        (
            "--report a.html --out a.html",
            "error: a.html is given for two results\nhint: give each result a file of its own\n",
        ),
        (
            "--plot fit=a.png --plot bounds=a.png",
            "error: a.png is given for two results\nhint: give each result a file of its own\n",
        ),
        (
            "--plot path=a.png --lipschitz-price 0.1",
            "error: there is no chart `path` here: the price λ is given and not chosen\nhint: choose one of: attack, bounds, fit, residuals, dependence, convergence\n",
        ),
        (
            "--plot causes=a.png",
            "error: there is no chart `causes` here: no input has a tolerance\nhint: choose one of: attack, bounds, fit, residuals, dependence, path, convergence\n",
        ),
        (
            "--plot a.pdf",
            "error: invalid value 'a.pdf' for '--plot <[CHART=]FILE>': the name of the file must end in .svg or .png\nhint: `--help` after the command shows every flag\n",
        ),
        (
            "--plot pie=a.png",
            "error: invalid value 'pie=a.png' for '--plot <[CHART=]FILE>': there is no chart called `pie`; choose one of: tolerance, causes, attack, bounds, fit, residuals, dependence, path, convergence\nhint: `--help` after the command shows every flag\n",
        ),
    ] {
        let ran = folder.tautnet(&format!("{TRAIN} {flags}"));
        assert_eq!((ran.code, ran.err.as_str()), (Some(2), err), "{flags}");
        assert_eq!(folder.contents(), before, "{flags}");
    }
}

/// Killed at any moment, a page and a picture are whole or not there.
#[cfg(unix)]
#[test]
fn a_killed_run_leaves_no_half_written_report() {
    let folder = Folder::new();
    folder.write("net.json", NETWORK);
    folder.write("data.csv", format!("a,b,y\n{}", rows(400)));
    let command = "polish net.json data.csv --quiet --report r.html --plot a.png";
    let started = std::time::Instant::now();
    assert_eq!(folder.tautnet(command).code, Some(0));
    let pause = started.elapsed() / 20;
    let files = ["r.html", "a.png"].map(|name| folder.path().join(name));
    let whole = files.clone().map(|file| std::fs::read(file).unwrap());
    for round in 0..25 {
        for file in &files {
            let _ = std::fs::remove_file(file);
        }
        let mut child =
            folder.command(TAUTNET).args(command.split(' ')).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(pause * round);
        let _ = child.kill();
        let _ = child.wait();
        for (file, whole) in files.iter().zip(&whole) {
            assert!(
                !file.exists() || std::fs::read(file).unwrap() == *whole,
                "half of {} in round {round}",
                file.display()
            );
        }
    }
}
