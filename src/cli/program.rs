//! The common part of every `main`: the runtime, the error message and the exit status.

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use super::failure::Failure;

/// Runs a program and returns its exit status: 0 for success, 2 for wrong arguments, 1 for every
/// other failure. Prints a failure to stderr, on one line.
///
/// The exit status is also 0 if the reader closes the output early, as in `list_users | head`.
pub fn run(program: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    run_with_status(async { program.await.map(|()| ExitCode::SUCCESS) })
}

/// Runs a program that chooses its exit status: see [`run`].
pub fn run_with_status(program: impl Future<Output = Result<ExitCode, Failure>>) -> ExitCode {
    // The programs mostly wait for the server, so one thread is enough. With a single thread, tasks
    // are never handed over between threads.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(program),
        Err(error) => Err(Failure::Io(error)),
    };
    match outcome {
        Ok(status) => status,
        Err(Failure::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // If stderr cannot be written either, the exit status remains.
            let _unwritable = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}
