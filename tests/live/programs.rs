//! The command-line programs, as the README shows them.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use libtest_mimic::Failed;

use crate::fleet::Node;
use crate::program::{ADD_USERS, LIST_USERS, Output, run};
use crate::proxy::Proxy;

pub(crate) const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// The numbers of user_0 to user_9 in the order of their tokens.
const IN_TOKEN_ORDER: [usize; 10] = [7, 6, 1, 2, 4, 9, 3, 8, 5, 0];

/// The start of the output of `cql/users.cql`: DESCRIBE TABLE.
const DESCRIBED_TABLE: &str = "
CREATE TABLE k8s_test.users (
    username text PRIMARY KEY,
    password text
) WITH ";

/// The options of the table in Cassandra 3.11, as `export_as_string()` of the Python driver gives them.
const OPTIONS_IN_3_11: &str = "bloom_filter_fp_chance = 0.01
    AND caching = {'keys': 'ALL', 'rows_per_partition': 'NONE'}
    AND comment = ''
    AND compaction = {'class': 'org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy', \
                               'max_threshold': '32', 'min_threshold': '4'}
    AND compression = {'chunk_length_in_kb': '64', \
                               'class': 'org.apache.cassandra.io.compress.LZ4Compressor'}
    AND crc_check_chance = 1.0
    AND dclocal_read_repair_chance = 0.1
    AND default_time_to_live = 0
    AND gc_grace_seconds = 864000
    AND max_index_interval = 2048
    AND memtable_flush_period_in_ms = 0
    AND min_index_interval = 128
    AND read_repair_chance = 0.0
    AND speculative_retry = '99PERCENTILE';";

/// The end of the output of `cql/users.cql`: SELECT. On Cassandra 3.11, cqlsh printed another empty line
/// before it.
const SELECTED_USERS: &str = "

 username | password
----------+----------
    Jesse |   secret
    Frank | password

(2 rows)
";

/// Held by each test that uses the keyspace `k8s_test`, which is the default of all programs.
static KEYSPACE: Mutex<()> = Mutex::new(());

fn at(node: &Node, program: &str, arguments: &[&str]) -> Output {
    run(program, &[&["--host", &node.address.to_string()], arguments].concat())
}

fn load(node: &Node, script: &str) -> Output {
    let host = node.address.to_string();
    run(CQLWIRE, &["shell", "-f", script, "--host", &host])
}

fn expected_list() -> String {
    let row = |user| format!("Row(username='user_{user}', password='password_{user}')\n");
    IN_TOKEN_ORDER.map(row).concat()
}

pub(crate) fn creates_adds_and_lists_users(node: &Node) -> Result<(), Failed> {
    let _alone = KEYSPACE.lock().unwrap_or_else(PoisonError::into_inner);
    // The script can be run twice.
    for _ in 0..2 {
        let loaded = load(node, "cql/users.cql");
        assert_eq!((loaded.code, loaded.stderr.as_str()), (0, ""), "{loaded:?}");
        let options = loaded.stdout.strip_prefix(DESCRIBED_TABLE).unwrap_or_default();
        let options = options.strip_suffix(SELECTED_USERS);
        let options = options.unwrap_or_else(|| panic!("{}", loaded.stdout));
        assert!(options.contains("\n    AND comment = ''\n"), "{options}");
        assert!(options.trim_end().ends_with(';'), "{options}");
        if !node.is_at_least("4") {
            assert_eq!(options, format!("{OPTIONS_IN_3_11}\n"));
        }
    }
    for arguments in [
        &[][..],
        &["--compression", "lz4"],
        &["--protocol-version", "3"],
        &["--protocol-version", "3", "--compression", "lz4"],
        // With servers that do not support v5, the programs fall back to v4.
        &["--protocol-version", "5"],
        &["--protocol-version", "5", "--compression", "lz4"],
        &["--consistency", "quorum", "--concurrency", "1"],
    ] {
        assert_eq!(load(node, "tests/live/no_users.cql").code, 0);
        let added = at(node, ADD_USERS, arguments);
        assert_eq!((added.code, added.stdout.as_str()), (0, "10 users added\n"), "{added:?}");
        let shared = match arguments {
            [shared @ .., "--concurrency", _] => shared,
            shared => shared,
        };
        let listed = at(node, LIST_USERS, shared);
        assert_eq!((listed.code, listed.stdout), (0, expected_list()), "{arguments:?}");
    }
    let some = at(node, LIST_USERS, &["--json", "--limit", "3", "--page-size", "2"]);
    let lines = [7, 6, 1]
        .map(|user| format!("{{\"username\":\"user_{user}\",\"password\":\"password_{user}\"}}\n"));
    assert_eq!(some.stdout, lines.concat());
    let with_metrics = at(node, LIST_USERS, &["--metrics", "--limit", "1"]);
    assert!(with_metrics.stderr.starts_with("requests        1\n"), "{with_metrics:?}");
    Ok(())
}

