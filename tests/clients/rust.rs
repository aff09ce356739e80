//! The Rust drivers scylla 1.9 and cdrs-tokio 9.0: two programs of one package.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::client::{Client, UP_TO_V5};
use crate::install;
use crate::setup::{SetupError, download};
use crate::toolchain::{folder, sources};

/// It supports v4.
pub(crate) const SCYLLA: Client = Client {
    name: "scylla",
    missing: || None,
    command: || program("scylla"),
    settings: &[("default", "default"), ("4", "none"), ("4", "lz4"), ("4", "snappy")],
    // The driver reads the schema again every minute, and not after an event.
    unsupported: &["events", "payload"],
};

pub(crate) const CDRS: Client = Client {
    name: "cdrs",
    missing: || None,
    command: || program("cdrs"),
    settings: UP_TO_V5,
    unsupported: &["payload"],
};

fn program(name: &str) -> Result<Command, SetupError> {
    static PROGRAMS: LazyLock<Result<PathBuf, SetupError>> = LazyLock::new(build);
    PROGRAMS.as_ref().map(|folder| Command::new(folder.join(name))).map_err(Clone::clone)
}

/// Downloads the drivers, compiles the programs, and returns their folder.
fn build() -> Result<PathBuf, SetupError> {
    let target = folder("rust")?;
    let mut fetch = Command::new(env!("CARGO"));
    download(fetch.args(["fetch", "--quiet", "--locked"]).current_dir(sources("rust")))?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--target-dir"]).arg(&target);
    install::run(cargo.current_dir(sources("rust")))?;
    Ok(target.join("debug"))
}
