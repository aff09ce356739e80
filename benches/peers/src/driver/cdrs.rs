//! The loads on the driver cdrs-tokio.

use std::net::SocketAddr;
use std::sync::Arc;

use cdrs_tokio::cluster::session::{Session, SessionBuilder, TcpSessionBuilder};
use cdrs_tokio::cluster::{NodeTcpConfigBuilder, TcpConnectionManager};
use cdrs_tokio::load_balancing::RoundRobinLoadBalancingStrategy;
use cdrs_tokio::query::PreparedQuery;
use cdrs_tokio::query_values;
use cdrs_tokio::transport::TransportTcp;
use cdrs_tokio::types::ByIndex;
use tokio::runtime::Runtime;

use super::load::{INSERT, Kind, Load, SCAN, SELECT, Sample, VALUE, run};
use super::{Client, runtime};

type Balancing = RoundRobinLoadBalancingStrategy<TransportTcp, TcpConnectionManager>;

pub struct Cdrs {
    runtime: Runtime,
    session: Arc<Session<TransportTcp, TcpConnectionManager, Balancing>>,
    select: PreparedQuery,
    insert: PreparedQuery,
    scan: PreparedQuery,
}

impl Cdrs {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = runtime();
        let (session, [select, insert, scan]) = runtime.block_on(async {
            let config = NodeTcpConfigBuilder::new()
                .with_contact_point(address.to_string().into())
                .build()
                .await
                .unwrap();
            let balancing = RoundRobinLoadBalancingStrategy::new();
            let session = TcpSessionBuilder::new(balancing, config).build().await.unwrap();
            let prepared = [
                session.prepare(SELECT).await.unwrap(),
                session.prepare(INSERT).await.unwrap(),
                session.prepare(SCAN).await.unwrap(),
            ];
            (Arc::new(session), prepared)
        });
        Self { runtime, session, select, insert, scan }
    }
}

impl Client for Cdrs {
    fn run(&mut self, load: Load) -> Option<Sample> {
        let Self { session, select, insert, scan, .. } = &*self;
        Some(self.runtime.block_on(async {
            match load.kind {
                Kind::Read => {
                    run(load, async |key| {
                        let values = query_values!(key);
                        let response = session.exec_with_values(select, values).await.unwrap();
                        let rows = response.response_body().unwrap().into_rows().unwrap();
                        let value: String = rows[0].r_by_index(0).unwrap();
                        value.len()
                    })
                    .await
                }
                Kind::Write => {
                    run(load, async |key| {
                        let values = query_values!(key, VALUE);
                        session.exec_with_values(insert, values).await.unwrap();
                        1
                    })
                    .await
                }
                Kind::Scan => {
                    run(load, async |_| {
                        let response = session.exec(scan).await.unwrap();
                        let rows = response.response_body().unwrap().into_rows().unwrap();
                        let text = |row: &cdrs_tokio::types::rows::Row, index| -> String {
                            row.r_by_index(index).unwrap()
                        };
                        let users: Vec<_> =
                            rows.iter().map(|row| (text(row, 0), text(row, 1))).collect();
                        users.len()
                    })
                    .await
                }
            }
        }))
    }
}
