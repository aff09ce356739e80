//! A TCP server on its own thread.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Starts a server that calls `handle` with each connection, one after another, until the test process
/// ends. Returns its address.
pub(crate) fn start_tcp_server(handle: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(|socket| handle(socket.unwrap())));
    address
}
