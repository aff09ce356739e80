//! Faults of one connection: delays, stalls, resets, lost and repeated frames, corrupted bytes and lies.
//!
//! A [`Plan`] is data: faults, and the bytes, frames or times at which they happen. A [`Link`] forwards
//! one direction of a connection from any `AsyncRead` to any `AsyncWrite` and applies the plan. Links run
//! in memory under tokio's paused time, and between real sockets.
//!
//! ```
//! use cqlwire_faults::{Applied, Fault, FaultKind, Plan, PlannedFault, Switch, Trigger, links};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let plan = Plan::new([PlannedFault::of_requests(Trigger::Byte(4), Fault::Close)]);
//! let applied = Applied::new();
//! let (requests, _responses) = links(plan, false, &Switch::new(), &applied);
//!
//! let (mut client, from_client) = duplex(64);
//! let (to_server, mut server) = duplex(64);
//! client.write_all(b"request").await.unwrap();
//! requests.run(from_client, to_server).await;
//! let mut received = Vec::new();
//! server.read_to_end(&mut received).await.unwrap();
//! assert_eq!(received, b"requ");
//! assert_eq!(applied.counts().get(FaultKind::Close), 1);
//! # });
//! ```

mod applied;
mod conversation;
mod corruption;
mod fault;
mod frame_faults;
mod inserted;
mod kind;
mod link;
mod output;
mod plan;
mod profile;
mod splitter;
mod switch;
mod text;

pub use applied::Applied;
pub use fault::{
    Direction, Fault, FloodEvent, FramePart, Framing, Honesty, Inserted, OtherStream, SegmentPart,
    WrongLength,
};
pub use kind::{FaultCounts, FaultKind};
pub use link::{End, Link, forward, links};
pub use plan::{Plan, PlannedFault, Trigger};
pub use profile::Profile;
pub use switch::Switch;
pub use text::InvalidPlan;
