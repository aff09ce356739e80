//! Pauses between attempts to open a connection.

use std::time::Duration;

use rand::RngExt;

use crate::environment;

/// The backoff between attempts to connect to a node.
///
/// The first attempt starts at once. The pause before the second is `base`; each further pause
/// doubles, up to `cap`. Each pause is varied at random by up to a quarter, so that clients do not
/// all reconnect at once when a node comes back.
///
/// While more than 1,000 nodes are down, the pauses are longer: the session makes about 1,000
/// attempts a second in total. An event that reports a node as up still ends its pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// Pause before the second attempt. Default: 100 ms.
    pub base: Duration,
    /// Longest pause, before the random variation. Default: 1 s, so that a node is used soon after it is
    /// up again.
    pub cap: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(1) }
    }
}

/// The backoff of one connection.
#[derive(Debug)]
pub(super) struct Backoff {
    reconnect: Reconnect,
    next: Duration,
}

impl Backoff {
    pub(super) const fn new(reconnect: Reconnect) -> Self {
        Self { reconnect, next: Duration::ZERO }
    }

    /// Returns the pause before the next attempt. The first pause is zero, the second is `base`,
    /// and each further pause is twice the previous one, up to `cap`.
    pub(super) fn pause(&mut self) -> Duration {
        let Reconnect { base, cap } = self.reconnect;
        let pause = self.next;
        self.next = pause.saturating_mul(2).clamp(base.min(cap), cap);
        pause.mul_f64(environment::random().random_range(0.75..=1.25))
    }

    /// Resets the backoff if the connection was open for longer than `cap`.
    pub(super) fn record_lifetime(&mut self, lifetime: Duration) {
        if lifetime > self.reconnect.cap {
            self.next = Duration::ZERO;
        }
    }
}

/// Time between two attempts of all pools together, on average.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(1);

/// Returns the shortest pause of a pool when this number of pools is not connected, with a random
/// variation of up to a quarter.
pub(super) fn spread(unconnected: usize) -> Duration {
    let count = u32::try_from(unconnected).unwrap_or(u32::MAX);
    let pause = ATTEMPT_INTERVAL.saturating_mul(count);
    pause.mul_f64(environment::random().random_range(0.75..=1.25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_reset_after_a_long_connection() {
        let mut backoff = Backoff::new(Reconnect::default());
        let millis = [0, 100, 200, 400, 800, 1_000, 1_000];
        for expected in millis.map(Duration::from_millis) {
            let pause = backoff.pause();
            assert!(
                pause >= expected.mul_f64(0.74) && pause <= expected.mul_f64(1.26),
                "{pause:?}"
            );
        }
        backoff.record_lifetime(Duration::from_millis(900));
        assert!(backoff.pause() > Duration::from_millis(700));
        backoff.record_lifetime(Duration::from_secs(2));
        assert_eq!(backoff.pause(), Duration::ZERO);
    }
}
