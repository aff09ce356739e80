//! Numbers and times as Java writes them.

use std::net::IpAddr;

use crate::types::{Decimal, Timestamp};

/// Returns a number as `Double.toString` writes it.
pub(in crate::store) fn double(number: f64) -> String {
    java(&format!("{number:e}"), number.is_nan(), number.is_infinite())
}

/// Returns a number as `Float.toString` writes it.
pub(in crate::store) fn float(number: f32) -> String {
    java(&format!("{number:e}"), number.is_nan(), number.is_infinite())
}

/// Returns an instant as Cassandra's JSON has it: in UTC, with milliseconds.
pub(in crate::store) fn timestamp(instant: Timestamp) -> String {
    // The literal ends with `+0000`, and Cassandra writes UTC as `Z`.
    instant.to_string().replace("+0000", "Z")
}

/// Returns a number as `BigDecimal.toString` writes it.
pub(super) fn decimal(number: &Decimal) -> String {
    let text = number.unscaled.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", &*text),
    };
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let scale = i64::from(number.scale);
    let exponent = length.saturating_sub(1).saturating_sub(scale);
    match scale {
        0 => text,
        1.. if exponent >= -6 => {
            let width = usize::try_from(scale).unwrap_or(0).saturating_add(1);
            let padded = format!("{digits:0>width$}");
            let (whole, fraction) =
                padded.split_at(padded.len().saturating_sub(width.saturating_sub(1)));
            format!("{sign}{whole}.{fraction}")
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let plus = if exponent >= 0 { "+" } else { "" };
            format!("{sign}{first}{point}{rest}E{plus}{exponent}")
        }
    }
}

/// Returns an address as `InetAddress.getHostAddress` writes it: IPv6 without abbreviation.
pub(super) fn inet(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let groups: Vec<_> =
                address.segments().iter().map(|group| format!("{group:x}")).collect();
            groups.join(":")
        }
    }
}

/// Returns the digits `1.5e10` in the form `1.5E10`, or without exponent if the number is from 0.001
/// to 10,000,000.
fn java(scientific: &str, is_nan: bool, is_infinite: bool) -> String {
    let (sign, digits) = match scientific.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", scientific),
    };
    if is_nan {
        return "NaN".to_owned();
    }
    if is_infinite {
        return format!("{sign}Infinity");
    }
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    match (whole, exponent) {
        ("0", _) => format!("{sign}0.0"),
        (_, 0) => format!("{sign}{whole}.{fraction}"),
        (_, 1..=6) => {
            let shift = usize::try_from(exponent).unwrap_or(0);
            let padded = format!("{fraction:0<shift$}");
            let (moved, rest) = padded.split_at(shift);
            format!("{sign}{whole}{moved}.{}", if rest.is_empty() { "0" } else { rest })
        }
        (_, -3..=-1) => {
            let zeros =
                "0".repeat(usize::try_from(exponent.saturating_add(1).unsigned_abs()).unwrap_or(0));
            let fraction = if fraction == "0" { "" } else { fraction };
            format!("{sign}0.{zeros}{whole}{fraction}")
        }
        _ => format!("{sign}{whole}.{fraction}E{exponent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        for (number, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (0.001, "0.001"),
            (0.01, "0.01"),
            (0.000_1, "1.0E-4"),
            (0.012_5, "0.0125"),
            (1e-5, "1.0E-5"),
            (123.0, "123.0"),
            (120.0, "120.0"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (123_456_789.125, "1.23456789125E8"),
            (1e22, "1.0E22"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(number), text);
        }
        for (unscaled, scale, text) in [
            (150, 2, "1.50"),
            (-1, 5, "-0.00001"),
            (1, 7, "1E-7"),
            (12, 8, "1.2E-7"),
            (1, -20, "1E+20"),
            (12, -1, "1.2E+2"),
            (7, 0, "7"),
            (0, 2, "0.00"),
        ] {
            assert_eq!(decimal(&Decimal::new(unscaled, scale)), text);
        }
        assert_eq!(float(1.1), "1.1");
        assert_eq!(float(16_777_216.0), "1.6777216E7");
    }
}
