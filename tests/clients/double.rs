//! The server that a program runs against: a `MockServer` with replies to the statements of README.md.

use std::net::SocketAddr;
use std::sync::LazyLock;

use cqlwire::message::{ErrorCode, Request, RequestFrame};
use cqlwire::testing::{MockServer, Reply};
use libtest_mimic::Failed;
use tokio::runtime::Runtime;

/// The runtime of all servers. Dropping a server stops it.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("a runtime should start"));

/// A server for one run of one program.
pub(crate) struct Double(MockServer);

impl Double {
    pub(crate) fn start() -> Result<Self, Failed> {
        let mut server = RUNTIME.block_on(MockServer::bind("127.0.0.1:0"))?;
        for code in ErrorCode::KNOWN {
            let statement = format!("SELECT v FROM faults.errors WHERE code = {}", code.code());
            server = server
                .on(&statement, Reply::error(*code, &format!("the error {:#06x}", code.code())));
        }
        let forgotten = Reply::error(ErrorCode::Unprepared, "the statement was evicted")
            .then(Reply::rows(["v"], [["prepared again"]]));
        let warned = Reply::rows(["v"], [["warned"]])
            .warning("the first warning")
            .warning("the second warning");
        Ok(Self(
            server
                .on("SELECT v FROM faults.forgotten", forgotten)
                .on("SELECT v FROM faults.warnings", warned)
                .on("SELECT v FROM faults.payload", Reply::rows(["v"], [["echoed"]]))
                .on_request(echo_payload),
        ))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// Replies to a statement with a custom payload: with one row and the same payload.
fn echo_payload(frame: &RequestFrame<'_>) -> Option<Reply> {
    let has_payload = !frame.custom_payload.is_empty();
    let is_statement = matches!(frame.request, Request::Query(_) | Request::Execute(_));
    (has_payload && is_statement).then(|| {
        let echoed = Reply::rows(["v"], [["echoed"]]);
        frame.custom_payload.iter().fold(echoed, |reply, (key, value)| {
            reply.custom_payload(key, value.clone().unwrap_or_default())
        })
    })
}
