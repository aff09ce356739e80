//! Random plans.

use std::time::Duration;

use cqlwire::wire::Version;
use rand::{Rng, RngExt};

use crate::{
    Direction, Fault, FaultKind, FloodEvent, FramePart, Framing, Honesty, Inserted, OtherStream,
    Plan, PlannedFault, SegmentPart, Trigger, WrongLength,
};

/// A number of bytes that is longer than the handshake in either direction.
const HANDSHAKE: u64 = 1_024;

/// The faults that random plans may have, and how often.
#[derive(Debug, Clone)]
pub struct Profile {
    framing: Framing,
    lies_to_client: bool,
    lies_to_server: bool,
    /// The weights of the faults of requests, and of those of responses.
    weights: [[u32; FaultKind::COUNT]; 2],
    /// Share of connections without faults. Default: 0.3.
    pub fault_free: f64,
    /// The highest number of faults of one connection. Default: 4.
    pub max_faults: u32,
    /// The latest time of a trigger after the connection was opened. Default: 2 seconds.
    pub time: Duration,
    /// The longest delay of bytes and frames. Default: 1 second.
    pub delay: Duration,
}

impl Profile {
    /// Creates a profile for connections of this version without TLS. It has all faults but lies.
    pub fn new(version: Version) -> Self {
        match version {
            Version::V5 => Self::with_framing(Framing::Segments),
            _ => Self::with_framing(Framing::Frames),
        }
    }

    /// Creates a profile for connections with TLS, which have faults of bytes only.
    pub fn encrypted() -> Self {
        Self::with_framing(Framing::Encrypted)
    }

    fn with_framing(framing: Framing) -> Self {
        Self {
            framing,
            lies_to_client: false,
            lies_to_server: false,
            weights: [[1; FaultKind::COUNT]; 2],
            fault_free: 0.3,
            max_faults: 4,
            time: Duration::from_secs(2),
            delay: Duration::from_secs(1),
        }
    }

    /// Allows lies to the client. Default: none.
    #[must_use]
    pub const fn lies_to_client(mut self, allowed: bool) -> Self {
        self.lies_to_client = allowed;
        self
    }

    /// Allows lies to the server. Default: none.
    #[must_use]
    pub const fn lies_to_server(mut self, allowed: bool) -> Self {
        self.lies_to_server = allowed;
        self
    }

    /// Sets how often faults of this kind happen, relative to other faults. 0: never. Default: 1.
    #[must_use]
    pub const fn weight(self, kind: FaultKind, weight: u32) -> Self {
        let profile = self.weight_in(Direction::Requests, kind, weight);
        profile.weight_in(Direction::Responses, kind, weight)
    }

    /// Sets how often faults of this kind happen in one direction, as [`Self::weight`] does for both.
    #[must_use]
    pub const fn weight_in(mut self, direction: Direction, kind: FaultKind, weight: u32) -> Self {
        self.weights[direction as usize][kind as usize] = weight;
        self
    }

    /// Returns the weight of a kind of fault in this direction. Returns 0 if it is impossible or not
    /// allowed.
    fn weight_of(&self, direction: Direction, fault: &Fault) -> u32 {
        let is_possible = match fault {
            Fault::CorruptSegment { .. } => self.framing == Framing::Segments,
            Fault::Misdirect(_) | Fault::Events { .. } | Fault::Insert { .. } => {
                direction == Direction::Responses && self.framing != Framing::Encrypted
            }
            _ => !fault.changes_frames() || self.framing != Framing::Encrypted,
        };
        let lies = match direction {
            Direction::Requests => self.lies_to_server,
            Direction::Responses => self.lies_to_client,
        };
        let is_allowed = lies || fault.honesty(direction, self.framing) != Honesty::Lying;
        match is_possible && is_allowed {
            true => self.weights[direction as usize][fault.kind() as usize],
            false => 0,
        }
    }
}

impl Plan {
    /// Creates a random plan. The same state of `random` and the same profile give the same plan.
    pub fn random(random: &mut impl Rng, profile: &Profile) -> Self {
        if random.random_bool(profile.fault_free) || profile.max_faults == 0 {
            return Self::default();
        }
        let count = random.random_range(1..=profile.max_faults);
        let faults = (0..count).filter_map(|_| PlannedFault::random(random, profile));
        Self { faults: faults.collect() }
    }
}

impl PlannedFault {
    /// Returns a random fault, or `None` if the profile allows none.
    fn random(random: &mut impl Rng, profile: &Profile) -> Option<Self> {
        // One candidate of each kind and direction; the weights choose between them.
        let mut candidates = Vec::new();
        for &kind in FaultKind::ALL {
            for direction in [Direction::Requests, Direction::Responses] {
                let fault = Fault::random(kind, random, profile);
                let weight = profile.weight_of(direction, &fault);
                candidates.push((direction, fault, weight));
            }
        }
        let total: u32 = candidates.iter().map(|(_, _, weight)| weight).sum();
        if total == 0 {
            return None;
        }
        let mut chosen = random.random_range(0..total);
        let (direction, fault, _) = candidates.into_iter().find(|(_, _, weight)| {
            let is_chosen = chosen < *weight;
            chosen = chosen.saturating_sub(*weight);
            is_chosen
        })?;
        let trigger = random_trigger(&fault, random, profile);
        Some(Self { direction, trigger, fault })
    }
}

