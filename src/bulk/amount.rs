//! Numbers with a unit in arguments, such as `50k`.

/// Parses a number of at least 1 with an optional `k`, `M` or `G` (thousands, millions, billions).
///
/// # Errors
/// Returns the reason if the text is not such a number.
pub(super) fn parse_amount(text: &str) -> Result<f64, String> {
    let amount = parse(text, 1e3).filter(|amount| *amount >= 1.0);
    amount.ok_or_else(|| "not a number of at least 1, such as 500, 50k or 1.5M".to_owned())
}

/// Parses a size in bytes with an optional `K`, `M` or `G` (KiB, MiB, GiB).
///
/// # Errors
/// Returns the reason if the text is not such a size.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is positive and saturates"
)]
pub(super) fn parse_bytes(text: &str) -> Result<usize, String> {
    let bytes = parse(text, 1024.0).filter(|bytes| *bytes >= 1.0);
    let bytes = bytes.map(|bytes| bytes as usize);
    bytes.ok_or_else(|| "not a number of bytes, such as 500K, 64M or 1.5G".to_owned())
}

/// Parses a finite number with an optional unit, a power of `thousand`.
fn parse(text: &str, thousand: f64) -> Option<f64> {
    let units = [("k", thousand), ("m", thousand.powi(2)), ("g", thousand.powi(3))];
    let lower = text.to_ascii_lowercase();
    let unit =
        units.into_iter().find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, factor)));
    let (number, factor) = unit.unwrap_or((&lower, 1.0));
    number.parse::<f64>().ok().map(|number| number * factor).filter(|number| number.is_finite())
}

/// One of several processes that share a table, such as `3/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard {
    /// Index of the process, from 0.
    pub(super) index: usize,
    /// Number of processes.
    pub(super) count: usize,
}

/// Parses an index from 0 and a number of processes, such as `0/8`.
///
/// # Errors
/// Returns the reason if the text has another form, or if the index is not less than the number.
pub(super) fn parse_shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/');
    let shard = parts.and_then(|(index, count)| {
        Some(Shard { index: index.parse().ok()?, count: count.parse().ok()? })
    });
    let shard = shard.filter(|shard| shard.index < shard.count);
    shard.ok_or_else(|| {
        "not an index from 0 and a number of processes, such as 0/8 to 7/8".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        for (text, amount) in [("500", 500.0), ("50k", 50_000.0), ("1.5M", 1_500_000.0)] {
            assert_eq!(parse_amount(text), Ok(amount));
        }
        for text in ["", "k", "0.5", "-1", "1x", "inf", "NaN"] {
            assert!(parse_amount(text).is_err(), "{text}");
        }
        for (text, bytes) in [("1", 1), ("64M", 64 << 20), ("1.5K", 1536)] {
            assert_eq!(parse_bytes(text), Ok(bytes));
        }
        for text in ["", "M", "0", "-1", "1TB", "inf"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_shard_is_one_of_several() {
        assert_eq!(parse_shard("3/8"), Ok(Shard { index: 3, count: 8 }));
        for text in ["8/8", "0/0", "3", "-1/8", "a/b", ""] {
            assert!(parse_shard(text).is_err(), "{text}");
        }
    }
}
