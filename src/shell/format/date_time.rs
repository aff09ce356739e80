//! Timestamps, dates and times, in the formats of `strftime`.

use crate::types::{Date, Time, Timestamp};

/// The format of timestamps, if cqlshrc and the environment do not set it.
pub(in crate::shell) const DEFAULT_TIMESTAMP_FORMAT: &str = "%Y-%m-%d %H:%M:%S.%f%z";

/// The formats of timestamps, dates and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) struct DateTimeFormats {
    /// The format of timestamps, as `strftime` reads it, with `%f` for microseconds.
    pub(in crate::shell) timestamp: String,
}

impl Default for DateTimeFormats {
    fn default() -> Self {
        Self { timestamp: DEFAULT_TIMESTAMP_FORMAT.to_owned() }
    }
}

impl DateTimeFormats {
    /// Formats a timestamp in UTC. A timestamp outside the years 1 to 9999 is formatted as its number of
    /// milliseconds.
    pub(super) fn timestamp(&self, instant: Timestamp) -> String {
        match instant.date().map(Date::ymd) {
            Some((1..=9_999, ..)) => strftime(&self.timestamp, instant),
            _ => instant.0.to_string(),
        }
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Formats a timestamp in UTC. Unknown directives are copied.
fn strftime(format: &str, instant: Timestamp) -> String {
    let date = instant.date().unwrap_or_default();
    let (year, month, day) = date.ymd();
    let (hour, minute, second, nano) = Time::hms_nano(instant.time());
    let month_name = MONTHS.get(usize::from(month) - 1).copied().unwrap_or_default();
    // 1970-01-01 was a Thursday.
    let weekday = usize::try_from((i64::from(date.0) + 4).rem_euclid(7)).unwrap_or(0);
    let weekday_name = WEEKDAYS.get(weekday).copied().unwrap_or_default();
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let mut text = String::with_capacity(format.len() + 16);
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let directive = chars.next();
        let formatted = match directive {
            Some('Y') => format!("{year:04}"),
            Some('y') => format!("{:02}", year.rem_euclid(100)),
            Some('m') => format!("{month:02}"),
            Some('d') => format!("{day:02}"),
            Some('H') => format!("{hour:02}"),
            Some('I') => format!("{:02}", (hour + 11) % 12 + 1),
            Some('M') => format!("{minute:02}"),
            Some('S') => format!("{second:02}"),
            Some('f') => format!("{:06}", nano / 1_000),
            Some('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Some('B') => month_name.to_owned(),
            Some('b' | 'h') => short(month_name).to_owned(),
            Some('A') => weekday_name.to_owned(),
            Some('a') => short(weekday_name).to_owned(),
            Some('z') => "+0000".to_owned(),
            Some('Z') => "UTC".to_owned(),
            Some('F') => format!("{year:04}-{month:02}-{day:02}"),
            Some('T') => format!("{hour:02}:{minute:02}:{second:02}"),
            Some('s') => instant.0.div_euclid(1_000).to_string(),
            Some('%') => "%".to_owned(),
            Some(other) => format!("%{other}"),
            None => "%".to_owned(),
        };
        text.push_str(&formatted);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_timestamps_with_microseconds() {
        let formats = DateTimeFormats::default();
        for (millis, printed) in [
            (1_336_999_998_123, "2012-05-14 12:53:18.123000+0000"),
            (253_402_300_799_999, "9999-12-31 23:59:59.999000+0000"),
            (253_402_300_800_000, "253402300800000"),
            (-30_641_760_000_000, "0999-01-01 00:00:00.000000+0000"),
            (-62_135_596_800_001, "-62135596800001"),
            (i64::MAX, "9223372036854775807"),
        ] {
            assert_eq!(formats.timestamp(Timestamp(millis)), printed);
        }
    }

    #[test]
    fn reads_the_directives_of_strftime() {
        let formats =
            DateTimeFormats { timestamp: "%a %A %d %b %B %y %I:%M %p %Z %% %F %T %Q".to_owned() };
        let printed = formats.timestamp(Timestamp(1_336_999_998_123));
        let expected = "Mon Monday 14 May May 12 12:53 PM UTC % 2012-05-14 12:53:18 %Q";
        assert_eq!(printed, expected);
    }
}
