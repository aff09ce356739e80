//! A load whose every answer and effect can be checked.
//!
//! A [`Worker`] writes to rows of its own, and sends one request at a time. It therefore knows which
//! answers are right, and which rows the [`Tables`] contain at the end. Each write has an [`Outcome`],
//! which is what the driver said about it: acknowledged, uncertain, or not applied. [`verify`] reads all
//! tables and compares them with the outcomes. The counts and the [`Violation`]s are in a [`Tally`].
//!
//! The nodes can be real ones or a `MockServer`, and the faults are the caller's. All waiting is by
//! `tokio::time`, so that a test can pause the clock. Nothing is random: the same calls send the same
//! requests.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use cqlwire::session::{Error, Session};
//! use cqlwire_model::{Kind, Tables, Worker, verify};
//!
//! # async fn example(session: Session) -> Result<(), Error> {
//! let tables = Tables::create(&session, "faults", 3).await?;
//! let mut worker = Worker::new(0);
//! for _ in 0..100 {
//!     worker.request(Kind::Insert, &session, &tables).await;
//!     worker.request(Kind::Read, &session, &tables).await;
//! }
//! let tally = verify(&session, &tables, vec![worker], Duration::from_secs(60)).await?;
//! assert!(tally.violations.is_empty(), "{:?}", tally.violations);
//! # Ok(())
//! # }
//! ```

mod cancel;
mod exemptions;
mod load;
mod outcome;
mod recovery;
mod secret;
mod secret_log;
mod tables;
mod tally;
mod verification;
mod violation;
mod worker;

pub use cancel::limit_polls;
pub use exemptions::Exemptions;
pub use load::{Load, Mix, Observer};
pub use outcome::{Kind, Outcome};
pub use recovery::{recover, settle};
pub use secret::{SECRET, shows_secret};
pub use secret_log::SecretLog;
pub use tables::Tables;
pub use tally::{Counts, Tally};
pub use verification::{verify, verify_workers};
pub use violation::Violation;
pub use worker::Worker;
