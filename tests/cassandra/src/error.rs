//! The errors of the harness.

use std::{io, path::PathBuf};

use crate::VERSIONS;

/// A failure to start, stop or reach Cassandra. The text says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The harness has no configuration for this version.
    #[error(
        "cannot start Cassandra `{version}`: use version 3.11.x, 4.x.y, 5.x.y or 6.x.y (tested: {})",
        VERSIONS.join(", ")
    )]
    UnknownVersion {
        /// The version as given.
        version: String,
    },
    /// An environment variable has an invalid value.
    #[error("invalid environment variable {variable}=`{value}`: {problem}")]
    Environment {
        /// The variable's name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with the value, and which values are valid.
        problem: String,
    },
    /// The launcher does not support these options.
    #[error("{0}")]
    Unsupported(String),
    /// Something has to be installed or configured first.
    #[error("{problem}; {advice}")]
    Missing {
        /// The task that failed, and what it needs: `cannot find Java 17: ...`.
        problem: String,
        /// What to install or configure.
        advice: String,
    },
    /// An external program (Maven, Docker, keytool) failed.
    #[error("{tool} failed: {problem}")]
    Tool {
        /// The name of the program or of the step.
        tool: String,
        /// The last lines of its output, or the time limit that it exceeded.
        problem: String,
    },
    /// A node ended, or did not answer in time, before it was ready.
    #[error("{problem}; the end of its log ({}):\n{last_lines}", log.display())]
    NodeNotReady {
        /// The node and its failure: `Cassandra 5.0.6 on 127.0.0.1:9042 ended while starting`.
        problem: String,
        /// The path of the whole log.
        log: PathBuf,
        /// The log's lines about the failure, or else its last lines, indented.
        last_lines: String,
    },
    /// The call needs a node that the harness started.
    #[error(
        "cannot control the node at {0}: it came from CQLWIRE_CONTACT_POINTS, and the harness \
         controls only nodes that it started"
    )]
    NotManaged(std::net::SocketAddr),
    /// A file or process operation failed.
    #[error("{action} failed: {source}")]
    Io {
        /// The operation, as in `writing target/x`.
        action: String,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Adds the attempted operation to an I/O error.
pub(crate) trait IoContext<T> {
    /// Converts an I/O error into an [`Error::Io`] for this action, as in `writing target/x`.
    fn context(self, action: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, action: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action: action(), source })
    }
}
