//! How to start one node, again and again.

use std::process::Command;

use crate::{docker::Container, error::Error, log::Log, watchdog::Watchdog};

/// All that starting a node takes: its files are written, its ports are chosen.
#[derive(Debug)]
pub(crate) struct Recipe {
    command: Command,
    nodetool: Option<Command>,
    container: Option<Container>,
}

impl Recipe {
    /// A node that is a process of this machine, and the `nodetool` that speaks to it.
    pub(crate) fn process(command: Command, nodetool: Command) -> Self {
        Self { command, nodetool: Some(nodetool), container: None }
    }

    /// A node in a container.
    pub(crate) fn container(container: Container) -> Self {
        Self { command: container.start_command(), nodetool: None, container: Some(container) }
    }

    /// Starts the node; it is not ready yet.
    pub(crate) fn start(&self, log: &Log) -> Result<Watchdog, Error> {
        Watchdog::start(&self.command, self.container.as_ref().map(Container::name), log)
    }

    /// The `nodetool` that speaks to this node; `None` in a container.
    pub(crate) fn nodetool(&self) -> Option<Command> {
        let nodetool = self.nodetool.as_ref()?;
        let mut command = Command::new(nodetool.get_program());
        command.args(nodetool.get_args());
        Some(command)
    }
}
