//! Opening connections.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::debug;

use super::driver::Driver;
use super::error::{ConnectionError, socket_error};
use super::exchange::Handle;
use super::handle::{Connection, KnownServer};
use super::runtime::Runtime;
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::environment::Socket;
use crate::message::{ErrorCode, Event};
use crate::protocol::{Capabilities, ClientConnection, CloseReason, ConnectionOptions};

/// A factory for connections with the same options.
#[derive(Debug, Clone, Default)]
pub struct Connector {
    /// The options of the connections.
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
    /// Connects with TLS. Default: without TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Opens a connection to `address`.
    ///
    /// `host` is the name or address that the user configured for this server. With TLS, the server's
    /// certificate has to be valid for `host`, or for the IP address if `host` is `None`.
    ///
    /// If the server does not support the version of the options, the driver tries lower versions,
    /// down to v3.
    ///
    /// # Errors
    /// Returns an error if no tokio runtime polls the future, if the connection cannot be opened, or
    /// if it is not open within
    /// [`handshake_timeout`](ConnectionOptions::handshake_timeout). This time includes the TCP and
    /// TLS handshakes and all attempts with lower versions.
    pub async fn connect(
        &self,
        address: SocketAddr,
        host: Option<&str>,
    ) -> Result<Connection, ConnectionError> {
        self.connect_inner(address, host, None, None).await
    }

    /// Opens a connection that forwards the events of the server to `events`. Use
    /// [`Register`](crate::message::Register) to subscribe to events. While the channel is full,
    /// events are dropped.
    ///
    /// # Errors
    /// Returns the errors of [`connect`](Self::connect).
    pub async fn connect_with_events(
        &self,
        address: SocketAddr,
        host: Option<&str>,
        events: mpsc::Sender<Event>,
    ) -> Result<Connection, ConnectionError> {
        self.connect_inner(address, host, Some(&events), None).await
    }

    /// Opens another connection to a server, in the version of the first one and without OPTIONS. Another
    /// server may answer at this address: if it refuses the version, or the handshake with a protocol error,
    /// the driver connects again with OPTIONS.
    ///
    /// # Errors
    /// Returns the errors of [`connect`](Self::connect).
    pub(crate) async fn connect_to_known(
        &self,
        server: KnownServer,
        host: Option<&str>,
    ) -> Result<Connection, ConnectionError> {
        self.connect_inner(server.address, host, None, Some(server)).await
    }

    async fn connect_inner(
        &self,
        address: SocketAddr,
        host: Option<&str>,
        events: Option<&mpsc::Sender<Event>>,
        mut known: Option<KnownServer>,
    ) -> Result<Connection, ConnectionError> {
        if let Err(text) = Runtime::current() {
            let reason = CloseReason::Io(ErrorKind::Unsupported, text.to_owned());
            return Err(ConnectionError { address, reason });
        }
        let mut options = self.options.clone();
        let timeout = options.handshake_timeout;
        if let Some(known) = known {
            options.version = known.version;
        }
        let attempt = async {
            loop {
                let known = known.take().map(|known| known.capabilities);
                match self.open(address, host, options.clone(), known, events.cloned()).await {
                    Err(reason @ CloseReason::UnsupportedVersion { .. }) => {
                        let Some(lower) = reason.lower_version() else { return Err(reason) };
                        debug!(node = %address, version = %options.version, retry_with = %lower, "protocol version not supported");
                        options.version = lower;
                    }
                    Err(CloseReason::Refused(error))
                        if known.is_some() && error.code == ErrorCode::Protocol =>
                    {
                        debug!(node = %address, %error, "handshake without OPTIONS refused");
                        options.version = self.options.version;
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

    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "only TLS uses the host"))]
    async fn open(
        &self,
        address: SocketAddr,
        host: Option<&str>,
        options: ConnectionOptions,
        known: Option<Capabilities>,
        events: Option<mpsc::Sender<Event>>,
    ) -> Result<Connection, CloseReason> {
        let socket = Socket::connect(address).await.map_err(|error| socket_error(&error))?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let socket = tls.handshake(socket, address, host).await?;
            let hint = "does it require a client certificate?";
            return start(socket, address, options, known, events, hint).await;
        }
        let hint = "is it still starting, or does it require TLS?";
        start(socket, address, options, known, events, hint).await
    }
}

impl Connection {
    /// Opens a connection to `address` without TLS. For TLS and events, use a [`Connector`].
    ///
    /// # Errors
    /// Returns the errors of [`Connector::connect`].
    pub async fn connect(
        address: SocketAddr,
        options: &ConnectionOptions,
    ) -> Result<Self, ConnectionError> {
        Connector::from(options.clone()).connect(address, None).await
    }
}

/// Starts the task of a connection, and waits until the connection is open. If the server closes the
/// socket without sending a byte, the error shows `hint` as a possible cause.
async fn start<S>(
    socket: S,
    address: SocketAddr,
    options: ConnectionOptions,
    known: Option<Capabilities>,
    events: Option<mpsc::Sender<Event>>,
    hint: &str,
) -> Result<Connection, CloseReason>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let now = Instant::now().into_std();
    let machine = ClientConnection::with_capabilities(options, known, now);
    let machine = machine.with_server(address);
    let (opened, wait) = oneshot::channel();
    let exchange = Handle::default();
    let runtime = Runtime::current()
        .map_err(|text| CloseReason::Io(ErrorKind::Unsupported, text.to_owned()))?;
    runtime.spawn(Driver::new(address, socket, machine, opened, events, exchange.share()));
    match wait.await {
        Ok(Ok(settings)) => {
            let (context, _) = &settings;
            debug!(node = %address, version = %context.version, compression = ?context.compression, "connection opened");
            Ok(Connection::new(address, settings, exchange, runtime))
        }
        Ok(Err(reason)) if exchange.counters.traffic().1 == 0 => {
            Err(explain_early_close(reason, hint))
        }
        Ok(Err(reason)) => Err(reason),
        Err(_) => Err(CloseReason::Local),
    }
}

/// Adds `hint` to the reason if the server closed the socket. Call this only if the server sent no
/// byte: in that case, the socket's error alone does not tell the cause.
fn explain_early_close(reason: CloseReason, hint: &str) -> CloseReason {
    match reason {
        CloseReason::EndOfInput { .. }
        | CloseReason::Io(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe, _) => {
            let text = format!("the server closed the connection without sending a byte ({hint})");
            CloseReason::Io(ErrorKind::ConnectionReset, text)
        }
        reason => reason,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream, duplex};

    use super::*;

    /// TLS buffers bytes while its socket is full; the socket of this test always buffers. With a capacity
    /// of one byte, each flush is pending at first.
    #[tokio::test]
    async fn flushes_a_socket_that_buffers() {
        for capacity in [1, 1_024] {
            let (near, mut far) = duplex(capacity);
            let server = async move {
                for (opcode, content) in [(6, &[0, 0][..]), (2, &[])] {
                    let mut header = [0; 9];
                    far.read_exact(&mut header).await.unwrap();
                    let mut body = vec![0; usize::from(header[8])];
                    far.read_exact(&mut body).await.unwrap();
                    let response =
                        [0x84, 0, header[2], header[3], opcode, 0, 0, 0, content.len() as u8];
                    far.write_all(&[&response[..], content].concat()).await.unwrap();
                }
                far
            };
            let address = "127.0.0.1:9042".parse().unwrap();
            let client =
                start(BufStream::new(near), address, ConnectionOptions::default(), None, None, "");
            let (opened, _open) = tokio::join!(client, server);
            assert!(opened.is_ok(), "{opened:?}");
        }
    }
}
