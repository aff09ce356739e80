//! Command line tools for Cassandra: a script runner, whole tables, a server in memory and a frame decoder.

use std::io::stdout;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cqlwire::bulk::load::{self, LoadArgs};
use cqlwire::bulk::{CountArgs, UnloadArgs, count, unload};
use cqlwire::cli::{run, run_with_status};
use cqlwire::decode::{self, DecodeArgs};
use cqlwire::serve::{self, ServeArgs};
use cqlwire::shell::{self, ShellArgs};

/// Run CQL scripts, unload, load and count tables, run a Cassandra in memory, and decode frames of the protocol
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Debug, Subcommand)]
enum Tool {
    /// Run CQL statements from a file, an argument or standard input, and print the results like cqlsh
    Shell(Box<ShellArgs>),
    /// Write a table to a file as CSV or JSON lines, from all nodes at once
    Unload(Box<UnloadArgs>),
    /// Count the rows of a table, and list its largest partitions
    Count(Box<CountArgs>),
    /// Write the rows of CSV or JSON files to a table
    Load(Box<LoadArgs>),
    /// Run a Cassandra in memory, for tests of programs in any language
    Serve(Box<ServeArgs>),
    /// Decode frames of the native protocol, and print them field by field
    Decode(DecodeArgs),
}

fn main() -> ExitCode {
    match Arguments::parse().tool {
        Tool::Shell(arguments) => run_with_status(shell::run(*arguments)),
        Tool::Unload(arguments) => run(unload(*arguments)),
        Tool::Count(arguments) => run(count(*arguments)),
        Tool::Load(arguments) => run(load::run(*arguments)),
        Tool::Serve(arguments) => run(serve::run(*arguments)),
        Tool::Decode(arguments) => run(async { decode::run(&arguments, stdout().lock()) }),
    }
}
