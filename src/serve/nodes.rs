//! The nodes of the program, and the commands that change them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::arguments::{LogFormat, ServeArgs};
use super::command::{Command, Effect, Limits, Rule};
use super::log::{log, to_json};
use super::schema::run_schema;
use crate::cli::Failure;
use crate::testing::{Fault, FaultId, MockCluster, MockServer, ServerTls};

/// Number of statements of each node that the command `received` returns at most: the last ones.
const MAX_RECEIVED: usize = 100_000;

/// The nodes, which are numbered from 1.
#[derive(Debug)]
pub(super) struct Nodes {
    cluster: MockCluster,
    /// The faults of commands, by number. A fault of several nodes has an id on each.
    faults: BTreeMap<u64, Vec<(usize, FaultId)>>,
    last_fault: u64,
}

impl Nodes {
    /// Starts the nodes, and runs the CQL scripts, which are pairs of a file name and its text.
    ///
    /// # Errors
    /// Returns an error if a certificate is invalid, if an address cannot be listened on, or if a
    /// statement of a script fails.
    pub(super) async fn start(
        arguments: &ServeArgs,
        schemas: &[(String, String)],
    ) -> Result<Self, Failure> {
        let tls = server_tls(arguments)?;
        let version = arguments.protocol_version;
        let cluster = MockCluster::builder()
            .datacenter("datacenter1", arguments.nodes.into())
            .address(arguments.listen)
            .configure(move |node| node.version(version).keep_received(MAX_RECEIVED));
        let cluster = cluster.start().await.map_err(|error| unusable(arguments.listen, &error))?;
        for (file, schema) in schemas {
            run_schema(cluster.contact_points(), file, schema).await?;
        }
        // From here on, clients have to log in and to use TLS, and statements are recorded.
        let cluster = cluster.configure(|mut node| {
            node.clear_received();
            for user in &arguments.users {
                node = node.credentials(&user.name, &user.password);
            }
            if let Some(tls) = &tls {
                node = node.tls(tls.clone());
            }
            if let Some(LogFormat::Json) = arguments.log {
                let address = node.address();
                node = node.on_received(move |received| log(address, received));
            }
            node
        });
        Ok(Self { cluster, faults: BTreeMap::new(), last_fault: 0 })
    }

