//! Writes a whole file of every format into a folder for each target of `fuzz`: `cargo run --example seeds -- FOLDER`.

use std::path::Path;
use tautnet_adversarial::files::{Kind, seeds};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).expect("give the folder to write to, such as fuzz/corpus");
    for (k, seed) in seeds().iter().enumerate() {
        let (target, bytes) = match seed.kind {
            Kind::Table | Kind::Packed => ("table", &seed.bytes[..]),
            // The target puts the first four bytes there itself.
            Kind::Parquet => ("parquet", &seed.bytes[4..]),
            Kind::Json => ("json", &seed.bytes[..]),
            Kind::Onnx => ("onnx", &seed.bytes[..]),
            Kind::Safetensors => ("safetensors", &seed.bytes[..]),
            Kind::Certificate => ("verifier", &seed.bytes[..]),
            Kind::Chain | Kind::Margins => ("chain", &seed.bytes[..]),
            Kind::Search => ("search", &seed.bytes[..]),
            Kind::Trials => ("trials", &seed.bytes[..]),
            Kind::Archive => ("archive", &seed.bytes[..]),
            Kind::Images => ("images", &seed.bytes[..]),
            Kind::Experiment => ("experiment", &seed.bytes[..]),
        };
        let folder = Path::new(&folder).join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("seed-{k}")), bytes)?;
    }
    Ok(())
}
