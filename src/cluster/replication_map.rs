//! The replicas of keyspaces, which are computed when they are needed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use super::ring::{Replicas, Ring};
use super::{ReplicationStrategy, Token};

/// The replication of all keyspaces of a [`ClusterState`](super::ClusterState), by keyspace name.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplicationMap(HashMap<String, Arc<Placement>>);

/// The replicas of all keyspaces with one replication strategy.
///
/// Most keyspaces of a cluster are never used by a session, such as those of Cassandra itself. The replicas are
/// therefore computed for the first request that needs them.
#[derive(Debug)]
pub(super) struct Placement {
    strategy: ReplicationStrategy,
    /// `None` if the partitioner is unknown.
    ring: Option<Arc<Ring>>,
    replicas: OnceLock<Replicas>,
}

impl ReplicationMap {
    /// Returns the map of keyspaces with these strategies. Keeps the replicas that `previous` has computed on
    /// the same ring. On another ring, recomputes the replicas that `previous` had computed, so that no request
    /// waits for them.
    pub(super) fn new(
        strategies: BTreeMap<String, ReplicationStrategy>,
        ring: Option<&Arc<Ring>>,
        previous: &Self,
    ) -> Self {
        let mut known = previous.by_strategy();
        let mut placements: HashMap<ReplicationStrategy, Arc<Placement>> = HashMap::new();
        let of_keyspace = |(keyspace, strategy): (String, ReplicationStrategy)| {
            if let Some(placement) = placements.get(&strategy) {
                return (keyspace, Arc::clone(placement));
            }
            let placement = match known.remove(&strategy) {
                Some(known) if known.is_on(ring) => Arc::clone(known),
                known => {
                    let placement = Placement::new(strategy.clone(), ring);
                    if known.is_some_and(|known| known.replicas.get().is_some()) {
                        placement.replicas();
                    }
                    Arc::new(placement)
                }
            };
            placements.insert(strategy, Arc::clone(&placement));
            (keyspace, placement)
        };
        Self(strategies.into_iter().map(of_keyspace).collect())
    }

    /// Returns a copy of this map in which a keyspace has another strategy, or is missing if `strategy` is
    /// `None`.
    pub(super) fn with_keyspace(
        &self,
        keyspace: &str,
        strategy: Option<ReplicationStrategy>,
        ring: Option<&Arc<Ring>>,
    ) -> Self {
        let mut keyspaces = self.0.clone();
        match strategy {
            Some(strategy) => {
                let known = self.by_strategy().remove(&strategy).map(Arc::clone);
                let placement = known.unwrap_or_else(|| Placement::new(strategy, ring).into());
                keyspaces.insert(keyspace.to_owned(), placement);
            }
            None => _ = keyspaces.remove(keyspace),
        }
        Self(keyspaces)
    }

    /// Returns the replication strategy of a keyspace, or `None` if there is no such keyspace.
    pub(super) fn strategy(&self, keyspace: &str) -> Option<&ReplicationStrategy> {
        self.0.get(keyspace).map(|placement| &placement.strategy)
    }

    /// Returns the indexes of the replicas of a token, as [`Replicas::for_token`] does. The slice is empty if
    /// there is no such keyspace.
    pub(super) fn replicas(&self, keyspace: &str, token: Token) -> &[u32] {
        let placement = self.0.get(keyspace);
        placement.map(|placement| placement.replicas().for_token(token)).unwrap_or_default()
    }

    fn by_strategy(&self) -> HashMap<&ReplicationStrategy, &Arc<Placement>> {
        self.0.values().map(|placement| (&placement.strategy, placement)).collect()
    }
}

impl Placement {
    fn new(strategy: ReplicationStrategy, ring: Option<&Arc<Ring>>) -> Self {
        Self { strategy, ring: ring.cloned(), replicas: OnceLock::new() }
    }

    /// Returns true if the replicas are those on `ring`.
    fn is_on(&self, ring: Option<&Arc<Ring>>) -> bool {
        match (&self.ring, ring) {
            (Some(own), Some(ring)) => Arc::ptr_eq(own, ring),
            (None, None) => true,
            _ => false,
        }
    }

    fn replicas(&self) -> &Replicas {
        self.replicas.get_or_init(|| {
            self.ring.as_ref().map(|ring| ring.replicas(&self.strategy)).unwrap_or_default()
        })
    }
}
