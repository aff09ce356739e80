//! The arguments of `cqlwire serve`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::cli::whole_number;
use crate::wire::Version;

/// The arguments of `cqlwire serve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = HELP)]
pub struct ServeArgs {
    /// Address of the first node; port 0 takes a free port
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9042",
        value_parser = parse_address
    )]
    pub(super) listen: SocketAddr,

    /// Number of nodes; the others listen on the addresses that follow, on the same port
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = whole_number::<u8>(1..=100),
        allow_negative_numbers = true
    )]
    pub(super) nodes: u8,

    /// CQL script to run before the nodes are ready; can be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) schema: Vec<PathBuf>,

    /// Script of canned answers and faults, in JSON; can be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) script: Vec<PathBuf>,

    /// PEM file of the certificate; clients then have to use TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,

    /// PEM file of the private key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,

    /// PEM file of CAs; clients then need a certificate that one of them has signed
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_ca: Option<PathBuf>,

    /// User that can log in; clients then have to log in; can be repeated
    #[arg(long = "auth", value_name = "USER:PASSWORD")]
    pub(super) users: Vec<User>,

    /// Highest protocol version to accept
    #[arg(long, default_value = "5", value_name = "3|4|5")]
    pub(super) protocol_version: Version,

    /// Write a line to stderr for each statement, with its values
    #[arg(long, value_name = "FORMAT")]
    pub(super) log: Option<LogFormat>,

    /// Stop when standard input closes, so that no node outlives the program that started it
    #[arg(long)]
    pub(super) exit_with_stdin: bool,
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write it as IP address and port, such as 127.0.0.1:9042".to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Json,
}

/// A user who can log in. The `Debug` output omits the password.
#[derive(Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
}

impl FromStr for User {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((name, password)) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), password: password.to_owned() })
            }
            _ => Err("write it as USER:PASSWORD".to_owned()),
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

const HELP: &str = "\
The nodes keep their rows in memory, and lose them at the end. When they are ready, the program
prints one line: `ready` and the address of each node.

A script is a sequence of JSON objects. `%` in a pattern matches any number of characters:
  {\"on\": \"SELECT name FROM shop.items WHERE id = ?\", \"variables\": {\"id\": \"int\"},
   \"columns\": {\"name\": \"text\"}, \"rows\": [[\"tea\"]]}
  {\"on\": \"INSERT INTO shop.orders %\", \"error\": \"write_timeout\", \"times\": 1}
  {\"on\": \"SELECT % FROM shop.stock %\", \"delay_ms\": 200}

Unless standard input is a terminal, the program reads the same objects from it, one on each line,
and prints a line for each: {\"ok\": ...} or {\"error\": ...}. Further commands are refuse_version,
remove, clear_faults, received, clear_received, forget_prepared, close_connections, stop_node,
start_node and stop.";
