//! How much is tried.

/// Short, as in `./test`, or long, by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    long: bool,
    /// Added to every seed, so that a long run can try what no run before it has tried.
    pub seed: u64,
}

impl Effort {
    /// From the environment: `TAUTNET_ADVERSARIAL=long`, and `TAUTNET_ADVERSARIAL_SEED` for other random numbers than the usual ones.
    pub fn asked() -> Self {
        let long = match std::env::var("TAUTNET_ADVERSARIAL").as_deref() {
            Ok("long") => true,
            Ok("" | "short") | Err(_) => false,
            Ok(other) => panic!("TAUTNET_ADVERSARIAL is `{other}`: say `long` or `short`"),
        };
        let seed = std::env::var("TAUTNET_ADVERSARIAL_SEED")
            .map_or(0, |seed| seed.parse().expect("the seed is a whole number"));
        Self { long, seed }
    }

    /// A number of things to try.
    pub fn count(&self, short: usize, long: usize) -> usize {
        if self.long { long } else { short }
    }
}
