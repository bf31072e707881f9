//! When a computation should end early: the time limit, or Ctrl-C.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Asked at every iteration whether to go on.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    started: Instant,
    deadline: Option<Instant>,
    /// Whether Ctrl-C counts.
    interruptible: bool,
}

/// What a certificate may take once the time is over.
const GRACE: Duration = Duration::from_secs(5);

impl Stop {
    /// Start the clock, and let the first Ctrl-C ask for the best so far; the second one ends the program at once.
    pub fn new(limit: Option<Duration>) -> Self {
        // A handler that cannot be installed leaves Ctrl-C as it was: it ends the program, which loses nothing on disk.
        let _ = ctrlc::set_handler(|| {
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
        let started = Instant::now();
        Self { started, deadline: limit.and_then(|limit| started.checked_add(limit)), interruptible: true }
    }

    /// For an early part of the work: the same, with half of what is left of the time.
    pub fn half(&self) -> Self {
        let half = |deadline: Instant| self.started + deadline.saturating_duration_since(self.started) / 2;
        Self { deadline: self.deadline.map(half), ..*self }
    }

    /// For one of `parts` equal parts of the work that is left: the same, with its share of the time.
    pub fn share(&self, parts: u32) -> Self {
        let now = Instant::now();
        let part = |deadline: Instant| now + deadline.saturating_duration_since(now) / parts;
        Self { deadline: self.deadline.map(part), ..*self }
    }

    /// For the certificate of the best so far: a short time where the time was limited or Ctrl-C has been pressed.
    pub fn grace(&self) -> Self {
        let started = Instant::now();
        let over = INTERRUPTED.load(Ordering::SeqCst);
        let deadline = match self.deadline {
            Some(deadline) => Some(deadline.max(started + GRACE)),
            None => over.then_some(started + GRACE),
        };
        Self { started, deadline, interruptible: !over }
    }

    /// Why to stop now, if at all.
    pub fn reason(&self) -> Option<&'static str> {
        if self.interruptible && INTERRUPTED.load(Ordering::SeqCst) {
            Some("interrupted")
        } else if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            Some("time limit reached")
        } else {
            None
        }
    }

    /// As an observer answers.
    pub fn verdict(&self) -> ControlFlow<()> {
        if self.reason().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
