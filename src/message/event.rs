//! EVENT (v4 §4.2.6).

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Message, SchemaChange};
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer, wire_names};

wire_names! {
    /// The type of an event, as named in REGISTER.
    pub enum EventType {
        /// A node joined, left or moved.
        TopologyChange = "TOPOLOGY_CHANGE",
        /// A node came up or went down.
        StatusChange = "STATUS_CHANGE",
        /// The schema was changed.
        SchemaChange = "SCHEMA_CHANGE",
        /// The server is shutting down (CEP-59 of Cassandra). Servers that have this event list its
        /// name in SUPPORTED, with the value `true`.
        GracefulDisconnect = "GRACEFUL_DISCONNECT",
    }
}

wire_names! {
    /// The change that a topology event reports.
    pub enum TopologyChange {
        /// The node joined the cluster.
        NewNode = "NEW_NODE",
        /// The node left the cluster.
        RemovedNode = "REMOVED_NODE",
        /// The tokens of the node changed (v3).
        MovedNode = "MOVED_NODE",
    }
}

wire_names! {
    /// The change that a status event reports.
    pub enum StatusChange {
        /// The node is up.
        Up = "UP",
        /// The node is down.
        Down = "DOWN",
    }
}

/// An event: a change in the cluster. Its stream id is [`Stream::EVENT`](crate::wire::Stream::EVENT).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A node joined, left or moved.
    Topology {
        /// The kind of the change.
        change: TopologyChange,
        /// The address at which the node accepts clients.
        address: SocketAddr,
    },
    /// A node came up or went down.
    Status {
        /// The kind of the change.
        change: StatusChange,
        /// The address at which the node accepts clients.
        address: SocketAddr,
    },
    /// The schema changed.
    Schema(SchemaChange),
    /// The server is shutting down, and refuses new requests on this connection. It still answers
    /// the requests that it has received, and then closes the connection.
    GracefulDisconnect,
    /// An event of an unknown type.
    Unknown {
        /// The name of the type.
        event_type: String,
        /// The undecoded bytes after the name.
        rest: Bytes,
    },
}

impl Event {
    /// Returns the name of the event's type, as used in REGISTER.
    pub fn event_type(&self) -> &str {
        match self {
            Self::Topology { .. } => EventType::TopologyChange.as_str(),
            Self::Status { .. } => EventType::StatusChange.as_str(),
            Self::Schema(_) => EventType::SchemaChange.as_str(),
            Self::GracefulDisconnect => EventType::GracefulDisconnect.as_str(),
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
            EventType::GracefulDisconnect => Self::GracefulDisconnect,
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
            Self::GracefulDisconnect => Ok(()),
            Self::Unknown { rest, .. } => {
                writer.raw(rest);
                Ok(())
            }
        }
    }
}
