//! Runs external programs with a time limit.

use std::{
    io::{self, Read, Seek},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::error::{Error, IoContext};

/// The exit status of a program and its output, stdout and stderr together.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) text: String,
}

/// Runs `command` to its end and returns its output and status, whether it succeeded or not.
///
/// # Errors
/// Returns an error if the program cannot be started, or if it does not end within `limit`. In the
/// latter case it is killed.
pub(crate) fn run(command: &mut Command, limit: Duration) -> io::Result<Outcome> {
    // A file instead of a pipe: a pipe fills up, and child processes that outlive the program keep
    // it open.
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
            let problem = format!("killed, because it did not end within {} s", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, problem));
        }
        thread::sleep(Duration::from_millis(10));
    };
    let mut bytes = Vec::new();
    output.rewind()?;
    output.read_to_end(&mut bytes)?;
    Ok(Outcome { status, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// Runs `command` and returns its output.
///
/// # Errors
/// Returns an error that names the program as `name` if `command` cannot be run or does not succeed.
pub(crate) fn run_successfully(
    name: &str,
    command: &mut Command,
    limit: Duration,
) -> Result<String, Error> {
    let outcome = run(command, limit).context(|| format!("running {name}"))?;
    if outcome.status.success() {
        return Ok(outcome.text);
    }
    let lines: Vec<&str> = outcome.text.lines().filter(|line| !line.trim().is_empty()).collect();
    let problem = match lines.len() {
        0 => format!("{} without output", outcome.status),
        count => lines[count.saturating_sub(8)..].join("\n  "),
    };
    Err(Error::Tool { tool: name.to_owned(), problem })
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
    fn returns_stdout_and_stderr_or_an_error_with_the_last_lines() {
        let minute = Duration::from_secs(60);
        let text = run_successfully("sh", &mut sh("echo out; echo err >&2"), minute).unwrap();
        assert_eq!(text, "out\nerr\n");
        let error = run_successfully("sh", &mut sh("echo no such thing; exit 3"), minute);
        assert_eq!(error.unwrap_err().to_string(), "sh failed: no such thing");
        let error = run_successfully("sh", &mut sh("exit 3"), minute).unwrap_err();
        assert_eq!(error.to_string(), "sh failed: exit status: 3 without output");
    }

    #[test]
    fn kills_a_program_that_exceeds_the_time_limit() {
        let error = run(&mut sh("exec sleep 60"), Duration::from_millis(50)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
