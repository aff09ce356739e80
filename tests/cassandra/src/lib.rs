//! Starts real Cassandra nodes, for cqlwire's live tests and for `cargo demo`.
//!
//! ```no_run
//! use cassandra_harness::{Cluster, Options};
//!
//! # fn main() -> Result<(), cassandra_harness::Error> {
//! let cluster = Cluster::start(&Options::new("4.1.9"))?;
//! println!("Cassandra answers on {}", cluster.contact_points()[0]);
//! # Ok(())
//! # } // dropping the cluster stops its nodes
//! ```
//!
//! All calls block. There is no global state, so several clusters can be started at once from
//! several threads. Nodes listen on loopback only, on free ports. They stop when the [`Cluster`]
//! is dropped, and also when this process ends, even if it is killed.
//!
//! The [`Launcher`] decides where the nodes come from: contact points given in the environment, a
//! Docker daemon, or Java 17 with Maven.

mod cluster;
mod config;
mod docker;
mod error;
mod java;
mod launcher;
mod log;
mod node;
mod options;
mod plan;
mod ports;
mod probe;
mod recipe;
mod run_dir;
mod tls;
mod tool;
mod version;
mod watchdog;

pub use cluster::Cluster;
pub use error::Error;
pub use launcher::Launcher;
pub use node::Node;
pub use options::Options;
pub use tls::{Certificates, ClientCertificates, Identity, Tls};
pub use version::{DEFAULT_VERSION, VERSIONS};
