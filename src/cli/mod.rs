//! What the programs have in common: arguments, logs, how they end.

mod arguments;
mod hint;
mod summary;
mod tls;

use std::fmt;
use std::future::Future;
use std::io;
use std::process::ExitCode;

pub use arguments::ConnectArgs;

/// Why a program failed: a line for the user.
#[derive(Debug)]
pub enum Failure {
    /// The session could not do what it was asked to do.
    Session(crate::session::Error),
    /// Reading or writing failed.
    Io(io::Error),
    /// Something else, which has been said or is said here.
    Text(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => match hint::hint(error) {
                Some(hint) => write!(f, "{error} ({hint})"),
                None => error.fmt(f),
            },
            Self::Io(error) => error.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<E: Into<crate::session::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Session(error.into())
    }
}

/// Runs a program to its end: exit code 0, or 1 and one line on stderr that says why.
///
/// Whoever reads the program's output may stop doing so: that is no failure.
pub fn run(program: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    // One thread: the programs wait for the server, and a thread that hands work to another only
    // costs both of them.
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
            ExitCode::FAILURE
        }
    }
}
