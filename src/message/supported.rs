//! SUPPORTED (v4 §4.2.4).

use super::Message;
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer};

/// The options that STARTUP may request, with their possible values.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Supported {
    /// The options, in the order of the message.
    pub options: Vec<(String, Vec<String>)>,
}

impl Supported {
    /// Returns the values of an option, or an empty slice if the server does not list it. The ASCII
    /// case of `name` is ignored.
    pub fn get(&self, name: &str) -> &[String] {
        let option = self.options.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        option.map_or(&[], |(_, values)| values)
    }
}

impl Message<'_> for Supported {
    const OPCODE: Opcode = Opcode::Supported;

    fn decode(reader: &mut Reader<'_>, _: &Context) -> Result<Self, DecodeError> {
        Ok(Self { options: reader.string_multimap("options")? })
    }

    fn encode(&self, writer: &mut Writer<'_>, _: &Context) -> Result<(), EncodeError> {
        writer.string_multimap(&self.options, "options")
    }
}
