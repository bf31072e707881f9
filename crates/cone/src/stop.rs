//! The one way in which work is told to end early.
//!
//! A [`Stop`] is a question that the caller answers: has the time passed, was Ctrl-C pressed? The library has no clock
//! and no signals of its own. Work runs [`during`](Stop::during) a stop. Everything that can take long asks the stop at
//! hand ([`Stop::here`]) between its blocks, and ends with the best so far where the answer is yes. So a new stage needs
//! no further argument to be stoppable: it asks.
//!
//! **Threads.** `here` is a property of the thread. A parallel loop takes the stop before it begins and asks that one;
//! where its body calls something that asks for itself, the body runs `during` it:
//!
//! ```text
//! let stop = Stop::here();
//! parts.par_iter().map(|part| stop.during(|| work_on(part)))
//! ```
//!
//! **Stages.** Work has an early part, which must leave time for the rest (choosing a price before the fit that uses
//! it), and a late part, which must still be done however late it is (scoring and proving the best so far). Each has its
//! own answer: [`Stop::early`] and [`Stop::late`] are the stops of these parts.
//!
//! **Foreign kernels** that cannot ask, such as an eigenvalue decomposition, run [`unless`](Stop::unless) it is time to
//! stop: on a thread of their own, which is left behind when the answer becomes yes.

use std::{
    cell::RefCell,
    sync::{Arc, mpsc},
    time::Duration,
};

/// Whether it is time to end, for the early part of the work, the work itself and its late part.
type Question = Arc<dyn Fn(Stage) -> bool + Send + Sync>;

/// A part of the work, early or late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// An early part, which must leave time for the rest.
    Early,
    /// The work.
    Main,
    /// What must still be done once the work has ended.
    Late,
}

/// Whether the work at hand should end. It is cheap to clone and to ask, and the default never says so.
#[derive(Clone)]
pub struct Stop {
    question: Option<Question>,
    stage: Stage,
}

thread_local! {
    static HERE: RefCell<Stop> = const { RefCell::new(Stop { question: None, stage: Stage::Main }) };
}

/// How often a kernel that cannot ask is waited for before the question is put again.
const TICK: Duration = Duration::from_millis(20);

impl Default for Stop {
    fn default() -> Self {
        Self { question: None, stage: Stage::Main }
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop").field("never", &self.question.is_none()).field("stage", &self.stage).finish()
    }
}

impl Stop {
    /// Ends the work, its early part too, when the answer is yes; what must still be done then is done in full.
    pub fn when(over: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self::staged(move |stage| stage != Stage::Late && over())
    }

    /// A stop with an answer for each stage. An answer that is yes once should stay yes.
    pub fn staged(over: impl Fn(Stage) -> bool + Send + Sync + 'static) -> Self {
        Self { question: Some(Arc::new(over)), stage: Stage::Main }
    }

    /// The stop during which this thread works.
    pub fn here() -> Self {
        HERE.with_borrow(Self::clone)
    }

    /// Do the work on this thread under this stop.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Puts the stop back that was there before, also where the work panics.
        struct Before(Stop);
        impl Drop for Before {
            fn drop(&mut self) {
                HERE.set(std::mem::take(&mut self.0));
            }
        }
        let _before = Before(HERE.replace(self.clone()));
        work()
    }

    /// Whether it is time to end.
    pub fn asked(&self) -> bool {
        self.question.as_ref().is_some_and(|over| over(self.stage))
    }

    /// The stop of an early part; what such a part must still do at its end may take the time of the work.
    pub fn early(&self) -> Self {
        Self { stage: Stage::Early, ..self.clone() }
    }

    /// The stop of what must still be done once this one says yes.
    pub fn late(&self) -> Self {
        let stage = if self.stage == Stage::Early { Stage::Main } else { Stage::Late };
        Self { stage, ..self.clone() }
    }

    /// The result of a kernel that cannot ask, or `None` where it is time to end before it is done. The kernel then goes
    /// on in the background until it is done, and its result is thrown away.
    pub fn unless<T: Send + 'static>(&self, kernel: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        if self.question.is_none() {
            return Some(kernel());
        }
        if self.asked() {
            return None;
        }
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(kernel());
        });
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(result) => return Some(result),
                Err(mpsc::RecvTimeoutError::Timeout) if !self.asked() => {}
                Err(mpsc::RecvTimeoutError::Timeout) => return None,
                Err(mpsc::RecvTimeoutError::Disconnected) => panic!("the kernel panicked"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_stop_holds_for_its_work_and_no_longer() {
        assert!(!Stop::here().asked());
        let outer = Stop::when(|| true);
        outer.during(|| {
            assert!(Stop::here().asked());
            Stop::default().during(|| assert!(!Stop::here().asked()));
            assert!(Stop::here().asked());
            let other = std::thread::spawn(|| Stop::here().asked());
            assert!(!other.join().unwrap());
        });
        assert!(!Stop::here().asked());
        let panicked = std::panic::catch_unwind(|| Stop::when(|| true).during(|| panic!("on purpose")));
        assert!(panicked.is_err() && !Stop::here().asked());
    }

    #[test]
    fn each_stage_has_its_own_answer() {
        let stop = Stop::staged(|stage| stage == Stage::Early);
        assert!(stop.early().asked() && !stop.asked() && !stop.late().asked() && !stop.early().late().asked());
        let stop = Stop::staged(|stage| stage != Stage::Late);
        assert!(stop.early().late().asked() && !stop.late().asked() && !stop.late().late().asked());
    }

    #[test]
    fn a_kernel_that_cannot_ask_is_left_behind() {
        assert_eq!(Stop::default().unless(|| 7), Some(7));
        assert_eq!(Stop::when(|| false).unless(|| 7), Some(7));
        assert_eq!(Stop::when(|| true).unless(|| 7), None);
        let (begun, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let stop = Stop::when({
            let begun = begun.clone();
            move || begun.load(Ordering::SeqCst)
        });
        let released = over.clone();
        let result = stop.unless(move || {
            begun.store(true, Ordering::SeqCst);
            while !released.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        });
        over.store(true, Ordering::SeqCst);
        assert_eq!(result, None);
    }
}
