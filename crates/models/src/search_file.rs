//! Exact searches that were stopped, in a file: `certify --exact --resume` goes on where an earlier run ended.
//!
//! JSON: `{"format": "tautnet search", "version": 1, "sha256": …, "searches": […]}`, one search for each norm and region of one
//! network, with the SHA-256 of the compact JSON text of the list. What a bound that is resumed rests on is told at
//! [`SearchState`]'s source, and in `docs/bounds.md`.

use crate::strict_json::{self, Fault};
use serde::{Deserialize, Serialize};
use tautnet::certify::{Region, SearchState};
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};
use tautnet::{Norm, Shallow};

const FORMAT: &str = "tautnet search";
const VERSION: u64 = 1;

/// A file with all searches of one network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchFile(Vec<SearchState>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: String,
    version: u64,
    sha256: String,
    searches: Vec<SearchState>,
}

impl SearchFile {
    /// Reads a file's bytes; `name` is what messages call it. Refuses what is not whole and not of this format.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        Self::parse_within(bytes, name, &Limits::default())
    }

    /// The same, but no more is read than the limits allow.
    pub fn parse_within(bytes: &[u8], name: &str, limits: &Limits) -> Result<Self> {
        limits.check(Limit::Bytes, name, bytes.len() as u64)?;
        // A key that is given twice is refused by the reader below, too.
        if let Err(Fault::Refused(error)) = strict_json::value(bytes, name, limits) {
            return Err(error);
        }
        let again = "give the file as `certify --exact --resume` wrote it, or another name to start anew";
        let stored: Stored = serde_json::from_slice(bytes)
            .map_err(|error| Error::new(format!("{name} holds no stopped search: {error}"), again))?;
        if stored.format != FORMAT || stored.version != VERSION {
            let found = format!("`{}`, version {}", stored.format, stored.version);
            return Err(Error::new(
                format!("{name} is of the format {found}, not `{FORMAT}`, version {VERSION}"),
                again,
            ));
        }
        if digest(&stored.searches) != stored.sha256 {
            return Err(Error::new(format!("{name} was changed after it was written: its digest does not fit"), again));
        }
        Ok(Self(stored.searches))
    }

    /// The file's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let stored =
            Stored { format: FORMAT.into(), version: VERSION, sha256: digest(&self.0), searches: self.0.clone() };
        let mut bytes = serde_json::to_vec(&stored).expect("states are plain data");
        bytes.push(b'\n');
        bytes
    }

    /// The search of this network over this region, if the file holds one. A file of another network is refused.
    pub fn of(&self, network: &Shallow, region: &Region, norm: Norm) -> Result<Option<&SearchState>> {
        self.check(network)?;
        Ok(self.0.iter().find(|state| state.is_over(region, norm)))
    }

    /// Puts a search in the place of the one over its region and norm, or adds it.
    pub fn put(&mut self, state: SearchState) {
        self.0.retain(|old| !old.is_beside(&state));
        self.0.push(state);
    }

    /// Refuses a file of another network.
    pub fn check(&self, network: &Shallow) -> Result<()> {
        self.0.iter().try_for_each(|state| state.check(network))
    }
}

fn digest(searches: &[SearchState]) -> String {
    tautnet_verify::sha256(&serde_json::to_vec(searches).expect("states are plain data"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;
    use std::ops::ControlFlow;
    use tautnet::certify::{ExactSearch, ExactSettings};

    /// A network whose search is not done after two nodes.
    fn network() -> Shallow {
        let w = Mat::from_fn(25, 5, |i, k| (1.7 * i as f64 - 2.3 * k as f64 + 0.4).sin());
        let numbers = |step: f64| (0..25).map(|i| (step * f64::from(i) + 0.3).sin()).collect();
        Shallow::new(w, numbers(2.1), numbers(5.3), 0.5).unwrap()
    }

    fn stopped(network: &Shallow) -> SearchState {
        let settings = ExactSettings { nodes: 2, ..ExactSettings::default() };
        let mut search = ExactSearch::new(network, &Region::Everywhere, Norm::Two, None, &settings).unwrap();
        assert!(!search.run(&mut |_| ControlFlow::Continue(())).closed);
        search.state()
    }

    fn file(state: SearchState) -> SearchFile {
        let mut file = SearchFile::default();
        file.put(state);
        file
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_holds_one_search_for_each_norm_and_region() {
        let network = network();
        let state = stopped(&network);
        let mut whole = file(state.clone());
        whole.put(state.clone());
        assert_eq!(SearchFile::parse(&whole.to_json(), "search"), Ok(file(state.clone())));
        let other = network.clone().with_c(1.0);
        let boxed = Region::Box { lower: vec![-1.0; 5], upper: vec![1.0; 5] };
        assert!(whole.of(&other, &Region::Everywhere, Norm::Two).unwrap_err().what.contains("of another network"));
        assert_eq!(whole.of(&network, &boxed, Norm::Two), Ok(None));
        assert_eq!(whole.of(&network, &Region::Everywhere, Norm::Two), Ok(Some(&state)));
    }

    #[test]
    fn files_cut_short_or_edited_are_refused() {
        let bytes = file(stopped(&network())).to_json();
        for length in (0..bytes.len() - 1).step_by(97) {
            let error = SearchFile::parse(&bytes[..length], "f").unwrap_err();
            assert!(error.what.starts_with("f holds no stopped search"), "{error:?}");
        }
        let text = String::from_utf8(bytes).unwrap();
        // The first bound of an open node, and the number below it.
        let from = text.find("\"bound\":").unwrap() + 8;
        let bound = text[from..].split(',').next().unwrap().to_owned();
        let lower = serde_json::to_string(&bound.parse::<f64>().unwrap().next_down()).unwrap();
        for (from, to, words) in [
            (&bound[..], &lower[..], "digest does not fit"),
            ("\"explored\":", "\"explored\":1", "digest does not fit"),
            ("\"version\":1", "\"version\":2", "version 2"),
            ("{\"format\"", "{\"note\":1,\"format\"", "unknown field"),
        ] {
            let error = SearchFile::parse(text.replacen(from, to, 1).as_bytes(), "f").unwrap_err();
            assert!(error.what.contains(words), "{error:?}");
        }
    }
}
