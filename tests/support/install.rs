//! The folder in which other codecs are installed, and the commands that install them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Creates and returns the folder `target/differential/`.
pub(crate) fn folder() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("differential");
    std::fs::create_dir_all(&target).expect("creating a folder in target should succeed");
    target
}

/// Returns true if the command exists and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command to its end. The error contains its output.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let [out, err] =
        [output.stdout, output.stderr].map(|of| String::from_utf8_lossy(&of).into_owned());
    Err(format!("{command:?} failed: {}\n{out}{err}", output.status))
}
