//! Free ports for a cluster.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};

use crate::Error;

/// The first port of the range, which is outside the system's ephemeral ports (Linux: 32768 and up).
/// No client socket can take such a port before the node binds it, or while the node restarts.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// Returns a port that is free on all `addresses` and that this process has not used before.
///
/// # Errors
/// Returns an error if an address is not up, as 127.0.0.2 on macOS, or if no port is free.
pub(crate) fn free_port(addresses: &[Ipv4Addr]) -> Result<u16, Error> {
    // Each process starts at a random port, so that two rarely try the same port at once.
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(RandomState::new().hash_one(0) as u16));

    for address in addresses {
        if let Err(problem) = TcpListener::bind((*address, 0)) {
            return Err(Error::Missing {
                problem: format!("cannot listen on {address}: {problem}"),
                advice: format!(
                    "bring the address up first (macOS: `sudo ifconfig lo0 alias {address}`)"
                ),
            });
        }
    }
    (0..COUNT)
        .map(|_| FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|port| addresses.iter().all(|a| TcpListener::bind((*a, *port)).is_ok()))
        .ok_or_else(|| {
            let last = FIRST + COUNT - 1;
            Error::Missing {
                problem: format!("no port from {FIRST} to {last} is free on {addresses:?}"),
                advice: "stop programs that listen there".to_owned(),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_a_free_port_and_never_the_same_twice() {
        let localhost = [Ipv4Addr::LOCALHOST];
        let (first, second) = (free_port(&localhost).unwrap(), free_port(&localhost).unwrap());
        assert_ne!(first, second);
        assert!((FIRST..FIRST + COUNT).contains(&first));
        assert!(TcpListener::bind(("127.0.0.1", first)).is_ok());
    }
}
