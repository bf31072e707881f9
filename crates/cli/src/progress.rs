//! Progress on standard error: one line that renews itself on a terminal, a plain line a second elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tautnet::polish::Progress;
use tautnet::train;

/// Shows a solver's progress; silent when asked to be. What it was last told it shows again, with the time since, while nothing
/// new is told.
pub struct Display {
    kind: Kind,
    tolerance: f64,
    shared: Arc<Shared>,
    /// Repeats the last line; none where nothing is shown.
    repeating: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Silent,
    Terminal,
    Lines,
}

/// What the work tells and what repeats it.
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    /// The clock of the solve at hand.
    started: Instant,
    /// When a line was shown last, or from when on one may be.
    shown: Instant,
    /// What is being done, without the time it has taken.
    what: Option<String>,
    /// The part of it that is done, for the bar.
    done: f64,
    open_line: bool,
    over: bool,
}

const BAR: usize = 24;

/// Nothing new for so long, and the last line is shown again.
const REPEATED: Duration = Duration::from_secs(1);

impl Display {
    /// A display for a solve to a relative gap of `tolerance`.
    pub fn new(quiet: bool, tolerance: f64) -> Self {
        let kind = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Kind::Silent,
            (false, true) => Kind::Terminal,
            (false, false) => Kind::Lines,
        };
        let now = Instant::now();
        let state = State { started: now, shown: now, what: None, done: 0.0, open_line: false, over: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), ended: Condvar::new() });
        let repeating = (kind != Kind::Silent).then(|| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("progress".into()).spawn(move || shared.repeat(kind)).ok()
        });
        Self { kind, tolerance, shared, repeating: repeating.flatten() }
    }

    /// A display that says nothing of what takes no longer than this.
    pub fn after(patience: Duration) -> Self {
        let display = Self::new(false, f64::NAN);
        display.shared.state().shown += patience;
        display
    }

    /// Show an iteration of the polish, unless the last line shown is too recent; `stage` comes first.
    pub fn update(&mut self, stage: &str, progress: &Progress) {
        let done = fraction_done(progress.gap, self.tolerance);
        self.show(done, || format!("{stage}{}", describe(progress)));
    }

    /// Show an epoch of a starting network.
    pub fn epoch(&mut self, stage: &str, progress: &train::Progress) {
        let objective = || crate::output::number(progress.objective);
        self.show(0.0, || format!("{stage}start: epoch {}: objective {}", progress.epoch, objective()));
    }

    /// Show how many of the solves at hand are done.
    pub fn count(&mut self, stage: &str, done: usize, of: usize) {
        self.show(done as f64 / of.max(1) as f64, || format!("{stage}, {done} of {of} done"));
    }

    /// Show a line about a search, `share` of which is done at least; the time it has taken comes last.
    pub fn line(&mut self, share: f64, facts: impl FnOnce() -> String) {
        self.show(share, facts);
    }

    /// Another part of the work begins now, which may tell nothing of how far it is.
    pub fn stage(&mut self, what: &str) {
        let mut state = self.shared.state();
        state.started = Instant::now();
        (state.what, state.done) = (Some(what.to_owned()), 0.0);
    }

    /// The clock of the next solve begins now.
    pub fn restart(&mut self) {
        self.shared.state().started = Instant::now();
    }

    fn show(&mut self, done: f64, what: impl FnOnce() -> String) {
        let pause = match self.kind {
            Kind::Silent => return,
            Kind::Terminal => Duration::from_millis(80),
            Kind::Lines => REPEATED,
        };
        let mut state = self.shared.state();
        (state.what, state.done) = (Some(what()), done);
        if state.shown.elapsed() < pause {
            return;
        }
        state.show(self.kind);
    }
}

impl Shared {
    /// A display that panicked elsewhere is no reason not to show more.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn repeat(&self, kind: Kind) {
        let mut state = self.state();
        while !state.over {
            let rest = REPEATED.saturating_sub(state.shown.elapsed());
            if rest.is_zero() {
                state.show(kind);
                continue;
            }
            state = self.ended.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    /// The line at hand, with the time that it has taken and, where that can be told, the time that is left.
    fn show(&mut self, kind: Kind) {
        self.shown = Instant::now();
        let Some(what) = &self.what else { return };
        let (elapsed, done) = (self.started.elapsed(), self.done);
        let facts = format!("{what}, {}{}", seconds(elapsed), left(elapsed, done));
        let facts = tautnet::printable::line(&facts);
        let mut err = std::io::stderr().lock();
        // Progress that cannot be shown must not stop the work.
        let _ = if kind == Kind::Terminal {
            self.open_line = true;
            let filled = ((done * BAR as f64).round() as usize).min(BAR);
            write!(err, "\r\x1b[2K[{}{}] {facts}", "█".repeat(filled), "·".repeat(BAR - filled))
        } else {
            writeln!(err, "{facts}")
        };
        let _ = err.flush();
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.shared.state().over = true;
        self.shared.ended.notify_all();
        if let Some(thread) = self.repeating.take() {
            let _ = thread.join();
        }
        if self.shared.state().open_line {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Interior-point methods shrink the gap by about the same factor each iteration, so its logarithm is the distance.
fn fraction_done(gap: f64, tolerance: f64) -> f64 {
    if gap.is_finite() && gap > 0.0 && tolerance < 1.0 { (gap.ln() / tolerance.ln()).clamp(0.0, 1.0) } else { 0.0 }
}

fn describe(progress: &Progress) -> String {
    let round = if progress.round > 0 { format!("round {}, ", progress.round) } else { String::new() };
    let gap = if progress.gap.is_finite() { format!(", gap {:.1e}", progress.gap) } else { String::new() };
    format!("{round}iteration {}: objective {}{gap}", progress.iteration, crate::output::number(progress.objective))
}

/// How long it will go on, where that can be told.
fn left(elapsed: Duration, done: f64) -> String {
    if done > 0.1 && done < 1.0 {
        format!(", about {} left", seconds(elapsed.mul_f64(1.0 / done - 1.0)))
    } else {
        String::new()
    }
}

/// A span of time for people.
pub fn seconds(span: Duration) -> String {
    let s = span.as_secs_f64();
    match s {
        _ if s < 1.0 => format!("{:.0} ms", s * 1e3),
        _ if s < 90.0 => format!("{s:.1} s"),
        _ if s < 3600.0 => format!("{} min {} s", span.as_secs() / 60, span.as_secs() % 60),
        _ => format!("{} h {} min", span.as_secs() / 3600, span.as_secs() / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_follows_the_gap_and_time_left_the_bar() {
        assert_eq!(fraction_done(f64::INFINITY, 1e-8), 0.0);
        assert!((fraction_done(1e-4, 1e-8) - 0.5).abs() < 1e-12);
        assert_eq!(fraction_done(1e-9, 1e-8), 1.0);
        let progress = Progress { round: 0, iteration: 7, objective: 0.25, gap: 1e-4 };
        assert_eq!(describe(&progress), "iteration 7: objective 0.25, gap 1.0e-4");
        assert_eq!(left(Duration::from_secs(10), 0.5), ", about 10.0 s left");
    }

    #[test]
    fn a_span_of_time_is_told_in_the_units_people_use() {
        for (s, told) in
            [(0.25, "250 ms"), (89.94, "89.9 s"), (90.0, "1 min 30 s"), (3599.9, "59 min 59 s"), (9000.0, "2 h 30 min")]
        {
            assert_eq!(seconds(Duration::from_secs_f64(s)), told);
        }
    }
}
