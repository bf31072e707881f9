//! The constants of chains, exact and over regions, against all pieces of a plane, Jacobians at many inputs, and the other bounds.

use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use tautnet::certify::{
    self, ChainEnclosure, ChainSearchSettings, JacobianFound, JacobianSearchSettings, Of, Region, chain_exact,
    chain_local, largest_jacobian_found, no_chain_exact, trivial_bound,
};
use tautnet::network::Layer;
use tautnet::random::normal;
use tautnet::{Activation, Network, Norm, Stop};

const NORMS: [Norm; 3] = [Norm::Two, Norm::Infinity, Norm::One];
const LINES: [&str; 6] = ["relu", "leaky-relu:0.1", "abs", "crelu", "maxmin", "identity"];
const ALL: [&str; 9] = ["relu", "leaky-relu:0.1", "abs", "crelu", "maxmin", "identity", "sincos", "sine-pair", "tanh"];

fn chain(widths: &[usize], names: &[&str], scale: f64, linear: bool, random: &mut Pcg64) -> Network {
    let mut layers: Vec<Layer> = Vec::new();
    for (l, pair) in widths.windows(2).enumerate() {
        let inputs = layers.last().map_or(pair[0], Layer::outputs);
        let last = l + 2 == widths.len();
        let name = if last { "identity" } else { names[random.random_range(0..names.len())] };
        let activation: Activation = name.parse().unwrap();
        let units = pair[1].next_multiple_of(activation.group());
        let size = scale / (inputs as f64).sqrt();
        let weights = Mat::from_fn(units, inputs, |_, _| size * normal(random));
        let bias = (0..units).map(|_| 0.7 * scale * normal(random)).collect();
        layers.push(Layer::new(weights, bias, activation));
    }
    let (outputs, inputs) = (widths[widths.len() - 1], widths[0]);
    let linear = linear.then(|| Mat::from_fn(outputs, inputs, |_, _| 0.3 * scale * normal(random)));
    Network::new(layers, linear).unwrap()
}

