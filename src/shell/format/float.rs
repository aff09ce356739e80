//! Floating point numbers.

/// Number of digits after the decimal point, if cqlshrc does not set it.
pub(super) const DEFAULT_PRECISION: usize = 5;

/// Formats a number with `precision` digits after the decimal point (one more below 1), or with
/// `precision` significant digits if it is very small or very large.
#[expect(clippy::cast_possible_truncation, reason = "exponents are between -324 and 308")]
pub(super) fn format_float(number: f64, precision: usize) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let exponent = if number.abs() > f64::EPSILON { number.abs().log10() as i32 } else { i32::MIN };
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    let digits = match (-4..limit).contains(&exponent) {
        true => usize::try_from(limit + exponent + 1).unwrap_or(precision),
        false => precision,
    };
    format_general(number, digits.max(1))
}

/// Formats like C's `%.*g`: `precision` significant digits, without trailing zeros.
fn format_general(number: f64, precision: usize) -> String {
    let scientific = format!("{number:.*e}", precision - 1);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim_zeros = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match usize::try_from(i32::try_from(precision).unwrap_or(i32::MAX) - 1 - exponent) {
        Ok(decimals) if exponent >= -4 => trim_zeros(&format!("{number:.decimals$}")),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trim_zeros(digits), exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_floats_like_cqlsh() {
        for (number, printed) in [
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333"),
            (99_999.0, "99999"),
            (99_999.999_999, "100000"),
            (100_000.0, "1e+05"),
            (f64::from(123_456.79_f32), "1.2346e+05"),
            (12_345.678_912, "12345.67891"),
            (1e7, "1e+07"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
            (4.9e-324, "4.9407e-324"),
            (-0.0, "-0"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(format_float(number, DEFAULT_PRECISION), printed);
        }
    }
}
