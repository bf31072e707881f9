//! What the alternation must do.

use super::*;
use crate::train::Descent;
use crate::train::Settings;
use crate::train::{Start, tests::toy, train};
use faer::Mat;

const GO_ON: fn(&Progress) -> ControlFlow<()> = |_| ControlFlow::Continue(());

fn bound(network: &Shallow) -> f64 {
    multipliers(network, None).unwrap().bound
}

fn settings(admm: &Admm, units: usize) -> Settings {
    Settings { start: Start::from(admm.clone()), units, ..Settings::default() }
}

/// Two inputs, the published β and λ_L.
#[test]
fn penalized_on_two_inputs_it_is_below_its_start_and_the_copies_meet() {
    let data = toy(200, 2, 31);
    let admm = Admm { iterations: 12, ..Admm::default() };
    assert_eq!((admm.penalty, admm.price), (0.25, 1e-5));
    let start = Start::from(admm.descent.clone());
    let start = train(&data, &Settings { start, units: 20, ..Settings::default() }, &mut { GO_ON }).unwrap();
    let trained = train(&data, &settings(&admm, 20), &mut { GO_ON }).unwrap();
    let objective = |network: &Shallow, loss: f64| loss + admm.price * bound(network).powi(2);
    let (before, after) = (objective(&start.network, start.loss), objective(&trained.network, trained.loss));
    assert!(after < 0.9 * before, "{before} {after}");
    let iterations: Vec<&Progress> = trained.trace.iter().filter(|progress| progress.bound.is_some()).collect();
    assert!(iterations.len() > 2 && trained.trace.len() == start.trace.len() + iterations.len());
    let least = iterations.iter().map(|progress| progress.objective).fold(f64::INFINITY, f64::min);
    assert!((least - after).abs() < 1e-9 * after);
    // A higher price gives a smaller bound.
    let dear = Admm { price: 1e-2, ..admm };
    let dear = train(&data, &settings(&dear, 20), &mut { GO_ON }).unwrap();
    assert!(bound(&dear.network) < 0.9 * bound(&trained.network));
}

#[test]
fn the_weights_and_their_copy_meet() {
    let data = toy(100, 2, 32);
    for limit in [None, Some(1.5)] {
        let admm = Admm { price: 1e-3, bound: limit, steps: 1000, ..Admm::default() };
        let settings = Common { units: 10, ..Common::default() };
        let start = gradient_descent::train(&data, &settings, &admm.descent, &mut { GO_ON }).unwrap();
        let mut weights = Weights::from_network(&start.network);
        let mut steps = GradientSteps::new(&data, &settings, &admm, &weights);
        let mut copy = Copied::first(&start.network, &data, &admm).unwrap();
        let mut dual = weights.zeros();
        let mut apart = Vec::new();
        for _ in 0..40 {
            steps.run(&mut weights, &copy.weights, &dual).unwrap();
            let target = shifted(&weights, &dual, 1.0 / admm.penalty).network().unwrap();
            let found = project(&target, &copy.multipliers, admm.square(), admm.penalty).unwrap();
            copy = Copied::of(found.network, &data, &admm).unwrap();
            dual = shifted(&dual, &difference(&weights, &copy.weights), admm.penalty);
            let rest = difference(&weights, &copy.weights);
            apart.push(coupled(&rest).into_iter().flat_map(|r| &rest.flat[r]).map(|a| a * a).sum::<f64>().sqrt());
        }
        assert!(apart[39] < 0.1 * apart[0].max(apart[1]), "{limit:?} {apart:?}");
    }
}

