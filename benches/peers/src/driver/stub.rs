//! A stub server: protocol v4, one node, hand-written responses, no checks.
//!
//! It has those columns of the system tables that drivers read when they connect. It prepares any
//! statement, and executes those of [`load`](super::load). Its [`Contents`] list other nodes and keyspaces.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::load::{INSERT, SCAN, SELECT, VALUE};
use crate::data::USERS;

/// The rows of a server's system tables that a section of the bench chooses.
pub trait Contents: Send + Sync {
    /// Returns the cells of the selected columns in each row of a table, or `None` for the stub's own rows.
    /// `text` is the statement.
    fn rows(&self, table: &str, columns: &[&str], text: &str) -> Option<Vec<Vec<Vec<u8>>>>;

    /// Is called with the socket of each connection that registers for events.
    fn registered(&self, socket: TcpStream);
}

/// The contents of a server that is its own cluster.
struct OneNode;

impl Contents for OneNode {
    fn rows(&self, _: &str, _: &[&str], _: &str) -> Option<Vec<Vec<Vec<u8>>>> {
        None
    }

    fn registered(&self, _: TcpStream) {}
}

/// Starts the server, and returns its address. Its threads end with the process.
pub fn start() -> SocketAddr {
    start_with(Arc::new(OneNode))
}

/// Starts a server with these contents, and returns its address.
pub fn start_with(contents: Arc<dyn Contents>) -> SocketAddr {
    start_on(TcpListener::bind("127.0.0.1:0").unwrap(), contents)
}

/// Starts a server with these contents on a listener, and returns its address.
pub fn start_on(listener: TcpListener, contents: Arc<dyn Contents>) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    accept(listener, move |socket| {
        let events = socket.try_clone().unwrap();
        let registered = || contents.registered(events.try_clone().unwrap());
        serve(socket, address.port(), &contents, registered);
    });
    address
}

/// Starts a server with TLS, and returns its address. It sends no events.
pub fn start_tls(config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    accept(listener, move |socket| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let socket = StreamOwned::new(connection, socket);
        serve(socket, address.port(), &(Arc::new(OneNode) as _), || ());
    });
    address
}

/// Calls `serve` in a thread for each connection.
fn accept(listener: TcpListener, serve: impl Fn(TcpStream) + Send + Sync + 'static) {
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, serve) = (socket.unwrap(), Arc::clone(&serve));
            socket.set_nodelay(true).unwrap();
            thread::spawn(move || serve(socket));
        }
    });
}

/// Size of the read buffer, in bytes.
const BUFFER_SIZE: usize = 256 << 10;

/// Serves a connection. `registered` is called when it registers for events.
fn serve(
    mut socket: impl Read + Write,
    port: u16,
    contents: &Arc<dyn Contents>,
    registered: impl Fn(),
) {
    let mut server = Server::new(port, Arc::clone(contents));
    let (mut input, mut filled) = (vec![0; BUFFER_SIZE], 0);
    let mut out = Vec::new();
    while let Ok(count @ 1..) = socket.read(&mut input[filled..]) {
        filled += count;
        let mut rest = &input[..filled];
        while let Some((header, after)) = rest.split_first_chunk::<9>() {
            let length = u32::from_be_bytes(*header.last_chunk().unwrap()) as usize;
            let Some((body, after)) = after.split_at_checked(length) else { break };
            if header[4] == 0x0B {
                registered();
            }
            server.respond(header, body, &mut out);
            rest = after;
        }
        let left = rest.len();
        input.copy_within(filled - left..filled, 0);
        filled = left;
        if socket.write_all(&out).is_err() {
            return;
        }
        out.clear();
    }
}

/// The state of one connection.
struct Server {
    port: u16,
    /// The RESULT bodies of prepared statements, by statement id.
    results: HashMap<[u8; 16], Vec<u8>>,
    contents: Arc<dyn Contents>,
}

impl Server {
    fn new(port: u16, contents: Arc<dyn Contents>) -> Self {
        let mut server = Self { port, results: HashMap::new(), contents };
        // Statements that are prepared on one connection can be executed on all.
        for text in [SELECT, INSERT, SCAN] {
            server.prepare(text);
        }
        server
    }

