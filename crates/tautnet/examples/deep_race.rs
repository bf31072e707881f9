//! Not for users: one timed training of a deep network, for `benchmarks/deep.py`.
//!
//! `deep_race LEARN TEST KEY=VALUE …` reads two files of images (two little-endian words of 4 bytes, rows and columns, then the pixels and the
//! labels, a byte each) and prints one JSON object a pass: seconds, loss, bound; at the end what is right and certain on the rows of TEST by
//! the norms of the training, which prove nothing.

use faer::Mat;
use serde_json::json;
use std::{ops::ControlFlow, time::Instant};
use tautnet::deep::{Form, Price, Settings, train};
use tautnet::{Dataset, Limits};

type Failure = Box<dyn std::error::Error>;

fn read(path: &str) -> Result<Dataset, Failure> {
    let bytes = std::fs::read(path)?;
    let word = |at: usize| -> Result<usize, Failure> { Ok(u32::from_le_bytes(bytes[at..at + 4].try_into()?) as usize) };
    let (n, d) = (word(0)?, word(4)?);
    let (pixels, labels) = bytes[8..].split_at(n * d);
    let x = Mat::from_fn(n, d, |k, j| f64::from(pixels[k * d + j]) / 255.0);
    Ok(Dataset::new(x, labels.iter().map(|label| f64::from(*label)).collect(), None)?)
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [learn, test, asked @ ..] = &arguments[..] else {
        return Err("usage: deep_race LEARN TEST KEY=VALUE …".into());
    };
    let mut settings = Settings { classes: Some(10), ..Settings::default() };
    for one in asked {
        let (key, value) = one.split_once('=').ok_or_else(|| format!("{one} is not KEY=VALUE"))?;
        match key {
            "layers" => settings.layers = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "activation" => settings.activation = value.parse()?,
            "norm" => settings.norm = value.parse()?,
            "radius" => settings.radius = value.parse()?,
            "ramp" => settings.ramp = value.parse()?,
            "price" => settings.price.amount = value.parse()?,
            "form" => {
                let form = if value == "log" { Form::Logarithm } else { Form::Product };
                settings.price = Price { form, ..settings.price };
            }
            "epochs" => settings.epochs = value.parse()?,
            "batch" => settings.batch = value.parse()?,
            "rate" => settings.rate = value.parse()?,
            "most" => settings.most = Some(value.parse()?),
            "validation" => settings.validation = value.parse()?,
            "seed" => settings.seed = value.parse()?,
            "hidden" => settings.hidden = value.parse()?,
            "biases" => settings.biases = value.parse()?,
            _ => return Err(format!("{key} is no setting").into()),
        }
    }
    let data = read(learn)?;
    let started = Instant::now();
    let trained = train(&data, &settings, &Limits::default(), &mut |progress| {
        if progress.steps.0 == progress.steps.1 {
            let seconds = started.elapsed().as_secs_f64();
            println!(
                "{}",
                json!({"epoch": progress.epoch, "seconds": seconds, "loss": progress.loss, "bound": progress.bound})
            );
        }
        ControlFlow::Continue(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let test = read(test)?;
    let network = &trained.network;
    let (last, hidden) = network.layers().split_last().ok_or("no layer")?;
    let norm = settings.norm;
    let mut product = settings.activation.lipschitz(norm).powi(hidden.len() as i32);
    for layer in hidden {
        let w = layer.weights();
        product *= match norm {
            tautnet::Norm::Two => w.singular_values().map_err(|_| "no singular values")?[0],
            tautnet::Norm::Infinity => w.row_iter().map(|row| row.iter().map(|x| x.abs()).sum()).fold(0.0, f64::max),
            tautnet::Norm::One => w.col_iter().map(|column| column.iter().map(|x| x.abs()).sum()).fold(0.0, f64::max),
        };
    }
    let v = last.weights();
    let steepness = |y: usize, j: usize| {
        let row: Vec<f64> = (0..v.ncols()).map(|k| v[(y, k)] - v[(j, k)]).collect();
        product * norm.dual().of(&row)
    };
    let values = network.predict(test.x.as_ref());
    let radii = [0.0, 0.3, 1.0, 1.58, 0.01, 0.03];
    let mut certain = [0.0; 6];
    for k in 0..test.rows() {
        let y = test.y[k] as usize;
        for (at, radius) in radii.iter().enumerate() {
            let keeps = |j: usize| j == y || values[(k, y)] - values[(k, j)] > radius * steepness(y, j);
            certain[at] += f64::from(u8::from((0..10).all(keeps))) / test.rows() as f64;
        }
    }
    println!(
        "{}",
        json!({"seconds": seconds, "epoch": trained.epoch, "radii": radii, "certain": certain, "validation": trained.validation})
    );
    Ok(())
}
