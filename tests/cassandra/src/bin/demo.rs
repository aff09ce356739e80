//! `cargo demo`: starts a real Cassandra, runs cqlwire's programs on it, and prints each command.

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
/// If CQLWIRE_CONTACT_POINTS=host:port,... is set, the demo uses the first of these nodes. Otherwise
/// it starts a node in a container if a Docker daemon answers, or else with Java 17 and Maven, which
/// downloads Cassandra once. CQLWIRE_CASSANDRA=env|docker|java selects one of the three.
#[derive(Parser)]
#[command(name = "cargo demo", bin_name = "cargo demo")]
struct Args {
    /// Version of Cassandra to start; 3.11.3, 4.1.9 and 5.0.6 are tested
    #[arg(long, value_name = "VERSION", default_value = DEFAULT_VERSION)]
    cassandra: String,

    /// Compress the frames between the programs and Cassandra
    #[arg(long, value_enum, default_value_t = Compression::None)]
    compression: Compression,

    /// Number of users to add [default: 10]
    #[arg(long, value_name = "N")]
    count: Option<u64>,

    /// Keep Cassandra running at the end, until Enter or Ctrl-C
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
    eprintln!("Building the programs (the first build takes longer)");
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

/// Returns the arguments of `cargo` for each program, in order.
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
    // `cargo run` sets CARGO; the fallback is for running the binary directly.
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(program).args(args).current_dir(workspace).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`cargo {}` failed: {status}", args.join(" "))),
        Err(error) => Err(format!("cannot run `cargo {}`: {error}", args.join(" "))),
    }
}

fn keep(workspace: &Path, address: SocketAddr) -> io::Result<()> {
    let (host, port) = (address.ip(), address.port());
    eprintln!("Cassandra keeps running on {address}. In {}, try:", workspace.display());
    eprintln!("  cargo run --features cli --bin cqlwire -- shell --host {host} --port {port}");
    eprintln!("  CQLWIRE_CONTACT_POINTS={address} cargo demo");
    if io::stdin().is_terminal() {
        eprintln!("Press Enter or Ctrl-C to stop it.");
        io::stdin().read_line(&mut String::new())?;
        return Ok(());
    }
    eprintln!("Press Ctrl-C to stop it.");
    loop {
        thread::park();
    }
}

fn workspace() -> io::Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()
}
