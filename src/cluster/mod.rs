//! The cluster layer: the nodes, the connections to them, and the choice of a node for a request.
//!
//! | file | contents |
//! |---|---|
//! | `handle`, `schema_wait` | the cluster, as a session uses it |
//! | `statuses` | the nodes that servers have reported down |
//! | `control`, `control_candidates`, `control_setup`, `pending_reads` | the control connection and its task |
//! | `state_reader`, `topology`, `topology_reader`, `node_row` | what the driver reads from `system.local` and `system.peers` |
//! | `schema_reader` | what the driver reads from `system_schema` |
//! | `system_pages`, `system_tables` | how system tables are read: page by page, with a bound on memory |
//! | `peers` | the nodes in those rows, and the choice between rows that contradict each other |
//! | [`ClusterState`], `node_index`, `connected_nodes`, `refresh` | a snapshot of nodes, ring and schema, and how the next one is computed |
//! | [`Node`], `pool`, `slots` | a node, and its connections |
//! | `early_connection` | the first connection to the contact point, opened while the topology is read |
//! | `pool_context`, `attempts`, `released`, `session_keyspace` | the state that the pools share |
//! | [`LoadBalancing`] | the policy that picks the node for a request |
//! | [`Token`], [`Partitioner`], `ring`, `walk`, `replication_map` | the replicas of a partition |
//! | [`TokenRange`], [`RingRanges`], `splits` | the ring as ranges, each with its replicas, and how it is cut into shards and splits |
//! | [`schema`] | keyspaces, tables, types, and everything else that DDL creates |
//!
//! Invariants:
//!
//! - A node is up if a connection to it is open, whatever status events say. Only for nodes to
//!   which the session does not connect, status events decide.
//! - Requests never open connections, so a request timeout cannot interrupt a handshake.
//! - An invalid row of a system table is left out and does not fail the read.
//! - A node is one host id at one address. Each node has one pool and one place in the ring.
//! - A snapshot never changes. Reading the current one holds a lock only to clone an `Arc`.
//! - The cluster owns the nodes. Nodes refer to the `PoolContext`, never to the cluster.

#![allow(clippy::arithmetic_side_effects, reason = "counters and times of the client itself")]

mod address_translator;
mod attempts;
mod backoff;
mod balancing;
mod changes;
mod connected_nodes;
mod contact;
mod control;
mod control_candidates;
mod control_setup;
mod counters;
mod early_connection;
mod handle;
mod in_flight;
#[cfg(test)]
mod interleavings;
mod node;
mod node_index;
mod node_row;
mod open;
mod peers;
mod pending_reads;
mod pool;
mod pool_context;
mod refresh;
mod released;
mod replication;
mod replication_map;
mod ring;
mod ring_ranges;
mod routing;
pub mod schema;
mod schema_reader;
mod schema_wait;
mod session_keyspace;
mod settings;
mod shared;
mod slots;
mod splits;
mod state;
mod state_reader;
mod statuses;
mod system_pages;
mod system_tables;
mod timer;
mod token_range;
mod topology;
mod topology_reader;
mod walk;

pub use crate::partitioner::{Partitioner, Token};
pub use address_translator::AddressTranslator;
pub use backoff::Reconnect;
pub use balancing::{DefaultBalancing, LatencyAwareness, LoadBalancing, Routing};
pub(crate) use contact::{ContactPoint, DEFAULT_PORT};
pub(crate) use counters::{Counter, FailureKind};
pub(crate) use handle::{Cluster, RUNTIME_ENDED};
pub use node::{Distance, Node};
pub(crate) use open::{ClusterError, NodeError};
pub use replication::ReplicationStrategy;
pub use ring::{Replicas, Ring, RingNode};
pub use ring_ranges::{ReplicatedRange, RingRanges};
pub(crate) use routing::routing_key;
pub(crate) use schema_wait::SchemaError;
pub(crate) use settings::Settings;
pub use state::ClusterState;
pub(crate) use timer::Timer;
pub use token_range::TokenRange;
pub use topology::NodeInfo;
