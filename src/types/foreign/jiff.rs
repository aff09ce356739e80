//! jiff 0.2 and 1: `civil::Date`, `civil::Time`, `Timestamp` and `Span`.
//!
//! A `timestamp` has no time zone. A `Zoned` (`ZonedDateTime` in jiff 1) is written as its instant, and
//! read as a `Timestamp`.
//!
//! A `duration` is read as a `Span` of months, days and nanoseconds. When a `Span` is written, its
//! other units are converted: years to months, weeks to days, hours and smaller units to
//! nanoseconds. The `Span` that is read back has the same length, but may have different units.

/// Implements the conversions for one version of the crate.
macro_rules! jiff {
    ($version:ident, $feature:tt, $zoned:ident as $zoned_name:literal) => {
        #[cfg(feature = $feature)]
        mod $version {
            use $version::{SignedDuration, Span, $zoned, civil};

            use crate::types::foreign::parts;
            use crate::types::{Date, Duration, Time, Timestamp, ValueError};

            convert_via! {
                civil::Date as "civil::Date", Date, |date| Ok(Date::from(*date));
                civil::Time as "civil::Time", Time, |time| Ok(Time::from(*time));
                ::$version::Timestamp as "jiff::Timestamp", Timestamp,
                    |instant| Ok(Timestamp::from(*instant));
                Span as "Span", Duration, |span| Duration::try_from(span);
            }
            convert_via! { write:
                $zoned as $zoned_name, Timestamp,
                    |zoned| Ok(Timestamp::from(zoned.timestamp()));
            }

            const EPOCH: civil::Date = civil::Date::constant(1970, 1, 1);

            impl From<civil::Date> for Date {
                fn from(date: civil::Date) -> Self {
                    // Years have at most four digits, so the number of days always fits into an
                    // `i32`.
                    let hours = date.duration_since(EPOCH).as_hours();
                    Self(i32::try_from(hours / 24).unwrap_or(i32::MAX))
                }
            }

            impl TryFrom<Date> for civil::Date {
                type Error = ValueError;

                fn try_from(Date(days): Date) -> Result<Self, ValueError> {
                    let hours = i64::from(days).saturating_mul(24);
                    EPOCH
                        .checked_add(SignedDuration::from_hours(hours))
                        .map_err(|_| ValueError::TooLarge("civil::Date"))
                }
            }

            impl From<civil::Time> for Time {
                fn from(time: civil::Time) -> Self {
                    let since = time.duration_since(civil::Time::MIN);
                    let second = u32::try_from(since.as_secs()).unwrap_or(0);
                    parts::time(second, since.subsec_nanos().unsigned_abs())
                }
            }

            impl TryFrom<Time> for civil::Time {
                type Error = ValueError;

                fn try_from(time: Time) -> Result<Self, ValueError> {
                    let (second, nano) = parts::from_time(time).ok_or(ValueError::OutOfRange)?;
                    civil::Time::MIN
                        .checked_add(SignedDuration::new(second.into(), nano.cast_signed()))
                        .map_err(|_| ValueError::OutOfRange)
                }
            }

            /// Rounds down to the millisecond, like `java.time.Instant::toEpochMilli`.
            impl From<$version::Timestamp> for Timestamp {
                fn from(instant: $version::Timestamp) -> Self {
                    parts::timestamp(instant.as_second(), instant.subsec_nanosecond())
                }
            }

            impl TryFrom<Timestamp> for $version::Timestamp {
                type Error = ValueError;

                fn try_from(Timestamp(millis): Timestamp) -> Result<Self, ValueError> {
                    // `from_millisecond` does not support the last 999 milliseconds of the range.
                    Self::from_nanosecond(i128::from(millis).saturating_mul(1_000_000))
                        .map_err(|_| ValueError::TooLarge("jiff::Timestamp"))
                }
            }

            /// Converts to months, days and nanoseconds. Returns [`ValueError::OutOfRange`] if
            /// months or days exceed 32 bits, or if nanoseconds exceed 64 bits (292 years).
            impl TryFrom<&Span> for Duration {
                type Error = ValueError;

                fn try_from(span: &Span) -> Result<Self, ValueError> {
                    let months = i64::from(span.get_years()).saturating_mul(12);
                    let days = i64::from(span.get_weeks()).saturating_mul(7);
                    let nanoseconds = [
                        (i64::from(span.get_hours()), 3_600_000_000_000),
                        (span.get_minutes(), 60_000_000_000),
                        (span.get_seconds(), 1_000_000_000),
                        (span.get_milliseconds(), 1_000_000),
                        (span.get_microseconds(), 1_000),
                        (span.get_nanoseconds(), 1),
                    ]
                    .into_iter()
                    // Neither the products, of at most 106 bits each, nor their sum saturates.
                    .map(|(count, unit)| i128::from(count).saturating_mul(unit))
                    .fold(0, i128::saturating_add);
                    let small = |sum: i64| i32::try_from(sum).map_err(|_| ValueError::OutOfRange);
                    Ok(Self {
                        months: small(months.saturating_add(span.get_months().into()))?,
                        days: small(days.saturating_add(span.get_days().into()))?,
                        nanoseconds: i64::try_from(nanoseconds)
                            .map_err(|_| ValueError::OutOfRange)?,
                    })
                }
            }

            impl TryFrom<Span> for Duration {
                type Error = ValueError;

                fn try_from(span: Span) -> Result<Self, ValueError> {
                    Self::try_from(&span)
                }
            }

            /// Returns [`ValueError::TooLarge`] for more than 239,976 months (19,998 years) or more
            /// than 7,304,484 days (19,998 years), of either sign.
            impl TryFrom<Duration> for Span {
                type Error = ValueError;

                fn try_from(duration: Duration) -> Result<Self, ValueError> {
                    if !duration.is_valid() {
                        return Err(ValueError::OutOfRange);
                    }
                    Self::new()
                        .try_months(duration.months)
                        .and_then(|span| span.try_days(duration.days))
                        .and_then(|span| span.try_nanoseconds(duration.nanoseconds))
                        .map_err(|_| ValueError::TooLarge("Span"))
                }
            }

            #[cfg(test)]
            mod tests {
                use $version::Timestamp as Instant;
                use proptest::prelude::*;

                use super::*;
                use crate::types::NativeType;
                use crate::types::foreign::tests::{converted, assert_same, encoded};

                #[test]
                fn an_instant_does_not_depend_on_its_time_zone() {
                    let there: $zoned = "2024-02-29T07:53:18.001-05:00[-05:00]".parse().unwrap();
                    let utc: Instant = "2024-02-29T12:53:18.001Z".parse().unwrap();
                    assert_eq!(converted(&there, NativeType::Timestamp), Ok(utc));
                }

                #[test]
                fn dates_at_the_ends_of_the_calendar_round_trip() {
                    for (date, text) in [
                        (civil::Date::MIN, "-9999-01-01"),
                        (civil::Date::MAX, "9999-12-31"),
                        (civil::Date::constant(0, 2, 29), "0000-02-29"),
                        (civil::Date::constant(1969, 12, 31), "1969-12-31"),
                        (EPOCH, "1970-01-01"),
                    ] {
                        let ours = Date::from(date);
                        assert_eq!(ours.to_string(), text);
                        assert_same(&date, &ours, NativeType::Date);
                    }
                    for days in [i32::MIN, i32::MAX, Date::from(civil::Date::MAX).0 + 1] {
                        let read = converted::<_, civil::Date>(&Date(days), NativeType::Date);
                        assert_eq!(read, Err(ValueError::TooLarge("civil::Date")));
                    }
                }

                #[test]
                fn times_at_the_ends_of_the_day_round_trip() {
                    assert_same(&civil::Time::MIN, &Time(0), NativeType::Time);
                    assert_same(&civil::Time::MAX, &Time::MAX, NativeType::Time);
                    let out = Err(ValueError::OutOfRange);
                    for time in [Time(-1), Time(Time::MAX.0 + 1)] {
                        assert_eq!(civil::Time::try_from(time), out);
                    }
                }

                #[test]
                fn timestamps_at_the_ends_of_the_calendar_round_trip() {
                    let last = Timestamp::from(Instant::MAX);
                    for millis in [Timestamp::from(Instant::MIN), Timestamp(0), last] {
                        let theirs = Instant::try_from(millis).unwrap();
                        assert_same(&theirs, &millis, NativeType::Timestamp);
                    }
                    for millis in [i64::MIN, last.0 + 1, i64::MAX] {
                        let read =
                            converted::<_, Instant>(&Timestamp(millis), NativeType::Timestamp);
                        assert_eq!(read, Err(ValueError::TooLarge("jiff::Timestamp")));
                    }
                }

                #[test]
                fn instants_are_rounded_down_to_the_millisecond() {
                    for (micros, millis) in [(1_500, 1), (-1_500, -2), (-1, -1), (-1_000_001, -1_001)]
                    {
                        let instant = Instant::from_microsecond(micros).unwrap();
                        assert_eq!(Timestamp::from(instant), Timestamp(millis));
                    }
                }

                #[test]
                fn spans_of_other_units_keep_their_length() {
                    let span = Span::new().years(1).months(2).weeks(3).days(4).hours(5);
                    let span = span.minutes(6).seconds(7).milliseconds(8).microseconds(9);
                    let nanoseconds = 18_367_008_009_010;
                    let duration = Duration { months: 14, days: 25, nanoseconds };
                    assert_eq!(Duration::try_from(span.nanoseconds(10)), Ok(duration));
                    let Duration { months, days, nanoseconds } = duration;
                    assert_eq!(
                        Duration::try_from(-span.nanoseconds(10)),
                        Ok(Duration { months: -months, days: -days, nanoseconds: -nanoseconds })
                    );
                }

                #[test]
                fn spans_and_durations_outside_the_other_range_are_errors() {
                    let hours = Span::new().hours(2_562_048);
                    assert_eq!(encoded(&hours, NativeType::Duration), Err(ValueError::OutOfRange));
                    let too_large = ValueError::TooLarge("Span");
                    for (months, days, nanoseconds, error) in [
                        (239_977, 0, 0, too_large),
                        (0, -7_304_485, 0, too_large),
                        (0, 0, i64::MIN, too_large),
                        (i32::MIN, i32::MIN, i64::MIN, too_large),
                        (i32::MAX, i32::MAX, i64::MAX, too_large),
                        (1, -1, 0, ValueError::OutOfRange),
                    ] {
                        let span = Span::try_from(Duration { months, days, nanoseconds });
                        assert_eq!(span.map(|span| span.to_string()), Err(error));
                    }
                }

                proptest! {
                    #[test]
                    fn every_date_round_trips(days in -4_371_587_i32..=2_932_896) {
                        let theirs = civil::Date::try_from(Date(days)).unwrap();
                        let since = theirs.since(EPOCH).unwrap();
                        prop_assert_eq!(since.get_days(), days);
                        assert_same(&theirs, &Date(days), NativeType::Date);
                    }

                    #[test]
                    fn every_time_round_trips(nanos in 0..=Time::MAX.0) {
                        let theirs = civil::Time::try_from(Time(nanos)).unwrap();
                        let second = i64::from(theirs.hour()) * 3_600
                            + i64::from(theirs.minute()) * 60
                            + i64::from(theirs.second());
                        let nanosecond = i64::from(theirs.subsec_nanosecond());
                        prop_assert_eq!(second * 1_000_000_000 + nanosecond, nanos);
                        assert_same(&theirs, &Time(nanos), NativeType::Time);
                    }

                    #[test]
                    fn every_timestamp_round_trips(
                        millis in -377_705_023_201_000_i64..=253_402_207_200_999,
                    ) {
                        let theirs = Instant::try_from(Timestamp(millis)).unwrap();
                        prop_assert_eq!(theirs.as_nanosecond(), i128::from(millis) * 1_000_000);
                        assert_same(&theirs, &Timestamp(millis), NativeType::Timestamp);
                    }

                    #[test]
                    fn every_duration_that_is_a_span_round_trips(
                        months in 0..=239_976,
                        days in 0..=7_304_484,
                        nanoseconds in 0..=i64::MAX,
                        is_negative: bool,
                    ) {
                        let sign = if is_negative { -1 } else { 1 };
                        let nanoseconds = nanoseconds * i64::from(sign);
                        let ours = Duration { months: months * sign, days: days * sign, nanoseconds };
                        let span: Span = converted(&ours, NativeType::Duration).unwrap();
                        prop_assert_eq!(
                            (span.get_months(), span.get_days(), span.get_nanoseconds()),
                            (ours.months, ours.days, ours.nanoseconds)
                        );
                        prop_assert_eq!(converted(&span, NativeType::Duration), Ok(ours));
                    }
                }
            }
        }
    };
}
jiff!(jiff_02, "jiff-02", Zoned as "Zoned");
jiff!(jiff_1, "jiff-1", ZonedDateTime as "ZonedDateTime");
