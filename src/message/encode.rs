//! The trait that every message implements.

use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer};

/// A message of the protocol. `'a` is the lifetime of the frame that a decoded message borrows from.
pub trait Message<'a>: Sized {
    /// The opcode of the frames that carry this message.
    const OPCODE: Opcode;

    /// Decodes the message and leaves any bytes after it in `reader`.
    ///
    /// # Errors
    /// Returns an error with the name and the offset of the first invalid field.
    fn decode(reader: &mut Reader<'a>, context: &Context) -> Result<Self, DecodeError>;

    /// Encodes the message.
    ///
    /// # Errors
    /// Returns an error if a field is too long, is missing, contradicts another field, or does not
    /// exist in the version of `context`. The error names the field.
    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError>;
}
