//! EVENT (v4 §4.2.6).

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Message, SchemaChange};
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer, wire_names};

wire_names! {
    /// The types of events that REGISTER asks for.
    pub enum EventType {
        /// A node joined, left or moved.
        TopologyChange = "TOPOLOGY_CHANGE",
        /// A node came up or went down.
        StatusChange = "STATUS_CHANGE",
        /// The schema was changed.
        SchemaChange = "SCHEMA_CHANGE",
    }
}

wire_names! {
    /// What a node did.
    pub enum TopologyChange {
        /// It joined.
        NewNode = "NEW_NODE",
        /// It left.
        RemovedNode = "REMOVED_NODE",
        /// Its tokens changed (v3).
        MovedNode = "MOVED_NODE",
    }
}

wire_names! {
    /// How a node is.
    pub enum StatusChange {
        /// It answers.
        Up = "UP",
        /// It does not answer.
        Down = "DOWN",
    }
}

/// Something happened in the cluster. Its stream is [`Stream::EVENT`](crate::wire::Stream::EVENT).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A node joined, left or moved.
    Topology {
        /// What it did.
        change: TopologyChange,
        /// Where it listens for clients.
        address: SocketAddr,
    },
    /// A node came up or went down.
    Status {
        /// How it is.
        change: StatusChange,
        /// Where it listens for clients.
        address: SocketAddr,
    },
    /// The schema was changed.
    Schema(SchemaChange),
    /// An event of a type that is not known here: its name, and what follows it.
    Unknown {
        /// The name of the type.
        event_type: String,
        /// The rest of the message.
        rest: Bytes,
    },
}

impl Event {
    /// The name of its type, which is what REGISTER asks for.
    pub fn event_type(&self) -> &str {
        match self {
            Self::Topology { .. } => EventType::TopologyChange.as_str(),
            Self::Status { .. } => EventType::StatusChange.as_str(),
            Self::Schema(_) => EventType::SchemaChange.as_str(),
            Self::Unknown { event_type, .. } => event_type,
        }
    }
}

impl Message<'_> for Event {
    const OPCODE: Opcode = Opcode::Event;

    fn decode(reader: &mut Reader<'_>, _: &Context) -> Result<Self, DecodeError> {
        Ok(match EventType::from(reader.string("event_type")?) {
            EventType::TopologyChange => Self::Topology {
                change: reader.string("change_type")?.into(),
                address: reader.inet("address")?,
            },
            EventType::StatusChange => Self::Status {
                change: reader.string("change_type")?.into(),
                address: reader.inet("address")?,
            },
            EventType::SchemaChange => Self::Schema(SchemaChange::decode(reader)?),
            EventType::Unknown(event_type) => {
                let rest = reader.take_rest();
                Self::Unknown { event_type: event_type.into(), rest: reader.share(rest) }
            }
        })
    }

    fn encode(&self, writer: &mut Writer<'_>, _: &Context) -> Result<(), EncodeError> {
        writer.string(self.event_type(), "event_type")?;
        match self {
            Self::Topology { change, address } => {
                writer.string(change.as_str(), "change_type")?;
                writer.inet(*address);
                Ok(())
            }
            Self::Status { change, address } => {
                writer.string(change.as_str(), "change_type")?;
                writer.inet(*address);
                Ok(())
            }
            Self::Schema(change) => change.encode(writer),
            Self::Unknown { rest, .. } => {
                writer.raw(rest);
                Ok(())
            }
        }
    }
}
