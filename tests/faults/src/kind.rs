//! The kinds of faults, and how often each was applied.

use std::fmt;
use std::ops::AddAssign;

macro_rules! fault_kinds {
    ($($variant:ident = $name:literal,)*) => {
        /// The kind of a fault, for weights and counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the faults document them")]
        pub enum FaultKind {
            $($variant,)*
        }

        impl FaultKind {
            /// All kinds, in the order in which tables list them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name of the kind.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

fault_kinds! {
    Latency = "latency",
    Trickle = "trickle",
    Stall = "stall",
    StallForever = "stall for ever",
    Close = "close",
    HalfClose = "half-close",
    Reset = "reset",
    FlipBits = "flip bits",
    Drop = "drop",
    Duplicate = "duplicate",
    Repeat = "repeat",
    Reorder = "reorder",
    Late = "late",
    MisdirectFree = "misdirect to a free stream",
    MisdirectInUse = "misdirect to a stream in use",
    TooShort = "length too short",
    TooLong = "length too long",
    AbsurdLength = "length negative or huge",
    CorruptHeader = "corrupt frame header",
    CorruptBody = "corrupt frame body",
    CorruptSegmentHeader = "corrupt segment header",
    CorruptSegmentPayload = "corrupt segment payload",
    CorruptSegmentChecksum = "corrupt segment checksum",
    Events = "events",
    InsertFree = "insert on a free stream",
    InsertInUse = "insert on a stream in use",
    CompressionFlag = "compression flag",
}

impl FaultKind {
    /// The number of kinds.
    pub const COUNT: usize = Self::ALL.len();
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Number of faults that were applied, by kind.
///
/// `Display` writes a table with one line for each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCounts {
    counts: [u64; FaultKind::COUNT],
}

impl FaultCounts {
    /// Counts one more fault.
    pub fn add(&mut self, kind: FaultKind) {
        self.counts[kind as usize] += 1;
    }

    /// Returns the number of faults of this kind.
    pub const fn get(&self, kind: FaultKind) -> u64 {
        self.counts[kind as usize]
    }

    /// Returns true if there was a fault after which an answer can be malformed, although the client
    /// notices the fault.
    pub fn breaks_answers(&self) -> bool {
        let kinds = [
            FaultKind::TooShort,
            FaultKind::TooLong,
            FaultKind::AbsurdLength,
            FaultKind::CompressionFlag,
        ];
        kinds.into_iter().any(|kind| self.get(kind) > 0)
    }

    /// Returns the number of faults of all kinds.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Default for FaultCounts {
    fn default() -> Self {
        Self { counts: [0; FaultKind::COUNT] }
    }
}

impl AddAssign<&Self> for FaultCounts {
    fn add_assign(&mut self, other: &Self) {
        for (count, other) in self.counts.iter_mut().zip(other.counts) {
            *count += other;
        }
    }
}

impl fmt::Display for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &kind in FaultKind::ALL {
            writeln!(f, "{kind:<30} {:>10}", self.get(kind))?;
        }
        Ok(())
    }
}
