//! The messages of each direction: requests and responses.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    AuthChallenge, AuthResponse, AuthSuccess, Authenticate, BatchMessage, Event, Execute, Message,
    Options, Prepare, Query, Ready, Register, ResultMessage, ServerError, Startup, Supported,
};
use crate::wire::{Context, DecodeError, DecodeErrorKind, EncodeError, Opcode, Reader, Writer};

/// Declares the enum of the messages in one direction, with encoding and decoding by opcode.
macro_rules! messages {
    (
        $(#[$meta:meta])*
        pub enum $name:ident[$($life:lifetime)?] as $enum:ty {
            $( $(#[$doc:meta])* $variant:ident($message:ty), )+
        }
        unknown: $unknown:ty, |$reader:ident, $body:ident| $preserve:expr
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name$(<$life>)? {
            $( $(#[$doc])* $variant($message), )+
            /// A message with an unknown opcode: the opcode and the undecoded body.
            Unknown(Opcode, $unknown),
        }

        impl<'a> $enum {
            /// Returns the opcode of the frames that carry this message.
            #[inline]
            pub fn opcode(&self) -> Opcode {
                match self {
                    $(Self::$variant(_) => <$message>::OPCODE,)+
                    Self::Unknown(opcode, _) => *opcode,
                }
            }

            /// Decodes the message with this opcode.
            ///
            /// # Errors
            /// Returns an error if the message is invalid, or if the opcode belongs to the opposite
            /// direction.
            pub fn decode(
                opcode: Opcode,
                $reader: &mut Reader<'a>,
                context: &Context,
            ) -> Result<Self, DecodeError> {
                match opcode {
                    $(<$message>::OPCODE => Message::decode($reader, context).map(Self::$variant),)+
                    Opcode::Unknown(_) => {
                        let $body = $reader.take_rest();
                        Ok(Self::Unknown(opcode, $preserve))
                    }
                    _ => Err(DecodeError::new(DecodeErrorKind::WrongDirection, "opcode", 4)),
                }
            }

            /// Encodes the message.
            ///
            /// # Errors
            /// Returns the errors of [`Message::encode`].
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
    /// A message from the client to the server (v4 §4.1).
    pub enum Request['a] as Request<'a> {
        /// Opens the connection and negotiates its options.
        Startup(Startup<'a>),
        /// Asks for the options that the server supports.
        Options(Options),
        /// Executes a statement.
        Query(Query<'a>),
        /// Prepares a statement.
        Prepare(Prepare<'a>),
        /// Executes a prepared statement.
        Execute(Execute<'a>),
        /// Subscribes to events.
        Register(Register<'a>),
        /// Executes several statements as one batch.
        Batch(BatchMessage<'a>),
        /// The client's next step of the authentication.
        AuthResponse(AuthResponse<'a>),
    }
    unknown: Cow<'a, [u8]>, |reader, body| Cow::Borrowed(body)
}

impl Request<'_> {
    /// Returns the same request with a `'static` lifetime, by copying the data that it borrows.
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
    /// A message from the server to the client (v4 §4.2).
    pub enum Response[] as Response {
        /// The request failed.
        Error(ServerError),
        /// The connection is ready for queries, or REGISTER succeeded.
        Ready(Ready),
        /// The server requires authentication.
        Authenticate(Authenticate),
        /// The options that the server supports.
        Supported(Supported),
        /// The result of a statement.
        Result(ResultMessage),
        /// A change in the cluster.
        Event(Event),
        /// The server's next step of the authentication.
        AuthChallenge(AuthChallenge),
        /// The authentication succeeded.
        AuthSuccess(AuthSuccess),
    }
    unknown: Bytes, |reader, body| reader.share(body)
}
