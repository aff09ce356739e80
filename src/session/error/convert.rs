//! Conversions from the errors of the layers below.

use super::{Detail, Error, ErrorKind};
use crate::cluster::{ClusterError, NodeError};
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

impl Error {
    /// Converts a [`ClusterError`], which says why the session cannot connect.
    pub(in crate::session) fn unreachable(error: ClusterError) -> Self {
        match error {
            ClusterError::Fatal(error) => (*error).into(),
            ClusterError::Config(text) => Self::new(ErrorKind::Config, text),
            ClusterError::Closed(text) => Self::new(ErrorKind::Closed, text),
            ClusterError::Unreachable { failures, .. } => {
                let target = match failures.len() {
                    1 => "the cluster".to_owned(),
                    count => format!("any of {count} nodes"),
                };
                let text = format!("cannot reach {target}: {}", failures.join("; "));
                Self::new(ErrorKind::Unreachable, text)
            }
        }
    }

    /// Converts the error of a statement for which no node can be used. The refusal of one of the
    /// driver's own requests, such as `USE`, is not reported as the server's response to the
    /// statement.
    pub(in crate::session) fn no_node(error: ClusterError) -> Self {
        if let ClusterError::Fatal(error) = &error
            && let NodeError::UseKeyspace { address, .. } = &**error
        {
            let text = format!("cannot use any node: {address}: {error}");
            return Self::new(ErrorKind::Unreachable, text);
        }
        Self::unreachable(error)
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