fn go_on(_: &certify::ExactProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn square(side: f64, d: usize) -> Region {
    Region::Box { lower: vec![-side; d], upper: vec![side; d] }
}

fn picked(jacobian: &Mat<f64>, of: Of) -> Mat<f64> {
    match of {
        Of::All => jacobian.clone(),
        Of::Output(j) => Mat::from_fn(1, jacobian.ncols(), |_, k| jacobian[(j, k)]),
        Of::Pair(i, j) => Mat::from_fn(1, jacobian.ncols(), |_, k| jacobian[(i, k)] - jacobian[(j, k)]),
    }
}

/// The operator norm of a matrix, to nearest.
fn norm_of(jacobian: &Mat<f64>, norm: Norm) -> f64 {
    let (m, d) = (jacobian.nrows(), jacobian.ncols());
    match norm {
        Norm::One => (0..d).map(|k| (0..m).map(|i| jacobian[(i, k)].abs()).sum::<f64>()).fold(0.0, f64::max),
        Norm::Infinity => (0..m).map(|i| (0..d).map(|k| jacobian[(i, k)].abs()).sum::<f64>()).fold(0.0, f64::max),
        Norm::Two => {
            let entry = |i: usize, k: usize| jacobian[(i, k)].abs();
            let largest =
                (0..m).flat_map(|i| (0..d).map(move |k| (i, k))).map(|(i, k)| entry(i, k)).fold(0.0, f64::max);
            if largest == 0.0 {
                return 0.0;
            }
            let scaled = Mat::from_fn(m, d, |i, k| jacobian[(i, k)] / largest);
            largest * scaled.singular_values().unwrap().into_iter().fold(0.0, f64::max)
        }
    }
}

/// The pieces of a plane on which a chain of units of two lines is affine, in a square: all of them, by cutting polygons. The judge of the searches.
struct Piece {
    corners: Vec<[f64; 2]>,
    /// What the layer hands on: slopes and offset, one row each.
    form: Vec<[f64; 3]>,
}

fn at(form: &[f64; 3], x: &[f64; 2]) -> f64 {
    form[0] * x[0] + form[1] * x[1] + form[2]
}

fn area(corners: &[[f64; 2]]) -> f64 {
    let cross = |i: usize| {
        let (a, b) = (corners[i], corners[(i + 1) % corners.len()]);
        a[0] * b[1] - a[1] * b[0]
    };
    0.5 * (0..corners.len()).map(cross).sum::<f64>().abs()
}

/// The part of a polygon on which a form has the sign.
fn cut(corners: &[[f64; 2]], form: &[f64; 3], sign: f64) -> Vec<[f64; 2]> {
    let mut kept = Vec::new();
    for (i, a) in corners.iter().enumerate() {
        let b = corners[(i + 1) % corners.len()];
        let (u, v) = (sign * at(form, a), sign * at(form, &b));
        if u >= 0.0 {
            kept.push(*a);
        }
        if (u > 0.0 && v < 0.0) || (u < 0.0 && v > 0.0) {
            let t = u / (u - v);
            kept.push([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
        }
    }
    kept
}

/// The largest norm of the Jacobian over all pieces, and how many there are.
fn judged(network: &Network, side: f64, norm: Norm, of: Of) -> (f64, usize) {
    let corners = vec![[-side, -side], [side, -side], [side, side], [-side, side]];
    let mut pieces = vec![Piece { corners, form: vec![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] }];
    let (last, hidden) = network.layers().split_last().unwrap();
    let through = |layer: &Layer, form: &[[f64; 3]]| -> Vec<[f64; 3]> {
        let row = |i: usize| {
            let mut sum = [0.0, 0.0, layer.bias()[i]];
            for (k, form) in form.iter().enumerate() {
                (0..3).for_each(|c| sum[c] += layer.weights()[(i, k)] * form[c]);
            }
            sum
        };
        (0..layer.units()).map(row).collect()
    };
    for layer in hidden {
        let count = layer.units() / layer.activation().group();
        let mut next = Vec::new();
        for piece in pieces {
            let sums = through(layer, &piece.form);
            let question = |i: usize| match layer.activation().unit() {
                Some(_) => sums[i],
                None => std::array::from_fn(|c| sums[i][c] - sums[count + i][c]),
            };
            let mut parts = vec![piece.corners];
            for i in 0..count {
                let halves = |corners: Vec<[f64; 2]>| [1.0, -1.0].map(|sign| cut(&corners, &question(i), sign));
                parts = parts.into_iter().flat_map(halves).filter(|corners| area(corners) > 1e-13).collect();
            }
            for corners in parts {
                let n = corners.len() as f64;
                let middle = corners.iter().fold([0.0, 0.0], |m, c| [m[0] + c[0] / n, m[1] + c[1] / n]);
                let h: Vec<f64> = sums.iter().map(|form| at(form, &middle)).collect();
                let mut form = Vec::new();
                match layer.activation().unit() {
                    Some(unit) => {
                        for branch in 0..unit.branches() {
                            form.extend((0..count).map(|i| sums[i].map(|a| a * unit.slope(h[i], branch))));
                        }
                    }
                    None => {
                        for larger in [true, false] {
                            let pick =
                                |i: usize| if (h[i] > h[count + i]) == larger { sums[i] } else { sums[count + i] };
                            form.extend((0..count).map(pick));
                        }
                    }
                }
                next.push(Piece { corners, form });
            }
        }
        pieces = next;
    }
    let jacobian = |piece: &Piece| {
        let rows = through(last, &piece.form);
        let linear = |i: usize, k: usize| network.linear().map_or(0.0, |linear| linear[(i, k)]);
        picked(&Mat::from_fn(rows.len(), 2, |i, k| rows[i][k] + linear(i, k)), of)
    };
    (pieces.iter().map(|piece| norm_of(&jacobian(piece), norm)).fold(0.0, f64::max), pieces.len())
}

fn few() -> JacobianSearchSettings {
    JacobianSearchSettings { starts: 6, rows: 4, climbs: 2, jacobians: 60, seed: 0 }
}

/// What must hold of anything a search says.
fn check(network: &Network, (region, norm, of): (&Region, Norm, Of), told: &ChainEnclosure, known: f64) {
    assert!(told.lower_bound <= told.upper_bound && told.upper_bound <= known, "{told:?} {known}");
    assert!(region.contains(&told.point));
    if told.lower_bound > 0.0 {
        // What is found is about the derivative there.
        let jacobian = picked(&network.jacobian(&told.point), of);
        let moved: Vec<f64> = (0..jacobian.nrows())
            .map(|i| (0..jacobian.ncols()).map(|k| jacobian[(i, k)] * told.direction[k]).sum())
            .collect();
        let size = norm.of(&moved) / norm.of(&told.direction);
        assert!(told.lower_bound <= size * (1.0 + 1e-9), "{told:?} {size}");
    }
}

fn of_outputs(outputs: usize) -> Vec<Of> {
    let all = [Of::All, Of::Output(outputs - 1), Of::Pair(0, outputs - 1)];
    all.into_iter().filter(|of| of.is_of(outputs)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// In a square, both searches against all pieces of it.
    #[test]
    fn in_a_plane_both_are_the_largest_of_all_pieces(
        seed in any::<u64>(),
        widths in prop::collection::vec(1usize..5, 1..4),
        outputs in 1usize..4,
        linear in any::<bool>(),
    ) {
        let mut random = Pcg64::seed_from_u64(seed);
        let widths: Vec<usize> = [2].into_iter().chain(widths).chain([outputs]).collect();
        let network = chain(&widths, &LINES, 1.0, linear, &mut random);
        let region = square(1.5, 2);
        for norm in NORMS {
            for of in of_outputs(outputs) {
                let (truth, pieces) = judged(&network, 1.5, norm, of);
                let known = known(&network, norm, of);
                let settings = ChainSearchSettings { relative_gap: 1e-9, nodes: 20_000, ..Default::default() };
                let asked = (&region, norm, of);
                let exact = chain_exact(&network, asked, None, known, &settings, &mut go_on).unwrap();
                check(&network, asked, &exact, known);
                let room = 1e-7 * truth + 1e-12;
                prop_assert!(exact.upper_bound >= truth - room, "{exact:?} {truth}");
                prop_assert!(exact.lower_bound <= truth + room, "{exact:?} {truth}");
                prop_assert!(exact.closed, "{exact:?} {truth} {pieces} pieces, {network:?}");
                let settings = ChainSearchSettings { relative_gap: 1e-5, nodes: 20_000, ..Default::default() };
                let local = chain_local(&network, asked, None, known, &settings, &mut go_on).unwrap();
                check(&network, asked, &local, known);
                prop_assert!(local.upper_bound >= truth - room, "{local:?} {truth}");
                prop_assert!(local.lower_bound <= truth + room, "{local:?} {truth}");
            }
        }
    }

    /// Found ≤ exact ≤ LipSDP, product; no Jacobian at any input is above a bound over all inputs, or over the region if the input lies there.
    #[test]
    fn no_jacobian_is_above_a_bound(
        seed in any::<u64>(),
        widths in prop::collection::vec(1usize..5, 2..6),
        exponent in prop::sample::select(vec![-60, -3, 0, 0, 0, 1, 60]),
        linear in any::<bool>(),
        lines in any::<bool>(),
    ) {
        let mut random = Pcg64::seed_from_u64(seed);
        let names: &[&str] = if lines { &LINES } else { &ALL };
        let network = chain(&widths, names, 10f64.powi(exponent), linear, &mut random);
        let d = network.inputs();
        let inputs: Vec<Vec<f64>> = (0..60).map(|_| (0..d).map(|_| normal(&mut random)).collect()).collect();
        for norm in NORMS {
            for of in of_outputs(network.outputs()) {
                let known = known(&network, norm, of);
                let found = largest_jacobian_found(&network, norm, of, None, &few()).unwrap();
                let settings = ChainSearchSettings { nodes: 60, ..Default::default() };
                let size = |x: &Vec<f64>| norm_of(&picked(&network.jacobian(x), of), norm);
                if no_chain_exact(&network).is_none() {
                    let asked = (&Region::Everywhere, norm, of);
                    let exact = chain_exact(&network, asked, Some(&found), known, &settings, &mut go_on).unwrap();
                    check(&network, asked, &exact, known);
                    prop_assert!(found.value <= exact.lower_bound, "{found:?} {exact:?}");
                    for x in &inputs {
                        prop_assert!(size(x) <= exact.upper_bound * (1.0 + 1e-10), "{exact:?} {x:?} {network:?}");
                    }
                    if norm == Norm::Two && of == Of::All && exponent.abs() < 2 && network.layers().len() > 1 {
                        let certificate = certify::chain_certificate(&network, norm, None).unwrap();
                        let settings = certify::ChainLipsdpSettings::default();
                        let (_, told) =
                            certify::with_chain_lipsdp(&network, certificate, &[], &settings, &mut |_| ()).unwrap();
                        if let Some(best) = told.standardized.best {
                            prop_assert!(exact.lower_bound <= best.bound, "{exact:?} {}", best.bound);
                        }
                    }
                }
                let ball = Region::Ball { center: inputs[0].clone(), radius: 0.7, norm };
                for region in [square(0.8, d), ball] {
                    let asked = (&region, norm, of);
                    let local = chain_local(&network, asked, None, known, &settings, &mut go_on).unwrap();
                    check(&network, asked, &local, known);
                    for x in inputs.iter().filter(|x| region.contains(x)) {
                        prop_assert!(size(x) <= local.upper_bound * (1.0 + 1e-10), "{local:?} {x:?} {network:?}");
                    }
                }
            }
        }
    }
}

/// The product of norms of the outputs looked at.
fn known(network: &Network, norm: Norm, of: Of) -> f64 {
    let bound = trivial_bound(network, norm);
    match of {
        Of::All => bound.bound,
        Of::Output(j) => bound.outputs[j],
        Of::Pair(j, k) => bound.pair(j, k),
    }
}

/// relu(x) − relu(x − 1) after itself: steps of slope 1, of whole numbers, where nothing is rounded.
#[test]
fn a_ramp_after_a_ramp_has_the_constant_one() {
    let rows = |rows: &[&[f64]]| Mat::from_fn(rows.len(), rows[0].len(), |i, k| rows[i][k]);
    let relu = Activation::relu();
    let network = Network::new(
        vec![
            Layer::new(rows(&[&[1.0], &[1.0]]), vec![0.0, -1.0], relu.clone()),
            Layer::new(rows(&[&[1.0, -1.0], &[1.0, -1.0]]), vec![0.0, -1.0], relu),
            Layer::new(rows(&[&[1.0, -1.0]]), vec![0.0], Activation::identity()),
        ],
        None,
    )
    .unwrap();
    for norm in NORMS {
        let asked = (&Region::Everywhere, norm, Of::All);
        let settings = ChainSearchSettings { relative_gap: 0.0, ..Default::default() };
        let exact = chain_exact(&network, asked, None, known(&network, norm, Of::All), &settings, &mut go_on).unwrap();
        assert!(exact.closed && (exact.lower_bound - 1.0).abs() < 1e-13 && exact.upper_bound >= 1.0, "{exact:?}");
        assert!(exact.upper_bound < 1.0 + 1e-13, "{exact:?}");
        assert_eq!((exact.open, exact.undecided), (0, 0));
        // Left of 0 nothing changes.
        for (region, constant) in [
            (Region::Box { lower: vec![-5.0], upper: vec![-0.5] }, 0.0),
            (Region::Box { lower: vec![-5.0], upper: vec![0.5] }, 1.0),
            (Region::Ball { center: vec![3.0], radius: 1.0, norm }, 0.0),
        ] {
            let asked = (&region, norm, Of::All);
            let local = chain_local(&network, asked, None, 4.0, &settings, &mut go_on).unwrap();
            assert!((local.upper_bound - constant).abs() < 1e-12 && local.closed, "{region:?} {local:?}");
        }
    }
}

/// Whole numbers and three lines in a plane, one of which goes through the input that is tried first: the constant of the difference is (1.125, 15.125).
#[test]
fn an_input_on_a_kink_hides_nothing() {
    let rows = |rows: &[&[f64]]| Mat::from_fn(rows.len(), rows[0].len(), |i, k| rows[i][k]);
    let layers = vec![
        Layer::new(rows(&[&[1.0, -1.0], &[0.5, 2.0], &[0.0, 1.0]]), vec![0.0, -1.0, 0.5], "abs".parse().unwrap()),
        Layer::new(rows(&[&[1.0, -2.0, 0.5], &[0.25, 1.0, -1.0]]), vec![0.5, 0.0], "crelu".parse().unwrap()),
        Layer::new(
            rows(&[&[1.0, 2.0, 0.0, 1.0], &[3.0, -1.0, 1.0, 0.0], &[0.0, 0.5, -2.0, 1.0]]),
            vec![0.0, 1.0, 0.0],
            Activation::identity(),
        ),
    ];
    let network = Network::new(layers, None).unwrap();
    let (of, expected) = (Of::Pair(0, 2), 1.125f64.hypot(15.125));
    for local in [true, false] {
        let region = if local { square(1.0, 2) } else { Region::Everywhere };
        let asked = (&region, Norm::Two, of);
        let settings = ChainSearchSettings { relative_gap: 1e-9, ..Default::default() };
        let found = match local {
            true => chain_local(&network, asked, None, known(&network, Norm::Two, of), &settings, &mut go_on),
            false => chain_exact(&network, asked, None, known(&network, Norm::Two, of), &settings, &mut go_on),
        }
        .unwrap();
        assert!(found.closed && (found.upper_bound - expected).abs() < 1e-7, "{found:?} {expected}");
    }
}

/// A smooth chain whose constant over an interval is known: cos is steepest where the sine is 1.
#[test]
fn a_sine_has_its_steepest_slope_over_an_interval() {
    let one = |w: f64| Mat::from_fn(1, 1, |_, _| w);
    let hidden = Layer::new(one(1.0), vec![0.0], "sincos".parse().unwrap());
    let last = Layer::new(Mat::from_fn(1, 2, |_, k| 1.0 - k as f64), vec![0.0], Activation::identity());
    let network = Network::new(vec![hidden, last], None).unwrap();
    for (low, high, expected) in [(0.5, 1.0, 0.5f64.cos()), (-0.5, 1.0, 1.0), (1.4, 1.5, 1.4f64.cos())] {
        let region = Region::Box { lower: vec![low], upper: vec![high] };
        let asked = (&region, Norm::Two, Of::All);
        let local = chain_local(&network, asked, None, 2.0, &Default::default(), &mut go_on).unwrap();
        assert!(local.closed && local.upper_bound >= expected && local.upper_bound < expected + 3e-6, "{local:?}");
    }
}

#[test]
fn what_is_stopped_is_still_true() {
    let mut random = Pcg64::seed_from_u64(5);
    let network = chain(&[3, 8, 8, 2], &["relu"], 1.0, false, &mut random);
    let known = known(&network, Norm::Two, Of::All);
    let region = square(2.0, 3);
    let mut before = f64::INFINITY;
    for nodes in [1, 10, 100, 1000] {
        let settings = ChainSearchSettings { nodes, relative_gap: 1e-9, ..Default::default() };
        let asked = (&region, Norm::Two, Of::All);
        let local = chain_local(&network, asked, None, known, &settings, &mut go_on).unwrap();
        let exact = chain_exact(&network, asked, None, known, &settings, &mut go_on).unwrap();
        assert!(local.lower_bound <= exact.upper_bound && exact.lower_bound <= local.upper_bound);
        assert!(exact.upper_bound <= before && exact.explored <= nodes + 1);
        before = exact.upper_bound;
        // The same again.
        assert_eq!(chain_local(&network, asked, None, known, &settings, &mut go_on).unwrap(), local);
        assert_eq!(chain_exact(&network, asked, None, known, &settings, &mut go_on).unwrap(), exact);
        let stopped = Stop::when(|| true);
        let none = stopped.during(|| chain_exact(&network, asked, None, known, &settings, &mut go_on)).unwrap();
        assert_eq!((none.upper_bound, none.explored, none.closed), (known, 0, false));
        let none = stopped.during(|| chain_local(&network, asked, None, known, &settings, &mut go_on)).unwrap();
        assert_eq!((none.upper_bound, none.explored, none.closed), (known, 0, false));
        let mut asked_once = 0;
        let broken = chain_exact(&network, asked, None, known, &settings, &mut |_| {
            asked_once += 1;
            ControlFlow::Break(())
        });
        assert!(broken.unwrap().explored <= 1 && asked_once <= 1);
    }
}

/// Stopped after any number of questions.
#[test]
fn what_is_stopped_at_any_question_is_true() {
    let mut random = Pcg64::seed_from_u64(7);
    let network = chain(&[3, 5, 4, 2], &["relu", "maxmin"], 1.0, false, &mut random);
    for norm in NORMS {
        let known = known(&network, norm, Of::All);
        let settings = ChainSearchSettings { relative_gap: 1e-9, nodes: 3000, ..Default::default() };
        for region in [square(2.0, 3), Region::Ball { center: vec![0.1; 3], radius: 1.0, norm }] {
            let asked = (&region, norm, Of::All);
            let whole = chain_exact(&network, asked, None, known, &settings, &mut go_on).unwrap();
            assert!(whole.closed, "{whole:?}");
            for after in [0, 1, 3, 10, 40, 200, 3000] {
                for local in [true, false] {
                    let count = AtomicUsize::new(0);
                    let stop = Stop::when(move || count.fetch_add(1, Ordering::Relaxed) >= after);
                    let told = stop.during(|| match local {
                        true => chain_local(&network, asked, None, known, &settings, &mut go_on),
                        false => chain_exact(&network, asked, None, known, &settings, &mut go_on),
                    });
                    let told = told.unwrap();
                    check(&network, asked, &told, known);
                    assert!(told.upper_bound >= whole.lower_bound && told.lower_bound <= whole.upper_bound, "{told:?}");
                }
            }
        }
    }
}

#[test]
fn small_networks_close_everywhere() {
    for (seed, names) in
        [(1, &["relu"][..]), (2, &["abs"]), (3, &["maxmin"]), (4, &["crelu"]), (5, &["leaky-relu:0.1"])]
    {
        let mut random = Pcg64::seed_from_u64(seed);
        let network = chain(&[3, 5, 4, 2], names, 1.0, false, &mut random);
        for norm in NORMS {
            let known = known(&network, norm, Of::All);
            let settings = ChainSearchSettings { relative_gap: 1e-9, ..Default::default() };
            let asked = (&Region::Everywhere, norm, Of::All);
            let exact = chain_exact(&network, asked, None, known, &settings, &mut go_on).unwrap();
            println!("{names:?} {norm:?}: {} nodes, {} undecided, {exact:?}", exact.explored, exact.undecided);
            assert!(exact.closed, "{names:?} {norm:?} {exact:?}");
        }
    }
}

#[test]
fn what_cannot_be_asked_is_told() {
    let mut random = Pcg64::seed_from_u64(6);
    let network = chain(&[2, 3, 2], &["relu"], 1.0, false, &mut random);
    let smooth = chain(&[2, 3, 2], &["tanh"], 1.0, false, &mut random);
    let usual = ChainSearchSettings::default();
    let told = |network: &Network, region: &Region, of: Of, settings: &ChainSearchSettings, local: bool| {
        let asked = (region, Norm::Two, of);
        match local {
            true => chain_local(network, asked, None, 9.0, settings, &mut go_on),
            false => chain_exact(network, asked, None, 9.0, settings, &mut go_on),
        }
        .unwrap_err()
        .what
    };
    let ball = |center: Vec<f64>, radius: f64| Region::Ball { center, radius, norm: Norm::Two };
    for local in [true, false] {
        let told = |region: &Region| told(&network, region, Of::All, &usual, local);
        assert!(told(&square(1.0, 3)).contains("3 entries"));
        assert!(told(&ball(vec![0.0, f64::NAN], 1.0)).contains("NaN"));
        assert!(told(&ball(vec![0.0; 2], -1.0)).contains("radius is -1"));
        assert!(told(&ball(vec![0.0; 2], f64::NAN)).contains("radius is NaN"));
        assert!(
            told(&Region::Box { lower: vec![0.0, 1.0], upper: vec![1.0, 0.0] }).contains("side 1 runs from 1 to 0")
        );
        assert!(told(&Region::Box { lower: vec![f64::NEG_INFINITY; 2], upper: vec![1.0; 2] }).contains("side 0"));
    }
    assert!(told(&network, &Region::Everywhere, Of::All, &usual, true).contains("all of space"));
    assert!(told(&network, &square(1.0, 2), Of::Pair(1, 1), &usual, true).contains("2 outputs"));
    assert!(told(&network, &square(1.0, 2), Of::Output(2), &usual, false).contains("2 outputs"));
    assert!(told(&smooth, &Region::Everywhere, Of::All, &usual, false).contains("`tanh` change smoothly"));
    assert!(told(&network, &ball(vec![1e308; 2], 1.7e308), Of::All, &usual, true).contains("no doubles"));
    let gap = ChainSearchSettings { relative_gap: f64::NAN, ..usual };
    assert!(told(&network, &square(1.0, 2), Of::All, &gap, true).contains("gap of the search is NaN"));
    let asked = (&square(1.0, 2), Norm::Two, Of::All);
    for known in [f64::NAN, -1.0] {
        let wrong = chain_local(&network, asked, None, known, &usual, &mut go_on).unwrap_err();
        assert!(wrong.what.contains("bound that is known"), "{wrong:?}");
    }
    let rows = Mat::zeros(4, 5);
    let asked = (&square(1.0, 2), Norm::Two, Of::All);
    let wrong = chain_local(&network, asked, Some(rows.as_ref()), 9.0, &usual, &mut go_on).unwrap_err();
    assert!(wrong.what.contains("5 columns"), "{wrong:?}");
    let start = JacobianFound { value: 1.0, point: vec![0.0; 3], direction: vec![0.0; 3] };
    let wrong = chain_exact(&network, asked, Some(&start), 9.0, &usual, &mut go_on).unwrap_err();
    assert!(wrong.what.contains("3 entries"), "{wrong:?}");
}
