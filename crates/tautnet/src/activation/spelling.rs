//! Activations as small graphs of standard operators.

/// A function of the sums h of a layer, made of operators that act on every column alike.
///
/// Programs that exchange networks as graphs know few activations by name. An activation is told to them in these terms, and
/// is found again in a graph by comparing them.
#[derive(Debug, Clone, PartialEq)]
pub enum Spelling {
    /// h.
    Input,
    /// An operator by the name that graphs give it, and the number that it may be given, with that number's name.
    Operator(&'static str, Option<(&'static str, f64)>, Box<Spelling>),
    /// A number times what is inside.
    Times(f64, Box<Spelling>),
    /// The larger of two.
    Max(Box<Spelling>, Box<Spelling>),
    /// The columns of each, one after the other.
    Concat(Vec<Spelling>),
}

impl Spelling {
    /// An operator on h.
    pub fn operator(name: &'static str) -> Self {
        Self::Operator(name, None, Box::new(Self::Input))
    }

    /// An operator on h that is given a number.
    pub fn operator_with(name: &'static str, number: (&'static str, f64)) -> Self {
        Self::Operator(name, Some(number), Box::new(Self::Input))
    }

    /// A number times h.
    pub fn times(number: f64) -> Self {
        Self::Times(number, Box::new(Self::Input))
    }

    /// The same function of what another function makes of h.
    #[must_use]
    pub fn of(self, inner: &Self) -> Self {
        match self {
            Self::Input => inner.clone(),
            Self::Operator(name, number, before) => Self::Operator(name, number, Box::new(before.of(inner))),
            Self::Times(number, before) => Self::Times(number, Box::new(before.of(inner))),
            Self::Max(one, other) => Self::Max(Box::new(one.of(inner)), Box::new(other.of(inner))),
            Self::Concat(parts) => Self::Concat(parts.into_iter().map(|part| part.of(inner)).collect()),
        }
    }

    /// Every number in it.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Input => Vec::new(),
            Self::Operator(_, number, before) => number.iter().map(|number| number.1).chain(before.numbers()).collect(),
            Self::Times(number, before) => [*number].into_iter().chain(before.numbers()).collect(),
            Self::Max(one, other) => one.numbers().into_iter().chain(other.numbers()).collect(),
            Self::Concat(parts) => parts.iter().flat_map(Self::numbers).collect(),
        }
    }
}
