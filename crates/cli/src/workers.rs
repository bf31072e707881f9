//! Trials at the same time, each in a pool of threads of its own: none waits for another, and the seconds of one are its own.

use crate::progress::Display;
use crate::stop::Stop;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use tautnet::error::{Error, Result};
use tautnet_study::experiment::{Clock, GoOn, Plan, Problem, Row, Sample, Task, trial};

/// What a task ends in: its rows, or `None` where it was ended.
pub type Trial<'a, R> = dyn Fn(Task, &Clock<'_>, &GoOn<'_>) -> Result<Option<Vec<R>>> + Sync + 'a;

/// What runs trials.
pub struct Workers<'a, R> {
    /// What a trial is.
    pub trial: &'a Trial<'a, R>,
    /// Threads in all.
    pub threads: usize,
    /// When to end early.
    pub stop: &'a Stop,
}

/// The trials of a plan on its data sets, in its order.
pub fn trials<'a>(
    plan: &'a Plan,
    data: &'a [Sample],
) -> impl Fn(Task, &Clock<'_>, &GoOn<'_>) -> Result<Option<Vec<Row>>> + Sync + 'a {
    |task, clock, go_on| {
        let settings = &plan.settings;
        let problem = Problem::split(&plan.data[task.data], &data[task.data], settings, task.trial)?;
        Ok(trial(&problem, &plan.arms[task.arm], settings, clock, go_on))
    }
}

/// Threads to use where none are asked for: one a core.
pub fn threads(asked: Option<usize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    asked.unwrap_or_else(cores)
}

impl<R: Send> Workers<'_, R> {
    /// Run tasks, and give each one's rows to `finished` as they come. What is under way when it is time to stop is dropped.
    pub fn run(
        &self,
        tasks: &[Task],
        display: &mut Display,
        mut finished: impl FnMut(Task, Vec<R>) -> Result<()>,
    ) -> Result<()> {
        let workers = self.threads.min(tasks.len()).max(1);
        let next = AtomicUsize::new(0);
        let ended = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let (sender, next, ended) = (sender.clone(), &next, ended.clone());
                scope.spawn(move || {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads / workers).build();
                    let pool = match pool {
                        Ok(pool) => pool,
                        Err(error) => {
                            let what = format!("{} threads could not be started: {error}", self.threads);
                            let _ = sender.send(Err(Error::new(what, "ask for fewer threads")));
                            return;
                        }
                    };
                    while let Some(&task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = pool.install(|| self.one(task, &ended)).transpose();
                        let Some(result) = result else { return };
                        if sender.send(result.map(|rows| (task, rows))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut outcome = Ok(());
            let mut done = 0;
            loop {
                match receiver.recv_timeout(Duration::from_millis(200)) {
                    Ok(message) if outcome.is_ok() => {
                        done += 1;
                        outcome = message.and_then(|(task, rows)| finished(task, rows));
                        ended.fetch_or(outcome.is_err(), Ordering::Relaxed);
                    }
                    Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return outcome,
                }
                display.count("trials", done, tasks.len());
            }
        })
    }

    fn one(&self, task: Task, ended: &Arc<AtomicBool>) -> Result<Option<Vec<R>>> {
        let (clock, flag) = (*self.stop, ended.clone());
        // What is cut short is dropped: there is nothing left to do then, not even late.
        let over = move || flag.load(Ordering::Relaxed) || clock.reason().is_some();
        tautnet::Stop::staged(move |_| over()).during(|| self.timed(task, ended))
    }

    fn timed(&self, task: Task, ended: &AtomicBool) -> Result<Option<Vec<R>>> {
        let started = Instant::now();
        let clock = || started.elapsed().as_secs_f64();
        let go_on = || if ended.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { self.stop.verdict() };
        if go_on().is_break() {
            return Ok(None);
        }
        let rows = (self.trial)(task, &clock, &go_on)?;
        Ok(rows.filter(|_| go_on().is_continue()))
    }
}
