//! A task that samples the load and the session each second.

use std::{sync::Arc, time::Duration};

use cqlwire::session::Session;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval_at},
};

use super::{
    memory,
    record::{Latencies, Sample},
    recorder::Recorder,
};
use crate::Result;

/// Interval between samples.
const INTERVAL: Duration = Duration::from_secs(1);

/// A running sampler.
pub(crate) struct Sampler {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    pub(crate) fn start(session: Session, recorder: Arc<Recorder>, begin: Instant) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let (mut samples, mut last) = (Vec::new(), Instant::now());
            let mut ticks = interval_at(last + INTERVAL, INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = &mut stopped => return samples,
                }
                let now = Instant::now();
                samples.push(sample(&session, &recorder, now - begin, now - last));
                last = now;
            }
        });
        Self { stop, task }
    }

    /// Stops the sampler, and returns the samples.
    pub(crate) async fn stop(self) -> Result<Vec<Sample>> {
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}

fn sample(session: &Session, recorder: &Recorder, time: Duration, elapsed: Duration) -> Sample {
    let (interval, metrics) = (recorder.take_interval(), session.metrics());
    let Latencies { p50, p99, max, .. } = Latencies::of(&interval.latencies);
    let rate = |count: u64| count as f64 / elapsed.as_secs_f64();
    Sample {
        time: time.as_secs_f64(),
        succeeded: rate(interval.succeeded),
        failed_idempotent: rate(interval.failed_idempotent),
        failed_other: rate(interval.failed_other),
        p50,
        p99,
        max,
        heap: memory::heap(),
        resident: memory::resident(),
        in_flight: metrics.in_flight,
        orphaned_streams: metrics.nodes.iter().map(|node| node.orphaned_streams).sum(),
        open_connections: metrics.open_connections,
    }
}
