//! A running `cqlwire serve`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

pub(crate) const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// A running `cqlwire serve`. Dropping it closes its standard input, which ends it.
pub(crate) struct Server {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    log: BufReader<ChildStderr>,
    /// The addresses of the line `ready`.
    pub(crate) addresses: Vec<String>,
}

impl Server {
    /// Starts the program on a free port, and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(CQLWIRE)
            .args(["serve", "--listen", "127.0.0.1:0", "--exit-with-stdin"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let addresses = line.strip_prefix("ready ").unwrap_or_default().split_whitespace();
        let addresses: Vec<_> = addresses.map(str::to_owned).collect();
        let mut server = Self { input: process.stdin.take(), process, output, log, addresses };
        assert!(!server.addresses.is_empty(), "{line}{}", server.read_log());
        server
    }

    /// Returns the address of the first node.
    pub(crate) fn address(&self) -> &str {
        &self.addresses[0]
    }

    /// Sends a line to standard input, and returns the line of the answer.
    pub(crate) fn send(&mut self, line: &str) -> Json {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// Sends a command, which must succeed, and returns its answer.
    pub(crate) fn control(&mut self, command: &Json) -> Json {
        let answer = self.send(&command.to_string());
        answer.get("ok").unwrap_or_else(|| panic!("{command}: {answer}")).clone()
    }

    /// Returns the next line of the log.
    pub(crate) fn log_line(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line
    }

    fn read_log(&mut self) -> String {
        let mut text = String::new();
        self.log.read_to_string(&mut text).unwrap();
        text
    }

    /// Waits until the program has ended, and returns its exit status.
    pub(crate) fn wait(&mut self) -> i32 {
        self.process.wait().unwrap().code().unwrap()
    }

    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close_input();
        let _ = self.process.wait();
    }
}
