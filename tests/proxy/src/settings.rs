//! The settings that all seeds of a run share.

use std::time::Duration;

use cqlwire::session::{Session, SessionBuilder};
use cqlwire::wire::{Compression, Version};
use cqlwire_faults::{Direction, FaultKind, Profile};

use crate::Plans;

/// The settings that all seeds of a run share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The protocol version.
    pub version: Version,
    /// The compression.
    pub compression: Option<Compression>,
    /// True if connections use TLS.
    pub tls: bool,
    /// Time for which the faults are on while the session connects, and again while it runs the load.
    pub faulty_time: Duration,
    /// Number of workers of each session, which send requests concurrently.
    pub workers: u32,
    /// Number of requests that each worker sends at most while the faults are on.
    pub requests: u32,
    /// Time within which a session must recover after the faults have stopped.
    pub recovery: Duration,
    /// True if the server may crash when it decompresses requests that are not what LZ4 produces.
    /// Cassandra decompresses them in native code that trusts its input.
    pub trusts_lz4: bool,
    /// Every seed that is divisible by this number lies to the client. 0: none.
    pub lies_every: u64,
}

/// The request timeout of the session.
const TIMEOUT: Duration = Duration::from_secs(1);

impl Settings {
    /// Creates the default settings for a protocol version.
    pub const fn new(version: Version) -> Self {
        Self {
            version,
            compression: None,
            tls: false,
            faulty_time: Duration::from_millis(1_200),
            workers: 3,
            requests: 60,
            recovery: Duration::from_secs(10),
            trusts_lz4: false,
            lies_every: 5,
        }
    }

    /// Time after which a request must have ended. The request timeout is 1 second; the rest is for
    /// computers that do other work.
    pub const REQUEST_LIMIT: Duration = Duration::from_secs(15);

    /// Time after which an attempt to connect must have ended: 5 steps with their timeout, as
    /// [`Self::REQUEST_LIMIT`] for a request.
    pub const CONNECT_LIMIT: Duration = Duration::from_secs(30);

    /// Returns the plans of a seed.
    pub fn plans(&self, seed: u64) -> Plans {
        let mut profile = match self.tls {
            true => Profile::encrypted(),
            false => Profile::new(self.version),
        };
        let is_lz4_body = self.compression == Some(Compression::Lz4) && self.version < Version::V5;
        if self.trusts_lz4 && is_lz4_body {
            for kind in [FaultKind::TooShort, FaultKind::TooLong, FaultKind::CompressionFlag] {
                profile = profile.weight_in(Direction::Requests, kind, 0);
            }
        }
        profile.time = self.faulty_time;
        profile.delay = self.faulty_time / 2;
        let lies = self.lies_every > 0 && seed.is_multiple_of(self.lies_every);
        Plans::Random { seed, profile: Box::new(profile.lies_to_client(lies)) }
    }

    /// Returns a builder for a session with short timeouts. It notices dead connections early, so that
    /// a seed takes little time.
    pub(crate) fn session(&self) -> SessionBuilder {
        Session::builder()
            .protocol_version(self.version)
            .compression(self.compression)
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .connection(|options| {
                options.heartbeat_interval = Duration::from_secs(2);
                options.heartbeat_timeout = TIMEOUT;
                options.probe_after = Duration::from_millis(100);
                options.probe_timeout = Duration::from_millis(200);
            })
    }
}
