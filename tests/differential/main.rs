//! Our codec against codecs that others wrote: see README.md.

mod cases;
mod cassandra_protocol;
#[path = "../support/child.rs"]
mod child;
mod fields;
#[allow(dead_code, reason = "shared with the tests of the package itself")]
#[path = "../support/vectors.rs"]
mod golden;
#[path = "../support/hex.rs"]
mod hex;
#[path = "../support/install.rs"]
mod install;
#[path = "../support/interpreter.rs"]
mod interpreter;
mod java;
#[path = "../support/json_values.rs"]
mod json_values;
mod peer;
mod python;
mod scylla;
mod segments;
#[allow(dead_code, reason = "shared with the tests of the package itself")]
#[path = "../support/strategies.rs"]
mod strategies;
mod values;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use cases::Case;
use cassandra_protocol::CassandraProtocol;
use cqlwire::wire::Compression;
use libtest_mimic::{Arguments, Failed, Trial};
use peer::{Peer, Skip};
use segments::Segments;
use values::{Sample, ValueSkip, Values};

/// A peer, and what is known of it.
struct Entry {
    name: &'static str,
    peer: Arc<dyn Peer>,
    /// Its segments, if it knows v5.
    segments: Option<Arc<dyn Segments>>,
    /// Its values, if it has types.
    values: Option<Arc<dyn Values>>,
    skips: &'static [Skip],
    value_skips: &'static [ValueSkip],
    /// What it needs and this machine has not.
    missing: Option<&'static str>,
}

fn peers() -> Vec<Entry> {
    vec![
        Entry {
            name: "python",
            peer: Arc::new(python::Python),
            segments: Some(Arc::new(python::Python)),
            values: Some(Arc::new(python::Python)),
            skips: python::SKIPS,
            value_skips: python::VALUE_SKIPS,
            missing: interpreter::missing(),
        },
        Entry {
            name: "java",
            peer: Arc::new(java::Java),
            segments: Some(Arc::new(java::Java)),
            values: None,
            skips: java::SKIPS,
            value_skips: &[],
            missing: java::missing(),
        },
        Entry {
            name: "scylla_cql",
            peer: Arc::new(scylla::Scylla),
            segments: None,
            values: None,
            skips: scylla::SKIPS,
            value_skips: &[],
            missing: None,
        },
        Entry {
            name: "cassandra_protocol",
            peer: Arc::new(CassandraProtocol),
            segments: Some(Arc::new(CassandraProtocol)),
            values: None,
            skips: cassandra_protocol::SKIPS,
            value_skips: &[],
            missing: None,
        },
    ]
}

/// Of fewer frames of a message, too little is seen.
const LEAST: usize = 10;

static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases::all);

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(values::samples);

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for entry in peers() {
        let of_messages = messages(&entry);
        let known = entry.skips.iter().map(|skip| known_difference(&entry, skip));
        let of_segments = segments(&entry);
        let trials_of_it = of_messages.into_iter().chain(of_segments).chain(values(&entry));
        let trials_of_it = trials_of_it.chain(known);
        match entry.missing {
            None => trials.extend(trials_of_it),
            Some(missing) if std::env::var_os("CI").is_some() => {
                let lacks = format!("there is no {missing} here, and CI has to have it");
                trials.push(Trial::test(entry.name, move || Err(lacks.into())));
            }
            Some(missing) => {
                eprintln!("{}: ignored, since there is no {missing} here", entry.name);
                trials.extend(trials_of_it.map(|trial| trial.with_ignored_flag(true)));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A trial for each message that the peer knows.
fn messages(entry: &Entry) -> Vec<Trial> {
    let mut messages = BTreeMap::<String, Vec<&'static Case>>::new();
    for case in CASES.iter().filter(|case| skip_of(entry.skips, case).is_none()) {
        let name = format!("{}::{}::{}", entry.name, case.version(), case.opcode);
        messages.entry(name).or_default().push(case);
    }
    let trial = |(name, cases): (String, Vec<&'static Case>)| {
        let peer = Arc::clone(&entry.peer);
        Trial::test(name, move || all_agree(&*peer, &cases))
    };
    messages.into_iter().map(trial).collect()
}

fn all_agree(peer: &dyn Peer, cases: &[&Case]) -> Result<(), Failed> {
    if cases.len() < LEAST {
        return Err(format!("only {} cases", cases.len()).into());
    }
    let mut differences = cases.iter().filter_map(|case| {
        let difference = peer::compare(peer, case).err()?;
        Some(format!("{}: {difference}\nwe write {}", case.name, hex::encode(&case.bytes)))
    });
    let Some(first) = differences.next() else { return Ok(()) };
    Err(format!("{} of {}; the first: {first}", 1 + differences.count(), cases.len()).into())
}

/// A trial for each of the two forms of a segment.
fn segments(entry: &Entry) -> Vec<Trial> {
    let trial = |compression: Option<Compression>| {
        let peer = Arc::clone(entry.segments.as_ref()?);
        let form = compression.map_or("plain", |_| "lz4");
        let name = format!("{}::segments::{form}", entry.name);
        Some(Trial::test(name, move || segments::agree(&*peer, compression, &CASES)))
    };
    [None, Some(Compression::Lz4)].into_iter().filter_map(trial).collect()
}

/// A trial for each native type, and one for types in types.
fn values(entry: &Entry) -> Vec<Trial> {
    let Some(peer) = &entry.values else { return Vec::new() };
    let skips = entry.value_skips;
    let mut types = BTreeMap::<String, Vec<&'static Sample>>::new();
    for sample in SAMPLES.iter().filter(|of| !skips.iter().any(|skip| (skip.applies)(&of.value))) {
        let of = match values::is_native(&sample.cql_type) {
            true => sample.cql_type.to_string(),
            false => "nested".to_owned(),
        };
        types.entry(format!("{}::values::{of}", entry.name)).or_default().push(sample);
    }
    let agree = |(name, samples): (String, Vec<&'static Sample>)| {
        let peer = Arc::clone(peer);
        Trial::test(name, move || values::agree(&*peer, &samples))
    };
    let known = |skip: &'static ValueSkip| {
        let peer = Arc::clone(peer);
        Trial::test(format!("{}::known::{}", entry.name, skip.name), move || {
            let mut samples = SAMPLES.iter().filter(|sample| (skip.applies)(&sample.value));
            match samples.any(|sample| values::compare(&*peer, sample).is_err()) {
                true => Ok(()),
                false => Err(format!("they agree: delete the entry ({})", skip.reason).into()),
            }
        })
    };
    types.into_iter().map(agree).chain(skips.iter().map(known)).collect()
}

/// A trial that fails when there is no such difference any more.
fn known_difference(entry: &Entry, skip: &'static Skip) -> Trial {
    let (peer, skips) = (Arc::clone(&entry.peer), entry.skips);
    Trial::test(format!("{}::known::{}", entry.name, skip.name), move || {
        let is_of_it =
            |case: &&Case| skip_of(skips, case).is_some_and(|found| found.name == skip.name);
        let mut cases = CASES.iter().filter(is_of_it);
        match cases.any(|case| peer::compare(&*peer, case).is_err()) {
            true => Ok(()),
            false => Err(format!("they agree: delete the entry ({})", skip.reason).into()),
        }
    })
}

/// The first that applies.
fn skip_of(skips: &'static [Skip], case: &Case) -> Option<&'static Skip> {
    skips.iter().find(|skip| (skip.applies)(case))
}
