//! chrono 0.4: `NaiveDate`, `NaiveTime` and `DateTime`.
//!
//! A `timestamp` has no time zone. A `DateTime` of any time zone is written as its instant, and
//! read as `DateTime<Utc>`. CQL has no leap seconds: to write a leap second is
//! [`ValueError::OutOfRange`].

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeZone, Timelike, Utc};

use super::parts;
use crate::types::check::check_native;
use crate::types::{
    BindErrorKind, CqlType, Date, NativeType, Time, Timestamp, ToCql, TypeMismatch, ValueError,
};
use crate::wire::Writer;

convert_via! {
    NaiveDate as "NaiveDate", Date, |date| Ok(Date::from(*date));
    NaiveTime as "NaiveTime", Time, |time| Time::try_from(*time);
}
convert_via! { read:
    DateTime<Utc> as "DateTime<Utc>", Timestamp;
}

impl<Z: TimeZone> ToCql for DateTime<Z> {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        check_native("DateTime", &[NativeType::Timestamp], cql_type)
    }

    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        Timestamp::try_from(self.to_utc())?.to_cql(cql_type, writer)
    }
}

/// The day number of 1970-01-01, where 0001-01-01 is day 1.
const EPOCH: i32 = 719_163;

impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        // The subtraction never saturates, because chrono's calendar ends long before.
        Self(date.num_days_from_ce().saturating_sub(EPOCH))
    }
}

impl TryFrom<Date> for NaiveDate {
    type Error = ValueError;

    fn try_from(Date(days): Date) -> Result<Self, ValueError> {
        let days = days.checked_add(EPOCH);
        days.and_then(Self::from_num_days_from_ce_opt).ok_or(ValueError::TooLarge("NaiveDate"))
    }
}

/// Returns [`ValueError::OutOfRange`] for a leap second.
impl TryFrom<NaiveTime> for Time {
    type Error = ValueError;

    fn try_from(time: NaiveTime) -> Result<Self, ValueError> {
        match time.nanosecond() {
            nanosecond @ ..1_000_000_000 => {
                Ok(parts::time(time.num_seconds_from_midnight(), nanosecond))
            }
            _ => Err(ValueError::OutOfRange),
        }
    }
}

impl TryFrom<Time> for NaiveTime {
    type Error = ValueError;

    fn try_from(time: Time) -> Result<Self, ValueError> {
        parts::from_time(time)
            .and_then(|(second, nano)| Self::from_num_seconds_from_midnight_opt(second, nano))
            .ok_or(ValueError::OutOfRange)
    }
}

/// Rounds down to the millisecond, like `java.time.Instant::toEpochMilli`. Returns
/// [`ValueError::OutOfRange`] for a leap second.
impl<Z: TimeZone> TryFrom<DateTime<Z>> for Timestamp {
    type Error = ValueError;

    fn try_from(instant: DateTime<Z>) -> Result<Self, ValueError> {
        match i32::try_from(instant.timestamp_subsec_nanos()) {
            Ok(nanos @ ..1_000_000_000) => Ok(parts::timestamp(instant.timestamp(), nanos)),
            _ => Err(ValueError::OutOfRange),
        }
    }
}

impl TryFrom<Timestamp> for DateTime<Utc> {
    type Error = ValueError;

