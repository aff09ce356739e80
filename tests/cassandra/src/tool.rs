//! Runs a program to its end, within a time limit.

use std::{
    io::{self, Read, Seek},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::error::{Error, Trying};

/// What a program wrote, stdout and stderr together, and how it ended.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) text: String,
}

/// Runs `command` to its end and returns what it wrote, whether it succeeded or not.
///
/// # Errors
/// The program cannot be started, or does not end within `limit` (then it is killed).
pub(crate) fn run(command: &mut Command, limit: Duration) -> io::Result<Outcome> {
    // A file and not a pipe: a pipe fills up, and is held open by whatever the program leaves.
    let mut output = tempfile::tempfile()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .spawn()?;
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            let problem = format!("no end after {} s", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, problem));
        }
        thread::sleep(Duration::from_millis(10));
    };
    let mut bytes = Vec::new();
    output.rewind()?;
    output.read_to_end(&mut bytes)?;
    Ok(Outcome { status, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// Runs `command`, which must succeed; `what` names it in the error.
pub(crate) fn run_successfully(
    what: &str,
    command: &mut Command,
    limit: Duration,
) -> Result<String, Error> {
    let outcome = run(command, limit).trying(|| what.to_owned())?;
    if outcome.status.success() {
        return Ok(outcome.text);
    }
    let lines: Vec<&str> = outcome.text.lines().filter(|line| !line.trim().is_empty()).collect();
    let problem = lines[lines.len().saturating_sub(8)..].join("\n  ");
    Err(Error::Tool { what: what.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn returns_both_outputs_or_the_last_words() {
        let minute = Duration::from_secs(60);
        let text = run_successfully("sh", &mut sh("echo out; echo err >&2"), minute).unwrap();
        assert_eq!(text, "out\nerr\n");
        let error = run_successfully("sh", &mut sh("echo no such thing; exit 3"), minute);
        assert_eq!(error.unwrap_err().to_string(), "sh failed: no such thing");
    }

    #[test]
    fn a_program_that_hangs_is_killed_at_the_limit() {
        let error = run(&mut sh("exec sleep 60"), Duration::from_millis(50)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
