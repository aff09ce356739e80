//! One object for a line with segments, or with more than one frame.

use serde_json::{Map, Value};

use super::arguments::{DecodeArgs, Framing};
use super::fault::Fault;
use super::fields::hex;
use super::stream::{Envelope, Found, Piece};

/// What was found in a line.
#[derive(Debug, Default)]
pub(super) struct Group {
    segments: Vec<Value>,
    envelopes: Vec<Value>,
    /// The first thing that is wrong.
    fault: Option<Fault>,
    reencoded: Vec<u8>,
}

impl Group {
    /// Adds what was found next.
    pub(super) fn add(&mut self, piece: Piece) {
        match piece {
            Piece::Frame(envelope) => {
                if let Ok(decoded) = &envelope {
                    self.reencoded.extend_from_slice(decoded.reencoded());
                }
                self.add_envelope(envelope);
            }
            Piece::Segment(Found { value, envelopes, reencoded }) => {
                self.segments.push(value);
                self.reencoded.extend(reencoded);
                envelopes.into_iter().for_each(|envelope| self.add_envelope(envelope));
            }
            Piece::Broken(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
    }

    fn add_envelope(&mut self, envelope: Envelope) {
        self.envelopes.push(match envelope {
            Ok(decoded) => decoded.value,
            Err(fault) => {
                self.fault.get_or_insert(fault.of_envelope(self.envelopes.len()));
                fault.value()
            }
        });
    }

    /// How many frames there are.
    pub(super) const fn len(&self) -> usize {
        self.envelopes.len()
    }

    /// The object, whose `ok` is that of all.
    pub(super) fn value(self, arguments: &DecodeArgs) -> Value {
        let is_ok = self.fault.is_none();
        let mut value = match self.fault.as_ref().map(Fault::value) {
            Some(Value::Object(fault)) => fault,
            _ => Map::from_iter([("ok".to_owned(), true.into())]),
        };
        if arguments.segments != Framing::Bare {
            value.insert("segments".into(), self.segments.into());
        }
        value.insert("envelopes".into(), self.envelopes.into());
        if arguments.reencode && is_ok {
            value.insert("reencoded".into(), hex(&self.reencoded).into());
        }
        value.into()
    }
}