    fn try_from(Timestamp(millis): Timestamp) -> Result<Self, ValueError> {
        Self::from_timestamp_millis(millis).ok_or(ValueError::TooLarge("DateTime<Utc>"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{FixedOffset, TimeDelta};
    use proptest::prelude::*;

    use super::super::tests::{assert_same, converted, encoded};
    use super::*;
    use crate::types::NativeType;

    #[test]
    fn dates_at_the_ends_of_the_calendar_round_trip() {
        for (date, text) in [
            (NaiveDate::MIN, "-262143-01-01"),
            (NaiveDate::MAX, "262142-12-31"),
            (NaiveDate::from_ymd_opt(0, 2, 29).unwrap(), "0000-02-29"),
            (NaiveDate::from_ymd_opt(-1, 12, 31).unwrap(), "-1-12-31"),
            (NaiveDate::from_ymd_opt(1969, 12, 31).unwrap(), "1969-12-31"),
            (NaiveDate::from_ymd_opt(1970, 1, 1).unwrap(), "1970-01-01"),
        ] {
            let ours = Date::from(date);
            // `Date` prints negative years without leading zeros.
            assert_eq!(ours.to_string().replace("-0001-", "-1-"), text);
            assert_same(&date, &ours, NativeType::Date);
        }
        for days in [i32::MIN, i32::MAX, Date::from(NaiveDate::MAX).0 + 1] {
            let read = converted::<_, NaiveDate>(&Date(days), NativeType::Date);
            assert_eq!(read, Err(ValueError::TooLarge("NaiveDate")));
        }
    }

    #[test]
    fn leap_seconds_are_out_of_range() {
        let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_000_000_000).unwrap();
        assert_eq!(encoded(&leap, NativeType::Time), Err(ValueError::OutOfRange));
        let leap = NaiveDate::from_ymd_opt(2016, 12, 31).unwrap().and_time(leap).and_utc();
        assert_eq!(encoded(&leap, NativeType::Timestamp), Err(ValueError::OutOfRange));
        let last = NaiveTime::from_hms_nano_opt(23, 59, 59, 999_999_999).unwrap();
        assert_same(&last, &Time::MAX, NativeType::Time);
        assert_eq!(NaiveTime::try_from(Time(-1)), Err(ValueError::OutOfRange));
    }

    #[test]
    fn an_instant_does_not_depend_on_its_time_zone() {
        let utc = DateTime::<Utc>::from_timestamp_millis(1_709_211_198_001).unwrap();
        let there = utc.with_timezone(&FixedOffset::west_opt(5 * 3_600).unwrap());
        assert_eq!(converted(&there, NativeType::Timestamp), Ok(utc));
    }

    #[test]
    fn timestamps_at_the_ends_of_the_calendar_round_trip() {
        let floor = |instant: DateTime<Utc>| {
            DateTime::from_timestamp_millis(instant.timestamp_millis()).unwrap()
        };
        for instant in [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC] {
            let millis = Timestamp(instant.timestamp_millis());
            assert_same(&floor(instant), &millis, NativeType::Timestamp);
        }
        for millis in
            [i64::MIN, DateTime::<Utc>::MAX_UTC.timestamp_millis() + 1, i64::MAX].map(Timestamp)
        {
            let read = converted::<_, DateTime<Utc>>(&millis, NativeType::Timestamp);
            assert_eq!(read, Err(ValueError::TooLarge("DateTime<Utc>")));
        }
    }

    #[test]
    fn instants_are_rounded_down_to_the_millisecond() {
        let micros = TimeDelta::microseconds(1_500);
        assert_eq!(Timestamp::try_from(DateTime::UNIX_EPOCH + micros), Ok(Timestamp(1)));
        assert_eq!(Timestamp::try_from(DateTime::UNIX_EPOCH - micros), Ok(Timestamp(-2)));
    }

    proptest! {
        #[test]
        fn every_date_round_trips(days in -96_465_292_i32..=95_026_236) {
            let theirs = NaiveDate::try_from(Date(days)).unwrap();
            prop_assert_eq!(
                theirs.signed_duration_since(NaiveDate::default()).num_days(),
                i64::from(days)
            );
            assert_same(&theirs, &Date(days), NativeType::Date);
        }

        #[test]
        fn every_time_round_trips(nanos in 0..=Time::MAX.0) {
            let theirs = NaiveTime::try_from(Time(nanos)).unwrap();
            let from_midnight = theirs.signed_duration_since(NaiveTime::MIN);
            prop_assert_eq!(from_midnight.num_nanoseconds(), Some(nanos));
            assert_same(&theirs, &Time(nanos), NativeType::Time);
        }

        #[test]
        fn every_timestamp_round_trips(millis in -8_334_601_228_800_000_i64..=8_210_266_876_799_999) {
            let theirs = DateTime::<Utc>::try_from(Timestamp(millis)).unwrap();
            prop_assert_eq!(theirs.timestamp_millis(), millis);
            assert_same(&theirs, &Timestamp(millis), NativeType::Timestamp);
        }
    }
}
