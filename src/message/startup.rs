//! STARTUP (v4 §4.1.1).

use std::borrow::Cow;

use super::Message;
use crate::wire::{
    Compression, Context, DecodeError, EncodeError, Opcode, Reader, Version, Writer,
};

/// Opens a connection and requests its options. The server answers READY, AUTHENTICATE or ERROR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup<'a> {
    /// The options, in the order of encoding.
    pub options: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Startup<'a> {
    /// The name of the option for the CQL version. Every STARTUP requires this option.
    pub const CQL_VERSION: &'static str = "CQL_VERSION";
    /// The name of the option for the compression of later frames.
    pub const COMPRESSION: &'static str = "COMPRESSION";
    /// The name of the option for the driver's name, which the server shows in its list of clients.
    pub const DRIVER_NAME: &'static str = "DRIVER_NAME";
    /// The name of the option for the driver's version.
    pub const DRIVER_VERSION: &'static str = "DRIVER_VERSION";

    /// Creates a STARTUP for CQL 3.0.0, which all servers accept.
    pub fn new() -> Self {
        Self { options: vec![(Self::CQL_VERSION.into(), "3.0.0".into())] }
    }

    /// Adds an option.
    #[must_use]
    pub fn option(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Adds the option that requests `compression`.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        self.option(Self::COMPRESSION, compression.name())
    }

    /// Returns the compression that this STARTUP requests. Returns `None` if it requests no
    /// compression, an unknown compression, or a compression that `version` does not support.
    pub fn requested_compression(&self, version: Version) -> Option<Compression> {
        let compression: Compression = self.get(Self::COMPRESSION)?.parse().ok()?;
        compression.is_supported_in(version).then_some(compression)
    }

    /// Returns the value of an option, or `None` if it is not set. The ASCII case of `name` is ignored.
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
    fn finds_options_by_name_ignoring_case() {
        let startup = Startup::new().compression(Compression::Lz4).option("driver_name", "cqlwire");
        assert_eq!(startup.get(Startup::CQL_VERSION), Some("3.0.0"));
        assert_eq!(startup.get("compression"), Some("lz4"));
        assert_eq!(startup.get(Startup::DRIVER_NAME), Some("cqlwire"));
        assert_eq!(startup.get("NO_COMPACT"), None);
    }
}
