//! What a search for large gradients needs of rows that are not in memory together: the box around all of them, and some of them.

use super::region::Region;
use crate::Dataset;
use faer::{Mat, MatRef};

/// Rows that come in blocks: the box around them, and every so manieth. What is held does not grow with the rows, where `every` grows with them.
#[derive(Debug, Clone)]
pub struct SeenRows {
    every: u64,
    rows: u64,
    /// The lower ends of the box and the upper ones.
    corners: [Vec<f64>; 2],
    /// Inputs, row by row, and targets.
    some: (Vec<f64>, Vec<f64>),
}

impl SeenRows {
    /// Of rows with so many inputs, the first and then one of `every`.
    pub fn new(inputs: usize, every: u64) -> Self {
        let corners = [vec![f64::INFINITY; inputs], vec![f64::NEG_INFINITY; inputs]];
        Self { every: every.max(1), rows: 0, corners, some: Default::default() }
    }

    /// The next rows.
    pub fn add(&mut self, data: &Dataset) {
        let [low, high] = &mut self.corners;
        for (j, (low, high)) in low.iter_mut().zip(high).enumerate() {
            for x in data.x.col(j).iter() {
                (*low, *high) = (low.min(*x), high.max(*x));
            }
        }
        let first = self.rows.next_multiple_of(self.every) - self.rows;
        for k in (first..data.rows() as u64).step_by(self.every as usize).map(|k| k as usize) {
            self.some.0.extend(data.x.row(k).iter());
            self.some.1.push(data.y[k]);
        }
        self.rows += data.rows() as u64;
    }

    /// Some of the rows, and the box around all; `None` where there was none.
    pub fn done(self) -> Option<(Dataset, Region)> {
        let Self { rows, corners, some: (inputs, y), .. } = self;
        let x = MatRef::from_row_major_slice(&inputs, y.len(), corners[0].len()).to_owned();
        let corners = Mat::from_fn(2, corners[0].len(), |k, j| corners[k][j]);
        let some = Dataset { x, y, others: Vec::new(), weights: None };
        (rows > 0).then(|| (some, Region::bounding_box(corners.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Rows;
    use crate::train::tests::toy;

    /// Whatever the blocks are: the box of all rows, and the rows whose number is a multiple.
    #[test]
    fn blocks_do_not_matter() {
        let data = toy(101, 3, 1);
        let all = Rows::of(&data);
        for (every, block) in [(1, 101), (7, 10), (7, 1), (200, 33)] {
            let mut seen = SeenRows::new(3, every as u64);
            for start in (0..101).step_by(block) {
                seen.add(&all.pick(&(start..101.min(start + block)).collect::<Vec<_>>()));
            }
            let (some, around) = seen.done().unwrap();
            assert_eq!(some, all.pick(&(0..101).step_by(every).collect::<Vec<_>>()));
            assert_eq!(around, Region::bounding_box(data.x.as_ref()));
        }
        assert!(SeenRows::new(3, 2).done().is_none());
    }
}
