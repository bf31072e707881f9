//! Time limits and Ctrl-C: kept in every stage, with the best so far or a message, and nothing half-written.
//!
//! The slack is for machines with much else to do; the red-team suite looks at the two seconds themselves.

use crate::run::{Folder, Ran, TAUTNET};
use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SLACK: Duration = Duration::from_secs(10);

/// One column of so many words, and a number.
fn words(words: usize, rows: usize) -> String {
    let row = |k: usize| format!("w{},{},{}\n", k % words, k % 11, (k * k) % 17);
    format!("word,x,y\n{}", (0..rows).map(row).collect::<String>())
}

fn numbers(columns: usize, rows: usize) -> String {
    let mut text: String = (0..columns).map(|j| format!("x{j},")).collect();
    text.push_str("y\n");
    for k in 0..rows {
        (0..columns).for_each(|j| write!(text, "{},", ((k * 31 + j * 17 + k * j) % 101) as f64 / 50.0 - 1.0).unwrap());
        writeln!(text, "{}", (k * 7) % 13).unwrap();
    }
    text
}

/// It ended in time, with a result or a message, and what it wrote is whole.
fn check(folder: &Folder, ran: &Ran, command: &str) {
    let names: Vec<String> = folder.contents().into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| ["data.csv", "net.json", "m.json"].contains(&&name[..])), "{command}: {names:?}");
    match ran.code {
        Some(0) => {
            if names.iter().any(|name| name == "m.json") {
                let verified = folder.tautnet("verify m.json m.json");
                assert_eq!(verified.code, Some(0), "{command}: {verified:?}");
            }
        }
        Some(2 | 130) => {
            assert!(ran.err.contains("error: ") && ran.err.contains("hint: "), "{command}: {ran:?}");
            assert!(!names.iter().any(|name| name == "m.json"), "{command}: {names:?}");
        }
        _ => panic!("{command}: {ran:?}"),
    }
}

fn timed(data: &str, command: &str) -> Ran {
    let folder = Folder::new();
    folder.write("data.csv", data);
    let started = Instant::now();
    let ran = folder.tautnet(&format!("{command} --time-limit 1s --quiet"));
    let took = started.elapsed();
    assert!(took <= Duration::from_secs(3) + SLACK, "{command}: {took:?}");
    check(&folder, &ran, command);
    ran
}

#[test]
fn many_words_end_in_time() {
    timed(&words(150, 300), "train data.csv --hidden 2 --out m.json");
}

#[test]
fn many_units_end_in_time() {
    for start in ["sgd", "random"] {
        timed(&numbers(4, 100), &format!("train data.csv --hidden 10000 --start {start} --out m.json"));
    }
}

#[test]
fn many_columns_end_in_time() {
    timed(&numbers(2000, 40), "train data.csv --hidden 5 --out m.json");
}

#[test]
fn a_walk_ends_in_time() {
    timed(&numbers(8, 1000), "train data.csv --hidden 200 --method walk --lipschitz-price 0.01 --out m.json");
}

#[test]
fn a_comparison_ends_in_time() {
    timed(&numbers(8, 500), "compare data.csv --hidden 200");
}

/// Whether there is a result by then or not: it is whole, and the status says which.
#[cfg(unix)]
#[test]
fn ctrl_c_gives_the_best_so_far_or_a_message() {
    for pause in [300, 1500] {
        let folder = Folder::new();
        folder.write("data.csv", numbers(8, 1000));
        let command = "train data.csv --hidden 200 --lipschitz-price 0.01 --quiet --out m.json";
        let child = folder
            .command(TAUTNET)
            .args(command.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        let started = Instant::now();
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(sent.success() && started.elapsed() <= Duration::from_secs(2) + SLACK, "{:?}", started.elapsed());
        // Before the work has begun the system's own handler ends the program.
        let ran = Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        match ran.code {
            None => assert!(folder.contents().len() == 1, "{ran:?}"),
            Some(_) => check(&folder, &ran, command),
        }
    }
}
