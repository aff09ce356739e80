//! The time of an execution, and the UUIDs that it makes.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// The times of one execution, and the source of its UUIDs. The store reads no clock: the caller passes
/// the times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock<'u> {
    /// The time of the server, in microseconds since 1970.
    pub(crate) now: i64,
    /// The time that decides which cells have expired, in seconds since 1970.
    pub(crate) seconds: i64,
    pub(crate) uuids: &'u UuidSource,
}

impl Clock<'_> {
    /// Returns the time in milliseconds since 1970.
    pub(in crate::store) const fn milliseconds(&self) -> i64 {
        self.now.div_euclid(1_000)
    }

    /// Returns a new UUID of version 1 with the time of the execution. If the source has made one with
    /// this time or a later one, the new UUID has the time after it.
    pub(in crate::store) fn timeuuid(&self) -> Uuid {
        let ticks = self.uuids.ticks_from(ticks(self.now));
        from_parts(ticks, 0x8000_0000_0000_0000 | mix(self.uuids.seed) & 0x3fff_ffff_ffff_ffff)
    }

    /// Returns a new UUID of version 4.
    pub(in crate::store) fn uuid(&self) -> Uuid {
        let number = self.uuids.next();
        let (high, low) = (mix(number ^ self.uuids.seed), mix(number.wrapping_add(1 << 63)));
        let bits = u128::from(high) << 64 | u128::from(low ^ self.uuids.seed);
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

/// A source of UUIDs that differ from each other. Sources with the same seed make the same UUIDs at
/// the same times.
#[derive(Debug)]
pub(crate) struct UuidSource {
    seed: u64,
    next: AtomicU64,
    /// The time of the last UUID of version 1, in 100-nanosecond intervals.
    last_ticks: AtomicU64,
}

impl UuidSource {
    /// Returns a source. UUIDs of sources with different seeds differ, too.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(mix(seed)), last_ticks: AtomicU64::new(0) }
    }

    /// Returns the number of the next UUID.
    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns the time of the next UUID of version 1, which is not before `ticks`.
    fn ticks_from(&self, ticks: u64) -> u64 {
        let next = |last: u64| ticks.max(last.saturating_add(1));
        let last = self
            .last_ticks
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        next(last.unwrap_or_default())
    }
}

/// 100-nanosecond intervals between 1582-10-15, the epoch of UUIDs, and 1970.
pub(crate) const UUID_EPOCH: i64 = 0x01b2_1dd2_1381_4000;

/// Returns the time of a UUID of version 1, in 100-nanosecond intervals, from microseconds since 1970.
pub(in crate::store) const fn ticks(microseconds: i64) -> u64 {
    microseconds.saturating_mul(10).saturating_add(UUID_EPOCH).cast_unsigned()
}

/// Returns the time of a UUID of version 1 in milliseconds since 1970.
pub(in crate::store) fn milliseconds_of(uuid: &Uuid) -> i64 {
    let (high, _) = uuid.as_u64_pair();
    let ticks = (high & 0x0fff) << 48 | (high >> 16 & 0xffff) << 32 | high >> 32;
    ticks.cast_signed().wrapping_sub(UUID_EPOCH).div_euclid(10_000)
}

/// Returns the UUID of version 1 with a time in 100-nanosecond intervals, and the given last half.
pub(in crate::store) const fn from_parts(ticks: u64, last_half: u64) -> Uuid {
    let first_half = ticks << 32 | (ticks >> 32 & 0xffff) << 16 | 0x1000 | ticks >> 48 & 0x0fff;
    Uuid::from_u64_pair(first_half, last_half)
}

/// Spreads the bits of a number. Different numbers stay different.
const fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn uuids_differ_and_have_the_time_of_the_execution() {
        let uuids = UuidSource::new(7);
        let clock = Clock { now: 1_700_000_000_123_456, seconds: 0, uuids: &uuids };
        let timeuuid = clock.timeuuid();
        assert_eq!((timeuuid.get_version_num(), clock.uuid().get_version_num()), (1, 4));
        assert_eq!(milliseconds_of(&timeuuid), 1_700_000_000_123);
        let timeuuids: Vec<_> = (0..1_000).map(|_| clock.timeuuid()).collect();
        let ticks = |uuid: &Uuid| uuid.get_timestamp().map(|time| time.to_gregorian().0);
        assert!(timeuuids.is_sorted_by(|uuid, next| ticks(uuid) < ticks(next)));
        let made: HashSet<_> = (0..1_000).map(|_| clock.uuid()).chain(timeuuids).collect();
        assert_eq!(made.len(), 2_000);
    }
}
