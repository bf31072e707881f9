//! Degenerate runs, made from a seed: data × network × method × norm × settings that real tables lead to, each small.
//!
//! The draws are independent, so that every kind of data meets every kind of network and setting.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tautnet::{
    Dataset, Norm, Scaler, Shallow,
    polish::{Method, Penalty, Settings, Walk},
};

/// One run of `polish`, with a word for everything that was drawn.
pub struct Case {
    pub network: Shallow,
    pub data: Dataset,
    pub settings: Settings,
    pub kind: String,
    /// Whether every number is of an ordinary size: prices from 1e-4 to 1, limits from 0.1 on, standardized columns.
    pub ordinary: bool,
}

/// The sum of twelve uniforms: near enough to a normal number.
fn normal(random: &mut Pcg64) -> f64 {
    (0..12).map(|_| random.random_range(0.0..1.0)).sum::<f64>() - 6.0
}

fn one_of<T: Clone>(random: &mut Pcg64, of: &[T]) -> T {
    of[random.random_range(0..of.len())].clone()
}

/// The run of this seed.
pub fn case(seed: u64) -> Case {
    let random = &mut Pcg64::seed_from_u64(seed);
    let (mut data, mut ordinary, data_kind) = data(random);
    if random.random_range(0..4) > 0 {
        // As the front doors do.
        let scaler = Scaler::fit(&data).expect("the data are small");
        scaler.standardize_in_place(&mut data);
    } else {
        ordinary &= data_kind != "scales apart";
    }
    let (network, network_kind) = network(random, &data);
    let (settings, small, settings_kind) = settings(random);
    ordinary &= small && !matches!(network_kind, "huge" | "tiny");
    let kind = format!("{data_kind}; {network_kind}; {settings_kind}");
    Case { network, data, settings, kind, ordinary }
}

/// Rows and targets of one of the kinds.
fn data(random: &mut Pcg64) -> (Dataset, bool, &'static str) {
    let mut n = one_of(random, &[2, 3, 5, 8, 12, 20, 40, 60]);
    let d = one_of(random, &[1, 1, 2, 2, 3, 4, 6]);
    let mut x = Mat::from_fn(n, d, |_, _| normal(random));
    let kind = one_of(
        random,
        &[
            "generic",
            "duplicate rows",
            "constant column",
            "constant columns only",
            "one-hot",
            "ties",
            "one row",
            "all rows equal",
            "scales apart",
            "equal columns",
            "on a line",
            "few values",
        ],
    );
    match kind {
        "duplicate rows" => x = Mat::from_fn(n, d, |k, j| x[(k / 3, j)]),
        "constant column" => {
            let at = random.random_range(0..d);
            let value = one_of(random, &[0.0, 1.0, 5.0, -1e3]);
            (0..n).for_each(|k| x[(k, at)] = value);
        }
        "constant columns only" => x = Mat::from_fn(n, d, |_, j| j as f64 - 0.5),
        "one-hot" => {
            let level: Vec<usize> = (0..n).map(|_| random.random_range(0..d)).collect();
            x = Mat::from_fn(n, d, |k, j| f64::from(level[k] == j));
        }
        "ties" => x = Mat::from_fn(n, d, |k, j| (2.0 * x[(k, j)]).round() / 2.0),
        "one row" => {
            n = 1;
            x = Mat::from_fn(1, d, |_, j| x[(0, j)]);
        }
        "all rows equal" => x = Mat::from_fn(n, d, |_, j| x[(0, j)]),
        "scales apart" => {
            let scale: Vec<f64> = (0..d).map(|_| 10f64.powf(random.random_range(-6.0..6.0))).collect();
            let shift: Vec<f64> = (0..d).map(|j| one_of(random, &[0.0, 1.0, 100.0]) * scale[j]).collect();
            x = Mat::from_fn(n, d, |k, j| shift[j] + scale[j] * x[(k, j)]);
        }
        "equal columns" => x = Mat::from_fn(n, d, |k, j| (1 + j % 2) as f64 * x[(k, 0)]),
        "on a line" => {
            let direction: Vec<f64> = (0..d).map(|_| normal(random)).collect();
            x = Mat::from_fn(n, d, |k, j| x[(k, 0)] * direction[j]);
        }
        "few values" => x = Mat::from_fn(n, d, |k, j| f64::from(x[(k, j)] > 0.0)),
        _ => {}
    }
    let target = one_of(random, &["curve", "curve", "curve", "noise", "constant", "zero", "linear", "outlier"]);
    let y: Vec<f64> = (0..n)
        .map(|k| match target {
            "curve" => (2.0 * x[(k, 0)]).sin() + x[(k, d - 1)].abs() + 0.1 * normal(random),
            "noise" => normal(random),
            "constant" => 3.0,
            "zero" => 0.0,
            "linear" => 1.0 + (0..d).map(|j| x[(k, j)]).sum::<f64>(),
            _ => {
                if k == 0 {
                    1e3
                } else {
                    0.1 * normal(random)
                }
            }
        })
        .collect();
    let weights = match random.random_range(0..5) {
        0 => {
            let mut weights: Vec<f64> = (0..n).map(|_| one_of(random, &[0.0, 1.0, 1.0, 2.0, 100.0])).collect();
            weights[0] = 1.0;
            Some(weights)
        }
        _ => None,
    };
    (Dataset::new(x, y, weights).expect("all finite"), true, kind)
}

