//! What must hold of every alternation between multipliers and weights, however its programs end.

use crate::random::{data, network};
use proptest::prelude::*;
use std::ops::ControlFlow;
use tautnet::polish::{Ending, Method, Polished, Settings, polish};

fn alternating(rounds: usize, iterations: usize) -> Settings {
    Settings { method: Method::ALTERNATING, lipschitz_price: 0.05, rounds, iterations, ..Settings::default() }
}

fn run(settings: &Settings, seed: u64) -> Polished {
    let (data, network) = (data(25, 2, seed), network(6, 2, seed));
    polish(&network, &data, settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn an_alternation_that_is_ended_gives_the_best_so_far_and_says_so(most in 0_usize..60, seed in 0_u64..8) {
        let (data, network) = (data(20, 2, seed), network(5, 2, seed));
        let (mut heard, mut ended) = (0, false);
        let polished = polish(&network, &data, &alternating(4, 100), &mut |_| {
            heard += 1;
            ended |= heard > most;
            if ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }).unwrap();
        prop_assert!(polished.after.objective <= polished.before.objective);
        prop_assert!(polished.accepted.windows(2).all(|pair| pair[1].objective < pair[0].objective));
        prop_assert!(!ended || polished.ending != Ending::Solved);
        prop_assert!(heard <= most + 2, "{heard} {most}");
    }
}

/// The next program begins from what the last one found, whether that was its optimum or not.
#[test]
fn rounds_go_on_after_a_program_that_reached_its_limit_of_iterations() {
    let mut lower = 0;
    for seed in 0..10 {
        let (one, many) = (run(&alternating(1, 7), seed), run(&alternating(8, 7), seed));
        assert!(many.after.objective <= one.after.objective);
        lower += usize::from(many.after.objective < one.after.objective);
    }
    assert!(lower >= 5, "{lower}");
}

#[test]
fn no_round_at_all_is_refused() {
    let (data, network) = (data(5, 2, 1), network(3, 2, 1));
    let refused = polish(&network, &data, &alternating(0, 100), &mut |_| ControlFlow::Continue(()));
    assert_eq!(refused.unwrap_err().what, "`alternating` was given 0 rounds");
}
