//! REGISTER (v4 §4.1.8).

use std::borrow::Cow;

use super::{EventType, Message};
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer};

/// Subscribes to events. The server answers READY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register<'a> {
    /// The names of the event types.
    pub event_types: Vec<Cow<'a, str>>,
}

impl Register<'_> {
    /// Creates a subscription to these event types.
    pub fn new(event_types: &[EventType]) -> Self {
        let names = event_types.iter().map(|event| event.as_str().to_owned().into());
        Self { event_types: names.collect() }
    }

    pub(super) fn into_owned(self) -> Register<'static> {
        let names = self.event_types.into_iter().map(|name| Cow::Owned(name.into_owned()));
        Register { event_types: names.collect() }
    }
}

impl<'a> Message<'a> for Register<'a> {
    const OPCODE: Opcode = Opcode::Register;

    fn decode(reader: &mut Reader<'a>, _: &Context) -> Result<Self, DecodeError> {
        Ok(Self { event_types: reader.string_list("event_types")? })
    }

    fn encode(&self, writer: &mut Writer<'_>, _: &Context) -> Result<(), EncodeError> {
        writer.string_list(&self.event_types, "event_types")
    }
}
