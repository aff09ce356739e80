//! Scripts of statements, run and printed as `cqlsh -f` does it.
//!
//! | file | what it knows |
//! |---|---|
//! | `split` | where one statement ends and the next begins |
//! | `command` | the statements that are for the shell, not for the server |
//! | `run` | running a script, and going on after an error |
//! | `table` | printing rows |
//! | `format` | printing a value |

#![allow(clippy::arithmetic_side_effects, reason = "counters and times of the client itself")]

mod command;
mod format;
mod run;
mod split;
mod table;

pub use run::{Shell, read};
