//! Running the program.

use crate::schema;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program that was built with the tests: `target/…/tautnet`, beside the folder of the test's own file.
pub fn tautnet() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its file");
    let folder = own.parent().and_then(Path::parent).expect("tests are built in target/…/deps");
    let program = folder.join(format!("tautnet{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} is not there: build the program first: cargo build --release", program.display());
    program
}

/// A folder to run in; gone at the end of the test.
pub struct Folder(tempfile::TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self(tempfile::tempdir().expect("there is a folder for temporary files"))
    }
}

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    /// Exit status; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Folder {
    /// A new one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Put a file there.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).expect("a temporary file can be written");
        path
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("the file is there")
    }

    /// Names and contents of everything there; a folder counts as empty.
    pub fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let content = |name: String| {
            let path = self.path().join(&name);
            let bytes = if path.is_file() { std::fs::read(&path).expect("it can be read") } else { Vec::new() };
            (name, bytes)
        };
        self.names().into_iter().map(content).collect()
    }

    /// Names of everything there.
    pub fn names(&self) -> Vec<String> {
        let entries = self.path().read_dir().expect("the folder is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A command to run there, without the settings of whoever runs the tests.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null()).env_remove("TAUTNET_DATA");
        command
    }

    /// Run `tautnet` with arguments separated by spaces.
    pub fn tautnet(&self, arguments: &str) -> Ran {
        Ran::of(self.command(tautnet()).args(arguments.split_whitespace()))
    }
}

impl Ran {
    /// Run a command to its end. What `tautnet` says as JSON is held against the schema of its command.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran = Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
        if Path::new(command.get_program()).file_stem() == Some(OsStr::new("tautnet")) {
            let arguments: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
            schema::check_run(&arguments, command.get_current_dir(), ran.code, &ran.out);
        }
        ran
    }

    /// Standard output as one JSON object, of a run that succeeded.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).expect("it is JSON")
    }
}
