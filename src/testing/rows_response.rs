//! The page of rows that a request asks for.

use super::prepared::{PreparedStatement, result_metadata_id};
use super::table::Table;
use crate::message::{Parameters, Request, Rows};
use crate::wire::Context;

/// Returns the page that `request` asks for. `prepared` is the statement that it executes, if the
/// statement was prepared.
///
/// The page describes its columns, unless the client asks to skip them and has them: as Cassandra does,
/// compares the metadata id of the request with the id of the columns (v5), or else relies on the
/// response to the PREPARE.
pub(super) fn rows_response(
    table: &Table,
    request: &Request<'_>,
    prepared: Option<&PreparedStatement>,
    context: &Context,
) -> Rows {
    let whole_table = || table.page(None, None);
    let page = |parameters: &Parameters<'_>| {
        table.page(parameters.paging_state.as_deref(), parameters.page_size)
    };
    match request {
        Request::Query(query) => {
            let mut rows = page(&query.parameters);
            if query.parameters.skip_metadata {
                rows.metadata.columns = None;
            }
            rows
        }
        Request::Execute(execute) => {
            let mut rows = page(&execute.parameters);
            let skips = execute.parameters.skip_metadata;
            if context.has_metadata_ids() {
                let id = result_metadata_id(table.columns());
                if table.has_varying_columns() {
                    // Cassandra describes the columns of a conditional statement each time.
                } else if execute.result_metadata_id.as_deref() != Some(&*id) {
                    rows.metadata.new_metadata_id = Some(id);
                } else if skips {
                    rows.metadata.columns = None;
                }
            } else if skips && prepared.is_some_and(|known| known.describes(table.columns())) {
                rows.metadata.columns = None;
            }
            rows
        }
        _ => whole_table(),
    }
}
