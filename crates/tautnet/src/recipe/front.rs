//! What a hint names, as each front end writes it.
//!
//! An error is made where nobody knows who called: on the command line its hint should say `--missing drop`, in Python
//! `missing="drop"`. So a hint has neither of them, but the name of the setting between marks, `⟨missing=drop⟩`, and the front
//! end that shows it has [`told`] write it. A mark survives whatever is done to an error on its way: its text is put into other
//! texts, and places are put before it. Settings are written by their lines in the tables; [`WAYS`] has the rest, what a user
//! says or does that is no setting.

use super::deep::Deep;
use super::field::{Field, Kind};
use super::interval::Interval;
use super::judge::Judge;
use super::layers::Layers;
use super::run::Run;
use super::search::Search;
use super::settings::Recipe;
use super::table::Table;
use crate::error::MARKS;

/// Who shows a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The program `tautnet`: flags and commands.
    CommandLine,
    /// The package `tautnet` for Python: parameters and functions.
    Python,
}

/// Something that a user says or does and that is no setting of a table.
#[derive(Debug)]
pub struct Way {
    /// By what a hint names it.
    pub name: &'static str,
    /// An example of the value that may follow the name; none where there is no value.
    pub example: Option<&'static str>,
    /// As the command line has it.
    command_line: fn(&str) -> String,
    /// As Python has it.
    python: fn(&str) -> String,
}

impl Way {
    /// As a front end writes it, with a value where it has one.
    pub fn told(&self, value: &str, front: Front) -> String {
        match front {
            Front::CommandLine => (self.command_line)(value),
            Front::Python => (self.python)(value),
        }
    }
}

/// What is no setting, and what the command line and Python call it.
pub const WAYS: &[Way] = &[
    Way {
        name: "missing",
        example: Some("drop"),
        command_line: |value| format!("`--missing {value}`"),
        python: |value| format!("`missing=\"{value}\"`"),
    },
    Way {
        name: "date",
        example: Some("when=parts"),
        command_line: |value| format!("`--date \"{value}\"`"),
        python: |value| match value.rsplit_once('=') {
            Some((column, form)) => format!("`dates={{\"{column}\": \"{form}\"}}`"),
            None => "`dates`".into(),
        },
    },
    Way {
        name: "classify",
        example: None,
        command_line: |_| "`--task classify`".into(),
        python: |_| "`LipschitzClassifier`".into(),
    },
    Way {
        name: "regress",
        example: None,
        command_line: |_| "`--task regress`".into(),
        python: |_| "`LipschitzRegressor`".into(),
    },
    Way {
        name: "cache",
        example: None,
        command_line: |_| "`--cache FOLDER`".into(),
        python: |_| "the environment variable `TMPDIR`".into(),
    },
    Way {
        name: "targets",
        example: None,
        command_line: |_| "name them with `--target A,B`".into(),
        python: |_| "give them as the columns of `y`".into(),
    },
    Way { name: "replace", example: None, command_line: |_| "`--force`".into(), python: |_| "`overwrite=True`".into() },
    Way {
        name: "limit",
        example: Some("rows=10"),
        command_line: |value| format!("`--limit {value}`"),
        python: |value| format!("`tautnet.set_limits({value})`"),
    },
    Way {
        name: "polished",
        example: None,
        command_line: |_| "polish the model, and keep the result with `--out`".into(),
        python: |_| "polish the model, `tautnet.polish(model, X, y)`, and take the result".into(),
    },
    Way {
        name: "calibrated",
        example: None,
        command_line: |_| {
            "train with a tolerance of the inputs, or calibrate the model in Python, by `calibrate(X, y)`".into()
        },
        python: |_| {
            "train with a tolerance of the inputs, or calibrate the model on rows held out, `calibrate(X, y)`".into()
        },
    },
    Way {
        name: "relu_units",
        example: None,
        command_line: |_| "`tautnet export NETWORK --relu --out NEW`".into(),
        python: |_| "`in_relu_units()` of a `tautnet.Network`".into(),
    },
    Way {
        name: "new_certificate",
        example: None,
        command_line: |_| "`tautnet certify NETWORK --certificate FILE`".into(),
        python: |_| "`tautnet.certify(network).certificate.save(path)`".into(),
    },
    Way {
        name: "certify_file",
        example: None,
        command_line: |_| "`tautnet certify`".into(),
        python: |_| "`tautnet.certify`".into(),
    },
    Way {
        name: "model_file",
        example: None,
        command_line: |_| "as `tautnet train` writes it".into(),
        python: |_| "as `save` of a fitted estimator writes it".into(),
    },
    Way {
        name: "network_file",
        example: None,
        command_line: |_| "as `tautnet train` and `tautnet export` write it".into(),
        python: |_| "as `save` of a fitted estimator or of a `tautnet.Network` writes it".into(),
    },
    Way {
        name: "every_network",
        example: None,
        command_line: |_| "`predict` and `export`, which take every network".into(),
        python: |_| "`predict` and `save` of a `tautnet.Network`, which takes every network".into(),
    },
    Way {
        name: "several_targets",
        example: None,
        command_line: |_| {
            "`train` with a tolerance, `polish`, `attack`, `certify`, `predict` and `export` take several".into()
        },
        python: |_| "`fit` with a tolerance, `polish`, `attack`, `certify`, `predict` and `save` take several".into(),
    },
    Way {
        name: "tolerated",
        example: None,
        command_line: |_| "`train` and `polish` take one".into(),
        python: |_| "`LipschitzRegressor` and `polish` take one".into(),
    },
];

