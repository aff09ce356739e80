//! The shell: runs CQL scripts and prints their results like `cqlsh -f`.
//!
//! | file | purpose |
//! |---|---|
//! | `split` | splits a script into statements |
//! | `command` | parses the shell's own commands, such as `CONSISTENCY` |
//! | `describe/` | executes `DESCRIBE`, or describes the schema of a server that does not know it |
//! | `run` | runs scripts |
//! | `table` | prints rows |
//! | `format` | formats a value |

#![allow(clippy::arithmetic_side_effects, reason = "counters and times of the client itself")]

mod command;
mod describe;
mod format;
mod run;
mod split;
mod table;

pub use run::{Shell, read_script};
