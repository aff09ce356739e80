//! Dates, times, timestamps and durations with the full range of their CQL types.

use std::time::{SystemTime, UNIX_EPOCH};

use super::ValueError;

const DAY_MILLIS: i64 = 86_400_000;
const NANOS: i64 = 1_000_000_000;
const MILLI_NANOS: i64 = 1_000_000;

/// A calendar date: the number of days since 1970-01-01. The value of a CQL `date`.
///
/// Its text is `2024-02-29`, in the proleptic Gregorian calendar. A date also parses from the
/// number that represents it on the wire, where 2^31 is 1970-01-01.
///
/// ```
/// use cqlwire::types::Date;
///
/// let date = Date::from_ymd(2024, 2, 29).unwrap();
/// assert_eq!(date, Date(19_782));
/// assert_eq!(date.ymd(), (2024, 2, 29));
/// assert_eq!("2024-02-29".parse(), Ok(date));
/// assert_eq!("2147483648".parse(), Ok(Date(0)));
/// assert_eq!(Date::from_ymd(2023, 2, 29), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Date(pub i32);

impl Date {
    /// The earliest date, -5877641-06-23.
    pub const MIN: Self = Self(i32::MIN);
    /// The latest date, 5881580-07-11.
    pub const MAX: Self = Self(i32::MAX);

    /// Returns the date of a year, a month (1 to 12) and a day of the month (from 1). Year 0 is the
    /// year before year 1. Returns `None` if the date does not exist or is outside the range of
    /// [`Date`].
    pub fn from_ymd(year: i32, month: u8, day: u8) -> Option<Self> {
        let days = days_of(year.into(), month, day)?;
        i32::try_from(days).ok().map(Self)
    }

    /// Returns the year, the month (1 to 12) and the day of the month (from 1).
    pub fn ymd(self) -> (i32, u8, u8) {
        let (year, month, day) = civil(self.0.into());
        // A number of days that fits into an `i32` always gives a year that fits into an `i32`.
        (i32::try_from(year).unwrap_or_default(), month, day)
    }
}

/// A time of day in nanoseconds since midnight, 0 to 86,399,999,999,999. The value of a CQL `time`.
///
/// Its text is `13:05:59.25`, with up to nine digits after the point. A time also parses from its
/// number of nanoseconds.
///
/// ```
/// use cqlwire::types::Time;
///
/// let time = Time::from_hms_nano(13, 5, 59, 250_000_000).unwrap();
/// assert_eq!(time.hms_nano(), (13, 5, 59, 250_000_000));
/// assert_eq!("13:05:59.25".parse(), Ok(time));
/// assert_eq!(Time::from_hms_nano(24, 0, 0, 0), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// The last nanosecond of a day.
    pub const MAX: Self = Self(86_399_999_999_999);

    /// Returns true if the number of nanoseconds is within a day.
    pub const fn is_valid(self) -> bool {
        0 <= self.0 && self.0 <= Self::MAX.0
    }

    /// Returns the time with this hour (0 to 23), minute, second and nanosecond, or `None` if one
    /// of them is out of range.
    pub fn from_hms_nano(hour: u8, minute: u8, second: u8, nanosecond: u32) -> Option<Self> {
        let seconds = [hour, minute, second].into_iter().map(i64::from);
        let seconds = seconds.fold(0_i64, |sum, part| sum.saturating_mul(60).saturating_add(part));
        let is_time = hour < 24 && minute < 60 && second < 60 && i64::from(nanosecond) < NANOS;
        is_time.then(|| Self(seconds.saturating_mul(NANOS).saturating_add(nanosecond.into())))
    }

    /// Returns the hour, minute, second and nanosecond. If the time is not [valid](Self::is_valid),
    /// each number is within its range, but meaningless.
    pub fn hms_nano(self) -> (u8, u8, u8, u32) {
        let [hour, minute, second, nano] = [
            (self.0 / 3_600_000_000_000).rem_euclid(24),
            (self.0 / 60_000_000_000).rem_euclid(60),
            (self.0 / NANOS).rem_euclid(60),
            self.0.rem_euclid(NANOS),
        ];
        let byte = |part| u8::try_from(part).unwrap_or_default();
        (byte(hour), byte(minute), byte(second), u32::try_from(nano).unwrap_or_default())
    }
}

