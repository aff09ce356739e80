//! Where the peers are installed, and how.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// `target/differential/`.
pub(crate) fn folder() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("differential");
    std::fs::create_dir_all(&target).expect("room in the target folder");
    target
}

/// Whether the command is there and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let [out, err] =
        [output.stdout, output.stderr].map(|of| String::from_utf8_lossy(&of).into_owned());
    Err(format!("{command:?}: {}\n{out}{err}", output.status))
}
