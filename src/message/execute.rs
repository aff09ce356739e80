//! EXECUTE (v4 §4.1.6).

use std::borrow::Cow;

use super::{Message, Parameters};
use crate::wire::{Context, DecodeError, EncodeError, EncodeErrorKind, Opcode, Reader, Writer};

/// Runs a prepared statement. The server answers RESULT or ERROR.
#[derive(Debug, Clone, PartialEq)]
pub struct Execute<'a> {
    /// The id that PREPARE was answered with.
    pub id: Cow<'a, [u8]>,
    /// The id of the result's metadata that the client knows (v5, or where it was negotiated).
    pub result_metadata_id: Option<Cow<'a, [u8]>>,
    /// How the statement is to be run.
    pub parameters: Parameters<'a>,
}

impl<'a> Message<'a> for Execute<'a> {
    const OPCODE: Opcode = Opcode::Execute;

    fn decode(reader: &mut Reader<'a>, context: &Context) -> Result<Self, DecodeError> {
        let id = reader.short_bytes("id")?.into();
        let result_metadata_id = match context.has_metadata_ids() {
            true => Some(reader.short_bytes("result_metadata_id")?.into()),
            false => None,
        };
        Ok(Self { id, result_metadata_id, parameters: Parameters::decode(reader, context)? })
    }

    #[inline]
    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        writer.short_bytes(&self.id, "id")?;
        if context.has_metadata_ids() {
            let missing = EncodeError::new(EncodeErrorKind::Missing, "result_metadata_id");
            let id = self.result_metadata_id.as_deref().ok_or(missing)?;
            writer.short_bytes(id, "result_metadata_id")?;
        }
        self.parameters.encode(writer, context)
    }
}
