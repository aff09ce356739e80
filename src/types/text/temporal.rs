//! Parses and formats dates, times, timestamps and durations.

use std::fmt;
use std::str::FromStr;

use nom::Parser;
use nom::bytes::complete::{tag_no_case, take_while, take_while_m_n};
use nom::character::complete::{char, digit1, one_of};
use nom::combinator::{opt, recognize};
use nom::sequence::{pair, preceded};

use super::{CqlTextError, Fault, Parsed, expected, fault, whole};
use crate::types::temporal::{civil, days_of};
use crate::types::{Date, Duration, Time, Timestamp};

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        match year {
            0..=9_999 => write!(f, "{year:04}-{month:02}-{day:02}"),
            _ => write!(f, "{year}-{month:02}-{day:02}"),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second, nano) = self.hms_nano();
        write!(f, "{hour:02}:{minute:02}:{second:02}.{nano:09}")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.days());
        let (hour, minute, second, nano) = self.time().hms_nano();
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
        write!(f, ".{:03}+0000", nano / 1_000_000)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str("0ns");
        }
        f.write_str(if self.is_negative() { "-" } else { "" })?;
        let mut left =
            [self.months.into(), self.days.into(), self.nanoseconds].map(i64::unsigned_abs);
        let [months, days, nanoseconds] = &mut left;
        for Unit { name, part, size } in UNITS.iter().filter(|unit| unit.name != "w") {
            let left = match part {
                Part::Months => &mut *months,
                Part::Days => &mut *days,
                Part::Nanoseconds => &mut *nanoseconds,
            };
            let count = left.checked_div(*size).unwrap_or(0);
            *left = left.checked_rem(*size).unwrap_or(0);
            if count > 0 {
                write!(f, "{count}{name}")?;
            }
        }
        Ok(())
    }
}

/// A unit of durations.
struct Unit {
    name: &'static str,
    part: Part,
    /// Number of months, days or nanoseconds in the unit, depending on `part`.
    size: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Months,
    Days,
    Nanoseconds,
}

const fn unit(name: &'static str, part: Part, size: u64) -> Unit {
    Unit { name, part, size }
}

/// The units, largest first.
const UNITS: [Unit; 10] = [
    unit("y", Part::Months, 12),
    unit("mo", Part::Months, 1),
    unit("w", Part::Days, 7),
    unit("d", Part::Days, 1),
    unit("h", Part::Nanoseconds, 3_600_000_000_000),
    unit("m", Part::Nanoseconds, 60_000_000_000),
    unit("s", Part::Nanoseconds, 1_000_000_000),
    unit("ms", Part::Nanoseconds, 1_000_000),
    unit("us", Part::Nanoseconds, 1_000),
    unit("ns", Part::Nanoseconds, 1),
];

/// Implements `FromStr` with a parser that must consume the whole text.
macro_rules! from_str {
    ($( $rust:ident by $parser:ident; )+) => {$(
        impl FromStr for $rust {
            type Err = CqlTextError;

            fn from_str(text: &str) -> Result<Self, CqlTextError> {
                whole($parser, text)
            }
        }
    )+};
}
from_str! { Date by date; Time by time; Duration by duration; }

impl FromStr for Timestamp {
    type Err = CqlTextError;

    fn from_str(text: &str) -> Result<Self, CqlTextError> {
        // Most texts have this form, and the parser of all forms is slow.
        match Timestamp::from_printed(text.as_bytes()) {
            Some(timestamp) => Ok(timestamp),
            None => whole(timestamp, text),
        }
    }
}

impl Timestamp {
    /// Parses the form that Cassandra and cqlsh print, such as `2024-02-29 12:34:56.789+0000`, also with a `T`, without the
    /// milliseconds, or with another notation of UTC. Returns `None` for every other text.
    pub(crate) fn from_printed(text: &[u8]) -> Option<Self> {
        let (year, rest) = digits::<4>(text)?;
        let (month, rest) = digits::<2>(rest.strip_prefix(b"-")?)?;
        let (day, rest) = digits::<2>(rest.strip_prefix(b"-")?)?;
        let rest = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"T"))?;
        let (hour, rest) = digits::<2>(rest)?;
        let (minute, rest) = digits::<2>(rest.strip_prefix(b":")?)?;
        let (second, rest) = digits::<2>(rest.strip_prefix(b":")?)?;
        let (millis, zone) = match rest.strip_prefix(b".") {
            Some(rest) => digits::<3>(rest)?,
            None => (0, rest),
        };
        if !matches!(zone, b"" | b"Z" | b"+0000") {
            return None;
        }
        let small = |number: u32| u8::try_from(number).ok();
        let days = days_of(year.into(), small(month)?, small(day)?)?;
        let nano = millis.saturating_mul(1_000_000);
        let time = Time::from_hms_nano(small(hour)?, small(minute)?, small(second)?, nano)?;
        Some(Self(days.saturating_mul(86_400_000).saturating_add(time.0 / 1_000_000)))
    }
}

