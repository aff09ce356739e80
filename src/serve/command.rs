//! The commands of scripts and of standard input.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::error_reply::take_error;
use super::fields::{Fields, wrong_type};
use super::rows::take_answer;
use crate::testing::Reply;
use crate::wire::{Opcode, Version};

/// A change of the running nodes, or a question about them.
#[derive(Debug)]
pub(super) enum Command {
    /// `on`: replies to the statements that match a pattern.
    On(Box<Rule>),
    /// `refuse_version`: refuses all requests in a protocol version.
    RefuseVersion(Version, Limits),
    /// `remove`: removes the fault with this number.
    Remove(u64),
    /// `clear_faults`: removes all faults. Canned answers stay.
    ClearFaults,
    /// `received`: returns the statements that match a pattern.
    Received(String),
    /// `clear_received`: forgets the received statements.
    ClearReceived,
    /// `forget_prepared`: forgets the prepared statements.
    ForgetPrepared,
    /// `close_connections`: closes the connections of one node or of all.
    CloseConnections(Option<u8>),
    /// `stop_node`: stops the node with this number, as if its process had ended.
    StopNode(u8),
    /// `start_node`: starts a node that was stopped.
    StartNode(u8),
    /// `stop`: ends the program.
    Stop,
}

/// The reply to the statements that match a pattern.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) pattern: String,
    pub(super) effect: Effect,
    pub(super) limits: Limits,
}

#[derive(Debug)]
pub(super) enum Effect {
    /// Clients can prepare the statement, too.
    Answer(Reply),
    Fault(Reply),
    /// The usual reply, later.
    Delay(Duration),
}

/// The requests that a fault applies to.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// The number of the node, counted from 1; all nodes if `None`.
    pub(super) node: Option<u8>,
    pub(super) times: Option<usize>,
    pub(super) skip: Option<usize>,
    pub(super) connection: Option<u64>,
    pub(super) opcode: Option<Opcode>,
}

/// The names of all commands, which are the first fields of their objects.
const NAMES: [&str; 11] = [
    "on",
    "refuse_version",
    "remove",
    "clear_faults",
    "received",
    "clear_received",
    "forget_prepared",
    "close_connections",
    "stop_node",
    "start_node",
    "stop",
];

impl Command {
    /// Converts a JSON object.
    ///
    /// # Errors
    /// Returns an error that names the invalid field, and the fields that exist.
    pub(super) fn from_json(json: Json) -> Result<Self, String> {
        let Json::Object(object) = json else {
            return Err(format!("a command is a JSON object, not {json}"));
        };
        let named = |name: &&&str| object.contains_key(**name);
        let Some(&name) = NAMES.iter().find(named) else {
            return Err(format!("the object has none of the fields {}", NAMES.join(", ")));
        };
        Self::named(name, object)
    }

    fn named(name: &'static str, object: Map<String, Json>) -> Result<Self, String> {
        let mut fields = Fields::new(object);
        let command = match name {
            "on" => Self::On(Box::new(Rule::take(&mut fields)?)),
            "refuse_version" => {
                let version: u8 = fields.number(name)?.unwrap_or_default();
                let version = Version::from_number(version)
                    .ok_or_else(|| format!("\"{name}\" must be 3, 4 or 5, not {version}"))?;
                Self::RefuseVersion(version, Limits::take(&mut fields)?)
            }
            "remove" => Self::Remove(fields.number(name)?.unwrap_or_default()),
            "stop_node" => Self::StopNode(fields.number(name)?.unwrap_or_default()),
            "start_node" => Self::StartNode(fields.number(name)?.unwrap_or_default()),
            "received" => match fields.take(name) {
                None | Some(Json::Bool(true)) => Self::Received("%".to_owned()),
                Some(Json::String(pattern)) => Self::Received(pattern),
                Some(other) => return Err(wrong_type(name, "true or a pattern", &other)),
            },
            _ => {
                if !fields.flag(name)? {
                    return Err(format!("\"{name}\" must be true"));
                }
                match name {
                    "clear_faults" => Self::ClearFaults,
                    "clear_received" => Self::ClearReceived,
                    "forget_prepared" => Self::ForgetPrepared,
                    "close_connections" => Self::CloseConnections(fields.number("node")?),
                    _ => Self::Stop,
                }
            }
        };
        fields.finish()?;
        Ok(command)
    }
}

impl Rule {
    fn take(fields: &mut Fields) -> Result<Self, String> {
        let pattern = fields.text("on")?.ok_or("\"on\" must be a pattern, as in \"SELECT %\"")?;
        let answer = take_answer(fields)?;
        let error = take_error(fields)?;
        let is_silent = fields.flag("silence")?;
        let closes = fields.flag("close")?;
        let delay = fields.number("delay_ms")?.map(Duration::from_millis);
        let limits = Limits::take(fields)?;
        let mut effects: Vec<Effect> = Vec::new();
        effects.extend(answer.map(Effect::Answer));
        effects.extend(error.map(|error| Effect::Fault(Reply::response(error))));
        effects.extend(is_silent.then(|| Effect::Fault(Reply::silence())));
        effects.extend(closes.then(|| Effect::Fault(Reply::close())));
        let effect = match (effects.pop(), delay) {
            (Some(_), _) if !effects.is_empty() => {
                return Err("use one of rows, void, error, silence, close".to_owned());
            }
            (None, None) => {
                let advice = "add one of rows, void, error, silence, close, delay_ms";
                return Err(format!("\"on\" has no effect; {advice}"));
            }
            (None, Some(delay)) => Effect::Delay(delay),
            (Some(Effect::Answer(reply)), Some(delay)) => Effect::Answer(reply.after(delay)),
            (Some(Effect::Fault(reply)), Some(delay)) => Effect::Fault(reply.after(delay)),
            (Some(effect), _) => effect,
        };
        if matches!(effect, Effect::Answer(_)) && limits.are_set() {
            let fields = "times, skip, connection and opcode";
            return Err(format!("{fields} apply to faults, not to rows and void"));
        }
        Ok(Self { pattern, effect, limits })
    }
}

