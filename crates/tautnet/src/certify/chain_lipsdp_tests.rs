//! LipSDP of chains against what must hold of it, against the matrix that it is about, and against another program's answers.

use super::super::chain::tests::random as random_chain;
use super::super::chain_problem::Stretch;
use super::super::chain_start::{onward, start};
use super::super::chain_steps::{Point, derivatives};
use super::super::{
    JacobianSearchSettings, chain_certificate, largest_jacobian_found, lipsdp, trivial_bound, verify_chain,
};
use super::*;
use crate::network::Layer;
use crate::random::normal;
use crate::{Activation, Network, Shallow, activation, scaling};
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;

fn own(network: &Network, of: Of) -> ChainLipsdpBound {
    let linear = trivial_bound(network, Norm::Two).linear;
    let units = Units::standardized(network.inputs());
    chain_lipsdp(network, of, (&units, linear), &ChainLipsdpSettings::default(), &mut |_| ())
}

/// A chain all of whose hidden layers have this activation.
fn of_one_kind(name: &str, widths: &[usize], random: &mut Pcg64) -> Network {
    let mut layers: Vec<Layer> = Vec::new();
    for (l, pair) in widths.windows(2).enumerate() {
        let inputs = layers.last().map_or(pair[0], Layer::outputs);
        let name = if l + 2 == widths.len() { "identity" } else { name };
        let weights = Mat::from_fn(pair[1], inputs, |_, _| normal(random) / (inputs as f64).sqrt());
        layers.push(Layer::new(weights, vec![0.0; pair[1]], name.parse().unwrap()));
    }
    Network::new(layers, None).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Found ≤ LipSDP ≤ greedy, and what the certificate says is below the product, in every system of units; and it verifies.
    #[test]
    fn the_ladder_holds(
        seed in any::<u64>(),
        widths in prop::collection::vec(1usize..7, 2..8),
        exponent in prop::sample::select(vec![-40, -3, 0, 0, 0, 1, 40]),
        linear in any::<bool>(),
    ) {
        let mut generator = Pcg64::seed_from_u64(seed);
        let network = random_chain(&widths, 10f64.powi(exponent), linear, &mut generator);
        let outputs = network.outputs();
        let few = JacobianSearchSettings { starts: 4, rows: 0, climbs: 2, jacobians: 30, seed: 0 };
        let mut parts = vec![Of::All, Of::Output(outputs - 1)];
        if outputs > 1 {
            parts.push(Of::Pair(0, outputs - 1));
        }
        for &of in &parts {
            let found = largest_jacobian_found(&network, Norm::Two, of, None, &few).unwrap();
            let bound = own(&network, of);
            if let (Some(best), Some(greedy)) = (&bound.best, &bound.greedy) {
                prop_assert!(found.value <= best.bound, "{of:?} {} {}", found.value, best.bound);
                prop_assert!(best.bound <= greedy.bound);
            }
            let hidden = no_chain_lipsdp(&network).is_none();
            prop_assert!(!hidden || bound.best.is_some());
        }
        let mut scaler = scaling::Scaler::identity(widths[0]);
        scaler.input_scale.iter_mut().for_each(|scale| *scale = 10f64.powf(normal(&mut generator)));
        scaler.target_scale = 10f64.powf(normal(&mut generator));
        let plain = chain_certificate(&network, Norm::Two, Some(&scaler)).unwrap();
        let product = plain.standardized.bound;
        let (certificate, all) =
            with_chain_lipsdp(&network, plain, &parts, &ChainLipsdpSettings::default(), &mut |_| ()).unwrap();
        for (claim, bound) in [(Some(&certificate.standardized), Some(&all.standardized)), (certificate.raw.as_ref(), all.raw.as_ref())] {
            let (claim, bound) = (claim.unwrap(), bound.unwrap());
            if let Some(greedy) = &bound.greedy {
                prop_assert!(greedy.bound <= claim.bound * (1.0 + 1e-6), "{} {product}", greedy.bound);
            }
            for proof in claim.lipsdp.iter().flatten().filter(|proof| proof.output.is_none()) {
                prop_assert!(proof.bound < claim.bound);
            }
        }
        let verified = verify_chain(&certificate.to_bytes(), &network);
        prop_assert!(verified.is_ok(), "{:?}", verified);
    }

    /// With one hidden layer of relu units and one output it is LipSDP as it has been.
    #[test]
    fn one_hidden_layer_has_the_bound_that_it_had(seed in any::<u64>(), m in 1usize..12, d in 1usize..6) {
        let mut random = Pcg64::seed_from_u64(seed);
        let w = Mat::from_fn(m, d, |_, _| normal(&mut random));
        let v: Vec<f64> = (0..m).map(|_| normal(&mut random)).collect();
        let shallow = Shallow::new(w, vec![0.0; m], v, 0.0).unwrap();
        let known = lipsdp(&shallow, Norm::Two, &mut |_| ControlFlow::Continue(())).unwrap().lipschitz_upper_bound;
        let bound = own(&Network::from(shallow), Of::All).best.unwrap().bound;
        prop_assert!((bound - known).abs() <= 2e-6 * known, "{bound} {known}");
    }

    /// No change of the numbers of a certificate makes the verifier accept a bound that is below LipSDP.
    #[test]
    fn what_is_tampered_with_is_refused(seed in any::<u64>(), less in 1e-4f64..0.5, depth in 1usize..4) {
        let mut random = Pcg64::seed_from_u64(seed);
        let widths: Vec<usize> = [3].into_iter().chain(vec![4; depth]).chain([2]).collect();
        let network = of_one_kind("relu", &widths, &mut random);
        let plain = chain_certificate(&network, Norm::Two, None).unwrap();
        let settings = ChainLipsdpSettings::default();
        let (certificate, _) = with_chain_lipsdp(&network, plain, &[Of::All], &settings, &mut |_| ()).unwrap();
        prop_assert!(certificate.standardized.lipsdp.is_some());
        let changed = |change: &dyn Fn(&mut ChainLipsdp)| {
            let mut changed = certificate.clone();
            change(&mut changed.standardized.lipsdp.as_mut().unwrap()[0]);
            verify_chain(&changed.to_bytes(), &network)
        };
        let factors: Vec<f64> = (0..40).map(|_| (0.5 * normal(&mut random)).exp()).collect();
        prop_assert!(changed(&|_| ()).is_ok());
        prop_assert!(changed(&|proof| proof.bound *= 1.0 - less).is_err());
        prop_assert!(changed(&|proof| proof.chain *= 1.0 - less).is_err());
        // Other multipliers prove nothing that is less.
        let other = changed(&|proof| {
            (proof.chain, proof.bound) = (proof.chain * (1.0 - less), proof.bound * (1.0 - less));
            proof.roots.iter_mut().flatten().zip(&factors).for_each(|(root, factor)| *root *= factor);
        });
        prop_assert!(other.is_err());
        for wrong in [0.0, -1.0, f64::MAX, 1e-300] {
            prop_assert!(changed(&|proof| proof.roots[0][1] = wrong).is_err(), "{wrong}");
            prop_assert!(changed(&|proof| proof.roots.iter_mut().flatten().for_each(|root| *root = wrong)).is_err());
        }
        prop_assert!(changed(&|proof| proof.roots.truncate(depth - 1)).is_err());
        prop_assert!(changed(&|proof| proof.roots[0].push(1.0)).is_err());
        prop_assert!(changed(&|proof| proof.output = Some(2)).is_err());
        prop_assert!(changed(&|proof| (proof.output, proof.minus) = (Some(1), Some(1))).is_err());
        prop_assert!(changed(&|proof| (proof.output, proof.minus) = (None, Some(1))).is_err());
        prop_assert!(changed(&|proof| proof.chain = 0.0).is_err());
        let mut old = certificate.clone();
        old.version = 1;
        prop_assert!(verify_chain(&old.to_bytes(), &network).unwrap_err().to_string().contains("version 2"));
        let mut other_norm = chain_certificate(&network, Norm::One, None).unwrap();
        other_norm = other_norm.with_multipliers(certificate.standardized.lipsdp.clone(), None);
        prop_assert!(verify_chain(&other_norm.to_bytes(), &network).unwrap_err().to_string().contains("norm"));
    }
}

