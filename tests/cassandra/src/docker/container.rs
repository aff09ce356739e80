//! A container that goes away with us.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    error::{Error, Trying},
    tool,
};

const LIMIT: Duration = Duration::from_secs(60);

/// A container, created but not started. It is removed, with its data, when this is dropped or when
/// this process ends in any way.
#[derive(Debug)]
pub(crate) struct Container {
    name: String,
    remover: Child,
}

impl Container {
    /// Runs `create`, a `docker create` command for a container called `name`, and copies the
    /// files of `config` to its folder `config_dir`. Copied and not mounted: the daemon may not see our files.
    pub(crate) fn create(
        name: &str,
        create: &mut Command,
        config: &Path,
        config_dir: &str,
    ) -> Result<Self, Error> {
        // The remover comes first, so that no moment is left in which we could die unnoticed.
        let container = Self { name: name.to_owned(), remover: start_remover(name)? };
        tool::run_successfully("docker create", create, LIMIT)?;
        let mut copy = Command::new("docker");
        copy.arg("cp").arg(config).arg(format!("{name}:{config_dir}"));
        tool::run_successfully("docker cp", &mut copy, LIMIT)?;
        Ok(container)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The command that starts the container, writes what it writes, and ends as it ends.
    pub(crate) fn start_command(&self) -> Command {
        let mut command = Command::new("docker");
        command.args(["start", "--attach", &self.name]);
        command
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        let _ = self.remover.wait();
    }
}

/// Starts a shell that waits for the end of a pipe that only we hold, in a process group of its
/// own so that Ctrl-C does not reach it, and then removes the container.
fn start_remover(name: &str) -> Result<Child, Error> {
    const SCRIPT: &str = r#"read -r _; exec docker rm --force --volumes "$1""#;
    let mut sh = Command::new("sh");
    sh.args(["-c", SCRIPT, "remover", name]);
    sh.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    sh.process_group(0).spawn().trying(|| "starting sh".to_owned())
}
