//! `cqlwire serve`, as a program: with this crate's driver, and in the examples of other languages.

mod examples;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/install.rs"]
mod install;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/program.rs"]
mod program;
mod programs;
mod server;
#[path = "../support/setup.rs"]
mod setup;
mod users;

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};
use setup::SetupError;

fn main() -> ExitCode {
    let tests = programs::TESTS.iter().chain(users::TESTS);
    let mut trials: Vec<_> = tests
        .map(|&(name, test)| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
        })
        .collect();
    for example in examples::ALL {
        let name = format!("examples::{}", example.name);
        let is_forced = env::var_os("CI").is_some();
        trials.push(match (example.missing)() {
            Some(missing) if !is_forced => Trial::ignorable_test(name, move || {
                Ok(Completion::ignored_with(format!("{missing} is not installed")))
            }),
            _ => Trial::ignorable_test(name, || match (example.run)() {
                Ok(()) => Ok(Completion::Completed),
                // This says nothing about the example.
                Err(SetupError::NotDownloaded(reason)) => Ok(Completion::ignored_with(reason)),
                Err(SetupError::Failed(reason)) => Err(reason.into()),
            }),
        });
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
