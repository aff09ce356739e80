//! The loads on cqlwire.

use std::net::SocketAddr;
use std::sync::Arc;

use cqlwire::session::{Batch, PreparedStatement, Session};
use rustls::ClientConfig;

use super::client::{Driver, key};
use crate::driver::load::{INSERT, SELECT, VALUE};

pub struct Ours {
    session: Session,
    select: PreparedStatement,
    insert: PreparedStatement,
}

impl Driver for Ours {
    async fn connect(
        address: SocketAddr,
        connections: usize,
        tls: Option<Arc<ClientConfig>>,
    ) -> Self {
        let builder = Session::builder().contact_points([address.to_string()]);
        let builder = match tls {
            Some(config) => builder.tls(config.into()),
            None => builder,
        };
        let session = builder.connections_per_node(connections).connect().await.unwrap();
        let [select, insert] = [SELECT, INSERT].map(|text| session.prepare(text));
        let (select, insert) = (select.await.unwrap(), insert.await.unwrap());
        Self { session, select, insert }
    }

    async fn select(&self, key: i64) {
        let result = self.session.execute(&self.select, (key,)).await.unwrap();
        assert_eq!(result.one::<(&str,)>().unwrap().0.len(), VALUE.len());
    }

    async fn batch(&self, rows: usize) {
        let batch = (0..rows).fold(Batch::unlogged(), |batch, number| {
            batch.statement(&self.insert, (key(number), VALUE))
        });
        self.session.batch(&batch).await.unwrap();
    }
}
