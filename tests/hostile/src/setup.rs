//! The protocol versions and compressions.

use std::{fmt, str::FromStr};

use cqlwire::wire::{Compression, Version};

/// A protocol version with a compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) version: Version,
    pub(crate) compression: Option<Compression>,
}

impl Setup {
    /// Returns all versions with each of their compressions.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for version in Version::ALL {
            let compressions = Compression::ALL.iter().copied();
            let supported = compressions.filter(|compression| compression.is_supported_in(version));
            for compression in [None].into_iter().chain(supported.map(Some)) {
                all.push(Self { version, compression });
            }
        }
        all
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.version.number())?;
        self.compression.map_or(Ok(()), |compression| write!(f, "-{compression}"))
    }
}

impl FromStr for Setup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::all();
        let names: Vec<_> = all.iter().map(Self::to_string).collect();
        let found = names.iter().position(|name| name == text);
        found.map(|index| all[index]).ok_or_else(|| format!("use one of {}", names.join(", ")))
    }
}