impl Limits {
    fn take(fields: &mut Fields) -> Result<Self, String> {
        let opcode = |name: &str| {
            let known =
                Opcode::from_name(name).filter(|opcode| !matches!(opcode, Opcode::Unknown(_)));
            known.ok_or_else(|| format!("unknown opcode `{name}`; use PREPARE, STARTUP or OPTIONS"))
        };
        Ok(Self {
            node: fields.number("node")?,
            times: fields.number("times")?,
            skip: fields.number("skip")?,
            connection: fields.number("connection")?,
            opcode: fields.parsed("opcode", opcode)?,
        })
    }

    /// Returns true if a field that only faults have is set.
    const fn are_set(&self) -> bool {
        let Self { node: _, times, skip, connection, opcode } = self;
        times.is_some() || skip.is_some() || connection.is_some() || opcode.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::ErrorCode;

    fn error(json: Json) -> String {
        Command::from_json(json).unwrap_err()
    }

    #[test]
    fn the_documentation_lists_every_command_and_error() {
        let text = include_str!("../../examples/serve/README.md");
        for name in NAMES {
            assert!(text.contains(&format!("| `{{\"{name}\": ")), "{name}");
        }
        for code in ErrorCode::KNOWN.iter().filter_map(|code| code.name()) {
            assert!(text.contains(&format!("`{}`", code.replace(' ', "_"))), "{code}");
        }
    }

    #[test]
    fn errors_name_the_field_and_the_next_step() {
        for (json, expected) in [
            (json!([1]), "a command is a JSON object, not [1]"),
            (json!({"when": "x"}), "none of the fields on, refuse_version, remove"),
            (json!({"on": 5}), "\"on\" must be a string, not 5"),
            (json!({"on": "SELECT %"}), "add one of rows, void, error"),
            (json!({"on": "%", "void": true, "close": true}), "use one of rows, void"),
            (json!({"on": "%", "void": true, "times": 1}), "apply to faults"),
            (json!({"on": "%", "rows": [[1]]}), "\"rows\" needs \"columns\""),
            (json!({"on": "%", "rows": [[1]], "columns": {"id": "integer"}}), "the type of \"id\""),
            (json!({"on": "%", "void": true, "warnings": [1]}), "an array of strings, not 1"),
            (json!({"on": "%", "close": true, "warnings": ["w"]}), "need \"rows\" or \"void\""),
            (
                json!({"on": "%", "rows": [[1], ["x"]], "columns": {"id": "int"}}),
                "row 2: column \"id\": ",
            ),
            (
                json!({"on": "%", "rows": [[1, 2]], "columns": {"id": "int"}}),
                "row 1: 2 values for 1 columns",
            ),
            (
                json!({"on": "%", "rows": [{"ID": 1}], "columns": {"id": "int"}}),
                "\"ID\" is not one of the columns",
            ),
            (json!({"on": "%", "error": "busy"}), "use one of server_error, protocol_error"),
            (json!({"on": "%", "error": "overloaded", "alive": 1}), "unknown field \"alive\""),
            (json!({"on": "%", "error": "unavailable", "alive": "one"}), "\"alive\" must be"),
            (json!({"on": "%", "error": "write_timeout", "write_type": "x"}), "BATCH_LOG"),
            (json!({"on": "%", "close": true, "opcode": "PREPAR"}), "use PREPARE"),
            (json!({"refuse_version": 6}), "must be 3, 4 or 5"),
            (json!({"stop": 1}), "\"stop\" must be true or false"),
            (json!({"stop": true, "now": true}), "unknown field \"now\"; use stop"),
        ] {
            let error = error(json.clone());
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn reads_faults_with_all_fields() {
        let json = json!({
            "on": "INSERT %", "error": "write_timeout", "write_type": "batch_log", "received": 0,
            "block_for": 3, "consistency": "QUORUM", "message": "late", "delay_ms": 5,
            "node": 2, "times": 1, "skip": 4, "connection": 7, "opcode": "EXECUTE",
        });
        let Command::On(rule) = Command::from_json(json).unwrap() else { panic!("not a rule") };
        assert_eq!(rule.pattern, "INSERT %");
        assert!(matches!(rule.effect, Effect::Fault(_)));
        let Limits { node, times, skip, connection, opcode } = rule.limits;
        assert_eq!((node, times, skip, connection), (Some(2), Some(1), Some(4), Some(7)));
        assert_eq!(opcode, Some(Opcode::Execute));
    }

    #[test]
    fn reads_errors_by_name_and_by_number() {
        for code in [json!("overloaded"), json!("write timeout"), json!("invalid"), json!("syntax")]
            .into_iter()
            .chain([json!("server"), json!(0x1001), json!(0x7777)])
        {
            let json = json!({"on": "%", "error": code});
            assert!(Command::from_json(json.clone()).is_ok(), "{json}");
        }
    }
}
