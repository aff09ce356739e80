//! The shell: runs CQL scripts and prints their results like cqlsh.
//!
//! | file | purpose |
//! |---|---|
//! | `arguments` | the command line, and the program |
//! | `connector`, `connect_failure` | opens further sessions, and the errors of connecting |
//! | `cqlshrc` | the configuration files of cqlsh |
//! | `run` | runs scripts: their units one after the other, and SOURCE |
//! | `script/` | reads scripts, replaces their variables, and splits them into units |
//! | `engine` | executes one unit: a statement or a shell command |
//! | `command/` | parses shell commands, such as `CONSISTENCY` |
//! | `statement` | executes statements and prints their results |
//! | `describe/` | executes `DESCRIBE`, or describes the schema of a server that does not know it |
//! | `show`, `trace` | properties of the connection, and traces |
//! | `settings` | the settings that shell commands change |
//! | `output` | standard output, and the file of CAPTURE |
//! | `table/` | prints rows |
//! | `format/`, `name_styles` | formats values and names, and colours them |
//! | `failure`, `python` | errors in the words of cqlsh |

#![allow(clippy::arithmetic_side_effects, reason = "counters and times of the client itself")]

mod arguments;
mod command;
mod connect_failure;
mod connector;
mod cqlshrc;
mod describe;
mod engine;
mod failure;
mod format;
mod name_styles;
mod output;
mod python;
mod run;
mod script;
mod settings;
mod show;
mod statement;
mod table;
mod trace;

pub use arguments::{ShellArgs, run};
pub(crate) use run::run_schema_script;
pub(crate) use script::read_script;