/// A hint, or any other text with mentions of settings, as a front end shows it. What is between marks and no name stays as it is.
pub fn told(text: &str, front: Front) -> String {
    pieces(text).into_iter().map(|piece| piece.told(front)).collect()
}

/// A hint without the clauses that mention one of these: what is said elsewhere only. Clauses end with a semicolon; the first stays.
pub fn without(hint: &str, names: &[&str]) -> String {
    let of_none = |clause: &str| {
        let mut mentions = pieces(clause).into_iter();
        mentions.all(|piece| !matches!(piece, Piece::Mention { name, .. } if names.contains(&name)))
    };
    let clauses = hint.split("; ").enumerate().filter(|(k, clause)| *k == 0 || of_none(clause));
    clauses.map(|(_, clause)| clause).collect::<Vec<_>>().join("; ")
}

/// The names that a text mentions, in their order, those that nobody knows among them.
pub fn mentioned(text: &str) -> Vec<&str> {
    let name = |piece| if let Piece::Mention { name, .. } = piece { Some(name) } else { None };
    pieces(text).into_iter().filter_map(name).collect()
}

/// Whether a hint can mention something of this name.
pub fn is_known(name: &str) -> bool {
    WAYS.iter().any(|way| way.name == name) || spelling(name).is_some()
}

