//! The number of requests that a node may have in flight.

/// The number of requests in flight to a node. It is halved when the node has too much load, and then grows by one
/// each time that as many requests have succeeded.
#[derive(Debug)]
pub(super) struct InFlightLimit {
    maximum: usize,
    current: usize,
    /// Number of requests that have succeeded since `current` changed.
    successes: usize,
    /// Number of requests that have been started.
    started: u64,
    /// Value of `started` when `current` was halved.
    halved_at: u64,
    /// Number of the node's overloads so far.
    overloads: u64,
}

impl InFlightLimit {
    /// Returns a limit that begins at its maximum. The node has had `overloads` overloads so far.
    pub(super) fn new(maximum: usize, overloads: u64) -> Self {
        let maximum = maximum.max(1);
        Self { maximum, current: maximum, successes: 0, started: 0, halved_at: 0, overloads }
    }

    /// Returns the number of requests that may be in flight now.
    pub(super) const fn current(&self) -> usize {
        self.current
    }

    /// Returns the number of the next request, counted from 1.
    pub(super) fn start(&mut self) -> u64 {
        self.started += 1;
        self.started
    }

    /// Adapts the limit to the end of the request with this number. The node has had `overloads` overloads so far.
    ///
    /// All requests in flight report the same overload; only a later one halves the limit again.
    pub(super) fn end(&mut self, number: u64, has_succeeded: bool, overloads: u64) {
        if overloads > self.overloads {
            self.overloads = overloads;
            if number > self.halved_at {
                self.current = (self.current / 2).max(1);
                self.halved_at = self.started;
                self.successes = 0;
            }
        } else if has_succeeded && self.current < self.maximum {
            self.successes += 1;
            if self.successes >= self.current {
                self.current += 1;
                self.successes = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overload_halves_the_limit_once() {
        let mut limit = InFlightLimit::new(8, 5);
        let numbers: Vec<u64> = (0..8).map(|_| limit.start()).collect();
        numbers
            .iter()
            .zip(6..)
            .for_each(|(number, overloads)| limit.end(*number, false, overloads));
        assert_eq!(limit.current(), 4);
        for (overloads, expected) in [(14, 2), (15, 1), (16, 1)] {
            let number = limit.start();
            limit.end(number, true, overloads);
            assert_eq!(limit.current(), expected);
        }
    }

    #[test]
    fn successes_raise_the_limit_by_one_each_round() {
        let mut limit = InFlightLimit::new(4, 0);
        let number = limit.start();
        limit.end(number, false, 1);
        assert_eq!(limit.current(), 2);
        let after: Vec<usize> = (0..7)
            .map(|_| {
                let number = limit.start();
                limit.end(number, true, 1);
                limit.current()
            })
            .collect();
        assert_eq!(after, [2, 3, 3, 3, 4, 4, 4]);
        let number = limit.start();
        limit.end(number, false, 1);
        assert_eq!(limit.current(), 4, "an error of another kind changes nothing");
    }
}
