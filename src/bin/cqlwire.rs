//! Tools that speak Cassandra's protocol.

use std::io::{BufWriter, Read, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cqlwire::cli::{ConnectArgs, Failure, run};
use cqlwire::decode::{self, DecodeArgs};
use cqlwire::shell::{Shell, read};

/// Tools for Cassandra
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Debug, Subcommand)]
enum Tool {
    /// Run a script of statements, as `cqlsh -f` does
    Shell(Box<ShellArgs>),
    /// Show the frames of the native protocol in lines of hex, field by field
    Decode(DecodeArgs),
}

#[derive(Debug, clap::Args)]
struct ShellArgs {
    /// Script to run; `-` or nothing is standard input
    #[arg(short, long)]
    file: Option<String>,

    /// Statements to run
    #[arg(short, long, conflicts_with = "file")]
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
        Tool::Decode(arguments) => run(async { decode::run(&arguments, stdout().lock()) }),
    }
}

async fn shell(arguments: ShellArgs) -> Result<(), Failure> {
    let ShellArgs { file, execute, keyspace, connect } = arguments;
    // The script is read first: there is no need to connect for one that is not there.
    let (name, script) = match (file.as_deref(), execute) {
        (_, Some(statements)) => ("<stdin>", format!("{statements};")),
        (None | Some("-"), None) => {
            let mut script = String::new();
            stdin().read_to_string(&mut script).map_err(Failure::Io)?;
            ("<stdin>", script)
        }
        (Some(file), None) => (file, read(Path::new(file))?),
    };
    let session = connect
        .connect(|builder| match keyspace {
            Some(keyspace) => builder.keyspace(keyspace),
            None => builder,
        })
        .await?;
    let out = BufWriter::new(stdout().lock());
    let mut shell = Shell::new(session.clone(), connect.consistency(), out);
    shell.run(name, &script).await?;
    connect.report(&session);
    shell.finish()
}
