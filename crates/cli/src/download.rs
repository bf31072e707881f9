//! Fetching a file that may break off: what has arrived is kept, and the next try goes on from there.
//!
//! A server cannot hold the program: there is a time limit for every step, a least speed, and a limit on the bytes. An answer that
//! drips, or stops in the middle, ends as one that breaks off.

use crate::limits;
use crate::output;
use std::fs::{OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use tautnet::error::{Error, Result};
use tautnet::limits::Limit;

/// The slowest pace, in bytes a second, averaged over each [`SPAN`].
const SLOWEST: u64 = 1000;
/// How long an answer may be slower than that.
const SPAN: Duration = Duration::from_secs(30);

/// Whether an answer comes fast enough, and in time.
struct Pace {
    deadline: Instant,
    limit: Duration,
    /// Since when, and how many bytes since then.
    span: (Instant, u64),
}

impl Pace {
    fn new(now: Instant, limit: Duration) -> Self {
        let deadline = now.checked_add(limit).unwrap_or(now + Duration::from_secs(1 << 30));
        Self { deadline, limit, span: (now, 0) }
    }

    /// So many bytes have arrived now; says what is wrong with that, if anything.
    fn arrived(&mut self, now: Instant, bytes: u64) -> std::result::Result<(), String> {
        self.span.1 += bytes;
        if now >= self.deadline {
            return Err(format!("it took longer than {:?}", self.limit));
        }
        if now.duration_since(self.span.0) >= SPAN {
            let (_, count) = std::mem::replace(&mut self.span, (now, 0));
            if count < SLOWEST * SPAN.as_secs() {
                return Err(format!("{count} bytes came in {} seconds", SPAN.as_secs()));
            }
        }
        Ok(())
    }

    /// How long to wait for more.
    fn patience(&self, now: Instant) -> Duration {
        let end = self.deadline.min(self.span.0 + SPAN);
        end.saturating_duration_since(now).max(Duration::from_millis(1))
    }
}

/// The pieces of an answer, read on a thread of its own, since nothing ends a read that waits.
fn pieces(mut body: impl Read + Send + 'static) -> Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = sync_channel(4);
    std::thread::spawn(move || {
        loop {
            let mut buffer = vec![0; 1 << 16];
            let piece = body.read(&mut buffer).map(|count| {
                buffer.truncate(count);
                buffer
            });
            let last = !piece.as_ref().is_ok_and(|piece| !piece.is_empty());
            // Nobody listens any more once this side has given up.
            if sender.send(piece).is_err() || last {
                return;
            }
        }
    });
    receiver
}

/// Fetch `url` into the file `part` within `time`, going on where an earlier try broke off.
pub fn fetch(url: &str, part: &Path, time: Duration, quiet: bool) -> Result<()> {
    let mut pace = Pace::new(Instant::now(), time);
    let hint = "check the network and try again; what has arrived is kept";
    let broken = |what: String| Error::new(format!("{url} could not be fetched: {what}"), hint);
    let on_disk = |e: std::io::Error| {
        Error::new(format!("{} could not be written: {e}", part.display()), "check the folder and the room on the disk")
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20).min(time)))
        .timeout_recv_response(Some(Duration::from_secs(60).min(time)))
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
        OpenOptions::new().create(true).write(true).append(goes_on).truncate(false).open(part).map_err(on_disk)?;
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        let what = format!("{} is being written by another process", part.display());
        return Err(Error::new(what, "wait until it has ended"));
    }
    if !goes_on {
        file.set_len(0).map_err(on_disk)?;
    }
    let total = response.body().content_length().map(|length| have.saturating_add(length));
    total.map_or(Ok(()), |total| limits::now().check(Limit::Bytes, url, total))?;
    let body = pieces(response.into_body().into_reader());
    let mut shown = Instant::now();
    loop {
        let piece = match body.recv_timeout(pace.patience(Instant::now())) {
            Ok(piece) => piece.map_err(|e| broken(format!("after {have} bytes: {e}")))?,
            Err(RecvTimeoutError::Timeout) => {
                pace.arrived(Instant::now(), 0).map_err(|what| broken(format!("after {have} bytes: {what}")))?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return Err(broken(format!("after {have} bytes: it ended"))),
        };
        if piece.is_empty() {
            break;
        }
        file.write_all(&piece).map_err(on_disk)?;
        have += piece.len() as u64;
        limits::now().check(Limit::Bytes, url, have)?;
        pace.arrived(Instant::now(), piece.len() as u64)
            .map_err(|what| broken(format!("after {have} bytes: {what}")))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_drips_is_given_up_and_a_slow_one_is_not() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let hour = Duration::from_secs(3600);
        let mut drip = Pace::new(start, hour);
        assert!((1..30).all(|second| drip.arrived(at(f64::from(second)), 100).is_ok()));
        assert_eq!(drip.arrived(at(30.0), 100).unwrap_err(), "3000 bytes came in 30 seconds");
        let mut slow = Pace::new(start, hour);
        assert!((1..3599).all(|second| slow.arrived(at(f64::from(second)), 1100).is_ok()));
        assert_eq!(slow.arrived(at(3600.0), 1100).unwrap_err(), "it took longer than 3600s");
        // A pause behind a fast beginning is measured from the last span's end.
        let mut pause = Pace::new(start, hour);
        assert!(pause.arrived(at(1.0), 1 << 30).is_ok() && pause.arrived(at(30.0), 0).is_ok());
        assert!(pause.patience(at(31.0)) <= Duration::from_secs(29));
        assert!(pause.arrived(at(60.0), 0).is_err());
        assert!(Pace::new(start, Duration::MAX).patience(start) <= SPAN);
    }
}
