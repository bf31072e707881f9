//! JSON Schema, as much of it as the files in `docs/schemas` say, and the check of what the program prints against them.
//!
//! [`check_run`] is called with every run of the program, so that a key that no schema knows fails the test that met it first.
//! `tests/test_schemas.py` holds the same outputs against the same files with the package `jsonschema`, which knows all of it.

use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Keywords that say something to people alone.
const FOR_PEOPLE: [&str; 5] = ["$schema", "$id", "$defs", "title", "description"];

/// The folder of the schemas.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas")
}

/// What a command is called, such as `train` or `data list`, and its schema.
///
/// # Panics
///
/// If a file is no JSON or has no title.
pub fn all() -> Vec<(String, Value)> {
    let entries = folder().read_dir().expect("docs/schemas is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let one = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a schema can be read");
        let schema: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().expect("a name").to_string_lossy().replace('-', " ");
        (name, schema)
    };
    files.into_iter().map(one).collect()
}

/// What is wrong with a value by a schema, each with its place; nothing where it is valid.
///
/// # Panics
///
/// On a keyword that this checker does not know, so that no schema says more than is checked.
pub fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut told = Vec::new();
    look(schema, schema, value, "", &mut told);
    told
}

fn look(root: &Value, schema: &Value, value: &Value, place: &str, told: &mut Vec<String>) {
    let rules = match schema {
        Value::Bool(true) => return,
        Value::Bool(false) => return told.push(format!("{place}: nothing may be here")),
        Value::Object(rules) => rules,
        other => panic!("{other} is no schema"),
    };
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "$ref" => look(root, named(root, rule), value, place, told),
            "type" => check_type(rule, value, place, told),
            "const" if rule != value => told.push(format!("{place}: {value} where {rule} is due")),
            "enum" if !list(rule).contains(value) => told.push(format!("{place}: {value} is none of {rule}")),
            "minimum" if value.as_f64().is_some_and(|number| number < size(rule)) => {
                told.push(format!("{place}: {value} is less than {rule}"));
            }
            "maximum" if value.as_f64().is_some_and(|number| number > size(rule)) => {
                told.push(format!("{place}: {value} is more than {rule}"));
            }
            "minItems" if value.as_array().is_some_and(|items| (items.len() as f64) < size(rule)) => {
                told.push(format!("{place}: fewer than {rule} items"));
            }
            "maxItems" if value.as_array().is_some_and(|items| items.len() as f64 > size(rule)) => {
                told.push(format!("{place}: more than {rule} items"));
            }
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    look(root, rule, item, &format!("{place}/{at}"), told);
                }
            }
            "anyOf" => any_of(root, list(rule), value, place, told),
            "required" => {
                for name in value.as_object().into_iter().flat_map(|object| absent(list(rule), object)) {
                    told.push(format!("{place}: `{name}` is missing"));
                }
            }
            "properties" | "additionalProperties" => {}
            "const" | "enum" | "minimum" | "maximum" | "minItems" | "maxItems" => {}
            other if FOR_PEOPLE.contains(&other) => {}
            other => panic!("the checker does not know the keyword `{other}` ({place})"),
        }
    }
    let nothing = Map::new();
    let properties =
        rules.get("properties").map_or(&nothing, |rule| rule.as_object().expect("properties are an object"));
    for (name, value) in value.as_object().into_iter().flatten() {
        let place = format!("{place}/{name}");
        match (properties.get(name), rules.get("additionalProperties")) {
            (Some(rule), _) | (None, Some(rule @ Value::Object(_))) => look(root, rule, value, &place, told),
            (None, Some(Value::Bool(false))) => told.push(format!("{place}: the schema has no such key")),
            (None, _) => {}
        }
    }
}

/// One of the alternatives has to hold; where none does, the one that holds best says what is wrong.
fn any_of(root: &Value, alternatives: &[Value], value: &Value, place: &str, told: &mut Vec<String>) {
    let each = alternatives.iter().map(|alternative| {
        let mut told = Vec::new();
        look(root, alternative, value, place, &mut told);
        told
    });
    told.extend(each.min_by_key(Vec::len).unwrap_or_default());
}

fn absent<'a>(names: &'a [Value], object: &Map<String, Value>) -> Vec<&'a str> {
    names.iter().filter_map(Value::as_str).filter(|name| !object.contains_key(*name)).collect()
}

fn check_type(rule: &Value, value: &Value, place: &str, told: &mut Vec<String>) {
    let is = |name: &Value| match name.as_str().expect("a type is a word") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => panic!("`{other}` is no type"),
    };
    let allowed = match rule {
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    };
    if !allowed {
        let text: String = value.to_string().chars().take(60).collect();
        told.push(format!("{place}: {text} is not of the type {rule}"));
    }
}

fn named<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    let path = reference.as_str().and_then(|path| path.strip_prefix('#')).expect("a reference is to the same file");
    root.pointer(path).unwrap_or_else(|| panic!("there is no {path}"))
}

