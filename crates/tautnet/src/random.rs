//! Random numbers that the generators do not have themselves.

use rand::RngExt;
use rand_pcg::Pcg64;

/// One standard normal draw (Box and Muller).
pub fn normal(random: &mut Pcg64) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

/// Fisher and Yates: every order is as likely as any other.
pub(crate) fn shuffle(order: &mut [usize], random: &mut Pcg64) {
    for last in (1..order.len()).rev() {
        order.swap(last, random.random_range(0..last as u64 + 1) as usize);
    }
}
