//! What messages say is said to two front ends: a library's hint names no flag of the command line, but settings between marks
//! (`tautnet::recipe::told`), and only such as are known.

use std::collections::BTreeSet;
use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};
use tautnet_architecture::workspace;

/// Whose messages a user of Python can meet.
const REACHED: [&str; 5] =
    ["crates/verify/src/", "crates/cone/src/", "crates/tautnet/src/", "crates/tables/src/", "crates/models/src/"];

/// Texts with flags that only the command line shows: the file, and what is in them.
const OF_THE_COMMAND_LINE: [(&str, &str); 7] = [
    // The help of flags, their reference, and the table by which mentions are written.
    ("crates/tautnet/src/recipe/", ""),
    // What `tautnet data` says of a table.
    ("crates/tables/src/describe.rs", "--drop {}"),
    ("crates/tables/src/describe.rs", "--date {}"),
    // Files with columns and downloads are of the command line alone.
    ("crates/tables/src/csv.rs", "say --header no"),
    ("crates/tables/src/source/", "say --header yes"),
    ("crates/tables/src/mnist.rs", "with --from"),
    // So are searches that go on from a file.
    ("crates/models/src/search_file.rs", "`certify --exact --resume`"),
];

/// The texts of a file, those of its tests left out.
fn texts(source: &str) -> Vec<String> {
    fn walk(tokens: TokenStream, texts: &mut Vec<String>) {
        let mut tokens = tokens.into_iter().peekable();
        let mut skipped = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == '#' => {
                    // An attribute, or the documentation of what follows or of the whole file.
                    tokens.next_if(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == '!'));
                    let Some(TokenTree::Group(attribute)) = tokens.peek() else { continue };
                    skipped |= attribute.stream().to_string().replace(' ', "") == "cfg(test)";
                    tokens.next();
                }
                TokenTree::Group(group) if skipped => skipped = group.delimiter() != proc_macro2::Delimiter::Brace,
                TokenTree::Punct(mark) if skipped && mark.as_char() == ';' => skipped = false,
                TokenTree::Group(group) => walk(group.stream(), texts),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        texts.push(text.value());
                    }
                }
                _ => {}
            }
        }
    }
    let mut all = Vec::new();
    walk(TokenStream::from_str(source).unwrap(), &mut all);
    all
}

/// Whether a text has a flag, or a command of the program.
fn speaks_of_flags(text: &str) -> bool {
    let flag = |(at, _): (usize, &str)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + 2..].chars().next();
        before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '-')
            && behind.is_some_and(|letter| letter.is_ascii_lowercase())
    };
    text.match_indices("--").any(flag) || text.contains("`tautnet ")
}

#[test]
fn what_flags_are_is_known() {
    for text in ["say --missing drop", "`--norm`", "--a", "(--a)", "make one with `tautnet certify FILE`"] {
        assert!(speaks_of_flags(text), "{text}");
    }
    for text in ["", "--", "a--b", "x -- y", "---a", "-a", "`tautnet`", "⟨missing=drop⟩", "1--2"] {
        assert!(!speaks_of_flags(text), "{text}");
    }
    let source = "//! --z\n/// --a\nconst A: &str = \"b\\\n   c\"; #[cfg(test)] use x; fn f() { g(r#\"d\"#) } #[cfg(test)] mod tests { const B: &str = \"e\"; }";
    assert_eq!(texts(source), ["bc", "d"]);
}

#[test]
fn no_hint_that_python_shows_has_flags() {
    let (sources, _) = workspace::read(&workspace::root()).unwrap();
    let mut excused = BTreeSet::new();
    let of_python = |file: &str| file.starts_with("python/src/");
    for (file, source) in &sources {
        if file.ends_with("tests.rs") || !(of_python(file) || REACHED.iter().any(|folder| file.starts_with(folder))) {
            continue;
        }
        for text in texts(source).iter().filter(|text| speaks_of_flags(text)) {
            let excuse = OF_THE_COMMAND_LINE.iter().position(|(of, what)| file.starts_with(of) && text.contains(what));
            assert!(
                excuse.is_some(),
                "{file} has the text {text:?}: mention settings between marks, as in ⟨missing=drop⟩, and other things by a \
                 line of `recipe::WAYS`, which every front end writes in its own way"
            );
            excused.extend(excuse);
        }
    }
    assert_eq!(excused.len(), OF_THE_COMMAND_LINE.len(), "an excuse that nobody needs: {excused:?}");
}

#[test]
fn what_is_mentioned_is_known() {
    let (sources, _) = workspace::read(&workspace::root()).unwrap();
    let mut met = BTreeSet::new();
    for (file, source) in &sources {
        if file.ends_with("tests.rs") || file == "crates/tautnet/src/error.rs" {
            continue;
        }
        for text in texts(source) {
            // A name that is put in at run time is checked where it is made.
            for name in tautnet::recipe::mentioned(&text).into_iter().filter(|name| *name != "{}") {
                assert!(tautnet::recipe::is_known(name), "{file} mentions {name:?} in {text:?}");
                met.insert(name.to_owned());
            }
        }
        // The names that the function `mention` is given.
        for (_, rest) in source.match_indices("mention(\"").map(|(at, found)| source.split_at(at + found.len())) {
            met.insert(rest.split('"').next().unwrap().to_owned());
        }
    }
    assert!(met.iter().all(|name| tautnet::recipe::is_known(name)), "{met:?}");
    let unused: Vec<_> = tautnet::recipe::WAYS.iter().filter(|way| !met.contains(way.name)).collect();
    assert!(unused.is_empty(), "nobody mentions {unused:?}");
}
