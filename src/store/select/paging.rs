//! Paging states.

use std::ops::Bound;

use bytes::Bytes;

use super::scan::is_empty;
use crate::message::{ErrorCode, ServerError};
use crate::store::key::{ClusteringKey, PartitionKey};
use crate::store::source::{Partitions, Scan};

/// The position after the last row of a page, and what is left of the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PagingState {
    pub(super) partition: PartitionKey,
    /// The key of the row, or `None` if no other row of the partition follows.
    pub(super) clustering: Option<ClusteringKey>,
    /// Rows that LIMIT leaves for the next pages.
    pub(super) remaining: u32,
    /// Rows of the partition that were returned.
    pub(super) in_partition: u32,
}

/// The first byte of a state.
const VERSION: u8 = 1;

impl PagingState {
    /// Returns the bytes that the client sends back.
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = vec![VERSION];
        bytes.extend(self.remaining.to_be_bytes());
        bytes.extend(self.in_partition.to_be_bytes());
        // A partition key has at most 65,535 bytes.
        let partition = self.partition.bytes();
        bytes.extend(u32::try_from(partition.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(partition);
        if let Some(key) = &self.clustering {
            bytes.push(1);
            bytes.extend(key.bytes());
        } else {
            bytes.push(0);
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_be_bytes());
        bytes.into()
    }

    /// Reads the bytes that the client sent back.
    ///
    /// # Errors
    /// Returns a PROTOCOL_ERROR if the bytes are no paging state.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ServerError> {
        Self::parse(bytes).ok_or_else(|| {
            ServerError::new(ErrorCode::Protocol, "Invalid value for the paging state".to_owned())
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(content) != u32::from_be_bytes(*checksum) {
            return None;
        }
        let rest = content.strip_prefix(&[VERSION])?;
        let (remaining, rest) = rest.split_first_chunk::<4>()?;
        let (in_partition, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (partition, rest) = rest.split_at_checked(length)?;
        let clustering = match rest.split_first()? {
            (0, []) => None,
            (1, key) => Some(ClusteringKey::from_bytes(key)),
            _ => return None,
        };
        Some(Self {
            partition: PartitionKey::from_bytes(partition),
            clustering,
            remaining: u32::from_be_bytes(*remaining),
            in_partition: u32::from_be_bytes(*in_partition),
        })
    }
}

/// Returns the scans of the rows after a position.
pub(super) fn resume(
    scans: Vec<Scan>,
    partition: &PartitionKey,
    clustering: Option<&ClusteringKey>,
) -> Vec<Scan> {
    let mut resumed = Vec::new();
    // Scans by key that precede the position are left out.
    let mut is_after = false;
    for scan in scans {
        let (of_partition, rest) = match &scan.partitions {
            Partitions::Range(_, to) => {
                let rest = Partitions::Range(Bound::Excluded(partition.clone()), to.clone());
                (true, Some(rest))
            }
            Partitions::Keys(_) if is_after => {
                let contains = matches!(&scan.partitions, Partitions::Keys(keys)
                    if keys.contains(partition));
                (contains, (!contains).then(|| scan.partitions.clone()))
            }
            Partitions::Keys(keys) => match keys.iter().position(|key| key == partition) {
                None => continue,
                Some(index) => {
                    is_after = true;
                    let rest = keys.get(index.saturating_add(1)..).unwrap_or_default().to_vec();
                    (true, (!rest.is_empty()).then_some(Partitions::Keys(rest)))
                }
            },
        };
        if let (true, Some(key)) = (of_partition, clustering) {
            let rows = match scan.is_reversed {
                true => (scan.rows.0.clone(), lesser(&scan.rows.1, key)),
                false => (greater(&scan.rows.0, key), scan.rows.1.clone()),
            };
            if !is_empty(&rows.0, &rows.1) {
                let partitions = Partitions::Keys(vec![partition.clone()]);
                resumed.push(Scan { partitions, rows, ..scan.clone() });
            }
        }
        if let Some(partitions) = rest {
            resumed.push(Scan { partitions, ..scan });
        }
    }
    resumed
}

/// Returns the greater one of a lower bound and the position after `key`.
fn greater(bound: &Bound<ClusteringKey>, key: &ClusteringKey) -> Bound<ClusteringKey> {
    match bound {
        Bound::Included(low) | Bound::Excluded(low) if low > key => bound.clone(),
        _ => Bound::Excluded(key.clone()),
    }
}

/// Returns the lesser one of an upper bound and the position before `key`.
fn lesser(bound: &Bound<ClusteringKey>, key: &ClusteringKey) -> Bound<ClusteringKey> {
    match bound {
        Bound::Included(high) | Bound::Excluded(high) if high < key => bound.clone(),
        _ => Bound::Excluded(key.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn states_round_trip_and_altered_states_are_refused() {
        for clustering in [None, Some(ClusteringKey::from_bytes(vec![3, 0, 1]))] {
            let partition = PartitionKey::from_bytes(vec![0, 0, 0, 1]);
            let state = PagingState { partition, clustering, remaining: 7, in_partition: 2 };
            let bytes = state.encode();
            assert_eq!(PagingState::decode(&bytes).unwrap(), state);
            for index in 0..bytes.len() {
                let mut altered = bytes.to_vec();
                altered[index] ^= 1;
                let error = PagingState::decode(&altered).unwrap_err();
                assert_eq!(error.code, ErrorCode::Protocol);
                assert_eq!(error.message, "Invalid value for the paging state");
                assert!(PagingState::decode(&bytes[..index]).is_err());
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_states_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _result = PagingState::decode(&bytes);
        }
    }
}
