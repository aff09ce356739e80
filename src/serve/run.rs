//! The program: starts the nodes, and changes them by commands until the end.

use std::future::pending;
use std::io::{IsTerminal, Write, stdin, stdout};
use std::path::PathBuf;
use std::thread;

use serde_json::json;
use tokio::sync::mpsc;

use super::arguments::ServeArgs;
use super::command::Command;
use super::nodes::Nodes;
use super::script::parse_script;
use crate::cli::Failure;
use crate::shell::read_script;

/// Lines of standard input that wait for their execution.
const LINES: usize = 16;

/// Runs `cqlwire serve`.
///
/// # Errors
/// Returns an error if a file is invalid, if an address cannot be listened on, or if standard output
/// cannot be written.
pub async fn run(arguments: ServeArgs) -> Result<(), Failure> {
    // All files are read first, so that an error does not leave a server that answered for a moment.
    let schemas = read(&arguments.schema)?;
    let mut commands = Vec::new();
    for (file, script) in read(&arguments.script)? {
        commands.extend(parse_script(&file, &script).map_err(Failure::Arguments)?);
    }
    let mut nodes = Nodes::start(&arguments, &schemas).await?;
    for (place, command) in commands {
        let applied = nodes.apply(command).await;
        applied.map_err(|error| Failure::Arguments(format!("{place}: {error}")))?;
    }
    print_line(&format!("ready {}", nodes.addresses().join(" ")))?;

    let mut lines = match arguments.exit_with_stdin || !stdin().is_terminal() {
        true => read_lines(),
        // A program in the background that reads from its terminal is stopped.
        false => return pending().await,
    };
    while let Some(line) = lines.recv().await {
        let command = serde_json::from_str(&line)
            .map_err(|error| format!("invalid JSON: {error}"))
            .and_then(Command::from_json);
        if let Ok(Command::Stop) = command {
            return print_line(&json!({"ok": true}).to_string());
        }
        let applied = match command {
            Ok(command) => nodes.apply(command).await,
            Err(error) => Err(error),
        };
        let answer = applied.map_or_else(|error| json!({"error": error}), |ok| json!({"ok": ok}));
        print_line(&answer.to_string())?;
    }
    match arguments.exit_with_stdin {
        true => Ok(()),
        false => pending().await,
    }
}

/// Reads files. Returns their names and their texts.
///
/// # Errors
/// Returns an error that names the file if it cannot be read or is not UTF-8.
fn read(files: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let read = |file: &PathBuf| {
        let text = read_script(file).map_err(|error| {
            Failure::Arguments(format!("cannot read {}: {error}", file.display()))
        })?;
        Ok((file.display().to_string(), text))
    };
    files.iter().map(read).collect()
}

/// Writes a line to standard output, on which a test may be waiting.
fn print_line(line: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::Io)
}

/// Reads standard input on a thread of its own. Blank lines are skipped. The channel closes at the end
/// of the input.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(LINES);
    thread::spawn(move || {
        let lines = stdin().lines().map_while(Result::ok);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
