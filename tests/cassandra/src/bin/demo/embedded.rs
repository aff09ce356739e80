//! `cqlwire serve` as a child process.

use std::{
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Stdio},
};

use super::cargo;

/// The arguments of `cargo` that start the server. It ends when its standard input closes, and
/// therefore with this program.
const SERVE: [&str; 11] = [
    "run",
    "--quiet",
    "--features",
    "cli",
    "--bin",
    "cqlwire",
    "--",
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--exit-with-stdin",
];

/// A running `cqlwire serve`. Dropping it ends the process.
pub(crate) struct Embedded {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Embedded {
    /// Starts the server, and waits until it is ready.
    ///
    /// # Errors
    /// Returns an error if the server cannot be started, or if it ends before it is ready.
    pub(crate) fn start(workspace: &Path) -> Result<Self, String> {
        let mut command = cargo(workspace, &SERVE);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let failed = |error: io::Error| format!("cannot start `cqlwire serve`: {error}");
        let mut process = command.spawn().map_err(failed)?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(failed)?;
        }
        // The line is `ready ADDRESS`.
        let address = line.split_whitespace().nth(1).and_then(|address| address.parse().ok());
        match address {
            Some(address) => Ok(Self { process, address }),
            None => Err(format!("`cqlwire serve` is not ready: {:?}", process.wait())),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // `wait` closes the input, which ends the process. Its exit status is not needed.
        let _ = self.process.wait();
    }
}
