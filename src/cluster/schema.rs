//! The schema: keyspaces and their contents, read from the rows of `system_schema`, and printed as
//! the statements that create them.
//!
//! A session reads the schema by itself; see [`Session::schema`](crate::session::Session::schema).
//! This module does no I/O. To read a schema by hand, run the [`select`](SchemaPart::select) statement
//! of every [`SchemaPart`] and pass the rows to a [`SchemaReader`]:
//!
//! ```no_run
//! use cqlwire::cluster::schema::{Schema, SchemaPart};
//! use cqlwire::session::Session;
//! use cqlwire::types::Record;
//!
//! # async fn example(session: &Session) -> Result<(), cqlwire::session::Error> {
//! let mut reader = Schema::reader();
//! for part in SchemaPart::ALL {
//!     let mut rows = session.stream::<Record>(part.select(None), ());
//!     loop {
//!         match rows.try_next().await {
//!             Ok(Some(row)) => reader.row(part, row),
//!             Ok(None) => break,
//!             Err(error) if part.is_optional() && error.server_error().is_some() => break,
//!             Err(error) => return Err(error),
//!         }
//!     }
//! }
//! let schema = reader.finish();
//! for keyspace in schema.keyspaces.values() {
//!     println!("{}", keyspace.script());
//! }
//! # Ok(())
//! # }
//! ```

pub use crate::schema::{
    Aggregate, ClusteringOrder, Column, ColumnKind, ElementIter, ElementMap, Function, Index,
    Keyspace, Schema, SchemaPart, SchemaReader, Table, UserType, View,
};
