//! One connection on tokio: a task that owns a socket and a
//! [`ClientConnection`](crate::protocol::ClientConnection).
//!
//! A [`Connection`] is a handle to the task. Callers encode their requests and append them to a
//! queue; the task writes all queued requests with one call. Callers also decode their responses.
//! The task ends when the connection ends or the handle is dropped.
//!
//! Invariants:
//! - A caller waits no longer than its timeout, whichever executor polls it, and even if the
//!   runtime of the task does not run. The exception is a thread that has entered this runtime without
//!   driving it.
//! - If a caller drops the future of a request, the request is orphaned: its stream stays in use
//!   until the response arrives.
//! - When the connection ends, every pending request fails. The error contains the close reason, and
//!   tells whether a byte of the request was written.

mod alarm;
mod connector;
mod counters;
mod deadline;
mod draining;
mod driver;
mod error;
mod exchange;
mod handle;
#[cfg(test)]
pub(crate) mod interleavings;
mod queue;
mod runtime;
mod slots;
#[cfg(feature = "tls")]
mod tls;

pub use connector::Connector;
pub(crate) use deadline::timeout_at;
pub use error::{ConnectionError, RequestError, RequestErrorKind};
pub use handle::Connection;
pub(crate) use handle::{ConnectionWatch, KnownServer};
pub(crate) use runtime::Runtime;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
