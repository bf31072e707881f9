//! What a file holds: a network, or a model.

use crate::model::Model;
use std::path::Path;
use tautnet::Loss;
use tautnet::error::{Error, Result};
use tautnet::network::Network;
use tautnet::tolerance::Asked;
use tautnet_verify::Certificate;

/// What a file holds: a model, or a network alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// A plain network.
    Network(Network),
    /// A model.
    Model(Box<Model>),
}

impl Stored {
    /// The network.
    pub fn network(&self) -> &Network {
        match self {
            Stored::Network(network) => network,
            Stored::Model(model) => &model.network,
        }
    }

    /// What a wrong prediction costs: that of the model, the squared error where there is none.
    pub fn loss(&self) -> Result<Loss> {
        match self {
            Stored::Network(_) => Ok(Loss::default()),
            Stored::Model(model) => model.loss(),
        }
    }

    /// How wrong the inputs can be, by what the model was made for; nothing of a plain network.
    pub fn tolerance(&self) -> Result<Asked> {
        match self {
            Stored::Network(_) => Ok(Asked::default()),
            Stored::Model(model) => model.tolerance(),
        }
    }

    /// The model; `path` is the file that it was read from.
    pub fn into_model(self, path: &Path) -> Result<Model> {
        match self {
            Stored::Model(model) => Ok(*model),
            Stored::Network(_) => Err(Error::new(
                format!("{} is a plain network without columns and scaler", path.display()),
                "give a model file, ⟨model_file⟩",
            )),
        }
    }

    /// The certificate that goes with the network.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Stored::Network(_) => None,
            Stored::Model(model) => model.certificate.as_ref(),
        }
    }
}
