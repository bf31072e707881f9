//! What a file may be: its format, how many digits it holds, and what becomes of a scaler.

use std::path::Path;
use tautnet::error::{Error, Result};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// This program's own.
    Json,
    /// ONNX.
    Onnx,
    /// safetensors.
    Safetensors,
}

impl Format {
    /// The format that a file's name asks for: `.onnx` and `.safetensors`, and JSON for all others. Names that other programs
    /// give to formats that are not read are refused.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let hint = match extension.as_deref().unwrap_or_default() {
            "onnx" => return Ok(Format::Onnx),
            "safetensors" => return Ok(Format::Safetensors),
            "pt" | "pth" | "ckpt" => "save it with safetensors' `save_file(model.state_dict(), \"model.safetensors\")`",
            "pkl" | "pickle" | "joblib" | "npz" => "write its arrays as JSON, or convert it with skl2onnx",
            "h5" | "hdf5" | "keras" | "pb" | "tflite" => {
                "export it as ONNX: `model.export(\"model.onnx\", format=\"onnx\")`"
            }
            _ => return Ok(Format::Json),
        };
        let what = format!("{}: networks are kept as .json, .onnx or .safetensors", path.display());
        Err(Error::new(what, hint))
    }
}

/// The precision of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Double precision: all of them.
    #[default]
    F64,
    /// Single precision: 24 bits, for programs that have no other.
    F32,
}

impl Precision {
    /// The bytes of numbers, little-endian.
    pub(crate) fn encode(self, values: &[f64]) -> Vec<u8> {
        match self {
            Precision::F64 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Precision::F32 => values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect(),
        }
    }

    /// The number that the file will hold.
    pub(crate) fn round(self, value: f64, name: impl FnOnce() -> String) -> Result<f64> {
        let rounded = match self {
            Precision::F64 => value,
            Precision::F32 => f64::from(value as f32),
        };
        if rounded.is_finite() {
            return Ok(rounded);
        }
        Err(Error::new(
            format!("{} is {value:e}, too large for single precision", name()),
            "write it in double precision",
        ))
    }
}

/// What becomes of the scaler of a model, that is, of its standardization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalerChoice {
    /// It stands beside the network, which is in standardized units.
    Kept,
    /// It is multiplied into the weights.
    Folded,
}

impl std::str::FromStr for Precision {
    type Err = Error;

    /// The precision of that name.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "f64" => Ok(Precision::F64),
            "f32" => Ok(Precision::F32),
            _ => Err(Error::new(format!("there is no precision called `{name}`"), "choose one of: f64, f32")),
        }
    }
}

impl std::str::FromStr for ScalerChoice {
    type Err = Error;

    /// The choice of that name.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "kept" => Ok(ScalerChoice::Kept),
            "folded" => Ok(ScalerChoice::Folded),
            _ => Err(Error::new(
                format!("there is no choice for the scaler called `{name}`"),
                "choose one of: kept, folded",
            )),
        }
    }
}

/// How a network is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// What becomes of the scaler; `None` for what suits the format.
    pub scaler: Option<ScalerChoice>,
    /// The precision in which numbers are written.
    pub precision: Precision,
}
