//! time 0.3: `Date`, `Time` and `OffsetDateTime`.
//!
//! A `timestamp` has no offset. An `OffsetDateTime` is written as its instant, and read in UTC.

use time::OffsetDateTime;

use super::parts;
use crate::types::{Date, Time, Timestamp, ValueError};

convert_via! {
    ::time::Date as "time::Date", Date, |date| Ok(Date::from(*date));
    ::time::Time as "time::Time", Time, |time| Ok(Time::from(*time));
    OffsetDateTime as "OffsetDateTime", Timestamp, |instant| Ok(Timestamp::from(*instant));
}

/// The Julian day number of 1970-01-01.
const EPOCH: i32 = 2_440_588;

impl From<time::Date> for Date {
    fn from(date: time::Date) -> Self {
        // The subtraction never saturates, because years have at most six digits.
        Self(date.to_julian_day().saturating_sub(EPOCH))
    }
}

impl TryFrom<Date> for time::Date {
    type Error = ValueError;

    fn try_from(Date(days): Date) -> Result<Self, ValueError> {
        days.checked_add(EPOCH)
            .and_then(|day| Self::from_julian_day(day).ok())
            .ok_or(ValueError::TooLarge("time::Date"))
    }
}

impl From<time::Time> for Time {
    fn from(time: time::Time) -> Self {
        let (hour, minute, second, nanosecond) = time.as_hms_nano();
        let [hour, minute, second] = [hour, minute, second].map(u32::from);
        let minutes = hour.saturating_mul(60).saturating_add(minute);
        parts::time(minutes.saturating_mul(60).saturating_add(second), nanosecond)
    }
}

impl TryFrom<Time> for time::Time {
    type Error = ValueError;

    fn try_from(time: Time) -> Result<Self, ValueError> {
        let (second, nanosecond) = parts::from_time(time).ok_or(ValueError::OutOfRange)?;
        let part = |number| u8::try_from(number).map_err(|_| ValueError::OutOfRange);
        let (hour, minute) = (part(second / 3_600)?, part(second / 60 % 60)?);
        Self::from_hms_nano(hour, minute, part(second % 60)?, nanosecond)
            .map_err(|_| ValueError::OutOfRange)
    }
}

/// Rounds down to the millisecond, like `java.time.Instant::toEpochMilli`.
impl From<OffsetDateTime> for Timestamp {
    fn from(instant: OffsetDateTime) -> Self {
        let nanosecond = instant.nanosecond().cast_signed();
        parts::timestamp(instant.unix_timestamp(), nanosecond)
    }
}

impl TryFrom<Timestamp> for OffsetDateTime {
    type Error = ValueError;

    fn try_from(Timestamp(millis): Timestamp) -> Result<Self, ValueError> {
        Self::from_unix_timestamp_nanos(i128::from(millis).saturating_mul(1_000_000))
            .map_err(|_| ValueError::TooLarge("OffsetDateTime"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Duration, Month, UtcOffset};

    use super::super::tests::{assert_same, converted};
    use super::*;
    use crate::types::NativeType;

    fn date(year: i32, month: Month, day: u8) -> time::Date {
        time::Date::from_calendar_date(year, month, day).unwrap()
    }

    #[test]
    fn dates_at_the_ends_of_the_calendar_round_trip() {
        for (theirs, text) in [
            (date(-9_999, Month::January, 1), "-9999-01-01"),
            (date(9_999, Month::December, 31), "9999-12-31"),
            (date(0, Month::February, 29), "0000-02-29"),
            (date(1969, Month::December, 31), "1969-12-31"),
            (date(1970, Month::January, 1), "1970-01-01"),
        ] {
            let ours = Date::from(theirs);
            assert_eq!(ours.to_string(), text);
            assert_same(&theirs, &ours, NativeType::Date);
        }
        for ends in [time::Date::MIN, time::Date::MAX] {
            assert_same(&ends, &Date::from(ends), NativeType::Date);
        }
        for days in [i32::MIN, i32::MAX, Date::from(time::Date::MAX).0 + 1] {
            let read = converted::<_, time::Date>(&Date(days), NativeType::Date);
            assert_eq!(read, Err(ValueError::TooLarge("time::Date")));
        }
    }

    #[test]
    fn times_at_the_ends_of_the_day_round_trip() {
        assert_same(&time::Time::MIDNIGHT, &Time(0), NativeType::Time);
        assert_same(&time::Time::MAX, &Time::MAX, NativeType::Time);
        assert_eq!(time::Time::try_from(Time(-1)), Err(ValueError::OutOfRange));
    }

    #[test]
    fn timestamps_at_the_ends_of_the_calendar_round_trip() {
        let first = time::Date::MIN.midnight().assume_utc();
        assert_same(&first, &Timestamp::from(first), NativeType::Timestamp);
        let last = time::Date::MAX.midnight().assume_utc();
        assert_same(&last, &Timestamp::from(last), NativeType::Timestamp);
        let end = Timestamp(Timestamp::from(last).0 + 86_400_000);
        for millis in [Timestamp(i64::MIN), end, Timestamp(i64::MAX)] {
            let read = converted::<_, OffsetDateTime>(&millis, NativeType::Timestamp);
            assert_eq!(read, Err(ValueError::TooLarge("OffsetDateTime")));
        }
    }

    #[test]
    fn an_instant_does_not_depend_on_its_offset() {
        let utc = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(-1_500);
        let there = utc.to_offset(UtcOffset::from_hms(5, 30, 15).unwrap());
        assert_eq!(Timestamp::from(there), Timestamp(-1_500));
        let read = converted::<_, OffsetDateTime>(&there, NativeType::Timestamp).unwrap();
        assert_eq!((read, read.offset()), (utc, UtcOffset::UTC));
    }

    #[test]
    fn instants_are_rounded_down_to_the_millisecond() {
        let micros = Duration::microseconds(1_500);
        assert_eq!(Timestamp::from(OffsetDateTime::UNIX_EPOCH + micros), Timestamp(1));
        assert_eq!(Timestamp::from(OffsetDateTime::UNIX_EPOCH - micros), Timestamp(-2));
    }

    proptest! {
        #[test]
        fn every_date_round_trips(days in -4_371_587_i32..=2_932_896) {
            let theirs = time::Date::try_from(Date(days)).unwrap();
            let since = theirs - date(1970, Month::January, 1);
            prop_assert_eq!(since.whole_days(), i64::from(days));
            assert_same(&theirs, &Date(days), NativeType::Date);
        }

        #[test]
        fn every_time_round_trips(nanos in 0..=Time::MAX.0) {
            let theirs = time::Time::try_from(Time(nanos)).unwrap();
            let since = theirs - time::Time::MIDNIGHT;
            prop_assert_eq!(since.whole_nanoseconds(), i128::from(nanos));
            assert_same(&theirs, &Time(nanos), NativeType::Time);
        }

        #[test]
        fn every_timestamp_round_trips(millis in -377_705_116_800_000_i64..=253_402_300_799_999) {
            let theirs = OffsetDateTime::try_from(Timestamp(millis)).unwrap();
            let nanos = i128::from(millis) * 1_000_000;
            prop_assert_eq!(theirs.unix_timestamp_nanos(), nanos);
            assert_same(&theirs, &Timestamp(millis), NativeType::Timestamp);
        }
    }
}
