//! Plans as text, to print and to replay them.

use std::fmt;
use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

use crate::{
    Direction, Fault, FloodEvent, FramePart, Inserted, OtherStream, Plan, PlannedFault,
    SegmentPart, Trigger, WrongLength,
};

/// The text is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPlan(String);

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid fault {:?}; expected for example \"responses@f3 stall 20ms\"", self.0)
    }
}

impl std::error::Error for InvalidPlan {}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return f.write_str("none");
        }
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = InvalidPlan;

    fn from_str(text: &str) -> Result<Self, InvalidPlan> {
        if text.trim() == "none" {
            return Ok(Self::default());
        }
        Ok(Self { faults: text.split(';').map(str::parse).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Requests => "requests",
            Direction::Responses => "responses",
        };
        write!(f, "{direction}@{} {}", self.trigger, self.fault)
    }
}

impl FromStr for PlannedFault {
    type Err = InvalidPlan;

    fn from_str(text: &str) -> Result<Self, InvalidPlan> {
        parse_fault(&mut text.split_whitespace()).ok_or_else(|| InvalidPlan(text.trim().to_owned()))
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(byte) => write!(f, "b{byte}"),
            Self::Frame(frame) => write!(f, "f{frame}"),
            Self::Time(time) => write!(f, "t{}ms", time.as_millis()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(latency) => write!(f, "latency {}ms", latency.as_millis()),
            Self::Trickle { piece, pause, bytes } => {
                write!(f, "trickle {piece} {}ms {bytes}", pause.as_millis())
            }
            Self::Stall(Some(duration)) => write!(f, "stall {}ms", duration.as_millis()),
            Self::Stall(None) => f.write_str("stall forever"),
            Self::Close => f.write_str("close"),
            Self::HalfClose => f.write_str("half-close"),
            Self::Reset => f.write_str("reset"),
            Self::FlipBits(mask) => write!(f, "flip {mask}"),
            Self::Drop { frames } => write!(f, "drop {frames}"),
            Self::Duplicate => f.write_str("duplicate"),
            Self::Repeat { after } => write!(f, "repeat {after}"),
            Self::Reorder { within } => write!(f, "reorder {}ms", within.as_millis()),
            Self::Late(delay) => write!(f, "late {}ms", delay.as_millis()),
            Self::Misdirect(stream) => write!(f, "misdirect {}", word(stream, STREAMS)),
            Self::Length(length) => match length {
                WrongLength::Shorter(bytes) => write!(f, "shorter {bytes}"),
                WrongLength::Longer(bytes) => write!(f, "longer {bytes}"),
                WrongLength::Negative => f.write_str("negative-length"),
                WrongLength::Huge => f.write_str("huge-length"),
            },
            Self::CorruptFrame { part, offset, mask } => {
                write!(f, "corrupt {} {offset} {mask}", word(part, FRAME_PARTS))
            }
            Self::CorruptSegment { part, offset, mask } => {
                write!(f, "corrupt {} {offset} {mask}", word(part, SEGMENT_PARTS))
            }
            Self::Events { count, event } => write!(f, "events {count} {}", word(event, EVENTS)),
            Self::Insert { stream, message } => {
                write!(f, "insert {} {}", word(stream, STREAMS), word(message, MESSAGES))
            }
            Self::CompressionFlag => f.write_str("compression-flag"),
        }
    }
}

