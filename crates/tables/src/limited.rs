//! Files and streams, read up to the limits.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};

/// An error for a file that the system would not read.
pub fn unreadable(source: &str, error: &io::Error) -> Error {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, PermissionDenied, UnexpectedEof};
    // A reader with a limit says so in words of its own.
    if let Some(refusal) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return refusal.clone();
    }
    let hint = match error.kind() {
        NotFound => "check the path",
        PermissionDenied => "check the permissions of the file and its folder",
        InvalidData | InvalidInput | UnexpectedEof => "the file is damaged or cut short; fetch or write it again",
        _ => "check the file and the disk it is on",
    };
    Error::new(format!("{source} could not be read: {error}"), hint)
}

/// Everything in a file or a stream, up to the limit.
pub fn read_to_end(reader: impl Read, source: &str, limits: &Limits) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut capped = Capped::new(reader, source, limits);
    capped.read_to_end(&mut bytes).map_err(|error| unreadable(source, &error))?;
    Ok(bytes)
}

/// The bytes of a file, up to the limit.
pub fn read_file(path: &Path, source: &str, limits: &Limits) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| unreadable(source, &error))?;
    // Told before it is read, where the system knows how long it is.
    if let Ok(metadata) = file.metadata()
        && metadata.is_file()
    {
        limits.check(Limit::Bytes, source, metadata.len())?;
    }
    read_to_end(file, source, limits)
}

/// A reader that fails, with the refusal inside its error, once more than the limit has come out of it.
pub struct Capped<'a, R> {
    reader: R,
    source: &'a str,
    limits: &'a Limits,
    read: u64,
}

impl<'a, R> Capped<'a, R> {
    /// A limit around a reader; `source` is what messages call it.
    pub fn new(reader: R, source: &'a str, limits: &'a Limits) -> Self {
        Self { reader, source, limits, read: 0 }
    }
}

impl<R: Read> Read for Capped<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read += count as u64;
        if self.read > self.limits.bytes {
            return Err(io::Error::other(self.limits.beyond(Limit::Bytes, self.source, None)));
        }
        Ok(count)
    }
}

/// The first bytes of a file, unpacked where it is gzip; the place in the file is left at its start.
pub(crate) fn start_of(mut file: &File) -> io::Result<Vec<u8>> {
    // A name in the header of a packed file may be of any length; of such a one nothing is told here.
    let mut start = Vec::new();
    file.take(4096).read_to_end(&mut start)?;
    file.rewind()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        // That it is cut off here is no error.
        let _ = flate2::read::GzDecoder::new(start.as_slice()).take(4).read_to_end(&mut unpacked);
        start = unpacked;
    }
    start.truncate(4);
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_without_end_is_cut_at_the_limit() {
        let limits = Limits { bytes: 1000, ..Limits::default() };
        let error = read_to_end(io::repeat(7), "s", &limits).unwrap_err();
        assert_eq!(error.what, "s has, or unpacks to, more than 1000 bytes, which is the limit");
        assert_eq!(read_to_end(&[7; 1000][..], "s", &limits).unwrap().len(), 1000);
    }
}
