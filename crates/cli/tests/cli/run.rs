//! Runs the command in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub const TAUTNET: &str = env!("CARGO_BIN_EXE_tautnet");

/// A folder to run in; gone at the end of the test.
pub struct Folder {
    folder: tempfile::TempDir,
}

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Folder {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Names and contents of everything in the folder.
    pub fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let entries = self.path().read_dir().unwrap().map(|entry| entry.unwrap());
        let file = |entry: &std::fs::DirEntry| entry.file_type().unwrap().is_file();
        let mut all: Vec<_> = entries
            .map(|e| {
                (e.file_name().into_string().unwrap(), if file(&e) { std::fs::read(e.path()).unwrap() } else { vec![] })
            })
            .collect();
        all.sort();
        all
    }

    /// A command to run here, without the settings of whoever runs the tests.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null()).env_remove("TAUTNET_DATA");
        command
    }

    /// Run `tautnet` with arguments separated by spaces.
    pub fn tautnet(&self, arguments: &str) -> Ran {
        Ran::of(self.command(TAUTNET).args(arguments.split_whitespace()))
    }
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as one JSON object, of a run that succeeded.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}
