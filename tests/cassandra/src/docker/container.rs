//! A container that is removed when this process ends.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    error::{Error, IoContext},
    tool,
};

const LIMIT: Duration = Duration::from_secs(60);

/// A container, created but not started. It is removed with its data on drop, or when this process
/// ends, even if it is killed.
#[derive(Debug)]
pub(crate) struct Container {
    name: String,
    remover: Child,
}

impl Container {
    /// Runs `create`, a `docker create` command for a container named `name`, and copies the folder
    /// `config` into it as `config_dir`. It is not mounted, because the daemon may not have access
    /// to this process's files.
    pub(crate) fn create(
        name: &str,
        create: &mut Command,
        config: &Path,
        config_dir: &str,
    ) -> Result<Self, Error> {
        // The remover starts before the container exists, so that the container is removed even if
        // this process is killed right after its creation.
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

    /// Returns the command that starts the container, prints its output, and exits with its status.
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

/// Starts a shell that removes the container when its standard input closes. Its standard input is
/// a pipe that only this process writes to. The shell has its own process group, so that Ctrl-C
/// does not reach it.
fn start_remover(name: &str) -> Result<Child, Error> {
    const SCRIPT: &str = r#"read -r _; exec docker rm --force --volumes "$1""#;
    let mut sh = Command::new("sh");
    sh.args(["-c", SCRIPT, "remover", name]);
    sh.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    sh.process_group(0).spawn().context(|| "starting sh".to_owned())
}
