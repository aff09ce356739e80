//! The parameters of QUERY and EXECUTE (v4 §4.1.4).

use std::borrow::Cow;

use crate::types::Values;
use crate::wire::{
    Consistency, Context, DecodeError, EncodeError, EncodeErrorKind, Reader, Version, Writer,
    wire_flags,
};

wire_flags! {
    /// The flags that announce the parameters of a statement. They are encoded as one byte in v3 and
    /// v4, and as an `[int]` in v5.
    pub struct QueryFlags(u32) {
        /// Values follow.
        VALUES = 0x01 "values",
        /// The response may omit the metadata of the result.
        SKIP_METADATA = 0x02 "skip_metadata",
        /// A page size follows.
        PAGE_SIZE = 0x04 "page_size",
        /// A paging state follows.
        PAGING_STATE = 0x08 "paging_state",
        /// A serial consistency level follows.
        SERIAL_CONSISTENCY = 0x10 "serial_consistency",
        /// A timestamp follows.
        TIMESTAMP = 0x20 "timestamp",
        /// The values have names.
        VALUE_NAMES = 0x40 "value_names",
        /// A keyspace follows (v5).
        KEYSPACE = 0x80 "keyspace",
        /// The current time follows (v5).
        NOW_IN_SECONDS = 0x100 "now_in_seconds",
    }
}

impl QueryFlags {
    pub(super) fn decode(reader: &mut Reader<'_>, context: &Context) -> Result<Self, DecodeError> {
        Ok(Self::from_bits(match context.version {
            Version::V3 | Version::V4 => reader.byte("flags")?.into(),
            Version::V5 => reader.int("flags")?.cast_unsigned(),
        }))
    }

    /// The flags of the parameters that are encoded after the values.
    const AFTER_VALUES: Self = Self::PAGE_SIZE
        .with(Self::PAGING_STATE, true)
        .with(Self::SERIAL_CONSISTENCY, true)
        .with(Self::TIMESTAMP, true)
        .with(Self::KEYSPACE, true)
        .with(Self::NOW_IN_SECONDS, true);

    /// Encodes a consistency level, the flags, and the number of values if there are any. They are appended at
    /// once, which needs only one capacity check.
    #[inline(always)]
    pub(super) fn encode_with_consistency(
        self,
        consistency: Consistency,
        values_count: Option<[u8; 2]>,
        writer: &mut Writer<'_>,
        context: &Context,
    ) -> Result<(), EncodeError> {
        let [first, second] = consistency.code().to_be_bytes();
        match (context.version, u8::try_from(self.bits()), values_count) {
            (Version::V5, _, count) => {
                let [b1, b2, b3, b4] = self.bits().to_be_bytes();
                match count {
                    Some([n1, n2]) => writer.raw(&[first, second, b1, b2, b3, b4, n1, n2]),
                    None => writer.raw(&[first, second, b1, b2, b3, b4]),
                }
            }
            (_, Ok(byte), Some([n1, n2])) => writer.raw(&[first, second, byte, n1, n2]),
            (_, Ok(byte), None) => writer.raw(&[first, second, byte]),
            (version, Err(_), _) => return Err(self.not_in_version(version)),
        }
        Ok(())
    }

    /// Returns the error about flags that are longer than the byte that this version has for them.
    #[cold]
    const fn not_in_version(self, version: Version) -> EncodeError {
        let field = if self.contains(Self::NOW_IN_SECONDS) { "now_in_seconds" } else { "flags" };
        EncodeError::new(EncodeErrorKind::NotInVersion(version), field)
    }

    /// Returns true if `flag` is set and exists in the version of `context`.
    const fn announces(self, flag: Self, context: &Context) -> bool {
        let requires_v5 = flag.0 >= Self::KEYSPACE.0;
        self.contains(flag) && (!requires_v5 || matches!(context.version, Version::V5))
    }
}

