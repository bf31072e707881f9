use super::*;
use crate::rivals;
use crate::toy::toy;
use std::ops::ControlFlow;
use tautnet::ending::Ending;
use tautnet::polish::{self, Method};
use tautnet::{Dataset, Loss, Shallow, Stop};

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn on(_: &Sweep) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// (6) by the interior-point method.
fn judge(network: &Shallow, data: &Dataset, settings: &Settings) -> f64 {
    polish::polish(network, data, &asked(settings), &mut |_| ControlFlow::Continue(())).unwrap().after.objective
}

fn asked(settings: &Settings) -> polish::Settings {
    polish::Settings {
        method: Method::WEIGHT_DECAY,
        lipschitz: 0.0,
        decay: settings.decay,
        output_bias: settings.output_bias,
        loss: settings.loss.clone(),
        ..Default::default()
    }
}

/// Data with weights (some 0), a repeated row, and a column far from 0.
fn awkward() -> Dataset {
    let mut data = toy(60, 2, 31);
    data.weights = Some((0..60).map(|k| (k % 4) as f64).collect());
    for j in 0..2 {
        data.x[(7, j)] = data.x[(6, j)];
    }
    for k in 0..60 {
        data.x[(k, 1)] += 2.0;
    }
    data
}

#[test]
fn it_has_the_optimum_of_weight_decay() {
    for (data, patterns, decay, output_bias) in
        [(toy(60, 2, 1), 8, 0.01, true), (toy(40, 3, 2), 12, 0.1, false), (awkward(), 6, 0.03, true), (toy(200, 5, 3), 20, 0.001, true)]
    {
        let network = rivals::gaussian(&data, patterns, 7).unwrap();
        let groups = Groups::of(&network, &data).unwrap();
        for loss in ["squared", "huber:1", "huber:0.3", "quantile:0.3", "absolute"] {
            let settings = Settings { decay, output_bias, loss: loss.parse().unwrap(), ..Settings::default() };
            let optimum = judge(&network, &data, &settings);
            for linear in [LinearSolver::WeightFactor, LinearSolver::RowFactor, LinearSolver::ConjugateGradients] {
                let settings = Settings { linear, ..settings.clone() };
                let ours = admm(&groups, &data, &settings, &mut go_on).unwrap();
                let last = ours.trace.last().unwrap();
                println!("{loss} {linear:?} {} {:.2e} {:?} opt {optimum:.6} lb {:.2e} rho {:.2e} {:.1e} {:.1e} {:.1e}", ours.iterations, ours.objective / optimum - 1.0, ours.ending,
                    1.0 - ours.lower_bound / optimum, last.rho, last.primal, last.dual, last.violation);
            }
        }
    }
}
