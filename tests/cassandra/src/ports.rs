//! Ports for one cluster.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};

use crate::Error;

/// Ports that no client socket is given by the system (Linux hands out 32768 and up), so that a
/// port is still free when the node binds it seconds later, or again after a restart.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// A port that is free on every one of `addresses`, and that this process was not given before.
///
/// # Errors
/// When an address is not up, as 127.0.0.2 on macOS, or no port is free.
pub(crate) fn free_port(addresses: &[Ipv4Addr]) -> Result<u16, Error> {
    // Processes start at random places, so that two of them rarely try the same port at once.
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(RandomState::new().hash_one(0) as u16));

    for address in addresses {
        if let Err(problem) = TcpListener::bind((*address, 0)) {
            return Err(Error::Missing(format!(
                "cannot listen on {address} ({problem}): bring the address up first, on macOS \
                 with `sudo ifconfig lo0 alias {address}`"
            )));
        }
    }
    (0..COUNT)
        .map(|_| FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|port| addresses.iter().all(|a| TcpListener::bind((*a, *port)).is_ok()))
        .ok_or_else(|| Error::Missing("no port between 12000 and 32000 is free".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_and_handed_out_once() {
        let localhost = [Ipv4Addr::LOCALHOST];
        let (first, second) = (free_port(&localhost).unwrap(), free_port(&localhost).unwrap());
        assert_ne!(first, second);
        assert!((FIRST..FIRST + COUNT).contains(&first));
        assert!(TcpListener::bind(("127.0.0.1", first)).is_ok());
    }
}
