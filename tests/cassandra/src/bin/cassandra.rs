//! Runs a cluster for manual experiments: its nodes can be killed, stopped, paused and restarted.

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use cassandra_harness::{Cluster, DEFAULT_VERSION, Node, Options};
use clap::Parser;

const COMMANDS: &str =
    "kill N, stop N, start N, move N ADDRESS, pause N, resume N, nodetool N ARGUMENTS, nodes, quit";

/// Starts a Cassandra cluster and prints its contact points.
///
/// The cluster runs until `quit`, the end of input, or Ctrl-C. Meanwhile the program reads commands
/// from standard input: kill N, stop N, start N, move N ADDRESS, pause N, resume N,
/// nodetool N ARGUMENTS, nodes, quit.
#[derive(Parser)]
#[command(name = "cassandra")]
struct Args {
    /// Version to start; 3.11.3, 4.1.9, 5.0.6, 5.0.9 and 6.0-alpha2 are tested. A list such as
    /// `4.1.9,5.0.6` starts one node of each version
    #[arg(long, value_name = "VERSION", default_value = DEFAULT_VERSION, value_delimiter = ',')]
    cassandra: Vec<String>,

    /// Number of nodes, if there is one version; node N listens on 127.0.0.N
    #[arg(long, value_name = "N", default_value_t = 1)]
    nodes: u8,

    /// Number of nodes in each datacenter, as in `2,2`, if there is one version; the nodes of a
    /// datacenter are in racks `rack1` and `rack2` in turn
    #[arg(long, value_name = "N,N", value_delimiter = ',', conflicts_with = "nodes")]
    datacenters: Vec<u8>,

    /// Number of tokens of each node
    #[arg(long, value_name = "N", default_value_t = 1)]
    tokens: u8,

    /// Require clients to log in, as user `cassandra` with password `cassandra`
    #[arg(long)]
    authentication: bool,

    /// Setting of `cassandra.yaml` for every node, such as `native_transport_timeout=150ms` or
    /// `accord={enabled: true}`. Can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Options::parse_setting)]
    settings: Vec<(String, String)>,

    /// Argument of the JVM of every node. Can be repeated. `--jvm=-XX:TieredStopAtLevel=4` turns the
    /// optimizing compiler on, for benchmarks: without it, nodes start faster
    #[arg(long = "jvm", value_name = "ARGUMENT", allow_hyphen_values = true)]
    jvm_args: Vec<String>,
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
        1 if args.datacenters.is_empty() => options.nodes(args.nodes),
        1 => options.datacenters(args.datacenters.iter().copied()),
        _ => options,
    };
    let mut options = options.tokens(args.tokens).authentication(args.authentication);
    options.settings.clone_from(&args.settings);
    options.jvm_args.clone_from(&args.jvm_args);
    let cluster = Cluster::start(&options)?;
    let points: Vec<_> = cluster.contact_points().iter().map(ToString::to_string).collect();
    println!("CQLWIRE_CONTACT_POINTS={}", points.join(","));
    eprintln!("Commands: {COMMANDS}");
    for line in io::stdin().lines() {
        match run_command(line?.trim(), cluster.nodes()) {
            Ok(true) => {}
            Ok(false) => break,
            Err(problem) => eprintln!("{problem}"),
        }
        io::stdout().flush()?;
    }
    Ok(())
}

/// Runs one command line. Returns false for `quit`.
fn run_command(line: &str, nodes: &[Node]) -> Result<bool, Box<dyn Error>> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (number, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
    let node = || {
        let index = number.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let node = index.and_then(|index| nodes.get(index));
        node.ok_or_else(|| {
            let numbers = match nodes.len() {
                1 => "the only node is 1".to_owned(),
                last => format!("the nodes are 1 to {last}"),
            };
            format!("cannot run `{command}`: there is no node `{number}`; {numbers}")
        })
    };
    match command {
        "quit" => return Ok(false),
        "kill" => node()?.kill()?,
        "stop" => node()?.stop()?,
        "start" => node()?.start()?,
        "move" => node()?.set_address(arguments.trim().parse()?)?,
        "pause" => node()?.pause()?,
        "resume" => node()?.resume()?,
        "nodetool" => {
            print!("{}", node()?.nodetool(&arguments.split_whitespace().collect::<Vec<_>>())?);
            return Ok(true);
        }
        "" | "nodes" => {}
        other => return Err(format!("unknown command `{other}`; commands: {COMMANDS}").into()),
    }
    for node in nodes {
        println!("{} {}", node.address(), if node.is_running() { "running" } else { "stopped" });
    }
    Ok(true)
}