/// The matrix F itself, over Δ and all e, whose determinant and derivatives the recursion finds without it.
fn whole(problem: &Problem, t: &[Vec<f64>], rho: f64) -> (Mat<f64>, Vec<Mat<f64>>) {
    let r = problem.first.ncols();
    let size = r + problem.hidden.iter().map(|h| h.units() * h.kinds).sum::<usize>();
    let (mut f, mut parts) = (Mat::zeros(size, size), Vec::new());
    let mut sums = Mat::from_fn(problem.first.nrows(), size, |i, k| if k < r { problem.first[(i, k)] } else { 0.0 });
    let mut start = r;
    for (l, hidden) in problem.hidden.iter().enumerate() {
        let m = hidden.units();
        for i in 0..m {
            let mut part = Mat::from_fn(size, size, |a, b| -sums[(i, a)] * sums[(i, b)]);
            (0..hidden.kinds).for_each(|k| part[(start + k * m + i, start + k * m + i)] += 1.0);
            f += faer::Scale(t[l][i]) * &part;
            parts.push(part);
        }
        let mut next = dense::multiply(hidden.center.as_ref(), sums.as_ref());
        for a in 0..m * hidden.kinds {
            (0..next.nrows()).for_each(|i| next[(i, start + a)] += hidden.swing[(i, a)]);
        }
        (start, sums) = (start + m * hidden.kinds, next);
    }
    f -= dense::multiply(sums.transpose(), sums.as_ref());
    let inputs = Mat::from_fn(size, size, |i, j| f64::from(u8::from(i == j && i < r)));
    f += faer::Scale(rho) * &inputs;
    parts.push(inputs);
    (f, parts)
}

