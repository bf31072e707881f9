//! Images in the idx form beside whole labels, and labels beside whole images.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet_tables::{ReadOptions, Table};

const IMAGES: &[u8] = b"\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02\x00\xff\x10\x20\x01\x02\x03\x04\xff\x00\x00\xff";
const LABELS: &[u8] = b"\0\0\x08\x01\0\0\0\x03\x08\x03\x08";

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let [images, labels] = ["images-idx3", "labels-idx1"].map(|name| folder.path().join(name));
    for (of_images, of_labels) in [(bytes, LABELS), (IMAGES, bytes)] {
        std::fs::write(&images, of_images).expect("it can be written");
        std::fs::write(&labels, of_labels).expect("it can be written");
        let _ = Table::read(&images, &ReadOptions::default());
    }
});