    fn respond(&mut self, header: &[u8; 9], body: &[u8], out: &mut Vec<u8>) {
        let &[version, _, stream1, stream2, opcode, ..] = header;
        let (version, opcode, body) = match (version, opcode) {
            (4, 0x0A) => match self.results.get(&body[2..18]) {
                Some(result) => return frame(out, 4, [stream1, stream2], 0x08, result),
                None => (4, 0x00, error(0x2200, "no statement with this id is prepared")),
            },
            (4, 0x05) => (4, 0x06, supported()),
            (4, 0x01 | 0x0B) => (4, 0x02, Vec::new()),
            (4, 0x0D) => (4, 0x08, vec![0, 0, 0, 1]),
            // Tables of ScyllaDB, without which its driver takes the server for Cassandra.
            (4, 0x07 | 0x09) if lacks_table(long_string(body)) => {
                (4, 0x00, error(0x2200, "unconfigured table"))
            }
            (4, 0x07) => (4, 0x08, self.result(long_string(body))),
            (4, 0x09) => (4, 0x08, self.prepare(long_string(body))),
            (4, _) => (4, 0x00, error(0x000A, "unknown opcode")),
            _ => (4, 0x00, error(0x000A, "Invalid or unsupported protocol version")),
        };
        frame(out, version, [stream1, stream2], opcode, &body);
    }

    /// Returns the RESULT body of a PREPARE.
    fn prepare(&mut self, text: &str) -> Vec<u8> {
        let id = id(text);
        let result = self.result(text);
        let variables: &[_] = match text {
            SELECT => &[("k", BIGINT)],
            INSERT => &[("k", BIGINT), ("v", TEXT)],
            _ => &[],
        };
        let mut body = vec![0, 0, 0, 4, 0, 16];
        body.extend(id);
        // The flag for a global table; the first variable is the partition key.
        body.extend([0, 0, 0, u8::from(!variables.is_empty()), 0, 0, 0, variables.len() as u8]);
        match variables {
            [] => body.extend([0; 4]),
            _ => {
                body.extend([0, 0, 0, 1, 0, 0]);
                columns(&mut body, "bench.kv", variables);
            }
        }
        match result[..] {
            // Rows: their metadata stands before the row count.
            [0, 0, 0, 2, ..] => body.extend(&result[4..self.metadata_end(text)]),
            _ => body.extend([0, 0, 0, 4, 0, 0, 0, 0]),
        }
        self.results.insert(id, result);
        body
    }

    /// Returns the offset at which the metadata ends in the RESULT body of a statement.
    fn metadata_end(&self, text: &str) -> usize {
        match text {
            SELECT => 4 + metadata("bench.kv", &[("v", TEXT)]).len(),
            SCAN => USERS.cells - 4,
            _ => 4 + metadata(&table(text), &self.selected(text)).len(),
        }
    }

    /// Returns the RESULT body of a QUERY or an EXECUTE.
    fn result(&self, text: &str) -> Vec<u8> {
        match text {
            SELECT => rows(&metadata("bench.kv", &[("v", TEXT)]), &[&[VALUE.as_bytes()]]),
            SCAN => USERS.body.to_vec(),
            _ if text.starts_with("USE ") => {
                let mut body = vec![0, 0, 0, 3];
                string(&mut body, text["USE ".len()..].trim_matches('"'));
                body
            }
            _ if !text.trim_start().starts_with("SELECT") => vec![0, 0, 0, 1],
            _ => {
                let (table, selected) = (table(text), self.selected(text));
                let names: Vec<_> = selected.iter().map(|(name, _)| *name).collect();
                if let Some(rows) = self.contents.rows(&table, &names, text) {
                    let rows: Vec<Vec<_>> =
                        rows.iter().map(|row| row.iter().map(Vec::as_slice).collect()).collect();
                    let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
                    return self::rows(&metadata(&table, &selected), &rows);
                }
                let cells: Vec<_> = selected.iter().map(|(name, _)| self.cell(name)).collect();
                let row: Vec<_> = cells.iter().map(Vec::as_slice).collect();
                let rows: &[&[&[u8]]] = if table == "system.local" { &[&row] } else { &[] };
                self::rows(&metadata(&table, &selected), rows)
            }
        }
    }

