//! HELP.

use super::Words;

/// The text of a topic of HELP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) enum HelpTopic {
    /// The text about a shell command.
    Text(&'static str),
    /// The address of the page about a part of CQL.
    Address(String),
}

/// Parses the arguments of HELP: the topics.
pub(super) fn parse(words: &mut Words<'_>) -> Option<Vec<String>> {
    let mut topics = Vec::new();
    while words.peek().is_some() {
        topics.push(words.word()?.to_owned());
    }
    Some(topics)
}

/// Returns the list of topics.
pub(in crate::shell) const fn overview() -> &'static str {
    include_str!("help/overview.txt")
}

/// Returns a topic of HELP, in any case, or `None` if there is no such topic.
pub(in crate::shell) fn topic(name: &str) -> Option<HelpTopic> {
    let find = |topics: &[(&str, &'static str)]| {
        topics.iter().find(|(topic, _)| topic.eq_ignore_ascii_case(name)).map(|(_, text)| *text)
    };
    let address = |anchor: &str| HelpTopic::Address(format!("{DOCUMENTATION}#{anchor}"));
    find(&COMMANDS).map(HelpTopic::Text).or_else(|| find(&STATEMENTS).map(address))
}

const DOCUMENTATION: &str =
    "https://cassandra.apache.org/doc/latest/cassandra/cql/cql_singlefile.html";

/// The texts about shell commands, which are those of cqlsh.
const COMMANDS: [(&str, &str); 18] = [
    ("CAPTURE", include_str!("help/capture.txt")),
    ("CLEAR", include_str!("help/clear.txt")),
    ("CLS", include_str!("help/clear.txt")),
    ("CONSISTENCY", include_str!("help/consistency.txt")),
    ("COPY", include_str!("help/copy.txt")),
    ("DESC", include_str!("help/describe.txt")),
    ("DESCRIBE", include_str!("help/describe.txt")),
    ("EXIT", include_str!("help/exit.txt")),
    ("EXPAND", include_str!("help/expand.txt")),
    ("HELP", include_str!("help/help.txt")),
    ("HISTORY", include_str!("help/history.txt")),
    ("LOGIN", include_str!("help/login.txt")),
    ("PAGING", include_str!("help/paging.txt")),
    ("SERIAL", include_str!("help/serial.txt")),
    ("SHOW", include_str!("help/show.txt")),
    ("SOURCE", include_str!("help/source.txt")),
    ("TRACING", include_str!("help/tracing.txt")),
    ("UNICODE", include_str!("help/unicode.txt")),
];

/// The anchors of the topics about CQL in the documentation of Cassandra.
const STATEMENTS: [(&str, &str); 59] = [
    ("AGGREGATES", "aggregates"),
    ("ALTER_KEYSPACE", "alterKeyspaceStmt"),
    ("ALTER_MATERIALIZED_VIEW", "alterMVStmt"),
    ("ALTER_TABLE", "alterTableStmt"),
    ("ALTER_TYPE", "alterTypeStmt"),
    ("ALTER_USER", "alterUserStmt"),
    ("APPLY", "batchStmt"),
    ("ASCII", "constants"),
    ("BATCH", "batchStmt"),
    ("BEGIN", "batchStmt"),
    ("BLOB", "constants"),
    ("BOOLEAN", "constants"),
    ("COUNTER", "counters"),
    ("CREATE_AGGREGATE", "createAggregateStmt"),
    ("CREATE_COLUMNFAMILY", "createTableStmt"),
    ("CREATE_FUNCTION", "createFunctionStmt"),
    ("CREATE_INDEX", "createIndexStmt"),
    ("CREATE_KEYSPACE", "createKeyspaceStmt"),
    ("CREATE_MATERIALIZED_VIEW", "createMVStmt"),
    ("CREATE_ROLE", "createRoleStmt"),
    ("CREATE_TABLE", "createTableStmt"),
    ("CREATE_TRIGGER", "createTriggerStmt"),
    ("CREATE_TYPE", "createTypeStmt"),
    ("CREATE_USER", "createUserStmt"),
    ("DATE", "usingdates"),
    ("DELETE", "deleteStmt"),
    ("DROP_AGGREGATE", "dropAggregateStmt"),
    ("DROP_COLUMNFAMILY", "dropTableStmt"),
    ("DROP_FUNCTION", "dropFunctionStmt"),
    ("DROP_INDEX", "dropIndexStmt"),
    ("DROP_KEYSPACE", "dropKeyspaceStmt"),
    ("DROP_MATERIALIZED_VIEW", "dropMVStmt"),
    ("DROP_ROLE", "dropRoleStmt"),
    ("DROP_TABLE", "dropTableStmt"),
    ("DROP_TRIGGER", "dropTriggerStmt"),
    ("DROP_TYPE", "dropTypeStmt"),
    ("DROP_USER", "dropUserStmt"),
    ("FUNCTIONS", "functions"),
    ("GRANT", "grantRoleStmt"),
    ("INSERT", "insertStmt"),
    ("INSERT_JSON", "insertJson"),
    ("INT", "constants"),
    ("JSON", "json"),
    ("KEYWORDS", "appendixA"),
    ("LIST_PERMISSIONS", "listPermissionsStmt"),
    ("LIST_ROLES", "listRolesStmt"),
    ("LIST_USERS", "listUsersStmt"),
    ("PERMISSIONS", "permissions"),
    ("REVOKE", "revokeRoleStmt"),
    ("SELECT", "selectStmt"),
    ("SELECT_JSON", "selectJson"),
    ("TEXT", "constants"),
    ("TIME", "usingtime"),
    ("TIMESTAMP", "usingtimestamps"),
    ("TRUNCATE", "truncateStmt"),
    ("TYPES", "types"),
    ("UPDATE", "updateStmt"),
    ("USE", "useStmt"),
    ("UUID", "constants"),
];
