//! Interleavings of the state that the tasks of a cluster, its pools and its callers share.

use std::sync::Arc;

use futures_util::FutureExt;
use shuttle::future::block_on;
use shuttle::thread;
use uuid::Uuid;

use super::attempts::{AttemptKind, Attempts};
use super::changes::Changes;
use super::in_flight::InFlight;
use super::pool_context::PoolContext;
use super::shared::Shared;
use super::{ClusterState, DefaultBalancing, Distance, Node, NodeInfo, Reconnect, Settings};
use crate::connection::interleavings::in_runtime;
use crate::connection::{Connector, Runtime};
use crate::sync::{Notify, explore, explore_all, poll_at_most, random_below};

pub(super) fn pool_context() -> Arc<PoolContext> {
    let (connector, reconnect) = (Connector::default(), Reconnect::default());
    Arc::new(PoolContext::new("test".into(), connector, reconnect, 1, None))
}

#[test]
fn draining_a_node_ends_when_its_last_request_has_ended() {
    explore_all(|| {
        let requests = InFlight::default();
        let guards = [requests.start()];
        thread::scope(|scope| {
            for guard in guards {
                scope.spawn(move || drop(guard));
            }
            block_on(requests.wait_drained());
            assert_eq!(requests.count(), 0);
        });
    });
}

#[test]
fn each_wait_for_the_end_of_requests_ends() {
    explore(|| {
        let requests = Arc::new(InFlight::default());
        let others: Vec<_> = (0..4)
            .map(|number| {
                let requests = Arc::clone(&requests);
                thread::spawn(move || match number % 2 {
                    0 => drop(requests.start()),
                    _ => block_on(requests.wait_drained()),
                })
            })
            .collect();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(requests.count(), 0);
    });
}

#[test]
fn a_listener_notices_a_change_in_every_interleaving() {
    explore_all(|| {
        let changes = Changes::default();
        let (mut listener, adding) = (changes.listen(), changes.clone());
        let adding = thread::spawn(move || adding.add());
        block_on(listener.changed());
        adding.join().unwrap();
        assert_eq!(listener.changed().now_or_never(), None, "the change is seen again");
    });
}

/// As many attempts as may run at once.
fn all_attempts<'a>(
    attempts: &'a Attempts,
    kind: AttemptKind,
    silent: &'a Notify,
) -> Vec<impl Sized + 'a> {
    std::iter::from_fn(|| attempts.permit(kind, silent).now_or_never().flatten()).collect()
}

#[test]
fn an_attempt_that_is_dropped_while_it_waits_leaves_its_place_to_another() {
    explore(|| {
        let (attempts, reported) = (Attempts::default(), Notify::new());
        let mut running = all_attempts(&attempts, AttemptKind::Repeated, &reported);
        let limit = running.len();
        let place = running.pop();
        thread::scope(|scope| {
            for polls in [1 + random_below(2), usize::MAX, usize::MAX] {
                let (attempts, reported) = (&attempts, &reported);
                scope.spawn(move || {
                    let attempt = attempts.permit(AttemptKind::Repeated, reported);
                    drop(block_on(poll_at_most(polls, attempt)));
                });
            }
            if random_below(2) == 0 {
                reported.notify_waiters();
            }
            drop(place);
        });
        drop(running);
        assert_eq!(all_attempts(&attempts, AttemptKind::Repeated, &reported).len(), limit);
    });
}

#[test]
fn a_wait_for_a_connection_ends_once_each_pool_has_failed_or_is_connected() {
    explore(|| {
        let context = pool_context();
        let pools = [(); 3].map(|()| context.attempts.add_pool());
        let tasks = pools.map(|pool| {
            let (context, is_connected) = (Arc::clone(&context), random_below(3) == 0);
            thread::spawn(move || {
                let attempts = &context.attempts;
                // A task of a pool notifies each connection, but only those failures that end a wait.
                let is_notified = match is_connected {
                    true => {
                        attempts.set_connected(pool, true);
                        true
                    }
                    false => attempts.record_failure(pool).ends_wait,
                };
                if is_notified {
                    context.notify_changed();
                }
            })
        });
        let mut changes = context.changes();
        let wait = context.attempts.begin_wait();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        // The attempts that failed before the wait do not end it.
        let failed = pools.map(|pool| {
            thread::spawn({
                let context = Arc::clone(&context);
                move || {
                    if context.attempts.record_failure(pool).ends_wait {
                        context.notify_changed();
                    }
                }
            })
        });
        while !wait.is_useless() {
            block_on(changes.changed());
        }
        failed.into_iter().for_each(|task| task.join().unwrap());
        drop(wait);
        assert!(!context.attempts.record_failure(pools[0]).ends_wait, "no wait is left");
    });
}

fn shared() -> Shared {
    let settings = Settings {
        name: "test".into(),
        contact_points: Vec::new(),
        connector: Connector::default(),
        connections_per_node: 1,
        reconnect: Reconnect::default(),
        load_balancing: Arc::new(DefaultBalancing::default()),
        address_translator: None,
        local_datacenter: None,
        fetch_schema: false,
    };
    Shared::new(settings, None, Runtime::current().unwrap())
}

/// Creates a node. It opens no connections if `distance` is [`Distance::Ignored`].
pub(super) fn node(distance: Distance, pools: &Arc<PoolContext>) -> Arc<Node> {
    let info = NodeInfo {
        host_id: Uuid::nil(),
        address: ([127, 0, 0, 1], 9042).into(),
        host: None,
        datacenter: String::new(),
        rack: String::new(),
        release_version: String::new(),
        tokens: Arc::default(),
        schema_version: None,
    };
    Arc::new(Node::new(info, distance, None, pools))
}

#[test]
fn closing_a_session_closes_the_nodes_of_each_state_that_is_set_meanwhile() {
    in_runtime(|_| {
        explore(|| {
            let shared = Arc::new(shared());
            let nodes = [(); 3].map(|()| node(Distance::Remote, &shared.pools));
            let kept = Arc::clone(&nodes[0]);
            let states = [vec![nodes[0].clone(), nodes[1].clone()], vec![kept, nodes[2].clone()]];
            let tasks = states.map(|nodes| {
                let shared = Arc::clone(&shared);
                let state = ClusterState { nodes: nodes.into(), ..ClusterState::empty() };
                thread::spawn(move || shared.set_state(state))
            });
            let mut changes = shared.pools.changes();
            let waiting = Arc::clone(&shared);
            let waiting = thread::spawn(move || {
                while !waiting.is_closed() {
                    block_on(changes.changed());
                }
            });
            shared.close();
            tasks.into_iter().for_each(|task| task.join().unwrap());
            waiting.join().unwrap();
            assert!(shared.state().nodes().is_empty());
            assert!(nodes.iter().all(|node| node.is_closed()), "a node was left open");
        });
    });
}
