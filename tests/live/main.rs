//! Tests against real Cassandra nodes of every generation.
//!
//! A node starts when the first test needs it. All nodes end with this program. To run the tests of
//! one version: `cargo test --test live 4.1.9`. Clusters and the tests that take minutes run on 5.0.6, or
//! on the version that `CQLWIRE_LIVE_VERSION` names.
//!
//! Tests whose requirements this machine lacks count as ignored, and show what is missing. If `CI` is
//! set, they fail instead.

#[path = "../support/child.rs"]
mod child;
mod cluster;
mod constraints;
mod describe;
mod effects;
mod everyday;
mod examples;
mod fleet;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/hex.rs"]
mod hex;
#[path = "../support/install.rs"]
mod install;
#[path = "../support/interpreter.rs"]
mod interpreter;
#[path = "../support/json_values.rs"]
mod json_values;
#[path = "../support/only.rs"]
mod only;
#[path = "../support/program.rs"]
mod program;
mod programs;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/recorded.rs"]
mod recorded;
mod refusals;
mod requirements;
mod schema;
mod security;
mod select;
mod session;
mod shell_describe;
mod store;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/strategies.rs"]
mod strategies;
mod system_tables;
#[path = "../support/tcp_server.rs"]
mod tcp_server;
mod transactions;
mod values;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use fleet::{Fleet, Node};
use libtest_mimic::{Arguments, Failed};
use requirements::{missing_launcher, missing_python};

/// A test that runs against one node.
type Test = fn(&Node) -> Result<(), Failed>;

/// The tests that run on every version.
const EVERY_VERSION: &[(&str, Test)] = &[
    ("programs::creates_adds_and_lists_users", programs::creates_adds_and_lists_users),
    (
        "programs::compresses_frames_only_if_requested",
        programs::compresses_frames_only_if_requested,
    ),
    (
        "programs::reports_a_missing_keyspace_or_table",
        programs::reports_a_missing_keyspace_or_table,
    ),
    (
        "programs::needs_enough_live_replicas_for_the_consistency",
        programs::needs_enough_live_replicas_for_the_consistency,
    ),
    (
        "everyday::a_prepared_statement_follows_an_altered_table",
        everyday::a_prepared_statement_follows_an_altered_table,
    ),
    (
        "everyday::a_prepared_statement_follows_a_table_with_other_types",
        everyday::a_prepared_statement_follows_a_table_with_other_types,
    ),
    ("everyday::writes_batches_of_every_kind", everyday::writes_batches_of_every_kind),
    ("everyday::applies_conditional_statements", everyday::applies_conditional_statements),
    ("everyday::sends_custom_payloads", everyday::sends_custom_payloads),
    (
        "everyday::sets_the_keyspace_and_the_time_of_a_statement",
        everyday::sets_the_keyspace_and_the_time_of_a_statement,
    ),
    ("everyday::resumes_paging_in_another_session", everyday::resumes_paging_in_another_session),
    (
        "everyday::the_throttle_limits_concurrent_requests",
        everyday::the_throttle_limits_concurrent_requests,
    ),
    ("everyday::reads_query_traces", everyday::reads_query_traces),
    ("everyday::returns_server_warnings", everyday::returns_server_warnings),
    ("schema::generated_ddl_recreates_the_schema", schema::generated_ddl_recreates_the_schema),
    ("schema::reads_the_system_keyspaces", schema::reads_the_system_keyspaces),
    (
        "effects::a_conditional_insert_is_applied_although_it_cannot_be_committed",
        effects::a_conditional_insert_is_applied_although_it_cannot_be_committed,
    ),
    (
        "effects::an_unlogged_batch_is_applied_in_part_although_replicas_are_missing",
        effects::an_unlogged_batch_is_applied_in_part_although_replicas_are_missing,
    ),
    ("session::executes_and_prepares_statements", session::executes_and_prepares_statements),
    ("session::streams_all_pages", session::streams_all_pages),
    (
        "session::executes_batches_and_conditional_statements",
        session::executes_batches_and_conditional_statements,
    ),
    ("session::reports_server_errors", session::reports_server_errors),
    ("session::reconnects_after_a_lost_connection", session::reconnects_after_a_lost_connection),
    (
        "session::prepares_a_forgotten_statement_again",
        session::prepares_a_forgotten_statement_again,
    ),
    ("security::reports_a_server_without_tls", security::reports_a_server_without_tls),
    ("refusals::refuses_versions_as_recorded", refusals::refuses_versions_as_recorded),
];

