//! Names are what others gave: they command no terminal, may be any bytes that the system allows, and are those of different files.

use crate::run::{Folder, Ran};

const NETWORK: &str = r#"{"w": [[1, -1], [0.5, 2]], "b": [0, -1], "v": [1, -2], "c": 0.5}"#;
const DATA: &str = "a,b,y\n1,2,3\n2,1,4\n0,5,2\n4,4,1\n3,1,0\n";

/// Clears the screen and sets the title, in seven bits and in eight; turns the direction of writing; goes up a line.
const COMMANDS: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{8}\r";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("net.json", NETWORK);
    folder.write("data.csv", DATA);
    folder
}

/// Whether a text has no command to a terminal in it, line feeds aside.
fn is_plain(text: &str) -> bool {
    text.chars().all(|character| {
        character == '\n' || !(character.is_control() || ('\u{202a}'..='\u{202e}').contains(&character))
    })
}

#[test]
fn nothing_that_is_printed_commands_the_terminal() {
    let folder = folder();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let (column, level) = (quoted(&format!("c{COMMANDS}\nerror: forged")), quoted(&format!("l{COMMANDS}")));
    folder.write("bad.csv", format!("{column},k,y\n1,{level},3\n2,b,4\n3,b,1\n4,{level},0\n5,b,2\n"));
    folder.write("hole.csv", format!("{column},y\n1,2\n,4\n3,1\n"));
    folder.write("word.csv", format!("a,y\n1,2\n2,4\n3,1\n{level},5\n"));
    folder.write("key.json", format!("{{\"c{}\": 1}}", "\\u001b[2J\\u009b"));
    folder.write("raw.json", format!("{{\"w\": \"{}\"", "\u{9b}31m\u{202e}"));
    folder.write("format.json", format!("{{\"format\": \"x{}\"}}", "\\u001b[2J\\u009b"));
    folder.write("table.toml", format!("title = \"a\"\n\"t{}\" = 1\n", "\u{9b}\\u001b"));
    folder.write(&format!("f{COMMANDS}.csv"), DATA);
    let train = "train bad.csv --hidden 2 --start random --lipschitz-price 0.1 --out m.json --force";
    for command in [
        train,
        "train bad.csv --hidden 2 --start random --lipschitz-price 0.1 --json --quiet",
        "train bad.csv --target nothing",
        "train hole.csv",
        "train word.csv",
        "data show bad.csv",
        "data show bad.csv --json",
        "data show hole.csv --json",
        "certify m.json --quiet",
        "certify m.json --quiet --json",
        "attack m.json bad.csv",
        "predict m.json bad.csv --json",
        "predict m.json data.csv",
        "certify key.json",
        "certify raw.json",
        "certify format.json",
        "verify raw.json net.json",
        "certify net.json --exact --resume key.json",
        "reproduce table-1 --experiment table.toml",
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code.is_some() && is_plain(&ran.out) && is_plain(&ran.err), "{command}: {ran:?}");
        let forged = ran.out.lines().chain(ran.err.lines()).filter(|line| line.starts_with("error: forged")).count();
        assert_eq!(forged, 0, "{command}: {ran:?}");
    }
    let name = format!("f{COMMANDS}.csv");
    let argument = format!("--tar{COMMANDS}");
    for arguments in [
        &["data", "show", &name][..],
        &["polish", "net.json", &name, "--quiet"],
        &["polish", &name, "data.csv"],
        &["export", "net.json", "--out", &name],
        &["export", "net.json", "--out", &format!("{name}.onnx")],
        &["data", "show", "data.csv", &argument],
        &["data", "show", "data.csv", "--header", &name],
    ] {
        let ran = Ran::of(folder.command(crate::run::TAUTNET).args(arguments));
        assert!(ran.code.is_some() && is_plain(&ran.out) && is_plain(&ran.err), "{arguments:?}: {ran:?}");
    }
    // JSON stays JSON, with the name that was given.
    let shown = folder.tautnet("data show bad.csv --json").json();
    assert_eq!(shown["columns"][0]["name"], format!("c{COMMANDS}\nerror: forged"));
    // What is kept in files is for programs that read them, and shows no commands either.
    assert_eq!(folder.tautnet(&format!("{train} --quiet --report r.html --plot fit=f.svg")).code, Some(0));
    assert!(is_plain(&folder.read("r.html")) && is_plain(&folder.read("f.svg")));
}

