//! Not for users: the robust program with wide inputs, for `benchmarks/wide.py`.
//!
//! `wide FOLDER A B ROWS PATTERNS RADIUS LOSS CELLS DECAY TOLERANCE SECONDS` reads the digits A and B of the MNIST training files in the folder (unpacked idx files), the first
//! so many rows of both together, pixels from 0 to 1, and draws Gaussian patterns, each with both signs. It prints one JSON object.

use std::{fs, ops::ControlFlow, path::Path, time::Instant};
use tautnet::{Dataset, Norm};
use tautnet_study::admm::Groups;
use tautnet_study::rivals;
use tautnet_study::robust::{Cells, Progress, Settings, robust};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, folder, a, b, rows, patterns, radius, loss, cells, decay, tolerance, limit] =
        std::env::args().collect::<Vec<_>>().try_into().map_err(|given| {
            format!("usage: wide FOLDER A B ROWS PATTERNS RADIUS LOSS CELLS DECAY TOLERANCE SECONDS, got {given:?}")
        })?;
    let data = digits(Path::new(&folder), [a.parse()?, b.parse()?], rows.parse()?)?;
    let network = rivals::gaussian(&data, patterns.parse()?, 1)?;
    let settings = Settings {
        loss: loss.parse()?,
        decay: decay.parse()?,
        radius: radius.parse()?,
        norm: Norm::Infinity,
        cells: if cells == "hard" { Cells::Hard } else { Cells::Soft },
        tolerance: tolerance.parse()?,
        ..Settings::default()
    };
    let limit: f64 = limit.parse()?;
    let start = Instant::now();
    let groups = Groups::of(&network, &data)?;
    let run = robust(&groups, &data, &settings, &mut |told: &Progress| {
        let seconds = start.elapsed().as_secs_f64();
        if told.iteration % 200 == 20 {
            eprintln!(
                "{seconds:7.1} s {:6} {:.6} {:.6} {:.6}",
                told.iteration, told.objective, told.best, told.lower_bound
            );
        }
        if seconds < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    println!(
        "{{\"rows\": {}, \"units\": {}, \"seconds\": {:?}, \"iterations\": {}, \"objective\": {:?}, \"loss\": {:?}, \"lower_bound\": {:?}, \"gap\": {:?}, \"units_left\": {}}}",
        data.rows(),
        groups.signs.len(),
        start.elapsed().as_secs_f64(),
        run.iterations,
        run.objective,
        run.loss,
        run.lower_bound,
        run.gap(),
        run.network.v().iter().filter(|v| **v != 0.0).count(),
    );
    Ok(())
}

/// Images of two digits, as the targets -1 and 1.
fn digits(folder: &Path, pair: [u8; 2], rows: usize) -> Result<Dataset, Box<dyn std::error::Error>> {
    let images = fs::read(folder.join("train-images-idx3-ubyte"))?;
    let labels = fs::read(folder.join("train-labels-idx1-ubyte"))?;
    if images.get(..4) != Some(&[0, 0, 8, 3]) || labels.get(..4) != Some(&[0, 0, 8, 1]) {
        return Err("these are no idx files of images and labels".into());
    }
    let (images, labels) = (&images[16..], &labels[8..]);
    let chosen: Vec<usize> = (0..labels.len()).filter(|&k| pair.contains(&labels[k])).take(rows).collect();
    let x = faer::Mat::from_fn(chosen.len(), 784, |r, j| f64::from(images[784 * chosen[r] + j]) / 255.0);
    Ok(Dataset::new(x, chosen.iter().map(|&k| if labels[k] == pair[0] { -1.0 } else { 1.0 }).collect(), None)?)
}
