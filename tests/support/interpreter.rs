//! A Python interpreter with the DataStax driver, in a virtual environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::install;

/// The packages that pip installs.
const PACKAGES: [&str; 4] =
    ["cassandra-driver==3.30.1", "cqlsh==6.2.2", "lz4==4.4.5", "python-snappy==0.7.3"];

/// Returns the command that runs a script of this package, with the modules of `tests/support` on its
/// path. The first call installs the virtual environment.
pub(crate) fn command(script: &str) -> Result<Command, String> {
    static INSTALLED: LazyLock<Result<PathBuf, String>> = LazyLock::new(install_packages);
    let mut command = Command::new(INSTALLED.as_ref().map_err(Clone::clone)?);
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = package.ancestors().map(|folder| folder.join("tests/support"));
    let mut modules = modules.filter(|folder| folder.is_dir());
    let modules = modules.next().ok_or("cannot find the folder tests/support")?;
    // -B keeps Python from writing compiled files beside the sources.
    command.arg("-B").arg(package.join(script)).env("PYTHONPATH", modules);
    Ok(command)
}

/// Returns the requirement that this machine lacks, or `None` if it lacks none.
pub(crate) fn missing() -> Option<&'static str> {
    let can_install =
        install::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    (!can_install).then_some("python3 with venv and pip")
}

fn install_packages() -> Result<PathBuf, String> {
    let folder = install::folder().join("python");
    let python = folder.join("bin/python");
    let packages = PACKAGES.join("\n");
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == packages) {
        return Ok(python);
    }
    install::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    install::run(&mut pip)?;
    fs::write(&stamp, packages)
        .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    Ok(python)
}
