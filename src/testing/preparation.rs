//! The response to the PREPARE of a statement.

use std::sync::Arc;

use crate::types::ColumnSpec;

/// The response to the PREPARE of a statement.
#[derive(Debug, Clone)]
pub(super) enum Preparation {
    /// The statement is prepared, with the variables of the reply and the columns of its rows.
    Scripted,
    /// The statement is prepared as the server understood it.
    Understood(Arc<StatementMetadata>),
    /// PREPARE gets the reply itself, which is an error.
    Refused,
}

/// The metadata of a statement that the server understood.
#[derive(Debug)]
pub(super) struct StatementMetadata {
    pub(super) variables: Vec<ColumnSpec>,
    pub(super) columns: Arc<[ColumnSpec]>,
    /// The indexes of the variables that form the partition key, in key order.
    pub(super) partition_key: Vec<u16>,
}

impl Preparation {
    /// Returns the metadata of a statement that the server understood, or `None` for another
    /// statement.
    pub(super) fn metadata(&self) -> Option<&StatementMetadata> {
        match self {
            Self::Understood(metadata) => Some(metadata),
            Self::Scripted | Self::Refused => None,
        }
    }
}
