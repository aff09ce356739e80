//! QUERY (v4 §4.1.4).

use std::borrow::Cow;

use super::{Message, Parameters};
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer};

/// Executes a statement. The server answers RESULT or ERROR.
#[derive(Debug, Clone, PartialEq)]
pub struct Query<'a> {
    /// The text of the statement.
    pub text: Cow<'a, str>,
    /// The values and the execution parameters.
    pub parameters: Parameters<'a>,
}

impl Query<'_> {
    pub(super) fn into_owned(self) -> Query<'static> {
        let text = Cow::Owned(self.text.into_owned());
        Query { text, parameters: self.parameters.into_owned() }
    }
}

impl<'a> Message<'a> for Query<'a> {
    const OPCODE: Opcode = Opcode::Query;

    fn decode(reader: &mut Reader<'a>, context: &Context) -> Result<Self, DecodeError> {
        let text = reader.long_string("query")?.into();
        Ok(Self { text, parameters: Parameters::decode(reader, context)? })
    }

    #[inline(always)]
    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        writer.long_string(&self.text, "query")?;
        self.parameters.encode(writer, context)
    }
}
