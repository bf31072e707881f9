//! Networks of one hidden layer of relu units: what today's theory covers.

use crate::error::{Error, Result};
use faer::{Mat, MatRef};
use rayon::prelude::*;

/// Multiplications from which several threads are worth it.
const WORTH_A_THREAD: usize = 1 << 20;

/// `f(x) = c + a·x + Σ_i v_i relu(w_i·x + b_i)`: one layer of hidden units, and beside it an optional *linear part* a·x.
///
/// Several outputs share the hidden units; each has output weights, an output bias and a linear part of its own. The
/// accessors named by one letter speak of a network with one output, and so does everything that trains, bounds and
/// attacks: [`Network::shallow`](crate::Network::shallow) is the door.
#[derive(Debug, Clone, PartialEq)]
pub struct Shallow {
    w: Mat<f64>,
    b: Vec<f64>,
    v: Mat<f64>,
    c: Vec<f64>,
    a: Option<Mat<f64>>,
}

/// The weights of a [`Shallow`] network, to be checked by [`Shallow::from_parts`].
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// Hidden weights, one row a unit: m × d.
    pub w: Mat<f64>,
    /// Hidden biases, m.
    pub b: Vec<f64>,
    /// Output weights, one column an output: m × outputs.
    pub v: Mat<f64>,
    /// Output biases, one an output.
    pub c: Vec<f64>,
    /// The linear parts, one column an output: d × outputs.
    pub a: Option<Mat<f64>>,
}

impl Shallow {
    /// A network with one output and no linear part; refuses empty, mismatched or non-finite weights.
    pub fn new(w: Mat<f64>, b: Vec<f64>, v: Vec<f64>, c: f64) -> Result<Self> {
        Self::with_linear(w, b, v, c, None)
    }

    /// A network with one output, and a linear part where there is one.
    pub fn with_linear(w: Mat<f64>, b: Vec<f64>, v: Vec<f64>, c: f64, a: Option<Vec<f64>>) -> Result<Self> {
        let column = |entries: Vec<f64>| Mat::from_fn(entries.len(), 1, |i, _| entries[i]);
        Self::from_parts(Parts { w, b, v: column(v), c: vec![c], a: a.map(column) })
    }

    /// A network from all its weights: the one constructor, which checks them.
    pub fn from_parts(parts: Parts) -> Result<Self> {
        let Parts { w, b, v, c, a } = parts;
        let (m, d) = (w.nrows(), w.ncols());
        if m == 0 || d == 0 {
            return Err(Error::new(
                format!("the network has {m} hidden units and {d} inputs"),
                "a network needs at least one hidden unit and one input",
            ));
        }
        for (name, len) in [("b", b.len()), ("v", v.nrows())] {
            if len != m {
                return Err(Error::new(
                    format!("the network's `{name}` has {len} entries but `w` has {m} rows"),
                    format!("give `{name}` one entry per hidden unit"),
                ));
            }
        }
        if let Some(a) = a.as_ref().filter(|a| a.nrows() != d) {
            return Err(Error::new(
                format!("the network's `a` has {} entries but `w` has {d} columns", a.nrows()),
                "give the linear part `a` one entry per input",
            ));
        }
        let columns = [("v", Some(v.ncols())), ("a", a.as_ref().map(Mat::ncols))];
        for (name, columns) in columns.into_iter().filter_map(|(name, columns)| Some((name, columns?))) {
            if columns != c.len() || columns == 0 {
                return Err(Error::new(
                    format!("the network's `{name}` is for {columns} outputs and `c` for {}", c.len()),
                    "give every output its weights and its bias, and one output at least",
                ));
            }
        }
        // The name of an entry, with the output where there are several.
        let several = |name: &str, at: usize, output: usize| match c.len() {
            1 => format!("{name}[{at}]"),
            _ => format!("{name}[{at}][{output}]"),
        };
        let finite = |value: f64, name: &dyn Fn() -> String| {
            if value.is_finite() {
                Ok(())
            } else {
                Err(Error::new(format!("the network's {} is {value}", name()), "every weight must be a finite number"))
            }
        };
        for i in 0..m {
            for k in 0..d {
                finite(w[(i, k)], &|| format!("w[{i}][{k}]"))?;
            }
            finite(b[i], &|| format!("b[{i}]"))?;
            for j in 0..c.len() {
                finite(v[(i, j)], &|| several("v", i, j))?;
            }
        }
        for (j, &bias) in c.iter().enumerate() {
            finite(bias, &|| if c.len() == 1 { "c".into() } else { format!("c[{j}]") })?;
            for (k, &entry) in a.iter().flat_map(|a| a.col(j).iter().enumerate()) {
                finite(entry, &|| several("a", k, j))?;
            }
        }
        Ok(Self { w, b, v, c, a })
    }

