//! The floor of the drivers: a hand-written client that copies frames into one buffer, counts
//! responses, and splits a page into `String`s.

use std::hint::black_box;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::load::{INSERT, KEYS, Kind, Load, SCAN, SELECT, Sample, VALUE, cpu_time};
use super::{Client, runtime};

pub struct Floor {
    runtime: Runtime,
    socket: TcpStream,
    // The EXECUTE frames of the statements.
    select: Vec<u8>,
    insert: Vec<u8>,
    scan: Vec<u8>,
}

impl Floor {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = runtime();
        let (socket, [select, insert, scan]) = runtime.block_on(async {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.set_nodelay(true).unwrap();
            let startup = frame(0x01, b"\0\x01\0\x0BCQL_VERSION\0\x053.0.0");
            assert_eq!(request(&mut socket, &startup).await.0, 0x02);
            // LOCAL_ONE; flag for values; one value of eight bytes.
            let one = [0, 10, 1, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
            let select = execute(&mut socket, SELECT, &one).await;
            let both = [&[0, 10, 1, 0, 2], &one[5..], &[0, 0, 0, 24], VALUE.as_bytes()].concat();
            let insert = execute(&mut socket, INSERT, &both).await;
            let scan = execute(&mut socket, SCAN, &[0, 10, 0]).await;
            (socket, [select, insert, scan])
        });
        Self { runtime, socket, select, insert, scan }
    }
}

impl Client for Floor {
    fn run(&mut self, load: Load) -> Option<Sample> {
        let Self { runtime, socket, select, insert, scan } = self;
        Some(match load.kind {
            Kind::Read => {
                let key = select.len() - 8;
                runtime.block_on(repeat(socket, select, key, load, VALUE.len()))
            }
            Kind::Write => {
                let key = insert.len() - 8 - 4 - VALUE.len();
                runtime.block_on(repeat(socket, insert, key, load, 1))
            }
            Kind::Scan => runtime.block_on(read_users(socket, scan, load)),
        })
    }
}

/// Prepares a statement, and returns its EXECUTE frame with the given parameters.
async fn execute(socket: &mut TcpStream, text: &str, parameters: &[u8]) -> Vec<u8> {
    let text = [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat();
    let (opcode, prepared) = request(socket, &frame(0x09, &text)).await;
    assert_eq!(opcode, 0x08);
    let (id, _) = prepared[4..].split_at(2 + usize::from(prepared[5]));
    frame(0x0A, &[id, parameters].concat())
}

/// Sends a request with one key after the other. `key` is the offset of the key in the frame, and
/// `result` is the result of each successful request.
async fn repeat(
    socket: &mut TcpStream,
    request: &mut [u8],
    key: usize,
    load: Load,
    result: usize,
) -> Sample {
    let begin = cpu_time();
    let (mut sent, mut received, mut results) = (0, 0, 0);
    let (mut input, mut out) = (Vec::with_capacity(64 << 10), Vec::new());
    while received < load.requests {
        out.clear();
        while sent < load.requests && sent - received < load.in_flight {
            request[2..4].copy_from_slice(&((sent % load.in_flight) as u16).to_be_bytes());
            request[key..key + 8].copy_from_slice(&(sent as i64 % KEYS).to_be_bytes());
            out.extend_from_slice(request);
            sent += 1;
        }
        socket.write_all(&out).await.unwrap();
        socket.read_buf(&mut input).await.unwrap();
        let mut at = 0;
        while let Some((opcode, length)) = header(&input[at..])
            && input.len() - at >= 9 + length
        {
            results += usize::from(opcode == 0x08);
            received += 1;
            at += 9 + length;
        }
        input.drain(..at);
    }
    load.sample(begin, results * result)
}

/// Reads the page of users repeatedly.
async fn read_users(socket: &mut TcpStream, scan: &[u8], load: Load) -> Sample {
    let begin = cpu_time();
    let mut results = 0;
    for _ in 0..load.requests {
        let (_, body) = request(socket, scan).await;
        // Skips kind, flags and column count, then keyspace and table, then name and type of two
        // columns. The row count follows.
        let mut rest = &body[12..];
        skip(&mut rest, 0);
        skip(&mut rest, 0);
        skip(&mut rest, 2);
        skip(&mut rest, 2);
        let (count, mut rest) = rest.split_first_chunk().unwrap();
        let count = u32::from_be_bytes(*count) as usize;
        let mut users = Vec::with_capacity(count);
        users.extend((0..count).map(|_| (text(&mut rest), text(&mut rest))));
        results += black_box(users).len();
    }
    load.sample(begin, results)
}

/// Skips a `[string]` and `more` bytes after it.
fn skip(rest: &mut &[u8], more: usize) {
    let (length, after) = rest.split_first_chunk().unwrap();
    *rest = &after[usize::from(u16::from_be_bytes(*length)) + more..];
}

fn text(rest: &mut &[u8]) -> String {
    let (length, after) = rest.split_first_chunk().unwrap();
    let (text, after) = after.split_at(u32::from_be_bytes(*length) as usize);
    *rest = after;
    String::from_utf8(text.to_vec()).unwrap()
}

/// Sends one request, and returns the opcode and the body of its response.
async fn request(socket: &mut TcpStream, frame: &[u8]) -> (u8, Vec<u8>) {
    socket.write_all(frame).await.unwrap();
    let mut input = Vec::with_capacity(256 << 10);
    loop {
        socket.read_buf(&mut input).await.unwrap();
        if let Some((opcode, length)) = header(&input)
            && input.len() >= 9 + length
        {
            return (opcode, input.split_off(9));
        }
    }
}

fn header(input: &[u8]) -> Option<(u8, usize)> {
    let &[_, _, _, _, opcode, l1, l2, l3, l4] = input.first_chunk::<9>()?;
    Some((opcode, u32::from_be_bytes([l1, l2, l3, l4]) as usize))
}

fn frame(opcode: u8, body: &[u8]) -> Vec<u8> {
    [&[4, 0, 0, 0, opcode], &(body.len() as u32).to_be_bytes()[..], body].concat()
}
