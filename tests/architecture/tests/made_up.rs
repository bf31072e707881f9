//! The questions about the workspace can fail: made-up sources with circles and arrows of every kind.

use std::collections::BTreeSet;

use tautnet_architecture::arrows::{Arrow, arrows};
use tautnet_architecture::circle::{circles, told};
use tautnet_architecture::names::{Names, Sources};
use tautnet_architecture::notation;
use tautnet_architecture::table::{self, Room};

/// The arrows between these files of the crates `one` and `two`.
fn read(files: &[(&str, &str)]) -> BTreeSet<Arrow> {
    let sources: Sources = files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
    let crates: Vec<(String, String)> = ["one", "two"]
        .into_iter()
        .map(|name| (name.to_string(), format!("crates/{name}/src/lib.rs")))
        .filter(|(_, root)| sources.contains_key(root))
        .collect();
    arrows(&Names::read(&sources, &crates).unwrap())
}

/// The arrows as `from line to`, with short names of the files.
fn short(files: &[(&str, &str)]) -> Vec<String> {
    let name = |path: &str| path.trim_start_matches("crates/").replace("src/", "").replace(".rs", "");
    read(files).iter().map(|arrow| format!("{} {} {}", name(&arrow.from), arrow.line, name(&arrow.to))).collect()
}

#[test]
fn a_circle_through_re_exports() {
    let files = [
        ("crates/one/src/lib.rs", "mod room;\npub use room::Upper;"),
        ("crates/one/src/room/mod.rs", "mod lower;\nmod upper;\npub use lower::Lower;\npub use upper::Upper;"),
        ("crates/one/src/room/lower.rs", "pub struct Lower(Box<self::Upper>);\nuse crate::Upper;"),
        ("crates/one/src/room/upper.rs", "use super::Lower;\npub struct Upper(Lower);"),
    ];
    let found = circles(&read(&files));
    assert_eq!(found.len(), 1);
    let told = told(&found[0]);
    assert!(told.contains("a circle of 2 files"), "{told}");
    assert!(told.contains("room/upper.rs:1: `super::Lower` is defined in crates/one/src/room/lower.rs"), "{told}");
    assert!(told.contains("` is defined in crates/one/src/room/upper.rs"), "{told}");
}

#[test]
fn a_re_export_is_no_place_of_its_own() {
    let files = [
        ("crates/one/src/lib.rs", "mod room;"),
        ("crates/one/src/room/mod.rs", "mod lower;\nmod upper;\npub use lower::Lower;\npub fn run() { upper::run() }"),
        ("crates/one/src/room/lower.rs", "pub struct Lower;"),
        ("crates/one/src/room/upper.rs", "use super::Lower;\npub fn run() { let _: Lower; }"),
    ];
    let found = ["one/room/mod 3 one/room/lower", "one/room/mod 4 one/room/upper", "one/room/upper 1 one/room/lower"];
    assert_eq!(short(&files), found);
    assert!(circles(&read(&files)).is_empty());
}

#[test]
fn a_child_that_uses_its_parent() {
    let files = [
        ("crates/one/src/lib.rs", "mod room;"),
        ("crates/one/src/room/mod.rs", "mod child;\npub struct Settings;\npub fn run() { child::run(&Settings) }"),
        ("crates/one/src/room/child.rs", "pub fn run(_: &super::Settings) {}"),
    ];
    assert_eq!(circles(&read(&files)).len(), 1);
    // Without the call, `mod child;` is no arrow.
    let idle = [files[0], ("crates/one/src/room/mod.rs", "mod child;\npub struct Settings;"), files[2]];
    assert_eq!(short(&idle), ["one/room/child 1 one/room/mod"]);
}

