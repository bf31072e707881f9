//! One-hidden-layer relu networks with a scalar output.

use crate::error::{Error, Result};
use faer::{Mat, MatRef};
use rayon::prelude::*;

/// Multiplications from which several threads are worth it.
const WORTH_A_THREAD: usize = 1 << 20;

/// `f(x) = c + Σ_i v_i relu(w_i·x + b_i)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Hidden weights, one row a unit: m × d.
    pub w: Mat<f64>,
    /// Hidden biases, m.
    pub b: Vec<f64>,
    /// Output weights, m.
    pub v: Vec<f64>,
    /// Output bias.
    pub c: f64,
}

impl Network {
    /// A network from its weights; refuses empty, mismatched or non-finite ones.
    pub fn new(w: Mat<f64>, b: Vec<f64>, v: Vec<f64>, c: f64) -> Result<Self> {
        let (m, d) = (w.nrows(), w.ncols());
        if m == 0 || d == 0 {
            return Err(Error::new(
                format!("the network has {m} hidden units and {d} inputs"),
                "a network needs at least one hidden unit and one input",
            ));
        }
        for (name, len) in [("b", b.len()), ("v", v.len())] {
            if len != m {
                return Err(Error::new(
                    format!("the network's `{name}` has {len} entries but `w` has {m} rows"),
                    format!("give `{name}` one entry per hidden unit"),
                ));
            }
        }
        let finite = |name: String, value: f64| {
            if value.is_finite() {
                Ok(())
            } else {
                Err(Error::new(format!("the network's {name} is {value}"), "every weight must be a finite number"))
            }
        };
        for i in 0..m {
            for k in 0..d {
                finite(format!("w[{i}][{k}]"), w[(i, k)])?;
            }
            finite(format!("b[{i}]"), b[i])?;
            finite(format!("v[{i}]"), v[i])?;
        }
        finite("c".into(), c)?;
        Ok(Self { w, b, v, c })
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
        let mut f = self.c;
        // Units in blocks, because a column of `w` lies together in memory. Each h_i is summed as `pre_activation` sums it.
        let mut block = [0.0; 64];
        for first in (0..self.units()).step_by(block.len()) {
            let units = first..self.units().min(first + block.len());
            let h = &mut block[..units.len()];
            h.copy_from_slice(&self.b[units.clone()]);
            for (k, &xk) in x.iter().enumerate() {
                h.iter_mut().zip(&self.w.col_as_slice(k)[units.clone()]).for_each(|(h, w)| *h += w * xk);
            }
            for (&h, v) in h.iter().zip(&self.v[units]) {
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
        let mut g = vec![0.0; self.inputs()];
        for i in 0..self.units() {
            if self.pre_activation(i, x) > 0.0 {
                for k in 0..g.len() {
                    g[k] += self.v[i] * self.w[(i, k)];
                }
            }
        }
        g
    }
}
