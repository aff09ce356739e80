//! The capabilities that a server lists in SUPPORTED, as far as the client uses them.

use super::options::ConnectionOptions;
use crate::message::{EventType, Startup, Supported};
use crate::wire::{Compression, Version};

/// The capabilities of a server that the client uses.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// The compression that the client requests. `None` if the client wants none, or if the server or
    /// the version does not support it.
    pub(super) compression: Option<Compression>,
    /// True if the server offers the event GRACEFUL_DISCONNECT.
    pub(super) can_drain: bool,
    /// True if the server lists v5 as a released version, as Cassandra 4.0 and later do.
    #[cfg_attr(not(feature = "driver"), allow(dead_code, reason = "only the driver reads it"))]
    pub(crate) has_v5: bool,
}

impl Capabilities {
    /// Returns the capabilities in `supported` that a client with these options uses in `version`.
    pub(super) fn new(
        supported: &Supported,
        options: &ConnectionOptions,
        version: Version,
    ) -> Self {
        let offers = |option: &str, wanted: &str| {
            supported.get(option).iter().any(|value| value.eq_ignore_ascii_case(wanted))
        };
        Self {
            compression: options.compression.filter(|compression| {
                compression.is_supported_in(version)
                    && offers(Startup::COMPRESSION, compression.name())
            }),
            can_drain: offers(EventType::GracefulDisconnect.as_str(), "true"),
            has_v5: offers("PROTOCOL_VERSIONS", "5/v5"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beta_version_is_not_listed_as_v5() {
        for (listed, has_v5) in [("4/v4", false), ("5/v5-beta", false), ("5/v5", true)] {
            let versions = vec!["3/v3".to_owned(), listed.to_owned()];
            let options = vec![("PROTOCOL_VERSIONS".to_owned(), versions)];
            let options_of_client = ConnectionOptions::default();
            let found = Capabilities::new(&Supported { options }, &options_of_client, Version::V4);
            assert_eq!(found.has_v5, has_v5, "{listed}");
        }
    }
}
