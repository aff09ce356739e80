//! Clusters of several nodes: where requests go, and what happens when nodes do not answer.
//!
//! The tests of a cluster run one after the other, since they stop its nodes, and it ends with the
//! last of them.

mod crash;
mod frozen;
mod load;
mod mixed;
mod nodes;
mod replicas;
mod restart;
mod routing;
mod schema;

use std::env;
use std::sync::{Arc, Mutex, PoisonError};

use cassandra_harness::{Launcher, Options};
use libtest_mimic::{Failed, Trial};

use crate::interpreter;
use nodes::Nodes;

/// A test, and the cluster that it runs against.
type Test = fn(&Nodes) -> Result<(), Failed>;

const THREE_NODES: &[(&str, Test)] = &[
    ("routing::requests_go_to_replicas", routing::requests_go_to_replicas),
    ("routing::without_tokens_every_node_has_its_turn", routing::every_node_has_its_turn),
    ("schema::a_change_is_seen_by_all", schema::a_change_is_seen_by_all),
    ("frozen::another_node_answers", frozen::another_node_answers),
    ("crash::no_request_fails", crash::no_request_fails),
    ("restart::no_request_fails", restart::no_request_fails),
];

const FROM_4_1_TO_5_0: &[(&str, Test)] = &[("mixed::both_nodes_answer", mixed::both_nodes_answer)];

/// The tests of clusters; a line says why if there are none. In CI they have to be there.
pub(crate) fn trials() -> Vec<Trial> {
    let why_not = match Launcher::choose(3) {
        Ok(Launcher::Java) if env::var_os("CI").is_some() => None,
        Ok(Launcher::Java) => Launcher::Java.check().err().map(|missing| missing.to_string()),
        Ok(Launcher::Docker) => Some("Docker runs one node".to_owned()),
        Ok(Launcher::Environment) => Some("the nodes are not ours to stop".to_owned()),
        Err(wrong) => Some(wrong.to_string()),
    };
    if let Some(why) = why_not {
        eprintln!("no cluster is tested: {why}");
        return Vec::new();
    }
    let two_versions = Options::default().versions(["4.1.9", "5.0.6"]);
    let mut trials = of("4.1.9_and_5.0.6", two_versions, FROM_4_1_TO_5_0);
    let mut three = THREE_NODES.to_vec();
    if interpreter::missing().is_none() {
        three.insert(0, ("replicas::as_others_see_them", replicas::as_others_see_them));
    }
    trials.extend(of("5.0.6_x_3", Options::new("5.0.6").nodes(3).tokens(16), &three));
    trials
}

fn of(name: &str, options: Options, tests: &[(&'static str, Test)]) -> Vec<Trial> {
    let cluster = Arc::new(Cluster { options, started: Mutex::default() });
    let trial = |&(test, run): &(&str, Test)| {
        let cluster = Arc::clone(&cluster);
        Trial::test(format!("{name}::cluster::{test}"), move || cluster.run(run))
    };
    tests.iter().map(trial).collect()
}

/// A cluster that starts with the first of its tests; it ends when the last has gone.
struct Cluster {
    options: Options,
    started: Mutex<Option<Result<Nodes, String>>>,
}

impl Cluster {
    fn run(&self, test: Test) -> Result<(), Failed> {
        /// Nodes need the machine for themselves when they start.
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || Nodes::start(&self.options).map_err(|error| error.to_string());
        let nodes = started.get_or_insert_with(start).as_ref()?;
        nodes.repair()?;
        test(nodes)
    }
}
