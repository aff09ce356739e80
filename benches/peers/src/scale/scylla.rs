//! The loads on the driver scylla.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use rustls::ClientConfig;
use scylla::client::PoolSize;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;

use super::client::{Driver, key};
use crate::driver::load::{INSERT, SELECT, VALUE};

pub struct Scylla {
    session: Session,
    select: PreparedStatement,
    insert: PreparedStatement,
}

impl Driver for Scylla {
    async fn connect(
        address: SocketAddr,
        connections: usize,
        tls: Option<Arc<ClientConfig>>,
    ) -> Self {
        let connections = NonZeroUsize::new(connections).unwrap();
        let builder = SessionBuilder::new().known_node(address.to_string()).tls_context(tls);
        let session = builder.pool_size(PoolSize::PerHost(connections)).build().await.unwrap();
        let [select, insert] = [SELECT, INSERT].map(|text| session.prepare(text));
        let (select, insert) = (select.await.unwrap(), insert.await.unwrap());
        Self { session, select, insert }
    }

    async fn select(&self, key: i64) {
        let result = self.session.execute_unpaged(&self.select, (key,)).await.unwrap();
        let rows = result.into_rows_result().unwrap();
        assert_eq!(rows.single_row::<(&str,)>().unwrap().0.len(), VALUE.len());
    }

    async fn batch(&self, rows: usize) {
        let mut batch = Batch::new(BatchType::Unlogged);
        (0..rows).for_each(|_| batch.append_statement(self.insert.clone()));
        let values: Vec<_> = (0..rows).map(|number| (key(number), VALUE)).collect();
        self.session.batch(&batch, values).await.unwrap();
    }
}
