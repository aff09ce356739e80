//! AUTHENTICATE, AUTH_RESPONSE, AUTH_CHALLENGE, AUTH_SUCCESS (v4 §4.1.2, §4.2.3, §4.2.7, §4.2.8).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::Message;
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer};

/// The server's response to STARTUP that requires authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The Java class name of the server's authenticator.
    pub authenticator: String,
}

impl Message<'_> for Authenticate {
    const OPCODE: Opcode = Opcode::Authenticate;

    fn decode(reader: &mut Reader<'_>, _: &Context) -> Result<Self, DecodeError> {
        Ok(Self { authenticator: reader.string("authenticator")?.to_owned() })
    }

    fn encode(&self, writer: &mut Writer<'_>, _: &Context) -> Result<(), EncodeError> {
        writer.string(&self.authenticator, "authenticator")
    }
}

/// The client's response in an authentication. The server answers AUTH_CHALLENGE, AUTH_SUCCESS or
/// ERROR.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthResponse<'a> {
    /// The SASL token, or `None` for null. `Debug` omits the token because it is secret.
    pub token: Option<Cow<'a, [u8]>>,
}

impl AuthResponse<'_> {
    pub(super) fn into_owned(self) -> AuthResponse<'static> {
        AuthResponse { token: self.token.map(|token| Cow::Owned(token.into_owned())) }
    }
}

impl<'a> Message<'a> for AuthResponse<'a> {
    const OPCODE: Opcode = Opcode::AuthResponse;

    fn decode(reader: &mut Reader<'a>, _: &Context) -> Result<Self, DecodeError> {
        Ok(Self { token: reader.bytes("token")?.map(Cow::Borrowed) })
    }

    fn encode(&self, writer: &mut Writer<'_>, _: &Context) -> Result<(), EncodeError> {
        writer.bytes(self.token.as_deref(), "token")
    }
}

impl fmt::Debug for AuthResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_token_length("AuthResponse", self.token.as_deref(), f)
    }
}

/// Formats a message with the length of its token in place of the token.
fn fmt_token_length(name: &str, token: Option<&[u8]>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name).field("token_length", &token.map(<[u8]>::len)).finish()
}

/// Declares a response that consists of one token.
macro_rules! token_message {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name {
            /// The SASL token, or `None` for null. `Debug` omits the token because it may be secret.
            pub token: Option<Bytes>,
        }

        impl Message<'_> for $name {
            const OPCODE: Opcode = Opcode::$name;

            fn decode(reader: &mut Reader<'_>, _: &Context) -> Result<Self, DecodeError> {
                let token = reader.bytes("token")?;
                Ok(Self { token: token.map(|token| reader.share(token)) })
            }

            fn encode(&self, writer: &mut Writer<'_>, _: &Context) -> Result<(), EncodeError> {
                writer.bytes(self.token.as_deref(), "token")
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt_token_length(stringify!($name), self.token.as_deref(), f)
            }
        }
    };
}
token_message! {
    /// A challenge of the server. The client answers with AUTH_RESPONSE.
    AuthChallenge
}
token_message! {
    /// The authentication succeeded, and the connection is ready for queries.
    AuthSuccess
}
