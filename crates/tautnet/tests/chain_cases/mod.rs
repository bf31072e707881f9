//! Random networks of several layers with their certificates, as issued and tampered with in every field.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::{Value, json};
use tautnet::certify::{ChainLipsdpSettings, Of, chain_certificate, verify_chain, with_chain_lipsdp};
use tautnet::network::Layer;
use tautnet::random::normal;
use tautnet::{Activation, Network, Norm, Scaler, activation};

/// A certificate about a network, and what was done to it.
pub struct Case {
    /// The network.
    pub network: Network,
    /// The file.
    pub bytes: Vec<u8>,
    /// What was changed, if anything.
    pub tampering: Option<String>,
}

impl Case {
    /// The verifier's verdict.
    pub fn accepted(&self) -> bool {
        verify_chain(&self.bytes, &self.network).is_ok()
    }

    /// The case for other programs.
    #[allow(dead_code, reason = "each file that shares this module uses a part of it")]
    pub fn line(&self) -> Value {
        let rows = |matrix: &Mat<f64>| -> Vec<Vec<f64>> {
            (0..matrix.nrows()).map(|i| (0..matrix.ncols()).map(|k| matrix[(i, k)]).collect()).collect()
        };
        let layer = |layer: &Layer| json!({"weights": rows(layer.weights()), "bias": layer.bias(), "activation": layer.activation().name()});
        json!({
            "network": {"layers": self.network.layers().iter().map(layer).collect::<Value>(), "linear": self.network.linear().map(rows)},
            "certificate": String::from_utf8_lossy(&self.bytes),
            "tampering": self.tampering,
            "accepted": self.accepted(),
        })
    }
}

/// Small networks at several scales, with all norms, each certificate as issued and after each kind of damage.
pub fn cases(seed: u64, networks: usize) -> impl Iterator<Item = Case> {
    let mut random = Pcg64::seed_from_u64(seed);
    (0..networks).flat_map(move |_| {
        let (network, norm, scaler) = drawn(&mut random);
        let mut issued = chain_certificate(&network, norm, scaler.as_ref()).expect("moderate weights have bounds");
        if norm == Norm::Two {
            let parts = [Of::All, Of::Output(0)];
            let settings = ChainLipsdpSettings::default();
            (issued, _) = with_chain_lipsdp(&network, issued, &parts, &settings, &mut |_| ()).expect("the norm is 2");
        }
        let issued = issued.to_bytes();
        let value: Value = serde_json::from_slice(&issued).expect("it is JSON");
        let mut all = vec![Case { network: network.clone(), bytes: issued, tampering: None }];
        for (name, tampered) in tampered(&value) {
            let bytes = serde_json::to_vec(&tampered).expect("it is JSON");
            all.push(Case { network: network.clone(), bytes, tampering: Some(name) });
        }
        all
    })
}

fn drawn(random: &mut Pcg64) -> (Network, Norm, Option<Scaler>) {
    let inputs = random.random_range(1..5);
    let scale = 10f64.powi([0, 0, 0, -40, 40][random.random_range(0..5)]);
    let depth = random.random_range(1..5);
    let mut layers: Vec<Layer> = Vec::new();
    for l in 0..depth {
        let width = layers.last().map_or(inputs, Layer::outputs);
        let drawn = random.random_range(1..5);
        let name = activation::ALL[random.random_range(0..activation::ALL.len())].example();
        let last = l + 1 == depth;
        let activation: Activation = if last { Activation::identity() } else { name.parse().expect("it is one") };
        let units = drawn * activation.group();
        // Never 0, so that every tampering below makes a claim that is false.
        let mut draw = || scale * (normal(random) + 0.01);
        let weights = Mat::from_fn(units, width, |_, _| draw());
        let bias = (0..units).map(|_| draw()).collect();
        layers.push(Layer::new(weights, bias, activation));
    }
    let outputs = layers[depth - 1].units();
    let linear = random.random_bool(0.3).then(|| Mat::from_fn(outputs, inputs, |_, _| scale * (normal(random) + 0.01)));
    let network = Network::new(layers, linear).expect("the parts fit");
    let norm = [Norm::Two, Norm::Infinity, Norm::One][random.random_range(0..3)];
    let scaler = random.random_bool(0.4).then(|| {
        let mut scaler = Scaler::identity(inputs);
        scaler.input_scale.iter_mut().for_each(|scale| *scale = 10f64.powf(normal(random)));
        scaler.input_mean.iter_mut().for_each(|mean| *mean = normal(random));
        scaler.target_scale = 10f64.powf(normal(random));
        scaler
    });
    (network, norm, scaler)
}

