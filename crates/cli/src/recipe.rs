//! The flags of a recipe, made of its settings: names, ranges, defaults and help are those of [`Recipe::FIELDS`].

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command as Parser, Error, FromArgMatches};
use std::marker::PhantomData;
use tautnet::Recipe;
use tautnet::recipe::{Command, Field, Kind, Value};

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

commands!(Train, Polish, Compare, Attack);

/// What the flags of a command ask for.
#[derive(Debug, Clone)]
pub struct RecipeArguments<C> {
    /// The recipe.
    pub recipe: Recipe,
    said: Vec<&'static str>,
    command: PhantomData<C>,
}

impl<C> RecipeArguments<C> {
    /// Whether there was a flag for the setting.
    pub fn said(&self, name: &str) -> bool {
        self.said.contains(&name)
    }
}

impl<C: For> Args for RecipeArguments<C> {
    fn augment_args(parser: Parser) -> Parser {
        parser.args(Recipe::fields(C::COMMAND).map(|field| argument(field, C::COMMAND)))
    }

    fn augment_args_for_update(parser: Parser) -> Parser {
        Self::augment_args(parser)
    }
}

impl<C: For> FromArgMatches for RecipeArguments<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut arguments = Self { recipe: Recipe::default(), said: Vec::new(), command: PhantomData };
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for field in Recipe::fields(C::COMMAND) {
            let value = match field.kind {
                Kind::Switch(_) => matches.get_flag(field.name).then_some(Value::Switch(field.switched())),
                _ => matches.get_one::<Value>(field.name).cloned(),
            };
            if let Some(value) = value {
                let set = self.recipe.set(field.name, &value);
                set.map_err(|error| Error::raw(ErrorKind::ValueValidation, format!("{error}; {}\n", error.hint)))?;
                self.said.push(field.name);
            }
        }
        Ok(())
    }
}

/// The flag of a setting.
fn argument(field: &'static Field, command: Command) -> Arg {
    // The parser is made once, and wants names that last.
    let flag: &'static str = match field.kind {
        Kind::Switch(_) => field.switch().leak(),
        _ => field.flag().leak(),
    };
    let argument = Arg::new(field.name).long(flag).help_heading(field.group);
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
    documented(
        argument.value_name(symbol).value_parser(parser(field, command)).allow_negative_numbers(true),
        &help,
        &more,
    )
}

fn documented(argument: Arg, help: &str, more: &str) -> Arg {
    let argument = argument.help(help.to_owned());
    if more.is_empty() { argument } else { argument.long_help(format!("{help}\n\n{more}")) }
}

/// What reads its value.
fn parser(field: &'static Field, command: Command) -> ValueParser {
    match field.kind {
        Kind::Word(words) => {
            let values = words().into_iter().map(|word| PossibleValue::new(&*word.name.leak()).help(word.help));
            ValueParser::new(PossibleValuesParser::new(values).map(Value::Word))
        }
        Kind::WordWithNumber(_) => ValueParser::new(move |text: &str| {
            let value = field.read(command, text)?;
            let read = Recipe::default().set(field.name, &value);
            read.map(|()| value).map_err(|error| format!("{error}; {}", error.hint))
        }),
        _ => ValueParser::new(move |text: &str| field.read(command, text)),
    }
}