    /// Returns the addresses of the nodes.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.cluster.contact_points()
    }

    /// Executes a command, and returns its answer.
    ///
    /// # Errors
    /// Returns an error if the command names a node or a fault that does not exist.
    pub(super) async fn apply(&mut self, command: Command) -> Result<Json, String> {
        match command {
            Command::On(rule) => return self.add_rule(*rule),
            Command::RefuseVersion(version, limits) => {
                return self.add_fault(Fault::refuse_version(version), &limits);
            }
            Command::Remove(number) => {
                let ids = self.faults.remove(&number);
                let ids = ids.ok_or_else(|| format!("there is no fault {number}"))?;
                for (index, id) in ids {
                    self.cluster.nodes().get(index).map(|server| server.remove_fault(id));
                }
            }
            Command::ClearFaults => {
                self.faults.clear();
                self.cluster.nodes().iter().for_each(MockServer::clear_faults);
            }
            Command::ForgetPrepared => {
                self.cluster.nodes().iter().for_each(MockServer::forget_prepared);
            }
            Command::CloseConnections(node) => {
                self.chosen(node)?.iter().for_each(MockServer::close_connections);
            }
            Command::Received(pattern) => return Ok(self.received(&pattern)),
            Command::ClearReceived => {
                self.cluster.nodes().iter().for_each(MockServer::clear_received);
            }
            Command::StopNode(node) => self.cluster.stop_node(self.index(node)?).await,
            Command::StartNode(node) => {
                let started = self.cluster.start_node(self.index(node)?).await;
                started.map_err(|error| format!("cannot start node {node}: {error}"))?;
            }
            // The program ends before it applies this command.
            Command::Stop => {}
        }
        Ok(json!(true))
    }

    /// Returns the statements that match a pattern, the nodes one after another.
    fn received(&self, pattern: &str) -> Json {
        let of_node = |server: &MockServer| {
            let address = server.address();
            let received = server.received().into_iter();
            let matching = received.filter(|received| received.matches(pattern));
            matching.map(|received| to_json(address, &received)).collect::<Vec<_>>()
        };
        self.cluster.nodes().iter().flat_map(of_node).collect()
    }

    fn add_rule(&mut self, rule: Rule) -> Result<Json, String> {
        let Rule { pattern, effect, limits } = rule;
        match effect {
            Effect::Fault(reply) => self.add_fault(on(&pattern, Fault::reply(reply)), &limits),
            Effect::Delay(delay) => self.add_fault(on(&pattern, Fault::delay(delay)), &limits),
            Effect::Answer(reply) => {
                for node in self.chosen(limits.node)? {
                    node.add_reply(&pattern, reply.clone());
                }
                Ok(json!(true))
            }
        }
    }

    fn add_fault(&mut self, fault: Fault, limits: &Limits) -> Result<Json, String> {
        let Limits { node, times, skip, connection, opcode } = *limits;
        let fault = fault.times(times.unwrap_or(usize::MAX)).skip(skip.unwrap_or(0));
        let fault = connection.into_iter().fold(fault, Fault::connection);
        let fault = opcode.into_iter().fold(fault, Fault::opcode);
        let first = node.map_or(0, |number| usize::from(number).saturating_sub(1));
        let chosen = (first..).zip(self.chosen(node)?);
        let ids = chosen.map(|(index, node)| (index, node.add_fault(fault.clone()))).collect();
        self.last_fault += 1;
        self.faults.insert(self.last_fault, ids);
        Ok(json!({"fault": self.last_fault}))
    }

    /// Returns the nodes that a command names: one, or all.
    fn chosen(&self, node: Option<u8>) -> Result<&[MockServer], String> {
        let nodes = self.cluster.nodes();
        match node {
            None => Ok(nodes),
            Some(number) => {
                self.index(number).map(|index| nodes.get(index..=index).unwrap_or(nodes))
            }
        }
    }

    /// Returns the index of the node with this number.
    fn index(&self, number: u8) -> Result<usize, String> {
        let count = self.cluster.nodes().len();
        let index = usize::from(number).checked_sub(1).filter(|index| *index < count);
        index.ok_or_else(|| {
            format!("there is no node {number}; --nodes sets their number, now {count}")
        })
    }
}

/// Limits a fault to the statements that match. `%` alone matches all except those that read system
/// tables, so that clients stay connected.
fn on(pattern: &str, fault: Fault) -> Fault {
    match pattern {
        "%" => fault,
        pattern => fault.statement(pattern),
    }
}

/// Returns the TLS configuration, or `None` if clients connect without TLS.
fn server_tls(arguments: &ServeArgs) -> Result<Option<ServerTls>, Failure> {
    let (Some(cert), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) else {
        return Ok(None);
    };
    let read = |file: &Path| {
        let failed = |error| format!("cannot read {}: {error}", file.display());
        fs::read(file).map_err(|error| Failure::Arguments(failed(error)))
    };
    let tls = match &arguments.tls_ca {
        None => ServerTls::pem(read(cert)?, read(key)?),
        Some(ca) => ServerTls::pem_with_client_ca(read(cert)?, read(key)?, read(ca)?),
    };
    tls.map(Some).map_err(|error| Failure::Arguments(format!("{}: {error}", cert.display())))
}

/// Returns the failure to listen on `address`, or on an address that follows it.
fn unusable(address: SocketAddr, error: &io::Error) -> Failure {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "stop the program that uses the address, or use port 0",
        io::ErrorKind::AddrNotAvailable => {
            "choose an address of this machine (on macOS, `sudo ifconfig lo0 alias 127.0.0.2` adds one)"
        }
        _ => "check --listen",
    };
    Failure::Text(format!("cannot start on {address}: {error}; {advice}"))
}
