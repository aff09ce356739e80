//! The tested versions of Cassandra, and the generations that need different configuration.

use crate::Error;

/// The versions that the live tests run on, oldest first.
pub const VERSIONS: [&str; 3] = ["3.11.3", "4.1.9", "5.0.6"];

/// The version that is started by default.
pub const DEFAULT_VERSION: &str = "5.0.6";

/// Versions that share a configuration format and start in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// 3.11: seeds are bare addresses, and Thrift is on by default.
    V3,
    /// 4.0 and 4.1: the old configuration keys, seeds with a storage port.
    V4,
    /// 5.0: the new configuration keys.
    V5,
}

impl Generation {
    /// Returns the generation of a full version such as `4.1.9`.
    pub(crate) fn of(version: &str) -> Result<Self, Error> {
        let mut numbers = version.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(3)), Some(Ok(11)), Some(Ok(_)), None) => Ok(Self::V3),
            (Some(Ok(4)), Some(Ok(_)), Some(Ok(_)), None) => Ok(Self::V4),
            (Some(Ok(5)), Some(Ok(_)), Some(Ok(_)), None) => Ok(Self::V5),
            _ => Err(Error::UnknownVersion { version: version.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tested_version_has_a_generation() {
        let generations: Vec<_> = VERSIONS.iter().map(|v| Generation::of(v).unwrap()).collect();
        assert_eq!(generations, [Generation::V3, Generation::V4, Generation::V5]);
        assert!(VERSIONS.contains(&DEFAULT_VERSION));
    }

    #[test]
    fn refuses_other_versions_and_lists_the_tested_ones() {
        for version in ["", "5", "5.0", "2.1.22", "3.0.30", "6.0.0", "5.0.6.1", "5.0.x", "latest"] {
            let text = Generation::of(version).unwrap_err().to_string();
            assert!(text.contains("3.11.3, 4.1.9, 5.0.6"), "{text}");
        }
    }
}