/// Parses a number of `N` digits, which are at most nine, and returns the remaining text.
fn digits<const N: usize>(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<N>()?;
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(number.saturating_mul(10).saturating_add(digit))
    });
    Some((number?, rest))
}

pub(super) fn date(input: &str) -> Parsed<'_, Date> {
    if let Some((rest, digits)) = number(input) {
        let days: Option<u32> = digits.parse().ok();
        let days = days.ok_or_else(|| fault(input, "a number of days from 0 to 4294967295"))?;
        return Ok((rest, Date((days ^ 0x8000_0000).cast_signed())));
    }
    let (rest, days) = day(input)?;
    let days = i32::try_from(days);
    let days = days.map_err(|_| fault(input, "a day from -5877641-06-23 to 5881580-07-11"))?;
    Ok((rest, Date(days)))
}

pub(super) fn time(input: &str) -> Parsed<'_, Time> {
    if let Some((rest, digits)) = number(input) {
        let time = digits.parse().ok().map(Time).filter(|time| time.is_valid());
        let range = "nanoseconds from 0 to 86399999999999";
        return Ok((rest, time.ok_or_else(|| fault(input, range))?));
    }
    let (rest, (hour, minute)) = hour_and_minute(input)?;
    let (rest, (second, nano)) = preceded(expected("`:`", char(':')), seconds).parse(rest)?;
    let time = Time::from_hms_nano(hour, minute, second, nano);
    Ok((rest, time.ok_or_else(|| fault(input, NO_TIME))?))
}

const NO_TIME: &str = "a time from 00:00:00 to 23:59:59.999999999";

pub(super) fn timestamp(input: &str) -> Parsed<'_, Timestamp> {
    if let Some((rest, digits)) = number(input) {
        let range = "milliseconds from -9223372036854775808 to 9223372036854775807";
        return Ok((rest, Timestamp(digits.parse().map_err(|_| fault(input, range))?)));
    }
    let (at_time, days) = day(input)?;
    let mut rest = at_time;
    let mut time = Time::default();
    if let (at_hour, Some(_)) = opt(tag_t_or_space).parse(at_time)? {
        let (hour, minute);
        (rest, (hour, minute)) = hour_and_minute(at_hour)?;
        let second;
        (rest, second) = opt(preceded(char(':'), seconds)).parse(rest)?;
        let (second, nano) = second.unwrap_or((0, 0));
        if nano % 1_000_000 != 0 {
            return Err(fault(at_hour, "a time with at most three fractional digits"));
        }
        time = Time::from_hms_nano(hour, minute, second, nano)
            .ok_or_else(|| fault(at_hour, NO_TIME))?;
    }
    let (rest, minutes_east) = zone(rest)?;
    // Years of nine digits exceed 64 bits of milliseconds, but not 128 bits.
    let millis = i128::from(days)
        .saturating_mul(86_400_000)
        .saturating_add(i128::from(time.0 / 1_000_000))
        .saturating_sub(i128::from(minutes_east).saturating_mul(60_000));
    let range = "an instant within 64 bits of milliseconds";
    Ok((rest, Timestamp(i64::try_from(millis).map_err(|_| fault(input, range))?)))
}

fn tag_t_or_space(input: &str) -> Parsed<'_, char> {
    one_of("T ").parse(input)
}