    /// Returns the columns that a statement selects.
    fn selected(&self, text: &str) -> Vec<Column> {
        let text = text.trim_start().trim_start_matches("SELECT");
        let names = text.split_once("FROM").map_or(text, |(names, _)| names);
        let table = table(text);
        let columns = TABLES.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, c)| c);
        match names.trim() {
            "*" => columns.to_vec(),
            names => names
                .split(',')
                .map(|name| {
                    // A function of a column is treated as text.
                    let (name, function) = match name.trim().split_once(" AS ") {
                        Some((_, alias)) => (alias, true),
                        None => (name.trim(), false),
                    };
                    match columns.iter().find(|(known, _)| *known == name) {
                        Some((known, _)) if function => (*known, TEXT),
                        Some(column) => *column,
                        None => ("function", TEXT),
                    }
                })
                .collect(),
        }
    }

    /// Returns a cell of `system.local`.
    fn cell(&self, name: &str) -> Vec<u8> {
        match name {
            "host_id" => vec![0x11; 16],
            "schema_version" => vec![0x22; 16],
            "rpc_address" | "broadcast_address" | "listen_address" => vec![127, 0, 0, 1],
            "rpc_port" => u32::from(self.port).to_be_bytes().to_vec(),
            "tokens" => vec![0, 0, 0, 1, 0, 0, 0, 1, b'0'],
            "key" => b"local".to_vec(),
            "cluster_name" => b"stub".to_vec(),
            "data_center" => b"dc1".to_vec(),
            "rack" => b"r1".to_vec(),
            "release_version" => b"4.1.9".to_vec(),
            "partitioner" => b"org.apache.cassandra.dht.Murmur3Partitioner".to_vec(),
            _ => Vec::new(),
        }
    }
}

/// The name of a column, and its encoded type.
type Column = (&'static str, &'static [u8]);

const TEXT: &[u8] = &[0, 0x0D];
const BIGINT: &[u8] = &[0, 0x02];
const BLOB: &[u8] = &[0, 0x03];
const BOOLEAN: &[u8] = &[0, 0x04];
const INT: &[u8] = &[0, 0x09];
const UUID: &[u8] = &[0, 0x0C];
const INET: &[u8] = &[0, 0x10];
const TEXTS: &[u8] = &[0, 0x20, 0, 0x0D];
const TEXT_MAP: &[u8] = &[0, 0x21, 0, 0x0D, 0, 0x0D];
const TEXT_SET: &[u8] = &[0, 0x22, 0, 0x0D];

