//! The least that a client has to do, by hand: frames written into one buffer, and answers that are
//! only counted.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::load::{KEYS, Kind, Load, SELECT, Sample, VALUE, cpu_time};
use super::{Client, runtime};

pub struct Floor {
    runtime: Runtime,
    socket: TcpStream,
    /// An EXECUTE of [`SELECT`].
    request: Vec<u8>,
}

impl Floor {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = runtime();
        let (socket, request) = runtime.block_on(async {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.set_nodelay(true).unwrap();
            let startup = frame(0x01, b"\0\x01\0\x0BCQL_VERSION\0\x053.0.0");
            assert_eq!(ask(&mut socket, &startup).await.0, 0x02);
            let text = [&(SELECT.len() as u32).to_be_bytes(), SELECT.as_bytes()].concat();
            let (opcode, prepared) = ask(&mut socket, &frame(0x09, &text)).await;
            assert_eq!(opcode, 0x08);
            let (id, _) = prepared[4..].split_at(2 + usize::from(prepared[5]));
            // LOCAL_ONE; values: one, of eight bytes.
            let rest = [0, 10, 1, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
            (socket, frame(0x0A, &[id, &rest].concat()))
        });
        Self { runtime, socket, request }
    }
}

impl Client for Floor {
    fn run(&mut self, load: Load) -> Option<Sample> {
        if load.kind != Kind::Read {
            return None;
        }
        let Self { runtime, socket, request } = self;
        Some(runtime.block_on(read(socket, request, load)))
    }
}

async fn read(socket: &mut TcpStream, request: &mut [u8], load: Load) -> Sample {
    let begin = cpu_time();
    let (mut sent, mut received, mut results) = (0, 0, 0);
    let (mut input, mut out) = (Vec::with_capacity(64 << 10), Vec::new());
    while received < load.requests {
        out.clear();
        while sent < load.requests && sent - received < load.in_flight {
            request[2..4].copy_from_slice(&((sent % load.in_flight) as u16).to_be_bytes());
            let key = request.len() - 8;
            request[key..].copy_from_slice(&(sent as i64 % KEYS).to_be_bytes());
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
    load.sample(begin, results * VALUE.len())
}

/// Makes one request; the opcode and the body of its answer.
async fn ask(socket: &mut TcpStream, request: &[u8]) -> (u8, Vec<u8>) {
    socket.write_all(request).await.unwrap();
    let mut input = Vec::new();
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
