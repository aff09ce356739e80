//! Conversions from the errors of the layers below.

use super::{Detail, Error, ErrorKind};
use crate::cluster::NodeError;
use crate::connection::{RequestError, RequestErrorKind};
use crate::types::{BindError, RowError, TypeError};

impl From<Box<RequestError>> for Error {
    fn from(error: Box<RequestError>) -> Self {
        let kind = match &error.kind {
            RequestErrorKind::TimedOut => ErrorKind::Timeout,
            RequestErrorKind::Encode(_) => ErrorKind::Encode,
            RequestErrorKind::Decode(_) => ErrorKind::Protocol,
            RequestErrorKind::Closed(_) => ErrorKind::Connection,
        };
        let node = error.address;
        Self::with_detail(kind, Detail::Request(error)).with_node(node)
    }
}

impl From<NodeError> for Error {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Connection(error) if error.reason.is_authentication() => {
                Self::new(ErrorKind::Authentication, format!("cannot log in to {error}"))
            }
            NodeError::Connection(error) => {
                Self::new(ErrorKind::Unreachable, format!("cannot reach {error}"))
            }
            error @ NodeError::ShuttingDown => Self::new(ErrorKind::Unreachable, error.to_string()),
            NodeError::UseKeyspace { address, statement, error } => {
                Self::server(*error, address).with_statement(&statement.into())
            }
            NodeError::Request(error) => Box::new(error).into(),
            NodeError::UnexpectedResponse { address, statement } => {
                Self::protocol("its response is neither RESULT nor ERROR")
                    .with_node(address)
                    .with_statement(&statement.into())
            }
        }
    }
}

impl From<BindError> for Error {
    fn from(error: BindError) -> Self {
        Self::with_detail(ErrorKind::Bind, Detail::Bind(error))
    }
}

impl From<TypeError> for Error {
    fn from(error: TypeError) -> Self {
        Self::with_detail(ErrorKind::Read, Detail::Type(error))
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        Self::with_detail(ErrorKind::Read, Detail::Row(error))
    }
}
