//! Writes random networks with their certificates, as issued and tampered with, one JSON object a line, for
//! `python/tests/exact_checker.py --cases FILE`, which judges each in exact arithmetic.
//!
//! ```text
//! cargo run --release --example random_certificates -- FILE [NETWORKS [SEED]]
//! ```

#[path = "../tests/cases/mod.rs"]
mod cases;

use serde_json::json;
use std::io::{BufWriter, Write};
use tautnet::certify::verify;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: random_certificates FILE [NETWORKS [SEED]]")?;
    let networks = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let seed = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let mut out = BufWriter::new(std::fs::File::create(&file)?);
    let (mut issued, mut refused) = (0, 0);
    for case in cases::cases(seed, networks) {
        let accepted = verify(&case.bytes, &case.network).is_ok();
        if accepted != case.tampering.is_none() {
            return Err(format!("the verifier is wrong about a certificate tampered with: {:?}", case.tampering).into());
        }
        *if accepted { &mut issued } else { &mut refused } += 1;
        let network = &case.network;
        let rows: Vec<Vec<f64>> =
            (0..network.units()).map(|i| (0..network.inputs()).map(|k| network.w()[(i, k)]).collect()).collect();
        let line = json!({
            "network": { "w": rows, "b": network.b(), "v": network.v(), "c": network.c(), "a": network.a() },
            "certificate": String::from_utf8(case.bytes)?,
            "tampering": case.tampering,
            "accepted": accepted,
        });
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    println!("{issued} certificates accepted as issued, {refused} refused after tampering");
    Ok(())
}
