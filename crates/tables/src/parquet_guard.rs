//! What a Parquet file claims of itself, checked before a decoder believes it.
//!
//! A decoder makes room for what the headers of a file announce: pages that unpack to two gigabytes, a dictionary of 2³¹
//! entries, a group of 2³¹ columns inside a group. In a damaged file these are lies, and the system does not give the room, which
//! ends the program. So the footer's schema and the header of every page are read here first, with the few fields that
//! say how much room is needed. The bytes are Thrift's compact protocol: a value is a varint, a length and bytes, a list
//! with the type of its elements, or a struct of numbered fields that ends with a zero.

use tautnet::limits::{Limit, Limits};

/// What is wrong, for the message that the file is damaged.
type Outcome<T> = Result<T, String>;

/// Where the pages of one column of one row group are, and how many values they hold.
pub(crate) struct Chunk {
    pub start: u64,
    pub length: u64,
    pub values: u64,
}

/// Deeper than any value of a header goes.
const DEEPEST: u32 = 16;

const NUMBER: u8 = 5;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// A field whose type is not that of its number.
const ANOTHER_TYPE: &str = "a field of a header has another type than it should";

/// The schema in the footer of a file, and the columns that it leads to.
pub(crate) fn check_schema(file: &[u8], limits: &Limits) -> Outcome<()> {
    let end = file.len().checked_sub(8).ok_or("it is cut short")?;
    if &file[end + 4..] != b"PAR1" {
        return Err("its last bytes are not those of a Parquet file".into());
    }
    let length = u32::from_le_bytes(file[end..end + 4].try_into().expect("four bytes")) as usize;
    let start = end.checked_sub(length).ok_or("its footer is longer than the file")?;
    let mut elements = Vec::new();
    let mut reader = Compact { bytes: &file[start..end] };
    reader.fields(|reader, field, kind| match (field, kind) {
        (2, LIST) => reader.list(|reader, kind| {
            let mut children = 0;
            if kind != STRUCT {
                return Err("its schema is damaged".into());
            }
            reader.fields(|reader, field, kind| match (field, kind) {
                (5, 4..=6) => reader.integer().map(|count| children = count),
                _ => reader.skip(kind, DEEPEST),
            })?;
            elements.push(children);
            Ok(())
        }),
        _ => reader.skip(kind, DEEPEST),
    })?;
    // The elements are a tree, parents first: how many children are still due at each level.
    let mut due: Vec<i64> = Vec::new();
    for (place, &children) in elements.iter().enumerate() {
        if children < 0 || children as u64 > (elements.len() - place - 1) as u64 {
            return Err("its schema has fewer columns than it announces".into());
        }
        while due.last() == Some(&0) {
            due.pop();
        }
        if let Some(left) = due.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            due.push(children);
        }
        if due.len() as u64 > limits.get(Limit::Nesting) {
            return Err(format!("its columns are nested more than {} deep", limits.get(Limit::Nesting)));
        }
    }
    Ok(())
}

/// A column's pages are somewhere else.
fn misplaced() -> String {
    "a column's pages are not where its footer says".to_owned()
}

/// The headers of all pages of a column; returns the bytes that they say they unpack to.
pub(crate) fn check_pages(file: &[u8], chunk: &Chunk, limits: &Limits) -> Outcome<u64> {
    let end = chunk.start.checked_add(chunk.length).ok_or_else(misplaced)?;
    let range = usize::try_from(chunk.start).ok().zip(usize::try_from(end).ok()).ok_or_else(misplaced)?;
    let mut reader = Compact { bytes: file.get(range.0..range.1).ok_or_else(misplaced)? };
    let (mut unpacked, mut values) = (0u64, 0u64);
    while !reader.bytes.is_empty() {
        let page = reader.page()?;
        values = values.saturating_add(page.values);
        unpacked = unpacked.saturating_add(page.size);
        if unpacked > limits.bytes {
            return Ok(unpacked);
        }
        let packed = usize::try_from(page.packed).map_err(|_| misplaced())?;
        reader.bytes = reader.bytes.get(packed..).ok_or_else(misplaced)?;
    }
    check_values(values, chunk)?;
    Ok(unpacked)
}

/// The same of a file that is not held: no page may unpack to more than the limit. `read` fills a buffer from a place in the file.
pub(crate) fn check_pages_in(
    read: &mut dyn FnMut(u64, &mut [u8]) -> Outcome<()>,
    chunk: &Chunk,
    limits: &Limits,
) -> Outcome<()> {
    /// Headers are hardly longer.
    const WINDOW: u64 = 1 << 12;
    let end = chunk.start.checked_add(chunk.length).ok_or_else(misplaced)?;
    let (mut at, mut values, mut window) = (chunk.start, 0u64, Vec::new());
    while at < end {
        let mut length = WINDOW.min(end - at);
        let (page, header) = loop {
            window.resize(usize::try_from(length).map_err(|_| misplaced())?, 0);
            read(at, &mut window)?;
            let mut reader = Compact { bytes: &window };
            match reader.page() {
                Ok(page) => break (page, length - reader.bytes.len() as u64),
                // It may go on behind the window: smallest and largest values stand in headers.
                Err(_) if length < (end - at).min(limits.bytes) => length = (length * 16).min(end - at),
                Err(what) => return Err(what),
            }
        };
        values = values.saturating_add(page.values);
        if page.size > limits.bytes {
            return Err(format!("a page unpacks to {} bytes, more than the limit of {}", page.size, limits.bytes));
        }
        at = at.saturating_add(header).saturating_add(page.packed);
    }
    if at != end { Err(misplaced()) } else { check_values(values, chunk) }
}

