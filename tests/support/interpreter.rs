//! A Python that has the DataStax driver, in a virtual environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::install;

/// What pip installs.
const PACKAGES: [&str; 2] = ["cassandra-driver==3.30.1", "lz4==4.4.5"];

/// The command that runs a script of ours, which finds the modules beside this file; what it needs is
/// installed when it is first asked for.
pub(crate) fn command(script: &str) -> Result<Command, String> {
    static INSTALLED: LazyLock<Result<PathBuf, String>> = LazyLock::new(installed);
    let mut command = Command::new(INSTALLED.as_ref().map_err(Clone::clone)?);
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = package.ancestors().map(|folder| folder.join("tests/support"));
    let mut modules = modules.filter(|folder| folder.is_dir());
    let modules = modules.next().ok_or("no tests/support")?;
    // Without -B it writes what it has compiled beside the sources.
    command.arg("-B").arg(package.join(script)).env("PYTHONPATH", modules);
    Ok(command)
}

/// What this machine lacks, if anything.
pub(crate) fn missing() -> Option<&'static str> {
    let can_install =
        install::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    (!can_install).then_some("python3 with venv and pip")
}

fn installed() -> Result<PathBuf, String> {
    let folder = install::folder().join("python");
    let python = folder.join("bin/python");
    let wanted = PACKAGES.join("\n");
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    install::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    install::run(&mut pip)?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}