/// Those columns of the system tables that drivers read. All tables except `system.local` are empty.
const TABLES: [(&str, &[Column]); 12] = [
    (
        "system.local",
        &[
            ("key", TEXT),
            ("host_id", UUID),
            ("rpc_address", INET),
            ("rpc_port", INT),
            ("broadcast_address", INET),
            ("listen_address", INET),
            ("data_center", TEXT),
            ("rack", TEXT),
            ("tokens", TEXT_SET),
            ("cluster_name", TEXT),
            ("schema_version", UUID),
            ("release_version", TEXT),
            ("partitioner", TEXT),
        ],
    ),
    (
        "system.peers",
        &[
            ("peer", INET),
            ("host_id", UUID),
            ("rpc_address", INET),
            ("data_center", TEXT),
            ("rack", TEXT),
            ("tokens", TEXT_SET),
            ("schema_version", UUID),
            ("release_version", TEXT),
        ],
    ),
    (
        "system.peers_v2",
        &[
            ("peer", INET),
            ("peer_port", INT),
            ("host_id", UUID),
            ("native_address", INET),
            ("native_port", INT),
            ("data_center", TEXT),
            ("rack", TEXT),
            ("tokens", TEXT_SET),
            ("schema_version", UUID),
            ("release_version", TEXT),
        ],
    ),
    (
        "system_schema.keyspaces",
        &[("keyspace_name", TEXT), ("durable_writes", BOOLEAN), ("replication", TEXT_MAP)],
    ),
    (
        "system_schema.tables",
        &[("keyspace_name", TEXT), ("table_name", TEXT), ("id", UUID), ("flags", TEXT_SET)],
    ),
    (
        "system_schema.columns",
        &[
            ("keyspace_name", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("clustering_order", TEXT),
            ("column_name_bytes", BLOB),
            ("kind", TEXT),
            ("position", INT),
            ("type", TEXT),
        ],
    ),
    (
        "system_schema.types",
        &[
            ("keyspace_name", TEXT),
            ("type_name", TEXT),
            ("field_names", TEXTS),
            ("field_types", TEXTS),
        ],
    ),
    (
        "system_schema.views",
        &[("keyspace_name", TEXT), ("view_name", TEXT), ("base_table_name", TEXT)],
    ),
    ("system_schema.indexes", &[("keyspace_name", TEXT), ("table_name", TEXT)]),
    ("system_schema.functions", &[("keyspace_name", TEXT), ("function_name", TEXT)]),
    ("system_schema.aggregates", &[("keyspace_name", TEXT), ("aggregate_name", TEXT)]),
    ("system_schema.triggers", &[("keyspace_name", TEXT), ("table_name", TEXT)]),
];

/// Returns the table that a SELECT reads.
fn table(text: &str) -> String {
    let after = text.split_once("FROM").map_or("", |(_, after)| after);
    let end = |c: char| c.is_whitespace() || c == ';';
    after.trim_start().split(end).next().unwrap_or_default().to_owned()
}

/// Returns true if a statement reads a system table that the server does not have.
fn lacks_table(text: &str) -> bool {
    let table = table(text);
    table.starts_with("system") && TABLES.iter().all(|(name, _)| *name != table)
}

/// Returns the statement id of a text: its FNV-1a hash.
fn id(text: &str) -> [u8; 16] {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    u128::from(hash).to_be_bytes()
}

fn rows(metadata: &[u8], rows: &[&[&[u8]]]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 2];
    body.extend(metadata);
    body.extend((rows.len() as u32).to_be_bytes());
    for cell in rows.iter().copied().flatten() {
        body.extend((cell.len() as u32).to_be_bytes());
        body.extend(*cell);
    }
    body
}

/// Returns the metadata of rows of one table.
fn metadata(table: &str, selected: &[Column]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 1];
    body.extend((selected.len() as u32).to_be_bytes());
    columns(&mut body, table, selected);
    body
}

fn columns(body: &mut Vec<u8>, table: &str, columns: &[Column]) {
    let (keyspace, table) = table.split_once('.').unwrap_or((table, table));
    string(body, keyspace);
    string(body, table);
    for (name, cql_type) in columns {
        string(body, name);
        body.extend(*cql_type);
    }
}

fn supported() -> Vec<u8> {
    let mut body = vec![0, 2];
    for (option, value) in [("CQL_VERSION", "3.4.6"), ("COMPRESSION", "lz4")] {
        string(&mut body, option);
        body.extend([0, 1]);
        string(&mut body, value);
    }
    body
}

fn error(code: u32, message: &str) -> Vec<u8> {
    let mut body = code.to_be_bytes().to_vec();
    string(&mut body, message);
    body
}

/// Writes an EVENT.
pub fn event(out: &mut Vec<u8>, body: &[u8]) {
    frame(out, 4, [0xFF, 0xFF], 0x0C, body);
}

fn frame(out: &mut Vec<u8>, version: u8, [s1, s2]: [u8; 2], opcode: u8, body: &[u8]) {
    out.extend([0x80 | version, 0, s1, s2, opcode]);
    out.extend((body.len() as u32).to_be_bytes());
    out.extend(body);
}

pub fn string(body: &mut Vec<u8>, text: &str) {
    body.extend((text.len() as u16).to_be_bytes());
    body.extend(text.as_bytes());
}

fn long_string(body: &[u8]) -> &str {
    let (length, text) = body.split_first_chunk().unwrap();
    std::str::from_utf8(&text[..u32::from_be_bytes(*length) as usize]).unwrap()
}
