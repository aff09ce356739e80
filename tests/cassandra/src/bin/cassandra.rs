//! Runs a cluster for trying things by hand: nodes can be killed, stopped, paused and started again.

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use cassandra_harness::{Cluster, DEFAULT_VERSION, Node, Options};
use clap::Parser;

const COMMANDS: &str =
    "kill N, stop N, start N, pause N, resume N, nodetool N ARGUMENTS, nodes, quit";

/// Starts a real Cassandra, prints its contact points, and runs it until `quit`, the end of input
/// or Ctrl-C.
#[derive(Parser)]
#[command(name = "cassandra")]
struct Args {
    /// The version to start; 3.11.3, 4.1.9 and 5.0.6 are the tested ones. Several, as in
    /// `4.1.9,5.0.6`, are a node each
    #[arg(long, value_name = "VERSION", default_value = DEFAULT_VERSION, value_delimiter = ',')]
    cassandra: Vec<String>,

    /// How many nodes, of one version; node N listens on 127.0.0.N
    #[arg(long, value_name = "N", default_value_t = 1)]
    nodes: u8,

    /// How many tokens each node has
    #[arg(long, value_name = "N", default_value_t = 1)]
    tokens: u8,

    /// Have clients log in, as user `cassandra` with password `cassandra`
    #[arg(long)]
    authentication: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cassandra: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let options = Options::default().versions(&args.cassandra);
    let options = match args.cassandra.len() {
        1 => options.nodes(args.nodes),
        _ => options,
    };
    let options = options.tokens(args.tokens).authentication(args.authentication);
    let cluster = Cluster::start(&options)?;
    let points: Vec<_> = cluster.contact_points().iter().map(ToString::to_string).collect();
    println!("CQLWIRE_CONTACT_POINTS={}", points.join(","));
    eprintln!("Commands: {COMMANDS}");
    for line in io::stdin().lines() {
        match obey(line?.trim(), cluster.nodes()) {
            Ok(true) => {}
            Ok(false) => break,
            Err(problem) => eprintln!("{problem}"),
        }
        io::stdout().flush()?;
    }
    Ok(())
}

/// Does what a line says; false means quit.
fn obey(line: &str, nodes: &[Node]) -> Result<bool, Box<dyn Error>> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (number, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
    let node = || {
        let index = number.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let node = index.and_then(|index| nodes.get(index));
        node.ok_or_else(|| format!("`{command}` takes a node's number, 1 to {}", nodes.len()))
    };
    match command {
        "quit" => return Ok(false),
        "kill" => node()?.kill()?,
        "stop" => node()?.stop()?,
        "start" => node()?.start()?,
        "pause" => node()?.pause()?,
        "resume" => node()?.resume()?,
        "nodetool" => {
            print!("{}", node()?.nodetool(&arguments.split_whitespace().collect::<Vec<_>>())?);
            return Ok(true);
        }
        "" | "nodes" => {}
        other => return Err(format!("no command `{other}`: {COMMANDS}").into()),
    }
    for node in nodes {
        println!("{} {}", node.address(), if node.is_running() { "runs" } else { "does not run" });
    }
    Ok(true)
}
