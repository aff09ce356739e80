//! The loads on cqlwire.

use std::net::SocketAddr;

use cqlwire::session::{PreparedStatement, Session};
use tokio::runtime::Runtime;

use super::{Sample, run, runtime};
use crate::driver::load::{KEYS, SELECT, VALUE};

pub struct Ours {
    runtime: Runtime,
    session: Session,
    select: PreparedStatement,
}

impl Ours {
    pub fn connect(address: SocketAddr, connections: usize) -> Self {
        let runtime = runtime();
        let (session, select) = runtime.block_on(async {
            let builder = Session::builder().contact_points([address.to_string()]);
            let session = builder.connections_per_node(connections).connect().await.unwrap();
            let select = session.prepare(SELECT).await.unwrap();
            (session, select)
        });
        Self { runtime, session, select }
    }

    pub fn select(&self, tasks: usize, requests: usize) -> Sample {
        let (session, select) = (self.session.clone(), self.select.clone());
        self.runtime.block_on(run(tasks, requests, move |number| {
            let (session, select) = (session.clone(), select.clone());
            async move {
                let key = number as i64 % KEYS;
                let result = session.execute(&select, (key,)).await.unwrap();
                assert_eq!(result.one::<(&str,)>().unwrap().0.len(), VALUE.len());
            }
        }))
    }
}
