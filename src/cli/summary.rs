//! The output of `--metrics`.

use std::fmt;

use crate::session::Metrics;

/// Displays metrics, one per line.
pub(super) struct Summary<'m>(pub(super) &'m Metrics);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Metrics { requests, errors, retries, bytes_sent, bytes_received, .. } = self.0;
        writeln!(f, "requests        {requests}")?;
        writeln!(f, "errors          {errors}")?;
        writeln!(f, "retries         {retries}")?;
        writeln!(f, "bytes sent      {bytes_sent}")?;
        writeln!(f, "bytes received  {bytes_received}")?;
        for (name, latency) in [
            ("latency min", self.0.latency_min),
            ("latency p50", self.0.latency_p50),
            ("latency p95", self.0.latency_p95),
            ("latency p99", self.0.latency_p99),
            ("latency max", self.0.latency_max),
        ] {
            writeln!(f, "{name:<15} {:.3} ms", latency.as_secs_f64() * 1_000.0)?;
        }
        Ok(())
    }
}
