//! The execution of a statement, and its result in a form that can be compared.

use std::borrow::Cow;
use std::net::SocketAddr;

use cqlwire::connection::Connection;
use cqlwire::message::{
    ErrorCode, Execute, Parameters, Prepare, Query, Request, RequestFrame, Response, ResultMessage,
};
use cqlwire::protocol::ConnectionOptions;
use cqlwire::types::{RowIter, Value};
use cqlwire::wire::{Consistency, Stream, Version};
use libtest_mimic::Failed;

/// A connection to a server.
pub(super) struct Server {
    connection: Connection,
}

/// The result of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Error {
        code: ErrorCode,
        message: String,
    },
    /// The columns, and the rows of each page.
    Rows {
        columns: Vec<String>,
        pages: Vec<Vec<String>>,
    },
    /// A result without rows.
    Other(String),
}

/// Most pages that are read.
const MAX_PAGES: usize = 30;

impl Server {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, Failed> {
        let options = ConnectionOptions { version: Version::V4, ..Default::default() };
        Ok(Self { connection: Connection::connect(address, &options).await? })
    }

    /// Executes a statement and reads all pages.
    pub(super) async fn execute(
        &self,
        text: &str,
        page_size: Option<i32>,
        is_prepared: bool,
    ) -> Result<Outcome, Failed> {
        let id = match is_prepared {
            true => match self.request(Prepare::new(text.to_owned())).await? {
                Response::Result(ResultMessage::Prepared(prepared)) => Some(prepared.id),
                response => return outcome(response),
            },
            false => None,
        };
        let mut pages = Vec::new();
        let mut paging_state: Option<Vec<u8>> = None;
        loop {
            let parameters = Parameters {
                page_size,
                paging_state: paging_state.take().map(Cow::Owned),
                ..Consistency::One.into()
            };
            let response = match &id {
                Some(id) => {
                    let id = Cow::Owned(id.to_vec());
                    self.request(Execute { id, result_metadata_id: None, parameters }).await?
                }
                None => self.request(Query { text: text.to_owned().into(), parameters }).await?,
            };
            let Response::Result(ResultMessage::Rows(rows)) = response else {
                return outcome(response);
            };
            let specs = rows.metadata.columns.clone().unwrap_or_default();
            let columns = specs.iter().map(|it| format!("{} {}", it.name, it.cql_type)).collect();
            let page = RowIter::<Vec<Value>>::new(&rows.content, &specs, rows.count)?;
            let page = page.map(|row| row.map(|row| format!("{row:?}")));
            // A node may return values that are invalid, such as tuples that are cut off.
            let page = page.collect::<Result<Vec<_>, _>>();
            pages.push(page.unwrap_or_else(|error| vec![format!("{error}: {:?}", rows.content)]));
            paging_state = rows.metadata.paging_state.as_ref().map(|state| state.to_vec());
            if paging_state.is_none() || pages.len() == MAX_PAGES {
                return Ok(Outcome::Rows { columns, pages });
            }
        }
    }

    async fn request(&self, request: impl Into<Request<'static>>) -> Result<Response, Failed> {
        let frame = RequestFrame::new(Stream(0), request);
        Ok(self.connection.request(&frame, None).await?.response)
    }
}

fn outcome(response: Response) -> Result<Outcome, Failed> {
    Ok(match response {
        Response::Error(error) => {
            Outcome::Error { code: error.code, message: error.message.to_string() }
        }
        Response::Result(result) => Outcome::Other(format!("{result:?}")),
        other => return Err(format!("unexpected response {other:?}").into()),
    })
}

impl Outcome {
    /// Returns the message if the double does not support the statement.
    pub(super) fn unsupported(&self) -> Option<&str> {
        match self {
            Self::Error { message, .. } if message.starts_with("MockServer does not") => {
                Some(message)
            }
            _ => None,
        }
    }

    pub(super) const fn is_error(&self) -> bool {
        matches!(self, Self::Error { .. })
    }

    /// Returns true if a real node failed for a reason that is not part of the statement.
    pub(super) const fn is_failure(&self) -> bool {
        matches!(self, Self::Error { code: ErrorCode::ReadFailure | ErrorCode::Server, .. })
    }

    /// Returns true if the results are equal, or if both are errors of the same code.
    pub(super) fn agrees_with(&self, double: &Self) -> bool {
        match (self, double) {
            (Self::Error { code, .. }, Self::Error { code: other, .. }) => code == other,
            _ => self == double,
        }
    }

    /// Returns the messages of two errors if they differ. Messages about syntax are compared up to the
    /// position.
    pub(super) fn different_messages(&self, double: &Self) -> Option<(String, String)> {
        match (self, double) {
            (Self::Error { code, message }, Self::Error { message: other, .. }) => {
                let is_equal = match *code == ErrorCode::Syntax {
                    true => position(message) == position(other),
                    false => message == other,
                };
                (!is_equal).then(|| (message.clone(), other.clone()))
            }
            _ => None,
        }
    }
}

/// Returns the position of a syntax error, such as `line 1:9`.
fn position(message: &str) -> Vec<&str> {
    message.split(' ').take(2).collect()
}
