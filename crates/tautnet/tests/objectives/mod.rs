//! The joint program's objective in all of its forms.

use tautnet::{
    Norm,
    polish::{Penalty, Settings},
};

/// `price` is the power of ten of λ_L.
pub fn objective(price: f64, decay: bool, infinity: bool, squared: bool, output_bias: bool) -> Settings {
    Settings {
        lipschitz_price: 10f64.powf(price),
        decay: if decay { 0.01 } else { 0.0 },
        norm: if infinity { Norm::Infinity } else { Norm::Two },
        penalty: if squared { Penalty::LSquared } else { Penalty::L },
        output_bias,
        ..Settings::default()
    }
}
