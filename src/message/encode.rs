//! The trait that every message implements.

use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer};

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
