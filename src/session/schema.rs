//! Waiting for the schema.

use std::sync::Arc;

use tokio::time::Instant;

use super::error::{Error, ErrorKind};
use super::executor::Executor;
use super::options::{EffectiveOptions, Options};
use crate::cluster::SchemaError;
use crate::cluster::schema::Schema;

impl Executor {
    /// Returns the schema. If it has not been read yet, waits for it, but no longer than the
    /// session's request timeout.
    pub(super) async fn schema(&self) -> Result<Arc<Schema>, Error> {
        let options = EffectiveOptions::new(&Options::NONE, &self.defaults);
        let schema = self.cluster.wait_for_schema(options.deadline(Instant::now())).await;
        schema.map_err(|error| {
            let kind = match error {
                SchemaError::Disabled | SchemaError::TooLarge(_) => ErrorKind::Config,
                SchemaError::Closed(_) => ErrorKind::Closed,
                SchemaError::Timeout { .. } => ErrorKind::Timeout,
            };
            Error::new(kind, error.to_string())
        })
    }
}