/// The values and the execution parameters of a statement.
///
/// ```
/// use cqlwire::message::Parameters;
/// use cqlwire::wire::Consistency;
///
/// let parameters = Parameters { page_size: Some(100), ..Consistency::LocalQuorum.into() };
/// assert!(parameters.values.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters<'a> {
    /// The consistency level.
    pub consistency: Consistency,
    /// The values of the bind variables.
    pub values: Values<'a>,
    /// True if the response may omit the metadata of the result.
    pub skip_metadata: bool,
    /// The approximate number of rows in a page. If `None`, the server does not page.
    pub page_size: Option<i32>,
    /// The paging state of the previous page, or `None` to request the first page.
    pub paging_state: Option<Cow<'a, [u8]>>,
    /// The consistency level of the Paxos phase of a conditional statement. If `None`, the server uses
    /// SERIAL.
    pub serial_consistency: Option<Consistency>,
    /// The write timestamp in microseconds since 1970. If `None`, the server sets it.
    pub timestamp: Option<i64>,
    /// The default keyspace of the statement (v5). If `None`, the keyspace of the connection applies.
    pub keyspace: Option<Cow<'a, str>>,
    /// The current time for this statement in seconds since 1970 (v5). If `None`, the server uses its
    /// clock.
    pub now_in_seconds: Option<i32>,
    /// Unknown flags, and flags that no other field represents.
    pub other_flags: QueryFlags,
}

impl From<Consistency> for Parameters<'_> {
    #[inline]
    fn from(consistency: Consistency) -> Self {
        Self {
            consistency,
            values: Values::NONE,
            skip_metadata: false,
            page_size: None,
            paging_state: None,
            serial_consistency: None,
            timestamp: None,
            keyspace: None,
            now_in_seconds: None,
            other_flags: QueryFlags::NONE,
        }
    }
}

impl<'a> Parameters<'a> {
    pub(super) fn decode(reader: &mut Reader<'a>, context: &Context) -> Result<Self, DecodeError> {
        let consistency = reader.consistency("consistency")?;
        let flags = QueryFlags::decode(reader, context)?;
        let has = |flag| flags.announces(flag, context);
        let mut parameters = Self::from(consistency);
        if has(QueryFlags::VALUES) {
            let named = has(QueryFlags::VALUE_NAMES);
            parameters.values = Values::decode(reader, named, context.version)?;
        }
        parameters.skip_metadata = has(QueryFlags::SKIP_METADATA);
        if has(QueryFlags::PAGE_SIZE) {
            parameters.page_size = Some(reader.int("page_size")?);
        }
        if has(QueryFlags::PAGING_STATE) {
            parameters.paging_state = reader.bytes("paging_state")?.map(Cow::Borrowed);
        }
        parameters.decode_tail(flags, reader, context)?;
        parameters.other_flags = flags.without(parameters.flags());
        Ok(parameters)
    }

    /// Decodes the parameters from the serial consistency on, which QUERY, EXECUTE and BATCH share.
    pub(super) fn decode_tail(
        &mut self,
        flags: QueryFlags,
        reader: &mut Reader<'a>,
        context: &Context,
    ) -> Result<(), DecodeError> {
        let has = |flag| flags.announces(flag, context);
        if has(QueryFlags::SERIAL_CONSISTENCY) {
            self.serial_consistency = Some(reader.consistency("serial_consistency")?);
        }
        if has(QueryFlags::TIMESTAMP) {
            self.timestamp = Some(reader.long("timestamp")?);
        }
        if has(QueryFlags::KEYSPACE) {
            self.keyspace = Some(reader.string("keyspace")?.into());
        }
        if has(QueryFlags::NOW_IN_SECONDS) {
            self.now_in_seconds = Some(reader.int("now_in_seconds")?);
        }
        Ok(())
    }

    /// Encodes the parameters.
    ///
    /// Most statements have no parameters after the values. This common path is inlined into the
    /// caller, where the compiler may know which flags are set.
    #[inline(always)]
    pub(super) fn encode(
        &self,
        writer: &mut Writer<'_>,
        context: &Context,
    ) -> Result<(), EncodeError> {
        let flags = self.flags();
        let has_values = flags.contains(QueryFlags::VALUES);
        if has_values && context.version == Version::V3 {
            self.values.require_set(context.version)?;
        }
        let count = has_values.then(|| self.values.encoded_count());
        flags.encode_with_consistency(self.consistency, count, writer, context)?;
        if has_values {
            self.values.encode_after_count(writer);
        }
        if flags.only(QueryFlags::AFTER_VALUES) == QueryFlags::NONE {
            return Ok(());
        }
        self.encode_after_values(writer, context)
    }

