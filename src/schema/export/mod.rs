//! The statements that cqlsh 5 prints for DESCRIBE on servers that do not execute it, character by
//! character: the text of `export_as_string()` of the Python driver (`cassandra-driver` 3.30).
//!
//! The text differs from [`Keyspace::ddl`](super::Keyspace::ddl) and the other statements of this layer,
//! which are meant to be executed: the driver quotes more names, escapes fewer literals, and prints a
//! table with everything that belongs to it.
//!
//! | file | contents |
//! |---|---|
//! | `text` | names and values |
//! | `function` | functions and aggregates |
//! | `table` | tables, indexes and views |
//! | `keyspace` | keyspaces and user-defined types |

mod function;
mod keyspace;
mod table;
mod text;

pub(crate) use text::ExportedName;
