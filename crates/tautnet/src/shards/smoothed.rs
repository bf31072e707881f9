//! What is asked of whole shards: the worst case by held labels, smoothed, with its slope and its curvature.

use super::plain::{Layers, Share};
use super::shard::Shard;
use crate::Scaler;
use crate::error::Result;
use crate::loss::{Cost, Loss};
use crate::tolerance::ByColumn;
use crate::worst_case::{Labelled, Smooth};
use faer::{Mat, MatRef};

/// Rows that are worked on at once.
const TOGETHER: usize = 512;

/// Points within a tolerance, and the networks whose patterns the labels are of.
pub(super) struct Smoothed {
    smooth: Smooth,
    tolerance: ByColumn,
    /// z̄ of each network, and its numbers as a point.
    labels: Vec<(Mat<f64>, Vec<f64>)>,
    points: Vec<Vec<f64>>,
    smoothing: f64,
    slope: bool,
}

/// The function that is asked for, of networks with these signs.
pub(crate) fn smooth(network: &Layers, loss: &Loss, tolerance: &ByColumn) -> Result<Smooth> {
    let cost = Cost::of_worst_case(loss)?;
    let inputs = tolerance.absolute.len();
    let columns = (0..inputs).filter(|j| tolerance.absolute[*j] > 0.0 || tolerance.percent[*j] > 0.0).collect();
    let same = tolerance.percent.iter().all(|percent| *percent == 0.0);
    Ok(Smooth::new(cost, network.v.clone(), (inputs, !network.a.is_empty()), (same, columns)))
}

impl Smoothed {
    pub fn of(
        labels: &[Layers],
        points: &[Vec<f64>],
        (loss, tolerance): (&str, &ByColumn),
        (smoothing, slope): (f64, bool),
    ) -> Result<Self> {
        let first = labels.first().ok_or_else(super::odd)?;
        let smooth = smooth(first, &loss.parse()?, tolerance)?;
        // Labels are judged by the weights, whatever the reaches are.
        let label = |network: &Layers| (network.matrix(), smooth.point(&network.numbers(), None));
        let labels = labels.iter().map(label).collect();
        if points.iter().any(|point| point.len() != smooth.at.size()) {
            return Err(super::odd());
        }
        Ok(Self { labels, points: points.to_vec(), smoothing, slope, tolerance: tolerance.clone(), smooth })
    }

    /// How many sums there are.
    pub fn sums(&self) -> usize {
        self.smooth.sums(self.points.len(), self.slope)
    }

    /// Add Σω of the rows to learn from; for each point the summed worst case by the labels, and smoothed; then, of the first point, what the
    /// tangent plane has at 0, its slope and the curvature.
    pub fn add(&self, (share, scaler): (Share, &Scaler), shard: &Shard, sums: &mut [f64]) -> Result<()> {
        let (data, d) = (&shard.data, scaler.input_mean.len());
        let tolerance = self.tolerance.on(data.rows(), |k, j| data.x[(k, j)])?.divided(&scaler.input_scale);
        for start in (0..data.rows()).step_by(TOGETHER) {
            let count = TOGETHER.min(data.rows() - start);
            let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
            let counts = |k: &usize| !share.holds_out(shard.first + *k as u64) && weight(*k) > 0.0;
            let rows: Vec<usize> = (start..start + count).filter(counts).collect();
            let scaled = |k: usize, j: usize| (data.x[(rows[k], j)] - scaler.input_mean[j]) / scaler.input_scale[j];
            let x = Mat::from_fn(rows.len(), d + 1, |k, j| if j < d { scaled(k, j) } else { 1.0 });
            let y: Vec<f64> = rows.iter().map(|k| (data.y[*k] - scaler.target_mean) / scaler.target_scale).collect();
            let omega: Vec<f64> = rows.iter().map(|k| weight(*k)).collect();
            let tolerance = &tolerance.select(&rows);
            let labels = self.labels(&x, &y, tolerance);
            let rows = &Labelled { x: x.as_ref(), y: &y, omega: &omega, labels: labels.as_ref(), tolerance, first: 0 };
            self.smooth.add_points(rows, &self.points, (self.smoothing, self.slope), sums);
        }
        Ok(())
    }

    /// The labels of some rows: the patterns of the first network; of every other one where its own worst case is lower by them, row by row.
    fn labels(&self, x: &Mat<f64>, y: &[f64], tolerance: &crate::tolerance::Tolerance) -> Mat<f64> {
        let ones = vec![1.0; y.len()];
        let mut labels = patterns(x, &self.labels[0].0);
        for (z, point) in &self.labels[1..] {
            let own = patterns(x, z);
            let of = |labels: MatRef<'_, f64>| {
                let rows = Labelled { x: x.as_ref(), y, omega: &ones, labels, tolerance, first: 0 };
                self.smooth.losses(&rows, point, None)
            };
            let (held, new) = (of(labels.as_ref()), of(own.as_ref()));
            for k in (0..y.len()).filter(|k| new[*k] < held[*k]) {
                labels.row_mut(k).copy_from(own.row(k));
            }
        }
        labels
    }
}

/// Which units are on in which rows; sums are added up as everywhere, for a row's side of a boundary may depend on the last bit.
fn patterns(x: &Mat<f64>, z: &Mat<f64>) -> Mat<f64> {
    let d = x.ncols() - 1;
    let mut out = Mat::zeros(x.nrows(), z.ncols());
    for (z, out) in z.col_iter().zip(out.col_iter_mut()) {
        let h = out.try_as_col_major_mut().expect("columns are contiguous").as_slice_mut();
        h.fill(z[d]);
        for j in 0..d {
            h.iter_mut().zip(x.col_as_slice(j)).for_each(|(h, x)| *h += z[j] * x);
        }
        h.iter_mut().for_each(|h| *h = f64::from(u8::from(*h >= 0.0)));
    }
    out
}
