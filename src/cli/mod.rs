//! The common parts of the programs: arguments, logs, error messages and exit statuses.

mod arguments;
mod failure;
mod hint;
mod logging;
mod password;
mod program;
mod summary;
mod tls;

pub use arguments::{ConnectArgs, whole_number};
pub(crate) use arguments::{ConnectDefaults, parse_seconds, parse_timeout, with_keyspace};
pub use failure::Failure;
pub use program::{run, run_with_status};
