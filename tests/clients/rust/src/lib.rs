//! The parts that the programs of both Rust drivers share.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::time::{Duration, Instant};

/// The failure of a step.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The outcome of a step: `Some` with a reason if the driver or the version does not support it.
pub type Outcome = Result<Option<&'static str>, Failure>;

/// The arguments of a program.
pub struct Arguments {
    pub address: String,
    pub host: String,
    pub keyspace: String,
    /// The protocol version, or `default`.
    pub version: String,
    /// The compression, or `default`.
    pub compression: String,
}

impl Arguments {
    pub fn read() -> Self {
        let mut arguments = std::env::args().skip(1);
        let mut next = || arguments.next().expect("the program needs five arguments");
        let (host, port) = (next(), next());
        let address = format!("{host}:{port}");
        Self { address, host, keyspace: next(), version: next(), compression: next() }
    }

    /// Replaces `KS` in a statement by the keyspace.
    pub fn cql(&self, statement: &str) -> String {
        statement.replace("KS", &self.keyspace)
    }
}

/// Prints the outcome of a step.
pub fn report(step: &str, outcome: Outcome) {
    match outcome {
        Ok(None) => println!("ok {step}"),
        Ok(Some(reason)) => println!("skipped {step}: {reason}"),
        Err(failure) => println!("failed {step}: {}", failure.to_string().replace('\n', " ")),
    }
}

/// Returns an error if `actual` is not `expected`.
pub fn expect<T: PartialEq<U> + Debug, U: Debug>(
    what: impl Display,
    actual: T,
    expected: U,
) -> Result<(), Failure> {
    match actual == expected {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected:?}, got {actual:?}").into()),
    }
}

/// Waits until `condition` is true, for at most 30 seconds.
pub async fn wait_until(what: &str, condition: impl Fn() -> bool) -> Result<(), Failure> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > Duration::from_secs(30) {
            return Err(format!("{what} did not arrive within 30 seconds").into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// The codes that the statements on `faults.errors` give, and the code that replaces each in a version
/// that does not have it.
pub fn error_codes(version: u8) -> impl Iterator<Item = (i32, i32)> {
    const CODES: [i32; 19] = [
        0x0000, 0x000A, 0x0100, 0x1000, 0x1001, 0x1002, 0x1003, 0x1100, 0x1200, 0x1300, 0x1400,
        0x1500, 0x1600, 0x1700, 0x2000, 0x2100, 0x2200, 0x2300, 0x2400,
    ];
    CODES.into_iter().map(move |code| {
        let replaced = match code {
            0x1300 if version < 4 => 0x1200,
            0x1400 | 0x1600 if version < 4 => 0x2200,
            0x1500 if version < 4 => 0x1100,
            0x1700 if version < 5 => 0x1100,
            code => code,
        };
        (code, replaced)
    })
}

/// The content of the blob with this number in the step `large`.
pub fn content(number: i32) -> Vec<u8> {
    vec![number.to_le_bytes()[0]; 1 << 20]
}
