//! Connections, sessions and programs against servers that answer as a test says: real sockets, no
//! Cassandra.

mod cluster;
mod failures;
#[path = "../support/listen.rs"]
mod listen;
mod login;
#[cfg(feature = "metrics-024")]
mod metrics;
#[path = "../support/nodes.rs"]
mod nodes;
mod policies;
#[path = "../support/program.rs"]
mod program;
mod programs;
mod send_bounds;
#[path = "../support/server.rs"]
mod server;
mod session;
mod spans;
mod test_server;
mod timeouts;
mod tls;
#[path = "../support/tls.rs"]
mod tls_front;
