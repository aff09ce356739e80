//! PREPARE (v4 §4.1.5).

use std::borrow::Cow;

use super::Message;
use crate::wire::{
    Context, DecodeError, EncodeError, EncodeErrorKind, Opcode, Reader, Version, Writer,
};

/// Prepares a statement. The server answers a RESULT of kind Prepared, or ERROR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepare<'a> {
    /// The text of the statement.
    pub text: Cow<'a, str>,
    /// The default keyspace of the statement (v5). If `None`, the keyspace of the connection applies.
    pub keyspace: Option<Cow<'a, str>>,
    /// Unknown flags (v5).
    pub other_flags: i32,
}

const WITH_KEYSPACE: i32 = 0x01;

impl<'a> Prepare<'a> {
    /// Creates a request to prepare `text` in the keyspace of the connection.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), keyspace: None, other_flags: 0 }
    }

    /// Returns the flags to encode (v5): `other_flags`, and the flag for the keyspace if it is set.
    pub const fn flags(&self) -> i32 {
        match self.keyspace {
            None => self.other_flags,
            Some(_) => self.other_flags | WITH_KEYSPACE,
        }
    }
}

impl Prepare<'_> {
    pub(super) fn into_owned(self) -> Prepare<'static> {
        let keyspace = self.keyspace.map(|keyspace| Cow::Owned(keyspace.into_owned()));
        let text = Cow::Owned(self.text.into_owned());
        Prepare { text, keyspace, other_flags: self.other_flags }
    }
}

impl<'a> Message<'a> for Prepare<'a> {
    const OPCODE: Opcode = Opcode::Prepare;

    fn decode(reader: &mut Reader<'a>, context: &Context) -> Result<Self, DecodeError> {
        let mut prepare = Self::new(reader.long_string("query")?);
        if context.version >= Version::V5 {
            let flags = reader.int("flags")?;
            if flags & WITH_KEYSPACE != 0 {
                prepare.keyspace = Some(reader.string("keyspace")?.into());
            }
            prepare.other_flags = flags & !WITH_KEYSPACE;
        }
        Ok(prepare)
    }

    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        writer.long_string(&self.text, "query")?;
        if context.version < Version::V5 {
            return match self.keyspace {
                None => Ok(()),
                Some(_) => {
                    let kind = EncodeErrorKind::NotInVersion(context.version);
                    Err(EncodeError::new(kind, "keyspace"))
                }
            };
        }
        writer.int(self.flags());
        self.keyspace.as_deref().map_or(Ok(()), |keyspace| writer.string(keyspace, "keyspace"))
    }
}
