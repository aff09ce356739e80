//! Schema changes, which EVENT and RESULT contain (v4 §4.2.5.5, §4.2.6).

use bytes::Bytes;

use crate::wire::{DecodeError, EncodeError, Reader, Version, Writer, wire_names};

wire_names! {
    /// The type of a schema change.
    pub enum SchemaChangeKind {
        /// The object was created.
        Created = "CREATED",
        /// The object was altered.
        Updated = "UPDATED",
        /// The object was dropped.
        Dropped = "DROPPED",
    }
}

/// A change of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChange {
    /// The type of the change.
    pub kind: SchemaChangeKind,
    /// The changed object.
    pub target: SchemaTarget,
}

/// The changed object of a [`SchemaChange`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the names of the object")]
pub enum SchemaTarget {
    /// A keyspace.
    Keyspace { keyspace: String },
    /// A table or a materialized view.
    Table { keyspace: String, table: String },
    /// A user-defined type.
    Type { keyspace: String, name: String },
    /// A function, with the types of its arguments (v4 and later).
    Function { keyspace: String, name: String, arguments: Vec<String> },
    /// An aggregate, with the types of its arguments (v4 and later).
    Aggregate { keyspace: String, name: String, arguments: Vec<String> },
    /// An object of an unknown type: the name of the type and the bytes after it.
    Unknown { target: String, rest: Bytes },
}

impl SchemaChange {
    /// Returns the change as a server reports it to a client of `version`. v3 has no functions and
    /// aggregates: a change of one of them is an update of its keyspace, as in Cassandra.
    ///
    /// Encoding does not convert a change, so that a proxy forwards it as it came.
    ///
    /// ```
    /// use cqlwire::message::{SchemaChange, SchemaChangeKind, SchemaTarget};
    /// use cqlwire::wire::Version;
    ///
    /// let (keyspace, name, arguments) = ("k".to_owned(), "f".to_owned(), vec!["int".to_owned()]);
    /// let target = SchemaTarget::Function { keyspace, name, arguments };
    /// let dropped = SchemaChange { kind: SchemaChangeKind::Dropped, target };
    /// assert_eq!(dropped.clone().for_version(Version::V4), dropped);
    /// let updated = dropped.for_version(Version::V3);
    /// assert_eq!(updated.kind, SchemaChangeKind::Updated);
    /// assert_eq!(updated.target, SchemaTarget::Keyspace { keyspace: "k".to_owned() });
    /// ```
    #[must_use]
    pub fn for_version(self, version: Version) -> Self {
        match self.target {
            SchemaTarget::Function { keyspace, .. } | SchemaTarget::Aggregate { keyspace, .. }
                if version < Version::V4 =>
            {
                let target = SchemaTarget::Keyspace { keyspace };
                Self { kind: SchemaChangeKind::Updated, target }
            }
            target => Self { target, ..self },
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = reader.string("change_type")?.into();
        let target = reader.string("target")?;
        let string = |reader: &mut Reader<'_>, field| reader.string(field).map(str::to_owned);
        let target = match target {
            KEYSPACE => SchemaTarget::Keyspace { keyspace: string(reader, "keyspace")? },
            TABLE => SchemaTarget::Table {
                keyspace: string(reader, "keyspace")?,
                table: string(reader, "table")?,
            },
            TYPE => SchemaTarget::Type {
                keyspace: string(reader, "keyspace")?,
                name: string(reader, "name")?,
            },
            FUNCTION => SchemaTarget::Function {
                keyspace: string(reader, "keyspace")?,
                name: string(reader, "name")?,
                arguments: reader.string_list("argument_types")?,
            },
            AGGREGATE => SchemaTarget::Aggregate {
                keyspace: string(reader, "keyspace")?,
                name: string(reader, "name")?,
                arguments: reader.string_list("argument_types")?,
            },
            target => {
                let rest = reader.take_rest();
                SchemaTarget::Unknown { target: target.to_owned(), rest: reader.share(rest) }
            }
        };
        Ok(Self { kind, target })
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.string(self.kind.as_str(), "change_type")?;
        let mut strings = |target, keyspace: &String, object: Option<(&String, &'static str)>| {
            writer.string(target, "target")?;
            writer.string(keyspace, "keyspace")?;
            object.map_or(Ok(()), |(name, field)| writer.string(name, field))
        };
        match &self.target {
            SchemaTarget::Keyspace { keyspace } => strings(KEYSPACE, keyspace, None),
            SchemaTarget::Table { keyspace, table } => {
                strings(TABLE, keyspace, Some((table, "table")))
            }
            SchemaTarget::Type { keyspace, name } => strings(TYPE, keyspace, Some((name, "name"))),
            SchemaTarget::Function { keyspace, name, arguments } => {
                strings(FUNCTION, keyspace, Some((name, "name")))?;
                writer.string_list(arguments, "argument_types")
            }
            SchemaTarget::Aggregate { keyspace, name, arguments } => {
                strings(AGGREGATE, keyspace, Some((name, "name")))?;
                writer.string_list(arguments, "argument_types")
            }
            SchemaTarget::Unknown { target, rest } => {
                writer.string(target, "target")?;
                writer.raw(rest);
                Ok(())
            }
        }
    }
}

const KEYSPACE: &str = "KEYSPACE";
const TABLE: &str = "TABLE";
const TYPE: &str = "TYPE";
const FUNCTION: &str = "FUNCTION";
const AGGREGATE: &str = "AGGREGATE";