#[test]
fn inline_paths_are_read_wherever_they_stand() {
    let user = "
        fn body() -> f64 { crate::low::value() }
        fn signature(_: &crate::low::Low) {}
        fn call() { println!(\"{}\", [crate::low::value()].len()); }
        #[doc(alias(crate::low::value))] fn attribute() {}
        fn turbofish() { let _ = std::mem::size_of::<crate::low::Low>(); }
        fn local() { use crate::low; low::value(); }
        fn nested() { fn inner() { super::low::value(); } }
        mod inside { fn deep() { super::super::low::value(); } }";
    let files = [
        ("crates/one/src/lib.rs", "mod low;\nmod user;"),
        ("crates/one/src/low.rs", "pub struct Low;\npub fn value() -> f64 { 0.0 }"),
        ("crates/one/src/user.rs", user),
    ];
    let lines: BTreeSet<String> = (2..=9).map(|line| format!("one/user {line} one/low")).collect();
    assert_eq!(short(&files).into_iter().collect::<BTreeSet<_>>(), lines);
}

#[test]
fn use_trees_with_groups_and_other_names() {
    let user = "use crate::{\n    a::{A, B as Other},\n    b::{self as below},\n    c::*,\n};\n\
                fn run(_: A, _: Other, _: C) { below::run() }";
    let files = [
        ("crates/one/src/lib.rs", "mod a;\nmod b;\nmod c;\nmod user;"),
        ("crates/one/src/a.rs", "pub struct A;\npub struct B;"),
        ("crates/one/src/b.rs", "pub fn run() {}"),
        ("crates/one/src/c.rs", "pub struct C;"),
        ("crates/one/src/user.rs", user),
    ];
    // The name of a module is no arrow, its function in the last line is one.
    let found: BTreeSet<String> =
        ["one/user 2 one/a", "one/user 6 one/b", "one/user 4 one/c"].map(str::to_string).into();
    assert_eq!(short(&files).into_iter().collect::<BTreeSet<_>>(), found);
}

#[test]
fn a_function_with_the_name_of_its_module() {
    let files = [
        ("crates/one/src/lib.rs", "mod room;\nmod user;"),
        ("crates/one/src/room/mod.rs", "mod find;\npub use find::find;"),
        ("crates/one/src/room/find.rs", "pub fn find() {}"),
        ("crates/one/src/user.rs", "use crate::room::find;\nfn run() { find() }"),
    ];
    assert_eq!(short(&files), ["one/room/mod 2 one/room/find", "one/user 1 one/room/find"]);
}

#[test]
fn a_function_with_the_name_of_an_import() {
    let files = [
        ("crates/one/src/lib.rs", "mod low;\nmod user;"),
        ("crates/one/src/low.rs", "pub fn value() {}"),
        ("crates/one/src/user.rs", "use crate::low as first;\nfn first() { first::value() }"),
    ];
    assert_eq!(short(&files), ["one/user 2 one/low"]);
}

#[test]
fn tests_are_not_counted() {
    let low = "
        pub fn low() {}
        #[cfg(test)] mod tests { use crate::high::high; }
        #[cfg(test)] mod more;
        #[cfg(all(test, unix))] fn only_here() { crate::high::high() }
        struct Low;
        impl Low { #[cfg(test)] fn also() { crate::high::high() } }";
    let files = [
        ("crates/one/src/lib.rs", "mod high;\nmod low;"),
        ("crates/one/src/high.rs", "pub fn high() { crate::low::low() }"),
        ("crates/one/src/low.rs", low),
        ("crates/one/src/low/more.rs", "use crate::high::high;"),
    ];
    assert_eq!(short(&files), ["one/high 1 one/low"]);
    for not_a_test in ["#[cfg(unix)]", "#[cfg(not(test))]"] {
        let counted = low.replace("#[cfg(all(test, unix))]", not_a_test);
        assert_eq!(circles(&read(&[files[0], files[1], (files[2].0, &counted)])).len(), 1, "{not_a_test}");
    }
}

#[test]
fn other_crates_are_followed_to_the_file() {
    let user = "use one::Network;\nuse std::fmt::Debug;\nfn run(_: &Network, _: &dyn Debug) {}";
    let files = [
        ("crates/one/src/lib.rs", "mod network;\npub use network::Network;"),
        ("crates/one/src/network.rs", "pub struct Network;"),
        ("crates/two/src/lib.rs", "mod user;"),
        ("crates/two/src/user.rs", user),
    ];
    assert_eq!(short(&files), ["one/lib 2 one/network", "two/user 1 one/network"]);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    for (text, message) in [
        ("mod gone;", "crates/one/src/lib.rs: the file of `mod gone`"),
        ("fn (", "crates/one/src/lib.rs:1: "),
        ("\n#[path = \"x.rs\"]\nmod x;", "crates/one/src/lib.rs:2: `#[path]`"),
    ] {
        let sources = Sources::from([("crates/one/src/lib.rs".to_string(), text.to_string())]);
        let error = Names::read(&sources, &[("one".into(), "crates/one/src/lib.rs".into())]).err().unwrap();
        assert!(error.starts_with(message), "{error}");
    }
}

const TABLE: &str = "
| room | files | uses |
|---|---|---|
| `low` | `low.rs` | |
| `high` | `high/`, `crates/two/src/` | `low` |
";

/// The rooms of [`TABLE`], their files, and an arrow from `high` to `low`.
fn two_rooms() -> (Vec<Room>, BTreeSet<String>, BTreeSet<Arrow>) {
    let files = ["low.rs", "high/mod.rs", "lib.rs"].map(|file| format!("crates/tautnet/src/{file}"));
    let files: BTreeSet<String> = files.into_iter().chain(["crates/two/src/lib.rs".to_string()]).collect();
    (table::read(TABLE).unwrap(), files, BTreeSet::from([arrow("high/mod.rs", "low.rs")]))
}

fn arrow(from: &str, to: &str) -> Arrow {
    let [from, to] = [from, to].map(|file| format!("crates/tautnet/src/{file}"));
    Arrow { from, to, line: 7, path: "crate::x".into() }
}

/// What is told of the two rooms after a change.
fn changed(change: impl FnOnce(&mut Vec<Room>, &mut BTreeSet<String>, &mut BTreeSet<Arrow>)) -> String {
    let (mut rooms, mut files, mut arrows) = two_rooms();
    change(&mut rooms, &mut files, &mut arrows);
    table::differences(&rooms, &files, &arrows).join("\n")
}

#[test]
fn the_table_is_read() {
    let rooms = two_rooms().0;
    assert_eq!(rooms.iter().map(|room| (room.name.as_str(), room.line)).collect::<Vec<_>>(), [("low", 4), ("high", 5)]);
    assert_eq!(rooms[1].files, ["crates/tautnet/src/high/", "crates/two/src/"]);
    assert_eq!(rooms[1].uses, ["low"]);
    assert!(table::read("no table").is_err());
    assert!(table::read("| room | files | uses |\n|---|---|---|\n| `low` | `low.rs` |").is_err());
}

#[test]
fn every_difference_is_told() {
    assert_eq!(changed(|_, _, _| ()), "");
    let told = changed(|_, _, arrows| {
        arrows.insert(arrow("low.rs", "high/mod.rs"));
    });
    let begins = "crates/tautnet/src/low.rs:7: `crate::x` is defined in crates/tautnet/src/high/mod.rs, so `low` would use `high`";
    assert!(told.starts_with(begins) && told.contains("move what both need"), "{told}");
    let told = changed(|_, _, arrows| arrows.clear());
    assert_eq!(told, "ARCHITECTURE.md:5: `high` no longer uses `low`; take it out of the row");
    let told = changed(|rooms, _, _| rooms.swap(0, 1));
    assert!(told.starts_with("ARCHITECTURE.md:5: `high` uses `low`, which is no row above it"), "{told}");
    let told = changed(|_, files, _| {
        files.insert("crates/tautnet/src/new.rs".into());
    });
    assert!(told.starts_with("crates/tautnet/src/new.rs: it is in no room"), "{told}");
    let told = changed(|rooms, _, _| rooms[0].files.push("crates/tautnet/src/high/mod.rs".into()));
    assert!(told.starts_with("crates/tautnet/src/high/mod.rs: it is in several rooms, low and high"), "{told}");
    let told = changed(|rooms, _, _| rooms[0].files.push("crates/tautnet/src/gone.rs".into()));
    assert!(told.starts_with("ARCHITECTURE.md:4: `crates/tautnet/src/gone.rs` of `low` is no source file"), "{told}");
    let told = changed(|_, _, arrows| {
        arrows.insert(arrow("low.rs", "lib.rs"));
    });
    assert!(told.ends_with("the root of its crate; move it into a file of a room"), "{told}");
}

/// Tables of other things, arguments and indices do not count; a second row of the same symbol does.
#[test]
fn symbols_are_read_and_doubles_told() {
    let text = "| symbol | meaning |\n|---|---|\n| W, w_i | weights |\n| E(L, π) | a matrix |\n| (J) | a formula |\n\n\
                | program | in code |\n|---|---|\n| W | one |\n\n| symbol | meaning |\n|---|---|\n| w | a row |\n";
    let found = notation::symbols(text);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["E", "W", "w", "w_i"]);
    assert_eq!((&found["W"], &found["w"]), (&vec![3], &vec![13]));
    assert!(notation::doubles("NOTATION.md", text).is_empty());
    let told = notation::doubles("NOTATION.md", &format!("{text}| E(ρ); v | two more |\n"));
    assert_eq!(told, ["NOTATION.md: `E` stands in the lines 4 and 14; give one of them another letter"]);
}
