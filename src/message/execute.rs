//! EXECUTE (v4 §4.1.6).

use std::borrow::Cow;

use super::{Message, Parameters};
use crate::wire::{Context, DecodeError, EncodeError, EncodeErrorKind, Opcode, Reader, Writer};

/// Executes a prepared statement. The server answers RESULT or ERROR.
#[derive(Debug, Clone, PartialEq)]
pub struct Execute<'a> {
    /// The id of the prepared statement, from the response to PREPARE.
    pub id: Cow<'a, [u8]>,
    /// The id of the result metadata that the client has. Required if the connection uses v5 or the
    /// extension [`metadata_id`](crate::wire::Extensions::metadata_id). Not encoded otherwise.
    pub result_metadata_id: Option<Cow<'a, [u8]>>,
    /// The values and the execution parameters.
    pub parameters: Parameters<'a>,
}

impl Execute<'_> {
    pub(super) fn into_owned(self) -> Execute<'static> {
        let id = Cow::Owned(self.id.into_owned());
        let result_metadata_id = self.result_metadata_id.map(|id| Cow::Owned(id.into_owned()));
        Execute { id, result_metadata_id, parameters: self.parameters.into_owned() }
    }
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

    #[inline(always)]
    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        encode_id(&self.id, writer, "id")?;
        if context.has_metadata_ids() {
            let missing = EncodeError::new(EncodeErrorKind::Missing, "result_metadata_id");
            let id = self.result_metadata_id.as_deref().ok_or(missing)?;
            encode_id(id, writer, "result_metadata_id")?;
        }
        self.parameters.encode(writer, context)
    }
}

/// Encodes an id. Cassandra's ids are MD5 digests, of 16 bytes, which take a shorter way than other lengths.
#[inline(always)]
fn encode_id(id: &[u8], writer: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
    let Ok(id) = <&[u8; 16]>::try_from(id) else {
        return writer.short_bytes(id, field);
    };
    // Length and id are appended together, which needs only one capacity check.
    let mut encoded = [0; 18];
    if let Some((length, content)) = encoded.split_first_chunk_mut() {
        *length = [0, 16];
        content.copy_from_slice(id);
    }
    writer.raw(&encoded);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Consistency, Version};

    #[test]
    fn requires_a_metadata_id_if_the_connection_uses_them() {
        let id = Cow::Borrowed(&[1][..]);
        let parameters = Consistency::One.into();
        let execute = Execute { id, result_metadata_id: None, parameters };
        let mut extended = Context::from(Version::V4);
        extended.extensions.metadata_id = true;
        let [v3, v4, v5] = Version::ALL.map(Context::from);
        for (context, is_missing) in [(v3, false), (v4, false), (extended, true), (v5, true)] {
            let encoded = execute.encode(&mut Writer::new(&mut Vec::new()), &context);
            let missing = EncodeError::new(EncodeErrorKind::Missing, "result_metadata_id");
            assert_eq!(encoded, if is_missing { Err(missing) } else { Ok(()) });
        }
    }

    #[test]
    fn ids_of_any_length_are_short_bytes() {
        for length in [0, 1, 15, 16, 17, 65_535] {
            let id: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let parameters = Consistency::One.into();
            let result_metadata_id = Some(Cow::Borrowed(&id[..]));
            let execute = Execute { id: (&id[..]).into(), result_metadata_id, parameters };
            let mut out = Vec::new();
            execute.encode(&mut Writer::new(&mut out), &Version::V5.into()).unwrap();
            let length = u16::try_from(length).unwrap().to_be_bytes();
            let expected = [&length, &id[..], &length, &id[..], &[0, 1, 0, 0, 0, 0]].concat();
            assert!(out == expected, "{length:?}");
        }
        let (id, parameters) = (vec![0; 65_536].into(), Consistency::One.into());
        let execute = Execute { id, result_metadata_id: None, parameters };
        let encoded = execute.encode(&mut Writer::new(&mut Vec::new()), &Version::V4.into());
        assert_eq!(encoded.unwrap_err().field(), "id");
    }
}
