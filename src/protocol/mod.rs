//! The client's side of a connection as a state machine, without a socket, a clock or a task.
//!
//! [`ClientConnection`] is given received bytes, requests and the current time. It returns bytes to
//! send, events, and the time of its next timeout. Its driver owns the socket and the clock; the
//! module [`connection`](crate::connection) is a driver on tokio.
//!
//! In v5, frames travel in segments once the server has answered STARTUP (v5 §2.3.1).
//!
//! Invariants:
//! - A stream id is not reused until the response to its last request has arrived, however late.
//! - Stream 0 is not used: an ERROR there belongs to no request, or to an unknown one.
//! - The handshake, every heartbeat and every request with a deadline succeed or fail in bounded time.
//! - Only a whole frame is a sign of life of the server.
//! - [`Closed`](ConnectionEvent::Closed) is the last event.
//! - If a request fails because the connection ends, [`RequestFailed`](ConnectionEvent::RequestFailed)
//!   tells whether a byte of the request was written to the socket. In v5, all requests that one call
//!   of [`transmit`](ClientConnection::transmit) puts into segments count as written once a byte of
//!   these segments is written.

mod authenticator;
mod capabilities;
mod certificate;
mod chain;
mod credentials;
mod error;
mod event;
mod handshake;
mod liveness;
mod machine;
mod options;
mod outbound;
mod streams;
#[cfg(test)]
mod tests;

pub use authenticator::{Authenticator, SaslSession};
#[cfg(feature = "driver")]
pub(crate) use capabilities::Capabilities;
pub use credentials::Credentials;
pub use error::{CloseReason, SendError};
pub use event::ConnectionEvent;
pub use machine::ClientConnection;
pub use options::ConnectionOptions;
