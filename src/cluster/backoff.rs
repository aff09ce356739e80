//! How long to wait before a connection is opened again.

use std::time::Duration;

use rand::RngExt;

/// The pauses between the tries to reach a node: none before the first, then `base`, doubled with
/// each try up to `cap`, each up to a quarter shorter or longer by chance, so that the clients of a
/// node that comes back do not all come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// The pause before the second try. Default: 100 ms.
    pub base: Duration,
    /// The longest pause. Default: 1 s; a node that is up again must not wait long.
    pub cap: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(1) }
    }
}

/// The pauses of one connection.
#[derive(Debug)]
pub(super) struct Backoff {
    reconnect: Reconnect,
    next: Duration,
}

impl Backoff {
    pub(super) const fn new(reconnect: Reconnect) -> Self {
        Self { reconnect, next: Duration::ZERO }
    }

    /// The next pause.
    pub(super) fn pause(&mut self) -> Duration {
        let Reconnect { base, cap } = self.reconnect;
        let pause = self.next;
        self.next = pause.saturating_mul(2).clamp(base.min(cap), cap);
        pause.mul_f64(rand::rng().random_range(0.75..=1.25))
    }

    /// The connection was open for so long; if that was long enough, the pauses begin anew.
    pub(super) fn lived(&mut self, time: Duration) {
        if time > self.reconnect.cap {
            self.next = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_early_cap_and_begin_anew_after_a_life() {
        let mut backoff = Backoff::new(Reconnect::default());
        let millis = [0, 100, 200, 400, 800, 1_000, 1_000];
        for expected in millis.map(Duration::from_millis) {
            let pause = backoff.pause();
            assert!(
                pause >= expected.mul_f64(0.74) && pause <= expected.mul_f64(1.26),
                "{pause:?}"
            );
        }
        backoff.lived(Duration::from_millis(900));
        assert!(backoff.pause() > Duration::from_millis(700));
        backoff.lived(Duration::from_secs(2));
        assert_eq!(backoff.pause(), Duration::ZERO);
    }
}
