//! The Cassandra native protocol.

pub mod wire;
