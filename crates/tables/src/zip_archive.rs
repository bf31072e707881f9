//! One file out of a zip archive: stored or deflated members, found through the central directory.

use crate::limited::read_to_end;
use tautnet::error::{Error, Result};
use tautnet::limits::Limits;
use tautnet::printable::{list, shown};

/// The contents of the member whose file name is `name`, in whatever folder and case.
pub(crate) fn member(bytes: &[u8], name: &str, limits: &Limits) -> Result<Vec<u8>> {
    let damaged = || {
        Error::new("the zip archive is damaged or cut short", "fetch it again; if it stays so, the archive has changed")
    };
    // End of central directory: the signature nearest to the end, behind which only a comment may stand.
    let end = (0..=bytes.len().saturating_sub(22))
        .rev()
        .take(1 << 16)
        .find(|&at| bytes[at..].starts_with(b"PK\x05\x06"))
        .ok_or_else(damaged)?;
    let count = number(bytes, end + 10, 2).ok_or_else(damaged)?;
    let mut at = number(bytes, end + 16, 4).ok_or_else(damaged)? as usize;
    let mut names = Vec::new();
    for _ in 0..count {
        if bytes.get(at..at + 4) != Some(b"PK\x01\x02") {
            return Err(damaged());
        }
        let field = |offset, width| number(bytes, at + offset, width).ok_or_else(damaged);
        let (method, checksum, packed) = (field(10, 2)?, field(16, 4)?, field(20, 4)? as usize);
        let (name_length, extra, comment) = (field(28, 2)? as usize, field(30, 2)? as usize, field(32, 2)? as usize);
        let local = field(42, 4)? as usize;
        let path = String::from_utf8_lossy(bytes.get(at + 46..at + 46 + name_length).ok_or_else(damaged)?).into_owned();
        if path.rsplit('/').next().is_some_and(|file| file.eq_ignore_ascii_case(name)) {
            let skip = |offset| number(bytes, local + offset, 2).ok_or_else(damaged);
            let start = local + 30 + skip(26)? as usize + skip(28)? as usize;
            let data = bytes.get(start..start.saturating_add(packed)).ok_or_else(damaged)?;
            let unpacked = unpack(data, method, &path, limits).ok_or_else(damaged)??;
            let mut crc = flate2::Crc::new();
            crc.update(&unpacked);
            return if u64::from(crc.sum()) == checksum { Ok(unpacked) } else { Err(damaged()) };
        }
        names.push(path);
        at += 46 + name_length + extra + comment;
    }
    Err(Error::new(
        format!("the zip archive has no `{name}`"),
        format!("it holds {}; the archive has changed", list(names.iter().map(String::as_str))),
    ))
}

/// A member's contents; `None` where it is packed in a way that is not read.
fn unpack(data: &[u8], method: u64, path: &str, limits: &Limits) -> Option<Result<Vec<u8>>> {
    let source = format!("`{}` in the zip archive", shown(path));
    match method {
        0 => Some(read_to_end(data, &source, limits)),
        8 => Some(read_to_end(flate2::read::DeflateDecoder::new(data), &source, limits)),
        _ => None,
    }
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;

    /// An archive of these files, every second one deflated.
    pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (k, (name, contents)) in files.iter().enumerate() {
            let mut crc = flate2::Crc::new();
            crc.update(contents);
            let data = if k % 2 == 0 {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(contents).unwrap();
                encoder.finish().unwrap()
            } else {
                contents.to_vec()
            };
            let mut common = vec![20, 0, 0, 0, if k % 2 == 0 { 8 } else { 0 }, 0, 0, 0, 0, 0];
            for value in [crc.sum(), data.len() as u32, contents.len() as u32] {
                common.extend(value.to_le_bytes());
            }
            common.extend((name.len() as u16).to_le_bytes());
            common.extend([0, 0]);
            let local = bytes.len() as u32;
            bytes.extend(b"PK\x03\x04");
            bytes.extend(&common);
            bytes.extend(name.as_bytes());
            bytes.extend(&data);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&common);
            directory.extend([0; 10]);
            directory.extend(local.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let start = bytes.len() as u32;
        bytes.extend(&directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend((files.len() as u16).to_le_bytes());
        bytes.extend((files.len() as u16).to_le_bytes());
        bytes.extend((directory.len() as u32).to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn members_come_out_whole_and_damage_is_seen() {
        let long = vec![b'7'; 5000];
        let bytes = archive(&[("folder/A.data", &long), ("b.txt", b"stored"), ("c", b"")]);
        assert_eq!(member(&bytes, "a.data", &Limits::default()).unwrap(), long);
        assert_eq!(member(&bytes, "b.txt", &Limits::default()).unwrap(), b"stored");
        assert_eq!(member(&bytes, "c", &Limits::default()).unwrap(), b"");
        assert!(member(&bytes, "d", &Limits::default()).unwrap_err().hint.contains("`folder/A.data`, `b.txt`, `c`"));
        for cut in 0..bytes.len() {
            assert!(member(&bytes[..cut], "a.data", &Limits::default()).is_err(), "cut at {cut}");
        }
        let few = Limits { bytes: 4999, ..Limits::default() };
        let error = member(&bytes, "a.data", &few).unwrap_err();
        assert!(error.what.starts_with("`folder/A.data` in the zip archive has, or unpacks to"), "{error:?}");
        let mut flipped = bytes.clone();
        let at = bytes.windows(6).position(|part| part == b"stored").unwrap();
        flipped[at] ^= 1;
        assert!(member(&flipped, "b.txt", &Limits::default()).is_err());
    }
}
