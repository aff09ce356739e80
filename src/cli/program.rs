//! The frame of every program: a runtime, an error message and an exit status.

use std::future::Future;
use std::io;
use std::process::ExitCode;

use super::failure::Failure;

/// Runs a program and returns its exit status: 0 for success, 2 for wrong arguments, 1 for every
/// other failure. Prints a failure to stderr, on one line.
///
/// A closed output, as in `list_users | head`, is a success.
pub fn run(program: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    // The programs mostly wait for the server. On one thread they need no handover between threads.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(program),
        Err(error) => Err(Failure::Io(error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}
