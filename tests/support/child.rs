//! A child process that answers each line of input with a line of JSON.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// A running child process. It ends at the end of its input, that is, when this value is dropped or
/// this program ends.
pub(crate) struct Child {
    pipes: Mutex<Pipes>,
}

struct Pipes {
    process: Process,
    output: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let Some(output) = process.stdout.take() else {
            return Err(format!("{command:?} has no output pipe"));
        };
        let output = BufReader::new(output);
        Ok(Self { pipes: Mutex::new(Pipes { process, output }) })
    }

    /// Sends a request and returns the `ok` of the answer.
    ///
    /// # Errors
    /// Returns the `error` of the answer, or the reason why there is no answer.
    pub(crate) fn call(&self, request: &str) -> Result<Value, String> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = pipes.call(request).map_err(|error| format!("{error}; request: {request}"))?;
        match answer.get("ok") {
            Some(ok) => Ok(ok.clone()),
            None => Err(answer["error"].as_str().unwrap_or("no `ok` and no `error`").to_owned()),
        }
    }
}

impl Pipes {
    fn call(&mut self, request: &str) -> Result<Value, String> {
        let input = self.process.stdin.as_mut().ok_or("the child process has no input pipe")?;
        writeln!(input, "{request}").map_err(|error| error.to_string())?;
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err(format!("the child process has ended: {:?}", self.process.try_wait())),
            Ok(_) => serde_json::from_str(&line)
                .map_err(|error| format!("invalid JSON: {error}: {line}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        // `wait` closes the input, which ends the process. Its exit status is not needed.
        let _ = self.process.wait();
    }
}
