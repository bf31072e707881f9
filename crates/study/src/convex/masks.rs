//! Sums of vectors chosen by bits: the product of a 0/1 matrix with a thin matrix.
//!
//! ```text
//! out_i = Σ_j bit_ij a_j          bit ∈ {0,1}^{rows × columns},  a_j ∈ R^width
//! ```
//!
//! With the patterns for the bits this is all that a gated layer does to its data, forwards and backwards: f_k = x̄_k ·
//! Σ_j D_jk z̄_j, and the gradient of pattern j is Σ_k D_jk r_k x̄_k. Four vectors have only 16 sums, so these are
//! tabulated and looked up by the bits ("four Russians"): a quarter of the additions, no multiplications, and one bit
//! of memory an entry.
//!
//! Sums are taken in one fixed order per entry, whatever the number of threads.

use faer::traits::pulp::{Simd, WithSimd};
use rayon::prelude::*;
use tautnet::vector::arch;

/// Vectors are padded to multiples of this.
pub(crate) const LANES: usize = 4;
/// Bits in a word.
const WORD: usize = 32;
/// Rows that share one set of tables.
const CHUNK: usize = 256;
/// Below this many table look-ups, a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 16;

/// The bits, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Masks {
    rows: usize,
    columns: usize,
    words: Vec<u32>,
}

impl Masks {
    pub fn from_fn(rows: usize, columns: usize, bit: impl Fn(usize, usize) -> bool) -> Self {
        let stride = columns.div_ceil(WORD);
        let mut words = vec![0; rows * stride];
        for i in 0..rows {
            for j in (0..columns).filter(|&j| bit(i, j)) {
                words[i * stride + j / WORD] |= 1 << (j % WORD);
            }
        }
        Self { rows, columns, words }
    }

    pub fn get(&self, i: usize, j: usize) -> bool {
        self.words[i * self.columns.div_ceil(WORD) + j / WORD] >> (j % WORD) & 1 == 1
    }

    /// `out_i = Σ_j bit_ij a_j`, both row by row, `width` a multiple of [`LANES`].
    pub fn sums(&self, vectors: &[f64], width: usize, out: &mut [f64]) {
        debug_assert!(vectors.len() == self.columns * width && out.len() == self.rows * width);
        let stride = self.columns.div_ceil(WORD);
        let work = |(words, out): (&[u32], &mut [f64])| {
            out.fill(0.0);
            arch().dispatch(Sums { words, stride, vectors, width, out });
        };
        let pieces = self.words.chunks(CHUNK * stride.max(1));
        if self.rows * stride * width < WORTH_A_THREAD {
            pieces.zip(out.chunks_mut(CHUNK * width)).for_each(work);
        } else {
            self.words.par_chunks(CHUNK * stride).zip(out.par_chunks_mut(CHUNK * width)).for_each(work);
        }
    }
}

/// The sums of at most [`CHUNK`] rows.
struct Sums<'a> {
    words: &'a [u32],
    stride: usize,
    vectors: &'a [f64],
    width: usize,
    out: &'a mut [f64],
}

impl WithSimd for Sums<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        let mut first = 0;
        while first < self.width {
            // Strips that fit the registers; most data need only one.
            match (self.width - first) / LANES {
                1 => self.strip::<4>(&mut first),
                2 => self.strip::<8>(&mut first),
                3 => self.strip::<12>(&mut first),
                _ => self.strip::<16>(&mut first),
            }
        }
    }
}

impl Sums<'_> {
    /// W of the vectors' entries.
    #[inline(always)]
    fn strip<const W: usize>(&mut self, first: &mut usize) {
        let start = *first;
        *first += W;
        let rows = self.out.len() / self.width;
        let mut tables = [[[0.0; W]; 16]; WORD / 4];
        for word in 0..self.stride {
            let vectors = &self.vectors[word * WORD * self.width..];
            let mut any = false;
            for (quad, table) in tables.iter_mut().enumerate() {
                for entry in 1..16usize {
                    let j = 4 * quad + entry.trailing_zeros() as usize;
                    let rest = table[entry & (entry - 1)];
                    table[entry] = match vectors.get(j * self.width + start..j * self.width + start + W) {
                        Some(vector) => {
                            let vector: &[f64; W] = vector.try_into().expect("W values");
                            std::array::from_fn(|q| rest[q] + vector[q])
                        }
                        None => rest,
                    };
                    any |= entry.is_power_of_two() && table[entry] != [0.0; W];
                }
            }
            // Most groups are zero near a sparse solution.
            if !any {
                continue;
            }
            for i in 0..rows {
                let bits = self.words[i * self.stride + word] as usize;
                let out = &mut self.out[i * self.width + start..][..W];
                let mut total = [0.0; W];
                for (quad, table) in tables.iter().enumerate() {
                    let entry = &table[bits >> (4 * quad) & 15];
                    for q in 0..W {
                        total[q] += entry[q];
                    }
                }
                for q in 0..W {
                    out[q] += total[q];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// The look-up against the double loop.
        #[test]
        fn sums_are_those_of_the_double_loop(
            rows in 1usize..600, columns in 1usize..80, lanes in 1usize..7, seed in 0u64..1000
        ) {
            let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
            let width = lanes * LANES;
            let bits: Vec<bool> = (0..rows * columns).map(|_| random.random()).collect();
            let masks = Masks::from_fn(rows, columns, |i, j| bits[i * columns + j]);
            let vectors: Vec<f64> = (0..columns * width).map(|_| random.random_range(-1.0..1.0)).collect();
            let mut out = vec![f64::NAN; rows * width];
            masks.sums(&vectors, width, &mut out);
            for i in 0..rows {
                for q in 0..width {
                    let naive: f64 =
                        (0..columns).filter(|&j| bits[i * columns + j]).map(|j| vectors[j * width + q]).sum();
                    prop_assert!((out[i * width + q] - naive).abs() < 1e-12 * columns as f64);
                    prop_assert_eq!(masks.get(i, q % columns), bits[i * columns + q % columns]);
                }
            }
        }
    }
}
