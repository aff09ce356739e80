//! Runs the programs.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) const ADD_USERS: &str = env!("CARGO_BIN_EXE_add_users");
pub(crate) const LIST_USERS: &str = env!("CARGO_BIN_EXE_list_users");

/// What a program did.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Far longer than any program here takes, so that one that hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    feed(program, arguments, Vec::new())
}

/// Runs a program to its end, with this on its standard input.
pub(crate) fn feed(program: &str, arguments: &[&str], input: Vec<u8>) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program need not read all of it.
    thread::spawn(move || stdin.write_all(&input));
    let (ended, wait) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    let output = wait.recv_timeout(PATIENCE).expect("the program hangs").unwrap();
    Output {
        code: output.status.code().expect("no signal ended the program"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
