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
        }
    }
}