pub(crate) fn compresses_frames_only_if_requested(node: &Node) -> Result<(), Failed> {
    let _alone = KEYSPACE.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(load(node, "cql/users.cql").code, 0);
    // A long name, because short requests are sent uncompressed.
    let long = "long_".repeat(1_000);
    for (compression, expected) in [("lz4", true), ("none", false)] {
        let proxy = Proxy::start(node.address);
        let host = proxy.address.to_string();
        // In v5, whole segments are compressed, which the proxy does not count.
        let asked = ["--host", &host, "--compression", compression, "--protocol-version", "4"];
        let script = format!("INSERT INTO k8s_test.users (username) VALUES ('{long}')");
        let shell = run(CQLWIRE, &[&["shell", "-e", &script], &asked[..]].concat());
        assert_eq!((shell.code, shell.stderr.as_str()), (0, ""));
        let listed = run(LIST_USERS, &asked);
        assert!(listed.stdout.contains(&long), "{listed:?}");
        for passed in [&proxy.requests, &proxy.responses] {
            let compressed = passed.compressed.load(Ordering::SeqCst);
            assert_eq!(compressed > 0, expected, "{compression}: {passed:?}");
            // OPTIONS, STARTUP and SUPPORTED are never compressed.
            assert!(passed.plain.load(Ordering::SeqCst) >= 2, "{passed:?}");
        }
    }
    assert_eq!(load(node, "tests/live/no_users.cql").code, 0);
    Ok(())
}

pub(crate) fn reports_a_missing_keyspace_or_table(node: &Node) -> Result<(), Failed> {
    let _alone = KEYSPACE.lock().unwrap_or_else(PoisonError::into_inner);
    let line = |output: &Output| {
        assert_eq!(output.code, 1, "{output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
        assert!(output.stderr.contains(&node.address.to_string()), "{output:?}");
        assert!(output.stderr.contains("cqlwire shell -f cql/users.cql"), "{output:?}");
    };
    line(&at(node, LIST_USERS, &["--keyspace", "no_such_keyspace"]));
    assert_eq!(load(node, "tests/live/no_table.cql").code, 0);
    line(&at(node, LIST_USERS, &[]));
    line(&at(node, ADD_USERS, &[]));
    Ok(())
}

pub(crate) fn needs_enough_live_replicas_for_the_consistency(node: &Node) -> Result<(), Failed> {
    let _alone = KEYSPACE.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(load(node, "tests/live/three_replicas.cql").code, 0);
    let three = ["--keyspace", "three_replicas"];
    let added = at(node, ADD_USERS, &three);
    assert_eq!(added.stdout, "10 users added\n", "{added:?}");
    assert_eq!(at(node, LIST_USERS, &three).stdout, expected_list());
    let refused =
        at(node, LIST_USERS, &["--keyspace", "three_replicas", "--consistency", "QUORUM"]);
    assert_eq!(refused.code, 1);
    assert_eq!(
        refused.stderr,
        format!(
            "error: SELECT username, password FROM users failed at QUORUM on {}: \
             1 of 2 required replicas is alive (unavailable; \
             a lower --consistency needs fewer replicas)\n",
            node.address
        )
    );
    Ok(())
}

pub(crate) fn adds_and_lists_100_000_users(node: &Node) -> Result<(), Failed> {
    let _alone = KEYSPACE.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(load(node, "cql/users.cql").code, 0);
    assert_eq!(load(node, "tests/live/no_users.cql").code, 0);
    let added = at(node, ADD_USERS, &["--count", "100000"]);
    assert!(added.stdout.starts_with("100000 users added\n"), "{added:?}");
    assert!(added.stdout.contains(" users/s"), "{added:?}");
    let listed = at(node, LIST_USERS, &["--compression", "lz4"]);
    let distinct: HashSet<&str> = listed.stdout.lines().collect();
    assert_eq!((distinct.len(), listed.stdout.lines().count()), (100_000, 100_000));
    assert_eq!(load(node, "tests/live/no_users.cql").code, 0);
    Ok(())
}

pub(crate) fn requires_the_right_user_name_and_password(node: &Node) -> Result<(), Failed> {
    let right = ["--username", "cassandra", "--password", "cassandra"];
    let host = node.address.to_string();
    let script = ["shell", "-f", "cql/users.cql", "--host", &host];
    assert_eq!(run(CQLWIRE, &[&script[..], &right].concat()).code, 0);
    assert_eq!(at(node, ADD_USERS, &right).stdout, "10 users added\n");
    assert_eq!(at(node, LIST_USERS, &right).stdout, expected_list());
    let wrong = at(node, LIST_USERS, &["--username", "cassandra", "--password", "wr0ng"]);
    let anonymous = at(node, LIST_USERS, &[]);
    for (refused, why) in
        [(wrong, "the user name or the password is wrong"), (anonymous, "requires a user name")]
    {
        assert_eq!(refused.code, 1);
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        for part in [why, host.as_str(), "check --username and --password"] {
            assert!(refused.stderr.contains(part), "{refused:?}");
        }
        assert!(!refused.stderr.contains("wr0ng"), "a password is shown: {refused:?}");
    }
    Ok(())
}
