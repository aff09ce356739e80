//! The comparison of whole drivers at scale: what a session costs with many tasks and connections.
//!
//! The client has a runtime of two worker threads. The server is a stub in a process of its own, or a real
//! node, so that the CPU time of this process is that of the client. The drivers take turns, so that load
//! from other processes affects all of them.

mod connections;
mod ours;
mod scylla;
mod server;

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use rustix::time::ClockId;
use tokio::runtime::{Builder, Runtime};

use crate::driver::load::time;

pub use server::serve;

/// Prints the table. Only the rows whose names contain `filter` are measured.
pub fn table(filter: &str, contact_point: Option<&str>) -> Result<(), String> {
    let server = match contact_point {
        Some(address) => server::Server::at(address)?,
        None => server::Server::start()?,
    };
    connections::table(filter, server.address());
    Ok(())
}

/// The measurement of one turn.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// CPU time of the client for each request, in microseconds.
    micros: f64,
    /// Requests per second.
    rate: f64,
}

/// A runtime of two threads.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs `tasks` tasks, which send `requests` requests together, each one after the other.
async fn run<F, R>(tasks: usize, requests: usize, request: F) -> Sample
where
    F: Fn(usize) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send,
{
    let request = Arc::new(request);
    // The CPU time of this process.
    let cpu_time = || time(ClockId::ProcessCPUTime);
    let (cpu, begin) = (cpu_time(), Instant::now());
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let request = Arc::clone(&request);
            tokio::spawn(async move {
                for number in (task..requests).step_by(tasks) {
                    request(number).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (cpu, took) = (cpu_time().saturating_sub(cpu), begin.elapsed());
    Sample {
        micros: cpu.as_secs_f64() * 1e6 / requests as f64,
        rate: requests as f64 / took.as_secs_f64(),
    }
}
