//! Compares cqlwire's codec with independent codecs. See README.md.

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

/// A peer, its capabilities, and its known differences.
struct Entry {
    name: &'static str,
    peer: Arc<dyn Peer>,
    /// The peer's codec for segments, if it supports v5.
    segments: Option<Arc<dyn Segments>>,
    /// The peer's codec for values, if it has one.
    values: Option<Arc<dyn Values>>,
    skips: &'static [Skip],
    value_skips: &'static [ValueSkip],
    /// The requirement of the peer that this machine lacks.
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

/// Minimum number of compared frames per message.
const MIN_CASES: usize = 10;

static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases::all);

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(values::samples);

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for entry in peers() {
        let known = entry.skips.iter().map(|skip| known_difference_trial(&entry, skip));
        let codec_trials = message_trials(&entry).into_iter().chain(segment_trials(&entry));
        let entry_trials = codec_trials.chain(value_trials(&entry)).chain(known);
        match entry.missing {
            None => trials.extend(entry_trials),
            Some(missing) if std::env::var_os("CI").is_some() => {
                let error = format!("{missing} is not installed, but CI must run these tests");
                trials.push(Trial::test(entry.name, move || Err(error.into())));
            }
            Some(missing) => {
                eprintln!("ignoring the tests of {}: {missing} is not installed", entry.name);
                trials.extend(entry_trials.map(|trial| trial.with_ignored_flag(true)));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Returns a trial for each message that the peer supports.
fn message_trials(entry: &Entry) -> Vec<Trial> {
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
    if cases.len() < MIN_CASES {
        return Err(format!("only {} cases, expected {MIN_CASES}", cases.len()).into());
    }
    let mut differences = cases.iter().filter_map(|case| {
        let difference = peer::compare(peer, case).err()?;
        Some(format!("{}: {difference}\ncqlwire writes {}", case.name, hex::encode(&case.bytes)))
    });
    let Some(first) = differences.next() else { return Ok(()) };
    let count = 1 + differences.count();
    Err(format!("{count} of {} frames differ; the first: {first}", cases.len()).into())
}

/// Returns a trial for uncompressed segments, and one for LZ4.
fn segment_trials(entry: &Entry) -> Vec<Trial> {
    let trial = |compression: Option<Compression>| {
        let peer = Arc::clone(entry.segments.as_ref()?);
        let form = compression.map_or("plain", |_| "lz4");
        let name = format!("{}::segments::{form}", entry.name);
        Some(Trial::test(name, move || segments::agree(&*peer, compression, &CASES)))
    };
    [None, Some(Compression::Lz4)].into_iter().filter_map(trial).collect()
}

/// Returns a trial for each native type, one for nested types, and one for each known difference.
fn value_trials(entry: &Entry) -> Vec<Trial> {
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
                false => Err(difference_is_gone(skip.name, skip.reason)),
            }
        })
    };
    types.into_iter().map(agree).chain(skips.iter().map(known)).collect()
}

fn difference_is_gone(name: &str, reason: &str) -> Failed {
    format!("the difference `{name}` is gone ({reason}): delete its entry").into()
}

/// Returns a trial that fails if the known difference no longer exists.
fn known_difference_trial(entry: &Entry, skip: &'static Skip) -> Trial {
    let (peer, skips) = (Arc::clone(&entry.peer), entry.skips);
    Trial::test(format!("{}::known::{}", entry.name, skip.name), move || {
        let has_difference =
            |case: &&Case| skip_of(skips, case).is_some_and(|found| found.name == skip.name);
        let mut cases = CASES.iter().filter(has_difference);
        match cases.any(|case| peer::compare(&*peer, case).is_err()) {
            true => Ok(()),
            false => Err(difference_is_gone(skip.name, skip.reason)),
        }
    })
}

/// Returns the first entry that applies to the case.
fn skip_of(skips: &'static [Skip], case: &Case) -> Option<&'static Skip> {
    skips.iter().find(|skip| (skip.applies)(case))
}
