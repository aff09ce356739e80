//! The commands that start and control a node.

use std::process::Command;

use crate::{docker::Container, error::Error, log::Log, watchdog::Watchdog};

/// The commands for one node, whose files are written and whose ports are chosen. A recipe can start
/// its node any number of times.
#[derive(Debug)]
pub(crate) struct Recipe {
    command: Command,
    nodetool: Option<Command>,
    container: Option<Container>,
}

impl Recipe {
    /// Creates the recipe of a local process, with the `nodetool` command for it.
    pub(crate) fn process(command: Command, nodetool: Command) -> Self {
        Self { command, nodetool: Some(nodetool), container: None }
    }

    /// Creates the recipe of a node in a container.
    pub(crate) fn container(container: Container) -> Self {
        Self { command: container.start_command(), nodetool: None, container: Some(container) }
    }

    /// Starts the node's process. Does not wait until the node is ready.
    pub(crate) fn start(&self, log: &Log) -> Result<Watchdog, Error> {
        Watchdog::start(&self.command, self.container.as_ref().map(Container::name), log)
    }

    /// Returns the `nodetool` command for this node, or `None` if it is in a container.
    pub(crate) fn nodetool(&self) -> Option<Command> {
        let nodetool = self.nodetool.as_ref()?;
        let mut command = Command::new(nodetool.get_program());
        command.args(nodetool.get_args());
        Some(command)
    }
}