/// The tests of what is new in Cassandra 6.0.
const SINCE_6: &[(&str, Test)] = &[
    (
        "constraints::constraints_are_in_the_schema_and_refuse_writes",
        constraints::constraints_are_in_the_schema_and_refuse_writes,
    ),
    ("transactions::executes_transactions", transactions::executes_transactions),
    (
        "transactions::concurrent_transactions_are_isolated",
        transactions::concurrent_transactions_are_isolated,
    ),
    (
        "transactions::names_the_consistencies_that_transactions_support",
        transactions::names_the_consistencies_that_transactions_support,
    ),
    (
        "transactions::the_options_of_transactional_tables_are_in_the_ddl",
        transactions::the_options_of_transactional_tables_are_in_the_ddl,
    ),
    (
        "transactions::the_shell_runs_scripts_with_transactions",
        transactions::the_shell_runs_scripts_with_transactions,
    ),
];

/// The requirements of a test, apart from a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Python,
    /// A node that requires authentication, which the tests have to start.
    Authentication,
}

fn main() -> ExitCode {
    let fleet = Arc::new(Fleet::new());
    let mut trials = Vec::new();
    let missing_launcher = |version| (version, missing_launcher(&fleet::options(version)));
    let missing: HashMap<_, _> = fleet::versions().iter().copied().map(missing_launcher).collect();
    let mut add = |version: &str, name: &str, test: values::Test, needs: Needs| {
        let (fleet, version) = (Arc::clone(&fleet), version.to_owned());
        let missing = missing.get(&*version).and_then(Option::as_ref);
        let unmet = match needs {
            Needs::Python => missing_python(),
            Needs::Authentication => fleet::not_started(),
            Needs::Nothing => None,
        };
        let name = format!("{version}::{name}");
        trials.push(requirements::trial(name, missing.or(unmet), move || {
            let node = fleet.node(&version, needs == Needs::Authentication)?;
            let _turn = node.turn();
            test(&node)
        }));
    };
    for version in fleet::versions() {
        for (name, test) in EVERY_VERSION {
            add(version, name, Box::new(test), Needs::Nothing);
        }
        // The version of a node that already runs is unknown.
        for (name, test) in SINCE_6.iter().filter(|_| *version >= "6" && *version != "environment")
        {
            add(version, name, Box::new(test), Needs::Nothing);
        }
        if *version != "environment" {
            add(
                version,
                "shell_describe::describes_the_schema_like_cqlsh",
                Box::new(shell_describe::describes_the_schema_like_cqlsh),
                Needs::Python,
            );
        }
        for (name, needs, test) in values::tests(version) {
            add(version, &name, test, needs);
        }
    }
    let full = fleet::full_version();
    add(
        full,
        "examples::examples_print_the_expected_output",
        Box::new(examples::examples_print_the_expected_output),
        Needs::Nothing,
    );
    add(
        full,
        "programs::adds_and_lists_100_000_users",
        Box::new(programs::adds_and_lists_100_000_users),
        Needs::Nothing,
    );
    if full.starts_with("5.0") {
        add(
            full,
            "system_tables::mock_server_has_the_same_system_tables",
            Box::new(system_tables::mock_server_has_the_same_system_tables),
            Needs::Nothing,
        );
        add(
            full,
            "describe::mock_server_describes_the_same_schema",
            Box::new(describe::mock_server_describes_the_same_schema),
            Needs::Nothing,
        );
        add(
            full,
            "select::mock_server_selects_the_same_rows_and_pages",
            Box::new(select::mock_server_selects_the_same_rows_and_pages),
            Needs::Nothing,
        );
    }
    // The version of a node that already runs is unknown.
    if full.starts_with("5.0") || std::env::var_os("CQLWIRE_SCRIPTS").is_some() {
        add(
            full,
            "store::mock_server_executes_scripts_as_cassandra_does",
            Box::new(store::mock_server_executes_scripts_as_cassandra_does),
            Needs::Nothing,
        );
    }
    add(
        full,
        "programs::requires_the_right_user_name_and_password",
        Box::new(programs::requires_the_right_user_name_and_password),
        Needs::Authentication,
    );
    for version in fleet::versions().iter().copied().filter(|&version| version >= full) {
        trials.extend(security::tests(version));
    }
    trials.extend(cluster::trials());
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    // Stop the nodes before the process exits.
    drop(fleet);
    conclusion.exit_code()
}
