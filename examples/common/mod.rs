//! The session of the examples.

use cqlwire::session::{Error, Session};

/// Connects to the server that the first argument names (default: 127.0.0.1), and uses the keyspace
/// `example`. `cargo run -p cassandra-harness --bin cassandra` starts a server.
pub(crate) async fn session() -> Result<Session, Error> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".to_owned());
    let session = Session::builder().contact_points([server]).connect().await?;
    session
        .execute(
            "CREATE KEYSPACE IF NOT EXISTS example WITH replication = \
             {'class': 'SimpleStrategy', 'replication_factor': 1}",
            (),
        )
        .await?;
    session.execute("USE example", ()).await?;
    Ok(session)
}
