//! Numbers as people read them: short, and bounds still bounds.
//!
//! A bound that is shortened to the nearest number may lose what it says. [`at_most`] rounds an upper bound up and [`at_least`] a
//! lower one down, by less than one unit of the last digit shown: reading the text back gives a double on the right side, or
//! the very one that was shown.

/// Which way a number is shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Nearest,
    Above,
    Below,
}

/// A number to nearest: six significant digits, no needless zeros; a dash where there is none.
pub fn number(value: f64) -> String {
    text(value, Side::Nearest)
}

/// An upper bound, to as many digits, rounded up.
pub fn at_most(value: f64) -> String {
    text(value, Side::Above)
}

/// A lower bound, to as many digits, rounded down.
pub fn at_least(value: f64) -> String {
    text(value, Side::Below)
}

/// [`at_most`] for an upper bound, [`at_least`] for a lower one.
pub fn bound(value: f64, upper: bool) -> String {
    if upper { at_most(value) } else { at_least(value) }
}

fn text(value: f64, side: Side) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let exponent = Decimal::of(value, 6, side).exponent;
    if !(-4..7).contains(&exponent) {
        return Decimal::of(value, 5, side).scientific();
    }
    Decimal::of(value, if exponent == 6 { 7 } else { 6 }, side).plain()
}

/// The nearest number of so many significant digits that is at least (`up`) or at most the value.
pub fn shortened(value: f64, digits: usize, up: bool) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let decimal = Decimal::of(value, digits, if up { Side::Above } else { Side::Below });
    decimal.scientific().parse().expect("a number was written")
}

/// ±d.ddd·10^exponent, the digits as one integer.
struct Decimal {
    negative: bool,
    digits: u64,
    places: usize,
    exponent: i32,
}

impl Decimal {
    /// Of a finite number that is not 0; at most 15 digits.
    fn of(value: f64, digits: usize, side: Side) -> Self {
        let places = digits - 1;
        let nearest = format!("{:.places$e}", value.abs());
        let (mantissa, exponent) = nearest.split_once('e').expect("it was written with an exponent");
        let mut decimal = Self {
            negative: value < 0.0,
            digits: mantissa.replace('.', "").parse().expect("digits were written"),
            places,
            exponent: exponent.parse().expect("an exponent was written"),
        };
        let written: f64 = decimal.scientific().parse().expect("a number was written");
        let (lower, upper) = (10u64.pow(places as u32), 10u64.pow(places as u32 + 1));
        let wanted = match side {
            Side::Above => written < value,
            Side::Below => written > value,
            Side::Nearest => false,
        };
        if wanted && (side == Side::Above) != decimal.negative {
            decimal.digits += 1;
            if decimal.digits == upper {
                (decimal.digits, decimal.exponent) = (lower, decimal.exponent + 1);
            }
        } else if wanted {
            decimal.digits -= 1;
            if decimal.digits < lower {
                (decimal.digits, decimal.exponent) = (upper - 1, decimal.exponent - 1);
            }
        }
        decimal
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    fn scientific(&self) -> String {
        let text = self.digits.to_string();
        let (first, rest) = text.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{}{first}{point}{rest}e{}", self.sign(), self.exponent)
    }

    fn plain(&self) -> String {
        let text = self.digits.to_string();
        // How many digits are after the point.
        let after = self.places as i32 - self.exponent;
        let text = if after <= 0 {
            text + &"0".repeat(-after as usize)
        } else {
            let text = format!("{text:0>width$}", width = after as usize + 1);
            let (whole, rest) = text.split_at(text.len() - after as usize);
            format!("{whole}.{rest}").trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        format!("{}{text}", self.sign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One unit of the last digit that is shown at this size.
    fn unit(value: f64) -> f64 {
        let exponent = value.abs().log10().floor() as i32;
        // At the edges of a power the shorter of the two forms may be used.
        let digits = if (-4..7).contains(&exponent) { 5 } else { 4 };
        10f64.powi(exponent - digits + 1)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn bounds_are_shown_outward(mantissa in -10.0..10.0f64, exponent in -310..308i32, short in any::<bool>()) {
            let mantissa = if short { (mantissa * 100.0).round() / 100.0 } else { mantissa };
            let value: f64 = format!("{mantissa}e{exponent}").parse().unwrap();
            let parsed = |text: String| text.parse::<f64>().unwrap();
            let (above, below, nearest) = (at_most(value), at_least(value), number(value));
            let (above, below, nearest) = (parsed(above), parsed(below), parsed(nearest));
            prop_assert!(below <= value && value <= above, "{value}: {below} {above}");
            prop_assert!(below <= nearest && nearest <= above);
            if value != 0.0 && above.is_finite() && value.abs() > 1e-300 {
                prop_assert!(above - below <= unit(value) * 1.0001, "{value}: {below} {above}");
                for digits in 1..8 {
                    let (low, high) = (shortened(value, digits, false), shortened(value, digits, true));
                    prop_assert!(low <= value && value <= high, "{value} {digits} {low} {high}");
                }
            }
            // What is short is left alone.
            if short && (-3..4).contains(&exponent) {
                prop_assert!(above == value && below == value, "{value}");
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (1234567.0, "1234567"),
            (2.345678912, "2.34568"),
            (1e-9, "1.0000e-9"),
            (999999.96, "1000000"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), text);
        }
        for (value, below, above) in [
            (1.2345634, "1.23456", "1.23457"),
            (0.9999999, "0.999999", "1"),
            (-2.0000001, "-2.00001", "-2"),
            (1.00000001e-7, "1.0000e-7", "1.0001e-7"),
            (9.99999e9, "9.9999e9", "1.0000e10"),
            (5e-324, "4.9407e-324", "4.9407e-324"),
        ] {
            assert_eq!((at_least(value).as_str(), at_most(value).as_str()), (below, above));
        }
        assert_eq!((bound(0.1234567, true), bound(0.1234567, false)), ("0.123457".into(), "0.123456".into()));
    }
}
