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
    /// The smaller of two.
    Min(Box<Spelling>, Box<Spelling>),
    /// The sum of two.
    Sum(Box<Spelling>, Box<Spelling>),
    /// The first minus the second.
    Difference(Box<Spelling>, Box<Spelling>),
    /// Of an even number of columns the first half (0) or the second (1).
    Half(usize, Box<Spelling>),
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
            Self::Min(one, other) => Self::Min(Box::new(one.of(inner)), Box::new(other.of(inner))),
            Self::Sum(one, other) => Self::Sum(Box::new(one.of(inner)), Box::new(other.of(inner))),
            Self::Difference(one, other) => Self::Difference(Box::new(one.of(inner)), Box::new(other.of(inner))),
            Self::Half(which, before) => Self::Half(which, Box::new(before.of(inner))),
            Self::Concat(parts) => Self::Concat(parts.into_iter().map(|part| part.of(inner)).collect()),
        }
    }

    /// What it is made of, one step inwards.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Input => Vec::new(),
            Self::Operator(_, _, inner) | Self::Times(_, inner) | Self::Half(_, inner) => vec![&**inner],
            Self::Max(one, other) | Self::Min(one, other) | Self::Sum(one, other) | Self::Difference(one, other) => {
                vec![&**one, &**other]
            }
            Self::Concat(parts) => parts.iter().collect(),
        }
    }

    /// Whether another is this one, or a part of it.
    pub fn contains(&self, other: &Self) -> bool {
        self == other || self.parts().into_iter().any(|part| part.contains(other))
    }

    /// Every number in it.
    pub fn numbers(&self) -> Vec<f64> {
        let own = match self {
            Self::Operator(_, number, _) => number.map(|number| number.1),
            Self::Times(number, _) => Some(*number),
            _ => None,
        };
        own.into_iter().chain(self.parts().into_iter().flat_map(Self::numbers)).collect()
    }
}
