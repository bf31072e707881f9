use super::*;
use crate::admm::Groups;
use crate::rivals;
use crate::toy::toy;
use std::ops::ControlFlow;
use tautnet::polish::{self, Method};
use tautnet::tolerance::{Shape, Tolerance};
use tautnet::{Dataset, Norm, Shallow};

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The optimum of the program by the interior-point method.
fn judge(network: &Shallow, data: &Dataset, settings: &Settings) -> f64 {
    let shape = if settings.norm == Norm::Two { Shape::Ball } else { Shape::Box };
    let asked = polish::Settings {
        method: if settings.cells == Cells::Hard { Method::ROBUST_CELLS } else { Method::CONVEX },
        lipschitz: 0.0,
        decay: settings.decay,
        output_bias: settings.output_bias,
        loss: settings.loss.clone(),
        tolerance: Some(Tolerance::same(shape, &vec![settings.radius; data.columns()]).unwrap()),
        rounds: 1,
        ..Default::default()
    };
    let run = polish::polish(network, data, &asked, &mut |_| ControlFlow::Continue(())).unwrap();
    run.trace.last().unwrap().objective
}

fn classes(n: usize, d: usize, seed: u64) -> Dataset {
    let mut data = toy(n, d, seed);
    data.y.iter_mut().for_each(|y| *y = if *y > 0.0 { 1.0 } else { -1.0 });
    data
}

#[test]
fn it_has_the_optimum_of_the_interior_point_method() {
    for (seed, loss) in ["hinge", "logistic", "squared-hinge", "squared"].into_iter().enumerate() {
        for norm in [Norm::Infinity, Norm::Two] {
            for cells in [Cells::Soft, Cells::Hard] {
                let data = classes(40, 2 + seed, seed as u64);
                let network = rivals::gaussian(&data, 5, 3).unwrap();
                let groups = Groups::of(&network, &data).unwrap();
                let settings = Settings {
                    loss: loss.parse().unwrap(),
                    norm,
                    cells,
                    decay: 0.01,
                    radius: 0.1,
                    tolerance: 1e-5,
                    iterations: 20000,
                    ..Settings::default()
                };
                let optimum = judge(&network, &data, &settings);
                let ours = robust(&groups, &data, &settings, &mut go_on).unwrap();
                println!(
                    "{loss} {norm:?} {cells:?} {} {} {optimum} it {} {:?}",
                    ours.objective, ours.lower_bound, ours.iterations, ours.ending
                );
            }
        }
    }
}
