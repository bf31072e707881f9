//! How a loss sees the size of the worst residual of a row, `u = max(A up, B down)`, where its predictions may be off by `up` above the target
//! and by `down` below it.

use super::{Form, Loss};
use crate::error::{Error, Result};

/// How the loss sees the size of a residual.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cost {
    /// q, where there is a quadratic.
    pub quadratic: Option<f64>,
    /// α, where the quadratic can be left.
    pub exit: Option<f64>,
    /// A and B.
    pub sides: [f64; 2],
    /// The loss, where it is one of the margin.
    pub margin: Option<Loss>,
    /// The price of u itself.
    pub price: f64,
}

/// The loss as a function of u: its value, slope and curvature there, and where the tangent meets u = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AtSize {
    pub value: f64,
    pub slope: f64,
    pub curvature: f64,
    pub below: f64,
}

impl Cost {
    /// Of a loss; `None` of a quadratic that costs differently above and below.
    fn of(loss: &Loss) -> Option<Self> {
        let both = Self { quadratic: None, exit: None, sides: [1.0; 2], margin: None, price: 0.0 };
        let form = loss.form(1.0);
        if loss.is_margin() {
            let (quadratic, below) = form.map_or((None, None), |form| (form.quadratic, form.below));
            return Some(Self { quadratic, price: below.unwrap_or(0.0), margin: Some(loss.clone()), ..both });
        }
        let Form { quadratic, above, below } = form?;
        match quadratic {
            Some(_) if above == below => Some(Self { quadratic, exit: above, ..both }),
            Some(_) => None,
            None => Some(Self { sides: [above?, below?], price: 1.0, ..both }),
        }
    }

    /// The same, or why there is none.
    pub fn of_worst_case(loss: &Loss) -> Result<Self> {
        Self::of(loss).ok_or_else(|| {
            Error::new(
                format!(
                    "the loss `{loss}` can be left at different prices above and below its quadratic, which no worst case has"
                ),
                "take another loss",
            )
        })
    }

    /// The loss, where its values at u are in the objective.
    pub fn curve(&self) -> Option<&Loss> {
        self.margin.as_ref().filter(|loss| loss.form(1.0).is_none())
    }

    /// The loss of a row whose target has this size, at u.
    pub fn at(&self, u: f64, size: f64) -> AtSize {
        if let Some(loss) = self.curve() {
            let f = size - u;
            let (value, slope) = (loss.value(f, size), -loss.slope(f, size));
            return AtSize { value, slope, curvature: loss.curvature(f, size), below: value - slope * u };
        }
        let Some(q) = self.quadratic else {
            return AtSize { value: self.price * u, slope: self.price, curvature: 0.0, below: 0.0 };
        };
        match self.exit.filter(|exit| 2.0 * q * u > *exit) {
            Some(exit) => {
                let below = -exit * exit / (4.0 * q);
                AtSize { value: exit * u + below, slope: exit, curvature: 0.0, below }
            }
            None => AtSize { value: q * u * u, slope: 2.0 * q * u, curvature: 2.0 * q, below: -q * u * u },
        }
    }
}
