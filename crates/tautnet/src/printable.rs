//! Text from files, fit for a terminal.
//!
//! Names of columns, words, file names and what a parser quotes may hold any character. Some of them are commands to a
//! terminal: they move the cursor, change the title, or turn the direction of writing, and so make a message say what it
//! does not. They are shown as `\u{1b}` and the like. Everything that a command prints, and every message that Python
//! raises, goes through here.

use std::borrow::Cow;

/// Whether a character is a command to a terminal or turns the direction of writing, a line feed among them.
pub fn is_command(character: char) -> bool {
    // Marks and turns of direction, separators of lines and paragraphs, and the mark that is no character.
    let unseen = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    character.is_control() || unseen
}

/// A text of one line: a name or a message.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |character| character.escape_default().to_string(), |_| false)
}

/// A text of several lines, which stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| character.escape_default().to_string(), |character| character == '\n')
}

fn escaped(text: &str, escape: impl Fn(char) -> String, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let command = |character: char| is_command(character) && !stays(character);
    if !text.contains(command) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if command(character) { plain.push_str(&escape(character)) } else { plain.push(character) }
    }
    Cow::Owned(plain)
}

/// "`a`, `b`, `c` and 4 more".
pub fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{}`", shown(name))).collect();
    const SHOWN: usize = 12;
    if names.len() <= SHOWN + 1 {
        names.join(", ")
    } else {
        format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN)
    }
}

/// A word from a file, fit for one line of a message.
pub fn shown(word: &str) -> String {
    const SHOWN: usize = 40;
    let mut text: String = word.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if word.chars().count() > SHOWN {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_a_terminal_are_shown_and_other_text_stays() {
        assert!(matches!(line("größer λ ≤ 3 \u{1f600}"), Cow::Borrowed(_)));
        assert_eq!(line("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\r\\n");
        assert_eq!(line("\u{9b}31m\u{7f}\u{202e}\u{2028}\t"), "\\u{9b}31m\\u{7f}\\u{202e}\\u{2028}\\t");
        assert_eq!(lines("a\nb\u{8}\n"), "a\nb\\u{8}\n");
        for code in (0..0x20).chain(0x7f..0xa0) {
            let text = line(&char::from_u32(code).unwrap().to_string()).into_owned();
            assert!(text.chars().all(|character| character.is_ascii_graphic()), "{code:#x}: {text}");
        }
    }
}
