//! What a command says: results, errors, and the exit status.

use std::io::Write;
use std::process::ExitCode;
use tautnet::error::{Error, Result};
use tautnet::printable;
use tautnet::recipe::{Front, told};
pub use tautnet::shown::{at_least, at_most, bound, number};

/// Exit status of a command that could not run.
pub const COULD_NOT_RUN: u8 = 2;

/// Exit status of a command whose result is not what was claimed or asked for.
pub const CLAIM_FAILED: u8 = 1;

/// The exit status of a result with this bound: where it exceeds a hard limit, that is said, and the claim failed.
pub fn limit_kept(limit: Option<f64>, bound: f64) -> ExitCode {
    match limit {
        Some(limit) if bound > limit => {
            complain(&Error::new(
                format!("the bound {bound:e} exceeds the limit `--max-lipschitz` {limit:e}"),
                "the best network found was kept all the same; give it more time, or a higher limit",
            ));
            ExitCode::from(CLAIM_FAILED)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// A share as people say it.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A share that something is at least, rounded down.
pub fn percent_at_least(share: f64) -> String {
    // A share of rows is off by rounding alone, and less than this from the next tenth of a percent only where it is one.
    percent((1000.0 * share + 1e-9).floor() / 1000.0)
}

/// Print a result of one or more lines, with what would be commands to the terminal made visible. It is not an error when the
/// reader closes the pipe (`tautnet … | head`).
pub fn print(text: &str) -> Result<()> {
    print_on(text).map(drop)
}

/// The same, where more follows; whether there is still a reader.
pub fn print_on(text: &str) -> Result<bool> {
    send(&printable::lines(text))
}

fn send(text: &str) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            Err(Error::new(format!("standard output could not be written: {error}"), "check where it is sent to"))
        }
        Ok(()) => Ok(true),
    }
}

/// Print one JSON object.
pub fn print_json(value: &serde_json::Value) -> Result<()> {
    send(&json_text(value)).map(drop)
}

/// The text of a JSON object. What would be a command to the terminal is escaped, and the text stays the same JSON: such
/// characters stand only inside strings there.
fn json_text(value: &serde_json::Value) -> String {
    let mut text = String::new();
    for character in format!("{value:#}\n").chars() {
        if printable::is_command(character) && !character.is_ascii_whitespace() {
            text.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            text.push(character);
        }
    }
    text
}

/// Say on standard error what the user should know beside the result.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {}", printable::line(text));
}

/// What would do, with the flags of the command line.
pub fn hint(error: &Error) -> String {
    told(&error.hint, Front::CommandLine)
}

/// `error:` and `hint:` on standard error.
pub fn complain(error: &Error) {
    let told = hint(error);
    let (what, hint) = (printable::line(&error.what), printable::line(&told));
    let _ = writeln!(std::io::stderr(), "error: {what}\nhint: {hint}");
}

/// Help and version are results; anything else the parser says is an error with a hint.
pub fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    let text = text.trim_end();
    let (body, hint) = match text.strip_suffix("For more information, try '--help'.") {
        Some(body) => (body.trim_end(), "hint: `--help` after the command shows every flag\n"),
        None => (text, ""),
    };
    let _ = write!(std::io::stderr(), "{}\n{hint}", printable::lines(body));
    ExitCode::from(COULD_NOT_RUN)
}

/// Rows of cells as aligned text: the first column to the left, the others to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    aligned(rows, |j| j > 0)
}

/// Rows of cells as aligned text, all to the left.
pub fn list(rows: &[Vec<String>]) -> String {
    aligned(rows, |_| false)
}

fn aligned(rows: &[Vec<String>], right: impl Fn(usize) -> bool) -> String {
    // A cell is one line, whatever name is in it.
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| printable::line(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |cell: &str| cell.chars().count();
    // A cell that is very long makes its own line long, and no other.
    const WIDEST: usize = 1000;
    let width = |j: usize| rows.iter().filter_map(|row| row.get(j)).map(|cell| length(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(|j| width(j).min(WIDEST)).collect();
    let mut text = String::new();
    for row in rows {
        let cell = |(j, cell): (usize, &std::borrow::Cow<'_, str>)| {
            let space = " ".repeat(widths[j].saturating_sub(length(cell)));
            if right(j) { format!("{space}{cell}") } else { format!("{cell}{space}") }
        };
        let line: Vec<String> = row.iter().enumerate().map(cell).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align() {
        let rows = [vec!["a".into(), "10".into()], vec!["λλ".into(), "5".into()]];
        assert_eq!(table(&rows), "a   10\nλλ   5\n");
        assert_eq!(list(&rows), "a   10\nλλ  5\n");
        let long = "x".repeat(70_000);
        let rows = [vec![long.clone(), "1".into()], vec!["a\nb\u{1b}".into(), "2".into()]];
        let text = table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("{long}  1"));
        assert!(lines[1].starts_with("a\\nb\\u{1b} ") && lines[1].ends_with("  2") && lines.len() == 2);
    }

    #[test]
    fn a_json_text_stays_the_same() {
        let value = serde_json::json!({"a\u{9b}\u{202e}\u{1b}\n": ["\u{7f}é", 1.5]});
        let plain = json_text(&value);
        assert!(!plain.contains(|c: char| printable::is_command(c) && c != '\n'), "{plain:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap(), value);
    }
}
