//! Images with labels as data: idx files, by name and by path.

use crate::run::{Folder, Ran, TAUTNET};

/// The bytes of an idx file.
fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let sizes_of = sizes.iter().flat_map(|size| size.to_be_bytes());
    [0, 0, 8, sizes.len() as u8].into_iter().chain(sizes_of).chain(bytes.iter().copied()).collect()
}

/// A folder of data sets with a small MNIST: images of two by one pixels, where the upper one is the brighter for threes and the
/// lower one for eights.
fn sets() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join("sets/mnist")).unwrap();
    for (part, count) in [("train", 60), ("t10k", 20)] {
        let labels: Vec<u8> = (0..count).map(|k| [3, 8, 1][k as usize % 3]).collect();
        let pixels = (0..count).flat_map(|k| match k % 3 {
            0 => [200 + k as u8 % 50, 20 + k as u8],
            1 => [20 + k as u8, 200 + k as u8 % 50],
            _ => [k as u8, k as u8],
        });
        let images = idx(&[count, 2, 1], &pixels.collect::<Vec<_>>());
        folder.write(&format!("sets/mnist/{part}-images-idx3-ubyte"), images);
        folder.write(&format!("sets/mnist/{part}-labels-idx1-ubyte"), idx(&[count], &labels));
    }
    folder
}

#[test]
fn two_digits_are_told_apart_and_tested_on_the_other_file() {
    let folder = sets();
    let run = "--data-dir sets --hidden 4 --lipschitz-price 0.01 --quiet";
    let text = folder.tautnet(&format!("train mnist:3,8,n=30 {run} --test mnist-test:3,8 --out m.json")).out;
    assert!(text.contains("mnist:3,8,n=30: 30 rows"), "{text}");
    assert!(text.contains("target `digit`, taken for a class: `3` or `8`"), "{text}");
    let ran = folder.tautnet("predict m.json mnist-test:8 --data-dir sets --tolerance 0 --json");
    let predictions = ran.json()["predictions"].as_array().unwrap().clone();
    assert!(predictions.len() == 7 && predictions.iter().all(|digit| digit == "8"), "{predictions:?}");

    let shown = folder.tautnet("data show mnist --data-dir sets").out;
    for part in ["CC BY-SA 3.0", "mnist: 60 rows, 3 columns", "pixel_1", "1 3 8"] {
        assert!(shown.contains(part), "{shown}");
    }
    let list = folder.tautnet("data list --data-dir sets").out;
    assert!(list.contains("mnist-test\n") && list.contains("t10k-images-idx3-ubyte\n"), "{list}");
    assert!(
        folder.tautnet("data list --data-dir none").out.contains("60000 rows; not here; `tautnet data fetch mnist`")
    );

    // The same files by their path, with the column `label`.
    let path = "sets/mnist/train-images-idx3-ubyte";
    let text = folder.tautnet(&format!("train {path}:3,8 {run}")).out;
    assert!(text.contains(":3,8: 40 rows") && text.contains("target `label`, taken for a class: `3` or `8`"), "{text}");
    assert_eq!(folder.tautnet(&format!("data show {path} --json")).json()["rows"], 60);
}

#[test]
fn bad_images_are_refused() {
    let folder = sets();
    folder.write("t.csv", "a,y\n1,2\n");
    let images = "sets/mnist/train-images-idx3-ubyte";
    for (command, err, hint) in [
        ("train mnist --data-dir none", "the data set `mnist` is not on this machine", "`tautnet data fetch mnist`"),
        ("data show mnist-test:1 --data-dir none", "the data set `mnist` is not on", "`tautnet data fetch mnist`"),
        ("data show mnist:3,three", "`three` in `mnist:3,three` is not understood", "`3,8` or `3,8,n=600`"),
        ("data show mnist:", "`` in `mnist:` is not understood", "`3,8,n=600`"),
        ("data show mnist:3,8,n=0", "`n=0` in `mnist:3,8,n=0` is not understood", "at least 1"),
        ("data show mnist:3,7 --data-dir sets", "mnist:3,7: no image has the label 7", "the labels are 1, 3, 8"),
        ("data show mnist:3,8,n=41 --data-dir sets", "41 rows are asked for, but 40 images", "give n=40 or less"),
        ("train mnist:3 --data-dir sets", "the target column `digit` has only one class", "as in `mnist:3,8`"),
        ("train mnist:3,8 --task regress --data-dir sets", "`digit` holds words (`3` in row 1)", "as in `mnist:3,8`"),
        (&format!("data show {images}:4"), "train-images-idx3-ubyte:4: no image has the label 4", "1, 3, 8"),
        ("data show t.csv:3,8", "t.csv: the file of its labels is not beside it", "`labels` for `images`"),
        (
            "data show mnist --data-dir sets --limit rows=59",
            "mnist has 60 rows, more than the limit",
            "--limit rows=60",
        ),
        (&format!("train {images}:3,8 --out {images} --force"), "is read and written", "a file of its own"),
    ] {
        let ran = folder.tautnet(command);
        let [what, told] = [0, 1].map(|at| ran.err.split("\nhint: ").nth(at).unwrap_or_default());
        assert!(ran.code == Some(2) && what.contains(err) && told.contains(hint), "{command}: {ran:?}");
    }
    folder.write("sets/mnist/t10k-labels-idx1-ubyte", idx(&[20], &[12; 20]));
    let ran = folder.tautnet("data show mnist-test --data-dir sets");
    assert!(ran.err.contains("label 1 is 12, but the largest is 9"), "{ran:?}");
    // A table of that name is still a table.
    folder.write("sets/mnist.csv", "a,y\n1,2\n");
    assert_eq!(folder.tautnet("data show mnist --data-dir sets --json").json()["rows"], 1);
}

/// The published files, where `TAUTNET_DATA` has them.
#[test]
fn the_published_digits_are_read() {
    let Some(data) = std::env::var_os("TAUTNET_DATA").filter(|data| std::path::Path::new(data).join("mnist").is_dir())
    else {
        eprintln!("skipped: MNIST is not in TAUTNET_DATA");
        return;
    };
    let folder = Folder::new();
    let run = |command: &str| Ran::of(folder.command(TAUTNET).args(command.split(' ')).env("TAUTNET_DATA", &data));
    let ran =
        run("train mnist:3,8,n=100 --hidden 3 --tolerance 0.02 --decay 0.01 --time-limit 10 --quiet --out m.json");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for digit in ["3", "8"] {
        let json = run(&format!("predict m.json mnist-test:{digit},n=50 --tolerance 0 --json")).json();
        let right = json["predictions"].as_array().unwrap().iter().filter(|predicted| *predicted == digit).count();
        assert!(right > 35, "{right} of 50 rows of {digit}");
    }
}
