//! Detection of servers that stop answering: heartbeats, and frames that do not arrive in time.
//!
//! Only a whole frame is a sign of life. The time since the last one is a *silence*:
//!
//! ```text
//!  +-> silence begins
//!  |     | requests wait for `probe_after`, or `heartbeat_interval` passes: send OPTIONS
//!  |     v
//!  |   probed
//!  |     | `probe_timeout`
//!  |     v
//!  |   unresponsive
//!  |     | `heartbeat_interval` + `heartbeat_timeout` since the silence began
//!  |     v
//!  |   HeartbeatTimeout
//!  |
//!  +-- in each state: a whole frame, which makes the connection responsive again
//! ```
//!
//! A server that executes a slow query still answers OPTIONS at once. Slow queries therefore do not
//! make a connection unresponsive. An unresponsive connection stays open, because its server may only
//! be paused, and may still answer.
//!
//! While a long frame arrives, no other frame can arrive. The part of a frame therefore counts as a
//! sign of life as long as its bytes arrive at [`MIN_RATE`] or faster. If they arrive more slowly for
//! `heartbeat_timeout`, the connection ends. A frame whose header states a wrong length ends the
//! connection in this way, although the server still sends bytes.
//!
//! While a long request is sent, the server does not receive the OPTIONS behind it. Both timeouts
//! therefore begin anew as long as the bytes before OPTIONS are written at [`MIN_RATE`] or faster. The
//! bytes after it do not count, because the buffers of the socket take them even if the server is
//! frozen. The content of these buffers is not known here: bytes that the operating system has accepted
//! count as sent.
//!
//! If a check comes late, the client was busy: the socket may hold bytes that it has not read, and may
//! have space that it has not used. While a frame arrives or a request is sent, the timeout then begins
//! anew.

use std::time::{Duration, Instant};

use super::error::CloseReason;
use super::options::ConnectionOptions;

/// Minimum rate at which the bytes of a frame have to arrive, or those before OPTIONS have to be
/// written, in bytes per second.
const MIN_RATE: u128 = 64 << 10;

/// Bound of `probe_after`, so that the time of the next check is in the range of [`Instant`].
const MAX_PROBE_AFTER: Duration = Duration::from_secs(365 * 24 * 3_600);

/// The state of an open connection from which it knows whether its server still answers.
#[derive(Debug)]
pub(super) struct Liveness {
    /// Start of the silence: the time of the last whole frame, or of an OPTIONS that could not be sent
    /// because no stream was free.
    silent_since: Instant,
    /// Time of the next check whether requests wait, or `None` if none waited at the last check. Frames
    /// do not change it, so that the driver need not reset its timer for each of them.
    check: Option<Instant>,
    /// The time at which the server was probed in this silence, or since which the progress is measured.
    /// `None` if it was not probed.
    probed: Option<Mark>,
    /// The time at which the first part of an incomplete frame arrived, or since which its rate is
    /// measured. `None` between frames.
    partial: Option<Mark>,
    /// True if the last OPTIONS has no response yet.
    is_probe_unanswered: bool,
    /// Number of bytes that were sent, or have to be sent, before the last OPTIONS. `u64::MAX` while it is
    /// not known.
    before_probe: u64,
    is_responsive: bool,
    /// Number of bytes received.
    received: u64,
    /// Number of bytes sent.
    sent: u64,
}

/// A point in time, and the numbers of bytes that had been received and sent then.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    received: u64,
    sent: u64,
}

/// The action to take after a timeout.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Nothing,
    /// Send OPTIONS, unless the last one is unanswered. Then call [`Liveness::record_probe`] or
    /// [`Liveness::postpone_probe`].
    Probe,
    /// Report that the connection is unresponsive.
    ReportUnresponsive,
    Close(CloseReason),
}

