//! The setup of programs that need packages of a registry.

use std::process::Command;

use crate::install;

/// The reason why a program that needs packages cannot be started.
#[derive(Debug, Clone)]
pub(crate) enum SetupError {
    /// The packages could not be downloaded.
    NotDownloaded(String),
    Failed(String),
}

impl From<String> for SetupError {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// Runs a command that downloads packages.
pub(crate) fn download(command: &mut Command) -> Result<(), SetupError> {
    install::run(command).map_err(SetupError::NotDownloaded)
}
