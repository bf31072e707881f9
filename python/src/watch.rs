//! A computation that Python can watch and end.
//!
//! Signal handlers of Python run on its main thread only, and only while that thread holds the interpreter. So the work
//! goes to a thread of its own, inside a pool of threads, and the thread that called sleeps without the interpreter, wakes
//! a few times a second, shows the latest progress and lets Python's handlers run. Where one of them raises, the work is
//! told to end, and the exception is passed on once it has.

use crate::errors::{OrRaise, refused};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tautnet::Stage;
use tautnet::job::{Interruption, Watch as _};
use tautnet::recipe::{Run, Table, Value};

/// How often the calling thread looks up.
const TICK: Duration = Duration::from_millis(50);
/// What the score and the certificate of the best so far may take once the time is over.
const CLOSING: Duration = Duration::from_secs(1);

/// How long to work, on how many threads, and who wants to know.
pub struct Limits {
    pub time: Option<Duration>,
    pub threads: usize,
    /// Called with the facts of the latest iteration.
    pub report: Option<Py<PyAny>>,
}

impl Limits {
    /// Checked: seconds and threads as the user gave them.
    pub fn new(seconds: Option<f64>, threads: Option<i64>, report: Option<Py<PyAny>>) -> PyResult<Self> {
        let mut run = Run::default();
        run.set("time_limit", &seconds.map_or(Value::Nothing, Value::Number)).or_raise()?;
        // A count that is below 0 is none: it is refused as the number that it is.
        let count = |count| u64::try_from(count).map_or(Value::Number(count as f64), Value::Count);
        run.set("threads", &threads.map_or(Value::Nothing, count)).or_raise()?;
        Ok(Self { time: run.time_limit, threads: run.threads.unwrap_or(0), report })
    }
}

/// The facts of one iteration.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub stage: &'static str,
    pub step: usize,
    pub objective: f64,
    /// Relative duality gap, where there is one.
    pub gap: f64,
    /// λ being tried, where it is λ that is chosen, with what is done and how much there is to do.
    pub trial: Option<(Option<f64>, usize, usize)>,
}

/// Asked at every iteration whether to go on; hears what there is to tell.
pub struct Watch {
    deadline: Option<Instant>,
    started: Instant,
    cancelled: AtomicBool,
    latest: Mutex<Option<Facts>>,
}

impl tautnet::job::Watch for Watch {
    /// After Ctrl-C nothing is kept, so nothing is left to do.
    fn interruption(&self, stage: Stage) -> Option<Interruption> {
        let ends = |deadline: Instant| match stage {
            Stage::Early => self.started + deadline.saturating_duration_since(self.started) / 2,
            Stage::Main => deadline,
            Stage::Late => deadline + CLOSING,
        };
        if self.cancelled.load(Ordering::Relaxed) {
            return Some(Interruption::Interrupted);
        }
        self.deadline.is_some_and(|deadline| Instant::now() >= ends(deadline)).then_some(Interruption::TimeLimit)
    }

    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

impl Watch {
    /// As an observer answers.
    pub fn verdict(&self) -> ControlFlow<()> {
        if self.interruption(Stage::Main).is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Note the facts of an iteration for whoever watches.
    pub fn note(&self, facts: Facts) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
    }

    fn show(&self, py: Python<'_>, report: Option<&Py<PyAny>>) -> PyResult<()> {
        py.check_signals()?;
        let facts = self.latest.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(report), Some(facts)) = (report, facts) {
            let told = PyDict::new(py);
            told.set_item("stage", facts.stage)?;
            told.set_item("step", facts.step)?;
            told.set_item("objective", facts.objective.is_finite().then_some(facts.objective))?;
            told.set_item("gap", facts.gap.is_finite().then_some(facts.gap))?;
            told.set_item("trial", facts.trial)?;
            told.set_item("seconds", self.started.elapsed().as_secs_f64())?;
            report.call1(py, (told,))?;
        }
        Ok(())
    }
}

/// Do the work without the interpreter, watched.
pub fn run<T: Send>(
    py: Python<'_>,
    limits: Limits,
    work: impl FnOnce(&Arc<Watch>) -> tautnet::error::Result<T> + Send,
) -> PyResult<T> {
    let started = Instant::now();
    let watch = Arc::new(Watch {
        deadline: limits.time.and_then(|time| started.checked_add(time)),
        started,
        cancelled: AtomicBool::new(false),
        latest: Mutex::new(None),
    });
    // The library asks between its blocks, wherever it is at work.
    let asked = watch.clone();
    let stop = tautnet::Stop::staged(move |stage| asked.interruption(stage).is_some());
    let pool = pool(limits.threads)?;
    let report = limits.report;
    let (result, interrupt) = py.detach(|| {
        let (done, ended) = mpsc::channel();
        std::thread::scope(|scope| {
            let (watch, pool, stop, report) = (&watch, &pool, &stop, report.as_ref());
            scope.spawn(move || done.send(pool.install(|| stop.during(|| work(watch)))));
            let mut interrupt = None;
            loop {
                match ended.recv_timeout(TICK) {
                    Ok(result) => return (Some(result), interrupt),
                    // The work panicked, and so will the scope.
                    Err(RecvTimeoutError::Disconnected) => return (None, interrupt),
                    Err(RecvTimeoutError::Timeout) if interrupt.is_none() => {
                        if let Err(raised) = Python::attach(|py| watch.show(py, report)) {
                            watch.cancelled.store(true, Ordering::Relaxed);
                            interrupt = Some(raised);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        })
    });
    match (interrupt, result) {
        (Some(raised), _) => Err(raised),
        (None, Some(result)) => result.or_raise(),
        (None, None) => Err(refused("the computation ended without a result", "report this as a mistake of tautnet")),
    }
}

/// A pool of that many threads (0: one a core) in this process.
struct Held {
    process: u32,
    threads: usize,
    pool: Arc<ThreadPool>,
}

static POOL: Mutex<Option<Held>> = Mutex::new(None);

/// The pool last used, if it fits. A process that was forked has none of its parent's threads, so it makes its own.
fn pool(threads: usize) -> PyResult<Arc<ThreadPool>> {
    let mut held = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some(held) = held.as_ref().filter(|held| held.process == process && held.threads == threads) {
        return Ok(held.pool.clone());
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|k| format!("tautnet-{k}")).build();
    let pool = pool.map_err(|error| {
        refused(format!("{threads} threads could not be started: {error}"), "ask for fewer threads")
    })?;
    let pool = Arc::new(pool);
    let old = held.replace(Held { process, threads, pool: pool.clone() });
    if let Some(old) = old.filter(|old| old.process != process) {
        std::mem::forget(old); // its threads do not exist here, and must not be waited for
    }
    Ok(pool)
}
