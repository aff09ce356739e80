//! STARTUP (v4 §4.1.1).

use std::borrow::Cow;

use super::Message;
use crate::wire::{
    Compression, Context, DecodeError, EncodeError, Opcode, Reader, Version, Writer,
};

/// Opens a connection, and says how it shall be used.
///
/// The server answers READY, AUTHENTICATE or ERROR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup<'a> {
    /// The options, in the order they are written.
    pub options: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Startup<'a> {
    /// The version of CQL, which every STARTUP must name.
    pub const CQL_VERSION: &'static str = "CQL_VERSION";
    /// The compression of the frames that follow.
    pub const COMPRESSION: &'static str = "COMPRESSION";
    /// The name of the client's driver, which the server shows to its operators.
    pub const DRIVER_NAME: &'static str = "DRIVER_NAME";
    /// The version of the client's driver.
    pub const DRIVER_VERSION: &'static str = "DRIVER_VERSION";

    /// A STARTUP for CQL 3.0.0, which every server speaks.
    pub fn new() -> Self {
        Self { options: vec![(Self::CQL_VERSION.into(), "3.0.0".into())] }
    }

    /// Adds an option.
    #[must_use]
    pub fn option(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Asks for a compression.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        self.option(Self::COMPRESSION, compression.name())
    }

    /// Returns the compression that this STARTUP requests, or `None` if it requests no compression,
    /// an unknown one, or one that `version` does not have.
    pub fn requested_compression(&self, version: Version) -> Option<Compression> {
        let compression: Compression = self.get(Self::COMPRESSION)?.parse().ok()?;
        compression.is_in(version).then_some(compression)
    }

    /// The value of an option, whose name may be in upper or lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut options = self.options.iter();
        options.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }
}

impl Startup<'_> {
    pub(super) fn into_owned(self) -> Startup<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let options = self.options.into_iter().map(|(name, value)| (owned(name), owned(value)));
        Startup { options: options.collect() }
    }
}

impl Default for Startup<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Message<'a> for Startup<'a> {
    const OPCODE: Opcode = Opcode::Startup;

    fn decode(reader: &mut Reader<'a>, _: &Context) -> Result<Self, DecodeError> {
        Ok(Self { options: reader.string_map("options")? })
    }

    fn encode(&self, writer: &mut Writer<'_>, _: &Context) -> Result<(), EncodeError> {
        writer.string_map(&self.options, "options")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_by_their_names_in_any_case() {
        let startup = Startup::new().compression(Compression::Lz4).option("driver_name", "mine");
        assert_eq!(startup.get(Startup::CQL_VERSION), Some("3.0.0"));
        assert_eq!(startup.get("compression"), Some("lz4"));
        assert_eq!(startup.get(Startup::DRIVER_NAME), Some("mine"));
        assert_eq!(startup.get("NO_COMPACT"), None);
    }
}
