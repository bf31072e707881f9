//! Constants of an ONNX graph.

use crate::element::Element;
use crate::onnx_messages::{Attribute, Tensor};
use std::sync::Arc;

pub(crate) const FLOAT: i32 = 1;
pub(crate) const INT64: i32 = 7;
pub(crate) const STRING: i32 = 8;
pub(crate) const DOUBLE: i32 = 11;

/// The type of a tensor's numbers, if they are read.
fn element(tensor: &Tensor) -> Option<Element> {
    match tensor.data_type {
        FLOAT => Some(Element::F32),
        DOUBLE => Some(Element::F64),
        6 => Some(Element::I32),
        7 => Some(Element::I64),
        10 => Some(Element::F16),
        16 => Some(Element::Bf16),
        _ => None,
    }
}

/// How many numbers a tensor holds.
pub(crate) fn numbers(tensor: &Tensor) -> u64 {
    let raw = tensor.raw_data.as_ref().map_or(0, Vec::len) / element(tensor).map_or(1, Element::size);
    let lists = [tensor.float_data.len(), tensor.int32_data.len(), tensor.int64_data.len(), tensor.double_data.len()];
    lists.into_iter().fold(raw as u64, |sum, length| sum.saturating_add(length as u64))
}

/// Numbers that the graph brings along.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Constant {
    /// The shape; empty for a single number.
    pub dims: Vec<usize>,
    /// The numbers, the last index running fastest.
    pub values: Arc<Vec<f64>>,
}

impl Constant {
    pub fn new(dims: Vec<usize>, values: Vec<f64>) -> Self {
        Self { dims, values: Arc::new(values) }
    }

    /// From a tensor of the file; what is wrong where it cannot be one.
    pub fn of(tensor: &Tensor) -> Result<Self, String> {
        if tensor.data_location != 0 || !tensor.external_data.is_empty() {
            return Err("has its numbers in another file; save the model with all in one file".into());
        }
        let dims: Option<Vec<usize>> = tensor.dims.iter().map(|&length| usize::try_from(length).ok()).collect();
        let count = |dims: &Vec<usize>| dims.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
        let (Some(dims), Some(due)) = (dims.clone(), dims.as_ref().and_then(count)) else {
            return Err(format!("has the shape {:?}", tensor.dims));
        };
        let Some(element) = element(tensor) else {
            let other = tensor.data_type;
            return Err(format!("has the element type {other}: only floating point and whole numbers are read"));
        };
        let values: Vec<f64> = match (&tensor.raw_data, element) {
            (Some(raw), _) if raw.len() % element.size() != 0 => {
                return Err(format!("has {} bytes, no multiple of {}", raw.len(), element.size()));
            }
            (Some(raw), _) => element.decode(raw),
            (None, Element::F32) => tensor.float_data.iter().map(|&value| value.into()).collect(),
            (None, Element::F64) => tensor.double_data.clone(),
            (None, Element::I32) => tensor.int32_data.iter().map(|&value| value.into()).collect(),
            (None, Element::I64) => tensor.int64_data.iter().map(|&value| value as f64).collect(),
            // The bits of each are in an entry of its own.
            (None, Element::F16 | Element::Bf16) => {
                let bits = tensor.int32_data.iter().flat_map(|&bits| (bits as u16).to_le_bytes());
                element.decode(&bits.collect::<Vec<_>>())
            }
        };
        if values.len() != due {
            return Err(format!("has the shape {dims:?} but {} numbers", values.len()));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(format!("holds {} at place {at}; every weight must be a finite number", values[at]));
        }
        Ok(Self::new(dims, values))
    }

    /// From the attribute of a `Constant` node.
    pub fn of_attribute(attribute: &Attribute) -> Result<Self, String> {
        let floats = |values: &[f32]| values.iter().map(|&value| value.into()).collect();
        let constant = match (attribute.name.as_str(), &attribute.tensor) {
            ("value", Some(tensor)) => return Self::of(tensor),
            ("value_float", _) => Self::new(vec![], floats(&[attribute.float.unwrap_or_default()])),
            ("value_floats", _) => Self::new(vec![attribute.floats.len()], floats(&attribute.floats)),
            ("value_int", _) => Self::new(vec![], vec![attribute.int.unwrap_or_default() as f64]),
            ("value_ints", _) => {
                let values = attribute.ints.iter().map(|&value| value as f64).collect();
                Self::new(vec![attribute.ints.len()], values)
            }
            (name, _) => return Err(format!("has the attribute `{name}`, which is not a list of numbers")),
        };
        match constant.values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(format!("holds {value}; every weight must be a finite number")),
            None => Ok(constant),
        }
    }

    /// As one row, to be added to every row or the like: nothing but the last dimension is longer than 1.
    pub fn row(&self) -> Option<Vec<f64>> {
        let last = self.dims.last().copied().unwrap_or(1);
        (last == self.values.len() && last > 0).then(|| self.values.to_vec())
    }

    /// As a list of whole numbers.
    pub fn whole(&self) -> Vec<i64> {
        self.values.iter().map(|&value| value as i64).collect()
    }

    /// Rows and columns, if it is a matrix.
    pub fn matrix(&self) -> Option<(usize, usize)> {
        match *self.dims {
            [rows, columns] => Some((rows, columns)),
            _ => None,
        }
    }

    /// With rows and columns exchanged, if it is a matrix.
    pub fn transposed(&self) -> Option<Self> {
        let (rows, columns) = self.matrix()?;
        let values = (0..columns).flat_map(|j| (0..rows).map(move |i| (i, j)));
        let values = values.map(|(i, j)| self.values[i * columns + j]).collect();
        Some(Self::new(vec![columns, rows], values))
    }

    /// In another shape with as many numbers, -1 being whatever fits and 0 the length that is there.
    pub fn reshaped(&self, shape: &[i64]) -> Option<Self> {
        let mut dims = Vec::new();
        let mut free = None;
        for (at, &length) in shape.iter().enumerate() {
            match length {
                -1 if free.is_none() => {
                    free = Some(at);
                    dims.push(1);
                }
                0 => dims.push(*self.dims.get(at)?),
                length => dims.push(usize::try_from(length).ok()?),
            }
        }
        let product = |dims: &[usize]| dims.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
        if let Some(at) = free {
            dims[at] = self.values.len().checked_div(product(&dims)?)?;
        }
        (product(&dims)? == self.values.len()).then(|| Self { dims, values: self.values.clone() })
    }
}