/// An instant in milliseconds since 1970-01-01T00:00:00Z. The value of a CQL `timestamp`.
///
/// Its text is a date, optionally followed by a space or a `T` and a time, such as
/// `2024-02-29 13:05:59.250`. Seconds and their fraction are optional. A time zone may follow: `Z`,
/// `+01`, `+0100` or `+01:00`; the default is UTC. A timestamp also parses from its number of
/// milliseconds.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use cqlwire::types::{Date, Time, Timestamp};
///
/// let instant: Timestamp = "2024-02-29T14:05+01:00".parse()?;
/// assert_eq!(instant.to_string(), "2024-02-29 13:05:00.000+0000");
/// assert_eq!("1709211900000".parse(), Ok(instant));
/// assert_eq!(instant.date(), Date::from_ymd(2024, 2, 29));
/// assert_eq!(Some(instant.time()), Time::from_hms_nano(13, 5, 0, 0));
///
/// let system = UNIX_EPOCH + Duration::from_millis(1_709_211_900_000);
/// assert_eq!(Timestamp::try_from(system), Ok(instant));
/// # Ok::<(), cqlwire::types::CqlTextError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the instant of a date and a time in UTC, rounded down to the millisecond. Returns
    /// `None` if the time is not [valid](Time::is_valid).
    pub fn from_date_time(date: Date, time: Time) -> Option<Self> {
        let days = i64::from(date.0).saturating_mul(DAY_MILLIS);
        time.is_valid().then(|| Self(days.saturating_add(time.0 / MILLI_NANOS)))
    }

    /// Returns the date in UTC, or `None` if it is outside the range of [`Date`].
    pub fn date(self) -> Option<Date> {
        i32::try_from(self.days()).ok().map(Date)
    }

    /// Returns the time of day in UTC.
    pub fn time(self) -> Time {
        Time(self.0.rem_euclid(DAY_MILLIS).saturating_mul(MILLI_NANOS))
    }

    /// Returns the number of days since 1970-01-01, rounded down.
    pub(super) fn days(self) -> i64 {
        self.0.div_euclid(DAY_MILLIS)
    }
}

/// Rounds down to the millisecond. Returns [`ValueError::OutOfRange`] if the number of milliseconds
/// does not fit into 64 bits.
impl TryFrom<SystemTime> for Timestamp {
    type Error = ValueError;

    fn try_from(instant: SystemTime) -> Result<Self, ValueError> {
        let millis = match instant.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).ok(),
            Err(before) => {
                let nanos = before.duration().as_nanos();
                let millis = nanos.div_ceil(MILLI_NANOS.unsigned_abs().into());
                i128::try_from(millis)
                    .ok()
                    .and_then(|millis| i64::try_from(millis.wrapping_neg()).ok())
            }
        };
        millis.map(Self).ok_or(ValueError::OutOfRange)
    }
}

/// Returns [`ValueError::TooLarge`] if the instant is outside the range of [`SystemTime`], which
/// depends on the platform.
impl TryFrom<Timestamp> for SystemTime {
    type Error = ValueError;

    fn try_from(instant: Timestamp) -> Result<Self, ValueError> {
        let distance = std::time::Duration::from_millis(instant.0.unsigned_abs());
        let system = match instant.0 < 0 {
            true => UNIX_EPOCH.checked_sub(distance),
            false => UNIX_EPOCH.checked_add(distance),
        };
        system.ok_or(ValueError::TooLarge("SystemTime"))
    }
}

/// A duration of months, days and nanoseconds, which do not convert into each other. The value of a
/// CQL `duration`. No part is negative while another part is positive.
///
/// Its text is a sequence of numbers with units, from the largest unit to the smallest, such as
/// `1y2mo3w4d5h6m7s8ms9us10ns`. A duration also parses from ISO 8601: `P1Y2M4DT5H6M7S`, `P3W` or
/// `P0001-02-04T05:06:07`. A leading minus sign applies to all parts. Text is case-insensitive.
///
/// ```
/// use cqlwire::types::Duration;
///
/// let duration = Duration::new(14, 3, 500_000_000).unwrap();
/// assert_eq!(duration.to_string(), "1y2mo3d500ms");
/// assert_eq!("1Y2MO3D500MS".parse(), Ok(duration));
/// assert_eq!("-P1W".parse(), Ok(Duration::new(0, -7, 0).unwrap()));
/// assert_eq!(Duration::new(1, -1, 0), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Duration {
    /// Number of months.
    pub months: i32,
    /// Number of days.
    pub days: i32,
    /// Number of nanoseconds.
    pub nanoseconds: i64,
}

impl Duration {
    /// Returns a duration, or `None` if one part is negative and another positive.
    pub fn new(months: i32, days: i32, nanoseconds: i64) -> Option<Self> {
        let duration = Self { months, days, nanoseconds };
        duration.is_valid().then_some(duration)
    }

    /// Returns true unless one part is negative and another positive.
    pub const fn is_valid(self) -> bool {
        (self.months >= 0 && self.days >= 0 && self.nanoseconds >= 0)
            || (self.months <= 0 && self.days <= 0 && self.nanoseconds <= 0)
    }

    /// Returns true if a part is negative.
    pub const fn is_negative(self) -> bool {
        self.months < 0 || self.days < 0 || self.nanoseconds < 0
    }
}

/// Converts to a duration of nanoseconds. Returns [`ValueError::TooLarge`] if their number does not
/// fit into an `i64`.
impl TryFrom<std::time::Duration> for Duration {
    type Error = ValueError;

    fn try_from(duration: std::time::Duration) -> Result<Self, ValueError> {
        let nanoseconds = i64::try_from(duration.as_nanos());
        let nanoseconds = nanoseconds.map_err(|_| ValueError::TooLarge("Duration"))?;
        Ok(Self { nanoseconds, ..Self::default() })
    }
}

