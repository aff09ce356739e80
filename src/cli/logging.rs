//! Logs on stderr.

use std::env;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging to stderr. `verbosity` is the number of `-v` arguments.
///
/// Logs are coloured only on a terminal, and not if the environment sets `NO_COLOR`
/// (<https://no-color.org>).
pub(super) fn start(verbosity: u8) {
    let level = match verbosity {
        0 => LevelFilter::ERROR,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal() && !no_color)
        .with_env_filter(filter);
    // `try_init` fails if logging has already started. The first subscriber then stays in use.
    let _already_started = subscriber.try_init();
}