    /// All its weights, to make another network of them.
    pub fn into_parts(self) -> Parts {
        let Self { w, b, v, c, a } = self;
        Parts { w, b, v, c, a }
    }

    /// A network with some of its weights changed, which are checked again.
    pub fn edited(self, change: impl FnOnce(&mut Parts)) -> Result<Self> {
        let mut parts = self.into_parts();
        change(&mut parts);
        Self::from_parts(parts)
    }

    /// Every number, as a file has them: `w` row by row, `b`, then output by output `v`, and so `c` and `a`.
    pub fn numbers(&self) -> Vec<f64> {
        let w = (0..self.units()).flat_map(|i| self.w.row(i).iter().copied());
        let columns = |part: &Mat<f64>| part.col_iter().flat_map(|part| part.iter().copied()).collect::<Vec<_>>();
        let (v, a) = (columns(&self.v), self.a.as_ref().map_or_else(Vec::new, columns));
        w.chain(self.b.iter().copied()).chain(v).chain(self.c.iter().copied()).chain(a).collect()
    }

    /// The hidden weights, one row a unit: m × d.
    pub fn w(&self) -> &Mat<f64> {
        &self.w
    }

    /// The hidden biases, m.
    pub fn b(&self) -> &[f64] {
        &self.b
    }

    /// The output weights, m.
    pub fn v(&self) -> &[f64] {
        self.assert_one_output();
        self.v.col_as_slice(0)
    }

    /// The output bias.
    pub fn c(&self) -> f64 {
        self.assert_one_output();
        self.c[0]
    }

    /// The linear part's weights, d, where there is a linear part.
    pub fn a(&self) -> Option<&[f64]> {
        self.assert_one_output();
        self.a.as_ref().map(|a| a.col_as_slice(0))
    }

    fn assert_one_output(&self) {
        assert_eq!(self.outputs(), 1, "what takes one output is given one: checked at `Network::shallow`");
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.c.len()
    }

    /// The function `factor · (f − c) + c`: output weights and linear part times `factor`, the output bias as it is.
    #[must_use]
    pub fn times(mut self, factor: f64) -> Self {
        let shrink =
            |part: &mut Mat<f64>| part.col_iter_mut().flat_map(|part| part.iter_mut()).for_each(|x| *x *= factor);
        shrink(&mut self.v);
        self.a.iter_mut().for_each(shrink);
        self
    }

    /// The same network with this output bias.
    #[must_use]
    pub fn with_c(mut self, c: f64) -> Self {
        self.assert_one_output();
        self.c = vec![c];
        self
    }

    /// The function −f.
    #[must_use]
    pub fn negated(self) -> Self {
        let c = -self.c();
        self.times(-1.0).with_c(c)
    }

    /// Output `j` alone.
    pub fn output(&self, j: usize) -> Self {
        Self {
            w: self.w.clone(),
            b: self.b.clone(),
            v: self.v.as_ref().subcols(j, 1).to_owned(),
            c: vec![self.c[j]],
            a: self.a.as_ref().map(|a| a.as_ref().subcols(j, 1).to_owned()),
        }
    }

