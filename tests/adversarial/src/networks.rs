//! Networks, regions and rows of the kinds that break floating-point arithmetic.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tautnet::certify::Region;
use tautnet::scaling::Scaler;
use tautnet::{Norm, Shallow};

/// Kinds of networks.
pub const KINDS: [&str; 14] = [
    "ordinary",
    "small integers",
    "any scale",
    "cancelling units",
    "proportional and opposite units",
    "biases of 1e16",
    "tiny products",
    "subnormal weights",
    "huge against tiny",
    "decimals",
    "nearly parallel",
    "zero columns and dead units",
    "special values",
    "units in one point",
];

/// Values at which something happens.
const SPECIAL: [f64; 22] = [
    0.0,
    1.0,
    -1.0,
    0.5,
    0.1,
    0.3,
    1.0 / 3.0,
    1e-300,
    -1e-300,
    1e300,
    -1e300,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1e16,
    -1e16,
    1.0000000000000002,
    0.9999999999999999,
    1e-160,
    1e155,
    1e8,
    -1e-8,
];

/// A source of awkward numbers.
pub struct Draw(Pcg64);

impl Draw {
    /// The stream of this number.
    pub fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// Up to `last`, inclusive.
    pub fn int(&mut self, first: usize, last: usize) -> usize {
        self.0.random_range(first..=last)
    }

    /// Between −1 and 1.
    pub fn unit(&mut self) -> f64 {
        self.0.random_range(-1.0..1.0)
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.int(1, n) == 1
    }

    /// Random bytes.
    pub fn byte(&mut self) -> u8 {
        self.int(0, 255) as u8
    }

    /// ±, with a decimal exponent of at most this size.
    pub fn scaled(&mut self, decades: f64) -> f64 {
        let exponent = decades * self.unit();
        self.unit() * 10f64.powf(exponent)
    }

    /// Positive, with a decimal exponent of at most this size.
    pub fn positive(&mut self, decades: f64) -> f64 {
        10f64.powf(decades * self.unit())
    }

    /// One of the list.
    pub fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.int(0, list.len() - 1)]
    }

    /// By at most two units in the last place.
    fn nudged(&mut self, value: f64) -> f64 {
        match self.int(0, 4) {
            0 => value.next_up(),
            1 => value.next_down(),
            2 => value.next_up().next_up(),
            _ => value,
        }
    }
}

/// A network of the kind `KINDS[kind]`.
pub fn network(kind: usize, draw: &mut Draw) -> Shallow {
    let d = draw.of(&[1, 1, 2, 2, 2, 3]);
    let m = draw.int(1, if d == 3 { 5 } else { 8 });
    let weight = |draw: &mut Draw| match kind {
        1 => draw.int(0, 4) as f64 - 2.0,
        2 => draw.scaled(300.0),
        6 => draw.unit() * 1e-160 * draw.positive(20.0),
        7 => (draw.int(0, 8) as f64 - 4.0) * 5e-324,
        9 => (draw.int(0, 20) as f64 - 10.0) / 10.0,
        12 => draw.of(&SPECIAL),
        _ => draw.unit() * 2.0,
    };
    let mut w = Mat::from_fn(m, d, |_, _| weight(draw));
    let mut b: Vec<f64> = (0..m).map(|_| weight(draw)).collect();
    let mut v: Vec<f64> = (0..m).map(|_| weight(draw)).collect();
    let mut c = weight(draw);
    match kind {
        3 => {
            // Each second unit takes back what the one before it gives, but for the last places.
            for i in (1..m).step_by(2) {
                for k in 0..d {
                    w[(i, k)] = draw.nudged(w[(i - 1, k)]);
                }
                b[i] = if draw.once_in(2) { b[i - 1] } else { b[i - 1] + draw.scaled(17.0).abs() };
                v[i] = -draw.nudged(v[i - 1]);
            }
        }
        4 => {
            for i in 1..m {
                let factor = draw.of(&[1.0, -1.0, 2.0, 0.1, -3.0, 1e-150, 1e150]);
                if draw.once_in(2) {
                    for k in 0..d {
                        w[(i, k)] = factor * w[(i - 1, k)];
                    }
                    b[i] = factor * b[i - 1];
                    v[i] = draw.of(&[1.0, -1.0]) * v[i - 1] / factor;
                }
            }
        }
        5 => {
            for b in &mut b {
                *b += draw.of(&[1e16, -1e16, 1e15, 0.0]);
            }
            if draw.once_in(3) {
                c = draw.of(&[1e16, -1e16]);
            }
        }
        8 => {
            for i in 0..m {
                let scale = draw.positive(300.0);
                for k in 0..d {
                    w[(i, k)] *= scale;
                }
                b[i] *= scale;
                v[i] /= scale;
            }
        }
        10 => {
            for i in 1..m {
                for k in 0..d {
                    w[(i, k)] = w[(0, k)] * (1.0 + draw.scaled(16.0).clamp(-0.5, 0.5) * 1e-16);
                }
                b[i] = b[0] + draw.scaled(20.0) * draw.of(&[1.0, 1e-31, 1e-16]);
            }
        }
        11 => {
            let column = draw.int(0, d - 1);
            for i in 0..m {
                w[(i, column)] = 0.0;
                if draw.once_in(3) {
                    v[i] = 0.0;
                }
                if draw.once_in(4) {
                    (0..d).for_each(|k| w[(i, k)] = 0.0);
                }
            }
        }
        13 => {
            // All hyperplanes through one point, which is no double in general.
            let point: Vec<f64> = (0..d).map(|_| draw.scaled(2.0)).collect();
            for i in 0..m {
                b[i] = -(0..d).map(|k| w[(i, k)] * point[k]).sum::<f64>();
            }
        }
        _ => {}
    }
    // Any network may have one weight from the list.
    if kind != 0 && draw.once_in(6) {
        let (i, k) = (draw.int(0, m - 1), draw.int(0, d - 1));
        let special = draw.of(&SPECIAL);
        match draw.int(0, 2) {
            0 => w[(i, k)] = special,
            1 => b[i] = special,
            _ => v[i] = special,
        }
    }
    let finite = |value: f64| if value.is_finite() { value } else { 1.0 };
    let w = Mat::from_fn(m, d, |i, k| finite(w[(i, k)]));
    let (b, v, c): (_, Vec<f64>, _) =
        (b.into_iter().map(finite).collect(), v.into_iter().map(finite).collect(), finite(c));
    // A third of them have a linear part: of its own, or what takes a unit's slope away.
    let a = draw.once_in(3).then(|| {
        let cancels = draw.once_in(2);
        (0..d).map(|k| finite(if cancels { -v[0] * w[(0, k)] } else { draw.scaled(3.0) })).collect()
    });
    Shallow::with_linear(w, b, v, c, a).expect("all weights are finite")
}

