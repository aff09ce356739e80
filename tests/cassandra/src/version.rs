//! The tested versions of Cassandra, and the generations that need different configuration.

use crate::Error;

/// The versions that the live tests run on, oldest first.
pub const VERSIONS: [&str; 5] = ["3.11.3", "4.1.9", "5.0.6", "5.0.9", "6.0-alpha2"];

/// The version that is started by default: the one on which the live tests run in full.
pub const DEFAULT_VERSION: &str = "5.0.6";

/// Versions that share a configuration format and start in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// 3.11: seeds are bare addresses, and Thrift is on by default.
    V3,
    /// 4.0 and 4.1: the old configuration keys, seeds with a storage port.
    V4,
    /// 5.0 and 6.0: the new configuration keys.
    V5,
}

impl Generation {
    /// Returns the generation of a full version such as `4.1.9` or `6.0-alpha2`.
    pub(crate) fn of(version: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownVersion { version: version.to_owned() };
        let parts: Vec<&str> = version.split('.').collect();
        // The first versions of a generation are called `6.0-alpha2`, without a third number.
        let (minor, patch) = match parts[..] {
            [_, minor, patch] => (minor, patch),
            [_, minor] => minor
                .split_once('-')
                .and_then(|(minor, stage)| Some((minor, stage.strip_prefix("alpha")?)))
                .ok_or_else(unknown)?,
            _ => return Err(unknown()),
        };
        let number = |text: &str| text.parse::<u32>().map_err(|_| unknown());
        match (number(parts[0])?, number(minor)?, number(patch)?) {
            (3, 11, _) => Ok(Self::V3),
            (4, _, _) => Ok(Self::V4),
            (5 | 6, _, _) => Ok(Self::V5),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tested_version_has_a_generation() {
        let generations: Vec<_> = VERSIONS.iter().map(|v| Generation::of(v).unwrap()).collect();
        let [v3, v4, v5] = [Generation::V3, Generation::V4, Generation::V5];
        assert_eq!(generations, [v3, v4, v5, v5, v5]);
        assert!(VERSIONS.contains(&DEFAULT_VERSION));
    }

    #[test]
    fn refuses_other_versions_and_lists_the_tested_ones() {
        let incomplete =
            ["", "5", "5.0", "5.0.6.1", "5.0.x", "6.0-alpha", "6.0-alpha2.1", "latest"];
        for version in incomplete.into_iter().chain(["2.1.22", "3.0.30", "7.0.0", "6.0-beta"]) {
            let text = Generation::of(version).unwrap_err().to_string();
            assert!(text.contains("3.11.3, 4.1.9, 5.0.6, 5.0.9, 6.0-alpha2"), "{text}");
        }
    }
}
