//! `cqlwire serve`: a Cassandra in memory, for the tests of programs in any language.
//!
//! | file | purpose |
//! |---|---|
//! | `arguments` | the command line arguments |
//! | `run` | starts the nodes, says that they are ready, and reads commands until the end |
//! | `nodes` | the nodes, and the commands that change them |
//! | `schema` | runs CQL scripts on the nodes |
//! | `log` | statements as JSON |
//! | `script` | splits scripts into commands |
//! | `command` | converts a JSON object to a command |
//! | `rows` | the canned answers of commands |
//! | `error_reply` | the errors of commands |
//! | `fields` | reads the fields of JSON objects |

#![allow(clippy::arithmetic_side_effects, reason = "counters of the program itself")]

mod arguments;
mod command;
mod error_reply;
mod fields;
mod log;
mod nodes;
mod rows;
mod run;
mod schema;
mod script;

pub use arguments::ServeArgs;
pub use run::run;
