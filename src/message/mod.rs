//! The messages of the protocol, with one file for each message.
//!
//! [`Request`] and [`Response`] are the messages of each direction. [`RequestFrame`] and
//! [`ResponseFrame`] add the fields of the frame, such as the stream id and a custom payload. A
//! decoded request borrows from its frame, and a decoded response shares the bytes of its frame.
//!
//! Invariants: encoding and decoding of a message are in one file; all differences between protocol
//! versions and extensions are handled here, based on the [`Context`](crate::wire::Context); unknown
//! opcodes, codes and flags are preserved and re-encoded unchanged.
//!
//! ```
//! use cqlwire::message::{Request, RequestFrame};
//! use cqlwire::wire::{Context, FrameDecoder, Version};
//!
//! # let received_bytes = [4, 0, 0, 1, 7, 0, 0, 0, 12, 0, 0, 0, 5, b'h', b'e', b'l', b'l', b'o', 0, 1, 0];
//! let mut context = Context::from(Version::V4);
//! let mut frames = FrameDecoder::new(context);
//! frames.extend(&received_bytes);
//! while let Some(frame) = frames.next_frame()? {
//!     match RequestFrame::decode(&frame, &context)?.request {
//!         Request::Startup(startup) => {
//!             // The bodies that follow may be compressed.
//!             context.compression = startup.requested_compression(context.version);
//!         }
//!         Request::Query(query) => assert_eq!(query.text, "hello"),
//!         other => println!("{other:?}"),
//!     }
//! }
//! # Ok::<(), cqlwire::wire::DecodeError>(())
//! ```

mod auth;
mod batch;
mod batch_statements;
mod direction;
mod encode;
mod error;
mod event;
mod execute;
mod failures;
mod frame;
mod frame_flags;
mod options;
mod parameters;
mod prepare;
mod query;
mod register;
mod result;
mod schema_change;
mod startup;
mod supported;
mod version_refusal;

pub use auth::{AuthChallenge, AuthResponse, AuthSuccess, Authenticate};
pub use batch::{BatchKind, BatchMessage};
pub use batch_statements::{BatchStatement, BatchStatements, BatchText};
pub use direction::{Request, Response};
pub use encode::Message;
pub use error::{ErrorCode, ErrorDetails, ServerError, WriteType};
pub use event::{Event, EventType, StatusChange, TopologyChange};
pub use execute::Execute;
pub use failures::{FailureReason, Failures};
pub use frame::{RequestFrame, ResponseFrame};
pub use options::{Options, Ready};
pub use parameters::{Parameters, QueryFlags};
pub use prepare::Prepare;
pub use query::Query;
pub use register::Register;
pub use result::{
    KnownColumns, MetadataFlags, PreparedResult, ResultKind, ResultMessage, Rows, RowsMetadata,
    Variables,
};
pub use schema_change::{SchemaChange, SchemaChangeKind, SchemaTarget};
pub use startup::Startup;
pub use supported::Supported;
pub use version_refusal::VersionRefusal;
