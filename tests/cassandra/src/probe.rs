//! Checks whether a node answers on its native port.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

/// An OPTIONS request of protocol v4 on stream 0, which every server answers before authentication.
const OPTIONS: [u8; 9] = [0x04, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00];
const SUPPORTED: u8 = 0x06;

/// Returns true if the node at `address` answers OPTIONS with SUPPORTED within `limit`, over TLS if
/// `tls` is given. An open port is not enough: Docker's proxy accepts connections before Cassandra.
pub(crate) fn is_ready(
    address: SocketAddr,
    tls: Option<&Arc<ClientConfig>>,
    limit: Duration,
) -> bool {
    let request_header = || {
        let socket = TcpStream::connect_timeout(&address, limit)?;
        socket.set_read_timeout(Some(limit))?;
        match tls {
            None => send_options(socket),
            Some(tls) => {
                let name = ServerName::IpAddress(address.ip().into());
                let tls = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
                send_options(StreamOwned::new(tls, socket))
            }
        }
    };
    request_header().is_ok_and(|header| header[0] & 0x80 != 0 && header[4] == SUPPORTED)
}

/// Sends OPTIONS and returns the header of the response.
fn send_options(mut stream: impl Read + Write) -> io::Result<[u8; 9]> {
    stream.write_all(&OPTIONS)?;
    let mut header = [0; 9];
    stream.read_exact(&mut header)?;
    // Read the body too: closing with unread bytes resets the connection, and Cassandra logs that.
    let length = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
    io::copy(&mut stream.take(length.into()), &mut io::sink())?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn is_ready_after(response: &'static [u8]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.read_exact(&mut [0; 9]).unwrap();
            stream.write_all(response).unwrap();
        });
        let ready = is_ready(address, None, Duration::from_secs(5));
        server.join().unwrap();
        ready
    }

    #[test]
    fn only_a_supported_response_means_ready() {
        assert!(is_ready_after(&[0x84, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0]));
        assert!(is_ready_after(&[0x83, 0, 0, 0, 6, 0, 0, 0, 0]));
        assert!(!is_ready_after(&[0x84, 0, 0, 0, 0, 0, 0, 0, 0]), "an ERROR frame");
        assert!(!is_ready_after(&[0x04, 0, 0, 0, 6, 0, 0, 0, 0]), "a request");
        assert!(!is_ready_after(b"HTTP/1.1 400 Bad Request\r\n"), "an HTTP response");
        assert!(!is_ready_after(&[0x84, 0, 0]), "a connection closed inside the header");
    }
}
