//! The installation of clients and the compilation of their programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install;
use crate::setup::SetupError;

/// Returns true if all tools exist. Each is called with `argument`, which must print its version.
pub(crate) fn has_tools(tools: &[&str], argument: &str) -> bool {
    tools.iter().all(|tool| install::succeeds(Command::new(tool).arg(argument)))
}

/// Returns the folder of a program's sources.
pub(crate) fn sources(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(client)
}

/// Creates and returns the folder in which a client is installed and its program compiled.
pub(crate) fn folder(client: &str) -> Result<PathBuf, String> {
    let folder = install::folder().join("clients").join(client);
    fs::create_dir_all(&folder).map_err(|error| failed("create", &folder, &error))?;
    Ok(folder)
}

/// Copies the file `manifest`, which lists packages, from the sources into the client's folder, and
/// calls `download` with the folder. Does nothing if that has succeeded with the same manifest. Returns
/// the folder.
pub(crate) fn install_packages(
    client: &str,
    manifest: &str,
    download: impl FnOnce(&Path) -> Result<(), SetupError>,
) -> Result<PathBuf, SetupError> {
    let folder = folder(client)?;
    let source = sources(client).join(manifest);
    let packages = fs::read(&source).map_err(|error| failed("read", &source, &error))?;
    let stamp = folder.join("installed");
    if !fs::read(&stamp).is_ok_and(|installed| installed == packages) {
        write(&folder.join(manifest), &packages)?;
        download(&folder)?;
        write(&stamp, &packages)?;
    }
    Ok(folder)
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    fs::write(path, content).map_err(|error| failed("write", path, &error))
}

fn failed(action: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {action} {}: {error}", path.display())
}