    /// All outputs at one point.
    pub fn outputs_of(&self, x: &[f64]) -> Vec<f64> {
        let mut f = self.c.clone();
        if let Some(a) = &self.a {
            f.iter_mut().zip(a.col_iter()).for_each(|(f, a)| *f += a.iter().zip(x).map(|(a, x)| a * x).sum::<f64>());
        }
        let mut h = self.b.clone();
        for (k, &xk) in x.iter().enumerate() {
            h.iter_mut().zip(self.w.col_as_slice(k)).for_each(|(h, w)| *h += w * xk);
        }
        for (f, v) in f.iter_mut().zip(self.v.col_iter()) {
            *f += v.iter().zip(&h).filter(|(_, h)| **h > 0.0).map(|(v, h)| v * h).sum::<f64>();
        }
        f
    }

    /// Number of hidden units, m.
    pub fn units(&self) -> usize {
        self.w.nrows()
    }

    /// Number of inputs, d.
    pub fn inputs(&self) -> usize {
        self.w.ncols()
    }

    /// `f(x)` for one point.
    pub fn value(&self, x: &[f64]) -> f64 {
        let mut f = self.c();
        if let Some(a) = self.a() {
            f = a.iter().zip(x).fold(f, |f, (a, x)| f + a * x);
        }
        // Units in blocks, because a column of `w` lies together in memory. Each h_i is summed as `pre_activation` sums it.
        let mut block = [0.0; 64];
        for first in (0..self.units()).step_by(block.len()) {
            let units = first..self.units().min(first + block.len());
            let h = &mut block[..units.len()];
            h.copy_from_slice(&self.b[units.clone()]);
            for (k, &xk) in x.iter().enumerate() {
                h.iter_mut().zip(&self.w.col_as_slice(k)[units.clone()]).for_each(|(h, w)| *h += w * xk);
            }
            for (&h, v) in h.iter().zip(&self.v()[units]) {
                if h > 0.0 {
                    f += v * h;
                }
            }
        }
        f
    }

    /// `w_i·x + b_i`.
    pub fn pre_activation(&self, i: usize, x: &[f64]) -> f64 {
        let mut h = self.b[i];
        for (k, &xk) in x.iter().enumerate() {
            h += self.w[(i, k)] * xk;
        }
        h
    }

    /// `f` at every row of `x` (n × d).
    pub fn predict(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        assert_eq!(x.ncols(), self.inputs(), "checked where data and network meet");
        let one = |row: &mut Vec<f64>, k: usize| {
            for j in 0..x.ncols() {
                row[j] = x[(k, j)];
            }
            self.value(row)
        };
        let scratch = || vec![0.0; x.ncols()];
        // Only inside a pool that the caller has made: a process that was forked has no threads of the common one.
        let pooled = rayon::current_thread_index().is_some();
        if !pooled || x.nrows() * x.ncols() * self.units() < WORTH_A_THREAD {
            let mut row = scratch();
            return (0..x.nrows()).map(|k| one(&mut row, k)).collect();
        }
        (0..x.nrows()).into_par_iter().map_init(scratch, one).collect()
    }

    /// The gradient of `f` at `x`, with relu′(0) = 0.
    pub fn gradient(&self, x: &[f64]) -> Vec<f64> {
        let mut g = self.a().map_or_else(|| vec![0.0; self.inputs()], <[f64]>::to_vec);
        for i in 0..self.units() {
            if self.pre_activation(i, x) > 0.0 {
                for k in 0..g.len() {
                    g[k] += self.v()[i] * self.w[(i, k)];
                }
            }
        }
        g
    }
}

/// The least margin that a class has over another by these outputs.
pub(crate) fn worst_margin(outputs: &[f64], y: usize) -> f64 {
    let others = outputs.iter().enumerate().filter(|(j, _)| *j != y);
    others.map(|(_, f)| outputs[y] - f).fold(f64::INFINITY, f64::min)
}

/// Tests change single weights.
#[cfg(test)]
impl Shallow {
    pub(crate) fn w_mut(&mut self) -> &mut Mat<f64> {
        &mut self.w
    }

    pub(crate) fn b_mut(&mut self) -> &mut [f64] {
        &mut self.b
    }

    pub(crate) fn v_mut(&mut self) -> &mut [f64] {
        self.v.col_as_slice_mut(0)
    }
}
