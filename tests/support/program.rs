//! Runs cqlwire's command-line programs.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) const ADD_USERS: &str = env!("CARGO_BIN_EXE_add_users");
pub(crate) const LIST_USERS: &str = env!("CARGO_BIN_EXE_list_users");

/// The exit code and output of a program.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Time limit of a program. It is far longer than any program needs; one that exceeds it hangs.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Variables of the environment from which the shell takes options, as it does from files in the home
/// directory.
const SHELL_VARIABLES: [&str; 6] = [
    "CQLSH_HOST",
    "CQLSH_PORT",
    "CQLSH_DEFAULT_TIMESTAMP_FORMAT",
    "CQLWIRE_KEYSPACE",
    "NO_COLOR",
    "SSL_CERTFILE",
];

/// Returns the command of a program, without the configuration of the user who runs the tests.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    for variable in SHELL_VARIABLES {
        command.env_remove(variable);
    }
    command.args(arguments).env("HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    run_with_input(program, arguments, Vec::new())
}

/// Runs a program to its end, with `input` on its standard input.
pub(crate) fn run_with_input(program: &str, arguments: &[&str], input: Vec<u8>) -> Output {
    let mut child = command(program, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The program may end before it has read all input.
    thread::spawn(move || stdin.write_all(&input));
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver.recv_timeout(TIME_LIMIT).expect("the program should end").unwrap();
    Output {
        code: output.status.code().expect("the program should not be killed by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
