//! `tautnet data fetch`; the archive is a server of the test's own.

use crate::run::{Folder, Ran};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server on this machine that holds one file and answers one request per item of `manners`.
struct Archive {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// How a request is answered.
#[derive(Clone, Copy)]
enum Manner {
    /// All that was asked for.
    Whole,
    /// The promise of all, and half of it.
    Half,
    /// All of it, whatever part was asked for.
    IgnoringRanges,
    /// An error.
    Missing,
    /// The promise of all, and a byte now and then.
    Drip,
    /// The promise of all, a little of it, and silence.
    Silence,
    /// More and more, without a length.
    Endless,
}

impl Archive {
    fn serve(file: Vec<u8>, manners: Vec<Manner>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/public/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for manner in manners {
                let (stream, _) = listener.accept().unwrap();
                seen.lock().unwrap().push(answer(stream, &file, manner));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Answer one request; says which path and range it was for.
fn answer(mut stream: TcpStream, file: &[u8], manner: Manner) -> String {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = head[0].split(' ').nth(1).unwrap().to_owned();
    let range = head.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let from: usize = range.as_ref().map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
    let (status, body) = match manner {
        Manner::Missing => ("404 Not Found", &b""[..]),
        Manner::IgnoringRanges => ("200 OK", file),
        _ if from >= file.len() => ("416 Range Not Satisfiable", &b""[..]),
        _ if range.is_some() => ("206 Partial Content", &file[from..]),
        _ => ("200 OK", file),
    };
    let place = format!("Content-Range: bytes {from}-{}/{}\r\n", file.len().saturating_sub(1), file.len());
    let place = if status.starts_with("206") { place } else { String::new() };
    if matches!(manner, Manner::Endless) {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[7; 1 << 12]).is_ok() {}
        return format!("{path} from {from}");
    }
    let sent = if matches!(manner, Manner::Half) { &body[..body.len() / 2] } else { body };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{place}Connection: close\r\n\r\n", body.len()).unwrap();
    // The other side may have hung up.
    match manner {
        Manner::Drip => {
            let mut bytes = sent.iter();
            while bytes.next().is_some_and(|byte| stream.write_all(&[*byte]).is_ok()) {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
        Manner::Silence => {
            let _ = stream.write_all(&sent[..10]);
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
        _ => {
            let _ = stream.write_all(sent);
        }
    }
    format!("{path} from {from}")
}

/// A zip archive of one stored file.
fn zip(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut checksum = !0u32;
    for byte in contents {
        checksum ^= u32::from(*byte);
        (0..8).for_each(|_| checksum = if checksum & 1 == 1 { checksum >> 1 ^ 0xedb8_8320 } else { checksum >> 1 });
    }
    let size = (contents.len() as u32).to_le_bytes();
    let name_length = (name.len() as u16).to_le_bytes();
    let common =
        [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &(!checksum).to_le_bytes(), &size, &size, &name_length, &[0, 0]]
            .concat();
    let local = [b"PK\x03\x04", &common[..], name.as_bytes(), contents].concat();
    let directory = [b"PK\x01\x02\x14\x00", &common[..], &[0; 14], name.as_bytes()].concat();
    let place = [(directory.len() as u32).to_le_bytes(), (local.len() as u32).to_le_bytes()].concat();
    [&local[..], &directory, b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &place, &[0, 0]].concat()
}

/// The archive of `machine`, rebuilt around the rows that the program itself holds.
fn machine() -> (Vec<u8>, String) {
    let csv = include_str!("../../../tables/src/data/machine.csv").to_owned();
    let published: String = csv.lines().skip(1).map(|row| format!("vendor,model,{row},0\n")).collect();
    (zip("machine.data", published.as_bytes()), csv)
}

fn fetch(folder: &Folder, archive: &Archive) -> Ran {
    folder.tautnet(&format!("data fetch machine --quiet --data-dir sets --from {}", archive.address))
}

#[test]
fn a_set_is_fetched_once_and_checked() {
    let (archive, csv) = machine();
    let server = Archive::serve(archive, vec![Manner::Whole]);
    let folder = Folder::new();
    let ran = fetch(&folder, &server);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(folder.read("sets/machine.csv"), csv);
    assert_eq!(folder.path().join("sets").read_dir().unwrap().count(), 1);
    assert_eq!(server.requests(), ["/public/29/computer+hardware.zip from 0"]);
    // The server answers no second time.
    assert!(fetch(&folder, &server).out.contains("already there"));
}

#[test]
fn a_broken_transfer_is_gone_on_with() {
    for second in [Manner::Whole, Manner::IgnoringRanges] {
        let (archive, csv) = machine();
        let half = archive.len() / 2;
        let server = Archive::serve(archive, vec![Manner::Half, second]);
        let folder = Folder::new();
        let ran = fetch(&folder, &server);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains("hint: check the network and try again; what has arrived is kept"), "{ran:?}");
        assert!(!folder.path().join("sets/machine.csv").exists());
        assert_eq!(fetch(&folder, &server).code, Some(0));
        assert_eq!(folder.read("sets/machine.csv"), csv);
        assert!(server.requests()[1].ends_with(&format!("from {half}")), "{:?}", server.requests());
    }
}

#[test]
fn a_part_that_is_too_long_is_begun_again() {
    let (archive, csv) = machine();
    let server = Archive::serve(archive.clone(), vec![Manner::Whole, Manner::Whole]);
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("sets")).unwrap();
    folder.write("sets/.29-computer+hardware.zip.part", [archive, vec![0; 10]].concat());
    let ran = fetch(&folder, &server);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(folder.read("sets/machine.csv"), csv);
}

#[test]
fn wrong_contents_are_refused_and_not_kept() {
    let changed = machine().1.lines().skip(1).map(|row| format!("v,m,1{row},0\n")).collect::<String>();
    for (file, what) in [
        (zip("machine.data", changed.as_bytes()), "error: the data of `machine` have SHA-256"),
        (zip("other.data", b"1,2\n"), "error: the zip archive has no `machine.data`"),
        (b"<html>sorry</html>".to_vec(), "error: the zip archive is damaged or cut short"),
    ] {
        let server = Archive::serve(file, vec![Manner::Whole]);
        let folder = Folder::new();
        let ran = fetch(&folder, &server);
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.starts_with(what), "{ran:?}");
        assert_eq!(folder.path().join("sets").read_dir().unwrap().count(), 0);
    }
    let server = Archive::serve(Vec::new(), vec![Manner::Missing]);
    let ran = fetch(&Folder::new(), &server);
    assert!(ran.err.contains("the server says 404"), "{ran:?}");
}

/// The four files of MNIST, each checked by what it unpacks to.
#[test]
fn images_are_fetched_file_by_file_and_checked() {
    let server = Archive::serve(b"\x1f\x8b<html>sorry</html>".to_vec(), vec![Manner::Whole, Manner::Missing]);
    let folder = Folder::new();
    let fetch =
        |name: &str| folder.tautnet(&format!("data fetch {name} --quiet --data-dir sets --from {}", server.address));
    let ran = fetch("mnist");
    assert!(ran.code == Some(2) && ran.err.contains("train-images-idx3-ubyte could not be read"), "{ran:?}");
    assert!(fetch("mnist-test").err.contains("the server says 404"));
    assert_eq!(server.requests(), ["/public/train-images-idx3-ubyte.gz from 0"; 2]);
    assert_eq!(folder.path().join("sets/mnist").read_dir().unwrap().count(), 0);

    let Some(data) = std::env::var_os("TAUTNET_DATA").filter(|data| std::path::Path::new(data).join("mnist").is_dir())
    else {
        eprintln!("skipped: MNIST is not in TAUTNET_DATA");
        return;
    };
    let file = |part: &str| std::fs::read(std::path::Path::new(&data).join(format!("mnist/{part}.gz"))).unwrap();
    let parts = ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
    for part in parts {
        folder.write(&format!("sets/mnist/{part}.gz"), file(part));
    }
    // What is there and right is not fetched again; what is not is.
    let server = Archive::serve(file("train-images-idx3-ubyte"), vec![Manner::Whole]);
    let ran = folder.tautnet(&format!("data fetch mnist --quiet --data-dir sets --from {}", server.address));
    assert_eq!((ran.code, ran.out.matches("(already there)").count(), ran.out.lines().count()), (Some(0), 3, 4));
    assert_eq!(folder.tautnet("data show mnist:0,1 --data-dir sets --json").json()["rows"], 5923 + 6742);
}

#[test]
fn a_server_cannot_hold_us_nor_fill_the_disk() {
    for (manner, flags, what) in [
        (Manner::Drip, "--time-limit 1", "it took longer than 1s"),
        (Manner::Silence, "--time-limit 1", "it took longer than 1s"),
        (Manner::Whole, "--limit bytes=1000", "bytes, more than the limit of 1000"),
        (Manner::Endless, "--limit bytes=100000", "bytes, more than the limit of 100000"),
    ] {
        let server = Archive::serve(machine().0, vec![manner]);
        let folder = Folder::new();
        let address = &server.address;
        let ran = folder.tautnet(&format!("data fetch machine --quiet --data-dir sets --from {address} {flags}"));
        assert!(ran.code == Some(2) && ran.err.contains(what), "{ran:?}");
        assert!(!folder.path().join("sets/machine.csv").exists());
        let part = folder.path().join("sets/.29-computer+hardware.zip.part");
        assert!(part.metadata().map_or(0, |part| part.len()) < 200_000);
    }
}
