//! The error of a file, which names the file and the next step.

use std::fmt;
use std::io::{Error, ErrorKind};

use crate::cli::Failure;

/// The error for a file that cannot be read or written.
#[derive(Debug)]
pub struct FileError {
    action: &'static str,
    /// The file's path, or `standard input` or `standard output`.
    name: String,
    cause: Error,
}

impl FileError {
    /// Returns the error for an action, such as `read`, on a file.
    pub fn new(action: &'static str, name: impl fmt::Display, cause: Error) -> Self {
        Self { action, name: name.to_string(), cause }
    }

    /// Returns the kind of the error of the system.
    pub fn kind(&self) -> ErrorKind {
        self.cause.kind()
    }

    /// Returns the error with which a program exits.
    pub fn into_failure(self) -> Failure {
        Failure::Text(self.to_string())
    }

    /// Returns what the user can do.
    fn next_step(&self) -> Option<&'static str> {
        Some(match self.cause.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "free space on the disk or choose another folder, then start again"
            }
            ErrorKind::PermissionDenied => {
                "change the permissions of the file and its folder, or choose another"
            }
            ErrorKind::ReadOnlyFilesystem => "choose a folder that can be written to",
            ErrorKind::NotFound => "check the path",
            ErrorKind::IsADirectory => "give a file",
            ErrorKind::UnexpectedEof if self.action == "read" => {
                "it is cut off; copy or create it again"
            }
            ErrorKind::InvalidData | ErrorKind::InvalidInput if self.action == "read" => {
                "the compressed data is damaged; copy or create the file again"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, name, cause } = self;
        write!(f, "cannot {action} {name}: {cause}")?;
        match self.next_step() {
            Some(step) => write!(f, " ({step})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}
