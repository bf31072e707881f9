//! Progress on standard error: one line that renews itself on a terminal, a plain line a second elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};
use tautnet::polish::Progress;
use tautnet::train;

/// Shows a solver's progress; silent when asked to be.
pub struct Display {
    kind: Kind,
    opened: Instant,
    started: Instant,
    shown: Option<Instant>,
    tolerance: f64,
    open_line: bool,
    /// Nothing is shown before.
    patience: Duration,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Silent,
    Terminal,
    Lines,
}

const BAR: usize = 24;

impl Display {
    /// A display for a solve to a relative gap of `tolerance`.
    pub fn new(quiet: bool, tolerance: f64) -> Self {
        let kind = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Kind::Silent,
            (false, true) => Kind::Terminal,
            (false, false) => Kind::Lines,
        };
        let opened = Instant::now();
        Self { kind, opened, started: opened, shown: None, tolerance, open_line: false, patience: Duration::ZERO }
    }

    /// A display that says nothing of what takes no longer than this.
    pub fn after(patience: Duration) -> Self {
        let mut display = Self::new(false, f64::NAN);
        display.patience = patience;
        display
    }

    /// Show an iteration of the polish, unless the last line shown is too recent; `stage` comes first.
    pub fn update(&mut self, stage: &str, progress: &Progress) {
        let done = fraction_done(progress.gap, self.tolerance);
        self.show(done, |elapsed| format!("{stage}{}", describe(progress, elapsed, done)));
    }

    /// Show an epoch of a starting network.
    pub fn epoch(&mut self, stage: &str, progress: &train::Progress) {
        self.show(0.0, |elapsed| {
            let objective = crate::output::number(progress.objective);
            format!("{stage}start: epoch {}: objective {objective}, {}", progress.epoch, seconds(elapsed))
        });
    }

    /// Show how many of the solves at hand are done.
    pub fn count(&mut self, stage: &str, done: usize, of: usize) {
        let share = done as f64 / of.max(1) as f64;
        self.show(share, |elapsed| {
            format!("{stage}, {done} of {of} done, {}{}", seconds(elapsed), left(elapsed, share))
        });
    }

    /// Show a line about a search, `share` of which is done at least; the time it has taken comes last.
    pub fn line(&mut self, share: f64, facts: impl FnOnce() -> String) {
        self.show(share, |elapsed| format!("{}, {}", facts(), seconds(elapsed)));
    }

    /// The clock of the next solve begins now.
    pub fn restart(&mut self) {
        self.started = Instant::now();
    }

    fn show(&mut self, done: f64, facts: impl FnOnce(Duration) -> String) {
        let pause = match self.kind {
            Kind::Silent => return,
            Kind::Terminal => Duration::from_millis(80),
            Kind::Lines => Duration::from_secs(1),
        };
        if self.opened.elapsed() < self.patience || self.shown.unwrap_or(self.opened).elapsed() < pause {
            return;
        }
        self.shown = Some(Instant::now());
        let facts = facts(self.started.elapsed());
        let facts = tautnet::printable::line(&facts);
        let mut err = std::io::stderr().lock();
        // Progress that cannot be shown must not stop the work.
        let _ = if self.kind == Kind::Terminal {
            self.open_line = true;
            let filled = (done * BAR as f64).round() as usize;
            write!(err, "\r\x1b[2K[{}{}] {facts}", "█".repeat(filled), "·".repeat(BAR - filled))
        } else {
            writeln!(err, "{facts}")
        };
        let _ = err.flush();
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if self.open_line {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Interior-point methods shrink the gap by about the same factor each iteration, so its logarithm is the distance.
fn fraction_done(gap: f64, tolerance: f64) -> f64 {
    if gap.is_finite() && gap > 0.0 && tolerance < 1.0 { (gap.ln() / tolerance.ln()).clamp(0.0, 1.0) } else { 0.0 }
}

fn describe(progress: &Progress, elapsed: Duration, done: f64) -> String {
    let round = if progress.round > 0 { format!("round {}, ", progress.round) } else { String::new() };
    let gap = if progress.gap.is_finite() { format!(", gap {:.1e}", progress.gap) } else { String::new() };
    format!(
        "{round}iteration {}: objective {}{gap}, {}{}",
        progress.iteration,
        crate::output::number(progress.objective),
        seconds(elapsed),
        left(elapsed, done)
    )
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
        let text = describe(&progress, Duration::from_secs(10), 0.5);
        assert_eq!(text, "iteration 7: objective 0.25, gap 1.0e-4, 10.0 s, about 10.0 s left");
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
