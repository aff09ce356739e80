//! Values that a session cannot bind.

use cqlwire::session::Session;

struct Own;

async fn execute(session: Session) {
    session.execute("INSERT INTO users (username) VALUES (?)", (Own,)).await.unwrap();
}

fn main() {}
