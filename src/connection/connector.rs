//! Opens connections.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::debug;

use super::driver::Driver;
use super::exchange::Handle;
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::{Connection, ConnectionError, io};
use crate::message::Event;
use crate::protocol::{self, CloseReason, ConnectionOptions};

/// Opens connections that are all alike.
#[derive(Debug, Clone, Default)]
pub struct Connector {
    /// How connections are opened and watched.
    pub options: ConnectionOptions,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl From<ConnectionOptions> for Connector {
    fn from(options: ConnectionOptions) -> Self {
        Self {
            options,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Connector {
    /// Connects by TLS. Default: without.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Opens a connection to `address`. `host` is what the user calls that server, if it is the user
    /// who named it: a name or an address, which the server's certificate must have.
    ///
    /// A server that does not speak the version of the options is asked again in a lower one, down
    /// to v3.
    ///
    /// # Errors
    /// Why the connection could not be opened, within `options.handshake_timeout`.
    pub async fn connect(
        &self,
        address: SocketAddr,
        host: Option<&str>,
    ) -> Result<Connection, ConnectionError> {
        self.connect_with(address, host, None).await
    }

    /// The same, with somebody who is told of the events that the connection registers for. What
    /// comes while the channel is full is lost.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_listening(
        &self,
        address: SocketAddr,
        host: Option<&str>,
        events: mpsc::Sender<Event>,
    ) -> Result<Connection, ConnectionError> {
        self.connect_with(address, host, Some(&events)).await
    }

    async fn connect_with(
        &self,
        address: SocketAddr,
        host: Option<&str>,
        events: Option<&mpsc::Sender<Event>>,
    ) -> Result<Connection, ConnectionError> {
        let mut options = self.options.clone();
        let timeout = options.handshake_timeout;
        let attempt = async {
            loop {
                match self.open(address, host, options.clone(), events.cloned()).await {
                    Err(CloseReason::UnsupportedVersion { asked, answered, message }) => {
                        let why = CloseReason::UnsupportedVersion { asked, answered, message };
                        let Some(lower) = why.lower_version() else { return Err(why) };
                        debug!(%address, %asked, %lower, "the server does not speak this version");
                        options.version = lower;
                    }
                    opened => return opened,
                }
            }
        };
        let opened = tokio::time::timeout(timeout, attempt).await;
        opened
            .unwrap_or(Err(CloseReason::HandshakeTimeout))
            .map_err(|reason| ConnectionError { address, reason })
    }

    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "only TLS wants the host"))]
    async fn open(
        &self,
        address: SocketAddr,
        host: Option<&str>,
        options: ConnectionOptions,
        events: Option<mpsc::Sender<Event>>,
    ) -> Result<Connection, CloseReason> {
        let socket = TcpStream::connect(address).await.map_err(|error| io(&error))?;
        // Requests that go together are written together already.
        socket.set_nodelay(true).map_err(|error| io(&error))?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let socket = tls.handshake(socket, address, host).await?;
            let guess = "does it want a client certificate?";
            return run(socket, address, options, events, guess).await;
        }
        let guess = "is it still starting, or does it want TLS?";
        run(socket, address, options, events, guess).await
    }
}

/// Starts the task of a connection, and waits until it is open. `guess` is why the server may have
/// nothing to say.
async fn run<S>(
    socket: S,
    address: SocketAddr,
    options: ConnectionOptions,
    events: Option<mpsc::Sender<Event>>,
    guess: &str,
) -> Result<Connection, CloseReason>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let machine = protocol::ClientConnection::client(options, Instant::now().into_std());
    let machine = machine.with_server(address);
    let (opened, wait) = oneshot::channel();
    let exchange = Handle::default();
    tokio::spawn(Driver::new(socket, machine, opened, events, exchange.share()));
    match wait.await {
        Ok(Ok(context)) => {
            debug!(%address, version = %context.version, compression = ?context.compression, "open");
            Ok(Connection { address, context, exchange })
        }
        Ok(Err(why)) if exchange.traffic().1 == 0 => Err(without_a_word(why, guess)),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(CloseReason::Local),
    }
}

/// What it means when a server goes before it has said anything: its socket does not tell.
fn without_a_word(why: CloseReason, guess: &str) -> CloseReason {
    match why {
        CloseReason::EndOfInput { .. }
        | CloseReason::Io(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe, _) => {
            let text = format!("the server closed the connection without a word ({guess})");
            CloseReason::Io(ErrorKind::ConnectionReset, text)
        }
        why => why,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream, duplex};

    use super::*;

    /// TLS keeps bytes when the socket below it is full; this socket always does.
    #[tokio::test]
    async fn what_a_socket_keeps_is_flushed() {
        let (near, mut far) = duplex(1_024);
        let server = async move {
            for answer in
                [&[0x84, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0][..], &[0x84, 0, 0, 0, 2, 0, 0, 0, 0]]
            {
                let mut header = [0; 9];
                far.read_exact(&mut header).await.unwrap();
                let mut body = vec![0; usize::from(header[8])];
                far.read_exact(&mut body).await.unwrap();
                far.write_all(answer).await.unwrap();
            }
            far
        };
        let address = "127.0.0.1:9042".parse().unwrap();
        let client = run(BufStream::new(near), address, ConnectionOptions::default(), None, "");
        let (opened, _open) = tokio::join!(client, server);
        assert!(opened.is_ok(), "{opened:?}");
    }
}
