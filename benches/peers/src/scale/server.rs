//! The server of a comparison, in a process of its own, or a real node.

use std::env;
use std::future::Future;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use cqlwire::testing::MockServer;
use cqlwire::wire::Version;
use rustls::ClientConfig;

use super::nodes::Nodes;
use super::sample::runtime;
use super::{schema_server, tls, values};
use crate::driver::stub;

pub struct Server {
    address: SocketAddr,
    /// The TLS configuration of clients, if the server has TLS.
    tls: Option<Arc<ClientConfig>>,
    /// The process, unless the server is a real node.
    process: Option<Child>,
}

impl Server {
    /// Starts a server: see [`serve`] for the kinds.
    pub fn start(kind: &str) -> Result<Self, String> {
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        let command = command.args(["serve", kind]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let mut words = line.split_whitespace();
        let address = words.next().and_then(|address| address.parse().ok());
        let address = address.ok_or("the server did not start")?;
        let tls = words.next().and_then(tls::from_hex).map(tls::client_config);
        Ok(Self { address, tls, process: Some(process) })
    }

    /// Uses a real node.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, tls: None, process: None }
    }

    /// Writes a line to the server's standard input.
    pub fn command(&mut self, line: &str) {
        let input = self.process.as_mut().and_then(|process| process.stdin.as_mut());
        writeln!(input.unwrap(), "{line}").unwrap();
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.tls.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // The process ends when its input does.
            drop(process.stdin.take());
            let _status = process.wait();
        }
    }
}

/// Runs a server until the standard input ends. Prints its address, and its certificate if it has TLS.
/// Kinds: `stub`, `stub-tls`, `mock` for an empty
/// [`MockServer`], `cluster 6` for 6 nodes, `nodes 1000 256` for a server that lists 1,000 nodes with 256 tokens
/// each, `schema 1000` for one with 1,000 tables, and `values` and `values-v4` for large values.
pub fn serve(kind: &str) -> Result<(), String> {
    let number = |text: &str| text.parse().map_err(|_| format!("no number: `{text}`"));
    match kind.split(' ').collect::<Vec<_>>()[..] {
        ["stub"] => println!("{}", stub::start()),
        ["stub-tls"] => {
            let (address, certificate) = tls::start();
            println!("{address} {}", tls::to_hex(&certificate));
        }
        ["mock"] => {
            let server = async { MockServer::bind("127.0.0.1:0").await.unwrap().keep_received(0) };
            return mock_server(server);
        }
        ["cluster", nodes] => println!("{}", Nodes::start_cluster(number(nodes)?)),
        ["values"] => return mock_server(values::server(Version::V5)),
        ["values-v4"] => return mock_server(values::server(Version::V4)),
        ["nodes", nodes, tokens] => {
            let nodes = Nodes::start(number(nodes)?, number(tokens)?);
            println!("{}", nodes.address());
            for line in io::stdin().lines() {
                nodes.emit(&line.map_err(|error| error.to_string())?);
            }
        }
        ["schema", tables] => {
            return mock_server(schema_server::start(number(tables)?));
        }
        _ => return Err(format!("unknown kind of server `{kind}`")),
    }
    wait_for_end()
}

/// Runs a server until the standard input ends. Prints its address.
fn mock_server(server: impl Future<Output = MockServer>) -> Result<(), String> {
    let runtime = runtime();
    let server = runtime.block_on(server);
    println!("{}", server.address());
    wait_for_end()
}

fn wait_for_end() -> Result<(), String> {
    let ended = io::stdin().read_to_end(&mut Vec::new());
    ended.map(drop).map_err(|error| error.to_string())
}
