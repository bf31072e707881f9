//! Writes random networks of several layers with their certificates, as issued and tampered with, one JSON object a line, for
//! `python/tests/exact_checker.py --cases FILE`, which judges each in exact arithmetic.
//!
//! ```text
//! cargo run --release --example random_chain_certificates -- FILE [NETWORKS [SEED]]
//! ```

#[path = "../tests/chain_cases/mod.rs"]
mod chain_cases;

use std::io::{BufWriter, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: random_chain_certificates FILE [NETWORKS [SEED]]")?;
    let networks = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    let seed = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let mut out = BufWriter::new(std::fs::File::create(&file)?);
    let (mut issued, mut refused) = (0, 0);
    for case in chain_cases::cases(seed, networks) {
        let accepted = case.accepted();
        if accepted != case.tampering.is_none() {
            return Err(format!("the verifier is wrong about a certificate tampered with: {:?}", case.tampering).into());
        }
        *if accepted { &mut issued } else { &mut refused } += 1;
        writeln!(out, "{}", case.line())?;
    }
    out.flush()?;
    println!("{issued} certificates accepted as issued, {refused} refused after tampering");
    Ok(())
}
