//! Random small networks with certificates, whole and tampered with: for the tests here, and for the example that
//! writes them to a folder so that the exact checker in Python can judge the same ones.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tautnet::certify::{Approximation, fingerprint, issue};
use tautnet::shallow::Parts;
use tautnet::{Norm, Shallow};
use tautnet_verify::{Certificate, Claim, Scaler};

/// A file given to the verifier, and whether it must accept it.
pub struct Case {
    pub network: Shallow,
    pub bytes: Vec<u8>,
    /// What was done to the certificate; `None` for one as issued, which must be accepted. All others must not.
    pub tampering: Option<&'static str>,
}

/// Networks that a reader would draw, and those that break things: zeros, whole numbers, repeated and opposite units,
/// scales far apart.
pub fn random_network(random: &mut Pcg64) -> Shallow {
    let (m, d) = (random.random_range(1..=6), random.random_range(1..=4));
    let kind = random.random_range(0..6);
    let mut weight = |spread: f64| -> f64 {
        match kind {
            0 => f64::from(random.random_range(-2..=2i32)),
            1 if random.random_range(0..3) == 0 => 0.0,
            2 => random.random_range(-1.0..1.0) * f64::exp2(random.random_range(-spread..spread)),
            _ => random.random_range(-1.0..1.0),
        }
    };
    let mut w = Mat::from_fn(m, d, |_, _| weight(40.0));
    let b = (0..m).map(|_| weight(5.0)).collect();
    let mut v: Vec<f64> = (0..m).map(|_| weight(40.0)).collect();
    let c = weight(5.0);
    if kind == 3 && m > 1 {
        for k in 0..d {
            w[(1, k)] = w[(0, k)];
        }
        v[1] = -v[0];
    }
    // Half of them have a linear part, some of it 0.
    let a = (random.random_range(0..2) == 0).then(|| {
        (0..d).map(|_| if random.random_range(0..4) == 0 { 0.0 } else { random.random_range(-2.0..2.0) }).collect()
    });
    Shallow::with_linear(w, b, v, c, a).expect("the weights are finite")
}

pub fn random_scaler(random: &mut Pcg64, inputs: usize) -> Scaler {
    let mut scale = || f64::exp2(random.random_range(-12.0..12.0));
    let x_scale = (0..inputs).map(|_| scale()).collect();
    let y_scale = scale();
    Scaler { x_mean: (0..inputs).map(|_| scale()).collect(), x_scale, y_mean: -scale(), y_scale }
}

/// Multipliers of every quality, from noise to the norms of the units.
fn random_approximation(random: &mut Pcg64, network: &Shallow) -> Approximation {
    let quality = random.random_range(0..3);
    let mut value = |good: f64| match quality {
        0 => random.random_range(-0.1..1.0),
        1 => good * random.random_range(0.5..2.0),
        _ => good,
    };
    let (m, d) = (network.units(), network.inputs());
    let norm = |i: usize| (0..d).map(|k| network.w()[(i, k)].powi(2)).sum::<f64>().sqrt();
    Approximation {
        multipliers: (0..m).map(|i| value(network.v()[i].abs() * norm(i))).collect(),
        input_weights: (random.random_range(0..2) == 0)
            .then(|| (0..d).map(|_| random.random_range(0.0..1.0)).collect()),
    }
}

/// A certificate as issued.
pub fn random_certificate(random: &mut Pcg64) -> (Shallow, Certificate) {
    let network = random_network(random);
    let norm = [Norm::One, Norm::Two, Norm::Two, Norm::Infinity, Norm::Infinity][random.random_range(0..5)];
    let scaler = (random.random_range(0..2) == 0).then(|| random_scaler(random, network.inputs()));
    let standardized = (random.random_range(0..3) > 0).then(|| random_approximation(random, &network));
    let raw = (random.random_range(0..3) == 0).then(|| random_approximation(random, &network));
    let certificate = issue(&network, norm, standardized.as_ref(), scaler.as_ref(), raw.as_ref())
        .expect("a small network has a certificate");
    (network, certificate)
}

/// Every network's certificate as issued, and then tampered with in every way that applies.
pub fn cases(seed: u64, networks: usize) -> impl Iterator<Item = Case> {
    let mut random = Pcg64::seed_from_u64(seed);
    (0..networks).flat_map(move |_| {
        let (network, certificate) = random_certificate(&mut random);
        let mut list = vec![Case { network: network.clone(), bytes: certificate.to_json(), tampering: None }];
        list.extend(tampered(&network, &certificate, &mut random));
        list
    })
}

/// A relative change that exceeds the slack of every small certificate.
const BEYOND_SLACK: f64 = 1e-11;

