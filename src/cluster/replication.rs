//! Replication strategies of keyspaces.

use std::collections::BTreeMap;

/// The replication strategy of a keyspace.
///
/// Keyspaces with equal strategies have equal [`Replicas`](super::Replicas).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ReplicationStrategy {
    /// `SimpleStrategy`: the replicas are the next nodes on the ring, whatever their datacenter and
    /// rack.
    Simple {
        /// Number of full replicas.
        factor: usize,
    },
    /// `NetworkTopologyStrategy`: each datacenter has its own number of replicas, in as many racks
    /// as possible.
    NetworkTopology {
        /// Number of full replicas by datacenter.
        factors: BTreeMap<String, usize>,
    },
    /// `LocalStrategy`: data is not replicated and differs between nodes, as in keyspace `system`.
    Local,
    /// `EverywhereStrategy`: every node is a replica.
    Everywhere,
    /// The class name of an unknown strategy, or of a known one with invalid options.
    Other(String),
}

impl ReplicationStrategy {
    /// Returns the strategy that the column `replication` of `system_schema.keyspaces` describes.
    /// The option `class` is the class name, with or without its package.
    ///
    /// Transient replicas are not counted: `3/1` means three replicas, one of them transient, and so
    /// two full replicas.
    pub fn from_options<K: AsRef<str>, V: AsRef<str>>(
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut class = String::new();
        let mut factors = BTreeMap::new();
        for (option, value) in options {
            match option.as_ref() {
                "class" => value.as_ref().clone_into(&mut class),
                name => _ = factors.insert(name.to_owned(), full_replicas(value.as_ref())),
            }
        }
        let known = match class.rsplit('.').next() {
            Some("SimpleStrategy") => {
                let factor = factors.get("replication_factor").copied().flatten();
                factor.map(|factor| Self::Simple { factor })
            }
            Some("NetworkTopologyStrategy") => factors
                .into_iter()
                .map(|(datacenter, factor)| Some((datacenter, factor?)))
                .collect::<Option<_>>()
                .map(|factors| Self::NetworkTopology { factors }),
            Some("LocalStrategy") => Some(Self::Local),
            Some("EverywhereStrategy") => Some(Self::Everywhere),
            _ => None,
        };
        known.unwrap_or(Self::Other(class))
    }
}

/// Parses a replication factor such as `3` or `3/1`, and returns the number of full replicas.
/// Returns `None` if the text is invalid.
fn full_replicas(factor: &str) -> Option<usize> {
    let (all, transient) = factor.split_once('/').unwrap_or((factor, "0"));
    let (all, transient) = (all.parse::<usize>().ok()?, transient.parse().ok()?);
    (transient == 0 || transient < all).then(|| all.saturating_sub(transient))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategy(options: &[(&str, &str)]) -> ReplicationStrategy {
        ReplicationStrategy::from_options(options.iter().copied())
    }

    #[test]
    fn strategies_are_found_by_class_name_with_or_without_the_package() {
        let factors = BTreeMap::from([("dc1".to_owned(), 3), ("dc2".to_owned(), 0)]);
        for package in ["", "org.apache.cassandra.locator."] {
            for (class, options, expected) in [
                (
                    "SimpleStrategy",
                    &[("replication_factor", "3")][..],
                    ReplicationStrategy::Simple { factor: 3 },
                ),
                (
                    "NetworkTopologyStrategy",
                    &[("dc1", "3"), ("dc2", "0")],
                    ReplicationStrategy::NetworkTopology { factors: factors.clone() },
                ),
                ("LocalStrategy", &[], ReplicationStrategy::Local),
                ("EverywhereStrategy", &[], ReplicationStrategy::Everywhere),
            ] {
                let class = format!("{package}{class}");
                let options = [options, &[("class", &*class)]].concat();
                assert_eq!(strategy(&options), expected);
                assert_eq!(strategy(&options.into_iter().rev().collect::<Vec<_>>()), expected);
            }
        }
    }

    #[test]
    fn transient_replicas_are_not_counted() {
        for (text, full) in [
            ("3", Some(3)),
            ("0", Some(0)),
            ("3/1", Some(2)),
            ("3/0", Some(3)),
            ("0/0", Some(0)),
            ("1/1", None),
            ("1/2", None),
            ("3/1/1", None),
            ("/", None),
            ("", None),
            ("-1", None),
            ("three", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(full_replicas(text), full, "{text}");
        }
    }

    #[test]
    fn unknown_strategies_and_invalid_options_are_other() {
        for (options, class) in [
            (&[][..], ""),
            (&[("replication_factor", "3")], ""),
            (&[("class", "SimpleStrategy")], "SimpleStrategy"),
            (&[("class", "SimpleStrategy"), ("replication_factor", "many")], "SimpleStrategy"),
            (
                &[("class", "a.NetworkTopologyStrategy"), ("dc1", "3"), ("dc2", "")],
                "a.NetworkTopologyStrategy",
            ),
            (&[("class", "org.example.MyStrategy"), ("a", "b")], "org.example.MyStrategy"),
            (&[("class", "simplestrategy"), ("replication_factor", "1")], "simplestrategy"),
        ] {
            assert_eq!(strategy(options), ReplicationStrategy::Other(class.to_owned()));
        }
    }
}
