//! The messages of the protocol, one file each: what it holds, how it is read, how it is written.
//!
//! [`Request`] and [`Response`] list them; [`RequestFrame`] and [`ResponseFrame`] add what travels
//! beside a message in its frame. Requests borrow from the frame they came in; responses share it.
//!
//! Invariants: both directions of a message stand side by side; what the version or the extensions
//! decide is decided here, from the [`Context`]; what is not known is kept
//! and written again as it came.
//!
//! ```
//! use cqlwire::message::{Request, RequestFrame};
//! use cqlwire::wire::{FrameDecoder, Version};
//!
//! # let bytes_from_anywhere = [4, 0, 0, 1, 7, 0, 0, 0, 12, 0, 0, 0, 5, b'h', b'e', b'l', b'l', b'o', 0, 1, 0];
//! let context = Version::V4.into();
//! let mut frames = FrameDecoder::new(context);
//! frames.extend(&bytes_from_anywhere);
//! while let Some(frame) = frames.next_frame()? {
//!     match RequestFrame::decode(&frame, &context)?.request {
//!         Request::Query(query) => assert_eq!(query.text, "hello"),
//!         other => println!("{other:?}"),
//!     }
//! }
//! # Ok::<(), cqlwire::wire::DecodeError>(())
//! ```

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

mod auth;
mod batch;
mod error;
mod event;
mod execute;
mod failures;
mod frame;
mod options;
mod parameters;
mod prepare;
mod query;
mod register;
mod result;
mod schema_change;
mod startup;
mod supported;

use std::borrow::Cow;

use bytes::Bytes;

use crate::wire::{Context, DecodeError, DecodeErrorKind, EncodeError, Opcode, Reader, Writer};

pub use auth::{AuthChallenge, AuthResponse, AuthSuccess, Authenticate};
pub use batch::{BatchKind, BatchMessage, BatchStatement, BatchText};
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

/// What every message can do. `'a` is the frame that a decoded message borrows from.
pub trait Message<'a>: Sized {
    /// The opcode of the frames that carry this message.
    const OPCODE: Opcode;

    /// Reads the message, and leaves in `reader` what comes after it.
    ///
    /// # Errors
    /// The field that is not what the protocol says, and where it stands.
    fn decode(reader: &mut Reader<'a>, context: &Context) -> Result<Self, DecodeError>;

    /// Writes the message.
    ///
    /// # Errors
    /// The field that the protocol has no bytes for in this version.
    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError>;
}

/// Declares the enum of one direction's messages, and how to find one by its opcode.
macro_rules! messages {
    (
        $(#[$meta:meta])*
        pub enum $name:ident[$($life:lifetime)?] as $enum:ty {
            $( $(#[$doc:meta])* $variant:ident($message:ty), )+
        }
        unknown: $unknown:ty, |$reader:ident, $rest:ident| $keep:expr
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name$(<$life>)? {
            $( $(#[$doc])* $variant($message), )+
            /// A message of an opcode that is not known here: its whole body.
            Unknown(Opcode, $unknown),
        }

        impl<'a> $enum {
            /// The opcode of the frame that carries this message.
            #[inline]
            pub fn opcode(&self) -> Opcode {
                match self {
                    $(Self::$variant(_) => <$message>::OPCODE,)+
                    Self::Unknown(opcode, _) => *opcode,
                }
            }

            /// Reads the message that `opcode` stands for.
            ///
            /// # Errors
            /// As [`Message::decode`]; an opcode of the other direction.
            pub fn decode(
                opcode: Opcode,
                $reader: &mut Reader<'a>,
                context: &Context,
            ) -> Result<Self, DecodeError> {
                match opcode {
                    $(<$message>::OPCODE => Message::decode($reader, context).map(Self::$variant),)+
                    Opcode::Unknown(_) => {
                        let $rest = $reader.take_rest();
                        Ok(Self::Unknown(opcode, $keep))
                    }
                    _ => Err(DecodeError::new(DecodeErrorKind::WrongDirection, "opcode", 4)),
                }
            }

            /// Writes the message.
            ///
            /// # Errors
            /// As [`Message::encode`].
            #[inline]
            pub fn encode(
                &self,
                writer: &mut Writer<'_>,
                context: &Context,
            ) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(message) => message.encode(writer, context),)+
                    Self::Unknown(_, body) => {
                        writer.raw(body);
                        Ok(())
                    }
                }
            }
        }

        $(
            #[allow(clippy::extra_unused_lifetimes, reason = "responses borrow nothing")]
            impl<'a> From<$message> for $enum {
                #[inline]
                fn from(message: $message) -> Self {
                    Self::$variant(message)
                }
            }
        )+
    };
}

messages! {
    /// What a client sends (v4 §4.1).
    pub enum Request['a] as Request<'a> {
        /// Opens the connection.
        Startup(Startup<'a>),
        /// Asks what the server can do.
        Options(Options),
        /// Runs a statement.
        Query(Query<'a>),
        /// Has a statement parsed and kept.
        Prepare(Prepare<'a>),
        /// Runs a prepared statement.
        Execute(Execute<'a>),
        /// Asks for events.
        Register(Register<'a>),
        /// Runs several statements as one.
        Batch(BatchMessage<'a>),
        /// Says who the client is.
        AuthResponse(AuthResponse<'a>),
    }
    unknown: Cow<'a, [u8]>, |reader, rest| Cow::Borrowed(rest)
}

messages! {
    /// What a server sends (v4 §4.2).
    pub enum Response[] as Response {
        /// The request failed.
        Error(ServerError),
        /// The connection is open.
        Ready(Ready),
        /// The server asks who the client is.
        Authenticate(Authenticate),
        /// What the server can do.
        Supported(Supported),
        /// What a statement gave.
        Result(ResultMessage),
        /// Something happened in the cluster.
        Event(Event),
        /// The next step of an authentication.
        AuthChallenge(AuthChallenge),
        /// The server knows who the client is.
        AuthSuccess(AuthSuccess),
    }
    unknown: Bytes, |reader, rest| reader.share(rest)
}
