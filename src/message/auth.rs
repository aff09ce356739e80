//! AUTHENTICATE, AUTH_RESPONSE, AUTH_CHALLENGE, AUTH_SUCCESS (v4 §4.1.2, §4.2.3, §4.2.7, §4.2.8).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::Message;
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer};

/// The server asks who the client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The Java class of the server's authenticator.
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

/// The client's part of an authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthResponse<'a> {
    /// What the SASL mechanism says; it is a secret, and not shown by `Debug`.
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
        length("AuthResponse", self.token.as_deref(), f)
    }
}

/// All that is shown of a token.
fn length(name: &str, token: Option<&[u8]>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name).field("token_length", &token.map(<[u8]>::len)).finish()
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name {
            /// What the SASL mechanism says; it may be a secret, and is not shown by `Debug`.
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
                length(stringify!($name), self.token.as_deref(), f)
            }
        }
    };
}
token! {
    /// The server's next step of an authentication.
    AuthChallenge
}
token! {
    /// The server knows who the client is.
    AuthSuccess
}
