//! The messages of each direction: requests and responses.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    AuthChallenge, AuthResponse, AuthSuccess, Authenticate, BatchMessage, Event, Execute, Message,
    Options, Prepare, Query, Ready, Register, ResultMessage, ServerError, Startup, Supported,
};
use crate::wire::{Context, DecodeError, DecodeErrorKind, EncodeError, Opcode, Reader, Writer};

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

impl Request<'_> {
    /// Returns the same request with its data copied, so that it borrows from no frame.
    pub fn into_owned(self) -> Request<'static> {
        match self {
            Self::Startup(startup) => startup.into_owned().into(),
            Self::Options(options) => options.into(),
            Self::Query(query) => query.into_owned().into(),
            Self::Prepare(prepare) => prepare.into_owned().into(),
            Self::Execute(execute) => execute.into_owned().into(),
            Self::Register(register) => register.into_owned().into(),
            Self::Batch(batch) => batch.into_owned().into(),
            Self::AuthResponse(response) => response.into_owned().into(),
            Self::Unknown(opcode, body) => Request::Unknown(opcode, Cow::Owned(body.into_owned())),
        }
    }
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
