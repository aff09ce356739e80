//! Reads the schema over the control connection, in pieces between which other tasks run.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::debug;

use super::schema::{Schema, SchemaPart, SchemaReader};
use super::system_pages::Pages;
use super::system_tables::{MemoryBudget, ReadError, columns_memory};
use crate::connection::Connection;

/// A node from which the schema is read.
pub(super) struct SchemaSource<'a> {
    pub(super) connection: &'a Connection,
    /// The timeout of each page.
    pub(super) timeout: Duration,
    /// The version of the node, or an empty text if it is unknown.
    pub(super) version: &'a str,
}

/// The schema of one keyspace, or the whole schema.
pub(super) struct SchemaRead {
    pub(super) schema: Schema,
    /// A table that the server refused to read although every Cassandra version has it, if any.
    pub(super) refused: Option<&'static str>,
    /// False if the server failed to DESCRIBE the tables, so that the schema lacks their constraints.
    pub(super) is_described: bool,
}

/// Number of rows that are decoded before other tasks of the thread run. They take less than 100
/// microseconds.
const ROWS_AT_ONCE: usize = 128;

/// Memory that a row of the schema takes beside its bytes, in bytes.
const ROW_MEMORY: usize = 128;

/// Memory that a keyspace takes beside its rows, in bytes.
const KEYSPACE_MEMORY: usize = 1_024;

impl SchemaSource<'_> {
    /// Reads the schema of one keyspace, or the whole schema. Skips the system tables that the server
    /// lacks.
    ///
    /// # Errors
    /// Returns an error if the connection fails, the server cannot answer, or the rows are too large.
    pub(super) async fn read(&self, keyspace: Option<&str>) -> Result<SchemaRead, ReadError> {
        self.read_all(SchemaPart::ALL.map(|part| (part, part.select(keyspace))).into()).await
    }

    /// Reads tables of a keyspace. Also reads its row, types and views, which show whether more than the tables may
    /// have changed: see [`Schema::with_tables`].
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    pub(super) async fn read_tables(
        &self,
        keyspace: &str,
        tables: &BTreeSet<String>,
    ) -> Result<SchemaRead, ReadError> {
        let of_keyspace = SchemaPart::BESIDE_TABLES.map(|part| (part, part.select(Some(keyspace))));
        let of_table =
            |table| SchemaPart::OF_TABLES.map(|part| (part, part.select_table(keyspace, table)));
        let of_tables = tables.iter().flat_map(|table| of_table(table));
        self.read_all(of_keyspace.into_iter().chain(of_tables).collect()).await
    }

    /// Reads parts of the schema with these statements.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    async fn read_all(
        &self,
        statements: Vec<(SchemaPart, String)>,
    ) -> Result<SchemaRead, ReadError> {
        let (mut reader, mut refused, mut is_described) = (Schema::reader(), None, true);
        let mut describe_failed = false;
        let budget = MemoryBudget::new();
        let is_needed = |(part, _): &(SchemaPart, String)| part.is_needed(self.version);
        for (part, statement) in statements.into_iter().filter(is_needed) {
            // A server that does not answer costs a timeout for each statement.
            if describe_failed && part == SchemaPart::CreateStatements {
                continue;
            }
            match self.part(&mut reader, &budget, part, &statement).await {
                Ok(()) => {}
                Err(ReadError::Missing) if part.is_optional() => {}
                Err(ReadError::Missing) => refused = part.table(),
                // The statements only add to the schema, and a server may fail to make them.
                Err(error) if part == SchemaPart::CreateStatements && error.is_of_server() => {
                    debug!(%error, "DESCRIBE failed; the schema lacks constraints");
                    describe_failed = true;
                    // Another read would not return less.
                    is_described &= error.is_too_large();
                }
                Err(error) => return Err(error),
            }
        }
        while reader.build_next() {
            tokio::task::yield_now().await;
        }
        let schema = reader.finish();
        schema.warnings().for_each(|warning| debug!(warning, "schema could not be read in full"));
        Ok(SchemaRead { schema, refused, is_described })
    }

    /// Adds the rows of a statement to `reader`. If the server refuses a page after the first, starts over
    /// with the first page; rows that are added again replace the others.
    async fn part(
        &self,
        reader: &mut SchemaReader,
        budget: &MemoryBudget,
        part: SchemaPart,
        statement: &str,
    ) -> Result<(), ReadError> {
        let mut pages = Pages::new(self.connection, self.timeout, statement);
        loop {
            let read = add_pages(reader, budget, part, &mut pages).await;
            if !pages.start_over(&read) {
                return read;
            }
        }
    }
}

/// Adds the rows of all pages to `reader`.
async fn add_pages(
    reader: &mut SchemaReader,
    budget: &MemoryBudget,
    part: SchemaPart,
    pages: &mut Pages<'_>,
) -> Result<(), ReadError> {
    while let Some(page) = pages.next().await? {
        pages.add_rows(page.count);
        budget.take(page.content.len() + page.count * ROW_MEMORY)?;
        let Some(mut rows) = reader.open_page(part, &page) else { continue };
        // The reader may keep the columns of the page, and those of the options apart.
        let columns = page.metadata.columns.as_deref().unwrap_or_default();
        budget.take(2 * columns_memory(columns))?;
        loop {
            let keyspaces = reader.keyspace_count();
            let has_more = reader.add_rows(&mut rows, ROWS_AT_ONCE);
            budget.take((reader.keyspace_count() - keyspaces) * KEYSPACE_MEMORY)?;
            if !has_more {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
