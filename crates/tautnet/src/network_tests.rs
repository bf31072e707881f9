use super::*;
use crate::activation::ALL;
use proptest::prelude::*;

fn drawn(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// A network of these widths and activations; the last width is that of the outputs.
fn network(seed: u64, inputs: usize, hidden: &[(usize, &str)], outputs: usize, linear: bool) -> Network {
    let mut number = drawn(seed);
    let (mut layers, mut width) = (Vec::new(), inputs);
    for &(units, activation) in hidden.iter().chain([&(outputs, "identity")]) {
        let weights = Mat::from_fn(units, width, |_, _| number());
        let layer = Layer::new(weights, (0..units).map(|_| number()).collect(), activation.parse().unwrap());
        width = layer.outputs();
        layers.push(layer);
    }
    Network::new(layers, linear.then(|| Mat::from_fn(outputs, inputs, |_, _| number()))).unwrap()
}

#[test]
fn values_are_those_of_the_definition() {
    let first = Layer::new(Mat::from_fn(1, 2, |_, k| [2.0, -1.0][k]), vec![0.5], "crelu".parse().unwrap());
    let second =
        Layer::new(Mat::from_fn(2, 2, |i, k| [[1.0, 3.0], [0.0, -2.0]][i][k]), vec![1.0, 0.0], Activation::identity());
    let network =
        Network::new(vec![first, second], Some(Mat::from_fn(2, 2, |j, k| [[10.0, 0.0], [0.0, 100.0]][j][k]))).unwrap();
    // h = 2·1 − 4 + 0.5 = −1.5: crelu gives (0, 1.5).
    assert_eq!(network.values(&[1.0, 4.0]), [1.0 + 4.5 + 10.0, -3.0 + 400.0]);
    assert_eq!(network.predict(Mat::from_fn(1, 2, |_, k| [1.0, 4.0][k]).as_ref())[(0, 1)], 397.0);
    let jacobian = network.jacobian(&[1.0, 4.0]);
    // The second branch has the slope −1, and the weights 3 and −2.
    let due = [[-6.0 + 10.0, 3.0], [4.0, -2.0 + 100.0]];
    assert!((0..2).all(|j| (0..2).all(|k| jacobian[(j, k)] == due[j][k])), "{jacobian:?}");
    assert_eq!(network.numbers(), [2.0, -1.0, 0.5, 1.0, 3.0, 0.0, -2.0, 1.0, 0.0, 10.0, 0.0, 0.0, 100.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is predicted for a network is, to the last bit, what is predicted for its shallow form, and it comes back.
    #[test]
    fn shallow_networks_go_there_and_back(seed in any::<u64>(), m in 1usize..9, d in 1usize..5, linear in any::<bool>()) {
        let network = network(seed, d, &[(m, "relu")], 1, linear);
        let shallow = network.one_output("a test").unwrap();
        prop_assert_eq!(&Network::from(&shallow), &network);
        let mut number = drawn(seed ^ 1);
        for _ in 0..20 {
            let x: Vec<f64> = (0..d).map(|_| number()).collect();
            prop_assert_eq!(network.values(&x)[0].to_bits(), shallow.value(&x).to_bits());
            let (jacobian, gradient) = (network.jacobian(&x), shallow.gradient(&x));
            prop_assert!((0..d).all(|k| (jacobian[(0, k)] - gradient[k]).abs() < 1e-12));
        }
        let mut with_zeros = vec![0.0; d];
        with_zeros[0] = -0.0;
        prop_assert_eq!(network.values(&with_zeros)[0].to_bits(), shallow.value(&with_zeros).to_bits());
    }

    /// The Jacobian is the derivative, for every activation and depth.
    #[test]
    fn the_jacobian_is_the_derivative(seed in any::<u64>(), linear in any::<bool>()) {
        let names: Vec<String> = ALL.iter().map(|entry| entry.example()).collect();
        let all: Vec<(usize, &str)> = names.iter().map(|name| (4, name.as_str())).collect();
        for hidden in all.iter().map(|&one| vec![one]).chain([all.clone(), Vec::new()]) {
            let network = network(seed, 3, &hidden, 2, linear);
            let mut number = drawn(seed ^ 2);
            let x: Vec<f64> = (0..3).map(|_| number()).collect();
            let (jacobian, step) = (network.jacobian(&x), 1e-6);
            for k in 0..3 {
                let at = |step: f64| {
                    let mut x = x.clone();
                    x[k] += step;
                    network.values(&x)
                };
                let (low, middle, high) = (at(-step), at(0.0), at(step));
                for j in 0..2 {
                    let sides = [(middle[j] - low[j]) / step, (high[j] - middle[j]) / step];
                    // Near a kink the two sides differ.
                    prop_assume!((sides[0] - sides[1]).abs() < 1e-4);
                    prop_assert!((jacobian[(j, k)] - 0.5 * (sides[0] + sides[1])).abs() < 1e-4);
                }
            }
        }
    }

    /// A network rewritten with relu units is the same function: to the last bit of every weight where it says so.
    #[test]
    fn piecewise_linear_units_are_relu_units(seed in any::<u64>(), outputs in 1usize..3, linear in any::<bool>()) {
        for (name, exact) in [("abs", true), ("crelu", true), ("relu", true), ("leaky-relu:0.3", false), ("identity", false)] {
            let network = network(seed, 2, &[(4, name)], outputs, linear);
            let rewritten = network.in_relu_units("a test").unwrap();
            prop_assert_eq!(rewritten.exact, exact, "{}", name);
            let shallow = rewritten.network.shallow("a test").unwrap();
            prop_assert_eq!(shallow.outputs(), outputs);
            let mut number = drawn(seed ^ 3);
            for _ in 0..10 {
                let x = [3.0 * number(), 3.0 * number()];
                for (one, other) in network.values(&x).iter().zip(rewritten.network.values(&x)) {
                    prop_assert!((one - other).abs() < 1e-12, "{name}: {one} {other}");
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let layer = |units: usize, inputs: usize, name: &str| {
        Layer::new(Mat::full(units, inputs, 1.0), vec![0.0; units], name.parse().unwrap())
    };
    let nan = Layer::new(Mat::from_fn(1, 2, |_, k| [1.0, f64::NAN][k]), vec![0.0], Activation::identity());
    let infinite = Layer::new(Mat::full(1, 2, 1.0), vec![f64::INFINITY], Activation::identity());
    let short = Layer::new(Mat::full(2, 2, 1.0), vec![0.0], Activation::identity());
    for (layers, linear, what) in [
        (vec![], None, "no layer"),
        (vec![layer(0, 2, "identity")], None, "layer 1 has 0 units and 2 inputs"),
        (vec![short], None, "layer 1 has 1 biases for 2 units"),
        (
            vec![layer(3, 2, "relu"), layer(1, 2, "identity")],
            None,
            "layer 2 takes 2 inputs, and layer 1 (3 units, relu) hands on 3",
        ),
        (vec![layer(3, 2, "crelu"), layer(1, 3, "identity")], None, "(3 units, crelu) hands on 6"),
        (vec![layer(1, 2, "relu")], None, "the last layer's activation is relu"),
        (vec![layer(1, 2, "identity")], Some((2, 2)), "the linear part is 2 × 2 for 1 outputs and 2 inputs"),
        (vec![nan], None, "layers[0].weights[0][1] is NaN"),
        (vec![infinite], None, "layers[0].bias[0] is inf"),
    ] {
        let linear = linear.map(|(rows, columns)| Mat::full(rows, columns, 1.0));
        let error = Network::new(layers, linear).unwrap_err();
        assert!(error.what.contains(what), "{error:?}");
    }
    let linear = Some(Mat::full(1, 2, f64::NEG_INFINITY));
    let error = Network::new(vec![layer(1, 2, "identity")], linear).unwrap_err();
    assert!(error.what.contains("linear[0][0] is -inf"), "{error:?}");
}

#[test]
fn what_theory_does_not_cover_is_said_in_words() {
    let refused =
        |hidden: &[(usize, &str)], outputs| network(1, 2, hidden, outputs, false).one_output("`certify`").unwrap_err();
    let error = refused(&[(64, "leaky-relu"), (32, "leaky-relu")], 1);
    assert_eq!(
        error.what,
        "`certify` takes networks with one hidden layer of relu units; this one has two hidden layers of 64 and 32 units, \
         leaky-relu:0.01"
    );
    assert!(error.hint.contains("⟨every_network⟩"), "{error:?}");
    let error = refused(&[(3, "abs")], 1);
    assert!(
        error.what.ends_with("one hidden layer of 3 units, abs") && error.hint.contains("⟨relu_units⟩"),
        "{error:?}"
    );
    let error = refused(&[(3, "relu")], 4);
    assert!(
        error.what.contains("with one output; this one has one hidden layer of 3 units, relu, 4 outputs"),
        "{error:?}"
    );
    assert!(error.hint.contains("for each output"), "{error:?}");
    let error = refused(&[(3, "abs")], 2);
    assert!(error.what.contains("with one hidden layer of relu units and one output; this one has"), "{error:?}");
    assert!(error.hint.contains("for each output") && error.hint.contains("⟨relu_units⟩"), "{error:?}");
    let error = refused(&[(3, "sincos")], 2);
    assert!(error.hint.contains("for each output") && !error.hint.contains("⟨relu_units⟩"), "{error:?}");
    assert!(refused(&[(3, "sincos")], 1).hint.contains("one hidden layer of relu units"));
    let error = network(1, 2, &[(3, "relu"), (3, "abs")], 1, true).in_relu_units("`polish`").unwrap_err();
    assert!(error.what.contains("two hidden layers of 3 units each, relu and abs, a linear part"), "{error:?}");
    assert_eq!(network(1, 2, &[], 1, false).described(), "no hidden layer");
}

#[test]
fn an_affine_map_is_a_linear_part() {
    let network = network(5, 3, &[], 2, true);
    let shallow = network.shallow("a test").unwrap();
    assert_eq!((shallow.units(), shallow.outputs()), (1, 2));
    let x = [0.3, -0.7, 0.2];
    for j in 0..2 {
        assert!((shallow.output(j).value(&x) - network.values(&x)[j]).abs() < 1e-15);
    }
}

#[test]
fn layers_of_the_identity_are_multiplied_out() {
    let network = network(7, 3, &[(4, "identity"), (5, "relu"), (3, "identity"), (2, "identity")], 2, true);
    let merged = network.clone().merged().unwrap();
    assert_eq!(merged.described(), "one hidden layer of 5 units, relu, 2 outputs, a linear part");
    let x = [0.3, -0.7, 0.2];
    for (one, other) in network.values(&x).iter().zip(merged.values(&x)) {
        assert!((one - other).abs() < 1e-14);
    }
}
