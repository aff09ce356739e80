//! A child process that answers each line with a line of JSON.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// It ends when its input does: when this is dropped, or when this program ends.
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
        let mut process = process.map_err(|error| format!("{command:?}: {error}"))?;
        let Some(output) = process.stdout.take() else {
            return Err(format!("{command:?} has no pipes"));
        };
        let output = BufReader::new(output);
        Ok(Self { pipes: Mutex::new(Pipes { process, output }) })
    }

    /// The `ok` of the answer, or its `error`.
    pub(crate) fn ask(&self, question: &str) -> Result<Value, String> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = pipes.ask(question).map_err(|error| format!("{error}; it was {question}"))?;
        match answer.get("ok") {
            Some(ok) => Ok(ok.clone()),
            None => Err(answer["error"].as_str().unwrap_or("no answer").to_owned()),
        }
    }
}

impl Pipes {
    fn ask(&mut self, question: &str) -> Result<Value, String> {
        let input = self.process.stdin.as_mut().ok_or("it has no input")?;
        writeln!(input, "{question}").map_err(|error| error.to_string())?;
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err(format!("the child has ended: {:?}", self.process.try_wait())),
            Ok(_) => serde_json::from_str(&line).map_err(|error| format!("{error}: {line}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        // This closes its input. How it ends does not matter any more.
        let _ = self.process.wait();
    }
}
