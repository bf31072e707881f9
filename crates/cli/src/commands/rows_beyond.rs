//! What the commands share that learn from rows beyond memory.

use super::predict_rows;
use crate::arguments::{MeetingArguments, MemoryArguments};
use crate::files::{TestRows, file_of};
use crate::output::{at_most, number};
use crate::progress::Display;
use crate::recipe::TestArguments;
use crate::{input, output};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use tautnet::choose::{Beside, Clean};
use tautnet::choose_far::FarChosen;
use tautnet::error::{Error, Result};
use tautnet::fit_far::Seen;
use tautnet::polish::{Bounded, FarPolished, Mean};
use tautnet::shards::Share;
use tautnet::{Loss, printable};
use tautnet_models::{Model, Stored};
use tautnet_tables::Encoder;
use tautnet_tables::source::{Source, Survey};
use tautnet_tables::source_rows::{Budget, of_model};

/// The memory that may be used where nothing is said.
const MEMORY: u64 = 2 << 30;

/// Whether the rows are to be read a block at a time.
pub fn is_asked(data: &OsStr, memory: &MemoryArguments) -> bool {
    memory.memory.is_some() || (data != "-" && Source::is_for(Path::new(data)))
}

/// Refuse DATA that is no file.
pub fn check_file(data: &OsStr) -> Result<()> {
    if Source::is_for(Path::new(data)) || file_of(data).is_some_and(Path::is_file) {
        return Ok(());
    }
    Err(Error::new(
        format!("`{}` is no file that can be read a block at a time", data.display()),
        "give a CSV or Parquet file, a pattern such as 'part-*.csv', or a folder of Parquet files; or leave out --memory",
    ))
}

/// Refuse what needs all rows in memory: the names of what may have been asked for, and whether it was.
pub fn check(of_memory: &[(bool, &str)]) -> Result<()> {
    let Some((_, name)) = of_memory.iter().find(|(asked, _)| *asked) else { return Ok(()) };
    Err(Error::new(
        format!("`{name}` needs all rows in memory, and these are read a block at a time"),
        "leave it out; rows are held out by a share, such as --test 0.2; or give one file, without --memory",
    ))
}

/// The model that is stored; refuse a plain network, and columns or units beside those of the model.
pub fn model<'a>(stored: &'a Stored, path: &Path, meeting: &MeetingArguments) -> Result<&'a Model> {
    match stored {
        Stored::Model(model) => input::check_own_columns(path, meeting).map(|()| &**model),
        Stored::Network(_) => Err(Error::new(
            format!("{} is a plain network, whose columns and units all rows in memory would tell", path.display()),
            "give a model, or one file of rows (and no --memory)",
        )),
    }
}

/// The first pass over files that a model meets, which refuses what is wrong in them, and what shows how far a pass is.
pub fn survey(source: &Source, columns: &Encoder) -> Result<(Survey, Display)> {
    source.notes().iter().for_each(|note| output::note(note));
    let mut display = Display::after(predict_rows::PATIENCE);
    let survey =
        of_model(source, columns, &mut |read| predict_rows::show(&mut display, "looking at all rows first", read))?;
    survey.notes().for_each(output::note);
    Ok((survey, display))
}

/// Which rows are held out.
pub fn share(test: &TestArguments, seed: u64) -> Share {
    let held_out = match test.test {
        Some(TestRows::Fraction(share)) => share,
        _ => 0.0,
    };
    Share { seed, held_out }
}

/// What may be used.
pub fn budget(memory: &MemoryArguments) -> Budget {
    Budget {
        memory: memory.memory.unwrap_or(MEMORY),
        threads: rayon::current_num_threads().max(1),
        folder: memory.cache.clone(),
    }
}

/// What simple models achieve, where a pass over the rows has told.
pub fn beside(found: &FarPolished, seen: &Seen) -> Option<Beside> {
    let (simple, held_out) = (found.beside?, seen.held_out > 0);
    let of = |mean: Mean| Clean { clean: if held_out { mean.held_out } else { Some(mean.learned) }, accuracy: None };
    let rows = if held_out { seen.held_out } else { seen.learned } as usize;
    Some(Beside::of_errors(rows, held_out, [of(found.after), of(simple.linear), of(simple.constant)]))
}

/// How often all rows were gone through, after the pass that finds what their columns are, and whose cells were held at the end.
pub fn passes(found: &FarPolished) -> (usize, usize) {
    (1 + found.passes, found.members)
}

/// The same for programs.
pub fn json((passes, members): (usize, usize)) -> Value {
    json!({"passes": passes, "members": members})
}

/// The same in words.
pub fn told((passes, members): (usize, usize)) -> String {
    let held = match members {
        0 => String::new(),
        members => format!("; the last program held the cells of {members} of them"),
    };
    format!("All rows were gone through {passes} times{held}.\n")
}

/// What a choice tells of all rows, for programs.
pub fn chosen_json(far: &FarChosen) -> Value {
    let of = |bounded: &Bounded| {
        let kind = |of: fn(&Mean) -> Option<f64>| json!({"clean": of(&bounded.clean), "found": of(&bounded.found), "bound": of(&bounded.bound)});
        let mut told = json!({"learned": kind(|mean| Some(mean.learned))});
        if far.seen.held_out > 0 {
            told["held_out"] = kind(|mean| mean.held_out);
        }
        told
    };
    let mut told = json!({"passes": 2, "sample": far.seen.sample.rows()});
    if let Some(descent) = &far.descent {
        told["passes"] = json!(2 + descent.passes);
        told["steps"] = json!(descent.steps);
        told["start"] = of(&descent.before);
        told["result"] = of(&descent.after);
    }
    told
}

/// The same in words.
pub fn chosen_told(far: &FarChosen, target: &str, loss: &Loss) -> String {
    let (seen, sample) = (&far.seen, far.seen.sample.rows());
    if sample as u64 == seen.learned {
        return "\nThe network was chosen on all rows, which all have room in the sample\n".to_owned();
    }
    let sampled = format!("\nThe network was chosen on a sample of {sample} rows");
    let Some(descent) = &far.descent else {
        return sampled + ", and there was no time to make it better on all of them\n";
    };
    // Of rows held out, where there are any.
    let learned = if seen.held_out > 0 { "held out" } else { "learned from" };
    let user = |mean: Mean| seen.scaler.root_to_user(loss, mean.held_out.unwrap_or(mean.learned));
    let what = match loss.is_margin() {
        true => format!("{} of `{}`", loss.mean_name(), printable::line(target)),
        false => format!("`{}` ({}) off by", printable::line(target), loss.root_name()),
    };
    let bettered = match descent.after == descent.before {
        false => format!(", and made better on all of them in {} steps", descent.steps),
        true => format!("; {} steps on all of them found no better one", descent.steps),
    };
    let line = |of: &Bounded| {
        let (clean, found, bound) = (number(user(of.clean)), number(user(of.found)), at_most(user(of.bound)));
        format!("{clean} without input error, {found} found by attack, at most {bound}")
    };
    format!(
        "{sampled}{bettered}. All rows were gone through {} times.\nOn all rows {learned}, {what}:\n  {}\n  before these steps {}\n",
        2 + descent.passes,
        line(&descent.after),
        line(&descent.before),
    )
}
