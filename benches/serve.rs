//! The time from the start of `cqlwire serve` to its first answer, and the time to add and list users on
//! it. If `CQLWIRE_CONTACT_POINTS` names a node, the users are added and listed on that node, too.
//!
//! ```sh
//! cargo bench --bench serve --features cli
//! ```

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cqlwire::session::Session;

const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");
const ADD_USERS: &str = env!("CARGO_BIN_EXE_add_users");
const LIST_USERS: &str = env!("CARGO_BIN_EXE_list_users");

/// Number of starts that are measured.
const STARTS: usize = 51;

const USERS: &str = "100000";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    start()?;
    let server = Server::start()?;
    users("cqlwire serve", &server.address)?;
    if let Ok(nodes) = env::var("CQLWIRE_CONTACT_POINTS") {
        users("CQLWIRE_CONTACT_POINTS", &nodes)?;
    }
    Ok(())
}

/// Measures starts, each with a new process.
fn start() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut ready, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let started = Instant::now();
        let server = Server::start()?;
        ready.push(started.elapsed());
        runtime.block_on(async {
            let session = Session::builder().contact_points([&server.address]).connect().await?;
            session.execute("SELECT key FROM system.local", ()).await?;
            Result::Ok(())
        })?;
        answered.push(started.elapsed());
    }
    report("start to the line `ready`", ready);
    report("start to the first answer of a new session", answered);
    Ok(())
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let milliseconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64) * 1_000.0;
    let (median, longest) = (times.get(times.len() / 2), times.last());
    let (median, longest) = (milliseconds(median), milliseconds(longest));
    println!("{what}: median {median:.1} ms, longest {longest:.1} ms of {}", times.len());
}

/// Creates the table of users, adds users and lists them.
fn users(name: &str, host: &str) -> Result<()> {
    let run = |program: &str, arguments: &[&str]| {
        let started = Instant::now();
        let output = Command::new(program).args(arguments).args(["--host", host]).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        Result::Ok((started.elapsed().as_secs_f64(), lines))
    };
    run(CQLWIRE, &["shell", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/cql/users.cql")])?;
    let (added, _) = run(ADD_USERS, &["--count", USERS])?;
    let (listed, lines) = run(LIST_USERS, &[])?;
    println!("{name}: {USERS} users added in {added:.2} s, {lines} listed in {listed:.2} s");
    Ok(())
}

/// A running `cqlwire serve`. Dropping it closes its standard input, which ends it.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start() -> Result<Self> {
        let mut process = Command::new(CQLWIRE)
            .args(["serve", "--listen", "127.0.0.1:0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = line.split_whitespace().nth(1).ok_or("the server is not ready")?.to_owned();
        Ok(Self { process, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.wait();
    }
}
