//! OPTIONS (v4 §4.1.3) and READY (v4 §4.2.2), which have no body.

use super::Message;
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer};

/// Asks for the options that the server supports. The server answers SUPPORTED, even before STARTUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options;

/// The response to REGISTER, and the response to STARTUP if no authentication is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready;

/// Implements [`Message`] for a message without a body.
macro_rules! empty_message {
    ($name:ident) => {
        impl Message<'_> for $name {
            const OPCODE: Opcode = Opcode::$name;

            fn decode(_: &mut Reader<'_>, _: &Context) -> Result<Self, DecodeError> {
                Ok(Self)
            }

            fn encode(&self, _: &mut Writer<'_>, _: &Context) -> Result<(), EncodeError> {
                Ok(())
            }
        }
    };
}
empty_message!(Options);
empty_message!(Ready);
