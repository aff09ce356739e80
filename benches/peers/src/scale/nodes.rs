//! Stub servers that list many nodes and some keyspaces, and emit events on command.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};

use crate::driver::stub::{self, Contents};

/// The server.
pub struct Nodes {
    address: SocketAddr,
    contents: Arc<NodeRows>,
}

impl Nodes {
    /// Starts a server that lists `nodes` nodes with `tokens` tokens each, itself included.
    pub fn start(nodes: usize, tokens: usize) -> Self {
        let contents = Arc::new(NodeRows::new(0, nodes, tokens));
        let address = stub::start_with(Arc::clone(&contents) as _);
        contents.port.set(address.port()).unwrap();
        Self { address, contents }
    }

    /// Starts a server for each of `nodes` nodes, on the addresses from 127.0.0.1 on and on one port. Returns the
    /// address of the first one.
    pub fn start_cluster(nodes: usize) -> SocketAddr {
        let first = TcpListener::bind((cluster_ip(0), 0)).unwrap();
        let address = first.local_addr().unwrap();
        let others =
            (1..nodes).map(|node| TcpListener::bind((cluster_ip(node), address.port())).unwrap());
        let listeners: Vec<_> = [first].into_iter().chain(others).collect();
        for (node, listener) in listeners.into_iter().enumerate() {
            let mut contents = NodeRows::new(node, nodes, CLUSTER_TOKENS);
            contents.port = address.port().into();
            contents.ip = cluster_ip;
            stub::start_on(listener, Arc::new(contents));
        }
        address
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends an event to each connection that registered for events. Commands: `schema` reports a changed
    /// table, `up` a node that is up, and `new` adds a node. The command `reset` removes the added nodes
    /// without an event.
    pub fn emit(&self, command: &str) {
        let mut body = Vec::new();
        match command {
            "reset" => {
                *self.contents.nodes.lock().unwrap() = self.contents.first_nodes;
                return;
            }
            "schema" => {
                for text in ["SCHEMA_CHANGE", "UPDATED", "TABLE", "bench", "kv"] {
                    stub::string(&mut body, text);
                }
            }
            "up" => self.node_event(&mut body, ["STATUS_CHANGE", "UP"], 1),
            "new" => {
                let number = {
                    let mut nodes = self.contents.nodes.lock().unwrap();
                    *nodes += 1;
                    *nodes - 1
                };
                self.node_event(&mut body, ["TOPOLOGY_CHANGE", "NEW_NODE"], number);
            }
            _ => panic!("unknown command `{command}`"),
        }
        let mut frame = Vec::new();
        stub::event(&mut frame, &body);
        let mut sockets = self.contents.registered.lock().unwrap();
        sockets.retain_mut(|socket| socket.write_all(&frame).is_ok());
    }

    fn node_event(&self, body: &mut Vec<u8>, words: [&str; 2], number: usize) {
        words.into_iter().for_each(|word| stub::string(body, word));
        body.push(4);
        body.extend((self.contents.ip)(number).octets());
        body.extend(u32::from(self.address.port()).to_be_bytes());
    }
}

/// Number of tokens of each node of [`Nodes::start_cluster`].
const CLUSTER_TOKENS: usize = 16;

/// Returns the address of the node `number` of [`Nodes::start_cluster`].
fn cluster_ip(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number as u8 + 1)
}

/// The rows of the server's tables.
struct NodeRows {
    /// The number of the server's own node.
    own: usize,
    /// Returns the address of a node.
    ip: fn(usize) -> Ipv4Addr,
    /// The port of the nodes, that of the server.
    port: OnceLock<u16>,
    /// Number of nodes before one was added.
    first_nodes: usize,
    nodes: Mutex<usize>,
    /// Number of tokens of each node.
    tokens: usize,
    registered: Mutex<Vec<TcpStream>>,
}

/// Returns the address of the node `number` of [`Nodes::start`]. The server is node 0; the others do not exist.
fn ip(number: usize) -> Ipv4Addr {
    let [_, _, high, low] = (number as u32).to_be_bytes();
    match number {
        0 => Ipv4Addr::LOCALHOST,
        _ => Ipv4Addr::new(127, 7, high, low),
    }
}