/// Every copy is a certified network: the claim of the enforced form.
#[test]
fn an_enforced_bound_holds_at_every_iteration() {
    let data = toy(120, 2, 33);
    for limit in [0.3, 1.0, 1e4] {
        let admm = Admm { bound: Some(limit), steps: 500, iterations: 8, tolerance: 0.0, ..Admm::default() };
        let start = Start::from(admm.descent.clone());
        let start = train(&data, &Settings { start, units: 15, ..Settings::default() }, &mut { GO_ON }).unwrap();
        let mut losses = Vec::new();
        let settings = settings(&admm, 15).common();
        let trained = from_network(&start.network, &data, &settings, &admm, &mut |progress| {
            assert!(progress.bound.unwrap() <= limit * (1.0 + 1e-9), "{progress:?}");
            losses.push(progress.loss);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!((losses.len(), trained.ending), (9, Ending::Limit));
        assert_eq!(trained.loss, losses.iter().copied().fold(f64::INFINITY, f64::min));
        assert!(limit > 1e3 || trained.loss < 0.98 * losses[0], "{losses:?}");
        // The same from the weights of each, by stopping there; the best of the copies so far comes back.
        for last in 0..4 {
            let mut heard = 0;
            let stopped = from_network(&start.network, &data, &settings, &admm, &mut |_| {
                heard += 1;
                if heard > last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
            assert_eq!((stopped.ending, stopped.trace.len()), (Ending::Observer, last + 1));
            assert!(bound(&stopped.network) <= limit * (1.0 + 1e-9));
        }
        if limit > 1e3 {
            assert!(trained.loss <= start.loss);
        }
    }
}

#[test]
fn a_start_that_is_stopped_keeps_the_bound_all_the_same() {
    let data = toy(60, 2, 34);
    let admm = Admm { bound: Some(0.5), ..Admm::default() };
    let mut heard = 0;
    let trained = train(&data, &settings(&admm, 10), &mut |_| {
        heard += 1;
        if heard == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(trained.ending, Ending::Observer);
    assert!(bound(&trained.network) <= 0.5 * (1.0 + 1e-9));
}

#[test]
fn dead_units_zero_layers_and_constants() {
    let data = toy(40, 2, 35);
    let admm = Admm { steps: 100, iterations: 3, ..Admm::default() };
    let run = |network: &Shallow, admm: &Admm| {
        from_network(network, &data, &settings(admm, 1).common(), admm, &mut { GO_ON }).unwrap()
    };
    let normal = |i: usize, k: usize| ((3 * i + 5 * k) as f64).sin();
    let base = Shallow::new(Mat::from_fn(5, 2, normal), vec![0.1; 5], vec![1.0, -1.0, 0.5, 0.0, 1.0], 0.2);
    let mut dead = base.unwrap();
    // A unit that no row turns on, one without output weight, one without input weights.
    dead.b_mut()[0] = -100.0;
    (dead.w_mut()[(4, 0)], dead.w_mut()[(4, 1)]) = (0.0, 0.0);
    let mut constant = dead.clone();
    constant.v_mut().fill(0.0);
    let mut empty = constant.clone();
    empty.w_mut().fill(0.0);
    for network in [&dead, &constant, &empty] {
        for limit in [None, Some(0.4)] {
            let admm = Admm { bound: limit, ..admm.clone() };
            let trained = run(network, &admm);
            assert!(trained.loss.is_finite());
            assert!(bound(&trained.network) <= limit.map_or(f64::INFINITY, |limit| limit * (1.0 + 1e-9)));
            let start = Loss::default().mean(network, &data) + 1e-5 * bound(network).powi(2);
            assert!(limit.is_some() || trained.loss <= start);
        }
    }
    // Zero output weights are no trap: the hidden units are put to use.
    assert!(run(&constant, &Admm { steps: 500, iterations: 8, ..admm }).network.v().iter().any(|v| v.abs() > 1e-3));
}

#[test]
fn one_unit_one_row_and_no_output_bias() {
    let data = Dataset::new(Mat::full(1, 1, 0.5), vec![1.0], None).unwrap();
    let admm = Admm { steps: 50, iterations: 3, bound: Some(0.1), ..Admm::default() };
    let settings = Settings { output_bias: false, ..settings(&admm, 1) };
    let trained = train(&data, &settings, &mut { GO_ON }).unwrap();
    assert_eq!(trained.network.c(), 0.0);
    assert!(bound(&trained.network) <= 0.1 * (1.0 + 1e-9));
}

#[test]
fn threads_do_not_change_a_byte() {
    let data = toy(1500, 3, 36);
    let descent = Descent { batch: 1024, epochs: 3, ..Descent::default() };
    let admm = Admm { descent, steps: 4, iterations: 2, tolerance: 0.0, ..Admm::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&data, &settings(&admm, 120), &mut { GO_ON }).unwrap())
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn bad_settings_are_refused_with_their_value() {
    let data = toy(10, 2, 37);
    let base = Admm::default();
    let refused = |admm: Admm| train(&data, &settings(&admm, 3), &mut { GO_ON }).unwrap_err().what;
    assert!(refused(Admm { penalty: 0.0, ..base.clone() }).contains("`admm_penalty` is 0"));
    assert!(refused(Admm { price: f64::NAN, ..base.clone() }).contains("NaN"));
    assert!(refused(Admm { bound: Some(-2.0), ..base.clone() }).contains("-2"));
    assert!(refused(Admm { steps: 0, ..base.clone() }).contains("steps"));
    assert!(refused(Admm { iterations: 0, ..base.clone() }).contains("iterations"));
    assert!(refused(Admm { tolerance: 1.0, ..base.clone() }).contains("tolerance"));
    let network = Shallow::new(Mat::full(2, 3, 1.0), vec![0.0; 2], vec![1.0; 2], 0.0).unwrap();
    let error = from_network(&network, &data, &settings(&base, 2).common(), &base, &mut { GO_ON }).unwrap_err();
    assert!(error.what.contains("3 inputs"));
}
