//! Events of a node.

use serde::{Deserialize, Serialize};

/// An event of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum NodeEvent {
    /// The process ends: connections are closed, and new ones refused. The other nodes report it.
    Stop,
    /// The process starts again. It has forgotten the prepared statements.
    Start,
    /// The process is stopped, as by SIGSTOP.
    Freeze,
    /// The process continues.
    Thaw,
    /// Attempts to connect get no answer.
    Unreachable,
    /// Attempts to connect get an answer again.
    Reachable,
    /// The node closes all of its connections.
    CloseConnections,
    /// The node forgets all prepared statements.
    ForgetPrepared,
    /// The node announces on each connection that it is shutting down (CEP-59).
    GracefulDisconnect,
    /// The node leaves the cluster.
    Remove,
    /// The node joins the cluster again.
    Add,
    /// The node stops, and starts with an address that no node had, where it is reachable. The other nodes
    /// report it.
    ChangeAddress,
    /// The node stops, and starts with its first address.
    RestoreAddress,
    /// The node reports another version of the schema.
    Disagree,
    /// The node reports the version of the cluster again.
    Agree,
    /// The node refuses the version of the session, on open connections, too.
    Downgrade,
    /// The node accepts the version again.
    Upgrade,
}

impl NodeEvent {
    /// The events that begin a fault.
    pub(crate) const ALL: &[Self] = &[
        Self::Stop,
        Self::Freeze,
        Self::Unreachable,
        Self::CloseConnections,
        Self::ForgetPrepared,
        Self::GracefulDisconnect,
        Self::Remove,
        Self::ChangeAddress,
        Self::Disagree,
        Self::Downgrade,
    ];

    /// Returns the event that ends the fault. `None` if the fault ends by itself.
    pub(crate) const fn end(self) -> Option<Self> {
        match self {
            Self::Stop => Some(Self::Start),
            Self::Freeze => Some(Self::Thaw),
            Self::Unreachable => Some(Self::Reachable),
            Self::Remove => Some(Self::Add),
            Self::ChangeAddress => Some(Self::RestoreAddress),
            Self::Disagree => Some(Self::Agree),
            Self::Downgrade => Some(Self::Upgrade),
            _ => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stop => "node stopped",
            Self::Start => "node started",
            Self::Freeze => "node frozen",
            Self::Thaw => "node continued",
            Self::Unreachable => "node unreachable",
            Self::Reachable => "node reachable",
            Self::CloseConnections => "node closed its connections",
            Self::ForgetPrepared => "node forgot statements",
            Self::GracefulDisconnect => "node announced its shutdown",
            Self::Remove => "node left",
            Self::Add => "node joined",
            Self::ChangeAddress => "node changed its address",
            Self::RestoreAddress => "node had its first address again",
            Self::Disagree => "node had another schema",
            Self::Agree => "node agreed on the schema",
            Self::Downgrade => "node refused the version",
            Self::Upgrade => "node accepted the version",
        }
    }
}
