//! When a computation should end early: the time limit, or Ctrl-C.
//!
//! Work runs [`during`](Stop::during) a stop, and the library asks it between its blocks. What must still be done at the end
//! (the score and the proof of the best so far) has [`CLOSING`]. Where a stage cannot ask in time and there is no result
//! yet, a watchman ends the program after [`PATIENCE`], with a message: a limit is kept even by what was overlooked.

use crate::output;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};
use tautnet::Stage;
use tautnet::error::Error;
use tautnet::job::{Interruption, Watch};

/// When Ctrl-C was pressed first.
static INTERRUPTED: OnceLock<Instant> = OnceLock::new();
/// Whether there is a result, which the watchman must not throw away.
static KEPT: AtomicBool = AtomicBool::new(false);

/// What the score and the certificate of the best so far may take once the time is over.
const CLOSING: Duration = Duration::from_secs(1);
/// How long after the limit the program ends, result or not; giving back many gigabytes takes the rest of two seconds.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Asked at every iteration whether to go on.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    started: Instant,
    deadline: Option<Instant>,
    stage: Stage,
}

impl Stop {
    /// Start the clock: at the beginning of a command, since reading the data is part of its time.
    pub fn new(limit: Option<Duration>) -> Self {
        let started = Instant::now();
        let deadline = limit.and_then(|limit| started.checked_add(limit));
        if let Some(deadline) = deadline {
            watch(deadline, || {
                output::complain(&Error::new(
                    "the time limit was reached before there was a result",
                    "give it more time, fewer units, or fewer rows or columns",
                ));
                output::COULD_NOT_RUN
            });
        }
        Self { started, deadline, stage: Stage::Main }
    }

    /// From here on the first Ctrl-C asks for the best so far; the second one ends the program at once. Before, there is
    /// nothing to keep, and Ctrl-C does what it always does.
    pub fn heed(&self) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // A handler that cannot be installed leaves Ctrl-C as it was: it ends the program, which loses nothing on disk.
            let _ = ctrlc::set_handler(|| {
                let now = Instant::now();
                if INTERRUPTED.set(now).is_err() {
                    std::process::exit(INTERRUPTED_STATUS.into());
                }
                watch(now, || {
                    output::complain(&Error::new(
                        "interrupted before there was a result",
                        "give a --time-limit for the best that is found until then",
                    ));
                    INTERRUPTED_STATUS
                });
            });
        });
    }

    /// There is a result: it will be told, however long that takes.
    pub fn kept(&self) {
        KEPT.store(true, Ordering::SeqCst);
    }

    /// For one of `parts` equal parts of the work that is left: the same, with its share of the time.
    pub fn share(&self, parts: u32) -> Self {
        let now = Instant::now();
        let part = |deadline: Instant| now + deadline.saturating_duration_since(now) / parts;
        Self { deadline: self.deadline.map(part), ..*self }
    }

    /// For the certificate of the best so far: a short time where the time is over or Ctrl-C has been pressed.
    pub fn late(&self) -> Self {
        Self { stage: Stage::Late, ..*self }
    }

    /// Whether there is a time limit.
    pub fn is_limited(&self) -> bool {
        self.deadline.is_some()
    }

    /// Why to stop now, in words, if at all.
    pub fn reason(&self) -> Option<&'static str> {
        self.interruption_in(self.stage).map(Interruption::in_words)
    }

    /// Why to end a part of the work now, if at all.
    fn interruption_in(&self, stage: Stage) -> Option<Interruption> {
        let now = Instant::now();
        let half = |deadline: Instant| self.started + deadline.saturating_duration_since(self.started) / 2;
        let over = |since: Instant| match stage {
            Stage::Early | Stage::Main => now >= since,
            Stage::Late => now >= since + CLOSING,
        };
        if INTERRUPTED.get().is_some_and(|&since| over(since)) {
            return Some(Interruption::Interrupted);
        }
        let deadline = self.deadline.map(|deadline| if stage == Stage::Early { half(deadline) } else { deadline });
        deadline.is_some_and(over).then_some(Interruption::TimeLimit)
    }

    /// As an observer answers.
    pub fn verdict(&self) -> ControlFlow<()> {
        if self.reason().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Do the work, in which the library asks this stop.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let clock = *self;
        let stop = tautnet::Stop::staged(move |stage| Self { stage, ..clock }.reason().is_some());
        match self.stage {
            Stage::Early => stop.early(),
            Stage::Main => stop,
            Stage::Late => stop.late(),
        }
        .during(work)
    }
}

impl Watch for Stop {
    fn interruption(&self, stage: Stage) -> Option<Interruption> {
        self.interruption_in(stage)
    }

    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn kept(&self) {
        Stop::kept(self);
    }
}

/// Exit status after Ctrl-C where there is no result, as shells have it.
pub const INTERRUPTED_STATUS: u8 = 130;

/// Whether Ctrl-C was pressed.
pub fn interrupted() -> bool {
    INTERRUPTED.get().is_some()
}

/// End the program some time after `since`, unless there is a result by then.
fn watch(since: Instant, last_words: impl FnOnce() -> u8 + Send + 'static) {
    // Without a thread to spare there is no watchman, and the library's own stops have to do.
    let _ = std::thread::Builder::new().name("watchman".into()).spawn(move || {
        std::thread::sleep((since + PATIENCE).saturating_duration_since(Instant::now()));
        if !KEPT.load(Ordering::SeqCst) {
            let status = last_words();
            std::process::exit(status.into());
        }
    });
}
