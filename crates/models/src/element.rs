//! Numbers as other programs store them, little-endian, and as doubles: exactly, since doubles hold all of these.

/// A type of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F16,
    Bf16,
    F32,
    F64,
    I32,
    I64,
}

impl Element {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Element::F16 | Element::Bf16 => 2,
            Element::F32 | Element::I32 => 4,
            Element::F64 | Element::I64 => 8,
        }
    }

    /// All numbers in `bytes`; a rest that is no whole number is left out.
    pub fn decode(self, bytes: &[u8]) -> Vec<f64> {
        bytes.chunks_exact(self.size()).map(|number| self.one(number)).collect()
    }

    fn one(self, bytes: &[u8]) -> f64 {
        let bits = bytes.iter().rev().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        match self {
            Element::F16 => half(bits as u16),
            Element::Bf16 => f32::from_bits((bits as u32) << 16).into(),
            Element::F32 => f32::from_bits(bits as u32).into(),
            Element::F64 => f64::from_bits(bits),
            Element::I32 => (bits as u32 as i32).into(),
            // Lengths and places, far below the integers that doubles cannot hold.
            Element::I64 => bits as i64 as f64,
        }
    }
}

/// IEEE half precision: a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_as_it_stands() {
        assert_eq!(Element::F32.decode(&1.5f32.to_le_bytes()), [1.5]);
        assert_eq!(Element::F64.decode(&(-0.1f64).to_le_bytes()), [-0.1]);
        assert_eq!(Element::I32.decode(&(-7i32).to_le_bytes()), [-7.0]);
        assert_eq!(Element::I64.decode(&(-1i64).to_le_bytes()), [-1.0]);
        // The first two bytes of a float are a bfloat16: exactly, where the others are 0.
        assert_eq!(Element::Bf16.decode(&(-2.5f32).to_le_bytes()[2..]), [-2.5]);
        assert_eq!(Element::F64.decode(&[0; 15]).len(), 1);
    }

    #[test]
    fn half_precision_is_that_of_its_definition() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 2f64.powi(-14)),
            (0x0001, 2f64.powi(-24)),
            (0x3555, 0.333251953125),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
        assert!(half(0x8000).is_sign_negative());
        // In order, as floats are by their bits.
        assert!((0..0x7c00u16).all(|bits| half(bits) < half(bits + 1)));
    }
}