    #[inline(never)]
    fn encode_after_values(
        &self,
        writer: &mut Writer<'_>,
        context: &Context,
    ) -> Result<(), EncodeError> {
        if let Some(page_size) = self.page_size {
            writer.int(page_size);
        }
        // If the flag is set without a paging state, `null` is encoded.
        if self.flags().contains(QueryFlags::PAGING_STATE) {
            writer.bytes(self.paging_state.as_deref(), "paging_state")?;
        }
        self.encode_tail(writer, context)
    }

    /// Encodes the parameters from the serial consistency on, which QUERY, EXECUTE and BATCH share.
    pub(super) fn encode_tail(
        &self,
        writer: &mut Writer<'_>,
        context: &Context,
    ) -> Result<(), EncodeError> {
        if let Some(consistency) = self.serial_consistency {
            writer.consistency(consistency);
        }
        if let Some(timestamp) = self.timestamp {
            writer.long(timestamp);
        }
        if self.keyspace.is_none() && self.now_in_seconds.is_none() {
            return Ok(());
        }
        if context.version < Version::V5 {
            let field = if self.keyspace.is_some() { "keyspace" } else { "now_in_seconds" };
            return Err(EncodeError::new(EncodeErrorKind::NotInVersion(context.version), field));
        }
        if let Some(keyspace) = &self.keyspace {
            writer.string(keyspace, "keyspace")?;
        }
        if let Some(now) = self.now_in_seconds {
            writer.int(now);
        }
        Ok(())
    }

    pub(super) fn into_owned(self) -> Parameters<'static> {
        Parameters {
            consistency: self.consistency,
            values: self.values.into_owned(),
            skip_metadata: self.skip_metadata,
            page_size: self.page_size,
            paging_state: self.paging_state.map(|state| Cow::Owned(state.into_owned())),
            serial_consistency: self.serial_consistency,
            timestamp: self.timestamp,
            keyspace: self.keyspace.map(|keyspace| Cow::Owned(keyspace.into_owned())),
            now_in_seconds: self.now_in_seconds,
            other_flags: self.other_flags,
        }
    }

    /// Returns the flags to encode: `other_flags`, and the flags that the other fields imply.
    #[inline(always)]
    pub fn flags(&self) -> QueryFlags {
        self.other_flags
            .with(QueryFlags::VALUES, !self.values.is_empty())
            .with(QueryFlags::VALUE_NAMES, self.values.is_named())
            .with(QueryFlags::SKIP_METADATA, self.skip_metadata)
            .with(QueryFlags::PAGE_SIZE, self.page_size.is_some())
            .with(QueryFlags::PAGING_STATE, self.paging_state.is_some())
            .with(QueryFlags::SERIAL_CONSISTENCY, self.serial_consistency.is_some())
            .with(QueryFlags::TIMESTAMP, self.timestamp.is_some())
            .with(QueryFlags::KEYSPACE, self.keyspace.is_some())
            .with(QueryFlags::NOW_IN_SECONDS, self.now_in_seconds.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{BatchMessage, BatchStatements, Prepare, Query, Request};

    #[test]
    fn refuses_v5_fields_in_older_versions() {
        let keyspace = || Some(Cow::Borrowed("ks"));
        let parameters = || Parameters::from(Consistency::One);
        let query = |parameters| Request::from(Query { text: "SELECT".into(), parameters });
        let batch = BatchMessage::new(BatchStatements::new(), Consistency::One);
        for (request, field) in [
            (query(Parameters { keyspace: keyspace(), ..parameters() }), "keyspace"),
            (query(Parameters { now_in_seconds: Some(1), ..parameters() }), "now_in_seconds"),
            (BatchMessage { keyspace: keyspace(), ..batch.clone() }.into(), "keyspace"),
            (BatchMessage { now_in_seconds: Some(1), ..batch }.into(), "now_in_seconds"),
            (Prepare { keyspace: keyspace(), ..Prepare::new("SELECT") }.into(), "keyspace"),
        ] {
            for version in Version::ALL {
                let encoded = request.encode(&mut Writer::new(&mut Vec::new()), &version.into());
                let expected = match version {
                    Version::V5 => Ok(()),
                    older => Err(EncodeError::new(EncodeErrorKind::NotInVersion(older), field)),
                };
                assert_eq!(encoded, expected);
            }
        }
    }
}