/// Returns [`ValueError::OutOfRange`] if the duration is negative, or if it has months or days,
/// which have no fixed length.
impl TryFrom<Duration> for std::time::Duration {
    type Error = ValueError;

    fn try_from(duration: Duration) -> Result<Self, ValueError> {
        match (duration, u64::try_from(duration.nanoseconds)) {
            (Duration { months: 0, days: 0, .. }, Ok(nanoseconds)) => {
                Ok(Self::from_nanos(nanoseconds))
            }
            _ => Err(ValueError::OutOfRange),
        }
    }
}

/// Returns the year, month and day of the month of the date that is `days` days after 1970-01-01,
/// in the proleptic Gregorian calendar.
///
/// The computation counts days from 1 March of year 0, in years that begin in March and end with
/// the leap day. An era of 400 years has 146,097 days.
#[expect(clippy::arithmetic_side_effects, reason = "an i64 of milliseconds is under 2^37 days")]
pub(super) fn civil(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let byte = |part| u8::try_from(part).unwrap_or_default();
    (year_of_era + era * 400 + i64::from(month <= 2), byte(month), byte(day))
}

/// Returns the number of days from 1970-01-01 to a date, or `None` if the date does not exist.
/// `year` must fit into an `i32`.
#[expect(clippy::arithmetic_side_effects, reason = "2^32 years are under 2^41 days")]
pub(super) fn days_of(year: i64, month: u8, day: u8) -> Option<i64> {
    let year = year - i64::from(month <= 2);
    let month_from_march = (i64::from(month) + 9) % 12;
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = year.div_euclid(400) * 146_097 + day_of_era - 719_468;
    let exists = civil(days) == (year + i64::from(month <= 2), month, day);
    exists.then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_an_era_converts_to_its_parts_and_back() {
        let days =
            (-146_097..=146_097).chain(i32::MIN..i32::MIN + 400).chain(i32::MAX - 400..i32::MAX);
        for day in days.map(Date).chain([Date::MAX]) {
            let (year, month, of_month) = day.ymd();
            assert_eq!(Date::from_ymd(year, month, of_month), Some(day));
        }
        for (year, month, day) in [(2023, 2, 29), (1900, 2, 29), (2000, 13, 1), (2000, 0, 1)] {
            assert_eq!(Date::from_ymd(year, month, day), None);
        }
        assert_eq!(Date::from_ymd(2000, 4, 0), None);
        assert_eq!(Date::from_ymd(2000, 4, 31), None);
        assert_eq!(Date::from_ymd(2000, 255, 255), None);
        assert_eq!(Date::from_ymd(i32::MAX, 1, 1), None);
        assert_eq!(Date::from_ymd(i32::MIN, 1, 1), None);
        assert_eq!(Date::from_ymd(5_881_580, 7, 12), None);
    }

    #[test]
    fn timestamps_convert_to_their_parts_and_to_system_time() {
        for millis in [i64::MIN, -1, 0, 1, 1_336_999_998_001, i64::MAX] {
            let instant = Timestamp(millis);
            let (days, time) = (i128::from(instant.days()), i128::from(instant.time().0));
            assert_eq!(days * 86_400_000 + time / 1_000_000, millis.into());
            let system = SystemTime::try_from(instant).unwrap();
            assert_eq!(Timestamp::try_from(system), Ok(instant));
        }
        let instant = Timestamp(-1);
        assert_eq!(instant.date(), Some(Date(-1)));
        assert_eq!(Timestamp::from_date_time(Date(-1), instant.time()), Some(instant));
        assert_eq!(Timestamp(i64::MAX).date(), None);
        let before = UNIX_EPOCH - std::time::Duration::from_nanos(1);
        assert_eq!(Timestamp::try_from(before), Ok(Timestamp(-1)));
    }

    #[test]
    fn times_and_durations_are_bounded() {
        assert_eq!(Time::from_hms_nano(23, 59, 59, 999_999_999), Some(Time::MAX));
        assert_eq!(Time::MAX.hms_nano(), (23, 59, 59, 999_999_999));
        for (hour, minute, second, nano) in
            [(24, 0, 0, 0), (0, 60, 0, 0), (0, 0, 60, 0), (0, 0, 0, 1_000_000_000)]
        {
            assert_eq!(Time::from_hms_nano(hour, minute, second, nano), None);
        }
        assert!(!Duration { months: 1, days: -1, nanoseconds: 0 }.is_valid());
        let hour = std::time::Duration::from_secs(3_600);
        let duration = Duration::try_from(hour).unwrap();
        assert_eq!(std::time::Duration::try_from(duration), Ok(hour));
        assert!(Duration::try_from(std::time::Duration::MAX).is_err());
        for not_exact in [Duration::new(1, 0, 0), Duration::new(0, 1, 0), Duration::new(0, 0, -1)] {
            assert!(std::time::Duration::try_from(not_exact.unwrap()).is_err());
        }
    }
}