fn list(rule: &Value) -> &[Value] {
    rule.as_array().expect("a list")
}

fn size(rule: &Value) -> f64 {
    rule.as_f64().expect("a number")
}

/// Check what a run of the program with these arguments printed, and the JSON files that it wrote, against the schema of its command.
///
/// Where the variable `TAUTNET_JSON` names a folder, each is kept there too, as `COMMAND.NUMBER.json`.
///
/// # Panics
///
/// If it is not valid, or if the command has no schema.
pub fn check_run(arguments: &[String], working: Option<&Path>, code: Option<i32>, out: &str) {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let name = match words[..] {
        ["data", action, ..] => format!("data {action}"),
        [command, ..] => command.to_owned(),
        [] => return,
    };
    let asked = words.contains(&"--json");
    // `attack` and `certify` write the same object to a file, whether or not it is printed.
    let file = words.iter().position(|word| *word == "--out").and_then(|at| words.get(at + 1));
    let file = file.filter(|_| name == "attack" || name == "certify" || (name == "predict" && asked));
    let file = file.filter(|_| code == Some(0)).map(|file| working.unwrap_or(Path::new(".")).join(file));
    let written = file.and_then(|file| std::fs::read_to_string(file).ok());
    let printed = Some(out).filter(|out| asked && !out.is_empty()).map(str::to_owned);
    if asked && code == Some(0) && printed.is_none() && written.is_none() {
        panic!("{arguments:?} said nothing");
    }
    for text in printed.into_iter().chain(written) {
        check(&name, &text, arguments);
    }
}

fn check(command: &str, text: &str, arguments: &[String]) {
    // Help that was asked for beside JSON is text.
    if arguments.iter().any(|word| word == "--help" || word == "-h") {
        return;
    }
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{arguments:?}: no JSON: {error}"));
    if let Some(kept) = std::env::var_os("TAUTNET_JSON") {
        keep(Path::new(&kept), command, text);
    }
    let schemas = all();
    let schema = schemas.iter().find(|(name, _)| name == command);
    let (_, schema) = schema.unwrap_or_else(|| panic!("there is no docs/schemas file for `{command}`"));
    let told = violations(schema, &value);
    assert!(told.is_empty(), "{arguments:?} against docs/schemas: {told:#?}");
}

fn keep(folder: &Path, command: &str, text: &str) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    std::fs::create_dir_all(folder).expect("the folder of TAUTNET_JSON can be made");
    let number = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let name = format!("{}.{}-{}.json", command.replace(' ', "-"), number.0, number.1);
    std::fs::write(folder.join(name), text).expect("an output can be kept");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn broken(schema: Value, value: Value) -> usize {
        violations(&schema, &value).len()
    }

    #[test]
    fn every_keyword_refuses_and_accepts() {
        let cases = [
            (json!({"type": "integer"}), json!(2.0), json!(2.5)),
            (json!({"type": ["number", "null"]}), json!(null), json!("1")),
            (json!({"type": "object"}), json!({}), json!([])),
            (json!({"type": "array"}), json!([]), json!({})),
            (json!({"type": "boolean"}), json!(true), json!(0)),
            (json!({"const": 1}), json!(1), json!(2)),
            (json!({"enum": ["a", "b"]}), json!("b"), json!("c")),
            (json!({"minimum": 0, "maximum": 1}), json!(1), json!(1.5)),
            (json!({"minimum": 0}), json!(0), json!(-1e-300)),
            (json!({"items": {"type": "string"}, "minItems": 1, "maxItems": 2}), json!(["a"]), json!([1])),
            (json!({"minItems": 1}), json!([1]), json!([])),
            (json!({"maxItems": 1}), json!([1]), json!([1, 2])),
            (json!({"required": ["a"]}), json!({"a": null}), json!({"b": 1})),
            (json!({"properties": {"a": {"type": "null"}}}), json!({"b": 1}), json!({"a": 1})),
            (json!({"properties": {"a": true}, "additionalProperties": false}), json!({"a": 1}), json!({"b": 1})),
            (json!({"additionalProperties": {"type": "number"}}), json!({"b": 1}), json!({"b": "1"})),
            (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), json!(null), json!(1)),
            (json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}), json!(null), json!(1)),
        ];
        for (schema, good, bad) in cases {
            assert_eq!((broken(schema.clone(), good), broken(schema.clone(), bad)), (0, 1), "{schema}");
        }
        let nested = json!({"items": {"properties": {"a": {"items": {"type": "number"}}}}});
        assert_eq!(violations(&nested, &json!([{"a": [1, "x"]}])), ["/0/a/1: \"x\" is not of the type \"number\""]);
        let either = json!({"anyOf": [{"required": ["a", "b", "c"]}, {"required": ["d"]}]});
        assert_eq!(violations(&either, &json!({})), [": `d` is missing"]);
    }

    #[test]
    #[should_panic(expected = "does not know the keyword `pattern`")]
    fn a_keyword_that_is_not_checked_is_refused() {
        violations(&json!({"pattern": "a"}), &json!("b"));
    }
}
