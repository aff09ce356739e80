//! The Cassandra native protocol.

pub mod message;
pub mod protocol;
pub mod types;
pub mod wire;
