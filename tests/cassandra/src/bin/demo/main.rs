//! `cargo demo`: starts a Cassandra, runs cqlwire's programs on it, and prints each command.

mod embedded;

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

use cassandra_harness::{Cluster, DEFAULT_VERSION, Error as HarnessError, Launcher, Options};
use clap::{Parser, ValueEnum};
use embedded::Embedded;

/// Starts a Cassandra, creates a table, adds ten users and lists them, with cqlwire's programs.
///
/// If CQLWIRE_CONTACT_POINTS=host:port,... is set, the demo uses the first of these nodes. Otherwise
/// it starts a node in a container if a Docker daemon answers, or else with Java 17 and Maven, which
/// downloads Cassandra once. CQLWIRE_CASSANDRA=env|docker|java selects one of the three. If none of
/// them works, the demo runs `cqlwire serve`, which keeps its rows in memory.
#[derive(Parser)]
#[command(name = "cargo demo", bin_name = "cargo demo")]
struct Args {
    /// Version of Cassandra to start; 3.11.3, 4.1.9, 5.0.6, 5.0.9 and 6.0-alpha2 are tested
    /// [default: 5.0.6]
    #[arg(long, value_name = "VERSION", conflicts_with = "embedded")]
    cassandra: Option<String>,

    /// Run the programs on `cqlwire serve`, which needs nothing but Rust
    #[arg(long)]
    embedded: bool,

    /// Compress the frames between the programs and Cassandra
    #[arg(long, value_enum, default_value_t = Compression::None)]
    compression: Compression,

    /// Number of users to add [default: 10]
    #[arg(long, value_name = "N")]
    count: Option<u64>,

    /// Keep the server running at the end, until Enter or Ctrl-C
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
    let is_embedded = is_embedded(args)?;
    eprintln!("Building the programs (the first build takes longer)");
    run_cargo(&workspace, &["build", "--quiet", "--features", "cli", "--bins"])?;

    let started = Instant::now();
    let server = match is_embedded {
        true => Server::Embedded(Embedded::start(&workspace)?),
        false => Server::Real(Cluster::start(&options(args))?),
    };
    let address = server.address();
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{} is ready in {seconds:.1} s on {address}\n", server.name());

    for program in programs(args, address) {
        let words: Vec<&str> = program.iter().map(String::as_str).collect();
        println!("$ cargo {}", words.join(" "));
        io::stdout().flush()?;
        run_cargo(&workspace, &words)?;
        println!();
    }
    if args.keep {
        keep(&workspace, &server)?;
    }
    Ok(())
}

/// The server that the programs use.
enum Server {
    Real(Cluster),
    Embedded(Embedded),
}

impl Server {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Real(cluster) => cluster.contact_points()[0],
            Self::Embedded(embedded) => embedded.address,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Real(_) => "Cassandra",
            Self::Embedded(_) => "cqlwire serve",
        }
    }
}

fn options(args: &Args) -> Options {
    Options::new(args.cassandra.as_deref().unwrap_or(DEFAULT_VERSION))
}

/// Returns true if the programs run on `cqlwire serve`: on request, or because this machine cannot
/// start a real Cassandra. Then prints a line that says so.
///
/// # Errors
/// Returns an error if a requirement of a real Cassandra is missing, and the user has chosen its
/// version or its launcher, or `CI` is set.
fn is_embedded(args: &Args) -> Result<bool, HarnessError> {
    const EMBEDDED: &str = "the programs run on `cqlwire serve`, which keeps its rows in memory";
    if args.embedded {
        eprintln!("As requested, {EMBEDDED}; for a real Cassandra, omit --embedded");
        return Ok(true);
    }
    let is_set = |variable| env::var_os(variable).is_some();
    let is_chosen = args.cassandra.is_some() || is_set("CQLWIRE_CASSANDRA") || is_set("CI");
    match Launcher::find(&options(args)) {
        Err(HarnessError::Missing { problem, advice }) if !is_chosen => {
            eprintln!("{problem}; therefore, {EMBEDDED}; for a real Cassandra, {advice}");
            Ok(true)
        }
        Ok(_) => Ok(false),
        Err(error) => Err(error),
    }
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

/// Returns the command that runs `cargo` in the workspace.
fn cargo(workspace: &Path, args: &[&str]) -> Command {
    // `cargo run` sets CARGO; the fallback is for running the binary directly.
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(args).current_dir(workspace);
    command
}

fn run_cargo(workspace: &Path, args: &[&str]) -> Result<(), String> {
    match cargo(workspace, args).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`cargo {}` failed: {status}", args.join(" "))),
        Err(error) => Err(format!("cannot run `cargo {}`: {error}", args.join(" "))),
    }
}

fn keep(workspace: &Path, server: &Server) -> io::Result<()> {
    let (name, address) = (server.name(), server.address());
    let (host, port) = (address.ip(), address.port());
    eprintln!("{name} keeps running on {address}. In {}, try:", workspace.display());
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