fn check_values(values: u64, chunk: &Chunk) -> Outcome<()> {
    match values > chunk.values {
        true => Err(format!("a column has {values} values where {} are due", chunk.values)),
        false => Ok(()),
    }
}

/// What the header of a page announces.
struct Page {
    /// Bytes that it unpacks to.
    size: u64,
    /// Bytes behind the header.
    packed: u64,
    /// Values of rows.
    values: u64,
}

/// How many numbers a page announces whose numbers are stored as differences.
pub(crate) fn count_of_differences(values: &[u8]) -> Outcome<u64> {
    let mut reader = Compact { bytes: values };
    let (_block, _parts) = (reader.varint()?, reader.varint()?);
    reader.varint()
}

/// What is left to read.
struct Compact<'a> {
    bytes: &'a [u8],
}

impl Compact<'_> {
    /// The header of a page.
    fn page(&mut self) -> Outcome<Page> {
        let (mut size, mut packed, mut dictionary, mut values) = (-1, -1, None, 0u64);
        // The decoder reads a field that it knows as what it should be, whatever type the file gives it, and loses its place
        // where that is another: then a text of two gigabytes, or a list of them, passes for a part of the header.
        self.fields(|reader, field, kind| match (field, kind) {
            (2, NUMBER) => reader.integer().map(|value| size = value),
            (3, NUMBER) => reader.integer().map(|value| packed = value),
            (1 | 4, NUMBER) | (6, STRUCT) => reader.skip(kind, DEEPEST),
            (5 | 7 | 8, STRUCT) => {
                let mut count = -1;
                let page = field;
                reader.fields(|reader, field, kind| match (page, field, kind) {
                    (_, 1, NUMBER) => reader.integer().map(|value| count = value),
                    (_, 2, NUMBER) | (5 | 8, 3 | 4, NUMBER) | (8, 5 | 6, NUMBER) => reader.skip(kind, DEEPEST),
                    (7, 3, 1 | 2) | (8, 7, 1 | 2) | (5, 5, STRUCT) | (8, 8, STRUCT) => reader.skip(kind, DEEPEST),
                    (5, 1..=5, _) | (7, 1..=3, _) | (8, 1..=8, _) => Err(ANOTHER_TYPE.into()),
                    _ => reader.skip(kind, DEEPEST),
                })?;
                let count = u64::try_from(count).map_err(|_| "a page has no count of values".to_owned())?;
                match field {
                    7 => dictionary = Some(count),
                    _ => values = values.saturating_add(count),
                }
                Ok(())
            }
            (1..=8, _) => Err(ANOTHER_TYPE.into()),
            _ => reader.skip(kind, DEEPEST),
        })?;
        let size = u64::try_from(size).map_err(|_| "a page has no size".to_owned())?;
        let packed = u64::try_from(packed).map_err(|_| "a page has no size".to_owned())?;
        // Every entry of a dictionary takes four bytes at least.
        if dictionary.is_some_and(|count| count > size / 4) {
            return Err("a dictionary has more entries than bytes".into());
        }
        Ok(Page { size, packed, values })
    }

    fn byte(&mut self) -> Outcome<u8> {
        let (first, rest) = self.bytes.split_first().ok_or("a header is cut short")?;
        self.bytes = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Outcome<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err("a number in a header does not end".into())
    }

    /// A signed number, in zigzag form.
    fn integer(&mut self) -> Outcome<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn pass(&mut self, length: u64) -> Outcome<()> {
        let length = usize::try_from(length).ok().filter(|length| *length <= self.bytes.len());
        self.bytes = &self.bytes[length.ok_or("a text in a header is longer than the file")?..];
        Ok(())
    }

    /// The fields of a struct, each with its number and its type; what `field` does not read it must skip.
    fn fields(&mut self, mut field: impl FnMut(&mut Self, i64, u8) -> Outcome<()>) -> Outcome<()> {
        let mut number = 0i64;
        loop {
            let head = self.byte()?;
            if head & 15 == 0 {
                return Ok(());
            }
            number = match head >> 4 {
                0 => self.integer()?,
                step => number.wrapping_add(i64::from(step)),
            };
            if !(0..=i64::from(i16::MAX)).contains(&number) {
                return Err("a header has a field of an impossible number".into());
            }
            field(self, number, head & 15)?;
        }
    }

    fn list(&mut self, mut element: impl FnMut(&mut Self, u8) -> Outcome<()>) -> Outcome<()> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        // An element takes a byte at least.
        if count > self.bytes.len() as u64 {
            return Err("a list in a header is longer than the file".into());
        }
        (0..count).try_for_each(|_| element(self, head & 15))
    }

    /// Pass a value by, inside at most `depth` more lists and structs.
    fn skip(&mut self, kind: u8, depth: u32) -> Outcome<()> {
        let depth = depth.checked_sub(1).ok_or("a header is nested too deep")?;
        match kind {
            1 | 2 => Ok(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.pass(8),
            BINARY => {
                let length = self.varint()?;
                self.pass(length)
            }
            LIST | SET => self.list(|reader, kind| match kind {
                // In a list a truth value is a byte of its own, which decoders forget; no header has such a list.
                1 | 2 => Err("a header has a list of truth values".into()),
                kind => reader.skip(kind, depth),
            }),
            STRUCT => self.fields(|reader, _, kind| reader.skip(kind, depth)),
            MAP => Err("a header has a map".into()),
            13 => self.pass(16),
            _ => Err("a header has a value of no known type".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 127 {
            bytes.push(value as u8 | 128);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    /// A file whose footer is a schema of elements with so many children each.
    fn file(children: &[u64]) -> Vec<u8> {
        let mut footer = vec![0x29, 0xfc];
        footer.extend(varint(children.len() as u64));
        for count in children {
            footer.push(0x55);
            footer.extend(varint(2 * count));
            footer.push(0);
        }
        footer.push(0);
        let length = (footer.len() as u32).to_le_bytes();
        [&footer[..], &length, b"PAR1"].concat()
    }

    #[test]
    fn a_schema_is_the_tree_that_it_announces() {
        let check = |children: &[u64]| check_schema(&file(children), &Limits::default());
        assert_eq!(check(&[2, 0, 2, 0, 0]), Ok(()));
        let few = "its schema has fewer columns than it announces".to_owned();
        assert_eq!(check(&[1 << 30, 0]), Err(few.clone()));
        assert_eq!(check(&[1, 1]), Err(few));
        assert_eq!(check(&[1; 100]).unwrap_err(), "its columns are nested more than 64 deep");
        let many = [&[100_000][..], &[0; 100_000]].concat();
        assert_eq!(check(&many), Ok(()));
        let whole = file(&[1, 0]);
        for cut in 0..whole.len() {
            assert!(check_schema(&whole[..cut], &Limits::default()).is_err(), "cut at {cut}");
        }
    }

    /// The header of a page: sizes, and the field that counts its values.
    fn page(size: u64, packed: u64, field: u8, count: u64) -> Vec<u8> {
        let mut header = vec![0x15, 0, 0x15];
        header.extend(varint(2 * size));
        header.push(0x15);
        header.extend(varint(2 * packed));
        header.extend([(field - 3) << 4 | STRUCT, 0x15]);
        header.extend(varint(2 * count));
        header.extend([0, 0]);
        header.extend(vec![7; packed as usize]);
        header
    }

    #[test]
    fn pages_are_no_more_than_there_is_room_for() {
        let limits = Limits::default();
        let check = |pages: &[u8], values: u64| {
            let chunk = Chunk { start: 0, length: pages.len() as u64, values };
            let checked = check_pages(pages, &chunk, &limits);
            // Read by windows, the answer is the same, but that every page has the limit for itself.
            let mut read = |at: u64, buffer: &mut [u8]| {
                buffer.copy_from_slice(&pages[at as usize..at as usize + buffer.len()]);
                Ok(())
            };
            let windows = check_pages_in(&mut read, &chunk, &limits);
            assert_eq!(windows.is_ok(), checked.as_ref().is_ok_and(|unpacked| *unpacked <= limits.bytes));
            checked
        };
        let both = [page(40, 10, 7, 10), page(30, 8, 5, 6), page(30, 8, 8, 4)].concat();
        assert_eq!(check(&both, 10), Ok(100));
        assert!(check(&both, 9).unwrap_err().contains("10 values where 9 are due"));
        assert_eq!(check(&page(1 << 31, 4, 5, 1), 1), Ok(1 << 31));
        assert!(check(&page(40, 10, 7, 11), 1).unwrap_err().contains("more entries than bytes"));
        for cut in 1..both.len() {
            let chunk = Chunk { start: 0, length: both.len() as u64, values: 10 };
            assert!(check_pages(&both[..cut], &chunk, &limits).is_err(), "cut at {cut}");
        }
        // The type of a field that the decoder reads as a number: a text, a list, a struct.
        let good = page(40, 10, 5, 6);
        assert_eq!(check(&good, 6), Ok(40));
        let places: Vec<usize> = (0..6).filter(|&k| good[k] & 15 == NUMBER).collect();
        assert!(places.len() >= 3, "{good:?}");
        for place in places {
            for kind in [BINARY, LIST, MAP, STRUCT, 3, 7] {
                let mut other = good.clone();
                other[place] = other[place] & 0xf0 | kind;
                assert!(check(&other, 6).is_err(), "{place} {kind}");
            }
        }
        assert_eq!(count_of_differences(&[128, 1, 4, 200, 1, 2]), Ok(200));
        assert!(count_of_differences(&[128, 1, 4]).is_err());
    }
}