fn tampered(network: &Shallow, certificate: &Certificate, random: &mut Pcg64) -> Vec<Case> {
    let mut list = Vec::new();
    let mut edit = |what: &'static str, change: &dyn Fn(&mut Certificate)| {
        let mut edited = certificate.clone();
        change(&mut edited);
        if edited != *certificate {
            list.push(Case { network: network.clone(), bytes: edited.to_json(), tampering: Some(what) });
        }
    };
    let lower = |x: &mut f64| *x *= 1.0 - BEYOND_SLACK;
    edit("bound lowered", &|c| lower(&mut c.standardized.bound));
    edit("bound zero", &|c| c.standardized.bound = 0.0);
    edit("bound negative", &|c| c.standardized.bound = -c.standardized.bound - 1.0);
    let k = random.random_range(0..network.inputs());
    let i = random.random_range(0..network.units());
    edit("sensitivity one unit in the last place lower", &|c| {
        c.standardized.sensitivities[k] = c.standardized.sensitivities[k].next_down();
    });
    edit("sensitivity lowered", &|c| lower(&mut c.standardized.sensitivities[k]));
    edit("sensitivity missing", &|c| c.standardized.sensitivities.truncate(network.inputs() - 1));
    edit("multiplier extra", &|c| c.standardized.multipliers.push(0.0));
    edit("multiplier missing", &|c| c.standardized.multipliers.truncate(network.units() - 1));
    edit("multiplier negative", &|c| {
        if let Some(l) = c.standardized.multipliers.get_mut(i) {
            *l = -*l - 1.0;
        }
    });
    edit("multiplier zero or not zero", &|c| {
        if let Some(l) = c.standardized.multipliers.get_mut(i) {
            *l = if *l == 0.0 { 1.0 } else { 0.0 };
        }
    });
    // Where the linear part decides, the multipliers of small units may be anything.
    if network.a().is_none() {
        edit("multipliers quartered", &|c| c.standardized.multipliers.iter_mut().for_each(|l| *l *= 0.25));
        edit("multipliers quadrupled", &|c| c.standardized.multipliers.iter_mut().for_each(|l| *l *= 4.0));
    }
    edit("input weights raised", &|c| {
        c.standardized.input_weights.iter_mut().flatten().for_each(|r| *r *= 1.0 + BEYOND_SLACK);
    });
    edit("input weight extra", &|c| c.standardized.input_weights.get_or_insert_default().push(1.0));
    edit("input weights gone", &|c| c.standardized.input_weights = None);
    edit("version", &|c| c.version += 1);
    edit("version 1", &|c| c.version = 1);
    edit("format", &|c| c.format.push('s'));
    edit("fingerprint", &|c| c.network = c.network.replace(|digit: char| digit.is_ascii_digit(), "a"));
    edit("raw gone", &|c| c.raw = None);
    edit("scaler gone", &|c| c.scaler = None);
    edit("raw without scaler", &|c| {
        c.raw = Some(c.standardized.clone()).filter(|_| c.scaler.is_none()).or(c.raw.take())
    });
    let raw = |c: &mut Certificate, change: &dyn Fn(&mut Claim)| c.raw.iter_mut().for_each(change);
    edit("raw bound lowered", &|c| raw(c, &|claim| lower(&mut claim.bound)));
    edit("raw sensitivity lowered", &|c| raw(c, &|claim| lower(&mut claim.sensitivities[k])));
    edit("raw sensitivity one unit in the last place lower", &|c| {
        raw(c, &|claim| claim.sensitivities[k] = claim.sensitivities[k].next_down());
    });
    let positive = certificate.standardized.bound > 0.0;
    let scaler = |c: &mut Certificate, change: &dyn Fn(&mut Scaler)| {
        c.scaler.iter_mut().filter(|_| positive).for_each(change);
    };
    edit("target scale raised", &|c| scaler(c, &|s| s.y_scale *= 1.0 + BEYOND_SLACK));
    edit("input scales lowered", &|c| scaler(c, &|s| s.x_scale.iter_mut().for_each(lower)));
    edit("input scale zero", &|c| scaler(c, &|s| s.x_scale[k] = 0.0));
    edit("input scale extra", &|c| scaler(c, &|s| s.x_scale.push(1.0)));
    edit("target scale negative", &|c| scaler(c, &|s| s.y_scale = -s.y_scale));

    let mut text = |what: &'static str, bytes: Vec<u8>| {
        list.push(Case { network: network.clone(), bytes, tampering: Some(what) });
    };
    let whole = certificate.to_json();
    text("truncated", whole[..random.random_range(0..whole.len() - 2)].to_vec());
    text("trailing bytes", [&whole[..], b"0"].concat());
    text("twice", [&whole[..], &whole[..]].concat());
    let replaced = |from: &str, to: &str| {
        String::from_utf8(whole.clone()).expect("JSON is UTF-8").replacen(from, to, 1).into_bytes()
    };
    text("unknown field", replaced("{", "{ \"note\": 1,"));
    text("repeated field", replaced("{", "{ \"version\": 1,"));
    text("not a number", replaced("\"bound\": ", "\"bound\": NaN, \"x\": "));
    text("infinite", replaced("\"bound\": ", "\"bound\": 1e999, \"x\": "));

    // Other weights: with the fingerprint of the old ones, and, where it must harm, with their own.
    let changed = |change: &dyn Fn(&mut Parts)| network.clone().edited(change).expect("the weights stay finite");
    let other = changed(&|parts| parts.v[(i, 0)] = parts.v[(i, 0)].next_up());
    list.push(Case { network: other, bytes: whole.clone(), tampering: Some("weight one unit in the last place off") });
    let other = changed(&|parts| parts.c[0] += 1.0);
    list.push(Case { network: other, bytes: whole.clone(), tampering: Some("output bias") });
    let other =
        changed(&|parts| parts.a = parts.a.take().map_or_else(|| Some(Mat::zeros(parts.w.ncols(), 1)), |_| None));
    list.push(Case { network: other, bytes: whole, tampering: Some("linear part added or taken away") });
    if positive {
        let other = network.clone().times(1.0 + BEYOND_SLACK);
        let forged = Certificate { network: fingerprint(&other), ..certificate.clone() };
        list.push(Case {
            network: other,
            bytes: forged.to_json(),
            tampering: Some("weights raised, fingerprint forged"),
        });
    }
    list
}
