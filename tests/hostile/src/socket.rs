//! A socket in memory, with a tap on the client's end.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use cqlwire::simulation::SimulatedSocket;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::tap::Tap;

/// Number of bytes that a tapped socket reads at once.
const READ: usize = 16 << 10;

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: DuplexStream,
    peer: SocketAddr,
    /// `None` for the server's end, and for connections that are not tapped.
    tapped: Option<Tapped>,
}

/// The client's end of a tapped connection.
#[derive(Debug)]
struct Tapped {
    tap: Tap,
    /// Bytes that the client has not read yet.
    responses: BytesMut,
    /// Bytes that the server's end has not accepted yet.
    requests: BytesMut,
}

impl Socket {
    pub(crate) fn new(stream: DuplexStream, peer: SocketAddr, tap: Option<Tap>) -> Self {
        let tapped =
            tap.map(|tap| Tapped { tap, responses: BytesMut::new(), requests: BytesMut::new() });
        Self { stream, peer, tapped }
    }
}

/// Writes all bytes to the stream.
fn poll_drain(
    stream: &mut DuplexStream,
    bytes: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !bytes.is_empty() {
        let written = ready!(Pin::new(&mut *stream).poll_write(cx, bytes))?;
        bytes.advance(written);
    }
    Poll::Ready(Ok(()))
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
        let Some(Tapped { tap, responses, .. }) = &mut this.tapped else {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        };
        while responses.is_empty() {
            let mut bytes = [0; READ];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            tap.handle_responses(read.filled(), responses);
        }
        let length = responses.len().min(buffer.remaining());
        buffer.put_slice(&responses[..length]);
        responses.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(Tapped { tap, requests, .. }) = &mut this.tapped else {
            return Pin::new(&mut this.stream).poll_write(cx, bytes);
        };
        ready!(poll_drain(&mut this.stream, requests, cx))?;
        tap.handle_requests(bytes, requests);
        // What the stream does not accept now is written by the next call.
        match poll_drain(&mut this.stream, requests, cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(Tapped { requests, .. }) = &mut this.tapped {
            ready!(poll_drain(&mut this.stream, requests, cx))?;
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
