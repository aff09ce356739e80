//! The cluster: where on the ring a partition is, and which nodes have it.
//!
//! | file | what it knows |
//! |---|---|
//! | `routing` | the partition key, out of a statement's values |
//! | [`Partitioner`], [`Token`] | the place of a partition key on the ring |
//! | [`ReplicationStrategy`] | how a keyspace is replicated |
//! | [`Ring`], [`Replicas`] | who has what |
//!
//! ```
//! use cqlwire::cluster::{Partitioner, ReplicationStrategy, Ring, RingNode};
//!
//! # (|| {
//! let partitioner = Partitioner::of_class("org.apache.cassandra.dht.Murmur3Partitioner")?;
//! let first = [partitioner.parse("-3000000000000000000")?];
//! let second = [partitioner.parse("3000000000000000000")?];
//! let node = |index, tokens| RingNode { index, datacenter: "dc1", rack: "rack1", tokens };
//! let ring = Ring::new(partitioner, [node(0, &first), node(1, &second)]);
//!
//! let replicas = ring.replicas(&ReplicationStrategy::Simple { factor: 1 });
//! assert_eq!(replicas.of(partitioner.token(b"user_7")), [0]);
//! assert_eq!(replicas.of(partitioner.token(b"user_9")), [1]);
//! # Some(())
//! # })().unwrap();
//! ```
//!
//! Invariants: all of this is computed from what it is given, without waiting and without failing;
//! to find the replicas of a key allocates nothing.

#![cfg_attr(
    not(test),
    deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]

mod replication;
mod ring;
mod routing;
mod token;

pub use replication::ReplicationStrategy;
pub use ring::{Replicas, Ring, RingNode};
pub use token::{Partitioner, Token};