/// The keyspaces, and the options of their replication.
const KEYSPACES: [(&str, &[(&str, &str)]); 6] = [
    ("app", &[("class", "NetworkTopologyStrategy"), ("dc1", "3")]),
    ("bench", &[("class", "NetworkTopologyStrategy"), ("dc1", "3")]),
    ("system", &[("class", "LocalStrategy")]),
    ("system_auth", &[("class", "SimpleStrategy"), ("replication_factor", "1")]),
    ("system_distributed", &[("class", "SimpleStrategy"), ("replication_factor", "3")]),
    ("system_traces", &[("class", "SimpleStrategy"), ("replication_factor", "2")]),
];

impl Contents for NodeRows {
    fn rows(&self, table: &str, columns: &[&str], text: &str) -> Option<Vec<Vec<Vec<u8>>>> {
        let row = |number| columns.iter().map(|column| self.node_cell(number, column)).collect();
        // The value of the condition in WHERE.
        let condition = text.split_once('\'').and_then(|(_, rest)| rest.split('\'').next());
        match table {
            "system.local" => Some(vec![row(self.own)]),
            "system.peers" | "system.peers_v2" => {
                let nodes = *self.nodes.lock().unwrap();
                let is_wanted = |number: &usize| {
                    condition.is_none_or(|text| text == (self.ip)(*number).to_string())
                };
                let others = (0..nodes).filter(|number| *number != self.own);
                Some(others.filter(is_wanted).map(row).collect())
            }
            "system_schema.keyspaces" => {
                let rows =
                    KEYSPACES.iter().filter(|(name, _)| condition.is_none_or(|n| n == *name));
                let row = |(name, options): &(&str, &[(&str, &str)])| {
                    let is_json = text.contains("toJson");
                    let cell = |column: &&str| keyspace_cell(name, options, column, is_json);
                    columns.iter().map(cell).collect()
                };
                Some(rows.map(row).collect())
            }
            _ => None,
        }
    }

    fn registered(&self, socket: TcpStream) {
        self.registered.lock().unwrap().push(socket);
    }
}

impl NodeRows {
    /// Returns the rows of the server of node `own`.
    fn new(own: usize, nodes: usize, tokens: usize) -> Self {
        Self {
            own,
            ip,
            port: OnceLock::new(),
            first_nodes: nodes,
            nodes: Mutex::new(nodes),
            tokens,
            registered: Mutex::default(),
        }
    }

    fn node_cell(&self, number: usize, column: &str) -> Vec<u8> {
        match column {
            "host_id" => (0x11_u128 << 100 | number as u128).to_be_bytes().to_vec(),
            "schema_version" => vec![0x22; 16],
            "peer" | "native_address" | "rpc_address" | "broadcast_address" | "listen_address" => {
                (self.ip)(number).octets().to_vec()
            }
            "rpc_port" | "native_port" => u32::from(self.port()).to_be_bytes().to_vec(),
            "peer_port" => 7_000_u32.to_be_bytes().to_vec(),
            "key" => b"local".to_vec(),
            "cluster_name" => b"stub".to_vec(),
            "data_center" => b"dc1".to_vec(),
            "rack" => format!("r{}", number % 3).into_bytes(),
            "release_version" => b"4.1.9".to_vec(),
            "partitioner" => b"org.apache.cassandra.dht.Murmur3Partitioner".to_vec(),
            "tokens" => {
                let token = |index| hash((number * self.tokens + index) as u64).cast_signed();
                let tokens = (0..self.tokens).map(token).map(|token| token.to_string());
                let mut cell = (self.tokens as u32).to_be_bytes().to_vec();
                tokens.for_each(|token| bytes(&mut cell, token.as_bytes()));
                cell
            }
            _ => Vec::new(),
        }
    }

    fn port(&self) -> u16 {
        *self.port.get().unwrap()
    }
}

fn keyspace_cell(name: &str, options: &[(&str, &str)], column: &str, is_json: bool) -> Vec<u8> {
    match column {
        "keyspace_name" => name.as_bytes().to_vec(),
        "durable_writes" => vec![1],
        "replication" if is_json => {
            let option = |(option, value): &(&str, &str)| format!("\"{option}\": \"{value}\"");
            let options: Vec<_> = options.iter().map(option).collect();
            format!("{{{}}}", options.join(", ")).into_bytes()
        }
        "replication" => {
            let mut cell = (options.len() as u32).to_be_bytes().to_vec();
            for (option, value) in options {
                bytes(&mut cell, option.as_bytes());
                bytes(&mut cell, value.as_bytes());
            }
            cell
        }
        _ => Vec::new(),
    }
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

/// Returns a well-distributed number for each number: the finalizer of SplitMix64.
fn hash(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
