//! Values that cannot be decoded.

use bytes::Bytes;

use crate::types::{Value, ValueError};

/// Number of faults that are described, as in cqlsh. The others are counted.
const MAX_DESCRIBED: usize = 2;

/// The values of a result that could not be decoded.
#[derive(Debug, Clone, Default)]
pub(in crate::shell) struct Faults {
    described: Vec<String>,
    count: usize,
}

impl Faults {
    /// Adds the value `bytes` of a column.
    pub(super) fn add(&mut self, bytes: &Bytes, column: &str, error: &ValueError) {
        self.count += 1;
        if self.described.len() < MAX_DESCRIBED {
            let bytes = Value::Blob(bytes.clone());
            let fault = format!("Failed to decode value {bytes} (for column '{column}') : {error}");
            self.described.push(fault);
        }
    }

    /// Adds the faults of another page.
    pub(in crate::shell) fn append(&mut self, other: &Self) {
        self.count += other.count;
        let free = MAX_DESCRIBED.saturating_sub(self.described.len());
        self.described.extend(other.described.iter().take(free).cloned());
    }

    /// Returns the lines to print.
    pub(in crate::shell) fn lines(&self) -> impl Iterator<Item = String> {
        let suppressed = self.count.saturating_sub(self.described.len());
        let summary =
            (suppressed > 0).then(|| format!("{suppressed} more decoding errors suppressed."));
        self.described.iter().cloned().chain(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CqlType, NativeType};

    #[test]
    fn describes_two_faults_and_counts_the_others() {
        let bytes = Bytes::from_static(&[1]);
        let error = Value::decode(&CqlType::Native(NativeType::Int), &bytes).unwrap_err();
        let mut page = Faults::default();
        page.add(&bytes, "a", &error);
        let mut faults = Faults::default();
        for (count, summary) in [(2, None), (3, Some(1)), (5, Some(3))] {
            while faults.count < count {
                faults.append(&page);
            }
            let lines: Vec<_> = faults.lines().collect();
            assert!(lines[0].starts_with("Failed to decode value 0x01 (for column 'a') : "));
            let summary = summary.map(|n: u8| format!("{n} more decoding errors suppressed."));
            assert_eq!(lines.get(2).cloned(), summary);
        }
    }
}
