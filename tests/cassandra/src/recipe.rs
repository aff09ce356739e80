//! The commands that start and control a node.

use std::{net::IpAddr, path::PathBuf, process::Command};

use crate::{config, docker::Container, error::Error, log::Log, watchdog::Watchdog};

/// The commands for one node, whose files are written and whose ports are chosen. A recipe can start
/// its node any number of times.
#[derive(Debug)]
pub(crate) struct Recipe {
    command: Command,
    nodetool: Option<Command>,
    /// The folder of the node's configuration. `None` if it is in a container.
    config: Option<PathBuf>,
    container: Option<Container>,
}

impl Recipe {
    /// Creates the recipe of a local process, with the folder of its configuration and the `nodetool`
    /// command for it.
    pub(crate) fn process(config: PathBuf, command: Command, nodetool: Command) -> Self {
        Self { command, nodetool: Some(nodetool), config: Some(config), container: None }
    }

    /// Creates the recipe of a node in a container.
    pub(crate) fn container(container: Container) -> Self {
        let command = container.start_command();
        Self { command, nodetool: None, config: None, container: Some(container) }
    }

    /// Starts the node's process. Does not wait until the node is ready.
    pub(crate) fn start(&self, log: &Log) -> Result<Watchdog, Error> {
        Watchdog::start(&self.command, self.container.as_ref().map(Container::name), log)
    }

    /// Sets the address on which the node listens from its next start. Returns false if the node is
    /// in a container, whose address cannot change.
    pub(crate) fn set_address(&self, address: IpAddr) -> Result<bool, Error> {
        match &self.config {
            Some(config) => config::set_address(config, address).map(|()| true),
            None => Ok(false),
        }
    }

    /// Returns the `nodetool` command for this node, or `None` if it is in a container.
    pub(crate) fn nodetool(&self) -> Option<Command> {
        let nodetool = self.nodetool.as_ref()?;
        let mut command = Command::new(nodetool.get_program());
        command.args(nodetool.get_args());
        Some(command)
    }
}