/// Parses a whole number and returns the remaining text and the digits. Returns `None` if there is
/// no number, or if the digits are the start of a date or a time.
fn number(input: &str) -> Option<(&str, &str)> {
    let (rest, digits) =
        recognize(pair(opt(char::<_, Fault<'_>>('-')), digit1)).parse(input).ok()?;
    (!rest.starts_with(['-', ':'])).then_some((rest, digits))
}

/// Parses a date and returns the number of days since 1970-01-01.
fn day(input: &str) -> Parsed<'_, i64> {
    let (rest, sign) = opt(one_of("+-")).parse(input)?;
    let least = if sign.is_some() { 1 } else { 4 };
    let year = take_while_m_n(least, 9, |c: char| c.is_ascii_digit());
    let (rest, year) = expected("a date such as 2024-02-29", year).parse(rest)?;
    let (rest, month) = preceded(expected("`-`", char('-')), two_digits).parse(rest)?;
    let (rest, day) = preceded(expected("`-`", char('-')), two_digits).parse(rest)?;
    let year: i64 = year.parse().unwrap_or_default();
    let year = if sign == Some('-') { year.saturating_neg() } else { year };
    let days = days_of(year, month, day);
    Ok((rest, days.ok_or_else(|| fault(input, "a valid calendar date"))?))
}

fn hour_and_minute(input: &str) -> Parsed<'_, (u8, u8)> {
    let (rest, hour) = two_digits(input)?;
    let (rest, minute) = preceded(expected("`:`", char(':')), two_digits).parse(rest)?;
    Ok((rest, (hour, minute)))
}

/// Parses seconds with an optional fraction. Returns the whole seconds, and the fraction in
/// nanoseconds.
fn seconds(input: &str) -> Parsed<'_, (u8, u32)> {
    let (rest, second) = two_digits(input)?;
    let digits = expected("one to nine digits", take_while_m_n(1, 9, |c: char| c.is_ascii_digit()));
    let (rest, fraction) = opt(preceded(char('.'), digits)).parse(rest)?;
    let nanos = fraction.map_or(Ok(0), |digits| format!("{digits:0<9}").parse());
    Ok((rest, (second, nanos.unwrap_or_default())))
}

/// Parses an optional time zone. Returns its offset from UTC in minutes, positive to the east, or 0
/// if there is no time zone.
fn zone(input: &str) -> Parsed<'_, i32> {
    let (rest, sign) = opt(one_of("Z+-")).parse(input)?;
    let (Some(sign), true) = (sign, sign != Some('Z')) else { return Ok((rest, 0)) };
    let (rest, hours) = two_digits(rest)?;
    let (rest, minutes) = match rest.strip_prefix(':') {
        Some(rest) => two_digits(rest)?,
        None if rest.starts_with(|c: char| c.is_ascii_digit()) => two_digits(rest)?,
        None => (rest, 0),
    };
    if hours > 18 || minutes > 59 {
        return Err(fault(input, "a time zone from -18:59 to +18:59"));
    }
    let minutes = i32::from(hours).saturating_mul(60).saturating_add(minutes.into());
    Ok((rest, if sign == '-' { minutes.saturating_neg() } else { minutes }))
}

fn two_digits(input: &str) -> Parsed<'_, u8> {
    let digits = take_while_m_n(2, 2, |c: char| c.is_ascii_digit());
    let (rest, digits) = expected("two digits", digits).parse(input)?;
    Ok((rest, digits.parse().unwrap_or_default()))
}

pub(super) fn duration(input: &str) -> Parsed<'_, Duration> {
    let (rest, minus) = opt(char('-')).parse(input)?;
    let mut parts = Parts { all: input, is_negative: minus.is_some(), sum: Duration::default() };
    let (rest, iso) = opt(tag_no_case("P")).parse(rest)?;
    let rest = match iso {
        Some(_) => parts.iso(rest)?,
        None => parts.counts(rest, &UNITS)?,
    };
    Ok((rest, parts.sum))
}

/// A parser of the parts of a duration, with the sum of the parts parsed so far.
struct Parts<'a> {
    all: &'a str,
    is_negative: bool,
    sum: Duration,
}

impl<'a> Parts<'a> {
    /// Parses numbers with their units. The units must occur in the order of `units`, and each at
    /// most once.
    fn counts(&mut self, input: &'a str, units: &[Unit]) -> Result<&'a str, nom::Err<Fault<'a>>> {
        let mut left = units.iter();
        let (mut rest, mut digits) =
            expected("a number and its unit, such as 5m", digit1).parse(input)?;
        loop {
            let (after, name) = take_while(char::is_alphabetic).parse(rest)?;
            let name = name.to_lowercase().replace(['\u{b5}', '\u{3bc}'], "u");
            let Some(unit) = left.find(|unit| unit.name == name) else {
                let names: Vec<&str> = units.iter().map(|unit| unit.name).collect();
                let order =
                    format!("the units {}, in this order and each at most once", names.join(", "));
                return Err(fault(rest, order));
            };
            self.add(digits, unit)?;
            let next;
            (rest, next) = opt(digit1).parse(after)?;
            match next {
                Some(next) => digits = next,
                None => return Ok(rest),
            }
        }
    }