/// Every kind of damage that leaves a claim which is false, or no claim.
fn tampered(issued: &Value) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = Vec::new();
    let mut with = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut value = issued.clone();
        change(&mut value);
        if value != *issued {
            all.push((name.to_owned(), value));
        }
    };
    with("format", &|file| file["format"] = json!("tautnet certificate"));
    with("version", &|file| file["version"] = json!(3));
    with("network", &|file| file["network"] = json!("0".repeat(64)));
    with("norm unknown", &|file| file["norm"] = json!("3"));
    with("a field more", &|file| file["more"] = json!(0));
    with("raw alone", &|file| file["scaler"] = Value::Null);
    for claim in ["standardized", "raw"] {
        if issued[claim].is_null() {
            continue;
        }
        let lower = |value: &mut Value| *value = json!(value.as_f64().expect("a number") * (1.0 - 1e-6));
        let layers = issued[claim]["layers"].as_array().expect("a list").len();
        for l in 0..layers {
            with(&format!("{claim}: norm of a layer lower"), &|file| lower(&mut file[claim]["layers"][l]));
        }
        with(&format!("{claim}: bound lower"), &|file| lower(&mut file[claim]["bound"]));
        with(&format!("{claim}: output lower"), &|file| lower(&mut file[claim]["outputs"][0]));
        with(&format!("{claim}: bound negative"), &|file| file[claim]["bound"] = json!(-1.0));
        with(&format!("{claim}: a layer less"), &|file| drop(file[claim]["layers"].as_array_mut().map(Vec::pop)));
        with(&format!("{claim}: an output less"), &|file| drop(file[claim]["outputs"].as_array_mut().map(Vec::pop)));
        with(&format!("{claim}: a bound is text"), &|file| file[claim]["bound"] = json!("1"));
        with(&format!("{claim}: none"), &|file| file[claim] = Value::Null);
        let proofs = issued[claim]["lipsdp"].as_array().map_or(0, Vec::len);
        for at in 0..proofs {
            let far = |value: &mut Value| *value = json!(value.as_f64().expect("a number") * (1.0 - 1e-4));
            let mut of = |name: &str, change: &dyn Fn(&mut Value)| {
                with(&format!("{claim}: multipliers {at}: {name}"), &|file| change(&mut file[claim]["lipsdp"][at]));
            };
            // Every number of the bound lower; and multipliers that cannot be.
            of("bound lower", &|proof| far(&mut proof["bound"]));
            of("chain lower", &|proof| far(&mut proof["chain"]));
            of("chain 0", &|proof| proof["chain"] = json!(0.0));
            of("both lower", &|proof| ["chain", "bound"].into_iter().for_each(|key| far(&mut proof[key])));
            of("an output that is not there", &|proof| proof["output"] = json!(99));
            of("minus itself", &|proof| (proof["output"], proof["minus"]) = (json!(0), json!(0)));
            of("a field more", &|proof| proof["more"] = json!(0));
            of("a layer less", &|proof| drop(proof["roots"].as_array_mut().map(Vec::pop)));
            for l in 0..layers - 1 {
                of(&format!("a unit less in layer {l}"), &|proof| drop(proof["roots"][l].as_array_mut().map(Vec::pop)));
                let units = issued[claim]["lipsdp"][at]["roots"][l].as_array().expect("a list").len();
                for i in 0..units {
                    of(&format!("root {l} {i} negative"), &|proof| proof["roots"][l][i] = json!(-1.0));
                    of(&format!("root {l} {i} text"), &|proof| proof["roots"][l][i] = json!("1"));
                }
            }
        }
        if issued[claim]["pairs"].as_array().is_some_and(|pairs| !pairs.is_empty()) {
            with(&format!("{claim}: pair lower"), &|file| lower(&mut file[claim]["pairs"][0]));
            with(&format!("{claim}: a pair less"), &|file| drop(file[claim]["pairs"].as_array_mut().map(Vec::pop)));
        }
        match issued[claim]["linear"].is_null() {
            true => with(&format!("{claim}: a linear part"), &|file| file[claim]["linear"] = json!(1.0)),
            false => {
                with(&format!("{claim}: linear part lower"), &|file| lower(&mut file[claim]["linear"]));
                with(&format!("{claim}: no linear part"), &|file| file[claim]["linear"] = Value::Null);
            }
        }
    }
    if !issued["scaler"].is_null() {
        let half = |value: &mut Value| *value = json!(value.as_f64().expect("a number") * 0.5);
        with("input scales smaller", &|file| {
            file["scaler"]["x_scale"].as_array_mut().into_iter().flatten().for_each(half);
        });
        with("target scale larger", &|file| {
            let scale = &mut file["scaler"]["y_scale"];
            *scale = json!(scale.as_f64().expect("a number") * 2.0);
        });
        with("input scale negative", &|file| file["scaler"]["x_scale"][0] = json!(-1.0));
        with("a mean less", &|file| drop(file["scaler"]["x_mean"].as_array_mut().map(Vec::pop)));
    }
    all
}
