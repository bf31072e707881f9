//! The JSON Schemas in `docs/schemas`: that there is one for every command that has `--json`, that each says what every key means, and
//! that the page `docs/json.md` says the same. (That they hold of the outputs is checked with every run, by `tautnet_furniture`.)

use super::run::Folder;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write;
use tautnet_furniture::schema;

#[test]
fn every_command_that_speaks_json_has_a_schema() {
    let folder = Folder::new();
    let commands = |of: &str| -> Vec<String> {
        let help = folder.tautnet(&format!("{of} --help")).out;
        let list = help.split("Commands:\n").nth(1).unwrap_or_default();
        let names = list.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        names.filter(|name| *name != "help").map(|name| format!("{of} {name}").trim().to_owned()).collect()
    };
    let all = commands("").into_iter().flat_map(|name| match name.as_str() {
        "data" => commands("data"),
        _ => vec![name],
    });
    let speaking = all.filter(|name| folder.tautnet(&format!("{name} --help")).out.contains("--json"));
    let speaking: BTreeSet<String> = speaking.collect();
    let schemas: BTreeSet<String> = schema::all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(speaking, schemas);
    assert!(speaking.len() >= 11, "{speaking:?}");
}

#[test]
fn every_key_is_described_and_every_object_is_closed() {
    for (name, schema) in schema::all() {
        assert_eq!(schema["title"], format!("tautnet {name} --json"));
        assert!(schema["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}");
        look(&schema, &name);
    }
}

fn look(schema: &Value, place: &str) {
    let Value::Object(rules) = schema else { return };
    if let Some(properties) = rules.get("properties").and_then(Value::as_object) {
        assert_eq!(rules["additionalProperties"], false, "{place} is open");
        for (key, rule) in properties {
            let text = rule["description"].as_str().unwrap_or_else(|| panic!("{place}.{key} has no description"));
            assert!(text.ends_with('.') && text.len() > 2, "{place}.{key}: {text}");
        }
        for key in rules["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(properties.contains_key(key), "{place} has no {key}");
        }
    }
    let one = ["items", "additionalProperties"].into_iter().filter_map(|keyword| rules.get(keyword));
    one.for_each(|rule| look(rule, place));
    let alternatives = rules.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    alternatives.for_each(|rule| look(rule, place));
    for keyword in ["properties", "$defs"] {
        for (key, rule) in rules.get(keyword).and_then(Value::as_object).into_iter().flatten() {
            look(rule, &format!("{place}.{key}"));
        }
    }
}

/// Where the page is.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");

#[test]
fn the_page_of_the_schemas_is_up_to_date() {
    let page = page();
    if std::env::var_os("TAUTNET_REFERENCE").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    let hint = "write it anew: TAUTNET_REFERENCE=1 cargo test --release -p tautnet-cli the_page_of_the_schemas";
    assert!(kept == page, "docs/json.md is not what docs/schemas say; {hint}");
}

const HEAD: &str = "# What `--json` prints

Every command that has `--json` prints one JSON object on standard output, and nothing else there. Each has a [JSON
Schema](https://json-schema.org) (draft 2020-12) in [docs/schemas](schemas), by which any validator can check it and from which editors and code
generators know its keys; the tests check every output of every command by them. This page is made of the schemas.

A key that is *optional* may be absent, for the reason that its description tells. `null` stands where the description says it, and for a number that is
not finite, which JSON cannot write. A place is written with dots: `a.b` is the key `b` of the object `a`, `a[]` an item of the list `a`, and `a.*` any
key of the object `a`, such as the name of a column. Numbers that are proved are rounded to the side on which they stay true. Until version 1.0 keys may be
added or change with a minor version; the changelog says so.

*Standardized units*: each input column and the target are taken in standard deviations from their mean, unless `--no-standardize` was given.
Errors are mean losses; of the squared loss in standardized units 1 is the error of predicting the mean.
";

/// The page.
fn page() -> String {
    let mut text = HEAD.to_owned();
    let all = schema::all();
    for (name, _) in &all {
        let _ = write!(
            text,
            "{}[{name}](#tautnet-{}---json)",
            if text.ends_with('\n') { "\n" } else { ", " },
            name.replace(' ', "-")
        );
    }
    text.push('\n');
    for (name, schema) in &all {
        let file = format!("{}.json", name.replace(' ', "-"));
        let _ = write!(text, "\n## `tautnet {name} --json`\n\n{} ([schema](schemas/{file}))\n", words(schema));
        let alternatives = references(schema);
        if alternatives.is_empty() {
            text.push_str(&table(schema));
        }
        for name in &alternatives {
            let of = &schema["$defs"][name];
            let _ = write!(text, "\n### {}\n{}", words(of).trim_end_matches('.'), table(of));
        }
        for (name, of) in schema["$defs"].as_object().into_iter().flatten() {
            if !alternatives.contains(name) {
                let _ = write!(text, "\n**`{name}`**: {}\n{}", words(of), table(of));
            }
        }
    }
    text
}

fn words(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// The definitions that the top of a schema leaves the choice of.
fn references(schema: &Value) -> Vec<String> {
    let of = |each: &Value| each["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")).map(str::to_owned);
    schema["anyOf"].as_array().into_iter().flatten().filter_map(of).collect()
}

/// The keys of an object, and of the objects in it.
fn table(schema: &Value) -> String {
    let mut lines = Vec::new();
    rows(schema, "", &mut lines);
    format!("\n| key | type | meaning |\n|---|---|---|\n{}", lines.concat())
}

fn rows(schema: &Value, place: &str, lines: &mut Vec<String>) {
    let nothing = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&nothing);
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, rule) in properties {
        let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        let optional = if required.contains(key.as_str()) { "" } else { ", optional" };
        lines.push(format!("| `{place}` | {}{optional} | {} |\n", kind(rule), words(rule).replace('|', "\\|")));
        rows(rule, &place, lines);
    }
    if let Some(items) = schema.get("items") {
        rows(items, &format!("{place}[]"), lines);
    }
    if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
        rows(values, &format!("{place}.*"), lines);
    }
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        rows(alternative, place, lines);
    }
}

/// A type in a few words.
fn kind(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return format!("`{}`", path.trim_start_matches("#/$defs/"));
    }
    let literal = |value: &Value| format!("`{value}`");
    if let Some(value) = schema.get("const") {
        return literal(value);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(literal).collect::<Vec<_>>().join(" or ");
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        let mut kinds: Vec<String> = alternatives.iter().map(kind).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", kind(items));
    }
    if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
        return format!("object of {}", kind(values));
    }
    match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        name => name.as_str().unwrap_or_default().to_owned(),
    }
}
