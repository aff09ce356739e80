//! The process of a driver's program.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde::Deserialize;

use super::programs::Program;
use crate::{Result, cpu, long::memory};

/// A running program. It is killed when this value is dropped.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// The results that the program prints.
#[derive(Debug, Deserialize)]
pub(crate) struct Results {
    pub(crate) succeeded: u64,
    pub(crate) failed_idempotent: u64,
    pub(crate) failed_other: u64,
    /// Latencies of idempotent requests, in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    pub(crate) failures: BTreeMap<String, u64>,
}

/// The resources that the process has used; each is `None` if the system is not Linux.
pub(crate) struct Usage {
    pub(crate) cpu: Option<Duration>,
    /// Largest resident memory, in KiB.
    pub(crate) memory: Option<u64>,
}

impl Process {
    /// Starts the program, and waits until it is connected.
    pub(crate) fn start(
        program: &Program,
        contact_points: &[SocketAddr],
        keyspace: &str,
        tasks: u32,
        rate: u32,
    ) -> Result<Self> {
        let contact_points: Vec<_> = contact_points.iter().map(ToString::to_string).collect();
        let mut child = Command::new(&program.path)
            .args(&program.arguments)
            .args([contact_points.join(","), keyspace.to_owned()])
            .args([tasks.to_string(), rate.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().map(BufReader::new).ok_or("the program has no output")?;
        let mut process = Self { child, output };
        match process.read_line()?.as_str() {
            "ready" => Ok(process),
            line => Err(format!("the program did not connect: {line}").into()),
        }
    }

    /// Returns what the process has used.
    pub(crate) fn usage(&self) -> Usage {
        let id = self.child.id().to_string();
        Usage { cpu: cpu::used_by(&id), memory: memory::largest_of(&id) }
    }

    /// Stops the load, and returns the results.
    pub(crate) fn stop(mut self) -> Result<Results> {
        drop(self.child.stdin.take());
        Ok(serde_json::from_str(&self.read_line()?)?)
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