fn parse_fault(words: &mut SplitWhitespace<'_>) -> Option<PlannedFault> {
    let (direction, trigger) = words.next()?.split_once('@')?;
    let direction = match direction {
        "requests" => Direction::Requests,
        "responses" => Direction::Responses,
        _ => return None,
    };
    let (unit, number) = trigger.split_at_checked(1)?;
    let trigger = match unit {
        "b" => Trigger::Byte(number.parse().ok()?),
        "f" => Trigger::Frame(number.parse().ok()?),
        "t" => Trigger::Time(time(Some(number))?),
        _ => return None,
    };
    let fault = match words.next()? {
        "latency" => Fault::Latency(time(words.next())?),
        "trickle" => Fault::Trickle {
            piece: number_of(words)?,
            pause: time(words.next())?,
            bytes: number_of(words)?,
        },
        "stall" => match words.next()? {
            "forever" => Fault::Stall(None),
            duration => Fault::Stall(Some(time(Some(duration))?)),
        },
        "close" => Fault::Close,
        "half-close" => Fault::HalfClose,
        "reset" => Fault::Reset,
        "flip" => Fault::FlipBits(number_of(words)?),
        "drop" => Fault::Drop { frames: number_of(words)? },
        "duplicate" => Fault::Duplicate,
        "repeat" => Fault::Repeat { after: number_of(words)? },
        "reorder" => Fault::Reorder { within: time(words.next())? },
        "late" => Fault::Late(time(words.next())?),
        "misdirect" => Fault::Misdirect(value(words.next()?, STREAMS)?),
        "shorter" => Fault::Length(WrongLength::Shorter(number_of(words)?)),
        "longer" => Fault::Length(WrongLength::Longer(number_of(words)?)),
        "negative-length" => Fault::Length(WrongLength::Negative),
        "huge-length" => Fault::Length(WrongLength::Huge),
        "corrupt" => {
            let part = words.next()?;
            let (offset, mask) = (number_of(words)?, number_of(words)?);
            match value(part, FRAME_PARTS) {
                Some(part) => Fault::CorruptFrame { part, offset, mask },
                None => Fault::CorruptSegment { part: value(part, SEGMENT_PARTS)?, offset, mask },
            }
        }
        "events" => {
            Fault::Events { count: number_of(words)?, event: value(words.next()?, EVENTS)? }
        }
        "insert" => Fault::Insert {
            stream: value(words.next()?, STREAMS)?,
            message: value(words.next()?, MESSAGES)?,
        },
        "compression-flag" => Fault::CompressionFlag,
        _ => return None,
    };
    words.next().is_none().then_some(PlannedFault { direction, trigger, fault })
}

const STREAMS: &[(OtherStream, &str)] = &[
    (OtherStream::Free, "free"),
    (OtherStream::InUse, "in-use"),
    (OtherStream::Zero, "zero"),
    (OtherStream::Event, "event"),
];

const FRAME_PARTS: &[(FramePart, &str)] =
    &[(FramePart::Header, "header"), (FramePart::Body, "body")];

const SEGMENT_PARTS: &[(SegmentPart, &str)] = &[
    (SegmentPart::Header, "segment-header"),
    (SegmentPart::Payload, "segment-payload"),
    (SegmentPart::Checksum, "segment-checksum"),
];

const EVENTS: &[(FloodEvent, &str)] = &[
    (FloodEvent::Up, "up"),
    (FloodEvent::Down, "down"),
    (FloodEvent::NewNode, "new-node"),
    (FloodEvent::RemovedNode, "removed-node"),
    (FloodEvent::Keyspace, "keyspace"),
    (FloodEvent::Unknown, "unknown"),
];

const MESSAGES: &[(Inserted, &str)] = &[
    (Inserted::Ready, "ready"),
    (Inserted::Void, "void"),
    (Inserted::ServerError, "server-error"),
    (Inserted::Overloaded, "overloaded"),
];

fn word<T: PartialEq>(value: &T, words: &[(T, &'static str)]) -> &'static str {
    words.iter().find(|(other, _)| other == value).map_or("", |(_, word)| word)
}

fn value<T: Copy>(word: &str, words: &[(T, &'static str)]) -> Option<T> {
    words.iter().find(|(_, other)| *other == word).map(|(value, _)| *value)
}

fn number_of<T: FromStr>(words: &mut SplitWhitespace<'_>) -> Option<T> {
    words.next()?.parse().ok()
}

fn time(word: Option<&str>) -> Option<Duration> {
    word?.strip_suffix("ms")?.parse().ok().map(Duration::from_millis)
}
