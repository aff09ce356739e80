//! The loads on the driver cdrs-tokio.

use std::net::SocketAddr;
use std::sync::Arc;

use cdrs_tokio::query::{BatchQueryBuilder, PreparedQuery};
use cdrs_tokio::query_values;
use cdrs_tokio::types::ByIndex;
use rustls::ClientConfig;

use super::client::{Driver, key};
use crate::driver::cdrs::{CdrsSession, session};
use crate::driver::load::{INSERT, SELECT, VALUE};

pub struct Cdrs {
    session: CdrsSession,
    select: PreparedQuery,
    insert: PreparedQuery,
}

impl Driver for Cdrs {
    async fn connect(
        address: SocketAddr,
        connections: usize,
        tls: Option<Arc<ClientConfig>>,
    ) -> Self {
        assert!(tls.is_none(), "the bench has no TLS for cdrs-tokio");
        let session = session(address, connections).await;
        let select = session.prepare(SELECT).await.unwrap();
        let insert = session.prepare(INSERT).await.unwrap();
        Self { session, select, insert }
    }

    async fn select(&self, key: i64) {
        let response = self.session.exec_with_values(&self.select, query_values!(key)).await;
        let rows = response.unwrap().response_body().unwrap().into_rows().unwrap();
        let value: String = rows[0].r_by_index(0).unwrap();
        assert_eq!(value.len(), VALUE.len());
    }

    async fn batch(&self, rows: usize) {
        let batch = (0..rows).fold(BatchQueryBuilder::new(), |batch, number| {
            batch.add_query_prepared(&self.insert, query_values!(key(number), VALUE))
        });
        let batch = batch.with_batch_type(cdrs_tokio::frame::message_batch::BatchType::Unlogged);
        self.session.batch(batch.build().unwrap()).await.unwrap();
    }
}
