//! Patterns with signs, and what they make of the data.

use super::products::product;
use super::settings::{Settings, shares};
use faer::Mat;
use std::collections::{HashMap, HashSet};
use tautnet::{Dataset, Error, Shallow, error::Result, patterns::Patterns};

/// A pattern and the sign of an output weight for every group of weights. Patterns may be any: one that no weights have leaves its
/// group the weights 0, or those on the boundary of its cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// The patterns, one a group.
    pub patterns: Patterns,
    /// The signs, 1 or −1, one a group.
    pub signs: Vec<f64>,
}

impl Groups {
    /// The patterns of a network's units on the rows of the data, with the signs of their output weights.
    pub fn of(network: &Shallow, data: &Dataset) -> Result<Self> {
        if network.inputs() != data.columns() {
            return Err(Error::new(
                format!(
                    "the network has {} inputs but the data has {} input columns",
                    network.inputs(),
                    data.columns()
                ),
                "give the columns the network was made for, in that order",
            ));
        }
        let signs = network.v().iter().filter(|v| **v != 0.0).map(|v| v.signum()).collect();
        Ok(Self { patterns: Patterns::signed(network, data.x.as_ref()), signs })
    }

    /// Every pattern with both signs.
    pub fn both(patterns: &Patterns) -> Self {
        let units = patterns.units();
        Self {
            patterns: patterns.pick((0..2 * units).map(|i| i / 2)),
            signs: (0..2 * units).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect(),
        }
    }

    fn check(&self, data: &Dataset) -> Result<()> {
        let refused = |what: String, hint: &str| Err(Error::new(what, hint));
        if self.patterns.rows() != data.rows() {
            return refused(
                format!("the patterns are of {} rows but the data has {}", self.patterns.rows(), data.rows()),
                "give patterns on the rows of these data",
            );
        }
        if self.signs.len() != self.patterns.units() {
            return refused(
                format!("there are {} signs for {} patterns", self.signs.len(), self.patterns.units()),
                "give one sign per pattern",
            );
        }
        if let Some(i) = self.signs.iter().position(|sign| sign.abs() != 1.0) {
            return refused(format!("the sign of group {i} is {}", self.signs[i]), "every sign must be 1 or -1");
        }
        if (0..self.signs.len()).all(|i| self.patterns.is_dead(i)) {
            return refused(
                "no pattern is on in any row".into(),
                "give at least one that is, such as those of `rivals::gaussian`",
            );
        }
        Ok(())
    }
}

/// The data and the groups, each pattern and sign once, without patterns that are on nowhere.
pub(crate) struct Program {
    /// X̄, n × e with e = d + 1.
    pub x: Mat<f64>,
    pub y: Vec<f64>,
    /// ω.
    pub omega: Vec<f64>,
    pub signs: Vec<f64>,
    /// The number of each group's pattern among the distinct ones.
    pub pattern: Vec<usize>,
    /// How many groups have each pattern: 1 or 2.
    pub count: Vec<f64>,
    /// D, pattern by pattern.
    on: Vec<bool>,
    pub free_bias: bool,
}

impl Program {
    pub fn new(groups: &Groups, data: &Dataset, settings: &Settings) -> Result<Self> {
        settings.check(data)?;
        groups.check(data)?;
        let (n, d) = (data.rows(), data.columns());
        let (mut place, mut seen) = (HashMap::new(), HashSet::new());
        let (mut signs, mut pattern, mut count, mut on) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for i in (0..groups.signs.len()).filter(|&i| !groups.patterns.is_dead(i)) {
            let next = place.len();
            let p = *place.entry(groups.patterns.unit(i)).or_insert(next);
            if p == next {
                count.push(0.0);
                on.extend_from_slice(groups.patterns.unit(i));
            }
            if seen.insert((p, groups.signs[i] > 0.0)) {
                signs.push(groups.signs[i]);
                pattern.push(p);
                count[p] += 1.0;
            }
        }
        Ok(Self {
            x: Mat::from_fn(n, d + 1, |k, j| if j < d { data.x[(k, j)] } else { 1.0 }),
            y: data.y.clone(),
            omega: shares(data),
            signs,
            pattern,
            count,
            on,
            free_bias: settings.output_bias,
        })
    }

    /// Rows.
    pub fn n(&self) -> usize {
        self.y.len()
    }

    /// d + 1.
    pub fn e(&self) -> usize {
        self.x.ncols()
    }

    /// D_p.
    pub fn on(&self, p: usize) -> &[bool] {
        &self.on[p * self.n()..][..self.n()]
    }

    /// Values of every group on every row, with the sign σ_ik; twice is never.
    pub fn orient(&self, values: &mut [f64]) {
        for (values, &p) in values.chunks_mut(self.n()).zip(&self.pattern) {
            values.iter_mut().zip(self.on(p)).filter(|(_, on)| !**on).for_each(|(value, _)| *value = -*value);
        }
    }

    /// Σ_i s_i D_ik x̄_k·z̄_i from the products σ_ik x̄_k·z̄_i.
    pub fn outputs(&self, oriented: &[f64]) -> Vec<f64> {
        let mut f = vec![0.0; self.n()];
        for ((h, &p), sign) in oriented.chunks(self.n()).zip(&self.pattern).zip(&self.signs) {
            add_where(&mut f, h, self.on(p), *sign);
        }
        f
    }

    /// Φ_P sums = Σ_p D_p X̄ sum_p.
    pub fn pattern_outputs(&self, sums: &[f64]) -> Vec<f64> {
        let mut f = vec![0.0; self.n()];
        for (p, h) in product(self.x.as_ref(), sums).chunks(self.n()).enumerate() {
            add_where(&mut f, h, self.on(p), 1.0);
        }
        f
    }

    /// Φ_Pᵀ values: X̄ᵀ D_p values for every pattern.
    pub fn pattern_adjoint(&self, values: &[f64]) -> Vec<f64> {
        let mut masked = vec![0.0; self.on.len()];
        for (masked, on) in masked.chunks_mut(self.n()).zip(self.on.chunks(self.n())) {
            add_where(masked, values, on, 1.0);
        }
        product(self.x.transpose(), &masked)
    }

    /// The mean that a free output bias takes away; 0 where it is held.
    pub fn mean(&self, values: impl Iterator<Item = f64>) -> f64 {
        if self.free_bias { values.zip(&self.omega).map(|(value, omega)| omega * value).sum() } else { 0.0 }
    }
}

/// to += factor · from, where it is on.
fn add_where(to: &mut [f64], from: &[f64], on: &[bool], factor: f64) {
    for ((to, from), on) in to.iter_mut().zip(from).zip(on) {
        *to += if *on { factor * from } else { 0.0 };
    }
}
