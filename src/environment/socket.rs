//! Sockets and listeners: of TCP, or of a simulation.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(feature = "testing")]
use tokio::net::TcpListener;
use tokio::net::TcpStream;

#[cfg(feature = "simulation")]
use super::simulation::{SimulatedSocket, with_world};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(feature = "simulation")]
    Simulated(Box<dyn SimulatedSocket>),
}

/// Evaluates an expression for the socket of either kind.
macro_rules! either {
    ($this:expr, $socket:ident => $result:expr) => {
        match $this {
            Socket::Tcp($socket) => $result,
            #[cfg(feature = "simulation")]
            Socket::Simulated($socket) => $result,
        }
    };
}

impl Socket {
    /// Connects to an address, without Nagle's algorithm: client and server batch frames themselves.
    ///
    /// # Errors
    /// Returns the error of the system.
    #[cfg(feature = "driver")]
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        #[cfg(feature = "simulation")]
        if let Some(connecting) = with_world(|world| world.connect(address)) {
            return connecting.await.map(Self::Simulated);
        }
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self::Tcp(socket))
    }

    /// Returns the address of the remote end.
    ///
    /// # Errors
    /// Returns an error if the socket is no longer connected.
    #[cfg(feature = "testing")]
    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr(),
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => Ok(socket.peer_addr()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        either!(self, socket => socket.is_write_vectored())
    }
}

/// A listener.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(feature = "simulation")]
    Simulated(Box<dyn super::simulation::SimulatedListener>),
}

#[cfg(feature = "testing")]
impl Listener {
    /// Listens on an address. Port 0 selects a free port.
    ///
    /// # Errors
    /// Returns the error of the system.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        #[cfg(feature = "simulation")]
        if let Some(listener) = with_world(|world| world.listen(address)) {
            return listener.map(Self::Simulated);
        }
        TcpListener::bind(address).await.map(Self::Tcp)
    }

    /// Returns the address of the listener.
    ///
    /// # Errors
    /// Returns the error of the system.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            #[cfg(feature = "simulation")]
            Self::Simulated(listener) => Ok(listener.local_addr()),
        }
    }

    /// Accepts the next connection, without Nagle's algorithm: otherwise, a response that follows another
    /// one waits for the client's acknowledgement.
    ///
    /// # Errors
    /// Returns the error of the system.
    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (socket, _) = listener.accept().await?;
                socket.set_nodelay(true)?;
                Ok(Socket::Tcp(socket))
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(listener) => {
                std::future::poll_fn(|cx| listener.poll_accept(cx)).await.map(Socket::Simulated)
            }
        }
    }
}
