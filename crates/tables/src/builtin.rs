//! Data sets that need no file.
//!
//! `rastrigin` is drawn: x uniform in [−5.12, 5.12]^d and
//!
//! ```text
//! y = 10 d + Σ_k ( x_k² − 10 cos(2π x_k) ),
//! ```
//!
//! a bowl with a bump on every lattice point. `machine` is compiled in: 209 computers of the 1980s and their relative
//! performance (UCI "Computer Hardware", CC BY 4.0; see `data/README.md` beside this file). So is `breast`: 30 measures of the cell
//! nuclei of 569 samples of breast tissue, and whether the lump was malignant (UCI "Breast Cancer Wisconsin (Diagnostic)"), and `iris`: the leaves of 150 flowers of three kinds (UCI
//! "Iris").

use crate::table::{Column, ReadOptions, Table, Values};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};

const MACHINE: &str = include_str!("data/machine.csv");
const BREAST: &str = include_str!("data/breast.csv");
const IRIS: &str = include_str!("data/iris.csv");

/// The settings with which the data set `rastrigin` is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rastrigin {
    /// The number of rows, 1 or more.
    pub rows: usize,
    /// The number of inputs, 1 or more.
    pub inputs: usize,
    /// The seed of the draw.
    pub seed: u64,
}

impl Default for Rastrigin {
    fn default() -> Self {
        Self { rows: 1500, inputs: 2, seed: 0 }
    }
}

impl Rastrigin {
    /// The table of this draw: columns `x1`, …, `xd`, `target`.
    pub fn table(&self) -> Result<Table> {
        let mut rng = Pcg64::seed_from_u64(self.seed);
        let mut x: Vec<Vec<f64>> = vec![Vec::with_capacity(self.rows); self.inputs];
        let mut y = Vec::with_capacity(self.rows);
        for _ in 0..self.rows {
            let mut value = 10.0 * self.inputs as f64;
            for column in &mut x {
                let xk = rng.random_range(-5.12..5.12);
                value += xk * xk - 10.0 * (std::f64::consts::TAU * xk).cos();
                column.push(xk);
            }
            y.push(value);
        }
        let mut columns: Vec<Column> =
            x.into_iter().enumerate().map(|(k, v)| Column::new(format!("x{}", k + 1), Values::Numbers(v))).collect();
        columns.push(Column::new("target", Values::Numbers(y)));
        Table::new("rastrigin", columns)
    }

    /// From its name: `rastrigin`, or `rastrigin:n=1500,d=2,seed=0` with any of the three.
    fn parse(name: &str) -> Result<Option<Self>> {
        let Some(rest) = name.strip_prefix("rastrigin") else { return Ok(None) };
        let mut drawn = Self::default();
        let parts = match rest.strip_prefix(':') {
            Some(parts) => parts,
            None if rest.is_empty() => return Ok(Some(drawn)),
            None => return Ok(None),
        };
        let refuse = |part: &str| {
            let hint = "write rastrigin:n=1500,d=2,seed=0, with at least one row and one input";
            Error::new(format!("`{part}` in `{name}` is not understood"), hint)
        };
        for part in parts.split(',') {
            let (key, value) = part.split_once('=').ok_or_else(|| refuse(part))?;
            let value: u64 = value.parse().map_err(|_| refuse(part))?;
            match key {
                "n" if (1..1 << 48).contains(&value) => drawn.rows = value as usize,
                "d" if (1..1 << 48).contains(&value) => drawn.inputs = value as usize,
                "seed" => drawn.seed = value,
                _ => return Err(refuse(part)),
            }
        }
        Ok(Some(drawn))
    }
}

/// The built-in data set of this name, if there is one.
pub fn table(name: &str) -> Result<Option<Table>> {
    table_within(name, &Limits::default())
}

/// The same, but refused where it is larger than the limits allow.
pub fn table_within(name: &str, limits: &Limits) -> Result<Option<Table>> {
    if let Some((_, text)) =
        [("machine", MACHINE), ("breast", BREAST), ("iris", IRIS)].iter().find(|(known, _)| *known == name)
    {
        return Table::from_reader(name, text.as_bytes(), &ReadOptions::default()).map(Some);
    }
    let Some(drawn) = Rastrigin::parse(name)? else { return Ok(None) };
    let (rows, columns) = (drawn.rows as u64, drawn.inputs as u64 + 1);
    limits.check(Limit::Rows, name, rows)?;
    limits.check(Limit::Columns, name, columns)?;
    limits.check_cells(name, rows, columns)?;
    drawn.table().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn machine_is_the_published_set() {
        let table = table("machine").unwrap().unwrap();
        assert_eq!((table.rows(), table.columns().len()), (209, 7));
        assert_eq!(table.columns()[6].name, "target");
        let set = crate::public_data::find("machine").unwrap();
        assert_eq!(crate::public_data::hexadecimal(&Sha256::digest(MACHINE.as_bytes())), set.sha256);
    }

    #[test]
    fn breast_has_two_classes() {
        let table = table("breast").unwrap().unwrap();
        assert_eq!((table.rows(), table.columns().len()), (569, 31));
        let Values::Words { levels, codes } = table.column("diagnosis").unwrap().values().unwrap() else {
            panic!("words")
        };
        assert_eq!(levels, &["benign", "malignant"]);
        assert_eq!(codes.iter().filter(|&&code| code == 1).count(), 212);
    }

    #[test]
    fn iris_has_three_classes() {
        let table = table("iris").unwrap().unwrap();
        assert_eq!((table.rows(), table.columns().len()), (150, 5));
        let Values::Words { levels, codes } = table.column("kind").unwrap().values().unwrap() else { panic!("words") };
        assert_eq!(levels, &["setosa", "versicolor", "virginica"]);
        assert!((0..3).all(|class| codes.iter().filter(|&&code| code == class).count() == 50));
        // As scikit-learn has it: rows 35 and 38 of the file of the repository are known to differ from the article.
        let Values::Numbers(widths) = table.column("petal_width").unwrap().values().unwrap() else { panic!("numbers") };
        assert!((widths.iter().sum::<f64>() - 179.9).abs() < 1e-9);
    }

    #[test]
    fn rastrigin_is_its_formula_and_follows_its_name() {
        let table = table("rastrigin:d=3,n=50,seed=9").unwrap().unwrap();
        let column = |k: usize| match table.columns()[k].values().unwrap() {
            Values::Numbers(v) => v.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(table.rows(), 50);
        for k in 0..50 {
            // Half-angle form: x² − 10 cos 2πx + 10 = x² + 20 sin² πx.
            let y: f64 =
                (0..3).map(|j| column(j)[k]).map(|x| x * x + 20.0 * (std::f64::consts::PI * x).sin().powi(2)).sum();
            assert!((y - column(3)[k]).abs() < 1e-10);
        }
        assert_eq!(super::table("rastrigin").unwrap(), super::table("rastrigin:n=1500,d=2,seed=0").unwrap());
        assert_ne!(super::table("rastrigin").unwrap(), super::table("rastrigin:seed=1").unwrap());
        assert_eq!(super::table("rastrigins").unwrap(), None);
        for bad in ["rastrigin:", "rastrigin:n=0", "rastrigin:n=x", "rastrigin:k=3", "rastrigin:n", "rastrigin:n=9e9"] {
            assert!(super::table(bad).is_err(), "{bad}");
        }
        for large in ["rastrigin:n=1000000000", "rastrigin:d=2000000", "rastrigin:n=100000,d=100000"] {
            assert!(super::table(large).unwrap_err().hint.contains("⟨limit="), "{large}");
        }
    }
}
