//! The failures of replicas in read and write failure errors (v4 §9, v5 §8).

use std::net::IpAddr;

use crate::wire::{
    Context, DecodeError, EncodeError, EncodeErrorKind, Reader, Version, Writer, wire_codes,
};

wire_codes! {
    /// The reason for a replica's failure (v5 §8). The specification does not list the codes; these
    /// are the codes of Cassandra.
    pub enum FailureReason(u16) {
        /// The replica gave no specific reason.
        Unspecified = 0 "unknown",
        /// The read scanned more tombstones than the server allows.
        TooManyTombstones = 1 "too many tombstones",
        /// The replica did not finish in time.
        Timeout = 2 "timeout",
        /// The schema of the replica differs from that of the coordinator.
        IncompatibleSchema = 3 "incompatible schema",
        /// The read was larger than the server allows.
        ReadSize = 4 "read too large",
        /// The replica is down.
        NodeDown = 5 "node down",
        /// An index that the read needs is not built yet.
        IndexNotAvailable = 6 "index not available",
        /// The replica is not a member of the cluster metadata service.
        NotCms = 7 "not in the cluster metadata service",
        /// The replica does not own the token.
        InvalidRouting = 8 "invalid routing",
        /// The coordinator's cluster metadata is older than the replica's.
        CoordinatorBehind = 9 "coordinator behind",
        /// The read used more indexes than the server allows.
        TooManyIndexes = 10 "too many indexes",
    }
}

/// The replicas that failed: their number, or the address and the reason of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failures {
    /// The number of failed replicas (v3 and v4).
    Count(i32),
    /// The address of each failed replica, and the reason for its failure (v5). In v3 and v4, only the
    /// number of these replicas is encoded.
    Reasons(Vec<(IpAddr, FailureReason)>),
}

impl Failures {
    pub(super) fn decode(reader: &mut Reader<'_>, context: &Context) -> Result<Self, DecodeError> {
        if context.version < Version::V5 {
            return reader.int("numfailures").map(Self::Count);
        }
        let count = reader.count(7, "reasonmap")?;
        let reason = |reader: &mut Reader<'_>| {
            Ok((reader.inet_address("endpoint")?, reader.short("failure_code")?.into()))
        };
        reader.elements(count, reason).map(Self::Reasons)
    }

    pub(super) fn encode(
        &self,
        writer: &mut Writer<'_>,
        context: &Context,
    ) -> Result<(), EncodeError> {
        match (self, context.version) {
            (Self::Count(_), Version::V5) => {
                Err(EncodeError::new(EncodeErrorKind::NotInVersion(Version::V5), "numfailures"))
            }
            (Self::Count(count), _) => {
                writer.int(*count);
                Ok(())
            }
            (Self::Reasons(reasons), Version::V5) => {
                writer.length(reasons.len(), "reasonmap")?;
                for (endpoint, reason) in reasons {
                    writer.inet_address(*endpoint);
                    writer.short(reason.code());
                }
                Ok(())
            }
            (Self::Reasons(reasons), _) => writer.length(reasons.len(), "numfailures"),
        }
    }
}
