//! Starts real Cassandra nodes.
