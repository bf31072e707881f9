//! The flags of settings: names, ranges, defaults and help are those of the tables of `tautnet::recipe`.

use crate::files::TestRows;
use crate::output;
use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command as Parser, Error, FromArgMatches};
use std::ffi::OsString;
use std::marker::PhantomData;
use std::time::Duration;
use tautnet::Recipe;
use tautnet::recipe::{Command, Field, Judge, Kind, Run, Table, Value};

/// The command that the flags are for.
pub trait For {
    /// In the library's words.
    const COMMAND: Command;
}

macro_rules! commands {
    ($($name:ident),*) => {
        $(
            /// The flags of this command.
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl For for $name {
                const COMMAND: Command = Command::$name;
            }
        )*
    };
}

commands!(Train, Polish, Compare, Attack, Predict);

/// What the flags of a command ask for, by the settings of one table.
#[derive(Debug, Clone)]
pub struct TableArguments<T, C> {
    /// The values.
    pub asked: T,
    said: Vec<&'static str>,
    command: PhantomData<C>,
}

/// What the flags of a command ask for by the settings of the recipe.
pub type RecipeArguments<C> = TableArguments<Recipe, C>;

impl<T, C> TableArguments<T, C> {
    /// Whether there was a flag for the setting.
    pub fn said(&self, name: &str) -> bool {
        self.said.contains(&name)
    }
}

impl<T: Table, C: For> Args for TableArguments<T, C> {
    fn augment_args(parser: Parser) -> Parser {
        parser.args(T::fields(C::COMMAND).map(|field| argument(field, C::COMMAND)))
    }

    fn augment_args_for_update(parser: Parser) -> Parser {
        Self::augment_args(parser)
    }
}

impl<T: Table, C: For> FromArgMatches for TableArguments<T, C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut arguments = Self { asked: T::default(), said: Vec::new(), command: PhantomData };
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        T::fields(C::COMMAND).try_for_each(|field| {
            if take(field, &mut self.asked, matches)? {
                self.said.push(field.name);
            }
            Ok(())
        })
    }
}

/// Put the value of a flag where it belongs, and say whether there was one.
fn take<T: Table>(field: &Field<T>, asked: &mut T, matches: &ArgMatches) -> Result<bool, Error> {
    let value = match field.kind {
        Kind::Switch(_) => matches.get_flag(field.name).then_some(Value::Switch(field.switched())),
        Kind::Texts(_) => matches.get_many::<Value>(field.name).map(|values| {
            let texts = values.filter_map(|value| if let Value::Texts(texts) = value { Some(texts) } else { None });
            Value::Texts(texts.flatten().cloned().collect())
        }),
        _ => matches.get_one::<Value>(field.name).cloned(),
    };
    let Some(value) = value else { return Ok(false) };
    let set = asked.set(field.name, &value);
    set.map_err(|error| Error::raw(ErrorKind::ValueValidation, format!("{error}; {}\n", output::hint(&error))))?;
    Ok(true)
}

macro_rules! of_run {
    ($($(#[$what:meta])* $name:ident($field:ident: $kind:ty);)*) => {
        $(
            $(#[$what])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name {
                /// The value.
                pub $field: Option<$kind>,
            }

            impl Args for $name {
                fn augment_args(parser: Parser) -> Parser {
                    // The flag is the same for every command, those that have no recipe among them.
                    parser.args(Run::field(stringify!($field)).map(|field| argument(field, Command::Train)))
                }

                fn augment_args_for_update(parser: Parser) -> Parser {
                    Self::augment_args(parser)
                }
            }

            impl FromArgMatches for $name {
                fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
                    let mut arguments = Self { $field: None };
                    arguments.update_from_arg_matches(matches)?;
                    Ok(arguments)
                }

                fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
                    let mut run = Run { $field: self.$field, ..Run::default() };
                    if let Some(field) = Run::field(stringify!($field)) {
                        take(field, &mut run, matches)?;
                    }
                    self.$field = run.$field;
                    Ok(())
                }
            }
        )*
    };
}

of_run! {
    /// When to stop early with the best so far; Ctrl-C does the same.
    LimitArguments(time_limit: Duration);
    /// How much of the machine to use.
    ThreadArguments(threads: usize);
}

impl ThreadArguments {
    /// Hold all computation to that many threads.
    pub fn apply(&self) -> tautnet::error::Result<()> {
        let Some(threads) = self.threads else { return Ok(()) };
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|error| {
            tautnet::Error::new(format!("{threads} threads could not be started: {error}"), "ask for fewer threads")
        })
    }
}

