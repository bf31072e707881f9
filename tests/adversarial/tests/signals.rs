//! Interrupts at random moments, while files are written: a file is whole or not there, and the next run leaves nothing behind.
#![cfg(unix)]

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tautnet_adversarial::effort::Effort;
use tautnet_adversarial::files::{TABLE, model as seed_model, network};
use tautnet_adversarial::ledger::Ledger;
use tautnet_adversarial::networks::Draw;
use tautnet_furniture::{Folder, tautnet};
use tautnet_models::{SearchFile, Stored};

/// Commands that write files, of about a second or less.
const COMMANDS: [&str; 8] = [
    "train rastrigin:n=200,d=2,seed=1 --hidden 10 --lipschitz-price 0.01 --out out.json --report out.html --plot out.svg",
    "train data.csv --hidden 4 --lipschitz-price 0.01 --out out.onnx --plot fit=out.png",
    "polish model.json data.csv --lipschitz-price 0.01 --out out.json --report out.html",
    "certify model.json --certificate certificate.json --out out.json --plot out.svg",
    "certify network.json --exact --norm 2 --resume search.json --certificate certificate.json",
    "export model.json --out out.safetensors",
    "predict model.json data.csv --radius 0.1 --out out.csv",
    "compare data.csv --trials 2 --hidden 3 --out out.csv",
];

/// What a file says of itself; `None` where it is whole.
fn flaw(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    let ends_with = |end: &[u8]| (!bytes.ends_with(end)).then(|| format!("{name} has no end, {} bytes", bytes.len()));
    match name.as_str() {
        "certificate.json" => {
            let network = seed_model().shallow("a test").expect("it is shallow");
            let verified = tautnet_models::verify(&bytes, &network, None).err();
            verified.map(|refusal| format!("{name}: {refusal}"))
        }
        "search.json" => SearchFile::parse(&bytes, &name).err().map(|error| error.to_string()),
        // The answer of `certify` is JSON without a format.
        "out.json" => serde_json::from_slice::<serde_json::Value>(&bytes).err().map(|error| format!("{name}: {error}")),
        "out.onnx" | "out.safetensors" => Stored::read(path).err().map(|error| error.to_string()),
        "out.html" => ends_with(b"</html>\n"),
        "out.svg" => ends_with(b"</svg>\n"),
        "out.png" => ends_with(b"IEND\xaeB`\x82"),
        "out.csv" => ends_with(b"\n"),
        _ => None,
    }
}

fn send(signal: &str, child: &Child) {
    let _ = std::process::Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status();
}

fn left_over(folder: &Folder) -> Vec<String> {
    folder.names().into_iter().filter(|name| name.ends_with(".part") || name.starts_with(".tautnet")).collect()
}

#[test]
fn interrupts_leave_whole_files_or_none() {
    let effort = Effort::asked();
    let rounds = effort.count(16, 240);
    let program = tautnet();
    let mut ledger = Ledger::default();
    // How long each command takes when it is left alone.
    let mut whole = Vec::new();
    for command in COMMANDS {
        let folder = prepared();
        let started = Instant::now();
        let ran = folder.tautnet(&format!("{command} --force"));
        whole.push(started.elapsed());
        ledger.check("commands succeed when left alone", ran.code == Some(0), || format!("{command}: {ran:?}"));
        for name in folder.names() {
            let flaw = flaw(&folder.path().join(&name));
            ledger.check("files are whole when left alone", flaw.is_none(), || format!("{command}: {flaw:?}"));
        }
    }
    for round in 0..rounds {
        let mut draw = Draw::new(effort.seed.wrapping_mul(1 << 32).wrapping_add(round as u64));
        let which = round % COMMANDS.len();
        let folder = prepared();
        let arguments = format!("{} --force", COMMANDS[which]);
        let signal = draw.of(&["-INT", "-INT", "-TERM"]);
        let twice = draw.once_in(4);
        let moment = whole[which].mul_f64(0.55 * (1.0 + draw.unit()));
        let mut child = folder
            .command(&program)
            .args(arguments.split_whitespace())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be started");
        std::thread::sleep(moment);
        send(signal, &child);
        if twice {
            std::thread::sleep(Duration::from_millis(draw.int(0, 30) as u64));
            send(signal, &child);
        }
        let sent = Instant::now();
        let status = child.wait().expect("a child can be waited for");
        let time = sent.elapsed();
        let story = |what: &str| {
            let times = if twice { "twice " } else { "" };
            format!(
                "`tautnet {arguments}`, {signal} {times}after {:.2} s of {:.2} s: {what}",
                moment.as_secs_f64(),
                whole[which].as_secs_f64()
            )
        };
        // Done, a claim that failed, or interrupted: by the second Ctrl-C, or by the system.
        let fine = matches!(status.code(), None | Some(0 | 1 | 130 | 143));
        ledger.check("exit status", fine, || story(&format!("{status:?}")));
        ledger.check("ends within two seconds of the signal", time < Duration::from_secs(2), || {
            story(&format!("{time:?} later"))
        });
        for name in folder.names() {
            let flaw = flaw(&folder.path().join(&name));
            ledger.check("whole or not there", flaw.is_none(), || story(&format!("{flaw:?}")));
        }
        let again = folder.tautnet(&arguments);
        ledger.check("the next run succeeds", again.code == Some(0), || story(&format!("{again:?}")));
        let parts = left_over(&folder);
        ledger.check("the next run leaves nothing behind", parts.is_empty(), || story(&format!("{parts:?}")));
    }
    ledger.settle(&format!("{rounds} interrupts"));
}

fn prepared() -> Folder {
    let folder = Folder::default();
    folder.write("data.csv", TABLE);
    folder.write("model.json", seed_model().to_json().expect("it can be written"));
    folder.write("network.json", tautnet_models::json::network_to_json(&network().into()).expect("it can be written"));
    folder
}
