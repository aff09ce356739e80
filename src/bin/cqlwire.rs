//! Command line tools for Cassandra: a script runner, whole tables, a server in memory and a frame decoder.

use std::io::{BufWriter, ErrorKind, Read, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cqlwire::bulk::load::{self, LoadArgs};
use cqlwire::bulk::{CountArgs, UnloadArgs, count, unload};
use cqlwire::cli::{ConnectArgs, Failure, run};
use cqlwire::decode::{self, DecodeArgs};
use cqlwire::serve::{self, ServeArgs};
use cqlwire::shell::{Shell, read_script};

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

#[derive(Debug, clap::Args)]
struct ShellArgs {
    /// Script to run; `-` is standard input [default: standard input]
    #[arg(short, long)]
    file: Option<String>,

    /// CQL statements to run, separated by semicolons
    #[arg(short, long, value_name = "CQL", conflicts_with = "file")]
    execute: Option<String>,

    /// Keyspace to use
    #[arg(short, long, env = "CQLWIRE_KEYSPACE")]
    keyspace: Option<String>,

    #[command(flatten)]
    connect: ConnectArgs,
}

fn main() -> ExitCode {
    match Arguments::parse().tool {
        Tool::Shell(arguments) => run(shell(*arguments)),
        Tool::Unload(arguments) => run(unload(*arguments)),
        Tool::Count(arguments) => run(count(*arguments)),
        Tool::Load(arguments) => run(load::run(*arguments)),
        Tool::Serve(arguments) => run(serve::run(*arguments)),
        Tool::Decode(arguments) => run(async { decode::run(&arguments, stdout().lock()) }),
    }
}

async fn shell(arguments: ShellArgs) -> Result<(), Failure> {
    let ShellArgs { file, execute, keyspace, mut connect } = arguments;
    // Ask for the password before reading the script, which may be typed on the same terminal.
    connect.ask_for_password()?;
    // Read the script before connecting, so that a missing file fails at once.
    let (name, script) = match (file.as_deref(), execute) {
        (_, Some(statements)) => ("<stdin>", format!("{statements};")),
        (None | Some("-"), None) => {
            let mut script = String::new();
            stdin().read_to_string(&mut script).map_err(|error| match error.kind() {
                ErrorKind::InvalidData => Failure::Arguments(
                    "cannot read standard input: it is not UTF-8 text".to_owned(),
                ),
                _ => Failure::Text(format!("cannot read standard input: {error}")),
            })?;
            ("<stdin>", script)
        }
        (Some(file), None) => (file, read_script(Path::new(file)).map_err(Failure::Arguments)?),
    };
    let session = connect.connect_to(keyspace.as_deref()).await?;
    let out = BufWriter::new(stdout().lock());
    let mut shell = Shell::new(session.clone(), connect.consistency(), out);
    shell.run(name, &script).await?;
    connect.print_metrics(&session);
    shell.finish()
}
