//! Encodes and decodes CQL types as `[option]`s (v4 §4.2.5.2).

use std::sync::Arc;

use super::text::class_name;
use super::{CqlType, MAX_TYPE_DEPTH, NativeType, UdtType};
use crate::wire::{Context, DecodeError, DecodeErrorKind, EncodeError, Reader, Version, Writer};

const CUSTOM: u16 = 0x00;
const LIST: u16 = 0x20;
const MAP: u16 = 0x21;
const SET: u16 = 0x22;
const UDT: u16 = 0x30;
const TUPLE: u16 = 0x31;

impl CqlType {
    /// Decodes an `[option]`.
    ///
    /// # Errors
    /// Returns an error if the input ends early, if a name is not UTF-8, or if types nest deeper than
    /// [`MAX_TYPE_DEPTH`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode_at(reader, 0)
    }

    fn decode_at(reader: &mut Reader<'_>, depth: usize) -> Result<Self, DecodeError> {
        if depth >= MAX_TYPE_DEPTH {
            let kind = DecodeErrorKind::NestedTooDeep { limit: MAX_TYPE_DEPTH };
            return Err(reader.error(kind, "type"));
        }
        let below = depth.saturating_add(1);
        Ok(match reader.short("type")? {
            CUSTOM => Self::from_class(reader.string("custom_type")?),
            LIST => Self::List(Box::new(Self::decode_at(reader, below)?)),
            SET => Self::Set(Box::new(Self::decode_at(reader, below)?)),
            MAP => {
                let key = Self::decode_at(reader, below)?;
                Self::Map(Box::new((key, Self::decode_at(reader, below)?)))
            }
            TUPLE => {
                let count = reader.short_count(2, "tuple_elements")?;
                Self::Tuple(reader.elements(count, |reader| Self::decode_at(reader, below))?)
            }
            UDT => {
                let keyspace = reader.string("udt_keyspace")?.to_owned();
                let name = reader.string("udt_name")?.to_owned();
                let count = reader.short_count(4, "udt_fields")?;
                let fields = reader.elements(count, |reader| {
                    let field = reader.string("udt_field_name")?.to_owned();
                    Ok((field, Self::decode_at(reader, below)?))
                })?;
                Self::Udt(Arc::new(UdtType { keyspace, name, fields }))
            }
            native => Self::Native(native.into()),
        })
    }

    /// Encodes the type as an `[option]`. A type that has no id in the connection's protocol
    /// version is encoded as a custom type with the name of its Java class. Servers do the same.
    ///
    /// # Errors
    /// Returns an error if a name is longer than 65,535 bytes, or if a type has more than 65,535
    /// fields.
    pub fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        match self {
            Self::Native(native) if native.has_id(context) => writer.short(native.code()),
            Self::Native(_) => {
                writer.short(CUSTOM);
                writer.string(&class_name::print(self), "custom_type")?;
            }
            Self::List(element) => {
                writer.short(LIST);
                element.encode(writer, context)?;
            }
            Self::Set(element) => {
                writer.short(SET);
                element.encode(writer, context)?;
            }
            Self::Map(pair) => {
                writer.short(MAP);
                pair.0.encode(writer, context)?;
                pair.1.encode(writer, context)?;
            }
            Self::Tuple(elements) => {
                writer.short(TUPLE);
                writer.short_length(elements.len(), "tuple_elements")?;
                elements.iter().try_for_each(|element| element.encode(writer, context))?;
            }
            Self::Udt(udt) => {
                writer.short(UDT);
                writer.string(&udt.keyspace, "udt_keyspace")?;
                writer.string(&udt.name, "udt_name")?;
                writer.short_length(udt.fields.len(), "udt_fields")?;
                for (name, field) in &udt.fields {
                    writer.string(name, "udt_field_name")?;
                    field.encode(writer, context)?;
                }
            }
            Self::Vector(vector) => {
                writer.short(CUSTOM);
                writer.string(&vector.class, "custom_type")?;
            }
            Self::Custom(class) => {
                writer.short(CUSTOM);
                writer.string(class, "custom_type")?;
            }
        }
        Ok(())
    }
}

impl NativeType {
    /// Returns true if the connection's protocol version, with its extensions, has an id for this
    /// type.
    fn has_id(self, context: &Context) -> bool {
        let since = match self {
            Self::Date | Self::Time | Self::SmallInt | Self::TinyInt => Version::V4,
            Self::Duration if context.extensions.duration => Version::V4,
            Self::Duration => Version::V5,
            _ => Version::V3,
        };
        context.version >= since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<CqlType, DecodeError> {
        let mut reader = Reader::new(bytes);
        let decoded = CqlType::decode(&mut reader)?;
        assert!(reader.is_empty());
        Ok(decoded)
    }

    fn encode(cql_type: &CqlType, version: Version) -> Vec<u8> {
        let mut out = Vec::new();
        cql_type.encode(&mut Writer::new(&mut out), &version.into()).unwrap();
        out
    }

    #[test]
    fn every_option_round_trips() {
        let text = || Box::new(CqlType::from(NativeType::Text));
        let udt = UdtType {
            keyspace: "ks".into(),
            name: "address".into(),
            fields: vec![("street".into(), *text()), ("zips".into(), CqlType::List(text()))],
        };
        let mut types: Vec<CqlType> = NativeType::KNOWN.iter().copied().map(Into::into).collect();
        types.extend([
            NativeType::Unknown(0x99).into(),
            CqlType::List(text()),
            CqlType::Set(text()),
            CqlType::Map(Box::new((*text(), CqlType::Udt(Arc::new(udt))))),
            CqlType::Tuple(vec![*text(), CqlType::Tuple(vec![])]),
            CqlType::Custom("com.example.Point".into()),
            CqlType::vector(NativeType::Float.into(), 3),
        ]);
        for cql_type in types {
            for version in Version::ALL {
                let bytes = encode(&cql_type, version);
                assert_eq!(decode(&bytes).as_ref(), Ok(&cql_type));
                for end in 0..bytes.len() {
                    assert!(CqlType::decode(&mut Reader::new(&bytes[..end])).is_err());
                }
            }
        }
    }

    #[test]
    fn a_type_without_an_id_in_a_version_is_a_custom_type() {
        let duration = CqlType::from(NativeType::Duration);
        assert_eq!(encode(&duration, Version::V5), [0, 0x15]);
        assert_eq!(encode(&duration, Version::V4)[..2], [0, 0]);
        let mut context = Context::from(Version::V4);
        context.extensions.duration = true;
        let mut out = Vec::new();
        duration.encode(&mut Writer::new(&mut out), &context).unwrap();
        assert_eq!(out, [0, 0x15]);
        assert_eq!(encode(&NativeType::Date.into(), Version::V3)[..2], [0, 0]);
        assert_eq!(encode(&NativeType::Date.into(), Version::V4), [0, 0x11]);
    }

    #[test]
    fn nesting_is_bounded() {
        let lists = |depth: usize| [[0, 0x20].repeat(depth), vec![0, 9]].concat();
        assert!(decode(&lists(MAX_TYPE_DEPTH - 1)).is_ok());
        for depth in [MAX_TYPE_DEPTH, 100_000] {
            let error = decode(&lists(depth)).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::NestedTooDeep { limit: MAX_TYPE_DEPTH });
        }
    }
}
