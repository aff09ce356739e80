//! A TCP proxy that counts protocol frames.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use cqlwire::wire::{FrameDecoder, FrameFlags, Version};

use crate::tcp_server::start_tcp_server;

/// The number of frames forwarded in one direction.
#[derive(Debug, Default)]
pub(crate) struct FrameCounts {
    pub(crate) plain: AtomicUsize,
    pub(crate) compressed: AtomicUsize,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<FrameCounts>,
    pub(crate) responses: Arc<FrameCounts>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Starts a proxy for `server`.
    pub(crate) fn start(server: SocketAddr) -> Self {
        let requests = Arc::<FrameCounts>::default();
        let responses = Arc::<FrameCounts>::default();
        let sockets = Arc::<Mutex<Vec<TcpStream>>>::default();
        let (sent, received, open) =
            (Arc::clone(&requests), Arc::clone(&responses), Arc::clone(&sockets));
        let address = start_tcp_server(move |client| {
            let server = TcpStream::connect(server).unwrap();
            open.lock().unwrap().push(client.try_clone().unwrap());
            forward(client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&sent));
            forward(server, client, Arc::clone(&received));
        });
        Self { address, requests, responses, sockets }
    }

    /// Closes all current connections.
    pub(crate) fn close_connections(&self) {
        for socket in self.sockets.lock().unwrap().drain(..) {
            let _gone = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Forwards bytes on a thread of its own, and counts their frames.
fn forward(mut from: TcpStream, mut to: TcpStream, counts: Arc<FrameCounts>) {
    thread::spawn(move || {
        let mut frames = FrameDecoder::new(Version::V4);
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            frames.extend(&buffer[..count]);
            while let Some(frame) = frames.next_frame().unwrap() {
                let counter = match frame.header.flags.contains(FrameFlags::COMPRESSED) {
                    true => &counts.compressed,
                    false => &counts.plain,
                };
                counter.fetch_add(1, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _gone = to.shutdown(Shutdown::Both);
    });
}
