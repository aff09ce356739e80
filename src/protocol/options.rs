//! Options of a connection.

use std::sync::Arc;
use std::time::Duration;

use super::authenticator::Authenticator;
use crate::wire::{Compression, Context, Stream, Version};

/// Options of a client's connection.
///
/// More fields will be added, so end a struct expression with `..ConnectionOptions::default()`.
///
/// None of the timeouts here applies to requests: each request has
/// [a deadline of its own](super::ClientConnection::send).
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    /// The protocol version. Default: [`Version::V4`]. A [`Connector`] tries lower versions if the
    /// server does not support this one.
    ///
    /// [`Connector`]: crate::connection::Connector
    pub version: Version,
    /// The compression to request, if the server supports it. Default: none.
    pub compression: Option<Compression>,
    /// The authenticator for servers that require authentication, such as
    /// [`Credentials`](super::Credentials). Default: none.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// Time within which the connection has to be open. It starts when the [`ClientConnection`] is
    /// created; a [`Connector`] starts it earlier, before the TCP and TLS handshakes. Default: 5 s.
    ///
    /// [`ClientConnection`]: super::ClientConnection
    /// [`Connector`]: crate::connection::Connector
    pub handshake_timeout: Duration,
    /// Time without a whole frame from the server after which an idle connection sends a heartbeat (an
    /// OPTIONS request). Default: 30 s.
    pub heartbeat_interval: Duration,
    /// Time after `heartbeat_interval` within which the server has to send a whole frame. Otherwise
    /// the connection ends. A frame that arrives slowly also ends the connection, if it is not complete
    /// after this time and less than 64 KiB of it arrived in each second on average. Default: 5 s. Use
    /// at least 100 ms: below that, frames that arrive slowly are not detected.
    ///
    /// The time begins anew while requests before the heartbeat are still being sent, if at least
    /// 64 KiB of them are sent in each second on average.
    pub heartbeat_timeout: Duration,
    /// Time without a whole frame after which a connection sends a heartbeat if requests wait for
    /// their responses. Default: 500 ms. [`Duration::MAX`] disables these heartbeats.
    ///
    /// A server answers heartbeats while it executes slow queries, unless all of its request threads
    /// are busy. If the heartbeat is not answered, the connection is
    /// [unresponsive](super::ConnectionEvent::Unresponsive): a [session](crate::session) prefers other
    /// nodes, and sends idempotent requests that wait on the connection to another node as well.
    pub probe_after: Duration,
    /// Time without a whole frame after a heartbeat, until the connection is
    /// [unresponsive](super::ConnectionEvent::Unresponsive). Default: 500 ms.
    ///
    /// The time begins anew in these cases, because the response to the heartbeat comes later:
    /// - A long frame is arriving, at 64 KiB a second or faster.
    /// - Requests before the heartbeat are still being sent, at 64 KiB a second or faster.
    /// - A frame is arriving or requests are being sent, but the client was too busy to read and write
    ///   in this time.
    ///
    /// Bytes that the operating system has accepted count as sent. On a slow network, the buffer of the
    /// socket may still hold a part of a long request: if sending this part takes longer than
    /// `probe_timeout`, the connection is unresponsive until the server answers.
    pub probe_timeout: Duration,
    /// Maximum number of requests in flight, from 1 to 32,767. Default: 1,024.
    pub max_in_flight: usize,
    /// Maximum number of orphaned requests: requests that timed out or were cancelled, and have no
    /// response yet. The connection closes if it has more, or if all `max_in_flight` streams are
    /// orphaned. Requests that are orphaned when the connection becomes
    /// [unresponsive](super::ConnectionEvent::Unresponsive), or while it is, do not count.
    /// Default: 256.
    pub max_orphans: usize,
    /// Maximum length of the body of a request or response, in bytes. Applies both to the compressed
    /// and to the uncompressed length. Default: 256 MiB. Until the connection is open, responses are
    /// also limited to [`MAX_HANDSHAKE_BODY`](Self::MAX_HANDSHAKE_BODY).
    pub max_body: usize,
    /// Additional options for STARTUP, such as `DRIVER_NAME` (v4 §4.1.1). Default: none.
    pub startup: Vec<(String, String)>,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            version: Version::V4,
            compression: None,
            authenticator: None,
            handshake_timeout: Duration::from_secs(5),
            heartbeat_interval: Duration::from_secs(30),
            heartbeat_timeout: Duration::from_secs(5),
            probe_after: Duration::from_millis(500),
            probe_timeout: Duration::from_millis(500),
            max_in_flight: 1_024,
            max_orphans: 256,
            max_body: Context::DEFAULT_MAX_BODY,
            startup: Vec::new(),
        }
    }
}

impl ConnectionOptions {
    /// Maximum length of the body of a response during the handshake: 256 KiB, compressed and
    /// uncompressed. The server is not authenticated yet, and decoded text takes up to 16 times the
    /// memory of its encoding. Real responses are shorter than 1 KiB; a token of an authenticator may
    /// have up to 64 KiB. A longer response ends the connection.
    pub const MAX_HANDSHAKE_BODY: usize = 256 << 10;

    /// Returns the maximum length of the body of a response during the handshake.
    pub(crate) fn handshake_body_limit(&self) -> usize {
        self.max_body.min(Self::MAX_HANDSHAKE_BODY)
    }

    /// Returns `max_in_flight`, clamped to the number of streams that the protocol has.
    pub(crate) fn stream_limit(&self) -> usize {
        self.max_in_flight.clamp(1, Stream::COUNT)
    }

    /// Returns `max_orphans`, but at most one less than the number of streams, so that the
    /// connection closes when all of its streams are orphaned.
    pub(crate) fn orphan_limit(&self) -> usize {
        self.max_orphans.min(self.stream_limit().saturating_sub(1))
    }
}
