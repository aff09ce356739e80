//! Interleavings of the tasks of a pool, its callers and the end of the pool.

use shuttle::future::{JoinHandle, block_on, spawn};
use shuttle::thread;

use super::*;
use crate::cluster::Reconnect;
use crate::connection::Connector;
use crate::connection::interleavings::{Fixture, in_runtime};
use crate::sync::{explore, random_below};

/// Creates a pool whose connections the test opens.
fn pool(size: usize) -> Arc<PoolConnector> {
    let (connector, reconnect) = (Connector::default(), Reconnect::default());
    let context = PoolContext::new("test".into(), connector, reconnect, size, None);
    let context = Arc::new(context);
    let address = ([127, 0, 0, 1], 9042).into();
    let counters = Arc::new(NodeCounters::new("test", address, &context.traffic));
    let id = context.attempts.add_pool();
    Arc::new(PoolConnector {
        id,
        address,
        host: None,
        slots: Slots::new(id, size, &counters, &context),
        counters,
        orphans: Arc::default(),
        reconnect: Notify::new(),
        context,
    })
}

/// Starts the task of a slot, which ends when its first connection has departed.
fn start_task(
    pool: &Arc<PoolConnector>,
    index: usize,
    connection: Arc<Connection>,
) -> JoinHandle<Departure> {
    let pool = Arc::clone(pool);
    spawn(async move {
        pool.slots.put(index, &connection);
        let watch = connection.watch();
        drop(connection);
        pool.wait_departed(index, &watch, true).await
    })
}

/// Waits until a task has departed or was aborted.
fn wait_ended(task: JoinHandle<Departure>) {
    let _aborted = block_on(task);
}

fn error() -> NodeError {
    let address = ([127, 0, 0, 1], 9042).into();
    NodeError::Connection(ConnectionError { address, reason: CloseReason::Local })
}

/// A connection leaves its pool in each of the ways that the driver has, while callers use it.
#[test]
fn a_connection_that_leaves_its_pool_closes_after_its_last_response() {
    in_runtime(|runtime| {
        explore(move || {
            let pool = pool(2);
            let fixtures = [0, 1].map(|_| Arc::new(Fixture::open(runtime)));
            let tasks = [0, 1].map(|index| {
                let connection = Arc::clone(fixtures[index].connection());
                start_task(&pool, index, connection)
            });
            let callers: Vec<_> = (1..4)
                .map(|number| {
                    let pool = Arc::clone(&pool);
                    thread::spawn(move || {
                        if let Some(connection) = pool.slots.connection() {
                            let request = Fixture::request(&connection, number, None);
                            block_on(request).expect("the connection closed too early");
                        }
                    })
                })
                .collect();
            let connection = Arc::clone(fixtures[0].connection());
            match random_below(4) {
                0 => drop(pool.slots.release_all(&connection, &NodeError::ShuttingDown)),
                1 => pool.slots.release(&connection, &error()),
                2 => fixtures[0].announce_shutdown(),
                _ => {}
            }
            drop(connection);
            let fixtures = fixtures.map(|fixture| {
                let mut fixture = Arc::into_inner(fixture).unwrap();
                fixture.release();
                fixture
            });
            if random_below(2) == 0 {
                tasks.iter().for_each(JoinHandle::abort);
            }
            pool.slots.close();
            callers.into_iter().for_each(|caller| caller.join().unwrap());
            tasks.into_iter().for_each(wait_ended);
            assert!(fixtures.iter().all(Fixture::wait_ended));
            let PoolContext { released, traffic, .. } = &*pool.context;
            assert_eq!((pool.slots.len(), pool.slots.connections().count()), (0, 0));
            assert!(released.open().is_empty(), "a connection is open");
            let count = fixtures.iter().map(Fixture::traffic);
            let bytes = count.fold((0, 0), |sum, bytes| (sum.0 + bytes.0, sum.1 + bytes.1));
            assert_eq!(traffic.bytes(), bytes, "bytes were counted twice, or not at all");
        });
    });
}

#[test]
fn a_pool_that_is_closed_while_connections_arrive_keeps_none() {
    in_runtime(|runtime| {
        explore(move || {
            let pool = pool(2);
            let fixtures = [0, 1].map(|_| Fixture::open(runtime));
            let tasks = [0, 1].map(|index| {
                let connection = Arc::clone(fixtures[index].connection());
                start_task(&pool, index, connection)
            });
            let fixtures = fixtures.map(|mut fixture| {
                fixture.release();
                fixture
            });
            pool.slots.close();
            // Nothing but the pool could keep a connection open.
            tasks.into_iter().for_each(wait_ended);
            assert!(fixtures.iter().all(Fixture::wait_ended));
            assert_eq!((pool.slots.len(), pool.context.released.open().len()), (0, 0));
        });
    });
}

#[test]
fn the_number_of_open_connections_is_right_once_all_tasks_have_run() {
    in_runtime(|runtime| {
        explore(move || {
            let pool = pool(2);
            let fixtures = [0, 1].map(|_| Fixture::open(runtime));
            let replacement = Fixture::open(runtime);
            let first = Arc::clone(fixtures[0].connection());
            let task = {
                let (pool, next) = (Arc::clone(&pool), Arc::clone(replacement.connection()));
                let first = Arc::clone(&first);
                thread::spawn(move || {
                    pool.slots.put(0, &first);
                    let watch = first.watch();
                    let departure = block_on(pool.wait_departed(0, &watch, true));
                    pool.slots.put(0, &next);
                    departure
                })
            };
            let other = {
                let (pool, second) = (Arc::clone(&pool), Arc::clone(fixtures[1].connection()));
                thread::spawn(move || pool.slots.put(1, &second))
            };
            let closes = random_below(2) == 0;
            match closes {
                true => first.close(),
                // Releasing a connection before it is in its slot has no effect.
                false => {
                    while pool.slots.get(0).is_none() {
                        thread::yield_now();
                    }
                }
            }
            pool.slots.release(&first, &error());
            let departure = task.join().unwrap();
            assert!(closes || departure.is_released);
            other.join().unwrap();
            assert_eq!(pool.slots.len(), 2);
            assert!(pool.slots.last_error().is_none(), "a connection is open");
            let is_held = |fixture: &Fixture| {
                pool.slots.connections().any(|held| Arc::ptr_eq(&held, fixture.connection()))
            };
            assert!(is_held(&replacement) && is_held(&fixtures[1]));
        });
    });
}
