//! The connection as a state machine: no socket, no clock, no task.
//!
//! ```text
//!             client()                SUPPORTED              READY / AUTH_SUCCESS
//!   (nothing) --------> asked OPTIONS ---------> sent STARTUP --------------------> open
//!                            |                    |      ^                           |
//!                            |        AUTHENTICATE|      |AUTH_CHALLENGE             |
//!                            |                    v      |                           |
//!                            |                  authenticating                       |
//!                            v                    v                                  v
//!                            +------------ closed (ERROR, end of input, bad bytes, timeouts)
//! ```
//!
//! [`ClientConnection`] takes bytes, requests and the time, and gives bytes, events and the time at
//! which it wants to be called again. Whoever drives it owns the socket and the clock: see
//! [`connection`](crate::connection) for tokio.
//!
//! In v5 frames travel in segments from the answer to STARTUP on.
//!
//! Invariants: a stream is not used again before its answer has come, however late; everything
//! that is waited for has an end in time; after `Closed` there are no events; whether a byte of a
//! request was handed out is known to the end.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod authenticator;
mod credentials;
mod error;
mod handshake;
mod machine;
mod outbound;
mod streams;
#[cfg(test)]
mod tests;

pub use authenticator::{Authenticator, SaslSession};
pub use credentials::Credentials;
pub use error::{CloseReason, SendError};
pub use machine::{ClientConnection, ConnectionEvent};

use std::sync::Arc;
use std::time::Duration;

use crate::wire::{Compression, Context, Stream, Version};

/// How a client's connection is to be opened and watched.
///
/// Fields will be added: begin with `..ConnectionOptions::default()`.
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    /// The version of the first frame. Default: [`Version::V4`].
    pub version: Version,
    /// The compression to ask for; without it, if the server has none of that name. Default: none.
    pub compression: Option<Compression>,
    /// Who the client is, for a server that asks: [`Credentials`] for instance. Default: nobody.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// How long the connection may take from the first byte until it is open. Default: 5 s.
    pub handshake_timeout: Duration,
    /// After how long without a byte from the server it is asked whether it is there.
    /// Default: 30 s.
    pub heartbeat_interval: Duration,
    /// How long the server may take to say that it is. Default: 5 s.
    pub heartbeat_timeout: Duration,
    /// How many requests may be in flight, at most 32,768. Default: 1,024.
    pub max_in_flight: usize,
    /// How many requests may be in flight that nobody waits for any more, before the connection
    /// is given up as stuck; when all are, it is in any case. Default: 256.
    pub max_orphans: usize,
    /// The longest body that is accepted from the server, in bytes. Default: 256 MiB.
    pub max_body: usize,
    /// Further options of STARTUP, such as `DRIVER_NAME`.
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
            max_in_flight: 1_024,
            max_orphans: 256,
            max_body: Context::DEFAULT_MAX_BODY,
            startup: Vec::new(),
        }
    }
}

impl ConnectionOptions {
    pub(crate) fn stream_limit(&self) -> usize {
        self.max_in_flight.clamp(1, Stream::COUNT)
    }

    /// A connection whose streams are all orphans is stuck, whatever was asked for.
    pub(crate) fn orphan_limit(&self) -> usize {
        self.max_orphans.min(self.stream_limit().saturating_sub(1))
    }
}
