//! The Cassandra native protocol.

pub mod types;
pub mod wire;