    /// Parses an ISO 8601 duration after its `P`.
    fn iso(&mut self, input: &'a str) -> Result<&'a str, nom::Err<Fault<'a>>> {
        let [year, month, week, day, hour, minute, second, ..] = UNITS;
        if let (rest, Some(_)) = opt((digit1, char('-'))).parse(input)? {
            return self.dashed(input, rest);
        }
        if let (rest, Some((digits, _))) = opt((digit1, tag_no_case("W"))).parse(input)? {
            self.add(digits, &week)?;
            return Ok(rest);
        }
        let month = Unit { name: "m", ..month };
        let is_time = |input: &str| input.starts_with(['T', 't']);
        let mut rest = input;
        if !is_time(input) {
            // The date part ends at the `T`, where the time part begins.
            let before = |c: char| c.is_alphanumeric() && !"Tt".contains(c);
            let (_, days) = take_while(before).parse(input)?;
            let left = self.counts(days, &[year, month, day])?;
            let read = days.len().saturating_sub(left.len());
            rest = input.get(read..).unwrap_or_default();
        }
        match is_time(rest) {
            true => self.counts(rest.get(1..).unwrap_or_default(), &[hour, minute, second]),
            false => Ok(rest),
        }
    }

    /// Parses a duration like `P0001-02-03T04:05:06`. `input` begins with the year, and `rest` with
    /// the month.
    fn dashed(&mut self, input: &'a str, rest: &'a str) -> Result<&'a str, nom::Err<Fault<'a>>> {
        let [year, month, _, day, hour, minute, second, ..] = UNITS;
        let mut digits = input.strip_suffix(rest).unwrap_or_default().trim_end_matches('-');
        let mut rest = rest;
        let parts = [(month, '-'), (day, 'T'), (hour, ':'), (minute, ':'), (second, '\0')];
        self.add(digits, &year)?;
        for (unit, after) in parts {
            (rest, digits) = expected("digits as in P0001-02-03T04:05:06", digit1).parse(rest)?;
            self.add(digits, &unit)?;
            if after != '\0' {
                (rest, _) =
                    expected("a separator as in P0001-02-03T04:05:06", char(after)).parse(rest)?;
            }
        }
        Ok(rest)
    }

    fn add(&mut self, digits: &str, unit: &Unit) -> Result<(), nom::Err<Fault<'a>>> {
        let Duration { months, days, nanoseconds } = &mut self.sum;
        let is_negative = self.is_negative;
        let sum = |part: i64| {
            let count: i128 = digits.parse().ok()?;
            let amount = count.checked_mul(unit.size.into())?;
            let amount = if is_negative { amount.checked_neg()? } else { amount };
            i64::try_from(i128::from(part).checked_add(amount)?).ok()
        };
        let small = |part: &mut i32| sum((*part).into())?.try_into().ok().map(|sum| *part = sum);
        let added = match unit.part {
            Part::Months => small(months),
            Part::Days => small(days),
            Part::Nanoseconds => sum(*nanoseconds).map(|sum| *nanoseconds = sum),
        };
        let range = "a duration with months and days within 32 bits and nanoseconds within 64 bits";
        added.ok_or_else(|| fault(self.all, range))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn printed_timestamps_parse_like_all_texts(
            day in "[0-9]{4}-([01][0-9]|02)-([0-3][0-9]|29|30)",
            time in "[ T]([01][0-9]|2[0-4]):([0-5][0-9]|60):([0-5][0-9]|60)",
            end in "(\\.[0-9]{0,4}|\\.[0-9]{3})(Z|\\+0000|[+-][01][0-9]:?[0-9]{2})?",
            edit in prop::option::of((0..30_usize, "[-+.:TZ0-9é ]?")),
        ) {
            let mut text = format!("{day}{time}{end}");
            if let Some((at, with)) = edit {
                let at = at.min(text.len());
                text.replace_range(at..text.len().min(at.saturating_add(1)), &with);
            }
            if let Some(printed) = Timestamp::from_printed(text.as_bytes()) {
                prop_assert_eq!(whole(timestamp, &text), Ok(printed));
            }
        }