/// Rows held out: the share of the table of settings, or a file.
#[derive(Debug, Clone, Default)]
pub struct TestArguments {
    /// Where they come from, if there are any.
    pub test: Option<TestRows>,
}

/// The setting, which is the same for every command that learns from DATA once.
fn test() -> &'static Field<Judge> {
    Judge::field("test").expect("rows can be held out")
}

impl Args for TestArguments {
    fn augment_args(parser: Parser) -> Parser {
        let symbol: &'static str = format!("{}|FILE", test().symbol).leak();
        let value = ValueParser::new(OsStringValueParser::new().try_map(test_rows));
        let help = format!("{}, or a file of rows [default: {}]", test().help, test().default_in_words(Command::Train));
        parser.arg(argument(test(), Command::Train).help(help).value_name(symbol).value_parser(value))
    }

    fn augment_args_for_update(parser: Parser) -> Parser {
        Self::augment_args(parser)
    }
}

impl FromArgMatches for TestArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self { test: matches.get_one(test().name).cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A number is a share, anything else a table.
fn test_rows(text: OsString) -> Result<TestRows, String> {
    let shown = text.to_string_lossy();
    if shown.trim().parse::<f64>().is_err() {
        return Ok(TestRows::File(text));
    }
    match test().read(Command::Train, &shown)? {
        Value::Number(share) => Ok(TestRows::Fraction(share)),
        _ => Ok(TestRows::File(text)),
    }
}

/// The flag of a setting.
fn argument<T: Table>(field: &'static Field<T>, command: Command) -> Arg {
    // The parser is made once, and wants names that last.
    let flag: &'static str = match field.kind {
        Kind::Switch(_) => field.switch().leak(),
        _ => field.flag().leak(),
    };
    let argument = Arg::new(field.name).long(flag).aliases(field.before.iter().copied()).help_heading(field.group);
    if let Kind::Switch(what) = field.kind {
        return documented(argument.action(ArgAction::SetTrue), what, field.more);
    }
    let auto = if field.auto.contains(&command) { "auto|" } else { "" };
    let symbol: &'static str = format!("{auto}{}", field.symbol).leak();
    let help = format!("{} [default: {}]", field.help, field.default_in_words(command));
    let values = match field.kind {
        Kind::WordWithNumber(words) => words().iter().map(|word| format!("\n- {}: {}", word.name, word.help)).collect(),
        _ => String::new(),
    };
    let more = if values.is_empty() { field.more.to_owned() } else { format!("{}\n\nOne of:{values}", field.more) };
    // What begins with a minus is a value, too, and told as such.
    let argument = match field.kind {
        Kind::Numbers(_) => argument.allow_hyphen_values(true),
        Kind::Texts(_) => argument.allow_hyphen_values(true).action(ArgAction::Append),
        _ => argument.allow_negative_numbers(true),
    };
    documented(argument.value_name(symbol).value_parser(parser(field, command)), &help, &more)
}

fn documented(argument: Arg, help: &str, more: &str) -> Arg {
    let argument = argument.help(help.to_owned());
    if more.is_empty() { argument } else { argument.long_help(format!("{help}\n\n{more}")) }
}

/// What reads its value.
fn parser<T: Table>(field: &'static Field<T>, command: Command) -> ValueParser {
    match field.kind {
        Kind::Word(words) => {
            let values = words().into_iter().map(|word| {
                // One of another command is refused later, with what would do.
                let other = !word.commands.contains(&command);
                PossibleValue::new(&*word.name.leak()).help(word.help).hide(other)
            });
            ValueParser::new(PossibleValuesParser::new(values).map(Value::Word))
        }
        Kind::WordWithNumber(_) | Kind::Texts(_) => ValueParser::new(move |text: &str| {
            let value = field.read(command, text)?;
            let read = T::default().set(field.name, &value);
            read.map(|()| value).map_err(|error| format!("{error}; {}", output::hint(&error)))
        }),
        _ => ValueParser::new(move |text: &str| field.read(command, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_rows_are_a_share_or_a_table() {
        assert_eq!(test_rows("0.25".into()), Ok(TestRows::Fraction(0.25)));
        assert_eq!(test_rows("held_out.csv".into()), Ok(TestRows::File("held_out.csv".into())));
        for text in ["0", "1", "-0.5", "20", "nan"] {
            assert!(test_rows(text.into()).is_err(), "{text}");
        }
    }
}