fn random_trigger(fault: &Fault, random: &mut impl Rng, profile: &Profile) -> Trigger {
    let time = Trigger::Time(delay(random, profile.time));
    let frame = Trigger::Frame(spread(random, 300));
    let byte = spread(random, 60_000);
    match fault {
        // Bytes of the handshake have no checksums: there, the fault would be a lie.
        Fault::FlipBits(_) if profile.framing == Framing::Segments => {
            Trigger::Byte(byte + HANDSHAKE)
        }
        Fault::FlipBits(_) => Trigger::Byte(byte),
        _ if profile.framing == Framing::Encrypted => match random.random_range(0..3) {
            0 => time,
            _ => Trigger::Byte(byte),
        },
        _ if fault.changes_frames() => match random.random_range(0..4) {
            0 => time,
            _ => frame,
        },
        _ => match random.random_range(0..3) {
            0 => time,
            1 => frame,
            _ => Trigger::Byte(byte),
        },
    }
}

impl Fault {
    fn random(kind: FaultKind, random: &mut impl Rng, profile: &Profile) -> Self {
        let wait = delay(random, profile.delay);
        let mask = 1_u8 << random.random_range(0..8);
        let offset = random.random_range(0..100);
        let number = u32::try_from(spread(random, 30)).unwrap_or(1) + 1;
        let in_header = random.random_range(0..9);
        match kind {
            FaultKind::Latency => Self::Latency(delay(random, profile.delay / 10)),
            FaultKind::Trickle => {
                let pause = Duration::from_millis(random.random_range(1..=5));
                let pieces = random.random_range(1..=profile.delay.as_millis().max(5) / 5);
                let bytes = number.saturating_mul(u32::try_from(pieces).unwrap_or(u32::MAX));
                Self::Trickle { piece: number, pause, bytes }
            }
            FaultKind::Stall => Self::Stall(Some(wait)),
            FaultKind::StallForever => Self::Stall(None),
            FaultKind::Close => Self::Close,
            FaultKind::HalfClose => Self::HalfClose,
            FaultKind::Reset => Self::Reset,
            FaultKind::FlipBits => Self::FlipBits(mask),
            FaultKind::Drop => Self::Drop { frames: number },
            FaultKind::Duplicate => Self::Duplicate,
            FaultKind::Repeat => Self::Repeat { after: number * random.random_range(1..=10) },
            FaultKind::Reorder => Self::Reorder { within: wait },
            FaultKind::Late => Self::Late(wait),
            FaultKind::MisdirectFree => Self::Misdirect(free_stream(random)),
            FaultKind::MisdirectInUse => Self::Misdirect(OtherStream::InUse),
            FaultKind::TooShort => Self::Length(WrongLength::Shorter(number)),
            FaultKind::TooLong => Self::Length(WrongLength::Longer(number)),
            FaultKind::AbsurdLength => Self::Length(match random.random_range(0..2) {
                0 => WrongLength::Negative,
                _ => WrongLength::Huge,
            }),
            FaultKind::CorruptHeader => {
                Self::CorruptFrame { part: FramePart::Header, offset: in_header, mask }
            }
            FaultKind::CorruptBody => Self::CorruptFrame { part: FramePart::Body, offset, mask },
            FaultKind::CorruptSegmentHeader => {
                Self::CorruptSegment { part: SegmentPart::Header, offset, mask }
            }
            FaultKind::CorruptSegmentPayload => {
                Self::CorruptSegment { part: SegmentPart::Payload, offset, mask }
            }
            FaultKind::CorruptSegmentChecksum => {
                Self::CorruptSegment { part: SegmentPart::Checksum, offset, mask }
            }
            FaultKind::Events => Self::Events {
                count: number * random.random_range(1..=30),
                event: match random.random_range(0..6) {
                    0 => FloodEvent::Up,
                    1 => FloodEvent::Down,
                    2 => FloodEvent::NewNode,
                    3 => FloodEvent::RemovedNode,
                    4 => FloodEvent::Keyspace,
                    _ => FloodEvent::Unknown,
                },
            },
            FaultKind::InsertFree => {
                Self::Insert { stream: free_stream(random), message: message(random) }
            }
            FaultKind::InsertInUse => {
                Self::Insert { stream: OtherStream::InUse, message: message(random) }
            }
            FaultKind::CompressionFlag => Self::CompressionFlag,
        }
    }
}

fn free_stream(random: &mut impl Rng) -> OtherStream {
    match random.random_range(0..4) {
        0 => OtherStream::Zero,
        1 => OtherStream::Event,
        _ => OtherStream::Free,
    }
}

fn message(random: &mut impl Rng) -> Inserted {
    match random.random_range(0..4) {
        0 => Inserted::Ready,
        1 => Inserted::Void,
        2 => Inserted::ServerError,
        _ => Inserted::Overloaded,
    }
}

/// Returns a number up to `max`. Small numbers are as likely as large ones.
fn spread(random: &mut impl Rng, max: u64) -> u64 {
    let bits = random.random_range(0..=max.max(1).ilog2());
    let low = (1_u64 << bits) - 1;
    random.random_range(low..=(low * 2).clamp(low, max.max(low)))
}

/// Returns a duration of whole milliseconds up to `max`.
fn delay(random: &mut impl Rng, max: Duration) -> Duration {
    Duration::from_millis(spread(random, u64::try_from(max.as_millis()).unwrap_or(u64::MAX)))
}
