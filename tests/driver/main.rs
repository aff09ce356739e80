//! Connections, sessions and programs against mock servers, over real sockets and without Cassandra.

#[cfg(feature = "arrow-60")]
mod arrow;
mod certificates;
mod changed_types;
mod cluster;
mod control;
mod datacenters;
mod describe;
mod drain;
mod duplicate_rows;
mod early_connections;
mod effects;
mod failures;
mod faults;
mod frozen;
mod journal;
mod keyspace;
mod keyspace_switch;
mod large_reads;
mod large_values;
mod late_servers;
mod load;
mod load_program;
mod login;
mod many_nodes;
#[cfg(feature = "metrics-024")]
mod metrics;
mod mock_cluster;
#[path = "../support/mock_nodes.rs"]
mod mock_nodes;
#[path = "../support/mock_server.rs"]
mod mock_server;
#[cfg(feature = "parquet")]
mod parquet;
mod peer_rows;
mod policies;
#[path = "../support/program.rs"]
mod program;
mod programs;
mod readme;
mod refused_reads;
mod refused_versions;
mod released;
mod replies;
#[cfg(feature = "simulation")]
mod round_trips;
mod runtimes;
mod scan;
mod schema_changes;
mod secrets;
mod send_bounds;
mod server_tls;
mod session;
mod shell;
mod spans;
mod store;
mod streams;
mod system_tables;
#[path = "../support/tcp_server.rs"]
mod tcp_server;
mod test_server;
mod timeouts;
mod tls;
#[path = "../support/tls.rs"]
mod tls_proxy;
mod topology_reads;
mod traffic;
mod transactions;
mod unload;
#[path = "../support/wait.rs"]
mod wait;
