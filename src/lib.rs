//! The Cassandra native protocol.

pub mod message;
pub mod types;
pub mod wire;