/// The pass and its derivatives against the whole matrix, its inverse and products of traces.
#[test]
fn the_recursion_is_the_elimination_of_the_whole_matrix() {
    let mut random = Pcg64::seed_from_u64(5);
    for names in [["relu", "abs"], ["crelu", "sincos"], ["sincos", "leaky-relu:0.2"], ["tanh", "identity"]] {
        let mut network = of_one_kind("relu", &[3, 4, 5, 2], &mut random);
        let mut layers: Vec<Layer> = Vec::new();
        for (l, layer) in network.layers().iter().enumerate() {
            let inputs = layers.last().map_or(3, Layer::outputs);
            let activation: Activation = names.get(l).unwrap_or(&"identity").parse().unwrap();
            let weights = Mat::from_fn(layer.units(), inputs, |_, _| normal(&mut random));
            layers.push(Layer::new(weights, vec![0.0; layer.units()], activation));
        }
        network = Network::new(layers, None).unwrap();
        let problem = Problem::new(&network, Of::All, &[1.0; 3]).unwrap();
        let (mut t, start) = greedy(problem.whole(), 1.7).unwrap();
        t.iter_mut().flatten().for_each(|t| *t *= 1.0 + 0.1 * random.random::<f64>());
        let rho = 3.0 * dense::largest_eigenvalue(&start.least).unwrap();
        let point = Point::new(problem.whole(), t.clone(), rho).unwrap();
        let (f, parts) = whole(&problem, &t, rho);
        let mut factor = f.clone();
        assert!(dense::cholesky(&mut factor));
        let expected = -super::super::chain_recursion::log_determinant(&factor);
        assert!((point.barrier() - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{} {expected}", point.barrier());
        let inverse = super::super::chain_recursion::inverse(&factor);
        let (gradient, hessian) = derivatives(problem.whole(), &point).unwrap();
        let products: Vec<Mat<f64>> =
            parts.iter().map(|part| dense::multiply(inverse.as_ref(), part.as_ref())).collect();
        let trace = |a: &Mat<f64>, b: &Mat<f64>| {
            (0..a.nrows()).map(|i| (0..a.nrows()).map(|j| a[(i, j)] * b[(j, i)]).sum::<f64>()).sum::<f64>()
        };
        for (i, a) in products.iter().enumerate() {
            let expected = -(0..a.nrows()).map(|k| a[(k, k)]).sum::<f64>();
            assert!((gradient[i] - expected).abs() < 1e-8 * (1.0 + expected.abs()), "{names:?} {i}");
            for (j, b) in products[..=i].iter().enumerate() {
                let expected = trace(a, b);
                let size = (trace(a, a) * trace(b, b)).sqrt();
                assert!((hessian[(i, j)] - expected).abs() < 1e-8 * size, "{names:?} {i} {j}");
            }
        }
    }
}

/// Of layers before those that are centered only a covariance is left: the derivatives of the others are those of the whole.
#[test]
fn a_stretch_has_the_derivatives_of_the_whole() {
    let mut random = Pcg64::seed_from_u64(11);
    for widths in [[3, 5, 4, 6, 2], [3, 2, 9, 3, 4]] {
        let network = of_one_kind("crelu", &widths, &mut random);
        let problem = Problem::new(&network, Of::All, &[1.0; 3]).unwrap();
        let whole = Stretch { outputs: false, ..problem.whole() };
        let (mut t, rho) = start(problem.whole()).unwrap();
        t.iter_mut().flatten().for_each(|t| *t /= rho);
        let of_whole = derivatives(whole, &Point::new(whole, t.clone(), 1.0).unwrap()).unwrap();
        let factor = onward(whole.first, whole, 0, &t[0]).unwrap();
        let stretch = Stretch { first: &factor, hidden: &problem.hidden[1..], outputs: false };
        let of_part = derivatives(stretch, &Point::new(stretch, t[1..].to_vec(), 1.0).unwrap()).unwrap();
        let (before, count) = (problem.hidden[0].units(), stretch.count());
        for i in 0..count {
            let (here, there) = (of_part.0[i], of_whole.0[before + i]);
            assert!((here - there).abs() <= 1e-8 / t.iter().flatten().nth(before + i).unwrap(), "{here} {there}");
            for j in 0..=i {
                let size = (of_whole.1[(before + i, before + i)] * of_whole.1[(before + j, before + j)]).sqrt();
                let (here, there) = (of_part.1[(i, j)], of_whole.1[(before + i, before + j)]);
                assert!((here - there).abs() <= 1e-8 * size, "{here} {there}");
            }
        }
    }
}

/// Nine of ten networks are solved to a gap of 1e-5, whatever their widths. Where all sums of a layer hang on one number, rounding ends the steps earlier.
#[test]
fn most_networks_are_solved_to_a_small_gap() {
    let mut random = Pcg64::seed_from_u64(13);
    let (mut all, mut solved) = (0, 0);
    for _ in 0..60 {
        let widths: Vec<usize> = (0..random.random_range(3..8)).map(|_| random.random_range(1..7)).collect();
        let network = random_chain(&widths, 1.0, false, &mut random);
        let bound = own(&network, Of::All);
        if bound.best.is_some() {
            all += 1;
            solved += usize::from(bound.gap < 1e-5);
            assert!(bound.gap < 1e-2, "{widths:?} {} {}", bound.gap, bound.steps);
        }
    }
    assert!(all > 20 && 10 * solved >= 9 * all, "{solved} of {all}");
}

/// Networks of many layers are solved to a small gap, far below the greedy bound, and proved.
#[test]
fn many_layers_are_solved_and_proved() {
    let mut random = Pcg64::seed_from_u64(12);
    for (depth, name) in [(24, "relu"), (40, "leaky-relu:0.1"), (16, "tanh")] {
        let widths: Vec<usize> = [3].into_iter().chain(vec![7; depth]).chain([2]).collect();
        let network = of_one_kind(name, &widths, &mut random);
        let bound = own(&network, Of::All);
        let [best, greedy] = [bound.best.unwrap(), bound.greedy.unwrap()];
        assert!(
            bound.gap < 1e-4 && best.bound < 0.3 * greedy.bound,
            "{name} {} {} {}",
            bound.gap,
            best.bound,
            greedy.bound
        );
        let claim = chain_certificate(&network, Norm::Two, None).unwrap().with_multipliers(Some(vec![best]), None);
        assert!(verify_chain(&claim.to_bytes(), &network).is_ok());
    }
}

/// The bound does not change where units are rescaled, and where a layer without an activation is put between two.
#[test]
fn what_does_not_change_the_network_does_not_change_the_bound() {
    let mut random = Pcg64::seed_from_u64(6);
    let network = of_one_kind("relu", &[3, 6, 5, 2], &mut random);
    let bound = own(&network, Of::All).best.unwrap().bound;
    let factors: Vec<f64> = (0..6).map(|_| normal(&mut random).exp()).collect();
    let mut layers = network.layers().to_vec();
    let [first, second] = [0, 1].map(|l| layers[l].weights().clone());
    let relu = Activation::relu;
    layers[0] = Layer::new(Mat::from_fn(6, 3, |i, k| factors[i] * first[(i, k)]), vec![0.0; 6], relu());
    layers[1] = Layer::new(Mat::from_fn(5, 6, |i, k| second[(i, k)] / factors[k]), vec![0.0; 5], relu());
    let turned = own(&Network::new(layers.clone(), None).unwrap(), Of::All).best.unwrap().bound;
    assert!((turned - bound).abs() < 1e-6 * bound, "{turned} {bound}");
    layers.insert(1, Layer::new(Mat::identity(6, 6), vec![0.0; 6], Activation::identity()));
    let longer = own(&Network::new(layers, None).unwrap(), Of::All).best.unwrap().bound;
    assert!((longer - bound).abs() < 1e-6 * bound, "{longer} {bound}");
}

/// Units whose sum or whose weights onward are 0, and layers that are.
#[test]
fn dead_units_do_no_harm() {
    let mut random = Pcg64::seed_from_u64(7);
    for name in ["relu", "abs", "crelu", "sincos", "sine-pair", "tanh"] {
        let network = of_one_kind(name, &[4, 5, 5, 2], &mut random);
        let mut layers = network.layers().to_vec();
        let zeroed = |layer: &Layer, rows: &[usize], columns: &[usize]| {
            let w = layer.weights();
            let entry = |i: usize, k: usize| {
                let gone = rows.contains(&i) || columns.contains(&(k % 5));
                if gone { 0.0 } else { w[(i, k)] }
            };
            Layer::new(Mat::from_fn(w.nrows(), w.ncols(), entry), layer.bias().to_vec(), layer.activation().clone())
        };
        layers[0] = zeroed(&layers[0], &[1], &[]);
        layers[1] = zeroed(&layers[1], &[0, 2], &[3]);
        layers[2] = zeroed(&layers[2], &[1], &[4]);
        let dead = Network::new(layers.clone(), None).unwrap();
        let bound = own(&dead, Of::All);
        assert!(bound.gap < 1e-5, "{name} {bound:?}");
        assert!(bound.best.unwrap().bound <= trivial_bound(&dead, Norm::Two).bound * (1.0 + 1e-9));
        layers[1] = zeroed(&layers[1], &[0, 1, 2, 3, 4], &[]);
        assert_eq!(own(&Network::new(layers, None).unwrap(), Of::All).best, None);
    }
}

/// Where it is time to stop what comes back is still proved.
#[test]
fn a_stopped_search_has_a_proof() {
    let mut random = Pcg64::seed_from_u64(8);
    let network = of_one_kind("relu", &[5, 20, 20, 20, 3], &mut random);
    let whole = own(&network, Of::All).best.unwrap().bound;
    for questions in [3, 10, 40, 100] {
        let left = std::sync::Mutex::new(questions);
        let stop = Stop::when(move || {
            let mut left = left.lock().unwrap();
            *left = (*left - 1).max(0);
            *left == 0
        });
        let bound = stop.during(|| own(&network, Of::All));
        if let Some(best) = bound.best {
            assert!(best.bound >= whole * (1.0 - 1e-6));
            let claim = chain_certificate(&network, Norm::Two, None).unwrap().with_multipliers(Some(vec![best]), None);
            assert!(verify_chain(&claim.to_bytes(), &network).is_ok());
        }
    }
}

/// The sector of the verifier holds the slopes that the activation itself tells, and no more where there is one branch.
#[test]
fn the_sectors_are_those_of_the_activations() {
    for entry in activation::ALL {
        let asked: Activation = entry.example().parse().unwrap();
        let Some(activation) = asked.unit() else {
            assert!(tautnet_verify::evidence::sector(&asked.name()).is_none());
            continue;
        };
        let sector = tautnet_verify::evidence::sector(&asked.name()).expect("it has units");
        for h in (-40..40).map(|i| 0.1 * f64::from(i) + 0.05) {
            // With one e: slope = c + r e, |e| ≤ 1; with several the squares of all e sum to at most 1.
            let slopes: Vec<f64> = (0..activation.branches()).map(|branch| activation.slope(h, branch)).collect();
            let mut square = 0.0;
            for swing in &sector.swings {
                let at = swing.iter().position(|r| *r != 0.0).unwrap();
                let e = (slopes[at] - sector.center[at]) / swing[at];
                square += e * e;
                if sector.swings.len() == 1 {
                    for (branch, slope) in slopes.iter().enumerate() {
                        assert!((sector.center[branch] + swing[branch] * e - slope).abs() < 1e-12);
                    }
                }
            }
            assert!(square <= 1.0 + 1e-12, "{asked} {h}");
        }
    }
}

/// What is asked wrongly, and networks of which there is nothing to say.
#[test]
fn what_there_is_not_is_said() {
    let mut random = Pcg64::seed_from_u64(9);
    let network = of_one_kind("relu", &[3, 4, 2], &mut random);
    let settings = ChainLipsdpSettings::default();
    let of_norm = |norm| chain_certificate(&network, norm, None).unwrap();
    let error = with_chain_lipsdp(&network, of_norm(Norm::One), &[], &settings, &mut |_| ()).unwrap_err();
    assert!(error.what.contains("norm 1"), "{error:?}");
    for part in [Of::Output(2), Of::Pair(0, 0), Of::Pair(0, 2)] {
        let error = with_chain_lipsdp(&network, of_norm(Norm::Two), &[part], &settings, &mut |_| ()).unwrap_err();
        assert!(error.what.contains("2 outputs"), "{error:?}");
    }
    assert_eq!(no_chain_lipsdp(&network), None);
    let plain = of_one_kind("identity", &[3, 4, 2], &mut random);
    assert!(no_chain_lipsdp(&plain).unwrap().contains("no hidden layer"));
    assert_eq!(own(&plain, Of::All).best, None);
}

/// A network of the size that is asked of the command line: the proof is as tight as the program.
#[test]
fn five_layers_of_forty_units_are_solved_and_proved() {
    let mut random = Pcg64::seed_from_u64(10);
    let network = of_one_kind("relu", &[4, 40, 40, 40, 40, 40, 1], &mut random);
    let bound = own(&network, Of::All);
    let [best, greedy] = [bound.best.unwrap().bound, bound.greedy.unwrap().bound];
    assert!(bound.gap < 1e-4 && best < 0.9 * greedy, "{best} {greedy} {}", bound.gap);
    assert!(greedy < trivial_bound(&network, Norm::Two).bound);
}