        #[test]
        fn timestamps_of_years_with_four_digits_are_printed_ones(
            millis in -62_167_219_200_000..253_402_300_800_000_i64,
        ) {
            let instant = Timestamp(millis);
            prop_assert_eq!(Timestamp::from_printed(instant.to_string().as_bytes()), Some(instant));
        }
    }

    fn duration(months: i32, days: i32, nanoseconds: i64) -> Duration {
        Duration { months, days, nanoseconds }
    }

    #[test]
    fn dates_and_timestamps_print_in_the_gregorian_calendar() {
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
    fn extreme_values_parse_from_their_own_text() {
        for days in [i32::MIN, -719_529, -719_528, -1, 0, 2_932_897, i32::MAX] {
            assert_eq!(Date(days).to_string().parse(), Ok(Date(days)));
        }
        for millis in [i64::MIN, -62_167_219_200_001, -99_999_999_999_999, -1, 0, i64::MAX] {
            assert_eq!(Timestamp(millis).to_string().parse(), Ok(Timestamp(millis)));
        }
        for time in [Time(0), Time(1), Time::MAX] {
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        for duration in [
            duration(0, 0, 0),
            duration(i32::MAX, i32::MAX, i64::MAX),
            duration(i32::MIN, i32::MIN, i64::MIN),
            duration(0, 0, -1),
        ] {
            assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }

    #[test]
    fn timestamps_parse_like_in_cassandra() {
        let day = Timestamp(1_709_164_800_000);
        for text in [
            "2024-02-29",
            "2024-02-29Z",
            "2024-02-29+0000",
            "2024-02-29 00:00",
            "2024-02-29T00:00:00",
            "2024-02-29T00:00:00.000000000Z",
            "2024-02-29 01:00:00+01",
            "2024-02-29 01:00+0100",
            "2024-02-28T18:30:00.0-05:30",
            "+2024-02-29",
            "1709164800000",
        ] {
            assert_eq!(text.parse(), Ok(day), "{text}");
        }
        let half = Timestamp(1_709_164_800_500);
        assert_eq!("2024-02-29 00:00:00.5".parse(), Ok(half));
        assert_eq!("-1".parse(), Ok(Timestamp(-1)));
        assert_eq!("2147483649".parse(), Ok(Date(1)));
        assert_eq!("0".parse(), Ok(Date(i32::MIN)));
        assert_eq!("1".parse(), Ok(Time(1)));
    }

    #[test]
    fn durations_of_every_grammar_parse() {
        for (text, expected) in [
            ("1y2mo3w4d5h6m7s8ms9us10ns", duration(14, 25, 18_367_008_009_010)),
            ("1Y2MO3W4D5H6M7S8MS9US10NS", duration(14, 25, 18_367_008_009_010)),
            ("9\u{b5}s", duration(0, 0, 9_000)),
            ("9\u{3bc}S", duration(0, 0, 9_000)),
            ("-1d", duration(0, -1, 0)),
            ("0ns", duration(0, 0, 0)),
            ("P1Y2M3DT4H5M6S", duration(14, 3, 14_706_000_000_000)),
            ("p1y", duration(12, 0, 0)),
            ("P1M", duration(1, 0, 0)),
            ("PT1M", duration(0, 0, 60_000_000_000)),
            ("-P3W", duration(0, -21, 0)),
            ("P0001-02-03T04:05:06", duration(14, 3, 14_706_000_000_000)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn invalid_text_is_an_error() {
        for text in [
            "",
            "-",
            "1",
            "d",
            "1d1d",
            "1d1y",
            "1x",
            "1d ",
            "P",
            "PT",
            "P1",
            "P1H",
            "PT1D",
            "P1YT",
            "P1W1D",
            "P1-2-3",
            "P1-2-3T4:5",
            "1mo1mo",
            "2147483648d",
            "--1d",
            "+1d",
            "99999999999999999999999999999999999999999ns",
            "178956971y",
            "9223372036854775808ns",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
        for text in [
            "",
            "2024",
            "24-01-01",
            "2024-2-29",
            "2023-02-29",
            "2024-02-29 ",
            "5881580-07-12",
            "-5877641-06-22",
            "4294967296",
            "-1",
            "2024-02-29T",
            "1234567890-01-01",
        ] {
            assert_eq!(text.parse::<Date>().is_err(), text != "2024", "{text}");
        }
        for text in [
            "",
            "1:02:03",
            "24:00:00",
            "12:60:00",
            "12:00",
            "12:00:00.",
            "-1",
            "12:00:00.0000000001",
            "86400000000000",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        for text in [
            "",
            "2024-02-29T",
            "2024-02-29 24:00",
            "2024-02-29 00:00:00.0001",
            "2024-02-29 00",
            "2024-02-29+1",
            "2024-02-29+19",
            "2024-02-29+01:60",
            "2024-02-29 UTC",
            "999999999-01-01",
            "9223372036854775808",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn errors_describe_the_expected_text() {
        let error = "1d2y".parse::<Duration>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "at byte 3: expected the units y, mo, w, d, h, m, s, ms, us, ns, in this order and each \
             at most once, found \"y\""
        );
        let error = "2023-02-29".parse::<Date>().unwrap_err();
        let message = "at byte 0: expected a valid calendar date, found \"2023-02-29\"";
        assert_eq!(error.to_string(), message);
    }
}
