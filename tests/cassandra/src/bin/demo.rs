//! `cargo demo`: starts a real Cassandra and runs cqlwire's programs on it, showing each command.

use std::{
    env,
    error::Error,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::Instant,
};

use cassandra_harness::{Cluster, DEFAULT_VERSION, Options};
use clap::{Parser, ValueEnum};

/// Starts a real Cassandra, creates a table, adds ten users and lists them, with cqlwire's programs.
///
/// The Cassandra is one of CQLWIRE_CONTACT_POINTS=host:port,... if that is set, else one in a
/// container where a Docker daemon answers, else one run by Java 17 (fetched by Maven, once).
/// CQLWIRE_CASSANDRA=env|docker|java forces one of the ways.
#[derive(Parser)]
#[command(name = "cargo demo", bin_name = "cargo demo")]
struct Args {
    /// The version of Cassandra to start; 3.11.3, 4.1.9 and 5.0.6 are the tested ones
    #[arg(long, value_name = "VERSION", default_value = DEFAULT_VERSION)]
    cassandra: String,

    /// Compress the frames between the programs and Cassandra
    #[arg(long, value_enum, default_value_t = Compression::None)]
    compression: Compression,

    /// How many users to add, ten if not said
    #[arg(long, value_name = "N")]
    count: Option<u64>,

    /// Leave Cassandra running at the end, until Enter or Ctrl-C
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Compression {
    Lz4,
    None,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let workspace = workspace()?;
    eprintln!("Building the programs (takes longer the first time)");
    cargo(&workspace, &["build", "--quiet", "--features", "cli", "--bins"])?;

    let started = Instant::now();
    let cluster = Cluster::start(&Options::new(&args.cassandra))?;
    let address = cluster.contact_points()[0];
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("Cassandra is ready in {seconds:.1} s on {address}\n");

    for program in programs(args, address) {
        let words: Vec<&str> = program.iter().map(String::as_str).collect();
        println!("$ cargo {}", words.join(" "));
        io::stdout().flush()?;
        cargo(&workspace, &words)?;
        println!();
    }
    if args.keep {
        keep(&workspace, address)?;
    }
    Ok(())
}

/// The arguments of `cargo` for each program in turn.
fn programs(args: &Args, address: SocketAddr) -> [Vec<String>; 3] {
    let command = |program: &str, own: &[&str]| {
        let run = ["run", "--quiet", "--features", "cli", "--bin", program, "--"];
        let mut words: Vec<String> = run.iter().chain(own).map(ToString::to_string).collect();
        words.extend(["--host".into(), address.ip().to_string()]);
        words.extend(["--port".into(), address.port().to_string()]);
        if args.compression == Compression::Lz4 {
            words.extend(["--compression".into(), "lz4".into()]);
        }
        words
    };
    let count = args.count.map(|count| count.to_string());
    let count: Vec<&str> = count.iter().flat_map(|count| ["--count", count]).collect();
    [
        command("cqlwire", &["shell", "-f", "cql/users.cql"]),
        command("add_users", &count),
        command("list_users", &[]),
    ]
}

fn cargo(workspace: &Path, args: &[&str]) -> Result<(), String> {
    // `cargo run` names itself; the fallback is for running the program by itself.
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(program).args(args).current_dir(workspace).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`cargo {}` ended with {status}", args.join(" "))),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}

fn keep(workspace: &Path, address: SocketAddr) -> io::Result<()> {
    let (host, port) = (address.ip(), address.port());
    eprintln!("Cassandra stays on {address}. From {}, try:", workspace.display());
    eprintln!("  cargo run --features cli --bin cqlwire -- shell --host {host} --port {port}");
    eprintln!("  CQLWIRE_CONTACT_POINTS={address} cargo demo");
    if io::stdin().is_terminal() {
        eprintln!("Enter or Ctrl-C stops it.");
        io::stdin().read_line(&mut String::new())?;
        return Ok(());
    }
    eprintln!("Ctrl-C stops it.");
    loop {
        thread::park();
    }
}

fn workspace() -> io::Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()
}