/// A part of a text with mentions.
enum Piece<'a> {
    /// Text as it is.
    Text(&'a str),
    /// What is between two marks.
    Mention { name: &'a str, value: Option<String>, whole: &'a str },
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (open, close) = MARKS;
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        let inside = &rest[at + open.len_utf8()..];
        let Some(length) = ending(inside) else { break };
        let whole = &rest[at..at + open.len_utf8() + length + close.len_utf8()];
        let (name, value) = match inside[..length].split_once('=') {
            Some((name, value)) => (name, Some(value.replace(&format!("{close}{close}"), &close.to_string()))),
            None => (&inside[..length], None),
        };
        pieces.push(Piece::Text(&rest[..at]));
        pieces.push(Piece::Mention { name, value, whole });
        rest = &rest[at + whole.len()..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Where the closing mark is: one that stands twice is a letter of the value.
fn ending(inside: &str) -> Option<usize> {
    let close = MARKS.1;
    let mut from = 0;
    loop {
        let at = from + inside[from..].find(close)?;
        let behind = at + close.len_utf8();
        if !inside[behind..].starts_with(close) {
            return Some(at);
        }
        from = behind + close.len_utf8();
    }
}

impl Piece<'_> {
    fn told(&self, front: Front) -> String {
        let Self::Mention { name, value, whole } = self else {
            return if let Self::Text(text) = self { (*text).into() } else { String::new() };
        };
        let way = WAYS.iter().find(|way| way.name == *name);
        if let Some(way) = way {
            return way.told(value.as_deref().unwrap_or(""), front);
        }
        match spelling(name) {
            None => (*whole).into(),
            Some(spelling) => spelling.told(value.as_deref(), front),
        }
    }
}

/// How a setting is written.
struct Spelling {
    flag: String,
    parameter: &'static str,
    kind: Kind,
    switched: bool,
    switch: String,
}

/// That of the setting of this name, of the first table that has it.
fn spelling(name: &str) -> Option<Spelling> {
    fn of<T: Table>(name: &str) -> Option<Spelling> {
        T::field(name).map(|field: &Field<T>| Spelling {
            flag: field.flag(),
            parameter: field.parameter(),
            kind: field.kind,
            switched: field.switched(),
            switch: field.switch(),
        })
    }
    of::<Recipe>(name)
        .or_else(|| of::<Judge>(name))
        .or_else(|| of::<Deep>(name))
        .or_else(|| of::<Layers>(name))
        .or_else(|| of::<Search>(name))
        .or_else(|| of::<Interval>(name))
        .or_else(|| of::<Run>(name))
}

impl Spelling {
    fn told(&self, value: Option<&str>, front: Front) -> String {
        match (front, value) {
            (Front::Python, None) => format!("`{}`", self.parameter),
            (Front::Python, Some(value)) => format!("`{}={}`", self.parameter, self.kind.in_python(value)),
            (Front::CommandLine, _) if matches!(self.kind, Kind::Switch(_)) => {
                // Its flag is the value that is not the default; the default has none.
                match value {
                    Some(value) if (value == "yes") != self.switched => format!("no `--{}`", self.switch),
                    _ => format!("`--{}`", self.switch),
                }
            }
            (Front::CommandLine, None) => format!("`--{}`", self.flag),
            (Front::CommandLine, Some(value)) => format!("`--{} {value}`", self.flag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Front::{CommandLine, Python};
    use super::*;
    use crate::error::mention;
    use crate::recipe::Command;

    #[test]
    fn each_front_end_writes_settings_in_its_own_way() {
        for (text, command_line, python) in [
            ("⟨max_lipschitz⟩", "`--max-lipschitz`", "`max_lipschitz`"),
            ("⟨max_lipschitz=2⟩", "`--max-lipschitz 2`", "`max_lipschitz=2`"),
            ("⟨method=walk⟩", "`--method walk`", "`method=\"walk\"`"),
            ("⟨loss=huber:1⟩", "`--loss huber:1`", "`loss=\"huber:1\"`"),
            ("⟨tolerance=a=0.1⟩", "`--tolerance a=0.1`", "`tolerance=\"a=0.1\"`"),
            ("⟨layers=64,64⟩", "`--layers 64,64`", "`layers=(64, 64)`"),
            ("⟨layers=64⟩", "`--layers 64`", "`layers=(64,)`"),
            ("⟨seed=1⟩ or ⟨seed⟩", "`--seed 1` or `--seed`", "`random_state=1` or `random_state`"),
            ("⟨output_bias=no⟩", "`--no-output-bias`", "`output_bias=False`"),
            ("⟨output_bias=yes⟩", "no `--no-output-bias`", "`output_bias=True`"),
            ("⟨linear_part=yes⟩", "`--linear-part`", "`linear_part=True`"),
            ("⟨threads⟩.", "`--threads`.", "`threads`."),
            ("⟨hidden=auto⟩", "`--hidden auto`", "`hidden=\"auto\"`"),
            ("⟨missing=drop⟩, median", "`--missing drop`, median", "`missing=\"drop\"`, median"),
            ("⟨date=a=b=parts⟩", "`--date \"a=b=parts\"`", "`dates={\"a=b\": \"parts\"}`"),
            ("⟨limit=rows=5⟩", "`--limit rows=5`", "`tautnet.set_limits(rows=5)`"),
        ] {
            assert_eq!((&*told(text, CommandLine), &*told(text, Python)), (command_line, python));
        }
    }

    #[test]
    fn what_is_no_mention_stays_as_it_is() {
        for text in ["", "norm", "⟨", "⟩", "⟨norm", "⟨what⟩", "a ⟨what=b⟩ c", "⟩⟨", "⟨⟩", "⟨=⟩", "`norm`"]
        {
            assert_eq!((&*told(text, CommandLine), &*told(text, Python)), (text, text));
        }
    }

    #[test]
    fn a_value_may_hold_anything() {
        for column in ["a", "⟩", "⟩⟩", "⟨norm⟩", "a⟩; ⟨", "=", "\"", ""] {
            let hint = format!("before {} behind ⟨norm⟩", mention("tolerance", &format!("{column}=1")));
            assert_eq!(told(&hint, CommandLine), format!("before `--tolerance {column}=1` behind `--norm`"));
            assert_eq!(mentioned(&hint), ["tolerance", "norm"]);
        }
    }

    #[test]
    fn clauses_of_what_is_said_elsewhere_are_left_out() {
        let hint = "fill it; or say ⟨missing=drop⟩ or median; or take ⟨norm⟩";
        assert_eq!(without(hint, &["missing"]), "fill it; or take ⟨norm⟩");
        assert_eq!(without(hint, &["missing", "norm"]), "fill it");
        assert_eq!(without(hint, &[]), hint);
        assert_eq!(without("say ⟨missing=drop⟩", &["missing"]), "say ⟨missing=drop⟩", "something has to stay");
    }

    #[test]
    fn ways_are_no_settings_and_differ_between_the_front_ends() {
        for (k, way) in WAYS.iter().enumerate() {
            assert!(
                spelling(way.name).is_none() && WAYS[..k].iter().all(|other| other.name != way.name),
                "{}",
                way.name
            );
            let value = way.example.unwrap_or("");
            let [command_line, python] = [CommandLine, Python].map(|front| way.told(value, front));
            assert!(command_line != python && !python.contains("--") && !python.contains("`tautnet "), "{python}");
            assert!(command_line.contains(value) && !command_line.contains("set_limits"), "{command_line}");
        }
    }

    #[test]
    fn every_setting_can_be_mentioned() {
        for field in Recipe::FIELDS {
            let both = [CommandLine, Python].map(|front| told(&format!("⟨{}⟩", field.name), front));
            assert!(both[0].starts_with("`--") && both[1] == format!("`{}`", field.parameter()), "{both:?}");
        }
        assert!(
            Command::ALL.iter().all(|command| !is_known(command.name())) && is_known("threads") && is_known("missing")
        );
    }
}
