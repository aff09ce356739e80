//! A socket in memory.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use cqlwire::simulation::SimulatedSocket;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::{history::ConnectionHistory, node::NodeState};

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: DuplexStream,
    peer: SocketAddr,
    reset: Reset,
    /// `None` for the client's end.
    server: Option<Server>,
}

/// The properties of a server's end.
#[derive(Debug)]
struct Server {
    node: NodeState,
    history: ConnectionHistory,
}

/// Tells both ends of a connection that it was reset. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reset(Arc<AtomicBool>);

impl Reset {
    /// Resets the connection. Call this before the sockets between the two ends are dropped, which wakes
    /// both ends.
    pub(crate) fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }
}

impl Socket {
    pub(crate) fn of_client(stream: DuplexStream, peer: SocketAddr, reset: &Reset) -> Self {
        Self { stream, peer, reset: reset.clone(), server: None }
    }

    pub(crate) fn of_server(
        stream: DuplexStream,
        peer: SocketAddr,
        reset: &Reset,
        node: NodeState,
        history: ConnectionHistory,
    ) -> Self {
        Self { stream, peer, reset: reset.clone(), server: Some(Server { node, history }) }
    }

    /// Waits while the node of this socket is frozen.
    fn poll_running(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.server.as_ref().map_or(Poll::Ready(()), |server| server.node.poll_running(cx))
    }
}

impl SimulatedSocket for Socket {
    fn peer_addr(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_running(cx));
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut this.stream).poll_read(cx, buffer));
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        if bytes.is_empty() {
            this.reset.check()?;
        }
        if let Some(server) = &this.server {
            server.history.record_received(bytes);
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_running(cx));
        this.reset.check()?;
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes));
        if let (Some(server), Ok(length)) = (&this.server, &written) {
            server.history.record_sent(bytes.get(..*length).unwrap_or_default());
        }
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
