//! Why a Cassandra could not be started, and what to do about it.

use std::{io, path::PathBuf};

use crate::VERSIONS;

/// Why Cassandra could not be started, stopped or reached. Its text says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The version is none that the harness can configure.
    #[error("Cassandra `{version}` cannot be started here; tested versions: {}", VERSIONS.join(", "))]
    UnknownVersion {
        /// The version as given.
        version: String,
    },
    /// An environment variable has a value that means nothing.
    #[error("{variable}={value}: {problem}")]
    Environment {
        /// The variable's name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it and what is right.
        problem: String,
    },
    /// The options ask for something that the launcher cannot do.
    #[error("{0}")]
    Unsupported(String),
    /// Something has to be installed first.
    #[error("{0}")]
    Missing(String),
    /// A program we rely on (Maven, Docker) failed.
    #[error("{what} failed: {problem}")]
    Tool {
        /// The command, in short.
        what: String,
        /// Its last words, or the time limit it passed.
        problem: String,
    },
    /// A node ended or stayed silent before it was ready.
    #[error("{problem}. Its log, {}, says:\n{last_lines}", log.display())]
    NodeNotReady {
        /// Which node did what: `Cassandra 5.0.6 on 127.0.0.1:9042 ended while starting`.
        problem: String,
        /// The whole log.
        log: PathBuf,
        /// The log's lines about it, or its last ones, indented.
        last_lines: String,
    },
    /// A call that only makes sense for nodes that the harness started.
    #[error("{0} was not started by the harness (its address came from the environment)")]
    NotOurs(std::net::SocketAddr),
    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What we tried.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// Says what was tried when an I/O operation failed.
pub(crate) trait Trying<T> {
    /// Turns an I/O error into one that says what was tried: `writing target/x`.
    fn trying(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Trying<T> for io::Result<T> {
    fn trying(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { what: what(), source })
    }
}