impl Liveness {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            silent_since: now,
            check: None,
            probed: None,
            partial: None,
            is_probe_unanswered: false,
            before_probe: 0,
            is_responsive: true,
            received: 0,
            sent: 0,
        }
    }

    /// Returns false from an unanswered probe until the next whole frame.
    pub(super) const fn is_responsive(&self) -> bool {
        self.is_responsive
    }

    /// Returns true if the last OPTIONS has no response yet. A second one would not show more.
    pub(super) const fn is_probe_unanswered(&self) -> bool {
        self.is_probe_unanswered
    }

    /// Records that `count` bytes arrived. `has_whole_frame` is true if they completed a frame, and
    /// `is_mid_frame` if a part of a frame is left. Returns true if the connection becomes responsive.
    pub(super) fn handle_input(
        &mut self,
        now: Instant,
        count: usize,
        has_whole_frame: bool,
        is_mid_frame: bool,
    ) -> bool {
        self.received = self.received.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        // A frame that was skipped because it was too long is a whole frame, too.
        let has_whole_frame = has_whole_frame || self.partial.is_some() && !is_mid_frame;
        if has_whole_frame {
            self.silent_since = now;
            self.probed = None;
            self.partial = None;
        }
        if is_mid_frame && self.partial.is_none() {
            self.partial = Some(self.mark(now));
        }
        has_whole_frame && !std::mem::replace(&mut self.is_responsive, true)
    }

    /// Records that `sent` bytes have been sent since the connection began.
    pub(super) const fn record_sent(&mut self, sent: u64) {
        self.sent = sent;
    }

    /// Sets the number of bytes that the connection sends before the last OPTIONS. `u64::MAX` if it is not
    /// known yet.
    pub(super) const fn set_before_probe(&mut self, before_probe: u64) {
        self.before_probe = before_probe;
    }

    /// Records that OPTIONS was sent, or that an earlier one is still unanswered.
    pub(super) const fn record_probe(&mut self, now: Instant) {
        self.probed = Some(self.mark(now));
        self.is_probe_unanswered = true;
    }

    /// Records that OPTIONS could not be sent because no stream was free. The silence begins anew: the
    /// deadlines of the requests on these streams detect a dead server.
    pub(super) const fn postpone_probe(&mut self, now: Instant) {
        self.silent_since = now;
        self.check = None;
    }

    /// Records that the server has answered OPTIONS.
    pub(super) const fn handle_probe_response(&mut self) {
        self.is_probe_unanswered = false;
    }

    /// Returns the action to take at `now`. `has_waiting` is true if a caller waits for a response.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        has_waiting: bool,
        options: &ConnectionOptions,
    ) -> Action {
        let has_passed = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        if let Some(partial) = self.partial
            && let Some(due) = partial.after(options.heartbeat_timeout)
            && due <= now
        {
            let period = options.heartbeat_timeout;
            if !is_late(due, period, now) && !self.is_arriving(partial, period) {
                return Action::Close(CloseReason::FrameTimeout);
            }
            self.partial = Some(self.mark(now));
        }
        let Some(probed) = self.probed else {
            return match has_passed(self.heartbeat_at(options))
                || self.is_probe_due(now, has_waiting, options)
            {
                true => Action::Probe,
                false => Action::Nothing,
            };
        };
        let (due, period, action) = match (self.close_at(options), self.unresponsive_at(options)) {
            (Some(due), _) if due <= now => {
                let action = Action::Close(CloseReason::HeartbeatTimeout);
                (due, options.heartbeat_timeout, action)
            }
            (_, Some(due)) if due <= now => {
                (due, options.probe_timeout, Action::ReportUnresponsive)
            }
            _ => return Action::Nothing,
        };
        let is_busy = self.partial.is_some() || self.is_sending(probed);
        if is_busy && is_late(due, period, now) || self.makes_progress(probed, period) {
            self.probed = Some(self.mark(now));
            return Action::Nothing;
        }
        self.is_responsive = false;
        action
    }

    /// Returns the time at which to call [`handle_timeout`](Self::handle_timeout), or `None` for never.
    pub(super) fn poll_timeout(
        &self,
        has_waiting: bool,
        options: &ConnectionOptions,
    ) -> Option<Instant> {
        let partial = self.partial.and_then(|partial| partial.after(options.heartbeat_timeout));
        let silence = match (self.probed, self.check) {
            (Some(_), _) => earliest(self.unresponsive_at(options), self.close_at(options)),
            (None, Some(check)) => earliest(Some(check), self.heartbeat_at(options)),
            // A request was sent since the last check. The time of sending is not known here, so the
            // call for this past time sets the time of the next check.
            (None, None) if has_waiting => Some(self.silent_since),
            (None, None) => self.heartbeat_at(options),
        };
        earliest(partial, silence)
    }

    /// Returns true if requests have waited in silence for `probe_after`. Sets the time of the next
    /// check if the time of the last one has passed.
    fn is_probe_due(
        &mut self,
        now: Instant,
        has_waiting: bool,
        options: &ConnectionOptions,
    ) -> bool {
        if self.check.is_some_and(|check| now < check) {
            return false;
        }
        let since = match self.check {
            Some(_) => self.silent_since,
            None => now,
        };
        let probe_after = options.probe_after.min(MAX_PROBE_AFTER);
        self.check = since.checked_add(probe_after).filter(|_| has_waiting);
        let is_due = self.check.is_some_and(|due| due <= now);
        if is_due {
            self.check = None;
        }
        is_due
    }

    /// Returns the time at which an idle connection sends a heartbeat.
    fn heartbeat_at(&self, options: &ConnectionOptions) -> Option<Instant> {
        self.silent_since.checked_add(options.heartbeat_interval)
    }

    /// Returns the time at which the connection becomes unresponsive. `None` before the probe, and if
    /// the connection is unresponsive.
    fn unresponsive_at(&self, options: &ConnectionOptions) -> Option<Instant> {
        self.probed.filter(|_| self.is_responsive)?.after(options.probe_timeout)
    }

    /// Returns the time at which the silence ends the connection. `None` before the probe and during a
    /// frame, whose rate decides instead.
    fn close_at(&self, options: &ConnectionOptions) -> Option<Instant> {
        let probed = self.probed.filter(|_| self.partial.is_none())?;
        probed.at.max(self.heartbeat_at(options)?).checked_add(options.heartbeat_timeout)
    }

    const fn mark(&self, at: Instant) -> Mark {
        Mark { at, received: self.received, sent: self.sent }
    }

    /// Returns true if bytes before the last OPTIONS had not been sent at the mark.
    const fn is_sending(&self, since: Mark) -> bool {
        since.sent < self.before_probe
    }

    /// Returns true if a frame has been arriving, or the bytes before OPTIONS have been sent, at
    /// [`MIN_RATE`] for `period` since the mark. The response to OPTIONS then comes later.
    fn makes_progress(&self, since: Mark, period: Duration) -> bool {
        let has_sent = self.sent >= self.before_probe
            || has_min_rate(self.sent.saturating_sub(since.sent), period);
        self.partial.is_some() && self.is_arriving(since, period)
            || self.is_sending(since) && has_sent
    }

    /// Returns true if bytes have arrived at [`MIN_RATE`] for `period` since the mark.
    fn is_arriving(&self, since: Mark, period: Duration) -> bool {
        has_min_rate(self.received.saturating_sub(since.received), period)
    }
}

impl Mark {
    fn after(self, duration: Duration) -> Option<Instant> {
        self.at.checked_add(duration)
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// Returns true if `bytes` in `period` are [`MIN_RATE`] or more.
fn has_min_rate(bytes: u64, period: Duration) -> bool {
    u128::from(bytes).saturating_mul(1_000) >= MIN_RATE.saturating_mul(period.as_millis())
}

/// Returns true if a check that was due after `period` comes a quarter of `period` late.
fn is_late(due: Instant, period: Duration, now: Instant) -> bool {
    now.saturating_duration_since(due).saturating_mul(4) >= period
}