#[cfg(unix)]
#[test]
fn paths_may_be_any_bytes() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let folder = folder();
    let odd = |name: &str| {
        let name = [b"\xff\xfe ", name.as_bytes()].concat();
        OsString::from_vec(name)
    };
    let (data, network) = (odd("data.csv"), odd("net.json"));
    std::fs::write(folder.path().join(&data), DATA).unwrap();
    std::fs::write(folder.path().join(&network), NETWORK).unwrap();
    let fit = OsString::from_vec([b"fit=", odd("fit.svg").as_bytes()].concat());
    let text = |text: &'static str| OsStr::new(text).to_owned();
    let run = |arguments: &[OsString]| {
        let ran = Ran::of(folder.command(crate::run::TAUTNET).args(arguments));
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran
    };
    let train = ["--hidden", "2", "--start", "random", "--lipschitz-price", "0.1", "--quiet"].map(text);
    let pictures = [text("--report"), odd("r.html"), text("--plot"), fit, text("--plot"), odd("attack.png")];
    let files = [text("--test"), data.clone(), text("--out"), odd("model.json")];
    run(&[&[text("train"), data.clone()], &train[..], &files, &pictures].concat());
    for written in ["model.json", "r.html", "fit.svg", "attack.png"] {
        assert!(folder.path().join(odd(written)).exists(), "{written}");
    }
    run(&[text("data"), text("show"), data.clone()]);
    run(&[text("polish"), network.clone(), data.clone(), text("--quiet")]);
    run(&[text("predict"), odd("model.json"), data.clone()]);
    run(&[text("attack"), odd("model.json"), data.clone(), text("--plot"), odd("a.svg")]);
    run(&[text("certify"), network.clone(), data.clone(), text("--plot"), odd("b.svg"), text("--quiet")]);
    run(&[
        text("compare"),
        data,
        text("--trials"),
        text("1"),
        text("--start"),
        text("gaussian"),
        text("--hidden"),
        text("2"),
        text("--quiet"),
    ]);
    let ran = Ran::of(folder.command(crate::run::TAUTNET).args([text("data"), text("show"), odd("none.csv")]));
    assert!(ran.code == Some(2) && ran.err.contains("none.csv could not be read: No such file"), "{ran:?}");
}

#[test]
fn one_file_for_two_things_is_refused_before_any_work() {
    let folder = folder();
    let made = "train data.csv --hidden 2 --start random --lipschitz-price 0.1 --quiet --out m.json";
    assert_eq!(folder.tautnet(made).code, Some(0));
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("m.json", folder.path().join("link.json")).unwrap();
        std::os::unix::fs::symlink("data.csv", folder.path().join("data.link")).unwrap();
    }
    let before = folder.contents();
    let twice = "is given for two results\nhint: give each result a file of its own\n";
    let over = "is read and written\nhint: give the result a file of its own\n";
    let mut cases = vec![
        ("certify net.json --certificate z --out z", twice),
        ("certify net.json --certificate z --out ./z", twice),
        ("certify net.json --certificate z.svg --plot sub/../z.svg", twice),
        ("certify net.json --exact --resume z --out z", twice),
        ("certify net.json --exact --resume z --certificate z", twice),
        ("certify net.json --exact --resume net.json", over),
        ("certify net.json data.csv --certificate data.csv --force", over),
        ("certify net.json --out ./net.json --force", over),
        ("polish net.json data.csv --out z --report z", twice),
        ("polish net.json data.csv --report z.svg --plot z.svg", twice),
        ("polish net.json data.csv --plot z.svg --plot fit=./z.svg", twice),
        ("polish net.json data.csv --out net.json --force", over),
        ("polish net.json data.csv --out sub/../data.csv --force", over),
        ("polish net.json rastrigin --test data.csv --report data.csv --force", over),
        ("train data.csv --out z --report ./z", twice),
        ("train data.csv --out data.csv --force", over),
        ("attack net.json data.csv --out z.svg --plot z.svg", twice),
        ("attack net.json data.csv --out net.json --force", over),
        ("predict m.json data.csv --out m.json --force", over),
        ("export net.json --out net.json --force", over),
        ("compare data.csv --out z.svg --plot z.svg", twice),
        ("compare data.csv --out data.csv --force", over),
    ];
    #[cfg(unix)]
    cases.extend([
        ("polish m.json data.csv --out link.json --force", over),
        ("polish m.json data.link --report data.csv --force", over),
        ("certify net.json --certificate link.json --out m.json --force", twice),
    ]);
    for (command, message) in cases {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.ends_with(message), "{command}: {ran:?}");
        assert_eq!(folder.contents(), before, "{command}");
    }
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_one() {
    let folder = folder();
    folder.write(".tautnet-aB12cD.part", "half a model");
    folder.write(".tautnet-notes.part.txt", "the user's own");
    let ran = folder.tautnet("certify net.json --certificate c.json --quiet");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let names: Vec<String> = folder.contents().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [".tautnet-notes.part.txt", "c.json", "data.csv", "net.json"]);
}
