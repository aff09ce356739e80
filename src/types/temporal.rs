//! Days, times, instants and durations, exactly as wide as CQL's.

use std::fmt;

const DAY_MILLIS: i64 = 86_400_000;
const NANOS: i64 = 1_000_000_000;

/// A day: a count of days, 1970-01-01 being 0; some 5.8 million years to both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Date(pub i32);

/// A time of day in nanoseconds since midnight, 0 to 86,399,999,999,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// The last nanosecond of a day.
    pub const MAX: Self = Self(86_399_999_999_999);

    /// Whether this is a time of day.
    pub const fn is_valid(self) -> bool {
        0 <= self.0 && self.0 <= Self::MAX.0
    }
}

/// An instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// A duration, whose months, days and nanoseconds do not convert into each other.
///
/// All three have one sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Duration {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Nanoseconds.
    pub nanoseconds: i64,
}

impl Duration {
    /// Whether all parts have one sign.
    pub const fn is_valid(self) -> bool {
        (self.months >= 0 && self.days >= 0 && self.nanoseconds >= 0)
            || (self.months <= 0 && self.days <= 0 && self.nanoseconds <= 0)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.into());
        match year {
            0..=9_999 => write!(f, "{year:04}-{month:02}-{day:02}"),
            _ => write!(f, "{year}-{month:02}-{day:02}"),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(NANOS);
        let [hours, minutes, seconds] = [seconds / 3_600, seconds / 60 % 60, seconds % 60];
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{:09}", self.0.rem_euclid(NANOS))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(DAY_MILLIS));
        let millis = self.0.rem_euclid(DAY_MILLIS);
        let seconds = millis / 1_000;
        let [hours, minutes, seconds] = [seconds / 3_600, seconds / 60 % 60, seconds % 60];
        write!(f, "{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}")?;
        write!(f, ".{:03}+0000", millis % 1_000)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.months < 0 || self.days < 0 || self.nanoseconds < 0 {
            f.write_str("-")?;
        }
        let [months, days] = [self.months, self.days].map(i32::unsigned_abs);
        let nanoseconds = self.nanoseconds.unsigned_abs();
        let seconds = nanoseconds / 1_000_000_000;
        let parts = [
            (u64::from(months / 12), "y"),
            (u64::from(months % 12), "mo"),
            (u64::from(days), "d"),
            (seconds / 3_600, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (nanoseconds / 1_000_000 % 1_000, "ms"),
            (nanoseconds / 1_000 % 1_000, "us"),
            (nanoseconds % 1_000, "ns"),
        ];
        parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}

/// Year, month and day of a count of days since 1970-01-01, in the proleptic Gregorian calendar.
///
/// Counted from 1 March of year 0, so that the leap day is the last of its year and 400 years are
/// one era of 146,097 days.
#[expect(clippy::arithmetic_side_effects, reason = "an i64 of milliseconds is under 2^37 days")]
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants_print_as_the_calendar_has_them() {
        assert_eq!(Date(0).to_string(), "1970-01-01");
        assert_eq!(Date(-1).to_string(), "1969-12-31");
        assert_eq!(Date(19_782).to_string(), "2024-02-29");
        assert_eq!(Date(i32::MIN).to_string(), "-5877641-06-23");
        assert_eq!(Date(i32::MAX).to_string(), "5881580-07-11");
        assert_eq!(Timestamp(1_336_999_998_001).to_string(), "2012-05-14 12:53:18.001+0000");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31 23:59:59.999+0000");
        assert_eq!(Time::MAX.to_string(), "23:59:59.999999999");
    }

    #[test]
    fn durations_print_their_parts_and_one_sign() {
        let duration = Duration { months: 14, days: 3, nanoseconds: 3_600_000_000_002 };
        assert_eq!(duration.to_string(), "1y2mo3d1h2ns");
        assert_eq!(Duration { months: -1, ..Duration::default() }.to_string(), "-1mo");
        assert_eq!(Duration::default().to_string(), "");
        assert!(!Duration { months: 1, days: -1, nanoseconds: 0 }.is_valid());
    }
}
