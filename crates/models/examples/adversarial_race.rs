//! Not for users: adversarial training tuned by validation, for `benchmarks/value.py` and `benchmarks/classes.py`.
//!
//! `adversarial_race FILE SHAPE SIZES NETWORK LOSS REACHES` reads numbers in standard units from a CSV file, target last, and the tolerance of
//! every input, joined by commas. Radius (the tolerance times one of REACHES), decay, width and the length of training are tuned by five-fold
//! cross-validation on the loss under attack. The best is trained on all rows and written to NETWORK; what it is, is printed.

use faer::Mat;
use rayon::prelude::*;
use tautnet::choose::Candidate;
use tautnet::rows::Rows;
use tautnet::tolerance::Tolerance;
use tautnet::train::Common;
use tautnet::{Dataset, Loss, attack, split};

const FOLDS: usize = 5;
const DECAYS: [f64; 6] = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1];
const WIDTHS: [usize; 2] = [50, 200];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, file, shape, sizes, out, loss, reaches] = std::env::args()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|given| format!("usage: adversarial_race FILE SHAPE SIZES NETWORK LOSS REACHES, got {given:?}"))?;
    let text = std::fs::read_to_string(&file)?;
    let numbers = |line: &str| line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>();
    let rows = text.lines().skip(1).map(numbers).collect::<Result<Vec<_>, _>>()?;
    let inputs = rows[0].len() - 1;
    let x = Mat::from_fn(rows.len(), inputs, |k, j| rows[k][j]);
    let data = Dataset::new(x, rows.iter().map(|row| row[inputs]).collect(), None)?;
    let tolerance = Tolerance::same(shape.parse()?, &numbers(&sizes)?)?;
    let parts: Vec<[Dataset; 2]> = split::by_folds(data.rows(), 1.0 / FOLDS as f64, FOLDS, 7)?
        .iter()
        .map(|split| [&split.train, &split.test].map(|rows| Rows::of(&data).pick(rows)))
        .collect();
    let loss: Loss = loss.parse()?;
    let judge = attack::Settings { nodes: 0, loss: loss.clone(), ..attack::Settings::new(f64::INFINITY) };
    let common = Common { loss, ..Common::default() };
    let reaches = numbers(&reaches)?;
    let mut candidates = Vec::new();
    for units in WIDTHS {
        for &reach in &reaches {
            candidates.extend(DECAYS.map(|decay| Candidate { reach, ..Candidate::ordinary(units, decay) }));
        }
    }
    let score = |candidate: &Candidate| -> tautnet::error::Result<f64> {
        let networks = parts.iter().map(|[learned, _]| candidate.make(learned, &tolerance, &common));
        let networks = networks.collect::<tautnet::error::Result<Vec<_>>>()?;
        let cases: Vec<_> =
            networks.iter().zip(&parts).map(|(network, [_, held])| (network, held, &tolerance)).collect();
        Ok(attack::within_each(&cases, &judge)?.found)
    };
    let best = |candidates: &[Candidate]| -> tautnet::error::Result<(f64, Candidate)> {
        let scored = candidates.par_iter().map(|candidate| Ok((score(candidate)?, *candidate)));
        let scored = scored.collect::<tautnet::error::Result<Vec<_>>>()?;
        Ok(scored.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are candidates"))
    };
    let short = best(&candidates)?;
    let long = best(&[Candidate { long: true, ..short.1 }])?;
    let (_, chosen) = if long.0 < short.0 { long } else { short };
    let network = chosen.make(&data, &tolerance, &common)?;
    let w: Vec<Vec<f64>> = (0..network.units()).map(|i| (0..inputs).map(|j| network.w()[(i, j)]).collect()).collect();
    let written = serde_json::json!({"w": w, "b": network.b(), "v": network.v(), "c": network.c()});
    std::fs::write(&out, written.to_string())?;
    println!("{chosen}");
    Ok(())
}
