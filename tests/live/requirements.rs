//! The requirements of the tests: a launcher of nodes, and Python.

use std::env;
use std::sync::LazyLock;

use cassandra_harness::{Error, Launcher, Options};
use libtest_mimic::{Completion, Failed, Trial};

use crate::interpreter;

/// The reason why this machine cannot run a test.
pub(crate) type Reason = String;

/// Returns the reason why this machine cannot start the cluster of `options`, or `None` if it can.
///
/// A missing requirement is no reason if `CI` or `CQLWIRE_CASSANDRA` is set: the tests then run and
/// fail.
pub(crate) fn missing_launcher(options: &Options) -> Option<Reason> {
    match Launcher::find(options) {
        Err(Error::Missing { problem, .. }) if !is_forced() => Some(problem),
        Err(Error::Unsupported(problem)) => Some(problem),
        Ok(_) | Err(_) => None,
    }
}

/// Returns the reason why this machine cannot run the Python driver, or `None` if it can. A missing
/// Python is no reason if `CI` is set.
pub(crate) fn missing_python() -> Option<&'static Reason> {
    static MISSING: LazyLock<Option<Reason>> = LazyLock::new(|| {
        let missing = interpreter::missing().filter(|_| env::var_os("CI").is_none());
        missing.map(|missing| format!("{missing} is not installed"))
    });
    MISSING.as_ref()
}

fn is_forced() -> bool {
    env::var_os("CI").is_some() || env::var_os("CQLWIRE_CASSANDRA").is_some()
}

/// Returns a test. If there is a reason not to run it, the test counts as ignored and shows the reason.
pub(crate) fn trial(
    name: String,
    reason: Option<&Reason>,
    test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    match reason.cloned() {
        Some(reason) => Trial::ignorable_test(name, || Ok(Completion::ignored_with(reason))),
        None => Trial::test(name, test),
    }
}
