//! A stream gives rows that own their values; rows that borrow are read page by page.

use cqlwire::session::{Error, Session};
use cqlwire::types::FromRow;

#[derive(FromRow)]
struct User<'r> {
    name: &'r str,
}

async fn tuples(session: Session) -> Result<(), Error> {
    let mut users = session.stream::<(&str,)>("SELECT name FROM users", ());
    while let Some((name,)) = users.try_next().await? {
        println!("{name}");
    }
    Ok(())
}

async fn structs(session: Session) -> Result<(), Error> {
    let mut users = session.stream::<User>("SELECT name FROM users", ());
    while let Some(user) = users.try_next().await? {
        println!("{}", user.name);
    }
    Ok(())
}

fn main() {}
