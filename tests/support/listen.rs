//! A listening socket on a thread of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Does something with every connection, until the test ends.
pub(crate) fn serve(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(|socket| act(socket.unwrap())));
    address
}
