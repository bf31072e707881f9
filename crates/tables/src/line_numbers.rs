//! On which line of a text does something stand? Asked of a reader that has passed the text on.
//!
//! A line ends with `\n`, `\r\n` or `\r`, wherever that stands: inside quotation marks too, so that the number is the one
//! that an editor shows. Only the beginnings of lines that are not blank are remembered, and only until they are asked for,
//! so that what is remembered is as short as what the parser has read ahead.

use std::collections::VecDeque;
use std::io::{self, Read};

/// Passes bytes on and knows the lines that they are on.
pub(crate) struct LineNumbers<R> {
    inner: R,
    /// Bytes passed on.
    passed: u64,
    /// Number of the line that the next byte is on.
    line: u64,
    /// Whether no byte of that line has been passed on.
    fresh: bool,
    /// Whether the last byte was `\r`, so that `\n` would belong to it.
    carriage: bool,
    /// Where lines that are not blank begin, with their numbers.
    begun: VecDeque<(u64, u64)>,
}

impl<R> LineNumbers<R> {
    /// The first byte that `inner` gives is on line 1.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, passed: 0, line: 1, fresh: true, carriage: false, begun: VecDeque::new() }
    }

    /// The reader that the bytes come from.
    pub(crate) fn inner_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The line of the first text at or after a byte, which is the beginning of a line or the rest of a line break.
    /// Earlier bytes cannot be asked for afterwards.
    pub(crate) fn of_text_from(&mut self, byte: u64) -> u64 {
        while self.begun.front().is_some_and(|(begin, _)| *begin < byte) {
            self.begun.pop_front();
        }
        self.begun.front().map_or(self.line, |(_, line)| *line)
    }
}

impl<R: Read> Read for LineNumbers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let mut at = 0;
        while at < count {
            let byte = buffer[at];
            if byte == b'\n' || byte == b'\r' {
                self.line += u64::from(!(byte == b'\n' && self.carriage));
                (self.carriage, self.fresh) = (byte == b'\r', true);
                at += 1;
                continue;
            }
            if self.fresh {
                self.begun.push_back((self.passed + at as u64, self.line));
            }
            (self.carriage, self.fresh) = (false, false);
            let rest = &buffer[at..count];
            at += rest.iter().position(|byte| *byte == b'\n' || *byte == b'\r').unwrap_or(rest.len());
        }
        self.passed += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ReadOptions, Table};
    use proptest::prelude::*;

    /// The naive counter: the line that text after these bytes would be on.
    fn line_after(text: &str) -> u64 {
        1 + text.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count() as u64
    }

    fn line_break() -> impl Strategy<Value = &'static str> {
        prop_oneof![4 => Just("\n"), 4 => Just("\r\n"), 1 => Just("\r")]
    }

    /// A field, perhaps with line breaks between quotation marks.
    fn field() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => Just("1.5".to_owned()),
            1 => Just("\"2,5\"".to_owned()),
            2 => prop::collection::vec((line_break(), "[a-z\"]{0,2}"), 1..4).prop_map(|parts| {
                let inside: String = parts.iter().map(|(end, text)| format!("{}{end}", text.replace('"', "\"\""))).collect();
                format!("\"{inside}\"")
            }),
        ]
    }

    /// Two fields, how the line ends, and blank lines after it.
    fn rows() -> impl Strategy<Value = Vec<(String, String, &'static str, Vec<&'static str>)>> {
        let blank = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(line_break(), 1..4)];
        prop::collection::vec((field(), field(), line_break(), blank), 1..12)
    }

    /// What a table with a row too short says of its place.
    fn told(text: &[u8], header: bool) -> String {
        let options = ReadOptions { header: Some(header), delimiter: Some(b','), ..ReadOptions::default() };
        Table::from_reader("t", text, &options).unwrap_err().what
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn a_row_is_on_the_line_that_an_editor_shows(
            rows in rows(), header in any::<bool>(), before in prop::collection::vec(line_break(), 0..3),
            mark in any::<bool>(), ended in any::<bool>(),
        ) {
            // A row of numbers first: one of words could be units.
            let mut text = before.concat() + "a,b\n0,0\n";
            for (a, b, end, blank) in &rows {
                text += &format!("{a},{b}{end}{}", blank.concat());
            }
            let line = line_after(&text);
            text += "short";
            text += if ended { "\r\n" } else { "" };
            let mark = if mark { "\u{feff}" } else { "" };
            let row = rows.len() + 2 + usize::from(!header);
            prop_assert_eq!(
                told(format!("{mark}{text}").as_bytes(), header),
                format!("t: row {row} (line {line}) has 1 field where 2 are due"),
                "{:?}", text
            );
        }

        /// The parts in which the bytes come change nothing.
        #[test]
        fn every_line_is_found_again(text in "[ab\r\n]{0,60}", part in 1_usize..8) {
            let mut lines = LineNumbers::new(text.as_bytes());
            let mut buffer = vec![0; part];
            while lines.read(&mut buffer).unwrap() > 0 {}
            for (byte, _) in text.match_indices(['a', 'b']) {
                let first = byte == 0 || text[..byte].ends_with(['\r', '\n']);
                if first {
                    prop_assert_eq!(lines.of_text_from(byte as u64), line_after(&text[..byte]));
                }
            }
            prop_assert_eq!(lines.of_text_from(text.len() as u64), line_after(&text));
        }
    }

    #[test]
    fn the_place_of_a_bad_value_is_that_of_its_row_in_files_of_every_kind() {
        for end in ["\n", "\r\n", "\r"] {
            for (text, line) in [
                ("a,b\n1,2\n3\n", 3),
                ("a,b\n1,2\n\n\n3\n", 5),
                ("\n\na,b\n\n1,2\n3\n", 6),
                ("a,b\n1,\"x\ny\nz\"\n3\n", 5),
                ("a,b\n1,\"x\n\n\"\n\n3\n", 6),
            ] {
                let text = text.replace('\n', end);
                assert!(told(text.as_bytes(), true).contains(&format!("(line {line})")), "{text:?}");
            }
            let text = format!("a,b{end}1,2{end}{end}inf,3{end}4,4{end}");
            let table = Table::from_reader("t", text.as_bytes(), &ReadOptions::default()).unwrap();
            let what = table.column("a").unwrap().values().unwrap_err().what;
            assert!(what.contains("row 2 (line 4)"), "{text:?}: {what}");
            let latin = [b"\xe9,b".as_slice(), end.as_bytes(), b"1,2"].concat();
            assert!(told(&[end.as_bytes(), &latin].concat(), true).starts_with("t: line 2, field 1"), "{end:?}");
        }
    }

    /// Of a long file, which is read in parts; a line break is on the border between two of them, whatever its size.
    #[test]
    fn a_line_break_may_be_where_the_reader_stops() {
        for shift in 0..6 {
            let text = format!("a{},b\r\n{}", "a".repeat(shift), "1,2\r\n".repeat(60_000));
            assert!(told(format!("{text}3\r\n").as_bytes(), true).contains("row 60001 (line 60002)"), "{shift}");
        }
    }
}
