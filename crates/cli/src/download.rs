//! Fetching a file that may break off: what has arrived is kept, and the next try goes on from there.

use crate::output;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tautnet::error::{Error, Result};

/// Far more than any set here; an endless answer must not fill the disk.
const MOST: u64 = 1 << 30;

/// Fetch `url` into the file `part`, going on where an earlier try broke off.
pub fn fetch(url: &str, part: &Path, quiet: bool) -> Result<()> {
    let hint = "check the network and try again; what has arrived is kept";
    let broken = |what: String| Error::new(format!("{url} could not be fetched: {what}"), hint);
    let on_disk = |e: std::io::Error| {
        Error::new(format!("{} could not be written: {e}", part.display()), "check the folder and the room on the disk")
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .http_status_as_error(false)
        .build()
        .into();

    let mut have = part.metadata().map_or(0, |metadata| metadata.len());
    let ask = |from: u64| {
        let request = agent.get(url);
        let request = if from > 0 { request.header("Range", format!("bytes={from}-")) } else { request };
        request.call().map_err(|e| broken(e.to_string()))
    };
    let mut response = ask(have)?;
    if response.status() == 416 {
        // Nothing lies beyond what is here: either it is whole, or the file there is another one now. Start again.
        have = 0;
        response = ask(0)?;
    }
    // Only an answer that begins where we stopped may be appended.
    let begins = response.headers().get("content-range").and_then(|range| range.to_str().ok()).map(str::to_owned);
    let goes_on = response.status() == 206 && begins.is_some_and(|b| b.starts_with(&format!("bytes {have}-")));
    if !goes_on && response.status() != 200 {
        return Err(broken(format!("the server says {}", response.status())));
    }
    if !goes_on {
        have = 0;
    }
    let mut file =
        OpenOptions::new().create(true).write(true).append(goes_on).truncate(!goes_on).open(part).map_err(on_disk)?;
    let total = response.body().content_length().map(|length| have + length);
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut shown = Instant::now();
    loop {
        let count = body.read(&mut buffer).map_err(|e| broken(format!("after {have} bytes: {e}")))?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).map_err(on_disk)?;
        have += count as u64;
        if have > MOST {
            return Err(broken(format!("it has more than {MOST} bytes")));
        }
        if !quiet && shown.elapsed() > Duration::from_secs(1) {
            shown = Instant::now();
            output::note(&match total {
                Some(total) => format!("{have} of {total} bytes"),
                None => format!("{have} bytes"),
            });
        }
    }
    match total {
        Some(total) if have < total => Err(broken(format!("it ended after {have} of {total} bytes"))),
        _ => file.sync_all().map_err(on_disk),
    }
}
