//! Spawned tasks that hold rows, and the data that rows borrow, across `.await`.

use cqlwire::session::{Error, Session};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{CqlType, Elements, Entries, FromRow, NativeType, Record};

const SELECT: &str = "SELECT name, age FROM users";
const INSERT: &str = "INSERT INTO users (name, age) VALUES (?, ?)";
const NAMES: &str = "SELECT name FROM users";
const TAGS: &str = "SELECT tags, levels FROM users";

async fn session() -> (MockServer, Session) {
    let users = [("name", NativeType::Text), ("age", NativeType::Int)];
    let tags = CqlType::List(Box::new(NativeType::Text.into()));
    let levels = CqlType::Map(Box::new((NativeType::Text.into(), NativeType::Int.into())));
    let tagged = (["a", "b"], std::collections::BTreeMap::from([("x", 1)]));
    let server = MockServer::bind("127.0.0.1:0")
        .await
        .unwrap()
        .on(SELECT, Reply::rows(users, [("ada", 36), ("bob", 7)]))
        .on(NAMES, Reply::rows(["name"], [["ada"], ["bob"]]))
        .on(TAGS, Reply::rows([("tags", tags), ("levels", levels)], [tagged]))
        .on(INSERT, Reply::void().variables(users));
    let address = server.address().to_string();
    let session = Session::builder().contact_points([address]).connect().await.unwrap();
    (server, session)
}

/// Runs a task and returns the number of INSERTs that the server received.
async fn count_inserts<F>(task: impl FnOnce(Session) -> F) -> usize
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (server, session) = session().await;
    tokio::spawn(task(session)).await.unwrap().unwrap();
    server.statements().iter().filter(|statement| *statement == INSERT).count()
}

#[derive(FromRow)]
struct User<'r> {
    age: i32,
    name: &'r str,
}

#[derive(FromRow)]
struct Pair<'r>(&'r str, i32);

#[tokio::test]
async fn a_task_can_hold_tuples_of_borrowed_values() {
    let count = count_inserts(|session| async move {
        let result = session.execute(SELECT, ()).await?;
        for row in result.rows::<(&str, i32)>()? {
            let (name, age) = row?;
            session.execute(INSERT, (name, age)).await?;
        }
        Ok(())
    });
    assert_eq!(count.await, 2);
}

#[tokio::test]
async fn a_task_can_hold_single_borrowed_values() {
    let count = count_inserts(|session| async move {
        let result = session.execute(NAMES, ()).await?;
        for name in result.rows::<&str>()? {
            session.execute(INSERT, (name?, 1)).await?;
        }
        Ok(())
    });
    assert_eq!(count.await, 2);
}

#[tokio::test]
async fn a_task_can_hold_structs_that_borrow() {
    let count = count_inserts(|session| async move {
        let result = session.execute(SELECT, ()).await?;
        for user in result.rows::<User<'_>>()? {
            let User { name, age } = user?;
            session.execute(INSERT, (name, age)).await?;
        }
        for pair in result.rows::<Pair<'_>>()? {
            let Pair(name, age) = pair?;
            session.execute(INSERT, (name, age)).await?;
        }
        Ok(())
    });
    assert_eq!(count.await, 4);
}

#[tokio::test]
async fn a_task_can_hold_pages() {
    let count = count_inserts(|session| async move {
        let mut pages = session.stream::<User<'_>>(SELECT, ());
        while let Some(page) = pages.next_page().await? {
            for user in page.rows::<User<'_>>()? {
                let User { name, age } = user?;
                session.execute(INSERT, (name, age)).await?;
            }
        }
        Ok(())
    });
    assert_eq!(count.await, 2);
}

#[tokio::test]
async fn a_task_can_hold_elements_of_collections() {
    let count = count_inserts(|session| async move {
        let result = session.execute(TAGS, ()).await?;
        for row in result.rows::<(Elements<'_, &str>, Entries<'_, &str, i32>)>()? {
            let (tags, levels) = row?;
            for tag in tags {
                session.execute(INSERT, (tag.unwrap(), 1)).await?;
            }
            for level in levels {
                session.execute(INSERT, level.unwrap()).await?;
            }
        }
        Ok(())
    });
    assert_eq!(count.await, 3);
}

#[tokio::test]
async fn a_task_can_hold_records() {
    let count = count_inserts(|session| async move {
        let result = session.execute(SELECT, ()).await?;
        for record in result.rows::<Record>()? {
            session.execute(INSERT, record?.into_values()).await?;
        }
        Ok(())
    });
    assert_eq!(count.await, 2);
}

/// Reads rows as a generic type, which may or may not borrow.
async fn count<T: for<'r> FromRow<'r> + Send>(session: Session) -> Result<(), Error> {
    let result = session.execute(SELECT, ()).await?;
    for row in result.rows::<T>()? {
        row?;
        session.execute(INSERT, ("", 1)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_task_can_hold_rows_of_a_generic_type() {
    assert_eq!(count_inserts(count::<(String, i32)>).await, 2);
    assert_eq!(count_inserts(count::<Record>).await, 2);
}
