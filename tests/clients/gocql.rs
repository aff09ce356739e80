//! gocql 1.7 and 2.1: one program, which a build tag compiles for 1.7.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::client::{Client, UP_TO_V4, UP_TO_V5};
use crate::install;
use crate::setup::{SetupError, download};
use crate::toolchain::{folder, has_tools, sources};

/// It supports v3 and v4.
pub(crate) const CLIENT_1: Client = Client {
    name: "gocql1",
    missing,
    command: || {
        static PROGRAM: LazyLock<Result<PathBuf, SetupError>> = LazyLock::new(|| build("gocql1"));
        PROGRAM.as_ref().map(Command::new).map_err(Clone::clone)
    },
    settings: UP_TO_V4,
    unsupported: &[],
};

pub(crate) const CLIENT_2: Client = Client {
    name: "gocql2",
    missing,
    command: || {
        static PROGRAM: LazyLock<Result<PathBuf, SetupError>> = LazyLock::new(|| build("gocql2"));
        PROGRAM.as_ref().map(Command::new).map_err(Clone::clone)
    },
    settings: UP_TO_V5,
    unsupported: &[],
};

fn missing() -> Option<&'static str> {
    (!has_tools(&["go"], "version")).then_some("Go")
}

/// Downloads the modules, compiles the program with a build tag, and returns its path.
fn build(tag: &str) -> Result<PathBuf, SetupError> {
    let program = folder("gocql")?.join(tag);
    download(Command::new("go").args(["mod", "download"]).current_dir(sources("gocql")))?;
    let mut go = Command::new("go");
    go.args(["build", "-tags", tag, "-o"]).arg(&program).arg(".");
    install::run(go.current_dir(sources("gocql")).env_remove("GOFLAGS"))?;
    Ok(program)
}
