//! Combines the segments and frames of a line into one object.

use serde_json::{Map, Value};

use super::arguments::{DecodeArgs, Framing};
use super::fields::hex;
use super::input_error::InputError;
use super::stream::{DecodedSegment, FrameResult, StreamItem};

/// The segments and frames of a line.
#[derive(Debug, Default)]
pub(super) struct Group {
    segments: Vec<Value>,
    envelopes: Vec<Value>,
    /// The first error.
    error: Option<InputError>,
    reencoded: Vec<u8>,
}

impl Group {
    /// Adds the next item of the line.
    pub(super) fn add(&mut self, item: StreamItem) {
        match item {
            StreamItem::Frame(envelope) => {
                if let Ok(decoded) = &envelope {
                    self.reencoded.extend_from_slice(decoded.reencoded());
                }
                self.add_envelope(envelope);
            }
            StreamItem::Segment(DecodedSegment { value, envelopes, reencoded }) => {
                self.segments.push(value);
                self.reencoded.extend(reencoded);
                envelopes.into_iter().for_each(|envelope| self.add_envelope(envelope));
            }
            StreamItem::Failed(error) => {
                self.error.get_or_insert(error);
            }
        }
    }

    fn add_envelope(&mut self, envelope: FrameResult) {
        self.envelopes.push(match envelope {
            Ok(decoded) => decoded.value,
            Err(error) => {
                self.error.get_or_insert(error.in_envelope(self.envelopes.len()));
                error.to_json()
            }
        });
    }

    /// Returns the number of frames.
    pub(super) const fn len(&self) -> usize {
        self.envelopes.len()
    }

    /// Returns the object of the line. Its `ok` is true if every frame was decoded.
    pub(super) fn into_json(self, arguments: &DecodeArgs) -> Value {
        let is_ok = self.error.is_none();
        let mut value = match self.error.as_ref().map(InputError::to_json) {
            Some(Value::Object(error)) => error,
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
