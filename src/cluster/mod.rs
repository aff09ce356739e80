//! A cluster: which nodes there are, and the connections to them.
//!
//! | file | what it knows |
//! |---|---|
//! | `handle` | what a session does with a cluster |
//! | `control` | the task that watches the cluster through one connection of its own |
//! | `topology` | what `system.local` and `system.peers` say |
//! | [`ClusterState`] | the nodes, the ring and the schema at one moment |
//! | [`Node`], `pool` | a node, and its connections, opened again when they have ended |
//! | [`LoadBalancing`] | which node a request goes to |
//! | [`Token`], [`Partitioner`], `ring` | which nodes have a row |
//! | [`schema`] | keyspaces, tables, types and all else that DDL makes |
//!
//! Invariants: a node is believed to be there when a connection to it is open, whatever others say
//! of it; requests never open connections, and so cannot be too short for it; what is odd in a
//! table of the system is left out, and stops nothing; a snapshot never changes, and reading it
//! takes no lock for longer than a pointer is copied.

mod backoff;
mod balancing;
mod contact;
mod control;
mod counters;
mod handle;
mod node;
mod open;
mod pool;
mod replication;
mod ring;
mod routing;
pub mod schema;
mod settings;
mod shared;
mod state;
mod timer;
mod token;
mod topology;

pub use backoff::Reconnect;
pub use balancing::{DefaultBalancing, LatencyAwareness, LoadBalancing, Routing};
pub(crate) use contact::{ContactPoint, DEFAULT_PORT};
pub(crate) use counters::{Counter, FailureKind};
pub(crate) use handle::Cluster;
pub use node::{Distance, Node};
pub(crate) use open::{ClusterError, NodeError};
pub use replication::ReplicationStrategy;
pub use ring::{Replicas, Ring, RingNode};
pub(crate) use routing::routing_key;
pub use settings::AddressTranslator;
pub(crate) use settings::Settings;
pub use state::ClusterState;
pub(crate) use timer::Timer;
pub use token::{Partitioner, Token};
pub use topology::NodeInfo;