/// A network of one of the kinds.
fn network(random: &mut Pcg64, data: &Dataset) -> (Shallow, &'static str) {
    let (n, d) = (data.rows(), data.columns());
    let m = one_of(random, &[1, 1, 2, 3, 5, 8, 12]);
    let mut w = Mat::from_fn(m, d, |_, _| normal(random));
    let mut b: Vec<f64> = (0..m).map(|_| 0.5 * normal(random)).collect();
    let mut v: Vec<f64> = (0..m).map(|_| normal(random) / (m as f64).sqrt()).collect();
    let mut c = one_of(random, &[0.0, 0.1, 2.0]);
    let kind = one_of(
        random,
        &[
            "generic",
            "generic",
            "constant unit",
            "constant units only",
            "unit of zeros",
            "dead units",
            "no output weight",
            "linear units",
            "twins",
            "opposite twins",
            "ties on rows",
            "huge",
            "tiny",
            "unit far larger",
            "one slope of zero",
        ],
    );
    match kind {
        "constant unit" => (0..d).for_each(|k| w[(0, k)] = 0.0),
        "constant units only" => w = Mat::zeros(m, d),
        "unit of zeros" => {
            (0..d).for_each(|k| w[(0, k)] = 0.0);
            b[0] = 0.0;
        }
        "dead units" => (0..m.div_ceil(2)).for_each(|i| b[i] = -1e9),
        "no output weight" => v[0] = 0.0,
        "linear units" => (0..m).for_each(|i| b[i] = 1e3),
        "twins" => {
            for i in 1..m {
                (0..d).for_each(|k| w[(i, k)] = w[(i / 2, k)]);
                (b[i], v[i]) = (b[i / 2], v[i / 2]);
            }
        }
        "opposite twins" => {
            for i in 1..m {
                (0..d).for_each(|k| w[(i, k)] = w[(0, k)]);
                b[i] = b[0];
                v[i] = if i % 2 == 1 { -v[0] } else { v[0] };
            }
        }
        "ties on rows" => {
            for i in 0..m {
                b[i] = -(0..d).map(|k| w[(i, k)] * data.x[(i % n, k)]).sum::<f64>();
            }
        }
        "huge" => v.iter_mut().for_each(|v| *v *= 1e8),
        "tiny" => {
            v.iter_mut().for_each(|v| *v *= 1e-8);
            c = 0.0;
        }
        "unit far larger" => v[0] *= 1e5,
        "one slope of zero" => (0..m).for_each(|i| w[(i, 0)] = 0.0),
        _ => {}
    }
    (Shallow::new(w, b, v, c).expect("all finite"), kind)
}

/// Method, norm, prices and limits.
fn settings(random: &mut Pcg64) -> (Settings, bool, String) {
    let method =
        one_of(random, &[Method::JOINT, Method::JOINT, Method::ALTERNATING, Method::WEIGHT_DECAY, Method::WALK]);
    let norm = one_of(random, &[Norm::Two, Norm::Infinity]);
    let mut penalty = one_of(random, &[Penalty::L, Penalty::L, Penalty::LSquared]);
    let usual = [1e-4, 1e-3, 1e-2, 0.1, 1.0];
    let (mut lipschitz, small) = match random.random_range(0..8) {
        0 => (one_of(random, &[1e-9, 1e3, 1e6]), false),
        1 => (0.0, true),
        _ => (one_of(random, &usual), true),
    };
    let (mut decay, usual_decay) = match random.random_range(0..8) {
        0 => (one_of(random, &[1e-9, 1e3, 1e6]), false),
        1..4 => (one_of(random, &usual), true),
        _ => (0.0, true),
    };
    let (max_lipschitz, usual_limit) = match random.random_range(0..8) {
        0 => (Some(one_of(random, &[1e-9, 1e-4, 1e6])), false),
        1 => (Some(one_of(random, &[0.1, 1.0, 10.0])), true),
        _ => (None, true),
    };
    // What the settings refuse.
    if method == Method::WEIGHT_DECAY {
        (lipschitz, penalty) = (0.0, Penalty::L);
        decay = if decay == 0.0 { 1e-3 } else { decay };
    }
    let max_lipschitz = max_lipschitz.filter(|_| method != Method::WEIGHT_DECAY);
    if method == Method::ALTERNATING && lipschitz == 0.0 && max_lipschitz.is_none() {
        lipschitz = 0.01;
    }
    let output_bias = random.random_range(0..4) > 0;
    let kind = format!(
        "{} norm {} λ {lipschitz:e}{} decay {decay:e} limit {max_lipschitz:?}{}",
        method.name(),
        norm.name(),
        if penalty == Penalty::LSquared { " L²" } else { "" },
        if output_bias { "" } else { " no bias" },
    );
    let walk = Walk { rounds: 2, steps: 60, restarts: 0, flips: 1, soft: 1 };
    let settings = Settings {
        method,
        lipschitz_price: lipschitz,
        decay,
        max_lipschitz,
        norm,
        penalty,
        output_bias,
        rounds: 5,
        walk,
        ..Settings::default()
    };
    (settings, small && usual_decay && usual_limit, kind)
}