/// The size of inputs that matters for the network: where its hyperplanes are, or anything.
fn input_size(network: &Shallow, draw: &mut Draw) -> f64 {
    let i = draw.int(0, network.units() - 1);
    let largest = (0..network.inputs()).map(|k| network.w()[(i, k)].abs()).fold(0.0, f64::max);
    let size = (network.b()[i] / largest).abs();
    let range = 1e-290..1e290;
    match draw.int(0, 5) {
        0 => 1.0,
        1 => draw.positive(3.0),
        2 => draw.of(&SPECIAL).abs().clamp(1e-290, 1e290),
        _ if range.contains(&size) => size * draw.positive(0.5),
        _ => 1.0,
    }
}

/// An input near where something happens.
pub fn input(network: &Shallow, draw: &mut Draw) -> Vec<f64> {
    let size = input_size(network, draw);
    (0..network.inputs()).map(|_| if draw.once_in(8) { 0.0 } else { size * draw.unit() }).collect()
}

/// A box or a ball.
pub fn region(network: &Shallow, draw: &mut Draw) -> Region {
    let center = input(network, draw);
    let size = input_size(network, draw);
    match draw.int(0, 3) {
        0 => {
            let sides: Vec<(f64, f64)> = center
                .iter()
                .map(|c| {
                    let (a, b) = (c - size * draw.unit().abs(), c + size * draw.unit().abs());
                    if a < b && (b - a).is_finite() { (a, b) } else { (-1.0, 1.0) }
                })
                .collect();
            let (lower, upper) = sides.into_iter().unzip();
            Region::Box { lower, upper }
        }
        1 => Region::Ball { center, radius: size, norm: Norm::One },
        2 => Region::Ball { center, radius: size, norm: Norm::Two },
        _ => Region::Ball { center, radius: size, norm: Norm::Infinity },
    }
}

/// Means and scales.
pub fn scaler(network: &Shallow, draw: &mut Draw) -> Scaler {
    let decades = draw.of(&[1.0, 6.0, 100.0]);
    Scaler {
        input_mean: (0..network.inputs()).map(|_| draw.scaled(decades)).collect(),
        input_scale: (0..network.inputs()).map(|_| draw.positive(decades)).collect(),
        target_mean: draw.scaled(decades),
        target_scale: draw.positive(decades),
        constant_inputs: Vec::new(),
        other_target_means: Vec::new(),
        other_target_scales: Vec::new(),
    }
}
